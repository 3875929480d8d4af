"""What a limiter does, call by call. Times are told, so nothing here depends on the machine's."""

import copy
import pickle
import time

import pytest

from sluicegate import ClosedError, Limiter, ManualClock, Reason, Stats, _limiter

SECOND = 1_000_000_000


def test_it_admits_the_limit_and_not_one_more():
    limiter = Limiter("fixed-window 3/h")
    assert [limiter.check_at("ann", 1, 0).allowed for _ in range(5)] == [True, True, True, False, False]
    assert limiter.check_at("bob", 1, 0).allowed


def test_a_denial_says_when_to_come_back_and_keeps_its_word():
    limiter = Limiter("token-bucket 2/s burst=2")
    limiter.check_at("ann", 2, 0)
    denied = limiter.check_at("ann", 1, 0)
    assert (denied.allowed, denied.reason) == (False, Reason.LIMIT)
    assert (denied.retry_after, denied.retry_after_ns) == (0.5, SECOND // 2)
    assert not limiter.check_at("ann", 1, denied.retry_after_ns - 1)
    assert limiter.check_at("ann", 1, denied.retry_after_ns)


def test_a_cost_that_never_fits_has_no_time_to_come_back():
    denied = Limiter("fixed-window 3/h").check("ann", 4)
    assert (denied.allowed, denied.reason, denied.retry_after, denied.retry_after_ns) == (
        False,
        Reason.COST_EXCEEDS_LIMIT,
        None,
        None,
    )


def test_a_leaky_bucket_tells_how_long_to_hold_a_request():
    limiter = Limiter("leaky-bucket 10/s burst=5")
    assert [limiter.check_at("ann", 1, 0).delay for _ in range(3)] == [0.0, 0.1, 0.2]
    assert limiter.peek_at("ann", 1, 0).delay_ns == 300_000_000


def test_peek_consumes_nothing():
    limiter = Limiter("fixed-window 1/h")
    assert limiter.peek("ann").allowed
    assert limiter.peek_at("ann", 1, 0).allowed
    assert limiter.check_at("ann", 1, 0).allowed
    assert not limiter.peek_at("ann", 1, 0).allowed
    assert limiter.peek_at("ann", 0, 0).remaining == 0


def test_refund_gives_back_and_never_beyond_fresh():
    limiter = Limiter("token-bucket 1/h burst=10")
    limiter.check_at("ann", 10, 0)
    limiter.refund_at("ann", 4, 0)
    assert limiter.peek_at("ann", 0, 0).remaining == 4
    limiter.refund_at("ann", 2**64 - 1, 0)
    assert limiter.peek_at("ann", 0, 0).remaining == 10


def test_refund_and_reset_by_the_limiters_own_clock():
    limiter = Limiter("token-bucket 1/d burst=10")
    limiter.check("ann", 10)
    limiter.refund("ann")
    limiter.refund("ann", 3)
    assert limiter.peek("ann", 0).remaining == 4
    limiter.reset("ann")
    assert limiter.peek("ann", 0).remaining == 10
    limiter.reset("never seen")


def test_the_quick_way_and_the_long_way_tell_one_story():
    # A cost of 1 on the library's clock goes by the shortest call, all else by the long one.
    limiter = Limiter("fixed-window 100/d")
    assert limiter.check("ann").remaining == 99
    assert limiter.check(b"ann").remaining == 98
    assert limiter.check(bytearray(b"ann")).remaining == 97
    assert limiter.check("ann", 2).remaining == 95
    assert limiter.check(key="ann", cost=1).remaining == 94
    assert limiter.check_many(["ann"])[0].remaining == 93


def test_keys_too_long_for_the_quick_way_take_the_long_one(monkeypatch):
    # Its limit is 2**30 - 1 bytes: longer keys than a test should make.
    monkeypatch.setattr(_limiter, "_LONG", 3)
    monkeypatch.setattr(_limiter, "_check_by_value", lambda _, key, length: (key, length))
    limiter = Limiter("fixed-window 100/d")
    assert limiter.check("an") == limiter.check(b"an") == (b"an", 2)
    assert [limiter.check("ann").remaining, limiter.check(b"ann").remaining] == [99, 98]


@pytest.mark.parametrize("clock", ["monotonic", "coarse", time.time_ns])
def test_every_clock_tells_the_wall_time(clock):
    limiter = Limiter("fixed-window 10/365d", clock=clock)
    year = 365 * 24 * 3600
    to_the_end = year - time.time() % year
    assert abs(limiter.check("ann").reset_after - to_the_end) < 60
    assert limiter.check_many(["ann"])[0].remaining == 8


def test_a_clock_of_ones_own_is_asked_by_every_call():
    clock = ManualClock(5 * SECOND)
    limiter = Limiter("fixed-window 2/s", clock=clock)
    assert limiter.check("ann").reset_after_ns == SECOND
    clock.advance(ns=1)
    assert limiter.check_many(["ann"])[0].reset_after_ns == SECOND - 1
    assert limiter.stats().live_keys == 1
    assert not limiter.peek("ann").allowed
    limiter.refund("ann")
    assert limiter.peek("ann").allowed
    clock.advance(1)
    assert limiter.stats().live_keys == 0
    assert limiter.peek("ann", 0).remaining == 2
    clock.set(0)
    assert repr(clock) == "ManualClock(0)"


def test_stats_count_what_the_table_did():
    limiter = Limiter("fixed-window 5/h", max_keys=1_000, on_full="deny")
    before = limiter.stats()
    assert isinstance(before, Stats)
    assert (before.capacity, before.live_keys, before.inserted) == (1_000, 0, 0)
    limiter.check_many_at([f"key {number}" for number in range(20_000)], time.time_ns())
    after = limiter.stats()
    assert after.memory_bytes == before.memory_bytes
    assert after.live_keys == after.inserted >= 1_000
    assert after.refused_full == 20_000 - after.inserted
    assert (after.evicted, after.allowed_full) == (0, 0)


@pytest.mark.parametrize(
    ("on_full", "allowed", "reason"),
    [("evict", True, Reason.NONE), ("deny", False, Reason.TABLE_FULL), ("allow", True, Reason.TABLE_FULL)],
)
def test_on_full_says_what_becomes_of_a_new_key(on_full, allowed, reason):
    limiter = Limiter("fixed-window 5/h", max_keys=1, on_full=on_full)
    last = limiter.check_many_at([str(number) for number in range(1_000)], 0)[-1]
    assert (last.allowed, last.reason) == (allowed, reason)


def test_a_policy_has_one_shortest_text():
    assert Limiter("  fixed-window   100r/60min ").policy == "fixed-window 100/h"
    longest = "token-bucket 4000000000/315619199999999999ns burst=4294967295"
    assert Limiter(longest, 1).policy == longest


def test_a_limiter_says_what_it_is():
    limiter = Limiter("token-bucket 1/s", max_keys=10)
    assert repr(limiter) == "<sluicegate.Limiter 'token-bucket 1/s' max_keys=10>"
    assert (limiter.max_keys, limiter.closed) == (10, False)
    limiter.close()
    assert repr(limiter) == "<sluicegate.Limiter 'token-bucket 1/s' max_keys=10 closed>"


def test_a_closed_limiter_refuses_every_call():
    with Limiter("token-bucket 1/s", clock="coarse") as limiter:
        assert limiter.check("ann")
    limiter.close()
    assert limiter.closed
    for call in (
        lambda: limiter.check("ann"),
        lambda: limiter.check(b"ann", 2),
        lambda: limiter.check_at("ann", 1, 0),
        lambda: limiter.check_many(["ann"]),
        lambda: limiter.check_many_at([], 0),
        lambda: limiter.peek("ann"),
        lambda: limiter.refund("ann"),
        lambda: limiter.reset("ann"),
        limiter.stats,
        lambda: limiter.limit("ann").__enter__(),
    ):
        with pytest.raises(ClosedError, match=r"^the limiter has been closed$"):
            call()


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, pickle.dumps])
def test_a_limiter_is_not_copied(copied):
    with pytest.raises(TypeError, match="cannot be copied or pickled"):
        copied(Limiter("token-bucket 1/s", max_keys=1))


def test_a_charge_is_given_back_unless_it_has_lapsed():
    clock = ManualClock(59_000_000_000)
    limiter = Limiter("fixed-window 5/1m", max_keys=10, clock=clock)
    at = limiter.now_ns()
    charge = limiter.check("ann", 3)
    assert limiter.refund_charge("ann", 3, charge, at).remaining == 5
    charge = limiter.check("ann", 3)
    clock.advance(1)
    limiter.check("ann", 2)
    assert limiter.refund_charge("ann", 3, charge, at).remaining == 3
    assert limiter.refund_charge_at("bob", 1, limiter.check_at("bob", 1, at), at, at).remaining == 5
    denial = limiter.check("ann", 5)
    assert limiter.refund_charge("ann", 5, denial, at).remaining == 3
    with pytest.raises(TypeError, match="charge must be a Decision"):
        limiter.refund_charge("ann", 1, None, at)
