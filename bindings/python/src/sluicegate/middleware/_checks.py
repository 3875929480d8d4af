"""Arguments of the middleware, checked when it is made."""

from __future__ import annotations

import inspect
from typing import Any, Callable, TypeVar

from .._errors import ArgumentError

Function = TypeVar("Function", bound=Callable[..., Any])


def plain_function(name: str, function: Function) -> Function:
    """`function` if it can be called, and is done when it returns."""
    if not callable(function):
        raise TypeError(f"{name} must be a function, not {function!r}")
    if inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(getattr(function, "__call__", None)):  # noqa: B004
        raise TypeError(
            f"{name} must be a plain function, not a coroutine function: what is decided is decided at once"
        )
    return function


def optional_function(name: str, function: Function | None) -> Function | None:
    """The same, where there may be none."""
    return None if function is None else plain_function(name, function)


def status_of_error(name: str, status: int) -> int:
    """`status` if it is one that an error has."""
    if type(status) is not int or not 400 <= status <= 599:
        raise ArgumentError(f"{name} is {status!r}; it must be a status from 400 to 599")
    return status


def truth(name: str, value: bool) -> bool:
    """`value` if it is True or False."""
    if not isinstance(value, bool):
        raise TypeError(f"{name} must be True or False, not {value!r}")
    return value


def texts(name: str, value: str | tuple[str, ...] | list[str] | None) -> tuple[str, ...]:
    """One text or several as a tuple."""
    several = () if value is None else (value,) if isinstance(value, str) else tuple(value)
    for text in several:
        if not isinstance(text, str):
            raise TypeError(f"{name} must be text, or several texts in a list, not {text!r}")
    return several
