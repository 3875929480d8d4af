"""Limits of single views: what the decorators of all frameworks have in common."""

from __future__ import annotations

from typing import Any, Callable

from ._denial import Denial
from ._limit import Limit, LimitLike, limits_of
from ._state import State


class ViewLimits:
    """The limits of one view; made when it is decorated."""

    __slots__ = ("asks_for_the_user", "limits")

    limits: tuple[Limit, ...]

    def __init__(self, given: tuple[LimitLike, ...], name: str) -> None:
        if not given:
            raise TypeError("a view's limits are missing: rate_limit(limit, ...)")
        self.limits = limits_of(given, name)
        self.asks_for_the_user = any(limit.asks_for_the_user for limit in self.limits)

    def charge(self, state: State | None, middleware: str) -> Denial | float:
        """Charges what the view takes: a denial if its limits do not allow the request, else seconds to hold it."""
        if state is None:
            raise RuntimeError(
                f"the limits of a view need sluicegate's middleware on the application, which knows who is asking: "
                f"{middleware}"
            )
        denial = state.charge(None, state.not_yet_charged(self.limits))
        return state.delay if denial is None else denial


def name_of(view: Callable[..., Any]) -> str:
    """What a view's limit is called that was given no name: 1 to 64 printable ASCII characters."""
    name = getattr(view, "__name__", "")
    return name if name.isascii() and name.isprintable() and 0 < len(name) <= 64 else "view"
