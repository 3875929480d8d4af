"""Real clients obey what the middleware answers: each waits as told and then succeeds, none is denied twice."""

import shutil
import subprocess

import httpx
import pytest
import requests
from middleware_servers import serving
from urllib3.util import Retry

from sluicegate.httpx import ObeyTransport
from sluicegate.middleware import Limit
from sluicegate.requests import ObeyAdapter


def with_requests(address, _):
    with requests.Session() as session:
        session.mount("http://", ObeyAdapter())
        return session.get(address, timeout=60).status_code


def with_httpx(address, _):
    with httpx.Client(transport=ObeyTransport(), timeout=60) as client:
        return client.get(address).status_code


def with_urllib3(address, _):
    with requests.Session() as session:
        session.mount("http://", requests.adapters.HTTPAdapter(max_retries=Retry(3, status_forcelist=[429])))
        return session.get(address, timeout=60).status_code


def with_curl(address, tmp_path):
    if shutil.which("curl") is None:
        pytest.skip("curl is not here")
    command = [
        "curl",
        "--silent",
        "--retry",
        "3",
        *("--output", str(tmp_path / "body"), "--write-out", "%{http_code}"),
        address,
    ]
    return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


@pytest.mark.parametrize("client", [with_requests, with_httpx, with_urllib3, with_curl])
@pytest.mark.parametrize("kind", ["asgi", "wsgi"])
def test_a_client_waits_as_told_and_succeeds(client, kind, tmp_path):
    events = []
    limit = Limit("one", "token-bucket 1/s", max_keys=100)
    with serving(kind, limit, on_decision=lambda event: events.append(event.kind)) as address:
        assert client(address, tmp_path) == 200
        assert client(address, tmp_path) == 200
    assert events == ["allowed", "denied", "allowed"]
