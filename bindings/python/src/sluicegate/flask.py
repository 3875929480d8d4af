"""Limits for Flask applications, and for single views of them.

from sluicegate.flask import RateLimit, rate_limit

RateLimit(app, "token-bucket 10/s burst=20", proxies=1)

@app.get("/export")
@rate_limit("fixed-window 5/1h")
def export(): ...
"""

from __future__ import annotations

import functools
import inspect
import time
from typing import TYPE_CHECKING, Any, Callable, TypeVar, cast

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException

from . import wsgi
from .middleware._denial import Denial
from .middleware._limit import LimitLike, Limits, limits_of
from .middleware._request import Request
from .middleware._rules import Options, Routes
from .middleware._state import PLACE
from .middleware._views import ViewLimits, name_of

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = ["RateLimit", "rate_limit"]

View = TypeVar("View", bound=Callable[..., Any])

_MIDDLEWARE = "sluicegate.flask.RateLimit(app)"


class RateLimit:
    """Holds all requests of a Flask application to limits: `app.wsgi_app` behind `sluicegate.wsgi.RateLimit`.

    It knows Flask's URL rules, so that `Route(matched_path="/items/<int:id>")` and `keys.route` work. The options are
    those of `sluicegate.middleware.Options`.
    """

    def __init__(
        self, app: Flask | None = None, limits: Limits = (), routes: Routes = (), **options: Unpack[Options]
    ) -> None:
        self._limits = limits_of(limits)
        self._routes = list(routes)
        self._options = options
        if app is not None:
            self.init_app(app)

    def init_app(self, app: Flask) -> None:
        """Holds an application's requests to the limits; several applications share them."""
        options: Options = {"matched_path": functools.partial(_rule, app), **self._options}
        limited = wsgi.RateLimit(app.wsgi_app, self._limits, self._routes, **options)
        app.wsgi_app = limited  # type: ignore[method-assign]


def _rule(app: Flask, asked: Request) -> str | None:
    """The URL rule that a request is about to take."""
    try:
        rule, _ = app.create_url_adapter(app.request_class(asked.native)).match(return_rule=True)  # type: ignore[union-attr]
    except HTTPException:
        return None
    return rule.rule


def rate_limit(*limits: LimitLike) -> Callable[[View], View]:
    """Holds a view to limits: a plain function or a coroutine function. Put it below the route's own decorator.

    A text is a limit by the client's address under the view's name. Functions of keys and costs run in the request's
    context, so `flask.g` and `flask.session` are there. What the middleware has charged is given back if the view's
    limits deny.
    """

    def decorate(view: View) -> View:
        own = ViewLimits(limits, name_of(view))

        @functools.wraps(view)
        def limited(*args: Any, **kwargs: Any) -> Any:
            charged = own.charge(request.environ.get(PLACE), _MIDDLEWARE)
            if isinstance(charged, Denial):
                return _response(charged)
            if charged:
                time.sleep(charged)
            return view(*args, **kwargs)

        @functools.wraps(view)
        async def limited_coroutine(*args: Any, **kwargs: Any) -> Any:
            answer = limited(*args, **kwargs)
            return await answer if inspect.isawaitable(answer) else answer

        return cast("View", limited_coroutine if inspect.iscoroutinefunction(view) else limited)

    return decorate


def _response(denial: Denial) -> Response:
    return Response(denial.body, denial.status, denial.headers)
