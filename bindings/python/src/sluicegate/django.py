"""Limits for Django applications, and for single views of them.

    MIDDLEWARE = ["sluicegate.django.RateLimitMiddleware", ...]
    SLUICEGATE = {"limits": "token-bucket 10/s burst=20", "proxies": 1}

    @rate_limit("fixed-window 5/1h")
    def export(request): ...

`SLUICEGATE` has what `sluicegate.middleware.Options` has, and `limits` and `routes`; a function may be given by its
dotted path. Put the middleware behind `AuthenticationMiddleware` if a limit of its own counts by user, else first.
"""

from __future__ import annotations

import functools
import inspect
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar, cast

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django import conf
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.urls import Resolver404, resolve
from django.utils.module_loading import import_string

from .asgi import sleep
from .middleware._denial import Denial
from .middleware._fields import AS_TEXT
from .middleware._limit import LimitLike
from .middleware._request import Line, Request
from .middleware._rules import Rules
from .middleware._state import State
from .middleware._views import ViewLimits, name_of

__all__ = ["RateLimitMiddleware", "rate_limit"]

View = TypeVar("View", bound=Callable[..., Any])

_ATTRIBUTE = "_sluicegate"
_SETTING = "SLUICEGATE"
_FUNCTIONS = ("exempt_when", "map_denial", "matched_path", "on_decision", "on_denial", "peer")
_MIDDLEWARE = 'MIDDLEWARE = ["sluicegate.django.RateLimitMiddleware", ...]'
_UNKNOWN = object()


class DjangoRequest(Request):
    """The head of a request whose `native` is a Django request."""

    __slots__ = ("_known_user",)

    def __init__(self, rules: Rules, native: HttpRequest) -> None:
        super().__init__(rules, native, native.method or "")
        self._known_user: Any = _UNKNOWN

    @property
    def path(self) -> str:
        path: str = self.native.path_info
        return path

    def header(self, name: str) -> str | None:
        value: str | None = self.native.headers.get(name)
        return value

    def _lines(self, name: str) -> Sequence[Line]:
        value = self.header(name)  # the server has put commas between its lines
        return () if value is None else (value,)

    def _peer(self) -> str | None:
        return self.native.META.get("REMOTE_ADDR") or None

    def _user(self) -> str | int | None:
        user = getattr(self.native, "user", None) if self._known_user is _UNKNOWN else self._known_user
        if user is None or not user.is_authenticated:
            return None
        key = user.pk
        return key if isinstance(key, (str, int)) else str(key)

    async def load_user(self) -> None:
        """Loads the user where code must not wait for a database."""
        load = getattr(self.native, "auser", None)
        if load is not None:
            self._known_user = await load()

    def _pattern(self) -> str | None:
        match = getattr(self.native, "resolver_match", None)
        if match is None:
            try:
                match = resolve(self.native.path_info)
            except Resolver404:
                return None
        route: str = match.route
        return route


class RateLimitMiddleware:
    """Holds all requests of a Django application to the limits of its setting `SLUICEGATE`, in sync and in async mode.

    A leaky bucket's delays are awaited in async mode, and not waited for in sync mode, unless the setting says `delay`.
    """

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        self._get_response = get_response
        self._is_async = iscoroutinefunction(get_response)
        if self._is_async:
            markcoroutinefunction(self)
        self._rules = _rules(self._is_async)
        own = [*self._rules.limits, *(limit for _, limits in self._rules.routes for limit in limits)]
        self._asks_for_the_user = any(limit.asks_for_the_user for limit in own)

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        """Serves one request."""
        if self._is_async:
            return self._serve(request)
        state, denial = self._enter(DjangoRequest(self._rules, request))
        if denial is not None:
            return _response(denial, request)
        if state.delay:
            time.sleep(state.delay)
        return self._completed(state, self._get_response(request))

    async def _serve(self, request: HttpRequest) -> HttpResponseBase:
        asked = DjangoRequest(self._rules, request)
        if self._asks_for_the_user:
            await asked.load_user()
        state, denial = self._enter(asked)
        if denial is not None:
            return _response(denial, request)
        if state.delay:
            await sleep(state.delay)
        return self._completed(state, await self._get_response(request))

    def _enter(self, asked: DjangoRequest) -> tuple[State, Denial | None]:
        state = State(self._rules, asked, None)
        setattr(asked.native, _ATTRIBUTE, state)
        return state, state.enter()

    @staticmethod
    def _completed(state: State, response: HttpResponseBase) -> HttpResponseBase:
        inner = list(response.headers.items())
        completed = list(state.completed(response.status_code, inner, AS_TEXT))
        if completed != inner:
            for name, _ in inner:
                del response.headers[name]
            for name, value in completed:
                more = response.headers.get(name)
                response.headers[name] = value if more is None else f"{more}, {value}"
        return response


def _rules(is_async: bool) -> Rules:
    """What the setting says."""
    given = getattr(conf.settings, _SETTING, {})
    try:
        told = {name: _function(name, value) for name, value in dict(given).items()}
        limits, routes = told.pop("limits", ()), told.pop("routes", ())
        return Rules(limits, routes, delays_unless_said=is_async, **told)
    except (ImportError, TypeError, ValueError) as wrong:
        raise ImproperlyConfigured(f"{_SETTING}: {wrong}") from wrong


def _function(name: str, value: Any) -> Any:
    return import_string(value) if name in _FUNCTIONS and isinstance(value, str) else value


def rate_limit(*limits: LimitLike) -> Callable[[View], View]:
    """Holds a view to limits: a plain function or a coroutine function; for methods use Django's `method_decorator`.

    A text is a limit by the client's address under the view's name. What the middleware has charged is given back if
    the view's limits deny.
    """

    def decorate(view: View) -> View:
        own = ViewLimits(limits, name_of(view))

        @functools.wraps(view)
        def limited(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            charged = own.charge(getattr(request, _ATTRIBUTE, None), _MIDDLEWARE)
            if isinstance(charged, Denial):
                return _response(charged, request)
            if charged:
                time.sleep(charged)
            return view(request, *args, **kwargs)

        @functools.wraps(view)
        async def limited_coroutine(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            state: Any = getattr(request, _ATTRIBUTE, None)
            if own.asks_for_the_user and state is not None:
                await state.request.load_user()
            charged = own.charge(state, _MIDDLEWARE)
            if isinstance(charged, Denial):
                return _response(charged, request)
            if charged:
                await sleep(charged)
            return await view(request, *args, **kwargs)

        return cast("View", limited_coroutine if inspect.iscoroutinefunction(view) else limited)

    return decorate


def _response(denial: Denial, request: HttpRequest) -> HttpResponse:
    body = b"" if request.method == "HEAD" else denial.body
    return HttpResponse(
        body, status=denial.status, reason=denial.reason_phrase, headers=dict(denial.complete_headers())
    )
