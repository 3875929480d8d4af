"""Limits of single endpoints of Starlette and FastAPI applications, beside those of `sluicegate.asgi`.

    from sluicegate.starlette import rate_limit

    @app.get("/export")
    @rate_limit("fixed-window 5/1h")
    async def export(): ...

The middleware has to be there, with or without limits of its own: it knows who is asking, and writes the header fields.
"""

from __future__ import annotations

import functools
import inspect
import time
from typing import Any, Callable, TypeVar, cast

from starlette.responses import Response
from starlette.websockets import WebSocket

from .asgi import CURRENT, sleep
from .middleware._denial import Denial
from .middleware._limit import LimitLike
from .middleware._views import ViewLimits, name_of

__all__ = ["rate_limit"]

Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])

MIDDLEWARE = "app.add_middleware(sluicegate.asgi.RateLimitMiddleware)"


def rate_limit(*limits: LimitLike) -> Callable[[Endpoint], Endpoint]:
    """Holds an endpoint to limits: a coroutine function or a plain one, also of a websocket or a method of a class.

    Put it below the route's own decorator. A text is a limit by the client's address under the endpoint's name. What
    the middleware has charged is given back if the endpoint's limits deny.
    """

    def decorate(endpoint: Endpoint) -> Endpoint:
        view = ViewLimits(limits, name_of(endpoint))

        @functools.wraps(endpoint)
        async def limited_coroutine(*args: Any, **kwargs: Any) -> Any:
            charged = view.charge(CURRENT.get(), MIDDLEWARE)
            if isinstance(charged, Denial):
                return await _deny(charged, (*args, *kwargs.values()))
            if charged:
                await sleep(charged)
            return await endpoint(*args, **kwargs)

        @functools.wraps(endpoint)
        def limited(*args: Any, **kwargs: Any) -> Any:
            charged = view.charge(CURRENT.get(), MIDDLEWARE)
            if isinstance(charged, Denial):
                return response_of(charged)
            if charged:
                time.sleep(charged)  # it has a thread of its own
            return endpoint(*args, **kwargs)

        return cast("Endpoint", limited_coroutine if inspect.iscoroutinefunction(endpoint) else limited)

    return decorate


def response_of(denial: Denial) -> Response:
    """A denial as a response."""
    return Response(denial.body, denial.status, dict(denial.headers))


async def _deny(denial: Denial, arguments: tuple[Any, ...]) -> Response | None:
    websocket = next((argument for argument in arguments if isinstance(argument, WebSocket)), None)
    if websocket is None:
        return response_of(denial)
    if "websocket.http.response" in websocket.scope.get("extensions", {}):
        await websocket.send_denial_response(response_of(denial))
    else:
        await websocket.close(1008, denial.reason_phrase)
    return None
