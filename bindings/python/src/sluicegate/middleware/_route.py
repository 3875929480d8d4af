"""Routes: which requests are held to which limits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Callable, Union

from .._errors import ArgumentError
from ._checks import optional_function, texts
from ._request import Request

#: One text, or several that are alternatives.
OneOrMore = Union[str, Sequence[str], None]


class Route:
    """What requests it matches. All kinds of conditions that are given must hold; several of one kind are alternatives.

    Paths are compared as the application routes by them: decoded, without the prefix at which it is mounted, and with
    a difference between upper and lower case. So `%2e` and the like are no way past a limit.

    >>> from sluicegate.middleware import Route
    >>> Route(path="/login", method="POST")
    Route(path='/login', method='POST')
    """

    __slots__ = ("_given", "_matched_paths", "_methods", "_paths", "_prefixes", "_when")

    def __init__(
        self,
        *,
        path: OneOrMore = None,
        prefix: OneOrMore = None,
        matched_path: OneOrMore = None,
        method: OneOrMore = None,
        when: Callable[[Request], bool] | None = None,
    ) -> None:
        """A route for requests that meet all that is given; for all requests where nothing is.

        Args:
            path: the whole path.
            prefix: whole segments from the path's beginning: "/api" matches "/api" and "/api/x", not "/apix".
            matched_path: the framework's pattern, such as "/items/{id}" (FastAPI, Starlette), "/items/<int:id>"
            (Flask),
                "items/<int:id>/" (Django).
            method: such as "POST".
            when: a plain function of the request's head.
        """
        given = {"path": path, "prefix": prefix, "matched_path": matched_path, "method": method, "when": when}
        self._given = {name: value for name, value in given.items() if value is not None}
        self._paths = frozenset(_absolute("path", path))
        self._prefixes = tuple(prefix.rstrip("/") for prefix in _absolute("prefix", prefix))
        self._matched_paths = frozenset(texts("matched_path", matched_path))  # type: ignore[arg-type]
        self._methods = frozenset(method.upper() for method in texts("method", method))  # type: ignore[arg-type]
        self._when = optional_function("when", when)

    def matches(self, request: Request) -> bool:
        """Whether it is the route of a request."""
        if self._methods and request.method not in self._methods:
            return False
        if self._paths and request.path not in self._paths:
            return False
        if self._prefixes and not self._is_below(request.path):
            return False
        if self._matched_paths and request.matched_path not in self._matched_paths:
            return False
        return self._when is None or bool(self._when(request))

    def _is_below(self, path: str) -> bool:
        return any(path == prefix or path.startswith(f"{prefix}/") for prefix in self._prefixes)

    def __repr__(self) -> str:
        return f"Route({', '.join(f'{name}={value!r}' for name, value in self._given.items())})"


def _absolute(name: str, value: OneOrMore) -> tuple[str, ...]:
    paths = texts(name, value)  # type: ignore[arg-type]
    for path in paths:
        if not path.startswith("/"):
            raise ArgumentError(f"{name} {path!r}: it must begin with /")
    return paths
