"""A leaky bucket holds requests so that they leave at its rate, and holds up nobody else meanwhile."""

import re
import socket
import threading
import time

import pytest
from server import wait_for

LOG = "log_format decided '$uri $status $sluice_status'; access_log HOME/access.log decided;"
# A request leaves every fifth of a second, and twenty may wait.
SLOW = 'sluice_zone all zone=slow:1m policy="leaky-bucket 5/s burst=20";'


def at_once(server, count, path="/"):
    """So many requests at the same time: their statuses, and after how long each was answered, in order."""
    answers = []

    def ask():
        begin = time.monotonic()
        status = server.ask(path).status
        answers.append((time.monotonic() - begin, status))

    threads = [threading.Thread(target=ask) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(answers)


# How much later than it should the test's machine may answer, and how much earlier timers may be: they go by a clock that
# ticks every few milliseconds.
LATE, EARLY = 2.0, 0.02


def test_requests_leave_at_the_rate_and_the_worker_serves_others_meanwhile(nginx):
    text = (
        LOG
        + SLOW
        + """
    server { listen 127.0.0.1:PORT; location / { sluice zone=slow; empty_gif; } location /quick { empty_gif; } }
    """
    )
    with nginx(text, workers=1, level="info") as server:
        quick = []

        def serve_others():
            for _ in range(20):
                begin = time.monotonic()
                assert server.ask("/quick").status == 200
                quick.append(time.monotonic() - begin)
                time.sleep(0.02)

        thread = threading.Thread(target=serve_others)
        thread.start()
        answers = at_once(server, 6)
        thread.join()
        statuses = [line.split()[2] for line in (server.home / "access.log").read_text().splitlines()]
        delays = sorted(int(delay) for delay in re.findall(r"delaying request, by (\d+) ms", server.log()))
    assert [status for _, status in answers] == [200] * 6
    begins = answers[0][0]
    for place, (seconds, _) in enumerate(answers):
        assert place * 0.2 - begins - EARLY <= seconds <= place * 0.2 + LATE, answers
    assert len(delays) == 5 and all(delay <= 200 * place for place, delay in enumerate(delays, 1)), delays
    assert sorted(quick)[10] < 0.1, quick
    assert statuses.count("DELAYED") == 5 and statuses.count("PASSED") == 1


def test_what_does_not_fit_into_the_queue_is_denied_at_once(nginx):
    text = (
        'sluice_zone all zone=slow:1m policy="leaky-bucket 10/s burst=3";'
        + """
    server { listen 127.0.0.1:PORT; location / { sluice zone=slow; empty_gif; } }
    """
    )
    with nginx(text) as server:
        answers = at_once(server, 8)
    statuses = [status for _, status in answers]
    assert statuses.count(200) in (3, 4) and set(statuses) == {200, 429}
    assert all(seconds < 0.3 + LATE for seconds, _ in answers)


@pytest.mark.parametrize(
    ("option", "held"), [("nodelay", []), ("delay=4", [200, 400]), ("delay=1", [200, 400, 600, 800, 1000])]
)
def test_who_only_polices_does_not_wait(nginx, option, held):
    text = SLOW + f"server {{ listen 127.0.0.1:PORT; location / {{ sluice zone=slow {option}; empty_gif; }} }}"
    with nginx(text, level="info") as server:
        answers = at_once(server, 7)
        delays = sorted(int(delay) for delay in re.findall(r"delaying request, by (\d+) ms", server.log()))
    assert [status for _, status in answers] == [200] * 7
    assert len(delays) == len(held)
    # The queue has drained a little before the last of them came.
    assert all(expected - 150 < delay <= expected for delay, expected in zip(delays, held, strict=True)), delays


def test_the_longest_of_several_delays_is_waited_for(nginx):
    text = (
        SLOW
        + """
    sluice_zone all zone=slower:1m policy="leaky-bucket 2/s burst=20";
    server { listen 127.0.0.1:PORT; location / { sluice zone=slow; sluice zone=slower; empty_gif; } }
    """
    )
    with nginx(text, level="info") as server:
        answers = at_once(server, 2)
        assert re.search(r'delaying request, by (4\d\d|500) ms, by zone "slower"', server.log())
    assert answers[1][0] >= 0.5 - answers[0][0] - EARLY


def test_a_client_that_leaves_while_it_waits_is_forgotten(nginx):
    text = (
        LOG
        + 'sluice_zone all zone=slow:1m policy="leaky-bucket 1/h burst=20";'
        + """
    server { listen 127.0.0.1:PORT; location / { sluice zone=slow; empty_gif; }
             location /left { sluice zone=slow cost=0; add_header X-Left $sluice_remaining; empty_gif; } }
    """
    )
    with nginx(text) as server:
        assert server.statuses(1) == [200]
        for _ in range(5):
            with socket.create_connection(("127.0.0.1", server.port)) as client:
                client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
                client.settimeout(0.1)
                with pytest.raises(TimeoutError):
                    client.recv(1)
        lines = wait_for(
            lambda: len(found := (server.home / "access.log").read_text().splitlines()) > 5 and found, "log"
        )
        assert lines[1:6] == ["/ 499 DELAYED"] * 5
        # Their places in the queue were taken: those behind them leave no earlier.
        assert server.ask("/left")["x-left"] == "14"


def test_a_server_that_stops_does_not_wait_for_those_it_holds(nginx):
    text = (
        'sluice_zone all zone=slow:1m policy="leaky-bucket 1/h burst=20";'
        + """
    server { listen 127.0.0.1:PORT; location / { sluice zone=slow; empty_gif; } }
    """
    )
    with nginx(text) as server:
        assert server.statuses(1) == [200]
        with socket.create_connection(("127.0.0.1", server.port)) as client:
            client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            wait_for(lambda: "delaying" in server.log(), "the request to be held")
            before = server.worker_pids()
            # The old worker is given worker_shutdown_timeout, the request is not served.
            server.reload()
            assert server.worker_pids() != before
            assert client.recv(1) == b""


def test_the_request_is_served_after_the_wait_with_its_body(nginx):
    text = (
        SLOW
        + """
    server { listen 127.0.0.1:PORT; client_max_body_size 10m;
             location / { sluice zone=slow; proxy_pass http://127.0.0.1:PORT/sink; }
             location /sink { proxy_pass http://127.0.0.1:PORT/end; add_header X-Length $content_length; }
             location /end { return 200; } }
    """
    )
    with nginx(text) as server:
        body = b"x" * 3_000_000
        for _ in range(3):
            answer = server.ask("/", method="POST", body=body)
            assert (answer.status, answer["x-length"]) == (200, str(len(body)))
