"""FastAPI and Starlette: limits of endpoints by decorators and dependencies, patterns of routes, the example."""

import sys
from contextlib import contextmanager

import pytest
import requests
import websockets.sync.client as websockets
from fastapi import APIRouter, Depends, FastAPI, Request, WebSocket
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import PlainTextResponse
from middleware_servers import uvicorn_serving
from starlette.applications import Starlette
from starlette.endpoints import HTTPEndpoint
from starlette.routing import Mount
from starlette.routing import Route as StarletteRoute
from web_server import serving
from websockets.exceptions import InvalidStatus

from sluicegate.asgi import RateLimitMiddleware
from sluicegate.fastapi import Denied, RateLimit, rate_limit
from sluicegate.middleware import Limit, Route, keys


def few(limit=2, name="few", **more):
    return Limit(name, f"fixed-window {limit}/366d", max_keys=1_000, **more)


@contextmanager
def served(app, limits=(), routes=(), **options):
    app.add_middleware(RateLimitMiddleware, limits=limits, routes=routes, **options)
    with uvicorn_serving(app) as address:
        yield lambda path, method="GET", **more: requests.request(method, address + path, timeout=60, **more)


def statuses(ask, *paths, **more):
    return [ask(path, **more).status_code for path in paths]


def test_decorated_endpoints_have_limits_of_their_own_and_keep_their_signatures():
    app = FastAPI()

    @app.get("/plain/{number}")
    @rate_limit("fixed-window 2/366d")
    def plain(number: int, word: str = "none"):
        return [number, word]

    @app.get("/coroutine")
    @rate_limit("fixed-window 1/366d")
    async def coroutine(request: Request):
        return request.url.path

    everything = few(10, "everything")
    with served(app, everything) as ask:
        first = ask("/plain/5?word=yes")
        assert first.json() == [5, "yes"]
        assert first.headers["RateLimit"].startswith('"everything";r=9')
        assert ', "plain";r=1' in first.headers["RateLimit"]
        assert statuses(ask, "/plain/6", "/plain/7", "/coroutine", "/coroutine") == [200, 429, 200, 429]
        denied = ask("/plain/8", headers={"Accept": "text/html"})
        assert denied.headers["Content-Type"].startswith("text/html")
        assert denied.headers["Cache-Control"] == "no-store"
        assert int(denied.headers["Retry-After"]) > 0
        assert denied.headers["X-RateLimit-Limit"] == "2"
        # Denied requests have used nothing of the limit on everything.
        assert ', "everything";r=7' in denied.headers["RateLimit"]


def test_dependencies_hold_path_operations_and_routers():
    app = FastAPI()
    router = APIRouter(prefix="/api", dependencies=[Depends(RateLimit("fixed-window 3/366d"))])

    @router.get("/a")
    def a():
        return "a"

    @router.get("/b", dependencies=[Depends(RateLimit(few(1, "b")))])
    def b():
        return "b"

    app.include_router(router)
    with served(app) as ask:
        assert statuses(ask, "/api/a", "/api/b", "/api/b", "/api/a", "/api/a") == [200, 200, 429, 200, 429]
        denied = ask("/api/a")
        assert denied.json()["code"] == "rate_limit_exceeded"
        assert denied.headers["RateLimit-Policy"] == '"fixed-window 3/366d";q=3;w=31622400'


def test_an_application_may_answer_denials_itself():
    app = FastAPI()

    @app.get("/", dependencies=[Depends(RateLimit(few(0)))])
    def never():
        raise AssertionError("it is denied")

    @app.exception_handler(Denied)
    async def answer(request, denied):
        return PlainTextResponse("mine", 418)

    with served(app) as ask:
        answer = ask("/")
        assert (answer.status_code, answer.text) == (418, "mine")
        assert answer.headers["X-RateLimit-Limit"] == "0"


def test_limits_without_the_middleware_are_an_error_that_says_so():
    app = FastAPI()

    @app.get("/")
    @rate_limit("fixed-window 1/s")
    def view():
        return 1

    with uvicorn_serving(app) as address:
        assert requests.get(address, timeout=60).status_code == 500
    with pytest.raises(RuntimeError, match="add_middleware"):
        view()


def test_one_limit_in_several_places_is_one_budget_and_counts_a_request_once():
    app = FastAPI()
    shared = few(3, "shared")

    @app.get("/a")
    @rate_limit(shared)
    def a():
        return "a"

    @app.get("/b", dependencies=[Depends(RateLimit(shared))])
    @rate_limit(shared)
    def b():
        return "b"

    with served(app, routes=[(Route(path="/a"), shared)]) as ask:
        assert statuses(ask, "/a", "/b", "/a", "/b") == [200, 200, 200, 429]


def test_routes_are_known_by_the_frameworks_patterns():
    app = FastAPI()
    items = APIRouter(prefix="/items")
    mounted = FastAPI()

    @items.get("/{number}")
    def item(number: int):
        return number

    @mounted.get("/{name}/x")
    def below(name: str):
        return name

    @app.post("/items/{number}")
    def change(number: int):
        return number

    app.include_router(items, prefix="/v1")
    app.mount("/sub", mounted)
    seen = []
    routes = [
        (Route(matched_path="/v1/items/{number}"), few(2, "items")),
        (Route(matched_path="/sub/{name}/x"), few(1, "below")),
    ]
    per_route = few(3, "per route", key=(keys.address, keys.route))
    options = {"on_decision": lambda event: seen.append(event.request.matched_path)}
    with served(app, per_route, routes, **options) as ask:
        assert statuses(ask, "/v1/items/1", "/v1/items/2", "/v1/items/3") == [200, 200, 429]
        assert statuses(ask, "/sub/a/x", "/sub/b/x") == [200, 429]
        assert statuses(ask, "/items/1", "/items/2", method="POST") == [200, 200]
        assert statuses(ask, *(f"/nothing/{number}" for number in range(4))) == [404, 404, 404, 429]
    patterns = ["/v1/items/{number}"] * 3 + ["/sub/{name}/x"] * 2 + ["/items/{number}"] * 2 + [None] * 4
    assert seen == patterns


def test_starlettes_endpoints_and_mounts():
    class Page(HTTPEndpoint):
        @rate_limit("fixed-window 1/366d")
        async def get(self, request):
            return PlainTextResponse("page")

    async def user(request):
        return PlainTextResponse(request.path_params["name"])

    app = Starlette(routes=[StarletteRoute("/page", Page), Mount("/users", routes=[StarletteRoute("/{name}", user)])])
    with served(app, routes=[(Route(matched_path="/users/{name}"), few(1))]) as ask:
        assert statuses(ask, "/page", "/page", "/users/ann", "/users/bob") == [200, 429, 200, 429]


def test_websockets_of_endpoints_are_denied_in_the_handshake():
    app = FastAPI()

    @app.websocket("/decorated")
    @rate_limit("fixed-window 1/366d")
    async def decorated(websocket: WebSocket):
        await websocket.accept()
        await websocket.send_text("hello")
        await websocket.close()

    @app.websocket("/dependent")
    async def dependent(websocket: WebSocket, limit: None = Depends(RateLimit(few(1)))):
        await websocket.accept()
        await websocket.send_text("hello")
        await websocket.close()

    app.add_middleware(RateLimitMiddleware)
    with uvicorn_serving(app) as address:
        for path in ("/decorated", "/dependent"):
            place = address.replace("http", "ws") + path
            with websockets.connect(place) as socket:
                assert socket.recv() == "hello"
            with pytest.raises(InvalidStatus) as denied:
                websockets.connect(place)
            assert denied.value.response.status_code == 429, path
            assert b"rate_limit_exceeded" in denied.value.response.body


def test_browsers_of_other_origins_see_the_denial_where_cors_is_outside():
    app = FastAPI()
    app.add_middleware(RateLimitMiddleware, limits=few(0), expose_headers=True)
    app.add_middleware(CORSMiddleware, allow_origins=["https://example.com"])
    with uvicorn_serving(app) as address:
        denied = requests.get(address, headers={"Origin": "https://example.com"}, timeout=60)
    assert denied.status_code == 429
    assert denied.headers["Access-Control-Allow-Origin"] == "https://example.com"
    assert "Retry-After" in denied.headers["Access-Control-Expose-Headers"]


def test_the_example():
    command = [sys.executable, "-m", "uvicorn", "--port", "0", "--no-access-log", "fastapi_app:app"]
    with serving(command, "fixed-window 20/366d", PROXIES="1") as (address, _):

        def ask(path, who="203.0.113.1", method="GET", **headers):
            return requests.request(method, address + path, headers={"X-Forwarded-For": who, **headers}, timeout=60)

        wrong, right = "/login?password=x", "/login?password=open sesame"
        attempts = [wrong, right, wrong, right, right, wrong, right]
        assert [ask(path, method="POST").status_code for path in attempts] == [401, 200, 401, 200, 200, 401, 429]
        assert ask("/data/x").status_code == 403
        keyed = [ask("/data/x", **{"X-Api-Key": "k"}).status_code for _ in range(6)]
        assert keyed == [200] * 5 + [429]
        assert ask("/report").json() == {"message": "Here you are."}
        until_denied = [ask("/").status_code for _ in range(20)]
        assert set(until_denied) == {200, 429}
        assert ask("/", "203.0.113.2").status_code == 200
        assert ask("/health").status_code == 200


def test_a_request_that_is_denied_twice_gets_back_once():
    app = FastAPI()
    everything = few(10, "everything")

    @app.get("/")
    def view():
        return "hello"

    @app.get("/denied", dependencies=[Depends(RateLimit(few(0, "dependency")))])
    def denied():
        raise AssertionError("it is denied")

    @app.exception_handler(Denied)
    @rate_limit(few(0, "handler"))
    async def answer(request, denied):
        raise AssertionError("it is denied")

    with served(app, everything) as ask:
        assert statuses(ask, "/", "/", "/", "/denied") == [200, 200, 200, 429]
        assert ask("/").headers["X-RateLimit-Remaining"] == "6"
