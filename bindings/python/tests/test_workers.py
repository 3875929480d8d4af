"""gunicorn with several worker processes: one limit over all of them, also when they are replaced under load."""

import os
import signal
import sys
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from web_server import serving

pytest.importorskip("gunicorn")
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="shared tables need Linux")

WORKERS = 4
CLIENTS = 8


def gunicorn(*more):
    """The command; its access log is a line with a worker's process number for each request."""
    return [
        *(sys.executable, "-m", "gunicorn", "--workers", str(WORKERS), "--bind", "127.0.0.1:0"),
        *("--access-logformat", "%(p)s", *more, "web_app:application"),
    ]


@pytest.fixture(params=[[], ["--preload"]], ids=["each worker opens the table", "preloaded"])
def command(request, tmp_path):
    return gunicorn("--access-logfile", str(tmp_path / "access.log"), *request.param)


def statuses(address, requests_each, done=lambda: None):
    """How often each status was answered to clients that ask at the same time, each time by a new connection."""

    def ask(_):
        status = requests.get(address, timeout=60).status_code
        done()
        return status

    with ThreadPoolExecutor(CLIENTS) as clients:
        return Counter(clients.map(ask, range(CLIENTS * requests_each)))


def workers_that_answered(tmp_path):
    return set((tmp_path / "access.log").read_text(encoding="utf-8").split())


def test_all_workers_enforce_one_limit(command, tmp_path):
    with serving(command, "fixed-window 200/3653d", RATE_LIMIT_TABLE=str(tmp_path / "table")) as (address, _):
        assert statuses(address, 75) == {200: 200, 429: 400}
    assert len(workers_that_answered(tmp_path)) > 1


def test_a_rolling_restart_in_the_middle_of_the_load_changes_nothing(command, tmp_path):
    table = str(tmp_path / "table")
    with serving(command, "fixed-window 400/3653d", RATE_LIMIT_TABLE=table) as (address, master):
        answered = [0]
        lock = threading.Lock()

        def restart_now_and_then():
            with lock:
                answered[0] += 1
                if answered[0] in (100, 300, 500):
                    os.kill(master, signal.SIGHUP)

        assert statuses(address, 125, restart_now_and_then) == {200: 400, 429: 600}
    assert len(workers_that_answered(tmp_path)) > WORKERS

    # Nor does a server that is stopped and started again.
    with serving(command, "fixed-window 400/3653d", RATE_LIMIT_TABLE=table) as (address, _):
        assert statuses(address, 1) == {429: CLIENTS}


def test_without_a_table_each_worker_counts_for_itself(tmp_path):
    command = gunicorn("--access-logfile", str(tmp_path / "access.log"))
    with serving(command, "fixed-window 10/3653d") as (address, _):
        allowed = statuses(address, 50)[200]
    assert allowed == 10 * len(workers_that_answered(tmp_path)) > 10
