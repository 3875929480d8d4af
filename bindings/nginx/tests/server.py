"""Real nginx processes, and what asks them."""

import os
import re
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections import Counter
from http.client import HTTPConnection, HTTPException
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
MODULE = Path(os.environ.get("SLUICE_TEST_NGINX_MODULE", ROOT / "target/nginx/ngx_http_sluice_module.so"))
NGINX = os.environ.get("SLUICE_TEST_NGINX", shutil.which("nginx") or "/usr/sbin/nginx")
# The module may have been built into nginx.
IS_PART_OF_NGINX = "SLUICE_TEST_NGINX_HAS_MODULE" in os.environ

MAIN = """
{load}
daemon off;
pid {home}/nginx.pid;
error_log {home}/error.log {level};
worker_processes {workers};
worker_shutdown_timeout 2s;
{main}
events {{ worker_connections 1024; }}
http {{
    client_body_temp_path {home}/body;
    proxy_temp_path {home}/proxy;
    fastcgi_temp_path {home}/fastcgi;
    uwsgi_temp_path {home}/uwsgi;
    scgi_temp_path {home}/scgi;
    {access}
    {http}
}}
"""


def free_port():
    """A port that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Answer:
    """A status, header fields in lower case, and a body."""

    def __init__(self, response):
        self.status = response.status
        self.fields = [(name.lower(), value) for name, value in response.getheaders()]
        self.body = response.read()

    def __getitem__(self, name):
        values = [value for field, value in self.fields if field == name]
        assert len(values) < 2, f"{name} comes twice: {values}"
        return values[0] if values else None

    def __repr__(self):
        return f"{self.status} {self.fields} {self.body[:500]}"


class Nginx:
    """A server with a configuration of its own, stopped at the end of the `with`."""

    def __init__(self, home, http, *, workers=1, main="", level="notice", load=True):
        self.home, self.workers, self.main, self.level = Path(home), workers, main, level
        self.load = f"load_module {MODULE};" if load and not IS_PART_OF_NGINX else ""
        self.port = free_port()
        self.process = None
        # Its workers belong to another user.
        for directory in [self.home, *self.home.parents[:3]]:
            if directory.stat().st_uid == os.getuid() and directory != Path("/"):
                directory.chmod(directory.stat().st_mode | 0o755)
        (self.home / "html").mkdir(exist_ok=True)
        self.write(http)

    def write(self, http):
        """Writes the configuration. In it, PORT stands for the server's port and HOME for its directory."""
        http = http.replace("PORT", str(self.port)).replace("HOME", str(self.home))
        access = "" if "access_log" in http else "access_log off;"
        text = MAIN.format(
            load=self.load,
            home=self.home,
            workers=self.workers,
            main=self.main,
            http=http,
            level=self.level,
            access=access,
        )
        self.config = self.home / "nginx.conf"
        self.config.write_text(text)

    def command(self, *options):
        return [NGINX, "-p", str(self.home), "-e", str(self.home / "error.log"), "-c", str(self.config), *options]

    def test(self):
        """What `nginx -t` says: its exit status and its words."""
        done = subprocess.run(self.command("-t"), capture_output=True, text=True, check=False)
        return done.returncode, done.stderr

    def __enter__(self):
        self.start()
        return self

    def start(self):
        self.process = subprocess.Popen(self.command(), stderr=subprocess.PIPE, text=True)
        wait_for(self.is_listening, "nginx to listen: " + str(self.command()))
        wait_for(lambda: len(self.worker_pids()) >= self.workers, "the workers")

    def __exit__(self, *error):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGQUIT if error[0] is None else signal.SIGTERM)
            try:
                self.process.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                raise
        assert self.process.wait() == 0, self.process.stderr.read()
        if error[0] is None:
            log = self.log()
            assert "exited on signal 11" not in log and "exited on signal 6" not in log, log
            assert "[alert]" not in self.alerts_but_kills(), log

    def alerts_but_kills(self):
        return "\n".join(line for line in self.log().splitlines() if "exited on signal 9" not in line)

    def is_listening(self):
        assert self.process.poll() is None, self.process.stderr.read() + self.log()
        with socket.socket() as client:
            return client.connect_ex(("127.0.0.1", self.port)) == 0

    def log(self):
        path = self.home / "error.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def worker_pids(self):
        """Those that serve, and not those that are on their way out."""
        found = []
        for pid in children(self.process.pid):
            try:
                title = Path(f"/proc/{pid}/cmdline").read_bytes()
            except (FileNotFoundError, ProcessLookupError):
                continue
            if title.startswith(b"nginx: worker process") and b"shutting down" not in title:
                found.append(pid)
        return found

    def reload(self, http=None, *, wait=True):
        """Has the configuration read anew; waits until its workers serve and the others are gone."""
        if http is not None:
            self.write(http)
        before = set(self.worker_pids())
        self.process.send_signal(signal.SIGHUP)
        if wait:
            wait_for(
                lambda: not before & set(children(self.process.pid)) and self.worker_pids(), "the old workers to go"
            )

    def ask(self, path="/", headers=None, method="GET", body=None):
        """One request on a connection of its own."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, headers=headers or {}, body=body)
            return Answer(connection.getresponse())
        finally:
            connection.close()

    def statuses(self, count, path="/", **options):
        """The statuses of so many requests, one after another."""
        return [self.ask(path, **options).status for _ in range(count)]

    def tell(self, raw):
        """Sends bytes, and gives what comes back until the server closes."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=30) as client:
            client.sendall(raw)
            parts = []
            while part := client.recv(1 << 16):
                parts.append(part)
        return b"".join(parts)


def children(pid):
    """The processes that one has made."""
    done = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=False)
    return [int(word) for word in done.stdout.split()]


# How long something may take that should be there in no time.
PATIENCE_S = 30


def wait_for(condition, what):
    """Until the condition holds. It is an error if it never does."""
    end = time.monotonic() + PATIENCE_S
    while not (value := condition()):
        assert time.monotonic() < end, f"waited in vain for {what}"
        time.sleep(0.01)
    return value


class Load:
    """Clients that ask over and over on connections kept alive, from a thread each, and count the statuses."""

    def __init__(self, server, path="/", clients=8, headers=None):
        self.server, self.path, self.headers = server, path, headers or {}
        self.counts, self.lock, self.over = Counter(), threading.Lock(), threading.Event()
        self.threads = [threading.Thread(target=self.run) for _ in range(clients)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        for thread in self.threads:
            thread.join()

    def run(self):
        counts, connection = Counter(), None
        while not self.over.is_set():
            try:
                connection = connection or HTTPConnection("127.0.0.1", self.server.port, timeout=10)
                connection.request("GET", self.path, headers=self.headers)
                response = connection.getresponse()
                response.read()
                counts[response.status] += 1
                if response.will_close:
                    connection.close()
            except (OSError, HTTPException):
                # A worker that was killed, or one that has closed while it was asked.
                counts["lost"] += 1
                connection = None
        with self.lock:
            self.counts += counts


def curl(url, *options):
    """What a client that speaks HTTP/2 gets."""
    command = ["curl", "-s", "-i", "--http2-prior-knowledge", *options, url]
    return subprocess.run(command, capture_output=True, check=True).stdout.decode(errors="replace")


def wrk(server, path="/", *, seconds=2, connections=16, threads=2, script=None):
    """What wrk reports: how many answers there were, and how many of them not 2xx or 3xx; and its text."""
    command = ["wrk", f"-t{threads}", f"-c{connections}", f"-d{seconds}s"]
    if script:
        command += ["-s", str(script)]
    done = subprocess.run(
        [*command, f"http://127.0.0.1:{server.port}{path}"], capture_output=True, text=True, check=True
    )
    total = int(re.search(r"(\d+) requests in", done.stdout)[1])
    refused = re.search(r"Non-2xx or 3xx responses: (\d+)", done.stdout)
    return total, int(refused[1]) if refused else 0, done.stdout
