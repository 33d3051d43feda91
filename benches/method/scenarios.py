"""What is measured: each scenario's load, and what it makes of a peer. `measure` gives figures of one round, or failures."""

import json
import re
import subprocess
import time

from . import gauge
from .peers import LOAD_CORE, pinned

H1_CONNECTIONS = 64


class Failed(Exception):
    """A round that does not count."""


class Scenario:
    """`unit` is what CPU time is divided by. `pinned`: proxy on one core, everything else on the other."""

    letter, title, unit, pinned = "", "", "request", True
    http2 = False

    def __init__(self, bench):
        self.bench = bench

    def peers(self, peers):
        return [peer for peer in peers if peer.http2 or not self.http2]

    def load(self, peer):
        """Drives the load; units done, seconds, more figures by name."""
        raise NotImplementedError

    def measure(self, peer):
        before = peer.cpu()
        units, seconds, more = self.load(peer)
        spent = peer.cpu() - before
        if not units:
            raise Failed("nothing was done")
        return {"cpu_us": spent * 1e6 / units, "per_second": units / seconds, **more}

    def run(self, command):
        core = LOAD_CORE if self.pinned else None
        # A session of its own: the kernel's automatic groups would set it back behind a compiler that shares ours.
        done = subprocess.run(pinned(core, command), capture_output=True, text=True, start_new_session=True,
                              timeout=120 + 10 * self.bench.seconds)
        if done.returncode:
            raise Failed((done.stderr or done.stdout).strip()[-300:])
        return done.stdout, done.stderr

    def tool(self, name, peer, *arguments):
        """One of the bench's own programs; nothing but success counts."""
        out, errors = self.run([self.bench.tools, name, "--port", str(peer.port), "--cookie", peer.cookie(),
                                *map(str, arguments)])
        said = json.loads(out.splitlines()[-1])
        if said["failed"]:
            raise Failed(f"{said['failed']} failed: {errors.strip()[-300:]}")
        return said

    def wrk(self, peer, *arguments):
        out, _ = self.run(["wrk", *map(str, arguments), "-H", "Host: localhost", "-d", f"{self.bench.seconds}s", "--latency",
                           f"https://127.0.0.1:{peer.port}/page"])
        bad = sum(map(int, re.findall(r"Non-2xx or 3xx responses: (\d+)", out)))
        for line in re.findall(r"Socket errors:(.*)", out):
            bad += sum(map(int, re.findall(r"\d+", line)))
        if bad:
            raise Failed(f"{bad} failed")
        count, seconds = re.search(r"(\d+) requests in ([\d.]+)s", out).groups()
        p50, unit = re.search(r"50%\s+([\d.]+)(us|ms|s)", out).groups()
        micros = float(p50) * {"us": 1, "ms": 1000, "s": 1_000_000}[unit]
        return int(count), float(seconds), {"p50_us": micros}


class H1(Scenario):
    letter, title = "A", f"HTTP/1.1, 1 kB, {H1_CONNECTIONS} connections"

    def load(self, peer):
        return self.wrk(peer, "-t1", f"-c{H1_CONNECTIONS}", "-H", "Cookie: " + peer.cookie())


class H2(Scenario):
    letter, title, http2 = "B", "HTTP/2, 1 kB, 8 connections of 32 streams", True

    def load(self, peer):
        out, _ = self.run(["h2load", "-t1", "-c8", "-m32", f"-D{self.bench.seconds}", "--warm-up-time=0",
                           "-H", ":authority: localhost", "-H", "cookie: " + peer.cookie(), f"https://127.0.0.1:{peer.port}/page"])
        done = {word: int(count) for count, word in re.findall(r"(\d+) (succeeded|failed|errored|timeout|2xx|4xx|5xx)", out)}
        # Requests under way at the end of the time are neither.
        if done["failed"] or done["errored"] or done["timeout"] or done["4xx"] or done["5xx"] or "h2" not in out:
            raise Failed(str(done))
        seconds = float(self.bench.seconds)
        return done["2xx"], seconds, {}


class Handshakes(Scenario):
    letter, title, unit, resume = "C", "Full handshakes, X25519, one request each", "connection", "no"

    def load(self, peer):
        said = self.tool("handshakes", peer, "--connections", 32, "--seconds", self.bench.seconds, "--resume", self.resume)
        full, resumed = said["full"], said["resumed"]
        # Every client's first connection has nothing to resume.
        if (resumed if self.resume == "no" else full > 32):
            raise Failed(f"{full} full and {resumed} resumed handshakes")
        return full + resumed, said["seconds"], {}


class Resumed(Handshakes):
    letter, title, resume = "R", "Resumed handshakes, one request each", "yes"


class Hybrid(Handshakes):
    letter, title = "Q", "Full handshakes, X25519MLKEM768, one request each"

    def peers(self, peers):
        # The others' TLS libraries of this age do not have it.
        return [peer for peer in peers if peer.name in ("floor", "doorward")]

    def load(self, peer):
        said = self.tool("handshakes", peer, "--connections", 32, "--seconds", self.bench.seconds, "--exchange", "hybrid")
        return said["full"], said["seconds"], {}


class Download(Scenario):
    letter, title, unit, tool_name, path = "D", "100 MiB down, one connection", "MB", "download", "/large"

    def load(self, peer):
        said = self.tool(self.tool_name, peer, "--count", 3, "--path", self.path)
        return said["megabytes"], said["seconds"], {}


class Upload(Download):
    letter, title, tool_name, path = "U", "100 MiB up, one connection", "upload", "/upload"


class Paced(Scenario):
    letter, title = "E", "6,000 requests a second, HTTP/1.1, 32 connections"

    def load(self, peer):
        said = self.tool("paced", peer, "--connections", 32, "--rate", 6000, "--seconds", self.bench.seconds,
                         "--path", "/page")
        return said["requests"], said["seconds"], {"p50_us": said["p50"], "p99_us": said["p99"]}


class BothCores(H1):
    letter, title, pinned = "G", f"Both cores, nothing pinned, HTTP/1.1, {H1_CONNECTIONS} connections", False

    def load(self, peer):
        return self.wrk(peer, "-t2", f"-c{H1_CONNECTIONS}", "-H", "Cookie: " + peer.cookie())


class Idle(Scenario):
    """Of a fresh process each time: what was once allocated is seldom given back."""

    letter, title, unit, pinned = "F", "Idle TLS connections after one request", "connection", False
    connections = 5000

    def peers(self, peers):
        # The floor holds a connection to the upstream for each: another thing.
        return [peer for peer in peers if peer.name != "floor"]

    def measure(self, peer):
        before = gauge.memory(peer.process.pid)
        command = [self.bench.tools, "idle", "--port", str(peer.port), "--cookie", peer.cookie(),
                   "--connections", str(self.connections)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              start_new_session=True) as held:
            said = json.loads(held.stdout.readline() or '{"open": 0, "failed": "all"}')
            time.sleep(1)
            during = gauge.memory(peer.process.pid)
            held.stdin.close()
            errors = held.stderr.read()
        if said["failed"]:
            raise Failed(f"{said['failed']} failed: {errors[:300]}")
        time.sleep(2)
        after = gauge.memory(peer.process.pid)
        return {"kb_each": (during - before) / said["open"], "kb_kept": (after - before) / said["open"]}


class Sessions(H1):
    """The same load under 1, 20, 1,000 and a million sessions; every request another cookie of as many as were signed in (10,000 of the
    million), in requests that are written beforehand."""

    letter, title = "S", "Sessions in memory, HTTP/1.1, 1 kB"

    def load(self, peer):
        requests = peer.folder / "requests.lua"
        if not requests.exists():
            cookies = "\n".join(f'  "{cookie}",' for cookie in peer.cookies)
            requests.write_text(f"""local cookies = {{
{cookies}
}}
local requests, at = {{}}, 0
init = function()
  for number, cookie in ipairs(cookies) do
    requests[number] = wrk.format("GET", "/page", {{ Host = "localhost", Cookie = cookie }})
  end
end
request = function()
  at = at % #requests + 1
  return requests[at]
end
""")
        return self.wrk(peer, "-t1", f"-c{H1_CONNECTIONS}", "-s", str(requests))


ALL = [H1, H2, Handshakes, Resumed, Hybrid, Download, Upload, Paced, Idle, BothCores, Sessions]
