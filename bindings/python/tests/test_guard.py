"""Functions and blocks behind a limit."""

import asyncio
import inspect
import pickle

import pytest

from sluicegate import Limiter, RateLimited


@pytest.fixture
def limiter():
    return Limiter("fixed-window 2/d", max_keys=100)


def test_a_decorated_function_runs_within_its_limit(limiter):
    calls = []

    @limiter.limit(key=lambda user, **_: f"user:{user}")
    def greet(user, *, loudly=False):
        """Says hello."""
        calls.append(user)
        return f"hello {user}{'!' if loudly else ''}"

    assert greet("ann") == "hello ann"
    assert greet("ann", loudly=True) == "hello ann!"
    with pytest.raises(RateLimited) as caught:
        greet("ann")
    assert greet("bob") == "hello bob"
    assert calls == ["ann", "ann", "bob"]
    assert (greet.__name__, greet.__doc__) == ("greet", "Says hello.")
    denied = caught.value
    assert (denied.key, denied.decision.allowed, denied.decision.limit) == ("user:ann", False, 2)
    assert 0 < denied.retry_after <= 86_400
    assert denied.retry_after == denied.decision.retry_after
    assert "'user:ann' is over its limit of 2 (limit); retry after " in str(denied)


def test_a_function_without_a_key_has_one_for_all_its_calls(limiter):
    @limiter.limit()
    def first():
        return 1

    @limiter.limit()
    def second():
        return 2

    assert [first(), first(), second()] == [1, 1, 2]
    with pytest.raises(RateLimited, match="first"):
        first()


def test_the_cost_may_depend_on_the_call(limiter):
    @limiter.limit("exports", cost=lambda rows: rows)
    def export(rows):
        return rows

    assert export(2) == 2
    with pytest.raises(RateLimited, match="cost exceeds limit") as caught:
        export(3)
    assert caught.value.retry_after is None
    assert "waiting cannot help" in str(caught.value)


def test_methods_are_functions_too(limiter):
    class Service:
        @limiter.limit(key=lambda self, user: user)
        def serve(self, user):
            return user

        @classmethod
        @limiter.limit(key=b"class")
        def make(cls):
            return cls

    assert Service().serve("ann") == "ann"
    assert Service.make() is Service
    assert limiter.peek("ann", 0).remaining == 1
    assert limiter.peek("class", 0).remaining == 1


def test_a_block_runs_within_its_limit(limiter):
    block = limiter.limit("ann")
    for remaining in (1, 0):
        with block as decision:
            assert decision.remaining == remaining
    with pytest.raises(RateLimited), block:
        pytest.fail("a block over its limit has run")


def test_what_a_block_raises_goes_on_and_stays_paid(limiter):
    with pytest.raises(KeyError), limiter.limit("ann"):
        raise KeyError
    assert limiter.peek("ann", 0).remaining == 1


def test_a_block_needs_a_key(limiter):
    with pytest.raises(TypeError, match="needs a key"), limiter.limit():
        pass
    with limiter.limit(lambda: "ann") as decision:
        assert decision.remaining == 1


def test_a_denial_survives_pickling(limiter):
    limiter.check("ann", 2)
    with pytest.raises(RateLimited) as caught, limiter.limit("ann"):
        pass
    unpickled = pickle.loads(pickle.dumps(caught.value))
    assert (unpickled.key, unpickled.decision) == ("ann", caught.value.decision)
    assert str(unpickled) == str(caught.value)


def test_coroutines_are_checked_when_awaited(limiter):
    @limiter.limit(key=lambda user: user)
    async def greet(user):
        await asyncio.sleep(0)
        return f"hello {user}"

    async def main():
        assert inspect.iscoroutinefunction(greet)
        pending = greet("ann")
        assert limiter.peek("ann", 0).remaining == 2
        assert await pending == "hello ann"
        async with limiter.limit("ann") as decision:
            assert decision.remaining == 0
        with pytest.raises(RateLimited):
            await greet("ann")
        with pytest.raises(RateLimited):
            async with limiter.limit("ann"):
                pytest.fail("a block over its limit has run")

    asyncio.run(main())


def test_tasks_share_one_limit():
    limiter = Limiter("fixed-window 100/d")

    @limiter.limit("all")
    async def work():
        await asyncio.sleep(0)

    async def main():
        return await asyncio.gather(*(work() for _ in range(300)), return_exceptions=True)

    outcomes = asyncio.run(main())
    assert sum(outcome is None for outcome in outcomes) == 100
    assert sum(isinstance(outcome, RateLimited) for outcome in outcomes) == 200


def test_generators_are_checked_when_called(limiter):
    @limiter.limit("ann", cost=2)
    def count():
        yield 1
        yield 2

    @limiter.limit("bob", cost=2)
    async def count_slowly():
        yield 1

    async def first():
        return [number async for number in count_slowly()]

    assert list(count()) == [1, 2]
    assert asyncio.run(first()) == [1]
    with pytest.raises(RateLimited):
        count()
    with pytest.raises(RateLimited):
        count_slowly()
