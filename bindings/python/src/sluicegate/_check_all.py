"""One request held to several limits."""

from __future__ import annotations

import ctypes
from collections.abc import Iterable
from ctypes import byref
from typing import Any, Union

from . import _library as library
from ._decision import Decisions
from ._errors import ArgumentError
from ._keys import Key, key_bytes, whole_number
from ._limiter import Limiter

#: What one limit is asked for: a limiter and a key, which asks for one permit, or those and a cost.
Charge = Union["tuple[Limiter, Key]", "tuple[Limiter, Key, int]"]


def check_all(charges: Iterable[Charge], *, now_ns: int | None = None) -> Decisions:
    """Decides on one request that several limits hold: charged to all of them if all allow it, else to none.

    The answers come in the order of the charges. Where one limit denies, nothing was consumed, and the others that
    would have allowed say how they stand: allowed, and what is left without this request.

    >>> from sluicegate import Limiter, check_all
    >>> by_second, by_day = Limiter("token-bucket 10/s"), Limiter("fixed-window 3/day")
    >>> [all(check_all([(by_second, "ann"), (by_day, "ann")])) for request in range(4)]
    [True, True, True, False]

    All are asked first and charged after, so a denial writes nothing. If another request takes the last permit of one
    limit between the two, what was already charged to the others is given back at once. Never is one too many admitted.

    The time is that of each limiter's clock, or `now_ns`. Limiters whose clocks are functions must share one.

    Raises:
        ArgumentError: limiters with different functions for a clock, and no `now_ns`.
        ClosedError: a limiter has been closed.
        TypeError, ValueError: a key or a cost that is none.
    """
    asked = [_charge(at, charge) for at, charge in enumerate(charges)]
    if now_ns is None:
        now_ns = _time_of([limiter for limiter, _, _ in asked])
    handles = [limiter._open() for limiter, _, _ in asked]  # held on to until the call has ended
    packed = (library.Charge * len(asked))()
    for at, (_, key, cost) in enumerate(asked):
        packed[at] = library.Charge(ctypes.addressof(handles[at]._obj), key, len(key), cost)
    decisions = Decisions(len(asked))
    allowed = ctypes.c_uint32()
    by_their_clocks, at_time = library.check_all
    if now_ns is None:
        status = by_their_clocks(packed, len(asked), decisions._first, byref(allowed))
    else:
        status = at_time(packed, len(asked), whole_number("now_ns", now_ns), decisions._first, byref(allowed))
    library.raise_for(status)
    return decisions


def _charge(at: int, charge: Any) -> tuple[Limiter, bytes, int]:
    try:
        limiter, key, cost = charge if len(charge) == 3 else (*charge, 1)
    except (TypeError, ValueError):
        raise TypeError(f"charges[{at}] must be (limiter, key) or (limiter, key, cost), not {charge!r}") from None
    if not isinstance(limiter, Limiter):
        raise TypeError(f"charges[{at}] must begin with a Limiter, not {type(limiter).__name__}")
    try:
        return limiter, key_bytes(key), whole_number("cost", cost)
    except (TypeError, ValueError) as error:
        raise type(error)(f"charges[{at}]: {error}") from None


def _time_of(limiters: list[Limiter]) -> int | None:
    """The time of the function that is the limiters' clock; None where the library reads theirs."""
    clocks = [limiter._clock for limiter in limiters]
    if all(clock is None for clock in clocks):
        return None
    if any(clock is not clocks[0] for clock in clocks):
        raise ArgumentError("the limiters have different clocks; give them one, or say now_ns")
    assert clocks[0] is not None
    return whole_number("the clock's time", clocks[0]())
