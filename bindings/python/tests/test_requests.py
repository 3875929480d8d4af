"""`requests` through the adapter, over real connections."""

import io
import pickle
import threading
import time

import pytest
from scripted_server import ADMITTED, denied, serving

from sluicegate import ArgumentError
from sluicegate.retry import GiveUp, GiveUpReason, NotBefore, RetryPolicy

requests = pytest.importorskip("requests")
from sluicegate.requests import ObeyAdapter, given_up  # noqa: E402 (after what it needs)


def session(*arguments, **options):
    made = requests.Session()
    made.trust_env = False
    made.mount("http://", ObeyAdapter(*arguments, **options))
    return made


@pytest.mark.parametrize(
    "headers",
    [
        {"Retry_After": "1"},
        {"RateLimit": '"default";r=0;t=1'},
        {"RateLimit": "limit=1, remaining=0, reset=1"},
        {"X_RateLimit_Reset": "1"},
    ],
    ids=str,
)
def test_it_waits_as_told_and_is_admitted(headers):
    with serving([denied(**headers), ADMITTED]) as server, session() as client:
        response = client.get(server.url)
    assert (response.status_code, response.content, given_up(response)) == (200, b"welcome", None)
    first, second = server.seen
    assert second.at - first.at >= 1
    assert second.connection == first.connection


@pytest.mark.parametrize(
    "body",
    [b"order 7", "order 7", {"order": "7"}, io.BytesIO(b"order 7")],
    ids=lambda body: type(body).__name__,
)
def test_a_body_that_is_there_is_sent_again(body):
    with serving([denied(retry_after_ms="50"), denied(retry_after_ms="50"), ADMITTED]) as server, session() as client:
        response = client.post(server.url, data=body, headers={"Idempotency-Key": '"7"'})
    assert response.status_code == 200
    assert [seen.body for seen in server.seen] == [server.seen[0].body] * 3
    assert server.seen[0].body in (b"order 7", b"order=7")


def test_a_body_that_is_gone_is_not():
    with serving([denied(retry_after_ms="50"), ADMITTED]) as server, session() as client:
        response = client.put(server.url, data=(chunk for chunk in [b"order ", b"7"]))
    assert given_up(response) == GiveUp(GiveUpReason.BODY, 0.05)
    assert [seen.body for seen in server.seen] == [b"order 7"]


def test_what_must_not_be_sent_twice_is_passed_on_whole():
    with serving([denied(Retry_After="1"), ADMITTED]) as server, session() as client:
        response = client.post(server.url, data=b"order 7")
    assert (response.status_code, response.text) == (429, "later")
    assert given_up(response) == GiveUp(GiveUpReason.METHOD, 1.0)
    assert len(server.seen) == 1


def test_a_longer_wait_is_not_begun():
    with serving([denied(Retry_After="3600")]) as server, session() as client:
        assert given_up(client.get(server.url)) == GiveUp(GiveUpReason.SERVER_WAIT, 3600.0)
    assert len(server.seen) == 1


def test_attempts_end():
    with serving([denied(retry_after_ms="10")]) as server, session(RetryPolicy(max_attempts=3)) as client:
        response = client.get(server.url)
    assert given_up(response).reason is GiveUpReason.ATTEMPTS
    assert len(server.seen) == 3


def test_a_response_of_another_status_is_left_alone():
    with serving([ADMITTED._replace(status=500)]) as server, session() as client:
        response = client.get(server.url, stream=True)
        assert (response.status_code, given_up(response)) == (500, None)
        assert response.raw.read() == b"welcome"
    assert len(server.seen) == 1


def turned_away_twice(hold, clients=10):
    """How often one is turned away again by a server that opens two seconds later than it says at first."""
    first = []

    def script(_):
        first.append(time.monotonic())
        return denied(Retry_After="1") if time.monotonic() < first[0] + 3 else ADMITTED

    policy = RetryPolicy(jitter_percent=90, max_jitter=1, max_attempts=9)
    with serving(script) as server, session(policy, hold=hold) as client:
        threads = [threading.Thread(target=client.get, args=(server.url,)) for _ in range(clients)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    return len(server.seen) - 2 * clients


def test_of_many_who_wait_few_find_out_that_it_is_too_early():
    alone = turned_away_twice("nothing")
    assert alone >= 10
    assert 1 <= turned_away_twice("retries") < alone


def test_where_all_are_held_a_first_attempt_waits_too(monkeypatch):
    told = threading.Event()
    put_off = NotBefore.put_off

    def put_off_and_tell(*arguments):
        put_off(*arguments)
        told.set()

    monkeypatch.setattr(NotBefore, "put_off", put_off_and_tell)
    with serving([denied(Retry_After="1"), ADMITTED]) as server, session(hold="everything") as client:
        first = threading.Thread(target=client.get, args=(server.url,))
        first.start()
        told.wait()
        assert client.get(server.url).status_code == 200
        first.join()
    assert len(server.seen) == 3
    assert all(later.at - server.seen[0].at >= 1 for later in server.seen[1:])


def test_arguments_are_checked_and_others_handed_on():
    with pytest.raises(ArgumentError, match="hold is 'all'"):
        ObeyAdapter(hold="all")
    assert ObeyAdapter(max_retries=2).max_retries.total == 2
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(ObeyAdapter())
