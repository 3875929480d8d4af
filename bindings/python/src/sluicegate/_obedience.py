"""What clients that obey have in common, whatever library they ask with and however they sleep."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Final

from ._errors import ArgumentError
from .retry import Advice, Headers, Hold, NotBefore, RetryIn, RetryPolicy

#: How much of a denial's body is read so that its connection can be used again.
READ_AWAY: Final = 64 * 1024
_HOLDS = ("nothing", "retries", "everything")


class Obedience:
    """A policy, and what servers have said to whoever shares this."""

    __slots__ = ("hold", "not_before", "policy")

    def __init__(self, policy: RetryPolicy | None, hold: Hold) -> None:
        """With 50 retries at once and one for five requests that go well, where there is no other policy."""
        if hold not in _HOLDS:
            raise ArgumentError(f"hold is {hold!r}; it must be {', '.join(map(repr, _HOLDS))}")
        self.policy: Final = RetryPolicy(budget=(100, 20)) if policy is None else policy
        self.hold: Final = hold
        self.not_before: Final = NotBefore()


class Course:
    """The attempts at one request."""

    __slots__ = ("_attempt", "_begun", "_method", "_obedience", "_repeatable", "_server")

    def __init__(self, obedience: Obedience, method: str, server: str, repeatable: bool) -> None:
        """It begins now."""
        self._obedience = obedience
        self._method = method
        self._server = server
        self._repeatable = repeatable
        self._begun = time.monotonic()
        self._attempt = 0

    def waits_at_first(self) -> Iterator[float]:
        """How long to sleep before the first attempt, one pause after the other."""
        if self._obedience.hold == "everything":
            yield from self._waits_for_others()

    def advice(self, status: int, headers: Headers, *, body_is_gone: bool) -> Advice:
        """What to do about the response to an attempt."""
        self._attempt += 1
        return self._obedience.policy.decide(
            self._method,
            status,
            headers,
            attempt=self._attempt,
            elapsed=time.monotonic() - self._begun,
            repeatable=self._repeatable,
            body_is_gone=body_is_gone,
        )

    def waits(self, advice: RetryIn) -> Iterator[float]:
        """How long to sleep before the next attempt, one pause after the other. Others are told at once."""
        now = time.monotonic()
        if self._obedience.hold != "nothing":
            self._obedience.not_before.put_off(self._server, advice.seconds, now)
        return self._waits_until(now + advice.seconds)

    def _waits_until(self, until: float) -> Iterator[float]:
        # Time has gone by before the first sleep, and one may end early.
        while (left := until - time.monotonic()) > 0:
            yield left
        if self._obedience.hold != "nothing":
            yield from self._waits_for_others()

    def _waits_for_others(self) -> Iterator[float]:
        policy, not_before = self._obedience.policy, self._obedience.not_before
        while (wait := not_before.wait(self._server, time.monotonic())) > 0:
            left = policy.deadline - (time.monotonic() - self._begun)
            if wait > left:
                return
            yield min(policy.spread(wait), left)


def is_small(length: str | None) -> bool:
    """Whether a body of this `Content-Length` is worth reading for the sake of its connection."""
    return length is not None and length.isascii() and length.isdigit() and int(length[:9]) <= READ_AWAY
