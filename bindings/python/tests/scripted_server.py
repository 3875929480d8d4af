"""A server whose answers are told by how many requests came before, and what it has seen of them."""

import contextlib
import http.server
import threading
import time
from typing import NamedTuple


class Seen(NamedTuple):
    method: str
    body: bytes
    connection: tuple
    at: float


class Answer(NamedTuple):
    status: int
    headers: dict
    body: bytes = b"later"


ADMITTED = Answer(200, {}, b"welcome")


def denied(**headers):
    return Answer(429, {name.replace("_", "-"): value for name, value in headers.items()})


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self):
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            body = b""
            while length := int(self.rfile.readline(), 16):
                body += self.rfile.read(length)
                self.rfile.readline()
            self.rfile.readline()
        else:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        with self.server.lock:
            before = len(self.server.seen)
            self.server.seen.append(Seen(self.command, body, self.client_address, time.monotonic()))
        answer = self.server.script(before)
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)

    do_GET = do_POST = do_PUT = answer

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, script):
        super().__init__(("127.0.0.1", 0), Handler)
        self.script, self.seen, self.lock = script, [], threading.Lock()
        self.url = f"http://127.0.0.1:{self.server_address[1]}/path"


@contextlib.contextmanager
def serving(script):
    """A server with a script: a function, or answers one after the other, the last of them for ever."""
    if not callable(script):
        answers = list(script)
        server = Server(lambda before: answers[min(before, len(answers) - 1)])
    else:
        server = Server(script)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
