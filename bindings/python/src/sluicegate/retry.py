"""The client's side of a 429: how long to wait, or to give up and say when to come back.

>>> from sluicegate.retry import GiveUp, RetryIn, RetryPolicy
>>> policy = RetryPolicy()
>>> advice = policy.decide("GET", 429, {"Retry-After": "7"}, attempt=1, elapsed=0.08)
>>> if isinstance(advice, RetryIn):
...     assert 7 <= advice.seconds <= 7.7  # time.sleep(advice.seconds), and ask again

>>> policy.decide("GET", 429, {"Retry-After": "3600"})
GiveUp(reason=<GiveUpReason.SERVER_WAIT: 'the server asks for a longer wait than is accepted'>, come_back=3600.0)

A wait that a server names is never shortened. `sluicegate.requests` and `sluicegate.httpx` do the asking, too.

What is read, in this order: `Retry-After` in seconds or as any of HTTP's three forms of date (also `retry-after-ms` and
its like); the IETF draft's `RateLimit` in all revisions from 07 on; `RateLimit-Reset`, `X-RateLimit-Reset` and its
like, in Unix seconds or milliseconds, seconds to go, Go's durations or dates, told apart by their values. Else there is
exponential back-off with full jitter. What is malformed, negative or implausible counts as if it were not there.
"""

from __future__ import annotations

import ctypes
import enum
import math
import secrets
import threading
import time
from collections.abc import Iterable, Mapping
from ctypes import byref
from typing import Any, Final, Literal, NamedTuple, Union

from . import _library as library
from ._errors import ArgumentError
from ._keys import whole_number
from ._owned import Owned

__all__ = [
    "Advice",
    "GiveUp",
    "GiveUpReason",
    "Headers",
    "Hold",
    "NotBefore",
    "RetryIn",
    "RetryPolicy",
    "ServerHint",
    "server_hint",
]

#: A response's header fields: a mapping, or pairs of names and values where a name may come twice.
Headers = Union[Mapping[str, str], Iterable["tuple[str | bytes, str | bytes]"]]
#: Which requests heed what a server has said to others of the same adapter or transport: "nothing"; "retries", those
#: that have been turned away themselves; or "everything", the first attempts too.
Hold = Literal["nothing", "retries", "everything"]
#: Which field names a time.
HintSource = Literal["retry-after", "ratelimit", "reset"]

_NEVER = 2**64 - 1
_NS_PER_S = 1_000_000_000
_IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"})
_STRICT, _ANY_METHOD_ON_429, _NO_JITTER = 1, 2, 4
_REPEATABLE, _BODY_IS_GONE = 1, 2
_SOURCES: tuple[HintSource | None, ...] = (None, "retry-after", "ratelimit", "reset")
_LONGEST: Final = 366 * 86_400


def _message(reason: int) -> str:
    message: bytes = library.give_up_message(reason)
    return message.decode()


class GiveUpReason(str, enum.Enum):
    """Why there is no retry."""

    STATUS = _message(1)
    """The response is none that is tried again, as most are."""
    SERVER_FORBIDS = _message(2)
    """The server asks not to be asked again."""
    METHOD = _message(3)
    """The method is not idempotent, and nothing says that the request can be repeated without harm."""
    BODY = _message(4)
    """The request's body is gone."""
    ATTEMPTS = _message(5)
    """There have been as many attempts as there may be."""
    SERVER_WAIT = _message(6)
    """The server asks for a longer wait than is accepted."""
    DEADLINE = _message(7)
    """The next attempt would begin after the deadline."""
    BUDGET = _message(8)
    """Too few requests go well for so many retries."""

    def __str__(self) -> str:
        return self.value


_REASONS = tuple(GiveUpReason)


class RetryIn(NamedTuple):
    """Ask again after so long."""

    seconds: float
    """As `time.sleep` takes it."""


class GiveUp(NamedTuple):
    """Let the caller have this response."""

    reason: GiveUpReason
    """Why there is no retry."""
    come_back: float | None
    """For how many seconds the server wants to be left alone; None where it has not said so."""


#: What to do about a response.
Advice = Union[RetryIn, GiveUp]


class ServerHint(NamedTuple):
    """What a response says of coming back."""

    wait: float | None
    """How many seconds to wait at least; 0 for a time that has come already, None where nothing is said."""
    source: HintSource | None
    """Which field says so."""
    forbids_retry: bool
    """Whether the server asks not to be asked again."""


class RetryPolicy(Owned):
    """When requests are tried again, and after how long. It neither waits nor asks; all threads may use one."""

    __slots__ = ("_deadline", "_idempotent", "_jitter")
    _library_free = staticmethod(library.retry_free)

    def __init__(
        self,
        *,
        max_attempts: int = 4,
        base: float = 0.5,
        cap: float = 30,
        deadline: float = 300,
        max_server_wait: float = 120,
        jitter_percent: int = 10,
        max_jitter: float = 30,
        statuses: Iterable[int] | None = None,
        statuses_with_hint: Iterable[int] = (),
        idempotent_methods: Iterable[str] = (),
        any_method_on_429: bool = False,
        strict: bool = False,
        budget: tuple[int, int] | None = None,
    ) -> None:
        """Checks and keeps it. Times are in seconds, up to 366 days.

        Args:
            max_attempts: how many attempts there are in all, the first included, up to 1000.
            base, cap: own back-off, for a response that does not say when: a chance between 50 ms and `base`, doubled
                for every further attempt up to `cap`.
            deadline: how long after the beginning of the first attempt the last one may begin.
            max_server_wait: the longest wait that a server may ask for. Beyond it there is no retry.
            jitter_percent, max_jitter: how much may be added by chance to a wait that the server has named.
            statuses: those that are tried again; None for 429 and 503, and 413 where it says when.
            statuses_with_hint: more that are tried again only where the response says when, such as GitHub's 403.
            idempotent_methods: more methods whose requests may be sent twice without harm, beside those of HTTP.
            any_method_on_429: whether every method is tried again on a 429: for a service that is known to count
                requests before it acts on any. A request with an `Idempotency-Key` needs no such thing.
            strict: whether fields count only as the standards' grammars have them.
            budget: a number of tokens, of which a response that asks for a retry without naming a time takes one, and
                what percentage of one every other gives back. There are retries while more than half are left.

        Raises:
            ArgumentError: one of these is out of its range.
        """
        chosen = None if statuses is None else [_in_range("status", status, 400, 599) for status in statuses]
        told = [_in_range("status", status, 400, 599) for status in statuses_with_hint]
        if chosen == []:
            raise ArgumentError("statuses is empty; without any, nothing is ever tried again")
        tokens, percent = (0, 0) if budget is None else budget
        if budget is not None:
            _in_range("a budget's tokens", tokens, 1, 1_000_000)
            _in_range("a budget's percentage", percent, 1, 100)
        jitter = _in_range("jitter_percent", jitter_percent, 0, 100)
        most_jitter = _ns("max_jitter", max_jitter)
        flags = (_STRICT if strict else 0) | (_ANY_METHOD_ON_429 if any_method_on_429 else 0)
        if jitter == 0 or most_jitter == 0:
            flags |= _NO_JITTER
        # In C, 0 stands for the default. A nanosecond is as little.
        times = [_ns(*named) for named in (("base", base), ("cap", cap), ("deadline", deadline))]
        times += [_ns("max_server_wait", max_server_wait), most_jitter]
        options = library.RetryOptions(
            ctypes.sizeof(library.RetryOptions),
            *(time or 1 for time in times),
            jitter,
            _in_range("max_attempts", max_attempts, 1, 1_000),
            tokens,
            percent,
            flags,
            len(chosen or ()),
            len(told),
            0,
            (ctypes.c_uint16 * len(chosen))(*chosen) if chosen else None,
            (ctypes.c_uint16 * len(told))(*told) if told else None,
        )
        made = ctypes.c_void_p()
        library.raise_for(library.retry_new(byref(options), byref(made)))
        self._own(made)
        self._idempotent = frozenset(idempotent_methods) - _IDEMPOTENT
        self._deadline = times[2] / _NS_PER_S
        self._jitter = (0.0, 0.0) if flags & _NO_JITTER else (jitter / 100, most_jitter / _NS_PER_S)

    @property
    def deadline(self) -> float:
        """How many seconds after the beginning of the first attempt the last one may begin."""
        return self._deadline

    def decide(
        self,
        method: str,
        status: int,
        headers: Headers,
        *,
        attempt: int = 1,
        elapsed: float = 0,
        repeatable: bool = False,
        body_is_gone: bool = False,
        now_ns: int | None = None,
        random: int | None = None,
    ) -> Advice:
        """What to do about a response: wait so long and ask again, or give up and say when to come back.

        Args:
            method: the request's method, in upper case.
            status: the response's.
            headers: the response's.
            attempt: which one it was; the first is number 1.
            elapsed: how many seconds ago the first one began, by a monotonic clock.
            repeatable: whether the request can be sent twice without harm, because of an `Idempotency-Key`, say.
            body_is_gone: whether its body cannot be sent again.
            now_ns: the wall clock, in nanoseconds since the Unix epoch; None for the system's.
            random: a number below 2**64, each as likely as any other; None for the system's.
        """
        flags = _REPEATABLE if repeatable or method in self._idempotent else 0
        asked = library.Attempt(
            ctypes.sizeof(library.Attempt),
            method.encode("latin-1", "replace").partition(b"\0")[0],
            min(max(attempt, 1), 2**32 - 1),
            min(max(status, 0), 2**32 - 1),
            round(min(max(elapsed, 0), _LONGEST + 1) * _NS_PER_S),
            flags | (_BODY_IS_GONE if body_is_gone else 0),
        )
        fields, n = _fields(headers)
        now = time.time_ns() if now_ns is None else whole_number("now_ns", now_ns)
        chance = secrets.randbits(64) if random is None else whole_number("random", random)
        advice = library.Advice()
        library.raise_for(library.retry_decide(self._borrowed(), byref(asked), fields, n, now, chance, byref(advice)))
        if advice.retry:
            return RetryIn(advice.wait_ns / _NS_PER_S)
        come_back = None if advice.come_back_ns == _NEVER else advice.come_back_ns / _NS_PER_S
        return GiveUp(_REASONS[advice.reason - 1], come_back)

    def spread(self, seconds: float) -> float:
        """A wait with as much added by chance as to one that a server has named: for many who wait for one moment."""
        share, most = self._jitter
        return seconds + min(seconds * share, most) * secrets.randbits(53) / 2**53


def server_hint(headers: Headers, *, now_ns: int | None = None, strict: bool = False) -> ServerHint:
    """What a response says of coming back, whatever its status.

    >>> server_hint({"RateLimit": '"default";r=0;t=30'})
    ServerHint(wait=30.0, source='ratelimit', forbids_retry=False)
    """
    fields, n = _fields(headers)
    now = time.time_ns() if now_ns is None else whole_number("now_ns", now_ns)
    hint = library.Hint()
    library.raise_for(library.retry_hint(fields, n, now, _STRICT if strict else 0, byref(hint)))
    wait = None if hint.wait_ns == _NEVER else hint.wait_ns / _NS_PER_S
    return ServerHint(wait, _SOURCES[hint.source], bool(hint.forbids_retry))


class NotBefore:
    """The latest times that servers have named to anyone: nobody knocks where another has just been turned away.

    >>> not_before = NotBefore()
    >>> not_before.put_off("https://api.example", 5.0, now=100.0)
    >>> not_before.wait("https://api.example", now=102.0), not_before.wait("https://other.example", now=102.0)
    (3.0, 0.0)
    """

    __slots__ = ("_lock", "_until")

    def __init__(self) -> None:
        """Nobody has said anything yet."""
        self._lock = threading.Lock()
        self._until: dict[str, float] = {}

    def put_off(self, server: str, seconds: float, now: float) -> None:
        """Nobody is to ask a server before `seconds` from `now`, by any one clock, have passed."""
        with self._lock:
            if len(self._until) >= _REMEMBERED:
                self._until = {known: until for known, until in self._until.items() if until > now}
            self._until[server] = max(self._until.get(server, 0.0), now + seconds)

    def wait(self, server: str, now: float) -> float:
        """How many seconds it is until the server may be asked; 0 once that has come."""
        return max(self._until.get(server, 0.0) - now, 0.0)


_REMEMBERED: Final = 1_024


def _fields(headers: Headers) -> tuple[Any, int]:
    pairs = headers.items() if isinstance(headers, Mapping) else headers
    raw = [(_latin(name), _latin(value)) for name, value in pairs]
    array = (library.Header * len(raw))(*(library.Header(name, len(name), value, len(value)) for name, value in raw))
    return array, len(raw)


def _latin(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode("latin-1", "replace")


def _ns(name: str, seconds: float) -> int:
    if not isinstance(seconds, (int, float)) or not 0 <= seconds <= _LONGEST:
        raise ArgumentError(f"{name} is {seconds!r}; it is a number of seconds from 0 to {_LONGEST} (366 days)")
    return math.ceil(seconds * _NS_PER_S)


def _in_range(name: str, number: int, least: int, most: int) -> int:
    if type(number) is not int or not least <= number <= most:
        raise ArgumentError(f"{name} is {number!r}; it is from {least} to {most}")
    return number
