"""The patterns of Starlette's and FastAPI's routes, for middleware that runs before them.

The framework is not imported: what has routes is found in the scope.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, MutableMapping
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary


class Pattern(NamedTuple):
    """One route."""

    kind: str
    """What it serves: "http" or "websocket"."""
    methods: frozenset[str] | None
    """None for all."""
    regex: re.Pattern[str]
    path: str
    """The pattern, with those of what it is mounted at before it."""
    below: list[Pattern] | None
    """What is mounted there."""


#: The patterns of each application that has been asked, and how many routes it had then.
_known: WeakKeyDictionary[Any, tuple[int, list[Pattern]]] = WeakKeyDictionary()


def pattern_of(scope: MutableMapping[str, Any]) -> str | None:
    """The pattern of the route that a request is about to take."""
    app = scope.get("app")
    routes = getattr(app, "routes", None)
    if routes is None:
        return None
    known = _known.get(app)
    if known is None or known[0] != len(routes):
        known = _known[app] = (len(routes), list(_patterns(routes, "")))
    path: str = scope["path"]
    prefix: str = scope.get("root_path", "")
    if prefix and path.startswith(prefix):
        path = path[len(prefix) :]
    return _find(known[1], scope["type"], scope.get("method"), path)


def _patterns(routes: Iterable[Any], above: str) -> Iterator[Pattern]:
    for route in _flat(routes):
        regex, path = getattr(route, "path_regex", None), getattr(route, "path", None)
        if regex is None or path is None:
            continue
        whole = f"{above}{path}"
        original = getattr(route, "route", route)
        below = getattr(original, "routes", None)
        if below is not None or not hasattr(original, "endpoint"):
            yield Pattern("", None, regex, whole, list(_patterns(below or (), whole)))
            continue
        methods = getattr(route, "methods", None)
        kind = "websocket" if "WebSocket" in type(original).__name__ else "http"
        yield Pattern(kind, frozenset(methods) if methods else None, regex, whole, None)


def _flat(routes: Iterable[Any]) -> Iterable[Any]:
    """The routes, with those of FastAPI's routers that are included among them."""
    try:
        from fastapi.routing import iter_route_contexts  # noqa: PLC0415
    except ImportError:
        return routes
    return iter_route_contexts(list(routes))


def _find(patterns: list[Pattern], kind: str, method: str | None, path: str) -> str | None:
    """The pattern that serves a path, else the first that has it for other methods."""
    partial = None
    for pattern in patterns:
        if pattern.kind not in ("", kind):
            continue
        match = pattern.regex.match(path)
        if match is None:
            continue
        if pattern.below is not None:
            found = _find(pattern.below, kind, method, f"/{match.groupdict().get('path', '')}")
            return pattern.path if found is None else found
        if pattern.methods is None or kind != "http" or method in pattern.methods:
            return pattern.path
        partial = partial or pattern.path
    return partial
