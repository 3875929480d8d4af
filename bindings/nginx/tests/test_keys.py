"""Keys of any bytes, and very many of them."""

import contextlib
import os
import random
import time

import pytest
from server import wrk

HEADER = """
sluice_zone $http_x_key zone=one:1m policy="fixed-window 2/3653d";
sluice_headers x-ratelimit ietf;
log_format key escape=none '$http_x_key';
server {
    listen 127.0.0.1:PORT;
    large_client_header_buffers 4 128k;
    location / { sluice zone=one; empty_gif; }
}
"""


def raw_request(key):
    return b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Key: " + key + b"\r\n\r\n"


def status_of(answer):
    assert answer.count(b"HTTP/1.1 ") == 1, answer
    return int(answer.split(b" ", 2)[1])


@pytest.mark.parametrize(
    "key",
    [
        b"plain",
        b"a" * 65535,
        b"a" * 65536,
        b"a" * 100_000,
        b"\xff\xfe\x80\x01\x7f",
        b'"quotes" <b>&amp;</b> {"json": true}',
        b"%0d%0aSet-Cookie: x=y",
        b"$remote_addr ${host}",
        "ключ".encode(),
    ],
)
def test_any_key_has_its_own_limit_whatever_its_bytes_and_length(nginx, key):
    """limit_req lets those pass that are longer than 65535 bytes."""
    with nginx(HEADER) as server:
        assert [status_of(server.tell(raw_request(key))) for _ in range(3)] == [200, 200, 429]
        assert status_of(server.tell(raw_request(key + b"x"))) == 200
        assert status_of(server.tell(raw_request(key[:-1]))) == 200
        answer = server.tell(raw_request(key))
        head = answer.split(b"\r\n\r\n")[0].lower()
        assert b"set-cookie" not in head and all(b": " in line for line in head.split(b"\r\n")[1:])
        assert key[:64] not in answer, "nothing of a key gets into an answer"


@pytest.mark.parametrize("key", [b"a\rb", b"a\0b", b"a\nX-Other: b"])
def test_bytes_that_no_header_may_have_come_no_further_than_nginx(nginx, key):
    with nginx(HEADER) as server:
        answers = [status_of(server.tell(raw_request(key))) for _ in range(3)]
        # A line feed alone ends a line for nginx: what follows is another header, and the key is "a".
        assert answers == ([200, 200, 429] if b"\n" in key else [400] * 3)


def test_arguments_may_hold_any_bytes(nginx):
    text = """
    sluice_zone $uri zone=one:1m policy="fixed-window 1/3653d";
    server { listen 127.0.0.1:PORT; location / { sluice zone=one; empty_gif; } }
    """
    paths = ["/%00", "/%0d%0aSet-Cookie:%20x=y", "/%ff%fe", "/%22%3Cb%3E", "/" + "a" * 4000]
    with nginx(text) as server:
        for path in paths:
            if "%00" in path:
                assert server.statuses(1, path) == [400]
                continue
            assert server.statuses(1, path) == [200]
            answer = server.ask(path, headers={"Accept": "text/html"})
            assert answer.status == 429 and answer["set-cookie"] is None
            assert b"<b>" not in answer.body.lower().replace(b"<body", b"")


def test_random_headers_and_bytes_end_no_worker(nginx):
    random.seed(7)
    with nginx(HEADER, workers=2, level="warn") as server:
        before = server.worker_pids()
        for _ in range(300):
            size = random.choice([0, 1, 10, 300, 5000])
            junk = bytes(random.randrange(256) for _ in range(size))
            request = (
                raw_request(junk) if random.random() < 0.7 else b"GET / HTTP/1.1\r\nHost: x\r\n" + junk + b"\r\n\r\n"
            )
            accept = bytes(random.randrange(256) for _ in range(random.choice([0, 20, 2000])))
            request = request.replace(b"Host:", b"Accept: " + accept + b"\r\nHost:")
            with contextlib.suppress(OSError):
                server.tell(request + b"GET / HTTP/1.1\r\nConnection: close\r\nHost: x\r\n\r\n")
        assert server.worker_pids() == before
        assert server.ask().status == 200


def test_a_huge_accept_header_is_no_burden(nginx):
    with nginx(HEADER) as server:
        accept = b"Accept: " + b"text/html;q=0.1, */*;q=0.01," * 4000
        request = raw_request(b"k").replace(b"Host: x", accept + b"\r\nHost: x")
        begin = time.monotonic()
        answers = [server.tell(request) for _ in range(12)]
        assert [status_of(answer) for answer in answers] == [200] * 2 + [429] * 10
        assert time.monotonic() - begin < 5


# A limited client's new requests after a flood of others, for the module and for limit_req in a zone of the same size.
FLOOD = """
sluice_zone $arg_k zone=ours:{size} policy="fixed-window 2/3653d";
limit_req_zone $arg_k zone=theirs:{size} rate=1r/m;
server {{
    listen 127.0.0.1:PORT reuseport;
    keepalive_requests 10000000;
    location /ours {{ sluice zone=ours; empty_gif; }}
    location /theirs {{ limit_req zone=theirs burst=1 nodelay; limit_req_status 429; empty_gif; }}
}}
"""

# wrk's threads ask for keys of their own, many requests at a time, and one after another.
OTHERS = """
local thread = 0
function setup(t) t:set("number", thread); thread = thread + 1 end
function init() count = 0 end
function request()
    local batch = {{}}
    for i = 1, 20 do
        batch[i] = wrk.format("GET", "{path}?k={run}-" .. number .. "-" .. count)
        count = count + 1
    end
    return table.concat(batch)
end
"""


def flood(server, path, keys):
    """At least so many other keys come by, once each."""
    script = server.home / "others.lua"
    seen = 0
    for run in range(1000):
        script.write_text(OTHERS.format(path=path, run=run))
        total, refused, report = wrk(server, path, script=script)
        assert refused == 0, report
        seen += total
        if seen >= keys:
            return seen
    raise AssertionError(f"only {seen} keys")


@pytest.mark.parametrize(("size", "keys"), [("32k", 600), pytest.param("2m", 600_000, marks=pytest.mark.long)])
def test_other_keys_do_not_give_a_limited_client_new_requests(nginx, size, keys):
    """The key that has consumed most is the last to be forgotten. limit_req forgets the one that was seen first."""
    with nginx(FLOOD.format(size=size), workers=2, level="crit") as server:
        for path in ("/ours", "/theirs"):
            assert server.statuses(5, f"{path}?k=abuser") == [200, 200, 429, 429, 429]
        if keys < 10_000:
            # One by one, so that there are no more of them than said.
            for path in ("/ours", "/theirs"):
                assert {server.ask(f"{path}?k=other-{n}").status for n in range(keys)} == {200}
        else:
            seen = {path: flood(server, path, keys) for path in ("/ours", "/theirs")}
            print(seen)
        after = {path: server.statuses(3, f"{path}?k=abuser") for path in ("/ours", "/theirs")}
    assert after["/ours"] == [429, 429, 429]
    assert after["/theirs"] == [200, 200, 429], "limit_req has forgotten the client"
    os.write(1, f"{keys} other keys in {size}: {after}\n".encode())
