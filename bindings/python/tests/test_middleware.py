"""What the middleware does, the same under ASGI, WSGI and Django, with real servers and clients."""

import http.client
import json
import logging
import socket
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import http_sf
import pytest
import requests
from middleware_servers import CHUNKS, CLOSED, KINDS, SERVED, serving

from sluicegate import ManualClock
from sluicegate import http as answers
from sluicegate.middleware import Denial, Limit, Route, keys, skip_failed, skip_successful

NEVER = "366d"  # a window that does not end in a test

pytestmark = [
    pytest.mark.parametrize("kind", KINDS),
    # Django leaves the body's file open where a client has left in the middle of it.
    pytest.mark.filterwarnings("ignore:.*SpooledTemporaryFile:pytest.PytestUnraisableExceptionWarning"),
]


def few(limit=2, name="few", **more):
    return Limit(name, f"fixed-window {limit}/{NEVER}", max_keys=1_000, **more)


def get(address, path="/", method="GET", **more):
    return requests.request(method, address + path, timeout=60, allow_redirects=False, **more)


def statuses(address, *paths, **more):
    return [get(address, path, **more).status_code for path in paths]


def test_every_answer_tells_the_limit_and_one_over_it_is_a_denial(kind):
    with serving(kind, f"fixed-window 2/{NEVER}") as address:
        first, second, third = (get(address) for _ in range(3))
    assert [first.status_code, second.status_code, third.status_code] == [200, 200, 429]
    assert [answer.headers["X-RateLimit-Remaining"] for answer in (first, second, third)] == ["1", "0", "0"]
    for answer in (first, second, third):
        assert answer.headers["X-RateLimit-Limit"] == "2"
        policy = http_sf.parse(answer.headers["RateLimit-Policy"].encode(), tltype="list")
        assert policy == [("default", {"q": 2, "w": 366 * 86_400})]
        ((name, standing),) = http_sf.parse(answer.headers["RateLimit"].encode(), tltype="list")
        assert name == "default"
        assert standing["r"] == int(answer.headers["X-RateLimit-Remaining"])
    assert "Retry-After" not in first.headers
    assert first.text == "hello"
    assert "twice" in first.headers["X-Own"]
    body = third.json()
    assert body["retryAfter"] == int(third.headers["Retry-After"]) > 0
    assert (body["status"], body["limit"], body["remaining"]) == (429, 2, 0)
    assert body["reset"] == int(third.headers["X-RateLimit-Reset"])
    assert third.headers["Cache-Control"] == "no-store"
    assert SERVED.count("/") == 2


def test_clients_under_load_get_exactly_the_limit(kind):
    with serving(kind, f"fixed-window 30/{NEVER}") as address, ThreadPoolExecutor(8) as clients:
        got = list(clients.map(lambda _: get(address), range(90)))
    assert Counter(answer.status_code for answer in got) == {200: 30, 429: 60}
    allowed = [int(answer.headers["X-RateLimit-Remaining"]) for answer in got if answer.status_code == 200]
    assert sorted(allowed) == list(range(30))


def test_clients_behind_trusted_proxies_count_by_what_the_nearest_has_seen(kind):
    def ask(forwarded):
        return get(address, headers={"X-Forwarded-For": forwarded}).status_code

    with serving(kind, few(1), proxies=1) as address:
        # What a client writes in front of it is no way to a new budget.
        assert [ask("203.0.113.1"), ask("6.6.6.6, 203.0.113.1"), ask("203.0.113.2")] == [200, 429, 200]
    with serving(kind, few(1)) as address:
        assert [ask("203.0.113.1"), ask("203.0.113.2")] == [200, 429]


def test_the_first_route_that_matches_adds_its_limits(kind):
    routes = [
        (Route(path="/login", method=["POST", "PUT"]), few(1, "login")),
        (Route(path="/men\u00fc"), few(1, "menu")),
        (Route(prefix="/api/free"), []),
        (Route(prefix="/api"), [few(2, "api"), few(9, "api all", key=keys.shared)]),
        (Route(when=lambda request: request.header("X-Slow") == "yes"), few(1, "slow")),
    ]
    with serving(kind, few(100, "everything"), routes) as address:
        assert statuses(address, "/login", "/login") == [200, 200]
        assert statuses(address, "/login", "/login", method="POST") == [200, 429]
        assert statuses(address, "/login", method="PUT") == [429]
        assert statuses(address, "/apix", "/apix", "/apix") == [200, 200, 200]
        assert statuses(address, "/api", "/api/x/y", "/api/", "/api/free/x", "/api/free") == [200, 200, 429, 200, 200]
        slow = {"headers": {"X-Slow": "yes"}}
        assert statuses(address, "/a", "/b", **slow) == [200, 429]
        # Escapes are no way past a route, and letters are letters.
        assert statuses(address, "/%6cogin", method="POST") == [429]
        assert statuses(address, "/men%C3%BC", "/men\u00fc") == [200, 429]
        names = [
            name for name, _ in http_sf.parse(get(address, "/api/free").headers["RateLimit"].encode(), tltype="list")
        ]
        assert names == ["everything"]


def test_several_limits_are_charged_all_or_none(kind):
    broad, narrow = few(5, "broad"), few(2, "narrow")
    with serving(kind, [broad, narrow]) as address:
        got = [get(address) for _ in range(4)]
    assert [answer.status_code for answer in got] == [200, 200, 429, 429]
    assert broad.limiter.peek(key_of("127.0.0.1"), 0).remaining == 3
    names = [name for name, _ in http_sf.parse(got[-1].headers["RateLimit"].encode(), tltype="list")]
    assert names == ["narrow", "broad"]
    assert got[-1].headers["X-RateLimit-Limit"] == "2"


def key_of(address):
    from sluicegate.identity import Identity  # noqa: PLC0415

    return Identity().client(address, ()).key


def test_a_key_that_is_missing_has_the_consequence_that_was_chosen(kind):
    def of_tenant(request):
        return request.header("X-Tenant")

    limits = {
        "deny": few(1, key=keys.header("X-Api-Key", missing="deny")),
        "skip": few(1, key=keys.function(of_tenant, missing="skip", name="tenant")),
        "address": few(1, key=keys.user(of_tenant, missing="address")),
    }
    named = {name: {"X-Api-Key": name, "X-Tenant": name} for name in ("a", "b")}

    def ask(headers):
        return get(address, headers=headers).status_code

    events = []
    with serving(kind, limits["skip"], on_decision=events.append) as address:
        assert [ask({}), ask(named["a"])] == [200, 200]
    assert [len(event.verdicts) for event in events] == [1]
    limits["skip"] = few(1, key=keys.function(of_tenant, missing="skip", name="tenant"))

    for missing, without in {"deny": [403, 403], "skip": [200, 200], "address": [200, 429]}.items():
        with serving(kind, limits[missing]) as address:
            assert [ask(named["a"]), ask(named["b"]), ask(named["a"])] == [200, 200, 429], missing
            assert [ask({}), ask({"X-Api-Key": "", "X-Tenant": ""})] == without, missing
    with serving(kind, limits["deny"], missing_status=401) as address:
        refused = get(address)
        assert refused.status_code == 401
        assert refused.json()["code"] == "key_missing"
        assert refused.headers["Cache-Control"] == "no-store"
        assert "X-RateLimit-Limit" not in refused.headers


def test_a_compound_key_is_one_budget_for_each_combination(kind):
    limit = few(1, key=(keys.address, keys.header("X-Api-Key", missing="deny")))
    with serving(kind, limit, proxies=1) as address:
        asked = [("1.1.1.1", "a", 200), ("1.1.1.1", "b", 200), ("2.2.2.2", "a", 200), ("1.1.1.1", "a", 429)]
        for who, key, status in asked:
            assert get(address, headers={"X-Forwarded-For": who, "X-Api-Key": key}).status_code == status


def test_costs_are_numbers_or_functions_and_0_is_free(kind):
    limit = few(10, cost=lambda request: int(request.header("X-Cost") or 4))
    with serving(kind, limit) as address:

        def ask(cost):
            return get(address, headers={"X-Cost": str(cost)} if cost is not None else {})

        assert [ask(cost).status_code for cost in (None, 0, 0, 7, 6, 0)] == [200, 200, 200, 429, 200, 200]
        impossible = ask(11)
        assert impossible.status_code == 429
        assert "Retry-After" not in impossible.headers
        assert "retryAfter" not in impossible.json()


def test_what_is_exempt_is_held_to_nothing_and_told_nothing(kind):
    limits = {"limits": few(0), "proxies": 1}
    with serving(kind, **limits, exempt_path=["/health", "/ready"]) as address:
        assert statuses(address, "/health", "/ready", "/health/", "/") == [200, 200, 429, 429]
        assert "X-RateLimit-Limit" not in get(address, "/health").headers
    with serving(kind, **limits, exempt_networks="10.0.0.0/8, 192.0.2.7") as address:
        asked = {who: get(address, headers={"X-Forwarded-For": who}).status_code for who in ("10.1.2.3", "11.1.2.3")}
        assert asked == {"10.1.2.3": 200, "11.1.2.3": 429}
    with serving(kind, **limits, exempt_when=lambda request: request.header("X-Probe") == "1") as address:
        assert get(address, headers={"X-Probe": "1"}).status_code == 200
        assert get(address).status_code == 429


def test_permits_go_back_by_the_outcome_and_the_answer_shows_it(kind):
    with serving(kind, few(2, refund_when=skip_successful)) as address:
        assert [get(address).headers["X-RateLimit-Remaining"] for _ in range(5)] == ["2"] * 5
        assert statuses(address, "/status/401", "/status/500", "/status/401", "/") == [401, 500, 429, 429]
    with serving(kind, few(2, refund_when=skip_failed)) as address:
        assert statuses(address, *["/status/404"] * 4, "/", "/", "/status/404") == [404] * 4 + [200, 200, 429]
    seen = []

    def own(response):
        seen.append(response)
        return ("x-own", "kept") in [(name.lower(), value) for name, value in response.headers] and kind[:6] != "django"

    with serving(kind, few(1, refund_when=own)) as address:
        assert get(address).headers["X-RateLimit-Remaining"] == ("0" if kind[:6] == "django" else "1")
    assert [response.status for response in seen] == [200]


def test_a_refund_after_the_window_takes_nothing_from_the_next(kind):
    clock = ManualClock(59_000_000_000)

    def late(response):
        clock.set(61_000_000_000)  # the answer comes when a new window has begun, in which others have consumed
        limit.limiter.check(key_of("127.0.0.1"))
        return True

    limit = Limit("window", "fixed-window 2/1m", clock=clock, refund_when=late)
    with serving(kind, limit) as address:
        assert get(address).headers["X-RateLimit-Remaining"] == "1"


def test_an_application_that_fails_gets_nothing_back_where_there_is_no_answer(kind):
    limit = few(5, refund_when=skip_failed)
    with serving(kind, limit) as address:
        assert get(address, "/boom").status_code == 500
        assert get(address).status_code == 200
    # Django has made an answer of it already.
    assert limit.limiter.peek(key_of("127.0.0.1"), 0).remaining == (4 if kind.startswith("django") else 3)


def test_hooks_are_told_of_every_decision_and_every_denial(kind):
    decisions, denials = [], []
    secret = few(1, "secret", key=keys.header("X-Api-Key", missing="deny"))
    route = Route(path="/secret")
    options = {"on_decision": decisions.append, "on_denial": denials.append}
    with serving(kind, few(3, "all"), [(route, secret)], **options) as address:
        get(address)
        get(address, "/secret", headers={"X-Api-Key": "s3cr3t"})
        get(address, "/secret", headers={"X-Api-Key": "s3cr3t"})
        get(address, "/secret")
    assert [event.kind for event in decisions] == ["allowed", "allowed", "denied", "missing_key"]
    assert denials == decisions[2:]
    assert [event.route for event in decisions] == [None, route, route, route]
    denied = denials[0]
    assert [(verdict.name, verdict.cost, verdict.decision.allowed) for verdict in denied.verdicts] == [
        ("all", 1, True),
        ("secret", 1, False),
    ]
    assert denied.answer.status == 429
    assert denied.answer.retry_after_seconds > 0
    assert (denied.request.method, denied.request.path) == ("GET", "/secret")
    assert denied.verdicts[0].key == "127.0.0.1"
    assert "s3cr3t" not in repr(denied)
    assert denials[1].answer == (403, None)


def test_hooks_and_functions_that_fail_change_nothing_and_are_logged(kind, caplog):
    def fail(*_):
        raise ValueError("a hook of mine")

    options = {"on_decision": fail, "on_denial": fail, "map_denial": fail}
    with caplog.at_level(logging.ERROR, "sluicegate"), serving(kind, few(1, refund_when=fail), **options) as address:
        assert statuses(address, "/", "/") == [200, 429]
    said = [record.getMessage() for record in caplog.records if record.name == "sluicegate"]
    expected = ["on_decision", "refund_when", "on_decision", "on_denial", "map_denial"]
    assert said == [f"{name} has failed" for name in expected]


def test_a_dry_run_counts_and_tells_hooks_and_changes_nothing_else(kind):
    events = []
    tried = few(1, "tried", dry_run=True)
    with serving(kind, [few(3, "real"), tried], on_denial=events.append) as address:
        got = [get(address) for _ in range(4)]
    assert [answer.status_code for answer in got] == [200, 200, 200, 429]
    assert all("tried" not in answer.headers["RateLimit"] for answer in got)
    assert [(event.kind, event.dry_run) for event in events] == [("would_deny", True)] * 2 + [("denied", False)]
    assert [verdict.dry_run for verdict in events[0].verdicts] == [False, True]
    with serving(kind, few(0), dry_run=True, on_denial=events.append) as address:
        answer = get(address)
        assert answer.status_code == 200
        assert "RateLimit" not in answer.headers
    assert events[-1].kind == "would_deny"


def test_the_body_is_what_the_client_accepts_or_what_was_chosen(kind):
    def body(accept, **options):
        with serving(kind, few(0), **options) as address:
            answer = get(address, headers={} if accept is None else {"Accept": accept})
            assert answer.status_code == 429
            assert int(answer.headers["Content-Length"]) == len(answer.content)
            return answer.headers["Content-Type"].partition(";")[0], answer

    assert body("text/html,*/*;q=0.8")[0] == "text/html"
    assert body("application/problem+json")[0] == "application/problem+json"
    assert body("*/*")[0] == "application/json"
    assert body("text/html", body="text")[0] == "text/plain"
    assert body("text/plain, text/html", body=["json-reset-at", "text"])[0] == "text/plain"
    assert "resetAt" not in body("*/*", body=["json-reset-at", "text"])[1].json()  # a limit of 0: it never comes
    settings = answers.Settings(families=["draft-06"], code="plan_quota_exceeded", message="Your plan is used up.")
    answer = body("*/*", settings=settings)[1]
    assert (answer.json()["code"], answer.json()["message"]) == ("plan_quota_exceeded", "Your plan is used up.")
    assert "RateLimit-Limit" in answer.headers
    assert "X-RateLimit-Limit" not in answer.headers


def test_a_denial_can_be_changed_or_replaced(kind):
    def change(event, denial):
        denial.headers.append(("X-Why", event.kind))
        denial.body = b"changed"

    def replace(event, denial):
        return Denial(503, [("Content-Type", "text/plain")], b"elsewhere")

    with serving(kind, few(0), map_denial=change) as address:
        answer = get(address)
        assert (answer.status_code, answer.text, answer.headers["X-Why"]) == (429, "changed", "denied")
        assert answer.headers["X-RateLimit-Limit"] == "0"
    with serving(kind, few(0), map_denial=replace) as address:
        answer = get(address)
        assert (answer.status_code, answer.text) == (503, "elsewhere")


def test_head_gets_the_head_of_the_denial(kind):
    with serving(kind, few(0)) as address:
        whole = get(address)
        head = get(address, method="HEAD")
    assert (head.status_code, head.content) == (429, b"")
    assert head.headers["Content-Length"] == whole.headers["Content-Length"] != "0"
    assert head.headers["X-RateLimit-Limit"] == "0"


def test_own_numbers_are_replaced_and_what_is_not_ours_is_left(kind):
    with serving(kind, few(50)) as address:
        own = get(address, "/own")
        assert own.headers["X-RateLimit-Limit"] == "50"
        assert "RateLimit-Reset" not in own.headers
        assert len(http_sf.parse(own.headers["RateLimit"].encode(), tltype="list")) == 1
        foreign = get(address, "/foreign")
        assert (foreign.headers["X-RateLimit-Limit"], foreign.headers["Retry-After"]) == ("7", "77")
        assert "RateLimit" not in foreign.headers
        for path in ("/public", "/status/302", "/status/304"):
            assert "RateLimit" not in get(address, path).headers, path
        for path in ("/status/204", "/status/404", "/status/500"):
            assert "RateLimit" in get(address, path).headers, path
    with serving(kind, few(50), headers_on_redirects=True, expose_headers=True) as address:
        redirected = get(address, "/status/302")
        assert "RateLimit" in redirected.headers
        exposed = redirected.headers["Access-Control-Expose-Headers"].split(", ")
        assert {"Retry-After", "RateLimit", "X-RateLimit-Reset"} <= set(exposed)


def test_bodies_and_streams_pass_untouched(kind):
    CLOSED.clear()
    sent = bytes(range(256)) * 4_000
    with serving(kind, few(5)) as address:
        assert get(address, "/echo", "POST", data=sent).content == sent
        with requests.get(f"{address}/stream", stream=True, timeout=60) as answer:
            assert answer.headers["X-RateLimit-Remaining"] == "3"
            assert list(answer.iter_lines()) == [b"%d" % number for number in range(CHUNKS)]
    assert ([True] if kind in ("wsgi", "django") else []) == CLOSED


def test_a_client_that_leaves_in_the_middle_harms_nobody(kind):
    place = urlsplit("http://x")
    with serving(kind, few(50)) as address:
        place = urlsplit(address)
        for _ in range(5):
            with socket.create_connection((place.hostname, place.port)) as connection:
                connection.sendall(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\nonly so much")
        assert get(address).status_code == 200


HOSTILE = [
    *(b"a\xff\xfeb", b'"><script>', b"'; DROP TABLE", b"\xe2\x80\xae"),
    *(b"x" * 6_000, b"a, b,, c", b"%0d%0aX-Evil: 1"),
]


def test_hostile_keys_and_addresses_split_no_header_and_reach_no_log_raw(kind):
    events = []
    sources = {
        "key": keys.header("X-Api-Key", missing="skip"),
        "who": keys.user(lambda request: request.header("X-Api-Key"), missing="skip"),
        "address": keys.address,
    }
    limits = [few(100, name, key=key) for name, key in sources.items()]
    with serving(kind, limits, proxies=1, on_decision=events.append) as address:
        place = urlsplit(address)
        for value in HOSTILE:
            connection = http.client.HTTPConnection(place.hostname, place.port)
            connection.putrequest("GET", "/", skip_accept_encoding=True)
            connection.putheader("X-Api-Key", value)
            connection.putheader("X-Forwarded-For", value)
            connection.putheader("Accept", value)
            connection.endheaders()
            answer = connection.getresponse()
            assert answer.status == 200, value
            assert answer.headers["X-Evil"] is None
            assert http_sf.parse(answer.headers["RateLimit"].encode(), tltype="list")
            connection.close()
        # Each is somebody else.
        assert [event.verdicts[0].decision.remaining for event in events] == [99] * len(HOSTILE)
    for event in events:
        for verdict in event.verdicts:
            assert verdict.key.isascii()
            assert verdict.key.isprintable()
            assert len(verdict.key) < 500
        assert "script" not in event.verdicts[0].key


def test_nobody_shares_a_budget_because_the_server_does_not_tell_the_peer(kind):
    with serving(kind, few(5), peer=lambda request: None) as address:
        refused = get(address)
        assert refused.status_code == 500
        assert "peer=" in refused.json()["message"]
    with serving(kind, few(5), peer=lambda request: "unix:") as address:
        assert get(address, headers={"Accept": "text/plain"}).text.startswith("500 Internal Server Error\nthe client's")
    with serving(kind, few(1), peer=lambda request: request.header("X-Peer")) as address:
        peers = ("1.1.1.1", "2.2.2.2", "1.1.1.1")
        assert [get(address, headers={"X-Peer": peer}).status_code for peer in peers] == [200, 200, 429]
    with serving(kind, few(1, key=keys.shared), peer=lambda request: None) as address:
        assert statuses(address, "/", "/") == [200, 429]


def test_json_of_a_refusal_is_json_and_of_a_problem_is_one(kind):
    with serving(kind, few(1, key=keys.header("X-Api-Key", missing="deny"))) as address:
        problem = get(address, headers={"Accept": "application/problem+json"})
        assert problem.headers["Content-Type"] == "application/problem+json"
        assert set(json.loads(problem.text)) == {"type", "title", "status", "detail"}
