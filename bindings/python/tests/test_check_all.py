"""One request held to several limits: charged to all of them or to none."""

import threading

import pytest

from sluicegate import ArgumentError, ClosedError, Limiter, ManualClock, Reason, check_all


def test_all_are_charged_if_all_allow():
    address, user = Limiter("token-bucket 10/h"), Limiter("fixed-window 5/h")
    decisions = check_all([(address, "203.0.113.10", 2), (user, b"ann")], now_ns=0)
    assert all(decisions)
    assert [decision.remaining for decision in decisions] == [8, 4]


def test_none_is_charged_if_one_denies():
    address, user = Limiter("token-bucket 10/h"), Limiter("fixed-window 1/h")
    assert all(check_all([(address, "a"), (user, "ann")], now_ns=0))
    first, second = check_all([(address, "a"), (user, "ann")], now_ns=0)
    assert first.allowed
    assert second.reason is Reason.LIMIT
    assert address.peek_at("a", 0, 0).remaining == 9


def test_no_limit_at_all_allows():
    assert all(check_all([]))
    assert len(check_all([])) == 0


def test_limiters_with_one_clock_are_asked_at_its_time():
    clock = ManualClock(0)
    limiters = [Limiter("fixed-window 1/s", clock=clock), Limiter("fixed-window 2/s", clock=clock)]
    charges = [(limiter, "ann") for limiter in limiters]
    assert all(check_all(charges))
    assert not all(check_all(charges))
    clock.advance(1)
    assert all(check_all(charges))
    with pytest.raises(ArgumentError, match="different clocks"):
        check_all([(limiters[0], "ann"), (Limiter("fixed-window 1/s"), "ann")])


@pytest.mark.parametrize(
    ("charge", "error", "text"),
    [
        ("ab", TypeError, "must begin with a Limiter, not str"),
        (7, TypeError, r"charges\[0\] must be \(limiter, key\)"),
        ((Limiter("fixed-window 1/s"),), TypeError, r"charges\[0\] must be \(limiter, key\)"),
        ((Limiter("fixed-window 1/s"), 7), TypeError, r"charges\[0\]: a key must be str or bytes, not int"),
        ((Limiter("fixed-window 1/s"), "a", -1), ValueError, r"charges\[0\]: cost is -1"),
    ],
)
def test_what_is_no_charge_is_refused(charge, error, text):
    with pytest.raises(error, match=text):
        check_all([charge])


def test_a_closed_limiter_is_refused():
    limiter = Limiter("fixed-window 1/s")
    limiter.close()
    with pytest.raises(ClosedError):
        check_all([(limiter, "ann")])


def test_under_races_each_limit_counts_what_was_admitted():
    common = Limiter("token-bucket 3000/30d")
    own = Limiter("token-bucket 1000/30d")
    admitted = [0] * 4

    def ask(thread):
        for _ in range(2000):
            admitted[thread] += all(check_all([(own, str(thread)), (common, "all")], now_ns=0))

    threads = [threading.Thread(target=ask, args=(thread,)) for thread in range(4)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert common.peek_at("all", 0, 0).remaining == 3000 - sum(admitted)
    assert [own.peek_at(str(thread), 0, 0).remaining for thread in range(4)] == [1000 - each for each in admitted]
