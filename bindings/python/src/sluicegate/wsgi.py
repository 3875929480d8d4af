"""Limits for WSGI applications: Flask, Bottle, Pyramid and whatever else a server such as gunicorn runs.

from sluicegate.wsgi import RateLimit

app.wsgi_app = RateLimit(app.wsgi_app, limits="token-bucket 10/s burst=20", proxies=1)
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from .middleware._denial import Denial
from .middleware._fields import AS_TEXT
from .middleware._limit import Limits
from .middleware._request import Line, Request
from .middleware._rules import Options, Routes, Rules
from .middleware._state import PLACE, State

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment
    from typing_extensions import Unpack

__all__ = ["RateLimit"]


class EnvironRequest(Request):
    """The head of a request whose `native` is a WSGI environ."""

    __slots__ = ()

    @property
    def path(self) -> str:
        path: str = self.native.get("PATH_INFO", "")
        return path.encode("latin-1").decode("utf-8", "replace")

    def header(self, name: str) -> str | None:
        variable = name.upper().replace("-", "_")
        if variable not in ("CONTENT_TYPE", "CONTENT_LENGTH"):
            variable = f"HTTP_{variable}"
        value: str | None = self.native.get(variable)
        return value

    def _lines(self, name: str) -> Sequence[Line]:
        value = self.header(name)  # the server has put commas between its lines
        return () if value is None else (value,)

    def _peer(self) -> str | None:
        return self.native.get("REMOTE_ADDR") or None

    def _user(self) -> str | int | None:
        return self.native.get("REMOTE_USER") or None

    def _pattern(self) -> str | None:
        return None


class RateLimit:
    """Holds a WSGI application's requests to limits: answers 429 by itself, and puts header fields on all others.

    Bodies and streams pass as they are. Any number of threads may call it.

    The options are those of `sluicegate.middleware.Options`. A leaky bucket's delays are not waited for unless
    `delay=True`: then a request that is held holds its thread.
    """

    def __init__(
        self, app: WSGIApplication, limits: Limits = (), routes: Routes = (), **options: Unpack[Options]
    ) -> None:
        self.app = app
        self._rules = Rules(limits, routes, delays_unless_said=False, **options)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Serves one request."""
        state = State(self._rules, EnvironRequest(self._rules, environ, environ["REQUEST_METHOD"]), environ.get(PLACE))
        denial = state.enter()
        if denial is not None:
            return self._deny(denial, environ, start_response)
        environ[PLACE] = state
        if state.delay:
            time.sleep(state.delay)
        if state.is_inner:
            return self.app(environ, start_response)

        def start(status: str, headers: list[tuple[str, str]], *error: Any) -> Any:
            return start_response(status, list(state.completed(int(status[:3]), headers, AS_TEXT)), *error)

        return self.app(environ, start)

    @staticmethod
    def _deny(denial: Denial, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        start_response(f"{denial.status} {denial.reason_phrase}", denial.complete_headers())
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [denial.body]
