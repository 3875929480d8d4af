"""Exactly as many requests are served as the limit says, by all workers together, whatever happens to them."""

import contextlib
import os
import random
import signal
import subprocess
import threading
import time
from http.client import HTTPException

import pytest
from server import wrk

# Enough that the load generator keeps all workers busy.
CONNECTIONS = 16
ALGORITHMS = ["fixed-window", "sliding-window", "token-bucket", "leaky-bucket"]
WORKERS = 4

# A period in which nothing comes back while a test runs.
CONFIGURATION = """
sluice_zone $binary_remote_addr zone=one:1m policy="{policy}";
sluice_log_level info;
server {{
    listen 127.0.0.1:PORT reuseport;
    keepalive_requests 1000000;
    location / {{ sluice zone=one nodelay; empty_gif; }}
    location /left {{ sluice zone=one cost=0; add_header X-Left $sluice_remaining always; empty_gif; }}
}}
"""


def configuration(algorithm, limit):
    return CONFIGURATION.format(policy=f"{algorithm} {limit}/3653d")


def left(server):
    return int(server.ask("/left")["x-left"])


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_all_workers_serve_one_limit(nginx, algorithm):
    with nginx(configuration(algorithm, 20_000), workers=WORKERS, level="warn") as server:
        assert len(server.worker_pids()) == WORKERS
        total, refused, report = wrk(server, seconds=1)
        assert refused > 1_000, report
        assert (total - refused, left(server)) == (20_000, 0)
        server.reload()
        total, refused, report = wrk(server, seconds=1)
        assert (total - refused, left(server)) == (0, 0)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_not_one_more_or_less_is_served_while_the_configuration_is_read_anew(nginx, algorithm):
    limit = 60_000
    with nginx(configuration(algorithm, limit), workers=WORKERS, level="warn") as server:
        reloads = []

        def reload():
            for _ in range(3):
                time.sleep(0.3)
                before = left(server)
                server.reload()
                reloads.append((before, left(server)))

        thread = threading.Thread(target=reload)
        thread.start()
        total, refused, report = wrk(server, seconds=3)
        thread.join()
        assert (total - refused, left(server)) == (limit, 0), (report, reloads)


def kill_workers_twice_a_second(server, over, kills, reloads):
    """Kills one, and each time has the configuration read anew too, if asked to."""
    while not over.wait(0.5):
        pids = server.worker_pids()
        if pids:
            os.kill(random.choice(pids), signal.SIGKILL)
            kills.append(time.monotonic())
        if reloads:
            server.process.send_signal(signal.SIGHUP)


def served_while_workers_are_killed(server, limit, *, reloads):
    """How many requests were served until nothing is left, in how many runs of the load generator, and the kills."""
    over, kills, served, runs = threading.Event(), [], 0, 0
    killer = threading.Thread(target=kill_workers_twice_a_second, args=(server, over, kills, reloads))
    killer.start()
    try:
        while left_now(server) > 0:
            total, refused, report = wrk(server, seconds=1, connections=CONNECTIONS)
            served += total - refused
            runs += 1
            assert served <= limit, report
    finally:
        over.set()
        killer.join()
    return served, runs, len(kills)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize(
    ("limit", "reloads"), [(150_000, False), pytest.param(600_000, True, marks=pytest.mark.long)], ids=["kills", "both"]
)
def test_the_limit_holds_while_workers_are_killed(nginx, algorithm, limit, reloads):
    with nginx(configuration(algorithm, limit), workers=WORKERS, level="warn") as server:
        served, runs, kills = served_while_workers_are_killed(server, limit, reloads=reloads)
        total, refused, report = wrk(server, seconds=1, connections=CONNECTIONS)
        assert total == refused > 1_000, report
    assert kills
    # What a worker that was killed had admitted, and not answered yet, is consumed; so is what was under way when the load
    # generator stopped.
    assert 0 <= limit - served <= CONNECTIONS * (kills + runs), (served, kills, runs)
    print(f"{algorithm}: {served} of {limit} served, {kills} kills")


def left_now(server):
    """The same while workers are killed, perhaps that which was about to answer."""
    while True:
        with contextlib.suppress(OSError, HTTPException):
            return left(server)


def test_the_slab_header_is_as_nginx_made_it(nginx):
    """The master looks into it when a worker dies: it would crash, or say so, were it overwritten."""
    with nginx(configuration("token-bucket", 1_000), workers=WORKERS, level="info") as server:
        wrk(server, seconds=1)
        for _ in range(3):
            before = server.worker_pids()
            os.kill(before[0], signal.SIGKILL)
            while before[0] in server.worker_pids() or len(server.worker_pids()) < WORKERS:
                time.sleep(0.01)
        assert server.process.poll() is None
        assert "shared memory zone" not in server.log()
        assert left(server) == 0


def test_h2load_over_http_2(nginx):
    text = configuration("token-bucket", 5_000).replace("reuseport", "http2")
    with nginx(text, workers=WORKERS, level="warn") as server:
        command = ["h2load", "-n", "20000", "-c", "8", "-m", "10", f"http://127.0.0.1:{server.port}/"]
        report = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        assert "status codes: 5000 2xx, 0 3xx, 15000 4xx, 0 5xx" in report, report
