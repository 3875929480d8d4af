"""Functions and blocks that run only within the limit."""

from __future__ import annotations

import functools
import inspect
from types import TracebackType
from typing import TYPE_CHECKING, Any, Callable, TypeVar, Union, cast

from ._errors import RateLimited
from ._keys import Key

if TYPE_CHECKING:
    from ._decision import Decision
    from ._limiter import Limiter

Function = TypeVar("Function", bound=Callable[..., Any])

#: Who asks, or what tells it from the arguments of the call.
KeyOf = Union[Key, Callable[..., Key]]
#: How many permits a call takes, or what tells it from the arguments of the call.
CostOf = Union[int, Callable[..., int]]


class Guard:
    """What `Limiter.limit` gives: a decorator, and a context manager for `with` and `async with`.

    It holds no state of its own, so one may be used any number of times, from any threads and tasks.
    """

    __slots__ = ("_cost", "_key", "_limiter")

    def __init__(self, limiter: Limiter, key: KeyOf | None, cost: CostOf) -> None:
        self._limiter = limiter
        self._key = key
        self._cost = cost

    def __call__(self, function: Function) -> Function:
        """`function` behind the limit: a call over it raises `RateLimited` and does not run.

        A coroutine function is checked when it is awaited, a generator function when it is called.
        """
        guard = self
        if self._key is None:
            guard = Guard(self._limiter, f"{function.__module__}.{function.__qualname__}", self._cost)

        @functools.wraps(function)
        def limited(*args: Any, **kwargs: Any) -> Any:
            guard._pass(args, kwargs)
            return function(*args, **kwargs)

        @functools.wraps(function)
        async def limited_coroutine(*args: Any, **kwargs: Any) -> Any:
            guard._pass(args, kwargs)
            return await function(*args, **kwargs)

        return cast("Function", limited_coroutine if inspect.iscoroutinefunction(function) else limited)

    def __enter__(self) -> Decision:
        return self._pass((), {})

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Nothing: what has been consumed stays consumed, also when the block fails. See `Limiter.refund`."""

    async def __aenter__(self) -> Decision:
        return self._pass((), {})

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """As `__exit__`."""

    def _pass(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Decision:
        """The decision on one call if it is allowed; else `RateLimited`."""
        if self._key is None:
            raise TypeError("limit() needs a key where it is used in a with block")
        key = self._key(*args, **kwargs) if callable(self._key) else self._key
        cost = self._cost(*args, **kwargs) if callable(self._cost) else self._cost
        decision = self._limiter.check(key, cost)
        if not decision.allowed:
            raise RateLimited(decision, key)
        return decision
