"""Clocks: where a check without a time of its own gets one."""

from __future__ import annotations

import threading

from ._keys import whole_number


class ManualClock:
    """A clock that stands where it is put: for tests and replays. One may serve several limiters.

    >>> from sluicegate import Limiter, ManualClock
    >>> clock = ManualClock()
    >>> limiter = Limiter("token-bucket 1/s", clock=clock)
    >>> limiter.check("key").allowed, limiter.check("key").allowed
    (True, False)
    >>> clock.advance(1)
    >>> limiter.check("key").allowed
    True
    """

    __slots__ = ("_lock", "_now_ns")

    def __init__(self, now_ns: int = 0) -> None:
        """A clock that shows `now_ns`, in nanoseconds since the Unix epoch."""
        self._lock = threading.Lock()
        self._now_ns = whole_number("now_ns", now_ns)

    def __call__(self) -> int:
        """The time it shows, in nanoseconds since the Unix epoch."""
        return self._now_ns

    def set(self, now_ns: int) -> None:
        """Puts the clock to `now_ns`, forwards or back."""
        self._now_ns = whole_number("now_ns", now_ns)

    def advance(self, seconds: float = 0, *, ns: int = 0) -> None:
        """Moves the clock on by `seconds`, to the nearest nanosecond, and by `ns` nanoseconds."""
        with self._lock:
            self._now_ns = whole_number("now_ns", self._now_ns + round(seconds * 1_000_000_000) + ns)

    def __repr__(self) -> str:
        return f"ManualClock({self._now_ns})"
