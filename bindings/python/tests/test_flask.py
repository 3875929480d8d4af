"""Flask: limits of views by decorators, URL rules, the example."""

import sys
from contextlib import contextmanager

import pytest
import requests
from flask import Flask, g
from middleware_servers import wsgi_serving
from web_server import serving

from sluicegate.flask import RateLimit, rate_limit
from sluicegate.middleware import Limit, Route, keys
from sluicegate.wsgi import RateLimit as WsgiRateLimit


def few(limit=2, name="few", **more):
    return Limit(name, f"fixed-window {limit}/366d", max_keys=1_000, **more)


@contextmanager
def served(app, *arguments, **options):
    RateLimit(app, *arguments, **options)
    with wsgi_serving(app) as address:
        yield lambda path, method="GET", **more: requests.request(method, address + path, timeout=60, **more)


def statuses(ask, *paths, **more):
    return [ask(path, **more).status_code for path in paths]


def test_decorated_views_have_limits_of_their_own():
    app = Flask(__name__)

    @app.get("/plain/<int:number>")
    @rate_limit("fixed-window 2/366d")
    def plain(number):
        return {"number": number}

    @app.get("/two", endpoint="named")
    @rate_limit(few(1, "one"), few(5, "five"))
    def two():
        return "two", 201

    with served(app, few(10, "everything")) as ask:
        first = ask("/plain/5")
        assert first.json() == {"number": 5}
        assert ', "plain";r=1' in first.headers["RateLimit"]
        assert statuses(ask, "/plain/6", "/plain/7", "/two", "/two") == [200, 429, 201, 429]
        denied = ask("/plain/8", headers={"Accept": "application/problem+json"})
        assert denied.headers["Content-Type"] == "application/problem+json"
        assert denied.headers["Cache-Control"] == "no-store"
        assert ', "everything";r=7' in denied.headers["RateLimit"]
        head = ask("/plain/8", "HEAD")
        assert (head.status_code, head.content) == (429, b"")
        assert int(head.headers["Content-Length"]) > 100


def test_keys_of_views_are_found_in_the_requests_context():
    app = Flask(__name__)

    @app.before_request
    def authenticate():
        from flask import request  # noqa: PLC0415

        g.user = request.args.get("user")

    @app.get("/")
    @rate_limit(few(1, key=keys.user(lambda request: g.user, missing="deny")))
    def view():
        return "hello"

    with served(app) as ask:
        assert statuses(ask, "/?user=ann", "/?user=bob", "/?user=ann", "/") == [200, 200, 429, 403]


def test_routes_are_known_by_the_url_rules():
    app = Flask(__name__)

    @app.route("/items/<int:number>", methods=["GET", "POST"])
    def item(number):
        return str(number)

    routes = [(Route(matched_path="/items/<int:number>", method="GET"), few(1))]
    per_route = few(3, "per route", key=(keys.address, keys.route))
    with served(app, per_route, routes) as ask:
        assert statuses(ask, "/items/1", "/items/2") == [200, 429]
        assert statuses(ask, "/items/1", "/items/2", "/items/3", method="POST") == [200, 200, 429]
        assert statuses(ask, "/a", "/b", "/c", "/d") == [404, 404, 404, 429]


def test_one_object_may_hold_several_applications():
    limit = RateLimit(limits=few(1))
    apps = [Flask("one"), Flask("two")]
    for app in apps:
        limit.init_app(app)
    with wsgi_serving(apps[0]) as one, wsgi_serving(apps[1]) as two:
        assert [requests.get(address, timeout=60).status_code for address in (one, two)] == [404, 429]


def test_limits_without_the_middleware_are_an_error_that_says_so():
    app = Flask(__name__)
    view = app.get("/")(rate_limit("fixed-window 1/s")(lambda: "hello"))
    with app.test_request_context("/"), pytest.raises(RuntimeError, match=r"sluicegate\.flask\.RateLimit\(app\)"):
        view()


def test_the_example():
    pytest.importorskip("gunicorn")
    command = [sys.executable, "-m", "gunicorn", "--threads", "4", "--bind", "127.0.0.1:0", "flask_app:app"]
    with serving(command, "fixed-window 20/366d", PROXIES="1") as (address, _):

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


def test_an_answer_that_is_begun_anew_counts_once_and_has_the_fields():
    seen = []

    def app(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        try:
            raise RuntimeError("a template has failed")
        except RuntimeError:
            start_response("500 Oops", [("Content-Type", "text/plain")], sys.exc_info())
        return [b"sorry"]

    limit = few(5, refund_when=lambda response: seen.append(response.status) or True)
    with wsgi_serving(WsgiRateLimit(app, limit)) as address:
        answer = requests.get(address, timeout=60)
    assert (answer.status_code, answer.text, answer.headers["X-RateLimit-Remaining"]) == (500, "sorry", "5")
    assert seen == [200]
