"""Everybody that stands between load and upstream: how each is configured, started and stopped."""

import os
import secrets
import shutil
import socket
import subprocess
import time
from pathlib import Path

from . import gauge

PROXY_CORE, LOAD_CORE = "0", "1"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def pinned(core, command):
    return command if core is None else ["taskset", "-c", core, *command]


class Peer:
    """One program in one configuration on one port. `workers` of one are pinned to the proxy's core."""

    name, title, http2, needs = "", "", True, None

    def __init__(self, bench, workers=1):
        self.bench, self.workers, self.port = bench, workers, free_port()
        self.folder = bench.work / f"{self.name}-{workers}-{self.port}"
        self.folder.mkdir()
        self.process = None

    @classmethod
    def absent(cls):
        """What is missing for it, or nothing."""
        return cls.needs if cls.needs and not shutil.which(cls.needs) else None

    def command(self):
        raise NotImplementedError

    def start(self, environment=None):
        core = PROXY_CORE if self.workers == 1 else None
        log = open(self.folder / "log", "ab")
        self.process = subprocess.Popen(pinned(core, self.command()), stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                                        env={**os.environ, **(environment or {})}, start_new_session=True)
        patience = time.monotonic() + 900
        while time.monotonic() < patience:
            if self.process.poll() is not None:
                break
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return self
            except OSError:
                time.sleep(0.02)
        raise SystemExit(f"{self.title} does not start:\n{(self.folder / 'log').read_text()[-3000:]}")

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(40)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process = None

    def cpu(self):
        return gauge.cpu([self.process.pid])

    def cookie(self):
        return "theme=dark; sid=" + self.bench.token

    def write(self, file, text):
        (self.folder / file).write_text(text)
        return str(self.folder / file)


class Upstream(Peer):
    name = title = "upstream"

    def __init__(self, bench, core):
        super().__init__(bench, workers=0)
        self.core = core

    def command(self):
        return pinned(self.core, [self.bench.tools, "upstream", "--port", str(self.port)])


class Floor(Peer):
    name, title, http2 = "floor", "TLS byte forwarder (floor)", False

    def command(self):
        return [self.bench.tools, "floor", "--port", str(self.port), "--upstream", str(self.bench.upstream.port),
                "--chain", str(self.bench.chain), "--key", str(self.bench.key)]


class Nginx(Peer):
    name, title, needs = "nginx", "nginx, no authentication", "nginx"
    ask = guard = ""

    def command(self):
        user = "user root;" if os.geteuid() == 0 else ""
        temporary = " ".join(f"{kind}_temp_path {self.folder}/{kind};"
                             for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        configuration = self.write("nginx.conf", f"""
{user} daemon off; worker_processes {self.workers}; worker_rlimit_nofile {self.bench.files}; pid {self.folder}/pid;
error_log {self.folder}/error.log; events {{ worker_connections {self.bench.files // 2}; }}
http {{
    access_log off; {temporary}
    upstream application {{ server 127.0.0.1:{self.bench.upstream.port}; keepalive 256; keepalive_requests 1000000000; }}
    server {{
        listen 127.0.0.1:{self.port} ssl http2 reuseport backlog=4096;
        ssl_certificate {self.bench.chain}; ssl_certificate_key {self.bench.key};
        ssl_protocols TLSv1.3; ssl_ecdh_curve X25519:prime256v1; ssl_session_cache shared:S:16m; ssl_session_tickets on;
        keepalive_requests 1000000000; keepalive_timeout 3600s; client_max_body_size 0;
        proxy_http_version 1.1; proxy_request_buffering off; proxy_max_temp_file_size 0;
        proxy_set_header Connection ""; proxy_set_header Host $http_host; proxy_set_header X-Forwarded-Host $http_host;
        proxy_set_header X-Forwarded-For $remote_addr; proxy_set_header X-Forwarded-Proto https;
        {self.ask}
        location / {{ {self.guard} proxy_pass http://application; }}
    }}
}}""")
        return ["nginx", "-e", str(self.folder / "error.log"), "-p", str(self.folder), "-c", configuration]


class NginxAsking(Nginx):
    """Asks a service that always says yes, with nothing to look up: the least that such a set-up costs."""

    name, title = "nginx-ask", "nginx + auth_request"
    guard = "auth_request /_auth; auth_request_set $au $upstream_http_x_auth_user; proxy_set_header X-Auth-User $au;"
    ask = """location = /_auth {
            internal; proxy_pass http://application/auth; proxy_pass_request_body off;
            proxy_set_header Content-Length ""; proxy_set_header Connection ""; proxy_set_header X-Original-URI $request_uri;
        }"""


class Haproxy(Peer):
    name, title, needs = "haproxy", "HAProxy, no authentication", "haproxy"
    guard = ""

    def __init__(self, bench, workers=1, sessions=10_001):
        super().__init__(bench, workers)
        # The token of the run among others.
        self.tokens = [bench.token, *(secrets.token_urlsafe(32) for _ in range(sessions - 1))]
        self.cookies = [f"theme=dark; sid={token}" for token in self.tokens[::max(1, sessions // 10_000)]]

    def command(self):
        self.write("both.pem", self.bench.chain.read_text() + self.bench.key.read_text())
        self.write("sessions.map", "".join(f"{token} user{number}\n" for number, token in enumerate(self.tokens)))
        configuration = self.write("haproxy.cfg", f"""
global
    nbthread {self.workers}
    maxconn {self.bench.files // 2 - 100}
    tune.ssl.cachesize 100000
    ssl-default-bind-curves X25519:P-256
defaults
    mode http
    timeout connect 5s
    timeout client 3600s
    timeout server 3600s
    timeout http-keep-alive 3600s
    http-reuse always
frontend door
    bind 127.0.0.1:{self.port} ssl crt {self.folder}/both.pem alpn h2,http/1.1 ssl-min-ver TLSv1.3
    {self.guard.format(folder=self.folder)}
    http-request set-header X-Forwarded-For %[src]
    http-request set-header X-Forwarded-Proto https
    http-request set-header X-Forwarded-Host %[req.hdr(host)]
    default_backend application
backend application
    server one 127.0.0.1:{self.bench.upstream.port} pool-max-conn 1024 pool-purge-delay 1h
""")
        return ["haproxy", "-db", "-f", configuration]


class HaproxyMap(Haproxy):
    name, title = "haproxy-map", "HAProxy + map authentication"
    guard = """http-request set-var(txn.u) req.cook(sid),map_str({folder}/sessions.map)
    http-request deny deny_status 401 unless {{ var(txn.u) -m found }}
    http-request set-header X-Auth-User %[var(txn.u)]"""


class Caddy(Peer):
    name, title, needs = "caddy", "Caddy + forward_auth", "caddy"

    def command(self):
        upstream = f"127.0.0.1:{self.bench.upstream.port}"
        configuration = self.write("Caddyfile", f"""{{
    admin off
    auto_https off
    default_sni localhost
    servers {{
        protocols h1 h2
    }}
}}
https://:{self.port} {{
    bind 127.0.0.1
    tls {self.bench.chain} {self.bench.key} {{
        protocols tls1.3
        curves x25519 secp256r1
    }}
    forward_auth {upstream} {{
        uri /auth
        copy_headers X-Auth-User
    }}
    reverse_proxy {upstream} {{
        transport http {{
            keepalive 1h
            keepalive_idle_conns_per_host 256
        }}
    }}
}}
""")
        return ["caddy", "run", "--config", configuration, "--adapter", "caddyfile"]

    def start(self, environment=None):
        home = {"HOME": str(self.folder), "XDG_DATA_HOME": str(self.folder), "XDG_CONFIG_HOME": str(self.folder)}
        return super().start({"GOMAXPROCS": str(self.workers), **home})
