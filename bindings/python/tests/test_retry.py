"""The client's side: what Python adds to the library, and the library's parsers beside others."""

import datetime
import email.utils
import random

import pytest

from sluicegate import ArgumentError
from sluicegate.retry import GiveUp, GiveUpReason, NotBefore, RetryIn, RetryPolicy, server_hint

http_sf = pytest.importorskip("http_sf")

NOW = 1_795_305_600  # 22 November 2026, a Sunday
NOW_NS = NOW * 10**9
FIXED = {"now_ns": NOW_NS, "random": 0}


def wait(headers, **options):
    return server_hint(headers, now_ns=NOW_NS, **options).wait


def test_a_wait_that_the_server_names_is_kept():
    policy = RetryPolicy()
    headers = {"retry-after": "7"}
    assert policy.decide("GET", 429, headers, **FIXED) == RetryIn(7.0)
    assert policy.decide("GET", 429, headers, now_ns=NOW_NS, random=2**64 - 1) == RetryIn(7.7)
    assert 7 <= policy.decide("GET", 429, headers).seconds <= 7.7
    assert policy.decide("GET", 429, {"Retry-After": "Sun, 22 Nov 2026 00:02:00 GMT"}, **FIXED) == RetryIn(120.0)


def test_a_longer_wait_is_told_and_not_begun():
    advice = RetryPolicy().decide("GET", 429, {"Retry-After": "3600"})
    assert advice == GiveUp(GiveUpReason.SERVER_WAIT, 3600.0)
    assert str(advice.reason) == "the server asks for a longer wait than is accepted"
    assert RetryPolicy(max_server_wait=3600, deadline=4000).decide("GET", 429, {"Retry-After": "3600"}).seconds >= 3600
    endless = RetryPolicy().decide("GET", 429, {"Retry-After": "9" * 5000})
    assert endless.come_back == pytest.approx(2**64 / 10**9)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("GET", 200, {}), GiveUpReason.STATUS),
        (("GET", -5, {}), GiveUpReason.STATUS),
        (("GET", 2**70, {}), GiveUpReason.STATUS),
        (("GET", 429, {"x-should-retry": "false"}), GiveUpReason.SERVER_FORBIDS),
        (("POST", 429, {}), GiveUpReason.METHOD),
        (("G\0ET", 429, {}), GiveUpReason.METHOD),
    ],
)
def test_there_is_no_retry(arguments, reason):
    assert RetryPolicy().decide(*arguments) == GiveUp(reason, None)


def test_what_the_caller_knows_counts():
    policy = RetryPolicy(idempotent_methods=["PROPFIND"])
    assert isinstance(policy.decide("PROPFIND", 503, {}), RetryIn)
    assert isinstance(policy.decide("POST", 503, {}, repeatable=True), RetryIn)
    assert policy.decide("GET", 503, {}, body_is_gone=True).reason is GiveUpReason.BODY
    assert policy.decide("GET", 503, {}, attempt=4).reason is GiveUpReason.ATTEMPTS
    assert policy.decide("GET", 503, {}, attempt=10**30).reason is GiveUpReason.ATTEMPTS
    assert policy.decide("GET", 503, {}, elapsed=300.1).reason is GiveUpReason.DEADLINE
    assert policy.decide("GET", 503, {}, elapsed=1e300).reason is GiveUpReason.DEADLINE
    assert isinstance(policy.decide("GET", 503, {}, attempt=0, elapsed=-1), RetryIn)


def test_settings_are_heeded():
    assert RetryPolicy(statuses=[500]).decide("GET", 429, {}).reason is GiveUpReason.STATUS
    assert isinstance(RetryPolicy(statuses=[500]).decide("GET", 500, {}), RetryIn)
    github = RetryPolicy(statuses_with_hint=[403])
    assert github.decide("GET", 403, {}).reason is GiveUpReason.STATUS
    assert isinstance(github.decide("GET", 403, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "5"}), RetryIn)
    assert isinstance(RetryPolicy(any_method_on_429=True).decide("POST", 429, {}), RetryIn)
    assert RetryPolicy(strict=True).decide("GET", 429, {"Retry-After": "1.5"}, **FIXED) == RetryIn(0.05)
    most = {"now_ns": NOW_NS, "random": 2**64 - 1}
    assert RetryPolicy(jitter_percent=0).decide("GET", 429, {"Retry-After": "7"}, **most) == RetryIn(7.0)
    assert RetryPolicy(max_jitter=0).decide("GET", 429, {"Retry-After": "7"}, **most) == RetryIn(7.0)
    assert RetryPolicy(max_jitter=0.1).decide("GET", 429, {"Retry-After": "7"}, **most) == RetryIn(7.1)
    assert RetryPolicy(base=2, cap=3).decide("GET", 503, {}, attempt=2, **most) == RetryIn(3.0)
    budget = RetryPolicy(budget=(2, 100))
    assert budget.decide("GET", 503, {}).reason is GiveUpReason.BUDGET
    assert isinstance(budget.decide("GET", 503, {"Retry-After": "1"}), RetryIn)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"max_attempts": 0}, "max_attempts is 0; it is from 1 to 1000"),
        ({"max_attempts": 2.0}, "max_attempts is 2.0"),
        ({"base": -1}, "base is -1; it is a number of seconds from 0 to"),
        ({"cap": float("nan")}, "cap is nan"),
        ({"deadline": float("inf")}, "deadline is inf"),
        ({"max_server_wait": 1e9}, "max_server_wait"),
        ({"max_jitter": "1"}, "max_jitter is '1'"),
        ({"jitter_percent": 101}, "jitter_percent is 101"),
        ({"statuses": [200]}, "status is 200"),
        ({"statuses": []}, "statuses is empty"),
        ({"statuses_with_hint": [600]}, "status is 600"),
        ({"budget": (0, 20)}, "a budget's tokens is 0"),
        ({"budget": (10, 0)}, "a budget's percentage is 0"),
    ],
)
def test_settings_out_of_range_are_refused(arguments, text):
    with pytest.raises(ArgumentError, match=text):
        RetryPolicy(**arguments)


def test_headers_may_come_in_any_form():
    lines = [("RateLimit", '"a";r=0;t=5'), (b"ratelimit", b'"b";r=0;t=6'), ("X-Other", "\u20ac")]
    assert server_hint(lines).wait == 6
    assert server_hint(dict(lines[:1])) == (5.0, "ratelimit", False)
    assert server_hint(line for line in lines).source == "ratelimit"
    assert server_hint({}) == (None, None, False)
    assert server_hint({"x-ratelimit-reset": str(NOW + 60)}, now_ns=NOW_NS) == (60.0, "reset", False)
    assert server_hint({"Retry-After": "sun, 22 nov 2026 00:02:00 gmt"}, now_ns=NOW_NS).wait == 120
    assert server_hint({"Retry-After": "sun, 22 nov 2026 00:02:00 gmt"}, now_ns=NOW_NS, strict=True).wait is None


def test_an_instant_that_is_shared_is_the_latest():
    shared = NotBefore()
    shared.put_off("a", 5, now=10)
    shared.put_off("a", 1, now=11)
    assert (shared.wait("a", 12), shared.wait("a", 15), shared.wait("b", 12)) == (3, 0, 0)
    for number in range(5_000):
        shared.put_off(str(number), 0, now=12)
    assert shared.wait("a", 12) == 3
    assert len(shared._until) <= 1_024


def test_a_wait_is_spread_upwards():
    waits = [RetryPolicy().spread(10) for _ in range(100)]
    assert all(10 <= seconds <= 11 for seconds in waits)
    assert len(set(waits)) > 90
    assert RetryPolicy(jitter_percent=0).spread(10) == 10


def test_dates_agree_with_the_standard_library():
    """Where it is right: it takes two-digit years by a fixed pivot, and days that no month has."""
    chance = random.Random(7)
    for _ in range(3_000):
        moment = datetime.datetime.fromtimestamp(chance.randrange(NOW, 2**33), datetime.timezone.utc)
        for text in (email.utils.format_datetime(moment, usegmt=True), moment.strftime("%a %b %e %H:%M:%S %Y")):
            theirs = email.utils.parsedate_to_datetime(text).replace(tzinfo=datetime.timezone.utc)
            assert wait({"Retry-After": text}, strict=True) == theirs.timestamp() - NOW, text


VALUES = ["0", "1", "7", "-1", "1.0", '"7"', "?1", "1234567890123456", ":AA==:", "x", "", "00"]
NAMES = ['"a"', "tok", '"a\\"b"', "5", '"unended', "(1 2)", "a/b", "'a'", '"\u00e9"', "*x"]
KEYS = ["r", "t", "a", "w", "pk", "R", "limit", "remaining", "reset", ""]


def a_field(chance):
    def parameter():
        return f";{chance.choice(['', ' '])}{chance.choice(KEYS)}={chance.choice(VALUES)}"

    def item():
        quota = f";r={chance.choice(VALUES[:2])};t={chance.choice(VALUES[:3])}" if chance.random() < 0.6 else ""
        return chance.choice(NAMES[:4]) + quota + "".join(parameter() for _ in range(chance.choice([0, 0, 0, 1, 2])))

    if chance.random() < 0.4:
        members = [f"{chance.choice(KEYS[-5:-1])}={chance.choice(VALUES)}" for _ in range(chance.randrange(1, 5))]
    else:
        members = [item() for _ in range(chance.randrange(1, 4))]
    field = chance.choice([", ", ",", " , "]).join(members)
    return field + chance.choice([""] * 8 + [",", " "])


def by_another_parser(field):
    """What the field says by an independent parser of structured fields, and our reading of what it finds."""

    def number(value):
        return value if type(value) is int and value >= 0 else None

    def whole(kind):
        try:
            return http_sf.parse(field.encode("latin-1", "replace"), tltype=kind)
        except ValueError:
            return None

    waits = []
    for member in whole("list") or []:
        name, parameters = member
        if isinstance(name, (list, int, float, bytes, bool)):
            continue
        left = parameters.get("r", parameters.get("a"))
        seconds = parameters.get("t", parameters.get("w"))
        if number(left) == 0 and number(seconds) is not None:
            waits.append(seconds)
    if not waits:
        entries = whole("dictionary") or {}
        first = {name: value[0] for name, value in entries.items()}
        if number(first.get("remaining")) == 0 and number(first.get("reset")) is not None:
            waits.append(first["reset"])
    return max(waits, default=None)


def test_ratelimit_agrees_with_an_independent_parser():
    chance = random.Random(9)
    told = 0
    for _ in range(20_000):
        field = a_field(chance)
        ours = wait({"RateLimit": field})
        assert ours == by_another_parser(field), field
        told += ours is not None
    assert told > 2_000
