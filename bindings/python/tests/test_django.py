"""Django: limits of views by decorators, users, patterns, settings that are wrong, the example."""

import asyncio
import sys

import pytest
import requests
from django.core.exceptions import ImproperlyConfigured
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpResponse
from django.test import AsyncClient, Client, override_settings
from django.urls import path
from django.utils.decorators import method_decorator
from django.views import View
from middleware_servers import serving as served
from web_server import serving

from sluicegate.django import rate_limit
from sluicegate.middleware import Event, Limit, Route, keys

TOLD = []


def few(limit=2, name="few", **more):
    return Limit(name, f"fixed-window {limit}/366d", max_keys=1_000, **more)


class WithUser:
    """What stands for authentication: whoever is named in a header."""

    sync_capable = async_capable = True

    def __new__(cls, get_response):
        class User:
            is_authenticated = True

            def __init__(self, pk):
                self.pk = pk

        def put(request):
            name = request.headers.get("X-User")
            user = User(name)
            user.is_authenticated = name is not None

            async def auser():
                return user

            request.auser = auser
            if not asyncio.iscoroutinefunction(get_response):
                request.user = user

        def middleware(request):
            put(request)
            return get_response(request)

        async def async_middleware(request):
            put(request)
            return await get_response(request)

        from asgiref.sync import iscoroutinefunction, markcoroutinefunction  # noqa: PLC0415

        return markcoroutinefunction(async_middleware) if iscoroutinefunction(get_response) else middleware


WithUser.sync_capable = WithUser.async_capable = True

PLAIN, ASYNC, METHOD, USER, ASYNC_USER = (few(1, name) for name in ("plain", "async", "method", "user", "async user"))


@rate_limit("fixed-window 2/366d")
def plain(request, number):
    return HttpResponse(f"{number}")


@rate_limit(few(2, "coroutine"))
async def coroutine(request):
    return HttpResponse("coroutine")


@rate_limit(few(1, "user", key=keys.user(missing="deny")))
def of_user(request):
    return HttpResponse("user")


@rate_limit(few(1, "async user", key=keys.user(missing="deny")))
async def of_async_user(request):
    return HttpResponse("async user")


@method_decorator(rate_limit(few(1, "page")), name="get")
class Page(View):
    def get(self, request):
        return HttpResponse("page")


def tell(event: Event):
    TOLD.append(event.kind)


urlpatterns = [
    path("plain/<int:number>/", plain),
    path("coroutine/", coroutine),
    path("user/", of_user),
    path("async-user/", of_async_user),
    path("page/", Page.as_view()),
]

MIDDLEWARE = [f"{__name__}.WithUser", "sluicegate.django.RateLimitMiddleware"]


def settings(**told):
    return override_settings(ROOT_URLCONF=__name__, MIDDLEWARE=MIDDLEWARE, SLUICEGATE=told)


def statuses(client, *paths, **more):
    return [client.get(path, **more).status_code for path in paths]


def test_decorated_views_have_limits_of_their_own():
    with settings(limits=few(10, "everything"), on_denial=f"{__name__}.tell"):
        client = Client()
        first = client.get("/plain/5/")
        assert first.content == b"5"
        assert ', "plain";r=1' in first.headers["RateLimit"]
        assert statuses(client, "/plain/6/", "/plain/7/", "/page/", "/page/") == [200, 429, 200, 429]
        denied = client.get("/plain/8/", headers={"Accept": "text/html"})
        assert denied.headers["Content-Type"].startswith("text/html")
        assert denied.headers["Cache-Control"] == "no-store"
        assert ', "everything";r=7' in denied.headers["RateLimit"]
        assert statuses(client, "/coroutine/") == [200]
    assert TOLD == ["denied"] * 3


def test_async_views_by_async_handlers():
    async def ask():
        with settings(limits=few(10, "everything", key=keys.user(missing="address"))):
            client = AsyncClient()
            answers = [await client.get("/coroutine/") for _ in range(2)]
            users = [await client.get("/async-user/", headers={"X-User": user}) for user in ("ann", "bob", "ann")]
            return [answer.status_code for answer in (*answers, *users, await client.get("/async-user/"))]

    assert asyncio.run(ask()) == [200, 429, 200, 200, 429, 403]


def test_users_are_those_of_the_authentication_before():
    with settings():
        client = Client()
        got = [client.get("/user/", headers={"X-User": user}).status_code for user in ("ann", "bob", "ann")]
        assert got == [200, 200, 429]
        assert client.get("/user/").status_code == 403


@pytest.mark.parametrize("kind", ["django", "django async"])
def test_routes_are_known_by_their_patterns(kind):
    seen = []
    routes = [(Route(matched_path="items/<int:number>/"), few(2, "items"))]
    per_route = few(3, "per route", key=(keys.address, keys.route))
    options = {"on_decision": lambda event: seen.append(event.request.matched_path)}
    with served(kind, per_route, routes, **options) as address:
        paths = ["/items/1/", "/items/2/", "/items/3/", "/a", "/b"]
        got = [requests.get(address + path, timeout=60).status_code for path in paths]
    assert got == [200, 200, 429, 200, 200]
    assert seen == ["items/<int:number>/"] * 3 + [".*"] * 2


@pytest.mark.parametrize(
    ("told", "message"),
    [
        ({"limits": "token-bucket 5 per s"}, "SLUICEGATE: "),
        ({"limits": "token-bucket 5/s", "proxy": 1}, "proxy"),
        ({"on_denial": "nowhere.to_be_found"}, "nowhere"),
        ({"limits": 5}, "SLUICEGATE: "),
    ],
)
def test_a_setting_that_is_wrong_is_an_error_when_the_server_starts(told, message):
    with settings(**told), pytest.raises(ImproperlyConfigured, match=message):
        WSGIHandler()


def test_limits_without_the_middleware_are_an_error_that_says_so():
    with override_settings(ROOT_URLCONF=__name__, MIDDLEWARE=[]), pytest.raises(RuntimeError, match="MIDDLEWARE = "):
        Client().get("/plain/1/")


@pytest.mark.parametrize("server", ["Django's own", "gunicorn", "uvicorn"])
def test_the_example(server):
    command = {
        "Django's own": ["django_app.py", "runserver", "--noreload", "127.0.0.1:0"],
        "gunicorn": ["-m", "gunicorn", "--threads", "4", "--bind", "127.0.0.1:0", "django_app:application"],
        "uvicorn": ["-m", "uvicorn", "--port", "0", "--no-access-log", "django_app:asgi_application"],
    }[server]
    with serving([sys.executable, *command], "fixed-window 20/366d", PROXIES="1") as (address, _):

        def ask(path, who="203.0.113.1", method="GET", **headers):
            return requests.request(method, address + path, headers={"X-Forwarded-For": who, **headers}, timeout=60)

        wrong, right = "/login?password=x", "/login?password=open sesame"
        attempts = [wrong, right, wrong, right, right, wrong, right]
        assert [ask(path, method="POST").status_code for path in attempts] == [401, 200, 401, 200, 200, 401, 429]
        assert ask("/data/x").status_code == 403
        assert [ask("/data/x", **{"X-Api-Key": "k"}).status_code for _ in range(6)] == [200] * 5 + [429]
        assert {ask("/").status_code for _ in range(20)} == {200, 429}
        assert ask("/", "203.0.113.2").status_code == 200
        assert ask("/health").status_code == 200
