"""Contestants that are timed in turn, round after round, so that whatever the machine does meets them all."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any


def loop(statement: str, names: Mapping[str, Any]) -> Callable[[int], None]:
    """A function that runs a statement so many times, with its names as fast as names get: local ones."""
    arguments = ", ".join(f"{name}={name}" for name in names)
    scope = dict(names)
    exec(f"def run(times, {arguments}):\n    for _ in range(times):\n        {statement}\n", scope)
    run: Callable[[int], None] = scope["run"]
    return run


def medians(
    contestants: Mapping[str, Callable[[], int]], rounds: int, settle: Callable[[], None] = lambda: None
) -> dict[str, float]:
    """Nanoseconds of processor time for one of what each contestant does: the median of all rounds.

    A contestant does its work once and tells how much that was; each time it first does so untimed, for caches that
    are its own. `settle` comes after each, untimed: it waits for what a contestant has left to threads of its own. So
    nobody pays for another.
    """
    times: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, contestant in contestants.items():
            contestant()
            begun = time.process_time_ns()
            done = contestant()
            times[name].append((time.process_time_ns() - begun) / done)
            settle()
    return {name: statistics.median(each) for name, each in times.items()}


def about_this_run(rounds: int) -> str:
    """One line that says what the figures are."""
    version = ".".join(map(str, sys.version_info[:3]))
    return f"Python {version}; processor time, medians of {rounds} interleaved rounds"
