"""Status, header fields and bodies."""

import json
import re
import time

import pytest
from server import curl

ZONE = 'sluice_zone $arg_k zone=per-day:1m policy="fixed-window 2/3653d";'
# When the windows of 3653 days end that is today's.
RESET = 6 * 3653 * 86400
FAMILY = {
    "x-ratelimit": ["x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"],
    "ietf": ["ratelimit-policy", "ratelimit"],
    "draft-06": ["ratelimit-limit", "ratelimit-remaining", "ratelimit-reset", "ratelimit-policy"],
    "draft-07": ["ratelimit-policy", "ratelimit"],
    "off": [],
}
ALL = {name for names in FAMILY.values() for name in names} | {"retry-after"}


def told(answer):
    return {name for name, _ in answer.fields} & ALL


def site(more="", location="sluice zone=per-day; root HOME/html;", zone=ZONE):
    return f"{zone} server {{ listen 127.0.0.1:PORT; {more} location / {{ {location} }} }}"


@pytest.fixture
def page(nginx):
    def make(*arguments, **options):
        server = nginx(site(*arguments, **options))
        (server.home / "html/index.html").write_text("page")
        return server

    return make


def denied(server, path="/?k=ann", **options):
    """The third answer, which is a denial."""
    assert [server.ask(path).status for _ in range(2)] == [200, 200]
    return server.ask(path, **options)


def test_unless_told_otherwise_denials_tell_all_and_other_answers_nothing(page):
    with page() as server:
        assert told(server.ask("/?k=bob")) == set()
        answer = denied(server)
    assert answer.status == 429
    assert told(answer) == {"retry-after", *FAMILY["x-ratelimit"], *FAMILY["ietf"]}
    retry = int(answer["retry-after"])
    assert abs(time.time() + retry - RESET) < 5
    assert (answer["x-ratelimit-limit"], answer["x-ratelimit-remaining"]) == ("2", "0")
    assert answer["x-ratelimit-reset"] == str(RESET)
    assert answer["ratelimit-policy"] == f'"per-day";q=2;w={3653 * 86400}'
    assert answer["ratelimit"] == f'"per-day";r=0;t={retry}'
    assert answer["cache-control"] == "no-store"
    assert answer["last-modified"] is None and answer["etag"] is None


@pytest.mark.parametrize("families", ["x-ratelimit", "ietf", "draft-06", "draft-07", "x-ratelimit ietf", "off"])
def test_the_families_that_are_named_are_on_every_answer(page, families):
    names = {name for family in families.split() for name in FAMILY[family]}
    with page(f"sluice_headers {families};") as server:
        assert told(server.ask("/?k=bob")) == names
        assert told(server.ask("/none?k=bob")) == names, "a 404"
        assert told(denied(server)) == names | {"retry-after"}


def test_the_families_can_be_for_denials_alone(page):
    with page("sluice_headers x-ratelimit denials;") as server:
        assert told(server.ask("/?k=bob")) == set()
        assert told(denied(server)) == {"retry-after", *FAMILY["x-ratelimit"]}


def test_what_the_response_has_of_the_same_name_gives_way(page):
    more = """sluice_headers x-ratelimit; add_header X-RateLimit-Remaining 77 always; add_header Retry-After 5 always;
              add_header Cache-Control max-age=60 always;"""
    with page(more) as server:
        answer = server.ask("/?k=ann")
        assert (answer["x-ratelimit-remaining"], answer["retry-after"], answer["cache-control"]) == (
            "1",
            "5",
            "max-age=60",
        )
        server.ask("/?k=ann")
        answer = server.ask("/?k=ann")
        assert (answer["x-ratelimit-remaining"], answer["cache-control"]) == ("0", "no-store")
        assert int(answer["retry-after"]) > 5


def test_an_upstream_that_denies_speaks_for_itself(page):
    zone = (
        ZONE
        + """server { listen unix:HOME/up.sock; location / { add_header Retry-After 9 always;
                     add_header X-RateLimit-Remaining 0 always; return 429; } }"""
    )
    location = "sluice zone=per-day; proxy_pass http://unix:HOME/up.sock;"
    with page("sluice_headers x-ratelimit;", location, zone=zone) as server:
        answer = server.ask("/?k=ann")
        assert (answer.status, answer["retry-after"], answer["x-ratelimit-remaining"]) == (429, "9", "0")
        assert answer["x-ratelimit-limit"] is None


@pytest.mark.parametrize("control", ["public, max-age=60", "max-age=1, S-MaxAge=60"])
def test_what_caches_keep_for_all_tells_nobodys_limits(page, control):
    with page(f'sluice_headers x-ratelimit ietf; add_header Cache-Control "{control}";') as server:
        assert told(server.ask("/?k=ann")) == set()


def test_redirects_tell_nothing(page):
    with page(
        "sluice_headers x-ratelimit;", "sluice zone=per-day; rewrite ^/x$ /y redirect; root HOME/html;"
    ) as server:
        (server.home / "html/d").mkdir()
        answer = server.ask("/d?k=ann")
        assert answer.status == 301 and told(answer) == set()


def test_a_dry_run_tells_nothing(page):
    with page("sluice_headers x-ratelimit; sluice_dry_run on;") as server:
        answers = [server.ask("/?k=ann") for _ in range(3)]
    assert all(answer.status == 200 and told(answer) == set() for answer in answers)


def test_several_limits_are_told_together(nginx):
    text = """
    sluice_zone all zone=small:1m policy="fixed-window 3/3653d";
    sluice_zone all zone=large:1m policy="fixed-window 90/3653d";
    sluice_headers x-ratelimit ietf;
    server { listen 127.0.0.1:PORT; location / { sluice zone=small; sluice zone=large; empty_gif; } }
    """
    with nginx(text) as server:
        answer = server.ask()
        assert answer["x-ratelimit-remaining"] == "2"
        assert re.fullmatch(r'"(small|large)";q=\d+;w=\d+, "(small|large)";q=\d+;w=\d+', answer["ratelimit-policy"])
        assert '"small";r=2;' in answer["ratelimit"] and '"large";r=89;' in answer["ratelimit"]
        server.statuses(2)
        answer = server.ask()
        assert answer.status == 429 and answer["ratelimit"].startswith('"small";r=0;t=')
        assert answer["x-ratelimit-limit"] == "3"


TYPES = {
    "json": "application/json",
    "json-reset-at": "application/json",
    "problem": "application/problem+json",
    "html": "text/html; charset=utf-8",
    "text": "text/plain; charset=utf-8",
}


@pytest.mark.parametrize("body", TYPES)
def test_the_body_that_is_named_is_sent(page, body):
    with page(f"sluice_body {body};") as server:
        answer = denied(server, headers={"Accept": "image/png"})
        assert (answer.status, answer["content-type"], answer["content-length"]) == (
            429,
            TYPES[body],
            str(len(answer.body)),
        )
        head = server.ask("/?k=ann", method="HEAD")
        assert (head.status, head["content-length"], head.body) == (429, str(len(answer.body)), b"")
    retry = int(answer["retry-after"])
    if body == "json":
        known = json.loads(answer.body)
        assert list(known) == ["status", "error", "message", "code", "retryAfter", "limit", "remaining", "reset"]
        assert (known["status"], known["error"], known["code"]) == (429, "Too Many Requests", "rate_limit_exceeded")
        assert (known["retryAfter"], known["limit"], known["remaining"], known["reset"]) == (retry, 2, 0, RESET)
    elif body == "problem":
        known = json.loads(answer.body)
        assert (known["status"], known["violated-policies"]) == (429, ["per-day"])
    elif body == "json-reset-at":
        assert json.loads(answer.body)["resetAt"] == time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(RESET))
    else:
        assert "years" in answer.body.decode() or "days" in answer.body.decode()


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        (None, TYPES["json"]),
        ("*/*", TYPES["json"]),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", TYPES["html"]),
        ("application/problem+json", TYPES["problem"]),
        ("text/plain", TYPES["text"]),
        ("nonsense;;q=2,,", TYPES["json"]),
    ],
)
def test_the_body_suits_the_accept_header(page, accept, content_type):
    with page() as server:
        answer = denied(server, headers={"Accept": accept} if accept else {})
        assert answer["content-type"] == content_type and answer.body


def test_without_a_body_of_its_own_the_page_is_nginxs(page):
    with page("sluice_body off;") as server:
        answer = denied(server)
        assert b"<h1>429 Too Many Requests</h1>" in answer.body
        assert told(answer) == {"retry-after", *FAMILY["x-ratelimit"], *FAMILY["ietf"]}


def test_an_error_page_goes_before_the_body(page):
    with page("error_page 429 /sorry.html;") as server:
        (server.home / "html/sorry.html").write_text("sorry")
        answer = denied(server)
        assert (answer.status, answer.body, answer["cache-control"]) == (429, b"sorry", "no-store")
        assert int(answer["retry-after"]) > 0 and answer["last-modified"] is None and answer["etag"] is None


def test_an_error_page_that_makes_another_answer_of_it_is_no_denial(page):
    with page("error_page 429 =200 /sorry.html;") as server:
        (server.home / "html/sorry.html").write_text("sorry")
        answer = denied(server)
        assert (answer.status, answer.body, told(answer), answer["cache-control"]) == (200, b"sorry", set(), None)


def test_another_status_is_told_in_the_body_too(page):
    with page("sluice_status 503;") as server:
        answer = denied(server)
        assert (answer.status, json.loads(answer.body)["status"]) == (503, 503)


def test_where_waiting_does_not_help_nothing_tells_to(page):
    with page(location="sluice zone=per-day cost=3; root HOME/html;") as server:
        answer = server.ask("/?k=ann")
    assert answer.status == 429 and answer["retry-after"] is None
    assert "retryAfter" not in json.loads(answer.body)


@pytest.mark.parametrize("seconds", [2, 3])
def test_who_obeys_retry_after_is_served(nginx, seconds):
    text = f"""
    sluice_zone all zone=one:1m policy="token-bucket 1/{seconds}s";
    server {{ listen 127.0.0.1:PORT; location / {{ sluice zone=one; empty_gif; }} }}
    """
    with nginx(text) as server:
        assert server.ask().status == 200
        for _ in range(2):
            answer = server.ask()
            assert answer.status == 429 and 1 <= int(answer["retry-after"]) <= seconds
            time.sleep(int(answer["retry-after"]))
            assert server.ask().status == 200


def test_the_servers_charset_leaves_the_body_as_it_is(page):
    with page("charset koi8-r; charset_types *; gzip on; gzip_types *; gzip_min_length 1;") as server:
        answer = denied(server, headers={"Accept": "text/html", "Accept-Encoding": "gzip"})
        assert answer["content-type"] == TYPES["html"] and "<html" in answer.body.decode()


def test_http_2_answers_are_the_same(nginx):
    with nginx(site(location="sluice zone=per-day; empty_gif;").replace("PORT;", "PORT http2;")) as server:
        url = f"http://127.0.0.1:{server.port}/?k=ann"
        answers = [curl(url, "-H", "Accept: application/json") for _ in range(3)]
    head, body = answers[2].replace("\r\n", "\n").split("\n\n", 1)
    assert "HTTP/2 429" in head and re.search(r"^retry-after: \d+$", head, re.M)
    assert json.loads(body)["status"] == 429
