"""Limits for ASGI applications: Starlette, FastAPI, Quart, Litestar and whatever else a server such as uvicorn runs.

from sluicegate.asgi import RateLimitMiddleware

app.add_middleware(RateLimitMiddleware, limits="token-bucket 10/s burst=20", proxies=1)
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from contextvars import ContextVar
from functools import partial
from typing import TYPE_CHECKING, Any

from .middleware._denial import Denial
from .middleware._fields import AS_BYTES
from .middleware._limit import Limits
from .middleware._request import Line, Request
from .middleware._rules import Options, Routes, Rules
from .middleware._starlette_routes import pattern_of
from .middleware._state import PLACE, State

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = ["RateLimitMiddleware"]

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]

_POLICY_VIOLATION = 1008

#: What is known of the request at hand, for its endpoint.
CURRENT: ContextVar[State | None] = ContextVar("sluicegate", default=None)


class ScopeRequest(Request):
    """The head of a request whose `native` is an ASGI scope."""

    __slots__ = ()

    @property
    def path(self) -> str:
        # As Starlette does it: the path has the prefix at which the application is mounted in front.
        path: str = self.native["path"]
        prefix: str = self.native.get("root_path", "")
        if prefix and path.startswith(prefix) and path[len(prefix) : len(prefix) + 1] in ("", "/"):
            return path[len(prefix) :]
        return path

    def _lines(self, name: str) -> Sequence[Line]:
        wanted = name.encode("latin-1")
        return [value for key, value in self.native["headers"] if key.lower() == wanted]

    def header(self, name: str) -> str | None:
        lines: Any = self._lines(name.lower())
        return b",".join(lines).decode("latin-1") if lines else None

    def _peer(self) -> str | None:
        client = self.native.get("client")
        return client[0] if client else None

    def _user(self) -> str | int | None:
        user = self.native.get("user")
        if user is None or not getattr(user, "is_authenticated", True):
            return None
        for name in ("identity", "id", "username", "display_name"):
            try:
                found = getattr(user, name)
            except (AttributeError, NotImplementedError):  # Starlette's own users have no identity
                continue
            if isinstance(found, (str, int)):
                return found
        return None

    def _pattern(self) -> str | None:
        return pattern_of(self.native)


class RateLimitMiddleware:
    """Holds an ASGI application's requests to limits: answers 429 by itself, and puts header fields on all others.

    Websockets are held to them when they connect. Bodies, streams and everything else pass as they are. It runs under
    asyncio and trio, and one instance serves any number of event loops and threads.

    The options are those of `sluicegate.middleware.Options`. A leaky bucket's delays are awaited unless
    `delay=False`.
    """

    def __init__(self, app: ASGIApp, limits: Limits = (), routes: Routes = (), **options: Unpack[Options]) -> None:
        self.app = app
        self._rules = Rules(limits, routes, delays_unless_said=True, **options)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one connection."""
        kind = scope["type"]
        if kind not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        state = State(self._rules, ScopeRequest(self._rules, scope, scope.get("method", "GET")), scope.get(PLACE))
        denial = state.enter()
        if denial is not None:
            await (_deny if kind == "http" else _deny_handshake)(denial, scope, receive, send)
            return
        scope[PLACE] = state
        CURRENT.set(state)
        if state.delay:
            await sleep(state.delay)
        await self.app(scope, receive, send if state.is_inner else partial(self._send, state, send))

    async def _send(self, state: State, send: Send, message: Message) -> None:
        """Sends on what the application sends, its answer's head completed."""
        kind = message["type"]
        if kind in ("http.response.start", "websocket.http.response.start"):
            headers = state.completed(message["status"], message.get("headers", ()), AS_BYTES)
            message = {**message, "headers": headers}
        elif kind == "websocket.accept":
            state.completed(101, message.get("headers", ()), AS_BYTES)
        await send(message)


def _encoded(headers: Any) -> list[tuple[bytes, bytes]]:
    return [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]


async def _deny(denial: Denial, scope: Scope, receive: Receive, send: Send) -> None:
    await _answer(denial, "", scope, send)


async def _answer(denial: Denial, prefix: str, scope: Scope, send: Send) -> None:
    body = b"" if scope.get("method") == "HEAD" else denial.body
    headers = _encoded(denial.complete_headers())
    await send({"type": f"{prefix}http.response.start", "status": denial.status, "headers": headers})
    await send({"type": f"{prefix}http.response.body", "body": body})


async def _deny_handshake(denial: Denial, scope: Scope, receive: Receive, send: Send) -> None:
    """Answers a websocket's handshake: as HTTP if the server can, else by closing, which clients see as a 403."""
    await receive()  # websocket.connect
    if "websocket.http.response" in (scope.get("extensions") or ()):
        await _answer(denial, "websocket.", scope, send)
    else:
        await send({"type": "websocket.close", "code": _POLICY_VIOLATION, "reason": denial.reason_phrase})


async def sleep(seconds: float) -> None:
    """Waits by the library that runs the task."""
    trio: Any = sys.modules.get("trio")
    if trio is not None and trio.lowlevel.in_trio_run():
        await trio.sleep(seconds)
    else:
        await asyncio.sleep(seconds)
