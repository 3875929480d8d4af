"""The limiter."""

from __future__ import annotations

import ctypes
import datetime
import os
from collections.abc import Iterable
from ctypes import byref
from types import TracebackType
from typing import Any, Callable, Final, Literal, NamedTuple, NoReturn, Union

from . import _library as library
from ._batch import Request, pack
from ._decision import Decision, Decisions
from ._errors import ArgumentError, ClosedError, PolicyError
from ._guard import CostOf, Guard, KeyOf
from ._keys import Key, key_bytes, whole_number

#: What happens to a new key when more keys are live than fit.
OnFull = Literal["evict", "deny", "allow"]
#: "monotonic", "coarse", or what tells the time in nanoseconds since the Unix epoch, such as `time.time_ns`.
Clock = Union[Literal["monotonic", "coarse"], Callable[[], int]]

#: The name of a file, as `open` takes it.
Path = Union[str, bytes, "os.PathLike[str]", "os.PathLike[bytes]"]

DEFAULT_MAX_KEYS: Final = 1_000_000

_ON_FULL = {"evict": 0, "deny": 1, "allow": 2}
_CLOCKS = {"monotonic": 0, "coarse": 1}
_POLICY_TEXT_MAX = 128
_ONE: Final = 1
# The quick call passes a key's length in 32 bits, and Python compares numbers of 30 bits fastest.
_LONG = 2**30 - 1

_check_by_value: Callable[[Any, bytes, int], Decision] = library.check_by_value


class Stats(NamedTuple):
    """What a limiter holds and has done. The counts go on from the making of the limiter."""

    capacity: int
    """Keys that can be live at once before anything is evicted or refused: the limiter's `max_keys`."""
    live_keys: int
    """Keys that are live now, that is, not as fresh as a key never seen."""
    memory_bytes: int
    """The table's size. It never changes."""
    inserted: int
    """How often a key was given a slot."""
    evicted: int
    """How often a live key had to give way to a new one."""
    refused_full: int
    """Requests denied because the table was full."""
    allowed_full: int
    """Requests allowed uncounted because the table was full."""


class _Owner(datetime.tzinfo):
    """Frees the library's limiter when nobody refers to it any more. See `_Table`."""

    __slots__ = ("address",)

    def __init__(self, address: int) -> None:
        self.address = address

    def __del__(self, free: Callable[[int], None] = library.limiter_free) -> None:
        free(self.address)


class _Table(ctypes.Structure):
    """The library's limiter, seen as an object at its address: what a call refers to, it keeps alive."""

    # The owner must go when its last user goes, and not before. The garbage collector would take it first where a
    # limiter is part of a cycle whose other parts may still ask it in their `__del__` (and a weak reference's callback
    # comes even before those). But it cannot look into a `datetime.time`, which therefore hides the owner from it.
    hidden_owner: datetime.time

    @classmethod
    def owning(cls, address: int) -> _Table:
        """The one for the limiter at this address, which is freed with it."""
        table = cls.from_address(address)
        table.hidden_owner = datetime.time(tzinfo=_Owner(address))  # type: ignore[abstract]
        return table


class Limiter:
    """One policy over one table of keys.

    All methods may be called from any number of threads at once; none waits for another thread. With a `path` the table
    is in a file, and all processes that name it enforce one limit. Without, a child process after `fork` goes on with a
    copy of its own.

    >>> from sluicegate import Limiter
    >>> limiter = Limiter("token-bucket 100/s burst=200", max_keys=1_000_000)
    >>> decision = limiter.check("203.0.113.10")
    >>> decision.allowed, decision.remaining
    (True, 199)

    A key is text (its UTF-8 bytes count; surrogates are kept apart) or any bytes-like object, of any length.
    """

    __slots__ = ("__weakref__", "_clock", "_handle", "_max_keys", "_path", "_policy", "_quick_handle")

    _handle: Any
    """A reference to the library's limiter in the form that ctypes passes most cheaply; None once closed."""
    _quick_handle: Any
    """The same for those whose time is the library's; None for others."""

    def __init__(
        self,
        policy: str,
        max_keys: int = DEFAULT_MAX_KEYS,
        *,
        on_full: OnFull = "evict",
        clock: Clock = "monotonic",
        path: Path | None = None,
        replace: bool = False,
        prefault: bool = True,
    ) -> None:
        """Makes a limiter, and takes all the memory it will ever use: 24 bytes a key.

        With a `path`, it joins the table in the file of that name, or makes it. Everything in the file is looked at
        before anything is used. A process that is killed at any instant harms no other.

        Args:
            policy: "ALGORITHM LIMIT/PERIOD [burst=N]", such as "fixed-window 5000/1h", "sliding-window 100/60m",
                "token-bucket 100/s burst=200" or "leaky-bucket 10/s burst=20".
            max_keys: how many keys can be live at once before `on_full` applies.
            on_full: "evict" (the key that has consumed least gives way), "deny" or "allow".
            clock: "monotonic" (precise), "coarse" (cheaper, in steps of 1 to 10 ms), or a function that tells the time
                in nanoseconds since the Unix epoch, such as `time.time_ns` or a `ManualClock`. With a `path`, the two
                that have a name tell the table's time, which is the same in all processes.
            path: a file on this machine in which the table lives, shared with all who name it; made with mode 0600. On
                /dev/shm it lasts as long as the machine runs, on a disk beyond that. All must give the same `policy`
                and `max_keys`.
            replace: whether a table file that has another policy gives way to one with this, in which each key has
                consumed what it had. Limiters that have the old file open go on with it, see `is_current`.
            prefault: whether all of the memory is taken now. Otherwise each page of it comes with the first check that
                reaches it, which waits until the system has made it: half a millisecond for a huge page.

        Raises:
            PolicyError: the policy is wrong; the text says where, and shows a right one.
            ArgumentError: another argument is out of range.
            OutOfMemoryError: there is no memory for so many keys.
            SluicegateOSError: the file cannot be made or opened.
            TableFormatError: the file is no table of this format, is damaged, or belongs to a stranger.
            TableMismatchError: the table has another policy or another `max_keys`.
        """
        if not isinstance(policy, str):
            raise TypeError(f"a policy must be str, not {type(policy).__name__}")
        if "\0" in policy:
            raise PolicyError(f"policy {policy!r}: there is a zero byte in it")
        options = library.Options(
            struct_size=ctypes.sizeof(library.Options),
            max_keys=_at_least_one_key(max_keys),
            on_full=_one_of("on_full", on_full, _ON_FULL),
            clock=0 if callable(clock) else _one_of("clock", clock, _CLOCKS, " or a function"),
            replace=_truth("replace", replace),
            no_prefault=not _truth("prefault", prefault),
        )
        if replace and path is None:
            raise ArgumentError("replace needs a path: only a table's file can be replaced")
        text = policy.encode("utf-8", "surrogatepass")
        made = ctypes.c_void_p()
        if path is None:
            status = library.limiter_new_with(text, byref(options), byref(made))
        else:
            status = library.limiter_open_with(_file_name(path), text, byref(options), byref(made))
        library.raise_for(status)
        assert made.value is not None
        self._handle = byref(_Table.owning(made.value))
        self._clock = clock if callable(clock) else None
        self._quick_handle = self._handle if self._clock is None else None
        self._max_keys = max_keys
        self._path = None if path is None else os.fsdecode(path)
        self._policy = self._policy_text()

    def check(self, key: Key, cost: int = _ONE) -> Decision:
        """Decides on `cost` permits for `key` now, all or none, and consumes them if they are allowed."""
        # The short way, for what nearly every call is: see benches/call_alternatives.py for what it saves.
        handle = self._quick_handle
        if cost is _ONE and handle is not None:
            if type(key) is str:
                try:
                    data = key.encode()
                except UnicodeEncodeError:
                    data = key_bytes(key)
                length = len(data)
                if length < _LONG:
                    return _check_by_value(handle, data, length)
            elif type(key) is bytes:
                length = len(key)
                if length < _LONG:
                    return _check_by_value(handle, key, length)
        return self._ask(library.check, key, cost, None)

    def check_at(self, key: Key, cost: int, now_ns: int) -> Decision:
        """Decides as `check` does, at a time of the caller's own, in nanoseconds since the Unix epoch.

        Times may come in any order; a late one never earns anything.
        """
        return self._ask(library.check, key, cost, whole_number("now_ns", now_ns))

    def check_many(self, requests: Iterable[Request]) -> Decisions:
        """Decides on a batch in order, as if by `check` for each, at one reading of the clock.

        A request is a key, or a pair of a key and a cost. Fastest where all keys are text or all are bytes. If anything
        is wrong with any request, none is decided.
        """
        return self._ask_many(requests, None)

    def check_many_at(self, requests: Iterable[Request], now_ns: int) -> Decisions:
        """Decides on a batch as `check_many` does, all of it at `now_ns`."""
        return self._ask_many(requests, whole_number("now_ns", now_ns))

    def peek(self, key: Key, cost: int = 1) -> Decision:
        """Answers as `check` would, and consumes nothing. With a cost of 0 it tells how the key stands."""
        return self._ask(library.peek, key, cost, None)

    def peek_at(self, key: Key, cost: int, now_ns: int) -> Decision:
        """Answers as `check_at` would, and consumes nothing."""
        return self._ask(library.peek, key, cost, whole_number("now_ns", now_ns))

    def refund(self, key: Key, cost: int = 1) -> None:
        """Gives `cost` permits back to `key`, never beyond fresh: for a request that turned out not to count.

        In a fixed window they go back to the current window only.
        """
        self._refund(key, cost, None)

    def refund_at(self, key: Key, cost: int, now_ns: int) -> None:
        """Gives permits back as `refund` does, at `now_ns`."""
        self._refund(key, cost, whole_number("now_ns", now_ns))

    def refund_charge(self, key: Key, cost: int, charge: Decision, charged_at_ns: int) -> Decision:
        """Gives back what a decision has charged, unless it has lapsed, and tells how the key stands then.

        For a request that turns out not to count when it has been served, which may take long. A `refund` takes permits
        off whatever the key has consumed by then: after a new window has begun, or a bucket has been full in between,
        that is what others have consumed. This gives back nothing then.

        Args:
            key, cost: as they were for the check.
            charge: its decision; one that was denied or not counted has charged nothing.
            charged_at_ns: a time no later than the check's, such as `now_ns()` before it.
        """
        return self._refund_charge(key, cost, charge, charged_at_ns, None)

    def refund_charge_at(self, key: Key, cost: int, charge: Decision, charged_at_ns: int, now_ns: int) -> Decision:
        """Gives a charge back as `refund_charge` does, at `now_ns`."""
        return self._refund_charge(key, cost, charge, charged_at_ns, whole_number("now_ns", now_ns))

    def reset(self, key: Key) -> None:
        """Forgets `key`: its next request is that of a key never seen."""
        data = key_bytes(key)
        library.raise_for(library.reset(self._open(), data, len(data)))

    def stats(self) -> Stats:
        """What the limiter holds and has done. Passes over the whole table: for monitoring, not for every request."""
        filled = library.LimiterStats(struct_size=ctypes.sizeof(library.LimiterStats))
        library.raise_for(self._call(library.stats, None, (), byref(filled)))
        return Stats(*(getattr(filled, name) for name in Stats._fields))

    def limit(self, key: KeyOf | None = None, cost: CostOf = 1) -> Guard:
        """What keeps a function or a block within the limit: it raises `RateLimited` instead of running over it.

        As a decorator of plain and of async functions, and as a context manager for `with` and `async with`.

        Args:
            key: who asks, or a function that tells it from the arguments of the decorated function. Unless said, all
                calls of the decorated function share one key.
            cost: how many permits a call takes, or a function that tells it from the arguments.

        >>> from sluicegate import Limiter, RateLimited
        >>> limiter = Limiter("fixed-window 1/h")
        >>> @limiter.limit(key=lambda user: user)
        ... def greet(user):
        ...     return f"hello {user}"
        >>> greet("ann"), greet("bob")
        ('hello ann', 'hello bob')
        >>> try:
        ...     greet("ann")
        ... except RateLimited as denied:
        ...     print(denied.key, denied.retry_after <= 3600)
        ann True
        """
        return Guard(self, key, cost)

    def now_ns(self) -> int:
        """The time of the limiter's clock, in nanoseconds since the Unix epoch.

        For who needs the time of a decision beside it, as `sluicegate.http` does: read it here, decide by `check_at`.
        """
        handle = self._quick_handle
        if handle is None:
            self._open()
            assert self._clock is not None
            return whole_number("the clock's time", self._clock())
        now = ctypes.c_uint64()
        library.raise_for(library.now_untyped(handle, byref(now)))
        return now.value

    @property
    def policy(self) -> str:
        """The policy's text, in its shortest form."""
        return self._policy

    @property
    def max_keys(self) -> int:
        """How many keys can be live at once before `on_full` applies."""
        return self._max_keys

    @property
    def path(self) -> str | None:
        """The file in which the table lives; None for one that no other process shares."""
        return self._path

    def is_current(self) -> bool:
        """Whether the file that the limiter opened still is the one of that name.

        Where it was removed, or replaced by a table with another policy, whoever names it now shares another table, so
        it is time to make a new limiter. Always true without a path. Asks the operating system each time.
        """
        current = ctypes.c_uint32()
        library.raise_for(library.limiter_is_current(self._open(), byref(current)))
        return bool(current.value)

    @property
    def closed(self) -> bool:
        """Whether the limiter has been closed."""
        return self._handle is None

    def close(self) -> None:
        """Gives the memory back; every later call raises `ClosedError`. Closing twice is no error. A file stays.

        Calls under way on other threads end in peace: the memory goes with the last of them.
        """
        self._handle = self._quick_handle = None

    def __enter__(self) -> Limiter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        path = "" if self._path is None else f" path={self._path!r}"
        closed = " closed" if self.closed else ""
        return f"<sluicegate.Limiter {self._policy!r} max_keys={self._max_keys}{path}{closed}>"

    def __reduce__(self) -> NoReturn:
        if self._path is not None:
            raise TypeError("a Limiter cannot be copied or pickled: make one with the same path there")
        raise TypeError("a Limiter cannot be copied or pickled: its counts would go two ways from there")

    def _open(self) -> Any:
        """The handle, for a call that holds on to it."""
        handle = self._handle
        if handle is None:
            raise ClosedError("the limiter has been closed")
        return handle

    def _call(self, functions: tuple[Any, Any], now_ns: int | None, arguments: tuple[Any, ...], *out: Any) -> int:
        """The status of a call at `now_ns`, or else at the time of the caller's clock, or else of the library's."""
        if now_ns is None and self._clock is not None:
            now_ns = whole_number("the clock's time", self._clock())
        by_its_clock, at = functions
        if now_ns is None:
            status: int = by_its_clock(self._open(), *arguments, *out)
        else:
            status = at(self._open(), *arguments, now_ns, *out)
        return status

    def _ask(self, functions: tuple[Any, Any], key: Key, cost: int, now_ns: int | None) -> Decision:
        data = key_bytes(key)
        decision = Decision()
        request = (data, len(data), whole_number("cost", cost))
        library.raise_for(self._call(functions, now_ns, request, byref(decision)))
        return decision

    def _ask_many(self, requests: Iterable[Request], now_ns: int | None) -> Decisions:
        batch = pack(requests)
        length = len(batch.keys)
        decisions = Decisions(length)
        packed: tuple[Any, ...] = (batch.joined, len(batch.joined), None, batch.costs, length)
        status = self._call(library.check_packed, now_ns, packed, decisions._first)
        if status == library.ERR_ARGUMENT:
            # More zero bytes than keys to part. The library has counted them, which it does faster than Python.
            keys, lengths = batch.apart()
            packed = (keys, len(keys), lengths, batch.costs, length)
            status = self._call(library.check_packed, now_ns, packed, decisions._first)
        library.raise_for(status)
        return decisions

    def _refund(self, key: Key, cost: int, now_ns: int | None) -> None:
        data = key_bytes(key)
        library.raise_for(self._call(library.refund, now_ns, (data, len(data), whole_number("cost", cost))))

    def _refund_charge(self, key: Key, cost: int, charge: Decision, charged_at_ns: int, now_ns: int | None) -> Decision:
        if not isinstance(charge, Decision):
            raise TypeError(f"charge must be a Decision, not {type(charge).__name__}")
        data = key_bytes(key)
        stands = Decision()
        whole_number("charged_at_ns", charged_at_ns)
        asked = (data, len(data), whole_number("cost", cost), byref(charge), charged_at_ns)
        library.raise_for(self._call(library.refund_charge, now_ns, asked, byref(stands)))
        return stands

    def _policy_text(self) -> str:
        text = ctypes.create_string_buffer(_POLICY_TEXT_MAX)
        library.raise_for(library.limiter_policy(self._open(), text, _POLICY_TEXT_MAX))
        return text.value.decode()


def _at_least_one_key(max_keys: int) -> int:
    whole_number("max_keys", max_keys)
    if max_keys == 0:  # which in C stands for the default
        raise ArgumentError("max_keys is 0; it must be at least 1")
    return max_keys


def _truth(name: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError(f"{name} must be True or False, not {type(value).__name__}")
    return value


def _file_name(path: Path) -> bytes:
    name = os.fsencode(path)
    if b"\0" in name:
        raise ArgumentError(f"path {path!r}: there is a zero byte in it")
    return name


def _one_of(name: str, value: object, numbers: dict[str, int], other: str = "") -> int:
    if not isinstance(value, str) or value not in numbers:
        raise ArgumentError(f"{name} is {value!r}; it must be {', '.join(map(repr, numbers))}{other}")
    return numbers[value]
