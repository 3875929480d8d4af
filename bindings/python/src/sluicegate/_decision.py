"""The answer to one check, and the answers to a batch."""

from __future__ import annotations

import ctypes
import enum
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Callable, NoReturn, overload

_NEVER = 2**64 - 1
_NS_PER_S = 1_000_000_000


class Reason(str, enum.Enum):
    """Why a request was denied, or, for `TABLE_FULL` on an admitted one, why it was not counted."""

    NONE = "none"
    """Nothing stood against the request."""
    LIMIT = "limit"
    """The key has used up its limit for now."""
    COST_EXCEEDS_LIMIT = "cost exceeds limit"
    """The cost is above the capacity (or the limit is 0), so it can never fit."""
    TABLE_FULL = "table full"
    """More keys are live than fit, and `on_full` is "deny" or "allow"."""
    TIME_OUT_OF_RANGE = "time out of range"
    """The time given is after the year 2079, the last that fits a key's state."""
    TABLE_DAMAGED = "table damaged"
    """The table's file holds what no limiter has written: somebody else writes to it."""

    def __str__(self) -> str:
        return self.value


_REASONS = tuple(Reason)

# `allowed` is a 32-bit 0 or 1 in C. Read as its low byte alone it is a bool without a line of Python.
_PADDING = ("_padding", ctypes.c_uint8 * 3)
_ALLOWED = ("allowed", ctypes.c_bool)
_ALLOWED_FIELDS = (_ALLOWED, _PADDING) if sys.byteorder == "little" else (_PADDING, _ALLOWED)
_ALLOWED_OFFSET = 0 if sys.byteorder == "little" else 3


class Decision(ctypes.Structure):
    """The answer to one check: all of it from the same atomic step. Immutable; true if the request is allowed.

    Attributes:
        allowed: whether the request is within the limit. Only an allowed request has consumed anything.
        reason: why not, when it is not allowed.
        limit: the policy's limit, in permits.
        remaining: permits left after this decision, rounded down.
        retry_after, retry_after_ns: on a denial that waiting can cure, how long after the check the same request is
            admitted if nobody else asks for the key; else None.
        reset_after, reset_after_ns: how long after the check the key is as one never seen.
        delay, delay_ns: leaky bucket: how long to hold an allowed request so that requests leave at the constant
            rate; else 0.

    The names that end in `_ns` are whole nanoseconds and exact; the others are seconds, as `time.sleep` takes them.
    """

    # This is the C struct itself, so that ctypes makes the object of the call's answer in one step, and each field
    # is decoded when somebody asks for it. No instance dictionary: it would double the object's size.
    __slots__ = ()
    _fields_ = [
        *_ALLOWED_FIELDS,
        ("_reason", ctypes.c_uint32),
        ("limit", ctypes.c_uint64),
        ("remaining", ctypes.c_uint64),
        ("_retry_after_ns", ctypes.c_uint64),
        ("reset_after_ns", ctypes.c_uint64),
        ("delay_ns", ctypes.c_uint64),
    ]

    if TYPE_CHECKING:

        def __init__(self) -> None: ...
        @property
        def allowed(self) -> bool: ...
        @property
        def limit(self) -> int: ...
        @property
        def remaining(self) -> int: ...
        @property
        def reset_after_ns(self) -> int: ...
        @property
        def delay_ns(self) -> int: ...
        @property
        def _reason(self) -> int: ...
        @property
        def _retry_after_ns(self) -> int: ...

    @property
    def reason(self) -> Reason:
        return _REASONS[self._reason]

    @property
    def retry_after_ns(self) -> int | None:
        wait = self._retry_after_ns
        return None if self.allowed or wait == _NEVER else wait

    @property
    def retry_after(self) -> float | None:
        wait = self.retry_after_ns
        return None if wait is None else wait / _NS_PER_S

    @property
    def reset_after(self) -> float:
        return self.reset_after_ns / _NS_PER_S

    @property
    def delay(self) -> float:
        return self.delay_ns / _NS_PER_S

    def __bool__(self) -> bool:
        return self.allowed

    def __eq__(self, other: object) -> bool:
        return bytes(self) == bytes(other) if isinstance(other, Decision) else NotImplemented

    def __hash__(self) -> int:
        return hash(bytes(self))

    def __repr__(self) -> str:
        return (
            f"Decision(allowed={self.allowed}, reason={self.reason.value!r}, limit={self.limit}, "
            f"remaining={self.remaining}, retry_after={self.retry_after}, reset_after={self.reset_after}, "
            f"delay={self.delay})"
        )

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"a Decision does not change: cannot set {name}")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"a Decision does not change: cannot delete {name}")

    def __reduce__(self) -> tuple[Callable[[bytes], Decision], tuple[bytes]]:
        return Decision.from_buffer_copy, (bytes(self),)

    def __copy__(self) -> Decision:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Decision:
        return self


_SIZE = ctypes.sizeof(Decision)


class Decisions(Sequence[Decision]):
    """The answers to a batch, in the order of its requests.

    A `Decision` is made when somebody asks for it. Where only the verdicts matter, `allowed` has them all at once.
    """

    __slots__ = ("_buffer", "_first", "_length")

    def __init__(self, length: int) -> None:
        """Room for `length` answers, for the library to write."""
        self._length = length
        self._buffer = bytearray(max(length, 1) * _SIZE)
        # A pointer, not an array: each length would be an array type of its own, dear to make.
        self._first = ctypes.pointer(Decision.from_buffer(self._buffer))

    @property
    def allowed(self) -> list[bool]:
        """Whether each request is allowed."""
        if self._length == 0:
            return []
        return memoryview(self._buffer).cast("?")[_ALLOWED_OFFSET::_SIZE].tolist()  # type: ignore[return-value]

    def __len__(self) -> int:
        return self._length

    @overload
    def __getitem__(self, index: int) -> Decision: ...
    @overload
    def __getitem__(self, index: slice) -> list[Decision]: ...
    def __getitem__(self, index: int | slice) -> Decision | list[Decision]:
        # `range` counts negative ones from the end and refuses those beyond it.
        chosen = range(self._length)[index]
        if isinstance(chosen, range):
            return [self._first[each] for each in chosen]
        decision: Decision = self._first[chosen]
        return decision

    def __iter__(self) -> Iterator[Decision]:
        # One at a time: a list of them all would have the garbage collector pass over them again and again.
        return map(self._first.__getitem__, range(self._length))

    def __repr__(self) -> str:
        return f"<sluicegate.Decisions: {sum(self.allowed)} of {self._length} allowed>"
