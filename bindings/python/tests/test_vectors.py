"""The shared vectors: the same decisions as in every other language, byte for byte."""

import json
import struct
from pathlib import Path

import pytest

from sluicegate import Decision, Limiter, Reason

ROOT = Path(__file__).parents[3]
STORIES = json.loads((ROOT / "tests/data/vectors.json").read_text())
REASONS = [reason.value for reason in Reason]
NEVER = 2**64 - 1


def as_struct(expected):
    """The bytes of the C struct that says what the vector says."""
    retry_after = expected["retry_after_ns"]
    return struct.pack(
        "=IIQQQQQ",
        expected["allowed"],
        REASONS.index(expected["reason"]),
        expected["limit"],
        expected["remaining"],
        NEVER if retry_after is None else retry_after,
        expected["reset_after_ns"],
        expected["delay_ns"],
    )


def as_attributes(expected):
    """What the attributes of a decision should be."""
    seconds = {name: ns if ns is None else ns / 1_000_000_000 for name, ns in expected.items() if name.endswith("_ns")}
    retry_after = None if expected["allowed"] else expected["retry_after_ns"]
    return {
        **expected,
        **{name[: -len("_ns")]: value for name, value in seconds.items()},
        "retry_after_ns": retry_after,
        "retry_after": retry_after if retry_after is None else retry_after / 1_000_000_000,
    }


def check(decision, expected, where):
    assert type(decision) is Decision
    assert bytes(decision) == as_struct(expected), where
    wanted = as_attributes(expected)
    assert {name: getattr(decision, name) for name in wanted} == wanted, where


@pytest.mark.parametrize("story", STORIES, ids=[story["policy"] for story in STORIES])
@pytest.mark.parametrize("key_of", [str, str.encode], ids=["text", "bytes"])
def test_python_answers_every_vector_to_the_byte(story, key_of):
    limiter = Limiter(story["policy"], max_keys=100)
    for number, call in enumerate(story["calls"]):
        where = f"call {number}: {call}"
        if call["op"] == "check":
            check(limiter.check_at(key_of(call["key"]), call["cost"], call["at"]), call["expect"], where)
        elif call["op"] == "peek":
            check(limiter.peek_at(key_of(call["key"]), call["cost"], call["at"]), call["expect"], where)
        elif call["op"] == "refund":
            limiter.refund_at(key_of(call["key"]), call["cost"], call["at"])
        elif call["op"] == "reset":
            limiter.reset(key_of(call["key"]))
        else:
            assert call["op"] == "check_many", where
            requests = [(key_of(request["key"]), request["cost"]) for request in call["requests"]]
            decisions = limiter.check_many_at(requests, call["at"])
            assert len(decisions) == len(call["expect"])
            for decision, expected in zip(decisions, call["expect"]):
                check(decision, expected, where)


def test_the_vectors_cover_all_algorithms():
    algorithms = {story["policy"].split()[0] for story in STORIES}
    assert algorithms == {"fixed-window", "sliding-window", "token-bucket", "leaky-bucket"}
    assert sum(len(story["calls"]) for story in STORIES) > 1_000
