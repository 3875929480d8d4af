#!/usr/bin/env python3
"""What the middleware adds to a request, beside other packages' for the same frameworks, in one run.

Each has one limit by the client's address, which no request reaches, counts in memory, and puts header fields on the
answer where it can. The applications are called as a server would call them, without one. Run it where the package,
`fastapi`, `slowapi`, `asgi-ratelimit`, `flask` and `Flask-Limiter` are installed.
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Iterable
from typing import Any, Callable

import flask
from flask_limiter import Limiter as FlaskLimiter
from flask_limiter.util import get_remote_address
from ratelimit import RateLimitMiddleware as AsgiRateLimit
from ratelimit import Rule
from ratelimit.backends.simple import MemoryBackend
from rounds import about_this_run, medians
from slowapi import Limiter as SlowapiLimiter
from slowapi.middleware import SlowAPIASGIMiddleware
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from sluicegate.asgi import RateLimitMiddleware
from sluicegate.flask import RateLimit

REQUESTS = 1_000
CLIENTS = 50
POLICY = "fixed-window 1000000000/d"
THEIR_POLICY = "1000000000/day"


async def hello(request: Request) -> PlainTextResponse:
    """The endpoint of all."""
    return PlainTextResponse("hello")


def starlette(*arguments: Any, **more: Any) -> Starlette:
    """A Starlette application behind a middleware, or none."""
    app = Starlette(routes=[Route("/", hello)])
    if arguments:
        app.add_middleware(*arguments, **more)
    return app


def slowapi() -> Starlette:
    """One behind slowapi."""
    app = starlette(SlowAPIASGIMiddleware)
    app.state.limiter = SlowapiLimiter(
        key_func=lambda request: request.client.host, default_limits=[THEIR_POLICY], headers_enabled=True
    )
    return app


def asgi_ratelimit() -> Starlette:
    """One behind asgi-ratelimit, which puts no header fields on what it allows."""

    async def authenticate(scope: Any) -> tuple[str, str]:
        return scope["client"][0], "default"

    config = {r"^/": [Rule(day=1_000_000_000)]}
    backend: Any = MemoryBackend  # it says nothing of its types
    return starlette(AsgiRateLimit, authenticate=authenticate, backend=backend(), config=config)


def asgi(app: Any) -> Callable[[], int]:
    """A round of requests to an ASGI application."""
    loop = asyncio.new_event_loop()
    headers = [(b"host", b"example.com"), (b"user-agent", b"bench"), (b"accept", b"*/*")]

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        assert message.get("status", 200) == 200

    async def requests() -> None:
        for number in range(REQUESTS):
            client = (f"203.0.113.{number % CLIENTS}", 5000)
            scope = {
                "type": "http",
                "asgi": {"version": "3.0"},
                "http_version": "1.1",
                "method": "GET",
                "scheme": "http",
                "path": "/",
                "raw_path": b"/",
                "query_string": b"",
                "root_path": "",
                "headers": headers,
                "client": client,
                "server": ("127.0.0.1", 80),
                "state": {},
            }
            await app(scope, receive, send)

    def once() -> int:
        loop.run_until_complete(requests())
        return REQUESTS

    return once


def flask_app() -> flask.Flask:
    """A Flask application."""
    app = flask.Flask(__name__)
    app.add_url_rule("/", view_func=lambda: "hello")
    return app


def ours_in_flask() -> flask.Flask:
    """One behind ours."""
    app = flask_app()
    RateLimit(app, POLICY)
    return app


def flask_limiter() -> flask.Flask:
    """One behind Flask-Limiter."""
    app = flask_app()
    FlaskLimiter(
        get_remote_address, app=app, default_limits=[THEIR_POLICY], headers_enabled=True, storage_uri="memory://"
    )
    return app


def wsgi(app: Any) -> Callable[[], int]:
    """A round of requests to a WSGI application."""

    def start_response(status: str, headers: list[tuple[str, str]], error: Any = None) -> Any:
        assert status.startswith("200")

    def once() -> int:
        for number in range(REQUESTS):
            environ = {
                "REQUEST_METHOD": "GET",
                "PATH_INFO": "/",
                "SCRIPT_NAME": "",
                "QUERY_STRING": "",
                "SERVER_NAME": "example.com",
                "SERVER_PORT": "80",
                "SERVER_PROTOCOL": "HTTP/1.1",
                "REMOTE_ADDR": f"203.0.113.{number % CLIENTS}",
                "HTTP_HOST": "example.com",
                "HTTP_ACCEPT": "*/*",
                "wsgi.url_scheme": "http",
                "wsgi.multithread": True,
                "wsgi.version": (1, 0),
            }
            body: Iterable[bytes] = app(environ, start_response)
            b"".join(body)
            getattr(body, "close", lambda: None)()
        return REQUESTS

    return once


def main() -> None:
    """Prints the table."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=15)
    arguments = options.parse_args()
    contestants = {
        "Starlette": {
            "alone": asgi(starlette()),
            "sluicegate": asgi(starlette(RateLimitMiddleware, limits=POLICY)),
            "slowapi": asgi(slowapi()),
            "asgi-ratelimit (no header fields)": asgi(asgi_ratelimit()),
        },
        "Flask": {
            "alone": wsgi(flask_app()),
            "sluicegate": wsgi(ours_in_flask()),
            "Flask-Limiter": wsgi(flask_limiter()),
        },
    }
    every = {f"{kind}: {name}": run for kind, runs in contestants.items() for name, run in runs.items()}
    times = medians(every, arguments.rounds)
    print(f"{about_this_run(arguments.rounds)}\n")
    print("| framework | middleware | microseconds a request | added | to sluicegate's |")
    print("| --- | --- | ---: | ---: | ---: |")
    for kind, runs in contestants.items():
        alone, ours = times[f"{kind}: alone"], times[f"{kind}: sluicegate"]
        for name in runs:
            time = times[f"{kind}: {name}"]
            added = "" if name == "alone" else f"{(time - alone) / 1_000:.1f}"
            ratio = "" if name == "alone" else f"{(time - alone) / (ours - alone):.1f}"
            print(f"| {kind} | {name} | {time / 1_000:.1f} | {added} | {ratio} |")


if __name__ == "__main__":
    main()
