"""A web application behind a rate limit: 200 within the limit of each client's address, else 429 that says when.

Programs are told in JSON, people by a page.

It is plain WSGI, so it runs with nothing but the standard library and under any WSGI server:

    python web_app.py --port 8000
    RATE_LIMIT="token-bucket 10/s burst=20" gunicorn --threads 8 web_app:application

With RATE_LIMIT_TABLE all worker processes share one limit, over restarts too; without, each counts for itself:

    RATE_LIMIT_TABLE=/dev/shm/web_app.table gunicorn --workers 4 web_app:application
"""

from __future__ import annotations

import argparse
import contextlib
import os
from collections.abc import Iterable
from socketserver import ThreadingMixIn
from typing import TYPE_CHECKING
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from sluicegate import Limiter, http

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

limiter = Limiter(
    os.environ.get("RATE_LIMIT", "token-bucket 5/s burst=10"),
    max_keys=100_000,
    path=os.environ.get("RATE_LIMIT_TABLE"),
)


quota = http.Quota("address", limiter)


def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Answers one request. Any number of threads may be in here at once."""
    now = limiter.now_ns()  # one time for the decision and for what is said of it
    # Behind a proxy this is the proxy's address: take the client's from the header that your proxy sets.
    decision = limiter.check_at(environ["REMOTE_ADDR"], 1, now)
    answer = http.Answer(http.Verdict(quota, decision), now_ns=now)
    body = answer.body(http.body_format(environ.get("HTTP_ACCEPT"))) or http.Body("text/plain", b"Hello.\n")
    headers = [*answer.headers, ("Content-Type", body.content_type), ("Content-Length", str(len(body.content)))]
    start_response(f"{answer.status} {answer.reason_phrase}", headers)
    return [] if environ["REQUEST_METHOD"] == "HEAD" else [body.content]


class ThreadedServer(ThreadingMixIn, WSGIServer):
    """A thread for each connection."""

    daemon_threads = True


class QuietHandler(WSGIRequestHandler):
    """Does not write a line for each request."""

    def log_message(self, *_: object) -> None:
        """Nothing."""


def main() -> None:
    """Serves until it is interrupted."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--port", type=int, default=8000, help="0 for any that is free")
    port: int = options.parse_args().port
    with make_server("127.0.0.1", port, application, ThreadedServer, QuietHandler) as server:
        print(f"listening on http://127.0.0.1:{server.server_port}", flush=True)
        server.serve_forever()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main()
