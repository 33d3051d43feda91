"""Doorward as a peer: everything that its configuration has is on, and who measures has signed in through its pages."""

import concurrent.futures
import http.client
import json
import re
import ssl
import subprocess
import time
import urllib.parse

from .peers import Peer

# The password `wonderland` at the smallest cost there is: what is measured is not the hash.
USERS = """[[user]]
name = "alice"
password = "$argon2id$v=19$m=8,t=1,p=1$/E/EChn6QLk8KQWS3g2pLw$ovy5grbvke/CjLgeYtYQSFfhv1laeb7a+H68S3TbgD8"
"""

# What needs raising is raised here: the load comes from few addresses, and every sign-in under way counts as a failure until its
# password is right.
CONFIGURATION = """[node]
state_dir = "state"
[[listener]]
address = "127.0.0.1:{port}"
certificates = [{{ chain = "{chain}", key = "{key}" }}]
[[application]]
name = "page"
hosts = ["localhost", "127.0.0.1"]
policy = "here"
session = {{ idle = "12h", absolute = "12h" }}
upstream = {{ servers = ["http://127.0.0.1:{upstream}"] }}
[[directory]]
name = "people"
kind = "local"
file = "users.toml"
[[authentication_policy]]
name = "here"
rules = [{{ when = {{ address = ["127.0.0.0/8"] }}, then = "admit" }}, {{ then = "refuse" }}]
[limits]
attempts_per_address = "100000000/1m"
failures_per_user = "100000000/1m"
connections_per_address = 1000000
"""

# The access log, as this version's configuration has it: appended where `check` takes it.
ACCESS_LOG = """[access_log]
file = "access.log"
"""


class Doorward(Peer):
    name, title = "doorward", "Doorward, session check"
    logs = None

    def __init__(self, bench, workers=1, sessions=1, seeded=0):
        super().__init__(bench, workers)
        self.sessions, self.seeded, self.cookies = sessions, seeded, []

    def command(self):
        return [self.bench.doorward, "serve", "--config", str(self.folder / "doorward.toml")]

    def start(self, environment=None):
        self.configure()
        super().start()
        if not self.cookies:
            self.sign_in()
        if self.seeded:
            self.seed()
        return self

    def configure(self):
        text = CONFIGURATION.format(port=self.port, chain=self.bench.chain, key=self.bench.key,
                                    upstream=self.bench.upstream.port)
        self.write("users.toml", USERS)
        file = self.write("doorward.toml", text + ACCESS_LOG)
        Doorward.logs = subprocess.run([self.bench.doorward, "check", "--config", file], capture_output=True).returncode == 0
        if not Doorward.logs:
            self.write("doorward.toml", text)

    def sign_in(self):
        with concurrent.futures.ThreadPoolExecutor(16) as many:
            self.cookies = list(many.map(lambda _: self.one(), range(self.sessions)))

    def one(self):
        """What a browser does: the form, the password, the cookie."""
        context = ssl.create_default_context(cafile=str(self.bench.chain))
        door = http.client.HTTPSConnection("localhost", self.port, context=context, timeout=30)
        door.request("GET", "/.doorward/login")
        page = door.getresponse()
        flow = page.getheader("Set-Cookie").split(";")[0]
        field = re.search(r'name="csrf" value="([^"]*)"', page.read().decode()).group(1)
        form = urllib.parse.urlencode({"csrf": field, "username": "alice", "password": "wonderland"})
        door.request("POST", "/.doorward/login", form, {
            "Content-Type": "application/x-www-form-urlencoded", "Cookie": flow, "Sec-Fetch-Site": "same-origin"})
        answer = door.getresponse()
        answer.read()
        cookies = [line.split(";")[0] for name, line in answer.getheaders() if name.lower() == "set-cookie"]
        door.close()
        key = [cookie for cookie in cookies if cookie.startswith("__Host-doorward=")]
        if answer.status != 303 or not key:
            raise SystemExit(f"Doorward let nobody in: {answer.status}")
        return "theme=dark; " + key[0]

    def seed(self):
        """Stops, writes the sessions into the store, and starts again with them."""
        self.stop()
        cookies, started = self.folder / "cookies", time.monotonic()
        done = subprocess.run([self.bench.tools, "seed", "--state", str(self.folder / "state"), "--count", str(self.seeded),
                               "--cookies", "10000", "--file", str(cookies)], capture_output=True, text=True, check=True)
        assert json.loads(done.stdout)["sessions"] == self.seeded
        self.seeded = 0
        self.cookies = [f"theme=dark; __Host-doorward={line}" for line in cookies.read_text().split()]
        written = time.monotonic()
        super().start()
        print(f"   {self.title}: written in {written - started:.0f} s, started with them in {time.monotonic() - written:.0f} s", flush=True)

    def cookie(self):
        return self.cookies[0]
