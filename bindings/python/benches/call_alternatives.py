#!/usr/bin/env python3
"""The ways in which ctypes can carry a check and its whole decision, and `Limiter.check` beside them.

Each way makes a decision on one key, over one limiter of the real library. `Limiter.check` should cost at most 1.5
times the cheapest of those that could carry it; with --judge the exit code says whether it does. Run it where the
package is installed.
"""

from __future__ import annotations

import argparse
import ctypes
from ctypes import POINTER, c_char_p, c_int32, c_size_t, c_uint32, c_uint64, c_void_p
from typing import Any, Callable

from rounds import about_this_run, loop, medians

from sluicegate import Decision, Limiter, _library

BOUND = 1.5
KEY = "203.0.113.10"
CHECKS = 20_000


def function(library: ctypes.CDLL, name: str, result: Any, arguments: Any = None) -> Any:
    """A function object of its own."""
    made = library[name]
    made.restype = result
    if arguments is not None:
        made.argtypes = arguments
    return made


def alternatives(limiter: Limiter) -> dict[str, tuple[str, dict[str, Any]]]:
    """A statement for each way, and the names in it."""
    address = c_void_p(ctypes.addressof(limiter._handle._obj))
    reference = limiter._handle
    data = KEY.encode()
    out = Decision()
    common = {"data": data, "len": len}
    by_status = (c_void_p, c_char_p, c_size_t, c_uint64, POINTER(Decision))
    ways: dict[str, tuple[str, dict[str, Any]]] = {}
    for name, kind in (("PyDLL", ctypes.PyDLL), ("CDLL", ctypes.CDLL)):
        library = kind(_library._PATH)
        typed = function(library, "sluice_check", c_int32, by_status)
        ways[f"{name}, argtypes, a new struct for each answer"] = (
            "out = Decision(); call(handle, data, len(data), 1, byref(out))",
            {**common, "call": typed, "handle": address, "Decision": Decision, "byref": ctypes.byref},
        )
        ways[f"{name}, argtypes, one struct for all answers (unsafe: they overwrite each other)"] = (
            "call(handle, data, len(data), 1, out)",
            {**common, "call": typed, "handle": address, "out": ctypes.byref(out)},
        )
        by_value = function(library, "sluice_check_by_value", Decision, (c_void_p, c_char_p, c_uint32))
        ways[f"{name}, argtypes, the struct returned by value"] = (
            "call(handle, data, len(data))",
            {**common, "call": by_value, "handle": address},
        )
        untyped = function(library, "sluice_check_by_value", Decision)
        ways[f"{name}, no argtypes, by value, handle as c_void_p"] = (
            "call(handle, data, len(data))",
            {**common, "call": untyped, "handle": address},
        )
        ways[f"{name}, no argtypes, by value, handle as a made reference"] = (
            "call(handle, data, len(data))",
            {**common, "call": untyped, "handle": reference},
        )
    return ways


def main() -> int:
    """Prints the table."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=31)
    options.add_argument(
        "--judge", action="store_true", help=f"fail if a check costs more than {BOUND} times the cheapest"
    )
    arguments = options.parse_args()

    limiter = Limiter("fixed-window 4000000000/365d", max_keys=1_000)
    ways = alternatives(limiter)
    ours = {
        "Limiter.check(str)": ("check(key)", {"check": limiter.check, "key": KEY}),
        "Limiter.check(bytes)": ("check(key)", {"check": limiter.check, "key": KEY.encode()}),
        "Limiter.check(str), then .allowed": ("check(key).allowed", {"check": limiter.check, "key": KEY}),
    }
    floor = function(ctypes.PyDLL(_library._PATH), "sluice_abi_version", c_uint32)
    others = {
        "(a PyDLL call with no argument, which carries nothing)": ("call()", {"call": floor}),
        "(an empty loop)": ("pass", {}),
    }

    def contestant(statement: str, names: dict[str, Any]) -> Callable[[], int]:
        run = loop(statement, names)

        def once() -> int:
            run(CHECKS)
            return CHECKS

        return once

    all_of_them = {**ways, **ours, **others}
    times = medians({name: contestant(*way) for name, way in all_of_them.items()}, arguments.rounds)
    empty = times.pop("(an empty loop)")
    times = {name: time - empty for name, time in times.items()}
    cheapest = min(times[name] for name in ways)
    print(f"{about_this_run(arguments.rounds)}\n")
    print("| call | ns | to the cheapest |\n| --- | ---: | ---: |")
    for name, time in times.items():
        print(f"| {name} | {time:.0f} | {time / cheapest:.2f} |")
    worst = max(times["Limiter.check(str)"], times["Limiter.check(bytes)"]) / cheapest
    print(f"\nLimiter.check costs {worst:.2f} times the cheapest call that could carry it (bound: {BOUND}).")
    return int(arguments.judge and worst > BOUND)


if __name__ == "__main__":
    raise SystemExit(main())
