"""Batches: the answers of one call after another, in one."""

import random

import pytest

from sluicegate import Decision, Limiter

POLICY = "token-bucket 7/min burst=9"


def one_by_one(requests):
    limiter = Limiter(POLICY, 1_000)
    pairs = [request if isinstance(request, tuple) else (request, 1) for request in requests]
    return [limiter.check_at(key, cost, 0) for key, cost in pairs]


@pytest.mark.parametrize(
    "requests",
    [
        [],
        ["a"],
        [""],
        ["", ""],
        ["", "a", ""],
        [b""],
        ["a"] * 200,
        [b"a", b"b"] * 70,
        ["a", b"a", bytearray(b"a"), memoryview(b"a")],
        ["a\0b", "a", "b", "\0", "", "\0\0"],
        [b"a\0b", b"a", b"b", b"\0", b"", b"\0\0"],
        ["ключ", "k\N{LATIN SMALL LETTER E WITH ACUTE}y", "\N{PILE OF POO}", "\ud83d", "\udca9", "\ud83d\udca9"],
        [("a", 3), ("a", 0), ("b", 9), ("a", 10), (b"b", 1), ("a", 2**64 - 1)],
        ["a", ("a", 5), b"a", ("a\0", 5), "a\0"],
        [memoryview(b"a-b-c-")[::2], "abc"],
    ],
    ids=repr,
)
def test_a_batch_answers_as_one_after_another(requests):
    decisions = Limiter(POLICY).check_many_at(requests, 0)
    assert list(decisions) == one_by_one(requests)
    assert decisions.allowed == [decision.allowed for decision in decisions]
    assert len(decisions) == len(requests)


def test_any_iterable_will_do():
    assert Limiter(POLICY).check_many(key for key in "aab").allowed == [True] * 3
    assert Limiter(POLICY).check_many({"a": 1, "b": 2}).allowed == [True] * 2
    assert Limiter(POLICY).check_many(("a", "b")).allowed == [True] * 2


def test_random_batches_answer_as_one_after_another():
    chance = random.Random(1)
    kinds = [
        lambda: "".join(chance.choices("ab\0é\ud800", k=chance.randrange(5))),
        lambda: bytes(chance.choices(b"ab\0\xff", k=chance.randrange(5))),
    ]
    for _ in range(300):
        chosen = chance.choice([kinds, kinds[:1], kinds[1:]])
        priced = chance.random() < 0.5
        requests = [chance.choice(chosen)() for _ in range(chance.randrange(150))]
        requests = [(key, chance.randrange(4)) if priced and chance.random() < 0.7 else key for key in requests]
        assert list(Limiter(POLICY, 1_000).check_many_at(requests, 0)) == one_by_one(requests)


@pytest.mark.parametrize("wrong", ["key", b"key", bytearray(b"key"), memoryview(b"key")])
def test_one_key_is_no_batch(wrong):
    with pytest.raises(TypeError, match="put it into a list"):
        Limiter(POLICY).check_many(wrong)


@pytest.mark.parametrize(
    ("request_", "error", "text"),
    [
        (5, TypeError, r"requests\[2\]: a key must be str or bytes, not int"),
        (None, TypeError, r"requests\[2\]: a key must be str or bytes, not NoneType"),
        (("a", 1, 2), TypeError, r"requests\[2\]: a key must be str or bytes, not tuple"),
        (("a",), TypeError, r"requests\[2\]: a key must be str or bytes, not tuple"),
        ((5, 1), TypeError, r"requests\[2\]: a key must be str or bytes, not int"),
        (("a", -1), ValueError, r"requests\[2\]: cost is -1; it must be from 0 to 2\*\*64 - 1"),
        (("a", 2**64), ValueError, r"requests\[2\]: cost is 18446744073709551616; it must be"),
        (("a", 1.0), TypeError, r"requests\[2\]: cost must be an int, not float"),
        (("a", True), TypeError, r"requests\[2\]: cost must be an int, not bool"),
        (("a", "1"), TypeError, r"requests\[2\]: cost must be an int, not str"),
    ],
)
def test_a_wrong_request_is_named_and_none_is_decided(request_, error, text):
    limiter = Limiter(POLICY)
    for others in (["a", "b"], [b"a", b"b"], [("a", 1), ("b", 2)]):
        with pytest.raises(error, match=text):
            limiter.check_many([*others, request_, others[0]])
    assert limiter.stats().inserted == 0


def test_what_cannot_be_iterated_is_no_batch():
    with pytest.raises(TypeError, match="not iterable"):
        Limiter(POLICY).check_many(5)


def test_answers_are_a_sequence():
    decisions = Limiter("fixed-window 2/h").check_many_at(["a", "a", "a", "b"], 0)
    assert [decision.remaining for decision in decisions] == [1, 0, 0, 1]
    assert decisions[-1] == decisions[0]
    assert decisions[1:3] == [decisions[1], decisions[2]]
    assert decisions[::-2] == [decisions[3], decisions[1]]
    assert type(decisions[0]) is Decision
    assert decisions[2] in decisions
    assert decisions.count(decisions[0]) == 2
    assert repr(decisions) == "<sluicegate.Decisions: 3 of 4 allowed>"
    for outside in (4, -5, 2**70):
        with pytest.raises(IndexError):
            decisions[outside]
    with pytest.raises(AttributeError, match="does not change"):
        decisions[0].limit = 5


def test_an_answer_outlives_its_batch():
    first = Limiter("fixed-window 2/h").check_many_at(["a"] * 1_000, 0)[0]
    other = Limiter("fixed-window 9/h").check_many_at(["a"] * 1_000, 0)
    assert (first.limit, first.remaining) == (2, 1)
    assert other[0].limit == 9


def test_a_list_that_changes_meanwhile_does_no_harm():
    class Growing(list):
        def __iter__(self):
            for item in list.__iter__(self):
                self.clear()
                yield item

    assert len(Limiter(POLICY).check_many(Growing(["a", "b", "c"]))) == 1
