#!/usr/bin/env python3
"""Checks per second beside the `limits` package's in-memory fixed window, in one run.

On one key and on 100,000, one by one and by batch, admitted and denied. The project asks for 6 times the checks per
second on one key, 15 times on 100,000 keys and 40 times by batch; with --judge the exit code says whether they are met.
Run it where the package and `limits` are installed.
"""

from __future__ import annotations

import argparse
from functools import partial
from typing import Callable

from limits import RateLimitItem, RateLimitItemPerDay
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter
from rounds import about_this_run, medians

from sluicegate import Decisions, Limiter, _library

KEYS = 100_000
CHECKS = 10_000
PLENTY = 1_000_000_000
ADMITTING = f"fixed-window {PLENTY}/d"


def limiter(policy: str) -> Limiter:
    """One of ours, with room for all keys."""
    return Limiter(policy, max_keys=KEYS)


class Theirs:
    """The other package's limiters, each on a storage of its own."""

    def __init__(self) -> None:
        self.storages: list[MemoryStorage] = []

    def check(self, limit: RateLimitItem) -> Callable[[str], bool]:
        """A check by a limiter of its own."""
        self.storages.append(MemoryStorage())
        return partial(FixedWindowRateLimiter(self.storages[-1]).hit, limit)

    def settle(self) -> None:
        """Waits for the threads that look for what has expired."""
        for storage in self.storages:
            storage.timer.join()


def each(check: Callable[[str], object], keys: list[str]) -> Callable[[], int]:
    """A check of each key in turn."""

    def once() -> int:
        for key in keys:
            check(key)
        return len(keys)

    return once


def bare_calls(keys: list[str]) -> Callable[[], int]:
    """The call that `Limiter.check` makes, by itself: no check through ctypes can be cheaper."""
    call, whose = _library.check_by_value, limiter(ADMITTING)
    handle = whose._handle
    made = [key.encode() for key in keys]

    def once() -> int:
        for key in made:
            call(handle, key, len(key))
        return len(made)

    return once


def batch(keys: list[str], read: Callable[[Decisions], object]) -> Callable[[], int]:
    """One batch of all keys, whose answers are then read."""
    check_many = limiter(ADMITTING).check_many

    def once() -> int:
        read(check_many(keys))
        return len(keys)

    return once


def main() -> int:
    """Prints the table."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=11)
    options.add_argument("--judge", action="store_true", help="fail if one of the project's targets is missed")
    arguments = options.parse_args()

    hot = ["203.0.113.10"] * CHECKS
    keys = [f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}" for n in range(KEYS)]
    theirs = Theirs()
    their_denied, our_denied = theirs.check(RateLimitItemPerDay(1)), limiter("fixed-window 1/d").check
    their_denied(hot[0])
    our_denied(hot[0])
    plenty = RateLimitItemPerDay(PLENTY)

    def all_allowed(decisions: Decisions) -> bool:
        return all(decision.allowed for decision in decisions)

    # What is compared with what, and how many times its checks per second the project asks for.
    contestants: dict[str, tuple[Callable[[], int], str, int | None]] = {}
    one, many, denied = "limits, one key", "limits, 100,000 keys", "limits, one key, denied"
    contestants[one] = each(theirs.check(plenty), hot), one, None
    contestants["sluicegate, one key"] = each(limiter(ADMITTING).check, hot), one, 6
    contestants[denied] = each(their_denied, hot), denied, None
    contestants["sluicegate, one key, denied"] = each(our_denied, hot), denied, None
    contestants[many] = each(theirs.check(plenty), keys), many, None
    contestants["sluicegate, 100,000 keys"] = each(limiter(ADMITTING).check, keys), many, 15
    contestants["(the cheapest ctypes call alone, on their bytes)"] = bare_calls(keys), many, None
    contestants["sluicegate, 100,000 keys, a batch"] = batch(keys, len), many, 40
    contestants["... and all verdicts read"] = batch(keys, lambda decisions: all(decisions.allowed)), many, 40
    contestants["... and all as Decision objects"] = batch(keys, all_allowed), many, None
    times = medians({name: run for name, (run, _, _) in contestants.items()}, arguments.rounds, theirs.settle)

    print(f"{about_this_run(arguments.rounds)}\n")
    print("| what | ns a check | checks per second | to limits | asked for |\n| --- | ---: | ---: | ---: | ---: |")
    missed = False
    for name, (_, beside, target) in contestants.items():
        ratio = times[beside] / times[name]
        missed |= target is not None and ratio < target
        print(f"| {name} | {times[name]:.0f} | {1e9 / times[name]:,.0f} | {ratio:.1f} | {target or ''} |")
    return int(arguments.judge and missed)


if __name__ == "__main__":
    raise SystemExit(main())
