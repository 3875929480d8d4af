"""What is particular to ASGI: websockets, lifespan, delays, middleware in middleware, other event loops."""

import asyncio
import sys
import time

import httpx
import pytest
import requests
import trio
import websockets.sync.client as websockets
from middleware_servers import SERVED, asgi_app, uvicorn_serving
from web_server import serving as command_serving
from websockets.exceptions import InvalidStatus

from sluicegate import ManualClock
from sluicegate.asgi import RateLimitMiddleware
from sluicegate.middleware import Limit, keys, skip_failed, skip_successful


def few(limit=2, name="few", **more):
    return Limit(name, f"fixed-window {limit}/366d", max_keys=1_000, **more)


async def echo_app(scope, receive, send):
    """Accepts a websocket and sends back what comes; on /refuse it does not accept it."""
    assert (await receive())["type"] == "websocket.connect"
    if scope["path"] == "/refuse":
        await send({"type": "websocket.close", "code": 1008})
        return
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", "text": message["text"]})


def test_a_websocket_is_held_to_limits_when_it_connects_and_not_after():
    with uvicorn_serving(RateLimitMiddleware(echo_app, few(2))) as address:
        place = address.replace("http", "ws")
        for _ in range(2):
            with websockets.connect(place) as socket:
                for number in range(10):
                    socket.send(str(number))
                    assert socket.recv() == str(number)
        with pytest.raises(InvalidStatus) as denied:
            websockets.connect(place)
    answer = denied.value.response
    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) > 0
    assert answer.headers["RateLimit"].startswith('"few";r=0')
    assert b"rate_limit_exceeded" in answer.body


def test_where_a_server_cannot_answer_a_handshake_it_is_closed():
    sent = []
    received = iter([{"type": "websocket.connect"}])

    async def receive():
        return next(received)

    async def send(message):
        sent.append(message)

    scope = {"type": "websocket", "path": "/", "headers": [], "client": ("203.0.113.1", 5)}
    asyncio.run(RateLimitMiddleware(echo_app, few(0))(scope, receive, send))
    assert sent == [{"type": "websocket.close", "code": 1008, "reason": "Too Many Requests"}]


def test_a_websocket_that_is_accepted_counts_as_a_success():
    limit = few(2, refund_when=skip_successful)
    with uvicorn_serving(RateLimitMiddleware(echo_app, limit)) as address:
        for _ in range(4):
            with websockets.connect(address.replace("http", "ws")):
                pass


def test_lifespan_passes_through():
    SERVED.clear()
    with uvicorn_serving(RateLimitMiddleware(asgi_app, few(1)), lifespan="on") as address:
        assert requests.get(address, timeout=60).status_code == 200
    assert SERVED == ["lifespan.startup", "/", "lifespan.shutdown"]


def test_a_leaky_bucket_holds_requests_so_that_they_leave_at_its_rate():
    limit = Limit("steady", "leaky-bucket 10/s burst=4")

    async def ask_at_once(address):
        async with httpx.AsyncClient(timeout=60) as client:
            begun = time.monotonic()
            answers = await asyncio.gather(*(client.get(address) for _ in range(6)))
            return sorted(answer.status_code for answer in answers), time.monotonic() - begun

    with uvicorn_serving(RateLimitMiddleware(asgi_app, limit)) as address:
        got, took = asyncio.run(ask_at_once(address))
    assert got == [200, 200, 200, 200, 429, 429]
    assert took >= 0.3


def test_a_leaky_bucket_only_polices_where_delays_are_not_wanted():
    limit = Limit("steady", "leaky-bucket 1/366d burst=3", clock=ManualClock())
    with uvicorn_serving(RateLimitMiddleware(asgi_app, limit, delay=False)) as address:
        assert [requests.get(address, timeout=60).status_code for _ in range(4)] == [200, 200, 200, 429]


def test_it_runs_under_trio():
    limit = Limit("steady", "leaky-bucket 20/s burst=2")
    transport = httpx.ASGITransport(RateLimitMiddleware(asgi_app, limit), client=("203.0.113.1", 5))

    async def ask():
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            begun = trio.current_time()
            answers = [(await client.get("/")).status_code for _ in range(2)]
            return answers, trio.current_time() - begun

    answers, took = trio.run(ask)
    assert answers == [200, 200]
    assert took >= 0.04


def test_it_runs_on_hypercorn_under_trio():
    pytest.importorskip("hypercorn")
    command = [sys.executable, "-m", "hypercorn", "--worker-class", "trio", "--bind", "127.0.0.1:0", "fastapi_app:app"]
    with command_serving(command, "fixed-window 2/366d") as (address, _), httpx.Client(http1=True) as client:
        answers = [client.get(address) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]


def test_middleware_in_middleware_gives_one_set_of_fields():
    clocks = {"clock": ManualClock(10**18), "max_keys": 10}
    outer = Limit("outer", "fixed-window 5/366d", **clocks)
    inner = Limit("inner", "fixed-window 1/366d", **clocks)
    app = RateLimitMiddleware(RateLimitMiddleware(asgi_app, inner), outer)
    with uvicorn_serving(app) as address:
        first, second = (requests.get(address, timeout=60) for _ in range(2))
    assert (first.status_code, second.status_code) == (200, 429)
    for answer in (first, second):
        # The lists of several lines would be joined.
        assert answer.headers["RateLimit-Policy"].count(";q=") == 2
        assert answer.headers["X-RateLimit-Limit"] == "1"
    assert second.headers["Retry-After"].isdigit()
    assert second.headers["Cache-Control"] == "no-store"
    # What the outer one had charged for the denied request is back.
    assert outer.limiter.stats().live_keys == 1
    with uvicorn_serving(RateLimitMiddleware(asgi_app, outer)) as address:
        assert requests.get(address, timeout=60).headers["X-RateLimit-Remaining"] == "3"


def test_what_an_inner_middleware_has_charged_is_given_back_by_the_outcome_once():
    outer = few(5, "outer", refund_when=skip_failed)
    inner = few(5, "inner", refund_when=skip_failed)
    with uvicorn_serving(RateLimitMiddleware(RateLimitMiddleware(asgi_app, inner), outer)) as address:
        for path in ("/status/500", "/", "/status/404"):
            answer = requests.get(address + path, timeout=60)
        assert answer.headers["X-RateLimit-Remaining"] == "4"


def test_users_come_from_the_authentication_outside():
    class User:
        is_authenticated = True
        display_name = "ann"

        @property
        def identity(self):
            raise NotImplementedError

    def authenticated(app):
        async def with_user(scope, receive, send):
            if dict(scope["headers"]).get(b"x-user"):
                scope["user"] = User()
            await app(scope, receive, send)

        return with_user

    seen = []
    limit = few(1, key=keys.user(missing="deny"))
    with uvicorn_serving(authenticated(RateLimitMiddleware(asgi_app, limit, on_decision=seen.append))) as address:
        asked = [
            requests.get(address, headers=headers, timeout=60) for headers in ({"X-User": "1"}, {"X-User": "1"}, {})
        ]
    assert [answer.status_code for answer in asked] == [200, 429, 403]
    assert seen[0].verdicts[0].key == "user=ann"


def test_a_denial_of_head_has_no_body_whatever_the_server_does():
    sent = []

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "method": "HEAD", "path": "/", "headers": [], "client": ("203.0.113.1", 5)}
    asyncio.run(RateLimitMiddleware(asgi_app, few(0))(scope, None, send))
    assert sent[0]["status"] == 429
    assert int(dict(sent[0]["headers"])[b"content-length"]) > 100
    assert sent[1] == {"type": "http.response.body", "body": b""}
