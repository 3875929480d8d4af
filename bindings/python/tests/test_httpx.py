"""`httpx` through the transports, over real connections."""

import asyncio
import time

import pytest
from scripted_server import ADMITTED, denied, serving

from sluicegate import ArgumentError
from sluicegate.retry import GiveUp, GiveUpReason, RetryPolicy

httpx = pytest.importorskip("httpx")
from sluicegate.httpx import AsyncObeyTransport, ObeyTransport, given_up  # noqa: E402 (after what it needs)


def ask_synchronously(url, method="GET", **options):
    request = {name: options.pop(name) for name in ("content", "headers") if name in options}
    with httpx.Client(transport=ObeyTransport(**options), trust_env=False) as client:
        return client.request(method, url, **request)


def ask_in_a_task(url, method="GET", **options):
    request = {name: options.pop(name) for name in ("content", "headers") if name in options}
    content = request.get("content")
    if content is not None and not isinstance(content, bytes):

        async def chunks():
            for chunk in content:
                yield chunk

        request["content"] = chunks()

    async def ask():
        async with httpx.AsyncClient(transport=AsyncObeyTransport(**options), trust_env=False) as client:
            return await client.request(method, url, **request)

    return asyncio.run(ask())


@pytest.fixture(params=[ask_synchronously, ask_in_a_task], ids=["sync", "async"])
def ask(request):
    return request.param


@pytest.mark.parametrize("headers", [{"Retry_After": "1"}, {"RateLimit": '"default";r=0;t=1'}], ids=str)
def test_it_waits_as_told_and_is_admitted(ask, headers):
    with serving([denied(**headers), ADMITTED]) as server:
        response = ask(server.url)
    assert (response.status_code, response.content, given_up(response)) == (200, b"welcome", None)
    first, second = server.seen
    assert second.at - first.at >= 1
    assert second.connection == first.connection


def test_a_body_in_memory_is_sent_again(ask):
    with serving([denied(retry_after_ms="50"), denied(retry_after_ms="50"), ADMITTED]) as server:
        response = ask(server.url, "POST", content=b"order 7", headers={"Idempotency-Key": '"7"'})
    assert response.status_code == 200
    assert [seen.body for seen in server.seen] == [b"order 7"] * 3


def test_a_body_that_is_gone_is_not(ask):
    with serving([denied(retry_after_ms="50"), ADMITTED]) as server:
        response = ask(server.url, "PUT", content=iter([b"order ", b"7"]))
    assert given_up(response) == GiveUp(GiveUpReason.BODY, 0.05)
    assert [seen.body for seen in server.seen] == [b"order 7"]


def test_what_must_not_be_sent_twice_is_passed_on_whole(ask):
    with serving([denied(Retry_After="1"), ADMITTED]) as server:
        response = ask(server.url, "POST", content=b"order 7")
    assert (response.status_code, response.text) == (429, "later")
    assert given_up(response) == GiveUp(GiveUpReason.METHOD, 1.0)
    assert len(server.seen) == 1


def test_a_longer_wait_is_not_begun(ask):
    with serving([denied(Retry_After="3600")]) as server:
        assert given_up(ask(server.url)) == GiveUp(GiveUpReason.SERVER_WAIT, 3600.0)
    assert len(server.seen) == 1


def test_attempts_end(ask):
    with serving([denied(retry_after_ms="10")]) as server:
        response = ask(server.url, policy=RetryPolicy(max_attempts=3))
    assert given_up(response).reason is GiveUpReason.ATTEMPTS
    assert len(server.seen) == 3


def test_a_response_of_another_status_is_left_alone(ask):
    with serving([ADMITTED._replace(status=500)]) as server:
        response = ask(server.url)
    assert (response.status_code, response.content, given_up(response)) == (500, b"welcome", None)


def test_it_is_around_any_transport():
    answers = iter([httpx.Response(429, headers={"retry-after-ms": "1"}), httpx.Response(200)])
    asked = []

    def answer(request):
        asked.append(request.url.path)
        return next(answers)

    with httpx.Client(transport=ObeyTransport(httpx.MockTransport(answer))) as client:
        assert client.get("http://anywhere/path").status_code == 200
    assert asked == ["/path", "/path"]


def turned_away_twice(hold, clients=10):
    """How often one is turned away again by a server that opens two seconds later than it says at first."""
    first = []

    def script(_):
        first.append(time.monotonic())
        return denied(Retry_After="1") if time.monotonic() < first[0] + 3 else ADMITTED

    async def ask(url):
        policy = RetryPolicy(jitter_percent=90, max_jitter=1, max_attempts=9)
        transport = AsyncObeyTransport(policy=policy, hold=hold)
        async with httpx.AsyncClient(transport=transport, trust_env=False, timeout=None) as client:
            return await asyncio.gather(*(client.get(url) for _ in range(clients)))

    with serving(script) as server:
        assert all(response.status_code == 200 for response in asyncio.run(ask(server.url)))
    return len(server.seen) - 2 * clients


def test_of_many_who_wait_few_find_out_that_it_is_too_early():
    alone = turned_away_twice("nothing")
    assert alone >= 10
    assert 1 <= turned_away_twice("retries") < alone


def test_a_wait_can_be_cancelled():
    async def ask(url):
        async with httpx.AsyncClient(transport=AsyncObeyTransport(), trust_env=False) as client:
            asking = asyncio.ensure_future(client.get(url))
            while not server.seen:
                await asyncio.sleep(0.01)
            asking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asking

    with serving([denied(Retry_After="100")]) as server:
        asyncio.run(ask(server.url))
    assert len(server.seen) == 1


def test_arguments_are_checked():
    for transport in (ObeyTransport, AsyncObeyTransport):
        with pytest.raises(ArgumentError, match="hold is 'all'"):
            transport(hold="all")
