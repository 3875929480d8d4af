"""Small applications of each kind behind the middleware, on real servers in threads of this process.

What they answer is said by the request's path, the same for all kinds.
"""

import asyncio
import io
import socketserver
import threading
import time
from contextlib import contextmanager
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server
from wsgiref.validate import validator

import django
import uvicorn
from django.conf import settings
from django.core.handlers.asgi import ASGIHandler, ASGIRequest
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpResponse, StreamingHttpResponse
from django.test import override_settings
from django.urls import path, re_path

from sluicegate.asgi import RateLimitMiddleware
from sluicegate.wsgi import RateLimit

KINDS = ["asgi", "wsgi", "django", "django async"]
SERVED = []  # the paths that got as far as an application
CHUNKS = 20


def answer_to(path):
    """Status, header fields and body by the path."""
    headers = [("Content-Type", "text/plain"), ("X-Own", "kept"), ("X-Own", "twice")]
    if path.startswith("/status/"):
        return int(path.rpartition("/")[2]), headers, b"" if path.endswith("304") else b"as told"
    if path == "/public":
        return 200, [*headers, ("Cache-Control", "max-age=60, Public")], b"for everybody"
    if path == "/own":
        stale = [("X-RateLimit-Limit", "9999"), ("ratelimit", '"own";r=1'), ("RateLimit-Reset", "5")]
        return 200, [*headers, *stale], b"has numbers of its own"
    if path == "/foreign":
        return 429, [*headers, ("X-RateLimit-Limit", "7"), ("Retry-After", "77")], b"somebody else's denial"
    return 200, headers, b"hello"


async def asgi_app(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            SERVED.append(message["type"])
            await send({"type": f"{message['type']}.complete"})
            if message["type"] == "lifespan.shutdown":
                return
    path = scope["path"]
    SERVED.append(path)
    if path == "/boom":
        raise RuntimeError("the application has failed")
    if path == "/echo":
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": body})
        return
    if path == "/stream":
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
        for number in range(CHUNKS):
            await send({"type": "http.response.body", "body": b"%d\n" % number, "more_body": True})
        await send({"type": "http.response.body"})
        return
    status, headers, body = answer_to(path)
    headers = [(name.lower().encode(), value.encode()) for name, value in headers]
    await send({"type": "http.response.start", "status": status, "headers": iter(headers)})
    await send({"type": "http.response.body", "body": body})


CLOSED = []


class Stream:
    """A stream that a server has to close."""

    def __iter__(self):
        return iter([b"%d\n" % number for number in range(CHUNKS)])

    def close(self):
        CLOSED.append(True)


def wsgi_app(environ, start_response):
    path = environ["PATH_INFO"]
    SERVED.append(path)
    if path == "/boom":
        raise RuntimeError("the application has failed")
    if path == "/echo":
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [body]
    if path == "/stream":
        start_response("200 OK", [("Content-Type", "text/plain")])
        return Stream()
    status, headers, body = answer_to(path)
    if status in (204, 304):
        headers = [pair for pair in headers if pair[0] != "Content-Type"]
    start_response(f"{status} As Told", headers)
    return [body] if body else []


async def chunks():
    for number in range(CHUNKS):
        yield b"%d\n" % number


def django_view(request):
    SERVED.append(request.path_info)
    if request.path_info == "/boom":
        raise RuntimeError("the application has failed")
    if request.path_info == "/echo":
        return HttpResponse(request.body)
    if request.path_info == "/stream":
        return StreamingHttpResponse(chunks() if isinstance(request, ASGIRequest) else Stream())
    status, headers, body = answer_to(request.path_info)
    return HttpResponse(body, status=status, headers=dict(headers))


async def django_item(request, number):
    SERVED.append(request.path_info)
    return HttpResponse(f"item {number}")


urlpatterns = [path("items/<int:number>/", django_item), re_path(".*", django_view)]

if not settings.configured:
    settings.configure(
        ALLOWED_HOSTS=["*"],
        ROOT_URLCONF=__name__,
        LOGGING_CONFIG=None,
        SECRET_KEY="for tests",
        INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes"],
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    )
    django.setup()


@contextmanager
def uvicorn_serving(app, **options):
    """The address at which uvicorn serves an application."""
    # By itself uvicorn believes what clients on this machine say of whom they speak for.
    config = uvicorn.Config(app, host="127.0.0.1", port=0, log_level="critical", proxy_headers=False, **options)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=lambda: asyncio.run(server.serve()))
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.005)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()


class ThreadedServer(socketserver.ThreadingMixIn, WSGIServer):
    daemon_threads = True
    request_queue_size = 128


class QuietHandler(WSGIRequestHandler):
    def log_message(self, *_):
        pass

    def get_stderr(self):
        return io.StringIO()


@contextmanager
def wsgi_serving(app):
    """The address at which the standard library's server serves an application, a thread for each connection."""
    with make_server("127.0.0.1", 0, app, ThreadedServer, QuietHandler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def serving(kind, limits=(), routes=(), **options):
    """The address at which the small application of one kind is served behind the middleware."""
    SERVED.clear()
    if kind == "asgi":
        with uvicorn_serving(RateLimitMiddleware(asgi_app, limits, routes, **options)) as address:
            yield address
    elif kind == "wsgi":
        # The standard's own checker on both sides.
        with wsgi_serving(validator(RateLimit(validator(wsgi_app), limits, routes, **options))) as address:
            yield address
    else:
        told = {"limits": limits, "routes": routes, **options}
        with override_settings(SLUICEGATE=told, MIDDLEWARE=["sluicegate.django.RateLimitMiddleware"]):
            application = WSGIHandler() if kind == "django" else ASGIHandler()
        serve = wsgi_serving if kind == "django" else uvicorn_serving
        with serve(application) as address:
            yield address
