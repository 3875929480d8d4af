"""Limits of single path operations and routers of FastAPI applications, beside those of `sluicegate.asgi`.

    from sluicegate.fastapi import RateLimit, rate_limit

    @app.get("/export")
    @rate_limit("fixed-window 5/1h")
    async def export(): ...

    router = APIRouter(dependencies=[Depends(RateLimit("token-bucket 10/s"))])

The middleware has to be there, with or without limits of its own: it knows who is asking, and writes the header fields.
"""

from __future__ import annotations

from typing import Any

from starlette.exceptions import HTTPException, WebSocketException
from starlette.requests import HTTPConnection
from starlette.responses import Response

from .asgi import sleep
from .middleware._denial import Denial
from .middleware._limit import LimitLike, limits_of
from .middleware._state import PLACE
from .middleware._views import ViewLimits
from .starlette import MIDDLEWARE, rate_limit, response_of

__all__ = ["Denied", "RateLimit", "rate_limit"]


class Denied(HTTPException):
    """A dependency's denial on its way out. It is answered as the middleware answers, unless the application has
    an exception handler of its own for it."""

    denial: Denial

    def __init__(self, denial: Denial) -> None:
        super().__init__(denial.status, denial.reason_phrase, dict(denial.headers))
        self.denial = denial


class RateLimit:
    """A dependency that holds whatever depends on it to limits: `Depends(RateLimit("token-bucket 10/s"))`.

    One object is one limit with one budget for each key, however many path operations depend on it. A text is a limit
    by the client's address under its own name. What the middleware has charged is given back if these deny.
    """

    def __init__(self, *limits: LimitLike) -> None:
        named = [each if not isinstance(each, str) else limits_of(each, each.strip())[0] for each in limits]
        self._view = ViewLimits(tuple(named), "")

    async def __call__(self, connection: HTTPConnection) -> None:
        """Charges the request; `Denied` if it is over a limit."""
        scope = connection.scope
        charged = self._view.charge(scope.get(PLACE), MIDDLEWARE)
        if isinstance(charged, Denial):
            if scope["type"] == "websocket" and "websocket.http.response" not in scope.get("extensions", {}):
                raise WebSocketException(1008, charged.reason_phrase)
            _be_answered(scope)
            raise Denied(charged)
        if charged:
            await sleep(charged)


def _be_answered(scope: Any) -> None:
    """Has the application answer `Denied` by what is ready, and not as it answers other HTTP exceptions."""
    handlers = scope.get("starlette.exception_handlers")
    if handlers:
        handlers[0].setdefault(Denied, _answer)


async def _answer(connection: HTTPConnection, denied: Exception) -> Response:
    assert isinstance(denied, Denied)
    return response_of(denied.denial)
