"""A request is charged once, whatever redirects and subrequests it makes, and for whom it is found to come."""

import re
import subprocess

import pytest
from server import curl

LEFT = "location = /left { sluice zone=one cost=0; add_header X-Left $sluice_remaining always; empty_gif; }"
ZONE = 'sluice_zone all zone=one:1m policy="fixed-window 1000/3653d";'


def charged(server, path, times=1, **options):
    """How many permits so many requests have cost, and their statuses."""
    before = int(server.ask("/left")["x-left"])
    statuses = server.statuses(times, path, **options)
    return before - int(server.ask("/left")["x-left"]), statuses


ONCE = {
    "try_files": "location / { try_files /none.html /other; } location /other { empty_gif; }",
    "try_files to a named location": "location / { try_files /none.html @named; } location @named { empty_gif; }",
    "error_page": "location / { error_page 403 =200 /other; root HOME/html; } location /other { empty_gif; }",
    "error_page to a named location": "location / { error_page 403 = @named; root HOME/html; } location @named { empty_gif; }",
    "rewrite": "location / { rewrite ^ /other last; } location /other { empty_gif; }",
    "index": "location / { root HOME/html; index page.html; } location /page.html { root HOME/html; }",
    "auth_request": "location / { auth_request /auth; empty_gif; } location = /auth { proxy_pass http://127.0.0.1:PORT/gif; }",
    "mirror": "location / { mirror /copy; empty_gif; } location = /copy { internal; empty_gif; }",
    "ssi": "location / { ssi on; ssi_types *; root HOME/html; index ssi.html; } location = /part { empty_gif; }",
    "add_after_body": "location / { add_after_body /part; root HOME/html; index page.html; } location = /part { empty_gif; }",
    "X-Accel-Redirect": "location / { proxy_pass http://127.0.0.1:PORT/accel; } location = /other { internal; empty_gif; }",
}


@pytest.mark.parametrize("kind", ONCE)
def test_a_request_is_charged_once(nginx, kind):
    text = f"""
    {ZONE}
    server {{
        listen 127.0.0.1:PORT;
        sluice zone=one;
        {LEFT}
        location = /gif {{ sluice off; empty_gif; }}
        location = /accel {{ sluice off; add_header X-Accel-Redirect /other; empty_gif; }}
        {ONCE[kind]}
    }}
    """
    server = nginx(text, workers=2)
    (server.home / "html/page.html").write_text("page")
    (server.home / "html/ssi.html").write_text('<!--#include virtual="/part" --><!--#include virtual="/part" -->')
    with server:
        assert charged(server, "/", times=5) == (5, [200] * 5)


def test_a_limit_that_only_a_later_location_has_is_charged_there(nginx):
    text = f"""
    {ZONE}
    server {{ listen 127.0.0.1:PORT; {LEFT}
             location / {{ try_files /none.html /other; }} location = /other {{ sluice zone=one; empty_gif; }} }}
    """
    with nginx(text) as server:
        assert charged(server, "/", times=3) == (3, [200] * 3)


def test_a_subrequest_is_limited_where_its_request_is_not(nginx):
    """As by limit_req: mirrored copies, say, of which not all are wanted."""
    text = """
    sluice_zone all zone=one:1m policy="fixed-window 2/3653d";
    access_log off;
    server { listen 127.0.0.1:PORT;
             location / { mirror /copy; empty_gif; }
             location = /copy { internal; sluice zone=one; proxy_pass http://127.0.0.1:PORT/sink; }
             location = /sink { access_log HOME/sink.log; empty_gif; } }
    """
    with nginx(text) as server:
        assert server.statuses(5) == [200] * 5
    log = server.log()
    assert len((server.home / "sink.log").read_text().splitlines()) == 2
    assert log.count('limiting requests, excess: 1 by zone "one"') == 3


def test_a_subrequest_is_never_held(nginx):
    text = """
    sluice_zone all zone=one:1m policy="leaky-bucket 1/d burst=100";
    server { listen 127.0.0.1:PORT; location / { auth_request /auth; empty_gif; }
             location = /auth { sluice zone=one; proxy_pass http://127.0.0.1:PORT/gif; } location = /gif { empty_gif; } }
    """
    with nginx(text) as server:
        assert server.statuses(5) == [200] * 5


def test_a_page_for_the_denial_is_served_and_not_charged(nginx):
    text = """
    sluice_zone all zone=one:1m policy="fixed-window 1/3653d";
    server { listen 127.0.0.1:PORT; sluice zone=one; error_page 429 /slow-down.html;
             location / { empty_gif; } location = /slow-down.html { internal; root HOME/html; } }
    """
    server = nginx(text)
    (server.home / "html/slow-down.html").write_text("slow down, please")
    with server:
        assert server.statuses(1) == [200]
        answer = server.ask()
        assert (answer.status, answer.body) == (429, b"slow down, please")


def test_a_denial_can_lead_to_another_location(nginx):
    text = """
    sluice_zone all zone=one:1m policy="fixed-window 1/3653d";
    server { listen 127.0.0.1:PORT;
             location / { sluice zone=one; error_page 429 = @queue; empty_gif; }
             location @queue { return 202 "$sluice_status $sluice_zone"; } }
    """
    with nginx(text) as server:
        assert server.statuses(1) == [200]
        answer = server.ask()
        assert (answer.status, answer.body) == (202, b"REJECTED one")


@pytest.mark.parametrize("level", ["http", "server", "location"])
def test_the_client_is_whom_realip_finds_on_whatever_level_it_is_told_to(nginx, level):
    """The module's handler must come after realip's in the same phase, which is not the order of their loading."""
    real_ip = "set_real_ip_from 127.0.0.1; real_ip_header X-Forwarded-For;"
    text = f"""
    {real_ip if level == "http" else ""}
    sluice_zone $binary_remote_addr zone=one:1m policy="fixed-window 1/3653d";
    server {{ listen 127.0.0.1:PORT; {real_ip if level == "server" else ""}
             location / {{ {real_ip if level == "location" else ""} sluice zone=one; empty_gif; }} }}
    """
    with nginx(text) as server:
        for address in ["192.0.2.1", "192.0.2.2", "2001:db8::1"]:
            assert server.statuses(2, headers={"X-Forwarded-For": address}) == [200, 429]


def test_a_return_comes_before_the_limit(nginx):
    """As with limit_req: it answers in an earlier phase."""
    with nginx(
        ZONE + f"server {{ listen 127.0.0.1:PORT; {LEFT} location / {{ sluice zone=one; return 204; }} }}"
    ) as server:
        assert charged(server, "/") == (0, [204])


def test_who_is_denied_access_has_been_charged_before(nginx):
    """So that guessing passwords is limited."""
    text = (
        ZONE
        + f"""server {{ listen 127.0.0.1:PORT; {LEFT} location / {{ sluice zone=one; auth_basic x; auth_basic_user_file /none; }}
             location /deny {{ sluice zone=one; deny all; }} }}"""
    )
    with nginx(text) as server:
        assert charged(server, "/") == (1, [401])
        assert charged(server, "/deny") == (1, [403])


def test_limit_req_beside_it_is_asked_only_for_what_passes(nginx):
    text = """
    limit_req_zone $host zone=other:1m rate=1r/m;
    sluice_zone all zone=one:1m policy="fixed-window 2/3653d";
    server { listen 127.0.0.1:PORT; location / { sluice zone=one; limit_req zone=other burst=5 nodelay; empty_gif; } }
    """
    with nginx(text, level="info") as server:
        assert server.statuses(10) == [200, 200] + [429] * 8
        assert "limiting requests, excess: 5" not in server.log()


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "OPTIONS"])
def test_every_method_is_limited_and_the_connection_goes_on(nginx, method):
    text = (
        ZONE.replace("1000", "1") + "server { listen 127.0.0.1:PORT; location / { sluice zone=one; root HOME/html; } }"
    )
    with nginx(text) as server:
        server.ask()
        body = b"x" * 100_000 if method == "POST" else None
        answer = server.ask("/", method=method, body=body)
        assert answer.status == 429
        assert (answer.body == b"") == (method == "HEAD")
        request = f"{method} / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc".encode()
        both = server.tell(request + b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert both.count(b"HTTP/1.1 429 ") == 2, both
        assert both.split(b"\r\n\r\n", 1)[1].startswith(b"HTTP/1.1 ") == (method == "HEAD"), both


def test_http_2(nginx):
    text = (
        ZONE.replace("1000", "2") + "server { listen 127.0.0.1:PORT http2; location / { sluice zone=one; empty_gif; } }"
    )
    with nginx(text) as server:
        urls = [f"http://127.0.0.1:{server.port}/"] * 3
        answers = [curl(url, "-o", "/dev/null", "-w", "\n%{http_code} %{http_version}").split("\n")[-1] for url in urls]
        assert answers == ["200 2", "200 2", "429 2"]


def test_http_2_streams_of_one_connection_are_held_each_for_itself(nginx):
    text = """
    sluice_zone all zone=one:1m policy="leaky-bucket 20/s burst=10";
    server { listen 127.0.0.1:PORT http2; location / { sluice zone=one; root HOME/html; } }
    """
    server = nginx(text)
    (server.home / "html/page").write_text("page")
    with server:
        command = ["h2load", "-n", "10", "-c", "1", "-m", "10", f"http://127.0.0.1:{server.port}/page"]
        report = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "status codes: 10 2xx" in report, report
    number, unit = re.search(r"finished in ([\d.]+)(ms|s),", report).groups()
    # The tenth waits for nine, a twentieth of a second each. Timers go by a clock that ticks every 4 ms or so.
    assert float(number) * (1000 if unit == "s" else 1) >= 450 - 10, report
