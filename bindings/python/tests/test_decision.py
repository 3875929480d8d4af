"""What a decision says, and that nobody changes it."""

import copy
import ctypes
import pickle

import pytest

from sluicegate import Decision, Limiter, Reason

DENIED = Limiter("fixed-window 1/h").check_at("ann", 2, 0)
ALLOWED = Limiter("fixed-window 1/h").check_at("ann", 1, 0)


def test_it_is_true_if_the_request_is_allowed():
    assert ALLOWED
    assert not DENIED
    assert (ALLOWED.allowed, DENIED.allowed) == (True, False)


def test_its_times_are_seconds_and_whole_nanoseconds():
    assert (ALLOWED.reset_after, ALLOWED.reset_after_ns) == (3600.0, 3_600_000_000_000)
    assert (ALLOWED.delay, ALLOWED.delay_ns) == (0.0, 0)
    assert (ALLOWED.retry_after, ALLOWED.retry_after_ns) == (None, None)


def test_its_reason_is_text_and_one_of_a_few():
    assert DENIED.reason is Reason.COST_EXCEEDS_LIMIT
    assert DENIED.reason == "cost exceeds limit"
    assert f"{DENIED.reason}" == str(DENIED.reason) == "cost exceeds limit"
    assert ALLOWED.reason is Reason.NONE


def test_a_time_after_2079_has_a_reason_of_its_own():
    assert Limiter("fixed-window 1/h").check_at("ann", 1, 2**64 - 1).reason is Reason.TIME_OUT_OF_RANGE


@pytest.mark.parametrize(
    "name", ["allowed", "limit", "remaining", "reset_after_ns", "reason", "retry_after", "_reason", "new"]
)
def test_it_does_not_change(name):
    with pytest.raises(AttributeError, match=f"a Decision does not change: cannot set {name}"):
        setattr(ALLOWED, name, 1)
    with pytest.raises(AttributeError, match=f"a Decision does not change: cannot delete {name}"):
        delattr(ALLOWED, name)


def test_equal_answers_are_equal():
    again = Limiter("fixed-window 1/h").check_at("bob", 1, 0)
    assert again == ALLOWED
    assert hash(again) == hash(ALLOWED)
    assert again != DENIED
    assert again != "anything else"


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_it_survives_pickling(protocol):
    unpickled = pickle.loads(pickle.dumps(DENIED, protocol))
    assert type(unpickled) is Decision
    assert unpickled == DENIED
    assert copy.deepcopy(DENIED) is copy.copy(DENIED) is DENIED


def test_it_shows_everything():
    assert repr(DENIED) == (
        "Decision(allowed=False, reason='cost exceeds limit', limit=1, remaining=1, retry_after=None, "
        "reset_after=3600.0, delay=0.0)"
    )


def test_it_is_the_struct_of_the_c_interface():
    assert ctypes.sizeof(Decision) == 48
    assert [Decision._reason.offset, Decision.limit.offset, Decision.delay_ns.offset] == [4, 8, 40]
