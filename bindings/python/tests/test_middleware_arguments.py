"""What the middleware is told wrong is an error where it is told, which says what would be right."""

import pytest

from sluicegate import ArgumentError, Limiter, ManualClock, PolicyError
from sluicegate.asgi import RateLimitMiddleware
from sluicegate.identity import Identity
from sluicegate.middleware import Limit, Route, keys
from sluicegate.starlette import rate_limit
from sluicegate.wsgi import RateLimit


def few(name="few", **more):
    return Limit(name, "fixed-window 5/1h", max_keys=10, **more)


async def coroutine(_):
    return True


@pytest.mark.parametrize(
    ("error", "message", "options"),
    [
        (PolicyError, "fixed-window 5", {"limits": "fixed-window 5"}),
        (TypeError, "a limit must be a Limit", {"limits": [5]}),
        (ArgumentError, "two limits of one request are called 'few'", {"limits": [few(), few()]}),
        (ArgumentError, "are called 'default'", {"limits": ["fixed-window 5/1h", "token-bucket 1/s"]}),
        (ArgumentError, "are called 'few'", {"limits": few(), "routes": [(Route(path="/x"), few())]}),
        (ArgumentError, "clocks", {"limits": [few("a", clock=ManualClock()), few("b")]}),
        (TypeError, r"routes\[0\] must be a pair", {"routes": [Route(path="/x")]}),
        (ArgumentError, "proxies", {"proxies": "10.0.0.0/33"}),
        (ArgumentError, "both given", {"proxies": 1, "identity": Identity(1)}),
        (ArgumentError, "10.0.0/8", {"exempt_networks": "10.0.0/8"}),
        (ArgumentError, "from 400 to 599", {"missing_status": 200}),
        (TypeError, "dry_run must be True or False", {"dry_run": 1}),
        (TypeError, "on_denial must be a plain function", {"on_denial": coroutine}),
        (TypeError, "on_decision must be a function", {"on_decision": 5}),
        (ArgumentError, "must be 'json'", {"body": "xml"}),
        (TypeError, "unexpected keyword argument 'proxy'", {"proxy": 1}),
    ],
)
@pytest.mark.parametrize("middleware", [RateLimitMiddleware, RateLimit])
def test_options(middleware, error, message, options):
    with pytest.raises(error, match=message):
        middleware(None, **options)


@pytest.mark.parametrize(
    ("error", "message", "make"),
    [
        (ArgumentError, "name", lambda: few("a\r\nb")),
        (ArgumentError, "belong to the Limiter", lambda: Limit("a", Limiter("token-bucket 1/s", 10), max_keys=10)),
        (TypeError, r"keys\.function\(f, missing=", lambda: few(key=lambda request: "a")),
        (TypeError, r"sluicegate\.middleware\.keys", lambda: few(key="address")),
        (TypeError, "missing", lambda: keys.header("X-Api-Key")),
        (ArgumentError, "'skip', 'deny', 'address'", lambda: keys.user(missing="ignore")),
        (ArgumentError, "a header's name", lambda: keys.header("X Api Key", missing="deny")),
        (ArgumentError, "is no client", lambda: keys.function(lambda request: "a", missing="deny", name="user")),
        (TypeError, "must be a plain function", lambda: few(refund_when=coroutine)),
        (TypeError, "must be a plain function", lambda: few(cost=coroutine)),
        (ValueError, "cost is -1", lambda: few(cost=-1)),
        (ArgumentError, "it must begin with /", lambda: Route(path="login")),
        (ArgumentError, "it must begin with /", lambda: Route(prefix=["/a", "b"])),
        (TypeError, "method must be text", lambda: Route(method=[5])),
        (TypeError, "limits are missing", lambda: rate_limit()(coroutine)),
    ],
)
def test_limits_keys_and_routes(error, message, make):
    with pytest.raises(error, match=message):
        make()


def test_a_route_without_conditions_matches_everything():
    assert Route().matches(None)
    assert repr(Route(path="/a", method=["GET"])) == "Route(path='/a', method=['GET'])"
