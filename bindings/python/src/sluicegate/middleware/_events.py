"""What hooks are told."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Callable, Literal, NamedTuple

from .. import identity
from .._check_all import check_all
from .._decision import Decision

if TYPE_CHECKING:
    from ._limit import Limit
    from ._request import Request
    from ._route import Route

#: Where hooks and functions that fail are told of.
log = logging.getLogger("sluicegate")

_SOON_NS = 1_000_000

#: "allowed"; "denied": over a limit; "would_deny": allowed, and over a limit in dry run; "missing_key": denied
#: because it has nothing to be counted by; "no_address": refused because the server has not told who is asking.
Kind = Literal["allowed", "denied", "would_deny", "missing_key", "no_address"]


class Verdict:
    """What one limit has decided on a request.

    Attributes:
        limit: the limit.
        cost: the permits asked for.
        decision: the decision, all of it from one instant.
        dry_run: whether the limit is only tried.
    """

    __slots__ = ("_at_ns", "_is_charged", "_key", "cost", "decision", "dry_run", "limit")

    decision: Decision
    _at_ns: int

    def __init__(self, limit: Limit, key: bytes, cost: int, dry_run: bool) -> None:
        self.limit = limit
        self._key = key
        self.cost = cost
        self.dry_run = dry_run
        self._is_charged = False

    @property
    def name(self) -> str:
        """The limit's name."""
        return self.limit.name

    @property
    def key(self) -> str:
        """What the request was counted by, fit for a log: one line of printable ASCII.

        Of a header's value, which may be a secret, there is nothing but a hash that is the same as long as the process
        runs.
        """
        return identity.key_text(self._key)

    def _give_back(self) -> int:
        """Gives the permits back, unless they have lapsed. The decision is then how the key stands at this time."""
        now_ns = self.limit.limiter.now_ns()
        if not self._is_charged:
            return now_ns
        self._is_charged = False
        self.decision = self.limit.limiter.refund_charge_at(self._key, self.cost, self.decision, self._at_ns, now_ns)
        return now_ns

    def __repr__(self) -> str:
        return f"<Verdict {self.name!r} on {self.key}, cost {self.cost}: {self.decision!r}>"


def decide(verdicts: list[Verdict]) -> tuple[bool, int]:
    """Decides on all of them together: charged if all allow it, else none is. And the time at which that was.

    The time is that of the limiters' clocks, in nanoseconds since the Unix epoch.
    """
    begun_ns = time.monotonic_ns()
    if len(verdicts) == 1:
        verdict = verdicts[0]
        limiter = verdict.limit.limiter
        verdict._at_ns = now_ns = limiter.now_ns()
        verdict.decision = limiter.check(verdict._key, verdict.cost)
        verdict._is_charged = allowed = verdict.decision.allowed
    else:
        for verdict in verdicts:
            verdict._at_ns = verdict.limit.limiter.now_ns()
        now_ns = max(verdict._at_ns for verdict in verdicts)
        decisions = check_all([(verdict.limit.limiter, verdict._key, verdict.cost) for verdict in verdicts])
        allowed = all(decisions.allowed)
        for verdict, decision in zip(verdicts, decisions):
            verdict.decision = decision
            verdict._is_charged = allowed
    # What an answer says of the future counts from this time. A window's end would be told a whole second late if this
    # were late by a nanosecond, so it is early by a microsecond, unless the thread was held up in between.
    took_ns = time.monotonic_ns() - begun_ns
    return allowed, now_ns if took_ns < _SOON_NS else now_ns + took_ns


class Answer(NamedTuple):
    """What a request that is not allowed is answered."""

    status: int
    """429 or the settings' one; 403 or `missing_status` for a missing key; 500 where nobody knows who is asking."""
    retry_after_seconds: int | None
    """When to come back; None where waiting does not help."""


class Event:
    """One decision, as hooks are told of it.

    Attributes:
        kind: "allowed", "denied", "would_deny", "missing_key" or "no_address".
        verdicts: what each limit has said, those in dry run last; none where no limit could be asked.
        route: the route that the request took in `routes`; None for none, and for limits of views.
        request: the request's head.
        answer: what the client is answered; None where the request is allowed.
    """

    __slots__ = ("answer", "kind", "request", "route", "verdicts")

    def __init__(
        self, kind: Kind, verdicts: Sequence[Verdict], route: Route | None, request: Request, answer: Answer | None
    ) -> None:
        self.kind = kind
        self.verdicts = tuple(verdicts)
        self.route = route
        self.request = request
        self.answer = answer

    @property
    def dry_run(self) -> bool:
        """Whether the request would have been denied, but for limits that are only tried."""
        return self.kind == "would_deny"

    def __repr__(self) -> str:
        return f"<Event {self.kind} {self.request!r} {list(self.verdicts)!r}>"


#: A function that is told of decisions.
Hook = Callable[[Event], object]


def call(what: str, function: Callable[..., Any], *arguments: object) -> Any:
    """What somebody's function returns. None if it fails, which is logged: the request's fate is decided already."""
    try:
        return function(*arguments)
    except Exception:
        log.exception("%s has failed", what)
        return None
