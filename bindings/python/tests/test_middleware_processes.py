"""Several worker processes behind one limit, through the middleware of each kind, with real servers."""

import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from web_server import serving

pytest.importorskip("gunicorn")
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="shared tables need Linux")

WORKERS = 4
READY = {"uvicorn": ("Application startup complete.", WORKERS), "gunicorn": ("Booting worker with pid", WORKERS)}
SERVERS = {
    "FastAPI on uvicorn": [
        "-m",
        "uvicorn",
        "--workers",
        str(WORKERS),
        "--port",
        "0",
        "--no-access-log",
        "fastapi_app:app",
    ],
    "Flask on gunicorn": ["-m", "gunicorn", "--workers", str(WORKERS), "--bind", "127.0.0.1:0", "flask_app:app"],
    "Django on gunicorn": [
        "-m",
        "gunicorn",
        "--workers",
        str(WORKERS),
        "--bind",
        "127.0.0.1:0",
        "django_app:application",
    ],
}


@pytest.mark.parametrize("server", SERVERS)
def test_all_workers_enforce_one_limit(server, tmp_path):
    command = [sys.executable, *SERVERS[server]]
    policy, table, ready = "fixed-window 100/366d", str(tmp_path / "table"), READY[server.split()[-1]]
    with serving(command, policy, ready, RATE_LIMIT_TABLE=table) as (address, _), ThreadPoolExecutor(8) as clients:
        got = list(clients.map(lambda _: requests.get(address, timeout=60), range(300)))
    assert Counter(answer.status_code for answer in got) == {200: 100, 429: 200}
    remaining = [int(answer.headers["X-RateLimit-Remaining"]) for answer in got if answer.status_code == 200]
    assert sorted(remaining) == list(range(100))


def test_a_client_that_obeys_retry_after_is_never_denied_twice():
    command = [sys.executable, "-m", "gunicorn", "--threads", "4", "--bind", "127.0.0.1:0", "flask_app:app"]
    with serving(command, "token-bucket 3/s burst=4") as (address, _), requests.Session() as session:
        allowed = denied = 0
        while allowed < 10:
            answer = session.get(address, timeout=60)
            if answer.status_code == 429:
                denied += 1
                time.sleep(int(answer.headers["Retry-After"]))
                answer = session.get(address, timeout=60)
            assert answer.status_code == 200
            allowed += 1
    assert denied
