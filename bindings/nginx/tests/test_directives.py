"""What the directives and variables do, and where."""

import re
import socket
import time

import pytest
from server import wait_for

LOG = """
log_format decided '$uri $status $sluice_status zone=$sluice_zone limit=$sluice_limit remaining=$sluice_remaining '
                   'retry=$sluice_retry_after reset=$sluice_reset';
access_log HOME/access.log decided;
"""


def access_log(server, lines):
    """So many lines of the access log, which come when the client has its answer already."""
    path = server.home / "access.log"
    return wait_for(lambda: path.exists() and len(found := path.read_text().splitlines()) >= lines and found, "the log")


def test_variables_tell_what_was_decided(nginx):
    text = (
        LOG
        + """
    sluice_zone $arg_k zone=one:1m policy="fixed-window 2/3653d";
    server { listen 127.0.0.1:PORT; location / { sluice zone=one; empty_gif; } location /free { empty_gif; } }
    """
    )
    with nginx(text) as server:
        server.statuses(3, "/?k=ann")
        server.ask("/?k=")
        server.ask("/free?k=ann")
        lines = access_log(server, 5)
    # The sixth window of 3653 days ends then.
    reset = 6 * 3653 * 86400
    assert lines[0] == f"/ 200 PASSED zone=one limit=2 remaining=1 retry=- reset={reset}"
    assert lines[1] == f"/ 200 PASSED zone=one limit=2 remaining=0 retry=- reset={reset}"
    retry = int(re.fullmatch(rf"/ 429 REJECTED zone=one limit=2 remaining=0 retry=(\d+) reset={reset}", lines[2])[1])
    assert abs(time.time() + retry - reset) < 5
    nothing = "- zone=- limit=- remaining=- retry=- reset=-"
    assert lines[3:] == [f"/ 200 {nothing}", f"/free 200 {nothing}"]


def test_a_denial_that_waiting_cannot_cure_has_no_retry_after(nginx):
    text = (
        LOG
        + """
    sluice_zone $uri zone=one:1m policy="token-bucket 0/s";
    sluice_zone $uri zone=two:1m policy="token-bucket 5/s";
    server {
        listen 127.0.0.1:PORT;
        location /none { sluice zone=one; empty_gif; }
        location /dear { sluice zone=two cost=6; empty_gif; }
    }
    """
    )
    with nginx(text) as server:
        assert server.statuses(1, "/none") + server.statuses(1, "/dear") == [429, 429]
        lines = access_log(server, 2)
    assert lines[0].startswith("/none 429 REJECTED zone=one limit=0 remaining=0 retry=- ")
    assert lines[1].startswith("/dear 429 REJECTED zone=two limit=5 remaining=5 retry=- ")


def test_an_empty_key_is_not_limited_and_not_charged(nginx):
    text = """
    sluice_zone $http_x_key zone=one:1m policy="fixed-window 1/3653d";
    server { listen 127.0.0.1:PORT; location / { sluice zone=one; empty_gif; } }
    """
    with nginx(text) as server:
        assert server.statuses(5) == [200] * 5
        assert server.statuses(5, headers={"X-Key": ""}) == [200] * 5
        assert server.statuses(2, headers={"X-Key": "ann"}) == [200, 429]


def test_limits_are_inherited_where_a_level_has_none_of_its_own(nginx):
    text = """
    sluice_zone all zone=outer:1m policy="fixed-window 3/3653d";
    sluice_zone all zone=inner:1m policy="fixed-window 1/3653d";
    sluice zone=outer;
    sluice_status 430;
    server {
        listen 127.0.0.1:PORT;
        location /plain { empty_gif; }
        location /own { sluice zone=inner; sluice_status 431; empty_gif; }
        location /off { sluice off; empty_gif; }
        location /nested { sluice off; location /nested/in { empty_gif; } location /nested/own { sluice zone=inner; empty_gif; } }
    }
    """
    with nginx(text) as server:
        assert server.statuses(2, "/own") == [200, 431]
        assert server.statuses(4, "/plain") == [200, 200, 200, 430]
        assert server.statuses(5, "/off") + server.statuses(5, "/nested/in") == [200] * 10
        assert server.statuses(1, "/nested/own") == [430]


def test_several_limits_are_charged_all_or_none(nginx):
    text = """
    sluice_zone $arg_a zone=a:1m policy="fixed-window 5/3653d";
    sluice_zone $arg_b zone=b:1m policy="token-bucket 2/3653d";
    server {
        listen 127.0.0.1:PORT;
        add_header X-Left $sluice_remaining always;
        add_header X-Zone $sluice_zone always;
        location / { sluice zone=b; sluice zone=a; empty_gif; }
        location /a { sluice zone=a cost=0; empty_gif; }
        location /b { sluice zone=b cost=0; empty_gif; }
    }
    """
    with nginx(text) as server:
        assert server.statuses(4, "/?a=1&b=1") == [200, 200, 429, 429]
        assert server.ask("/a?a=1")["x-left"] == "3"
        assert server.statuses(1, "/?a=1") == [200], "of two limits, one has no key for the request"
        assert server.ask("/a?a=1")["x-left"] == "2"
        assert server.statuses(3, "/?a=1&b=2") == [200, 200, 429]
        answer = server.ask("/?a=1&b=3")
        assert (answer.status, answer["x-zone"], answer["x-left"]) == (429, "a", "0")
        assert server.ask("/b?b=3")["x-left"] == "2"
        # Both deny: the one that will for longer counts.
        assert server.ask("/?a=1&b=1")["x-zone"] in ("a", "b")


def test_a_hundred_limits_hold_a_request_together(nginx):
    """More than fit into the places that are set aside for one request's."""
    zones = [(f"zone-{number:03}", 100 + number) for number in range(100)]
    text = (
        "".join(f'sluice_zone all zone={name}:64k policy="fixed-window {limit}/3653d";' for name, limit in zones)
        + "sluice_headers x-ratelimit ietf; add_header X-Zone $sluice_zone always;"
        + "server { listen 127.0.0.1:PORT; location / {"
        + "".join(f"sluice zone={name} cost=$arg_cost;" for name, _ in zones)
        + "empty_gif; } }"
    )
    with nginx(text) as server:
        assert server.ask("/?cost=99").status == 200
        answer = server.ask("/?cost=2")
        assert (answer.status, answer["x-zone"], answer["x-ratelimit-remaining"]) == (429, "zone-000", "1")
        assert b"Too Many Requests" in answer.body
        lines = [value for name, value in answer.fields if name == "ratelimit"]
        assert ", ".join(lines).count(";r=") == 100
        assert server.statuses(2, "/?cost=1") == [200, 429]


def test_the_tighter_of_two_limits_is_told(nginx):
    text = """
    sluice_zone all zone=a:1m policy="fixed-window 5/3653d";
    sluice_zone all zone=b:1m policy="fixed-window 2/3653d";
    server { listen 127.0.0.1:PORT; add_header X-Told "$sluice_zone $sluice_remaining/$sluice_limit" always;
             location / { sluice zone=a; sluice zone=b; empty_gif; } }
    """
    with nginx(text) as server:
        assert [server.ask()["x-told"] for _ in range(3)] == ["b 1/2", "b 0/2", "b 0/2"]


@pytest.mark.parametrize(
    ("cost", "charged"), [("3", 3), ("0", 0), ("", 1), ("-1", 1), ("3.5", 1), ("x", 1), ("007", 7), (" 3", 1)]
)
def test_a_request_costs_what_the_expression_says(nginx, cost, charged):
    text = f"""
    map $uri $cost {{ default "{cost}"; }}
    sluice_zone all zone=one:1m policy="fixed-window 10/3653d";
    server {{ listen 127.0.0.1:PORT; add_header X-Left $sluice_remaining always;
             location / {{ sluice zone=one cost=$cost; empty_gif; }} }}
    """
    with nginx(text) as server:
        assert server.ask()["x-left"] == str(10 - charged)
        assert ("is not a whole number, 1 is charged" in server.log()) == (not cost.isdigit())


@pytest.mark.parametrize("cost", ["11", "18446744073709551615", "18446744073709551616", "9" * 100])
def test_a_cost_above_the_limit_is_denied_whatever_its_size(nginx, cost):
    text = f"""
    map $uri $cost {{ default "{cost}"; }}
    sluice_zone all zone=one:1m policy="fixed-window 10/3653d";
    server {{ listen 127.0.0.1:PORT; add_header X-Left $sluice_remaining always;
             location / {{ sluice zone=one cost=$cost; empty_gif; }} }}
    """
    with nginx(text) as server:
        answer = server.ask()
        assert (answer.status, answer["x-left"]) == (429, "10")


def test_a_dry_run_counts_and_denies_nobody(nginx):
    text = (
        LOG
        + """
    sluice_zone all zone=one:1m policy="fixed-window 2/3653d";
    sluice_zone all zone=slow:1m policy="leaky-bucket 1/d burst=5";
    sluice_dry_run on;
    server {
        listen 127.0.0.1:PORT;
        location / { sluice zone=one; empty_gif; }
        location /slow { sluice zone=slow; empty_gif; }
        location /real { sluice_dry_run off; sluice zone=one; empty_gif; }
    }
    """
    )
    with nginx(text, level="info") as server:
        assert server.statuses(4) == [200] * 4
        assert server.statuses(2, "/slow") == [200] * 2
        assert server.statuses(1, "/real") == [429]
        lines = access_log(server, 7)
        log = server.log()
    assert [line.split()[2] for line in lines] == (
        ["PASSED"] * 2 + ["REJECTED_DRY_RUN"] * 2 + ["PASSED", "DELAYED_DRY_RUN", "REJECTED"]
    )
    assert log.count('limiting requests, dry run, excess: 1 by zone "one"') == 2
    assert len(re.findall(r"delaying request, dry run, by \d+ ms, by zone \"slow\"", log)) == 1
    assert log.count('limiting requests, excess: 1 by zone "one"') == 1


# What fail2ban looks for (its filter nginx-limit-req): the module's lines are limit_req's.
FAIL2BAN = re.compile(
    r"^\s*\[[a-z]+\] \d+#\d+: \*\d+ limiting requests(?:, dry run)?, excess: [\d\.]+ by zone \"(?:[^\"]+)\","
    r" client: (\S+),"
)


@pytest.mark.parametrize(
    ("level", "delay_level"), [("info", "info"), ("notice", "info"), ("warn", "notice"), ("error", "warn")]
)
def test_log_lines_have_the_level_that_is_asked_for(nginx, level, delay_level):
    text = f"""
    sluice_zone all zone=one:1m policy="leaky-bucket 10/s burst=2";
    sluice_log_level {level};
    server {{ listen 127.0.0.1:PORT; location / {{ sluice zone=one cost=$arg_cost; empty_gif; }} }}
    """
    with nginx(text, level="info") as server:
        assert server.ask("/?cost=3").status == 429
        assert server.statuses(2, "/?cost=1") == [200, 200]
        lines = [line for line in server.log().splitlines() if "request" in line and "zone" in line]
    limiting, delaying = lines
    assert f"[{level}]" in limiting and 'limiting requests, excess: 1 by zone "one", client: 127.0.0.1' in limiting
    assert f"[{delay_level}]" in delaying and re.search(r'delaying request, by \d+ ms, by zone "one"', delaying)
    assert FAIL2BAN.match(limiting.split(" ", 2)[2])[1] == "127.0.0.1"


def test_the_key_may_be_made_of_several_variables(nginx):
    text = """
    sluice_zone "$arg_a|$arg_b" zone=one:1m policy="fixed-window 1/3653d";
    server { listen 127.0.0.1:PORT; location / { sluice zone=one; empty_gif; } }
    """
    with nginx(text) as server:
        assert server.statuses(2, "/?a=1&b=2") == [200, 429]
        assert server.statuses(1, "/?a=1&b=3") + server.statuses(1, "/?a=12&b=") == [200, 200]


def test_peers_on_a_unix_socket_share_one_key_unless_told_otherwise(nginx):
    """$binary_remote_addr of all of them is "unix:", as it is for limit_req; a proxy before it says who they are."""
    text = """
    sluice_zone $binary_remote_addr zone=one:1m policy="fixed-window 1/3653d";
    server { listen unix:HOME/plain.sock; location / { sluice zone=one; empty_gif; } }
    server { listen unix:HOME/proxied.sock; set_real_ip_from unix:; real_ip_header X-Forwarded-For;
             location / { sluice zone=one; empty_gif; } }
    server { listen 127.0.0.1:PORT; }
    """

    def ask(server, name, address):
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(server.home / name))
            client.sendall(
                f"GET / HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: {address}\r\nConnection: close\r\n\r\n".encode()
            )
            return int(client.recv(1 << 16).split()[1])

    with nginx(text) as server:
        assert [ask(server, "plain.sock", address) for address in ("192.0.2.1", "192.0.2.2")] == [200, 429]
        assert [ask(server, "proxied.sock", address) for address in ("192.0.2.1", "192.0.2.2")] == [200, 200]
        assert ask(server, "proxied.sock", "192.0.2.1") == 429


@pytest.mark.parametrize("on_full", ["evict", "deny", "allow"])
def test_a_zone_that_is_full_does_what_on_full_says(nginx, on_full):
    text = f"""
    sluice_zone $arg_k zone=one:2k policy="fixed-window 2/3653d" on_full={on_full};
    server {{ listen 127.0.0.1:PORT; location / {{ sluice zone=one; empty_gif; }} }}
    """
    with nginx(text) as server:
        statuses = [server.ask(f"/?k={key}").status for key in range(300)]
        log = server.log()
    if on_full == "deny":
        # No fault of the client's, so it is no 429.
        assert statuses[:18] == [200] * 18 and set(statuses) == {200, 503}
        assert 'no room for more keys in zone "one"' in log
    else:
        assert statuses == [200] * 300
