"""Wrong arguments: a clear exception each, with what would be right."""

import pytest

from sluicegate import (
    ArgumentError,
    InternalError,
    Limiter,
    ManualClock,
    OutOfMemoryError,
    PolicyError,
    RateLimited,
    SluicegateError,
    SluicegateOSError,
    _errors,
    _library,
)


@pytest.fixture
def limiter():
    return Limiter("token-bucket 5/s", max_keys=10)


@pytest.mark.parametrize(
    ("policy", "text"),
    [
        ("", "column 1"),
        ("token-bucket", "column 13"),
        ("token-bucket 100 per s", "column 17"),
        ("token-bucket 5/s burst=x", "column 24"),
        ("fixed-window 5/0s", "policy"),
        ("fixed-window 99999999999/s", "policy out of range"),
        ("\ud800", "not UTF-8"),
        ("fixed-window 5/s\0", "zero byte"),
    ],
)
def test_a_wrong_policy_is_told_where(policy, text):
    with pytest.raises(PolicyError, match=text) as caught:
        Limiter(policy)
    assert isinstance(caught.value, ValueError)
    assert isinstance(caught.value, SluicegateError)
    assert "sluice_limiter" not in str(caught.value)


def test_a_wrong_policy_is_shown_a_right_one():
    with pytest.raises(PolicyError, match=r'a right one: "token-bucket 100/s burst=200"'):
        Limiter("tocken-bucket 5/s")


@pytest.mark.parametrize("policy", [None, 5, b"token-bucket 5/s"])
def test_a_policy_is_text(policy):
    with pytest.raises(TypeError, match="a policy must be str, not"):
        Limiter(policy)


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ({"max_keys": 0}, ArgumentError, "max_keys is 0; it must be at least 1"),
        ({"max_keys": -1}, ValueError, "max_keys is -1"),
        ({"max_keys": 2**64}, ValueError, "max_keys is 18446744073709551616"),
        ({"max_keys": 2**63}, ArgumentError, "max_keys is 9223372036854775808; it must be from 1 to"),
        ({"max_keys": 1e6}, TypeError, "max_keys must be an int, not float"),
        ({"prefault": 1}, TypeError, "prefault must be True or False, not int"),
        ({"max_keys": 2**47}, OutOfMemoryError, "no memory for a table of"),
        ({"on_full": "drop"}, ArgumentError, "on_full is 'drop'; it must be 'evict', 'deny', 'allow'"),
        ({"on_full": 1}, ArgumentError, "on_full is 1; it must be"),
        ({"clock": "sundial"}, ArgumentError, "clock is 'sundial'; it must be 'monotonic', 'coarse' or a function"),
        ({"clock": None}, ArgumentError, "clock is None"),
    ],
)
def test_a_wrong_option_is_told_what_is_right(arguments, error, text):
    with pytest.raises(error, match=text):
        Limiter("token-bucket 5/s", **arguments)


@pytest.mark.parametrize(
    ("cost", "error"),
    [
        (-1, ValueError),
        (2**64, ValueError),
        (10**30, ValueError),
        (1.0, TypeError),
        ("1", TypeError),
        (None, TypeError),
        (True, TypeError),
        (False, TypeError),
    ],
)
def test_a_cost_is_a_whole_number_of_64_bits(limiter, cost, error):
    for call in (
        lambda: limiter.check("ann", cost),
        lambda: limiter.check(b"ann", cost),
        lambda: limiter.check_at("ann", cost, 0),
        lambda: limiter.peek("ann", cost),
        lambda: limiter.peek_at("ann", cost, 0),
        lambda: limiter.refund("ann", cost),
        lambda: limiter.refund_at("ann", cost, 0),
        lambda: limiter.check_many([("ann", cost)]),
    ):
        with pytest.raises(error, match="cost"):
            call()
    assert limiter.stats().inserted == 0


@pytest.mark.parametrize("cost", [2**31, 2**32, 2**32 + 1, 2**63, 2**64 - 1])
def test_a_huge_cost_is_not_cut(limiter, cost):
    assert limiter.check("ann", cost).reason == "cost exceeds limit"
    assert not limiter.check_many([("ann", cost)])[0]


@pytest.mark.parametrize(("now", "error"), [(-1, ValueError), (2**64, ValueError), (0.5, TypeError), (None, TypeError)])
def test_a_time_is_a_whole_number_of_nanoseconds(limiter, now, error):
    for call in (
        lambda: limiter.check_at("ann", 1, now),
        lambda: limiter.check_many_at(["ann"], now),
        lambda: limiter.peek_at("ann", 1, now),
        lambda: limiter.refund_at("ann", 1, now),
        lambda: Limiter("token-bucket 5/s", clock=lambda: now).check("ann"),
        lambda: Limiter("token-bucket 5/s", clock=lambda: now).stats(),
        lambda: ManualClock().set(now),
    ):
        with pytest.raises(error, match=r"now_ns|the clock's time"):
            call()


def test_a_clock_that_fails_is_heard(limiter):
    def broken():
        raise RuntimeError("no time")

    with pytest.raises(RuntimeError, match="no time"):
        Limiter("token-bucket 5/s", clock=broken).check("ann")


def test_a_clock_does_not_go_before_1970():
    with pytest.raises(ValueError, match="now_ns is -1000000000"):
        ManualClock().advance(-1)


def test_every_status_has_its_exception():
    for status, error in [(-1, ArgumentError), (-2, PolicyError), (-3, SluicegateOSError), (-7, OutOfMemoryError)]:
        with pytest.raises(error):
            _library.raise_for(status)
    for unknown in (-8, -99):
        with pytest.raises(InternalError):
            _library.raise_for(unknown)
    _library.raise_for(0)
    assert all(issubclass(error, SluicegateError) for error in [*_errors.BY_STATUS.values(), RateLimited])


def test_the_quick_call_has_no_status_and_is_safe_without_a_limiter():
    decision = _library.check_by_value(None, b"ann", 3)
    assert (decision.allowed, decision.limit, decision.retry_after) == (False, 0, None)
    assert _library.last_error() == "limiter is NULL"
