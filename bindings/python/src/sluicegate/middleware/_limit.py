"""Limits: what a request is held to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Callable, NamedTuple, Union

from .. import http
from .._errors import ArgumentError
from .._keys import whole_number
from .._limiter import DEFAULT_MAX_KEYS, Clock, Limiter, OnFull, Path
from . import keys
from ._checks import optional_function, plain_function, truth
from ._request import Request

#: How many permits a request takes, or a plain function that tells it.
Cost = Union[int, Callable[[Request], int]]


class Response(NamedTuple):
    """The head of the application's answer."""

    status: int
    """Its status; 101 for a websocket that is accepted."""
    headers: Sequence[tuple[str, str]]
    """Its header fields in the application's order, names as it has written them, values as latin-1 text."""


def skip_successful(response: Response) -> bool:
    """For `refund_when`: what has gone well does not count, so that failures alone do (a login's, say)."""
    return response.status < 400


def skip_failed(response: Response) -> bool:
    """For `refund_when`: what has failed does not count."""
    return response.status >= 400


class Limit:
    """One limit under a name: a policy over a table of keys, what it counts by, and what a request costs.

    One that is given in several places (to several routes, to views) is one limit with one budget for each key.

    >>> from sluicegate.middleware import Limit, keys
    >>> Limit("plan", "fixed-window 5000/1h", key=keys.header("X-Api-Key", missing="deny"))
    <sluicegate Limit 'plan': fixed-window 5000/h>
    """

    __slots__ = ("_cost", "_cost_of", "_key", "dry_run", "limiter", "name", "quota", "refund_when")

    name: str
    """What header fields and events call it."""
    limiter: Limiter
    """What decides."""
    dry_run: bool
    """Whether it is only tried."""

    def __init__(
        self,
        name: str,
        policy: str | Limiter,
        *,
        key: keys.KeySource | Sequence[keys.KeySource] = keys.address,
        cost: Cost = 1,
        refund_when: Callable[[Response], bool] | None = None,
        dry_run: bool = False,
        max_keys: int = DEFAULT_MAX_KEYS,
        path: Path | None = None,
        on_full: OnFull = "evict",
        clock: Clock = "monotonic",
    ) -> None:
        """A limit; its table is made here and now.

        Args:
            name: 1 to 64 printable ASCII characters. Those of one request's limits must differ.
            policy: the text of a policy, for which a limiter is made, or a `Limiter`.
            key: what it counts by, see `keys`; several in a tuple count together.
            cost: how many permits a request takes, 0 for none, or a plain function of its head that tells it.
            refund_when: whether a request's permits are given back, by the head of the application's answer:
                `skip_successful`, `skip_failed`, or a plain function. Where there is no answer nothing is given back.
            dry_run: decided, counted and told to hooks, but never a reason to deny or delay, and in no header.
            max_keys, path, on_full, clock: as of `Limiter`, with a policy's text. With a `path`, all processes that
                name it enforce one limit.
        """
        if isinstance(policy, Limiter):
            if (max_keys, path, on_full, clock) != (DEFAULT_MAX_KEYS, None, "evict", "monotonic"):
                raise ArgumentError("max_keys, path, on_full and clock belong to the Limiter that is given")
            self.limiter = policy
        else:
            self.limiter = Limiter(policy, max_keys, on_full=on_full, clock=clock, path=path)
        self.quota = http.Quota(name, self.limiter)
        self.name = name
        self._key = keys.key_source(key)
        self._cost = 1 if callable(cost) else whole_number("cost", cost)
        self._cost_of = plain_function("cost", cost) if callable(cost) else None
        self.refund_when = optional_function("refund_when", refund_when)
        self.dry_run = truth("dry_run", dry_run)

    @property
    def asks_for_the_user(self) -> bool:
        """Whether it counts by what the framework says is the user."""
        return self._key.asks_for_the_user

    def key_of(self, request: Request) -> bytes | None:
        """What a request is counted by; None if the limit does not hold it."""
        return self._key.key(request)

    def cost_of(self, request: Request) -> int:
        """How many permits a request takes."""
        if self._cost_of is None:
            return self._cost
        return whole_number("cost", self._cost_of(request))

    def __repr__(self) -> str:
        return f"<sluicegate Limit {self.name!r}: {self.limiter.policy}{' (dry run)' if self.dry_run else ''}>"


#: The name of a limit that was given none.
DEFAULT_NAME = "default"

#: A limit; the text of a policy stands for one by the client's address.
LimitLike = Union[Limit, str]
#: One limit or several.
Limits = Union[LimitLike, Iterable[LimitLike]]


def limits_of(given: Any, name: str = DEFAULT_NAME) -> tuple[Limit, ...]:
    """The limits that somebody has given; a text is called `name`."""
    several = (given,) if isinstance(given, (str, Limit)) else tuple(given)
    limits = tuple(Limit(name, each) if isinstance(each, str) else each for each in several)
    for limit in limits:
        if not isinstance(limit, Limit):
            raise TypeError(f"a limit must be a Limit, or the text of a policy, not {limit!r}")
    one_requests(limits)
    return limits


def one_requests(limits: Sequence[Limit]) -> None:
    """Refuses limits that cannot hold one request together."""
    seen: dict[str, Limit] = {}
    for limit in limits:
        if seen.setdefault(limit.name, limit) is not limit:
            raise ArgumentError(
                f"two limits of one request are called {limit.name!r}; give each a name: Limit(name, policy)"
            )
    if len({id(limit.limiter._clock) for limit in limits}) > 1:
        raise ArgumentError("the limits of one request have different functions for clocks; give them one")
