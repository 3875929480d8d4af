"""The example's web application, under two servers, with a real HTTP client."""

import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from web_server import serving

BY_ITSELF = [sys.executable, "web_app.py", "--port", "0"]
BY_GUNICORN = [sys.executable, "-m", "gunicorn", "--threads", "8", "--bind", "127.0.0.1:0", "web_app:application"]


@pytest.fixture(params=[BY_ITSELF, BY_GUNICORN], ids=["by itself", "under gunicorn"])
def command(request):
    if request.param is BY_GUNICORN:
        pytest.importorskip("gunicorn")
    return request.param


def test_clients_get_exactly_the_limit_and_then_429(command):
    with serving(command, "fixed-window 20/366d") as (address, _), ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: requests.get(address, timeout=60), range(50)))
    allowed = [answer for answer in answers if answer.status_code == 200]
    denied = [answer for answer in answers if answer.status_code == 429]
    assert (len(allowed), len(denied)) == (20, 30)
    assert sorted(int(answer.headers["X-RateLimit-Remaining"]) for answer in allowed) == list(range(20))
    for answer in answers:
        assert answer.headers["X-RateLimit-Limit"] == "20"
        assert ("Retry-After" in answer.headers) == (answer.status_code == 429)
    for answer in denied:
        assert 1 <= int(answer.headers["Retry-After"]) <= 366 * 86_400
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.json()["retryAfter"] == int(answer.headers["Retry-After"])


def test_a_client_that_obeys_retry_after_is_never_denied_twice(command):
    with serving(command, "token-bucket 3/s burst=4") as (address, _), requests.Session() as session:
        allowed = denied = 0
        while allowed < 12:
            answer = session.get(address, timeout=60)
            if answer.status_code == 429:
                denied += 1
                time.sleep(int(answer.headers["Retry-After"]))
                answer = session.get(address, timeout=60)
            assert answer.status_code == 200
            allowed += 1
        assert denied > 0


def test_people_are_shown_a_page(command):
    with serving(command, "fixed-window 1/366d") as (address, _):
        requests.get(address, timeout=60)
        page = requests.get(address, headers={"Accept": "text/html,*/*;q=0.8"}, timeout=60)
        head = requests.head(address, headers={"Accept": "text/html,*/*;q=0.8"}, timeout=60)
    assert page.headers["Content-Type"] == head.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "<h1>Too Many Requests</h1>" in page.text
    assert head.text == ""


def test_a_limit_that_never_allows_has_no_time_to_come_back(command):
    with serving(command, "token-bucket 0/s") as (address, _):
        answer = requests.get(address, timeout=60)
    assert answer.status_code == 429
    assert "Retry-After" not in answer.headers
