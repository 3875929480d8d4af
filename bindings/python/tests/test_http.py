"""HTTP answers: the vectors of all languages, and fields and bodies read by parsers that are not ours."""

import copy
import gc
import html.parser
import json
import pickle
import random
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import http_sf
import jsonschema
import pytest
from werkzeug.datastructures import MIMEAccept
from werkzeug.http import parse_accept_header

from sluicegate import ArgumentError, ClosedError, Limiter, ManualClock, PolicyError, check_all, http

DATA = Path(__file__).parents[3] / "tests/data"
VECTORS = json.loads((DATA / "http_vectors.json").read_text())
SCHEMAS = {
    name: json.loads((DATA / f"schemas/{name}.schema.json").read_text())
    for name in ("json", "json-reset-at", "problem")
}
FORMATS = ("json", "json-reset-at", "problem", "html", "text")
FAMILIES = {1: "x-ratelimit", 2: "ietf", 4: "draft-06", 8: "draft-07", 16: "mixed"}
NOW = 1_795_305_600_000_000_000


def settings_of(chosen):
    texts = ("code", "message", "problem_type", "burst_parameter")
    more = {"status": chosen["status"]} if chosen["status"] else {}
    if chosen["families"]:
        more["families"] = [name for bit, name in FAMILIES.items() if chosen["families"] & bit]
    return http.Settings(
        retry_after=("seconds", "http-date")[chosen["retry_after"]], **more, **{name: chosen[name] for name in texts}
    )


def verdict_of(limited):
    limiter = Limiter(limited["policy"], max_keys=100)
    for cost, at in limited["asked"]:
        decision = limiter.check_at("key", cost, at)
    key = limited["partition_key"]
    quota = http.Quota(limited["name"], limited["policy"])
    return http.Verdict(quota, decision, cost, None if key is None else bytes.fromhex(key))


def lines(answer):
    return "".join(f"{name}: {value}\r\n" for name, value in answer.headers)


@pytest.mark.parametrize("case", VECTORS["answers"], ids=range(len(VECTORS["answers"])))
def test_python_answers_every_vector_to_the_byte(case):
    verdicts = [verdict_of(limited) for limited in case["limited"]]
    answer = http.Answer(verdicts, now_ns=case["now"], settings=settings_of(case["settings"]))
    expected = case["expect"]
    told = (answer.allowed, bool(answer), answer.status, answer.reason_phrase, answer.retry_after)
    allowed = expected["allowed"]
    assert told == (allowed, allowed, expected["status"], expected["reason_phrase"], expected["retry_after"])
    assert answer.speaking is (verdicts[expected["speaking"]] if verdicts else None)
    assert lines(answer) == expected["headers"]
    assert answer.raw_headers == [(name.lower().encode(), value.encode()) for name, value in answer.headers]
    for name, text in zip(FORMATS, expected["bodies"]):
        body = answer.body(name)
        assert (body is None) == allowed
        assert allowed or body.content == text.encode()


@pytest.mark.parametrize("case", VECTORS["accepts"], ids=range(len(VECTORS["accepts"])))
def test_python_chooses_every_vectors_body(case):
    offered = [FORMATS[number] for number in case["offered"]]
    assert http.body_format(case["accept"], offered) == FORMATS[case["expect"]]
    assert http.body_format(case["accept"].encode(), offered) == FORMATS[case["expect"]]


def test_the_choice_is_of_the_highest_quality_that_another_library_finds():
    numbers = random.Random(9)
    types = {
        "json": "application/json",
        "problem": "application/problem+json",
        "html": "text/html",
        "text": "text/plain",
    }
    ranges = [*types.values(), "*/*", "text/*", "application/*", "image/*", "application/xml", "TEXT/HTML"]
    for _ in range(3_000):
        members = [
            f"{each};q={numbers.choice(['0', '0.1', '0.25', '0.5', '0.750', '1', '1.0'])}"
            if numbers.random() < 0.7
            else each
            for each in numbers.sample(ranges, numbers.randint(1, 6))
        ]
        accept = numbers.choice([",", ", ", " ,  "]).join(members)
        offered = numbers.sample(list(types), numbers.randint(1, 4))
        found = parse_accept_header(accept, MIMEAccept)
        qualities = {each: found.quality(types[each]) for each in offered}
        chosen = http.body_format(accept, offered)
        if max(qualities.values()) == 0:
            assert chosen == offered[0], accept
        else:
            assert qualities[chosen] == max(qualities.values()), (accept, offered, chosen, qualities)


@pytest.mark.parametrize("case", VECTORS["answers"], ids=range(len(VECTORS["answers"])))
def test_fields_are_structured_fields_and_bodies_follow_their_schemas(case):
    verdicts = [verdict_of(limited) for limited in case["limited"]]
    answer = http.Answer(verdicts, now_ns=case["now"], settings=settings_of(case["settings"]))
    names = [limited["name"] for limited in case["limited"]]
    ietf = not case["settings"]["families"] or case["settings"]["families"] & 2
    for field in ("RateLimit-Policy", "RateLimit"):
        value = ", ".join(value for name, value in answer.headers if name == field)
        if ietf and names:
            parsed = http_sf.parse(value.encode(), tltype="list")
            assert sorted(item for item, _ in parsed) == sorted(names)
            # What another library writes from it is the same to the byte: it was in the canonical form.
            assert http_sf.ser(parsed) == value
    if not answer:
        for name, schema in SCHEMAS.items():
            body = json.loads(answer.body(name).content)
            jsonschema.validate(body, schema)
            with pytest.raises(jsonschema.ValidationError):
                jsonschema.validate({**body, "more": 1}, schema)


class Texts(html.parser.HTMLParser):
    """The texts of a page by the class of their element, and all elements' names."""

    def __init__(self):
        super().__init__()
        self.texts, self.elements, self.inside = {}, [], None

    def handle_starttag(self, tag, attrs):
        self.elements.append(tag)
        self.inside = dict(attrs).get("class", self.inside if tag == "time" else tag)

    def handle_data(self, data):
        self.texts[self.inside] = self.texts.get(self.inside, "") + data


def test_hostile_names_and_texts_stay_texts():
    numbers = random.Random(5)
    letters = [chr(code) for code in range(32, 127)] + list("\"\\<>&'") * 10
    limiter = Limiter("fixed-window 1/h")
    limiter.check_at("key", 1, NOW)
    denied = limiter.check_at("key", 1, NOW)
    for _ in range(300):
        name, code, message = ("".join(numbers.choices(letters, k=numbers.randint(1, 64))) for _ in range(3))
        message = f"ö{message}😀"
        quota = http.Quota(name, limiter)
        answer = http.Answer(
            http.Verdict(quota, denied, partition_key=numbers.randbytes(numbers.randint(0, 96))),
            now_ns=NOW,
            settings=http.Settings(code=code, message=message),
        )
        for field, value in answer.headers:
            assert set(value) <= set(map(chr, range(32, 127))), (field, value)
        [(item, parameters)] = http_sf.parse(dict(answer.headers)["RateLimit"].encode(), tltype="list")
        assert (item, parameters["r"], parameters["t"]) == (name, 0, 3600)
        body = json.loads(answer.body("json").content)
        assert (body["code"], body["message"]) == (code, message)
        assert json.loads(answer.body("problem").content)["violated-policies"] == [name]
        page = Texts()
        page.feed(answer.body("html").content.decode())
        assert page.texts["message"].rstrip("\n") == message
        assert "script" not in page.elements
        assert len(page.elements) < 25


@pytest.mark.parametrize("name", ["", "a\nb", "a\r\nSet-Cookie: x", "é", "x" * 65, "\x7f", "a\0b", "\ud800"])
def test_a_name_that_no_header_can_hold_is_refused(name):
    with pytest.raises(ArgumentError, match="name"):
        http.Quota(name, "fixed-window 1/h")


def test_what_is_wrong_is_told():
    limiter = Limiter("fixed-window 1/h")
    quota = http.Quota("hourly", limiter)
    decision = limiter.check("key")
    wrong = [
        (PolicyError, lambda: http.Quota("hourly", "nonsense")),
        (TypeError, lambda: http.Quota(5, limiter)),
        (TypeError, lambda: http.Quota("hourly", 5)),
        (ArgumentError, lambda: http.Settings(families=["ietf", "draft-06"])),
        (ArgumentError, lambda: http.Settings(families=["ietf", "draft-07", "mixed"])),
        (ArgumentError, lambda: http.Settings(families=["ietf", "draft-12"])),
        (TypeError, lambda: http.Settings(families="ietf")),
        (TypeError, lambda: http.expose_headers("ietf")),
        (ArgumentError, lambda: http.Settings(retry_after="minutes")),
        (ArgumentError, lambda: http.Settings(status=200)),
        (ArgumentError, lambda: http.Settings(status=0)),
        (ArgumentError, lambda: http.Settings(status=2**32 + 429)),
        (TypeError, lambda: http.Settings(status="429")),
        (ArgumentError, lambda: http.Settings(code="a\nb")),
        (ArgumentError, lambda: http.Settings(message="two\nlines")),
        (ArgumentError, lambda: http.Settings(message="a\0b")),
        (ArgumentError, lambda: http.Settings(problem_type="no uri")),
        (ArgumentError, lambda: http.Settings(burst_parameter="r")),
        (TypeError, lambda: http.Answer([(quota, decision)])),
        (TypeError, lambda: http.Answer(http.Verdict(limiter, decision))),
        (TypeError, lambda: http.Answer(http.Verdict(quota, decision, "1"))),
        (TypeError, lambda: http.Answer(http.Verdict(quota, decision), now_ns=0.5)),
        (TypeError, lambda: http.Answer(http.Verdict(quota, decision), settings={})),
        (ArgumentError, lambda: http.Answer(http.Verdict(quota, decision, partition_key=b"x" * 97))),
        (ArgumentError, lambda: http.Answer(http.Verdict(quota, decision)).body("yaml")),
        (ArgumentError, lambda: http.body_format("*/*", ["json", "yaml"])),
        (TypeError, lambda: copy.copy(quota)),
        (TypeError, lambda: pickle.dumps(http.Settings())),
    ]
    for number, (error, call) in enumerate(wrong):
        with pytest.raises(error) as raised:
            call()
        assert str(raised.value), number


def test_the_status_of_a_limiter_that_cannot_count_is_503():
    limiter = Limiter("fixed-window 1/h")
    answer = http.Answer(http.Verdict(http.Quota("hourly", limiter), limiter.check_at("key", 1, 2**63)), now_ns=NOW)
    assert (answer.status, answer.retry_after) == (503, None)
    assert json.loads(answer.body().content)["code"] == "service_unavailable"


def test_a_client_that_waits_retry_after_is_admitted():
    clock = ManualClock(NOW + 123_456_789)
    limiters = [Limiter(text, clock=clock) for text in ("token-bucket 3/s burst=4", "sliding-window 10/7s")]
    quotas = [http.Quota(name, limiter) for name, limiter in zip(("burst", "week"), limiters)]
    allowed = denied = 0
    while denied < 20:
        now = limiters[0].now_ns()
        decisions = check_all([(limiter, "ann", 2) for limiter in limiters])
        verdicts = [http.Verdict(quota, decision, 2) for quota, decision in zip(quotas, decisions)]
        answer = http.Answer(verdicts, now_ns=now)
        if answer:
            allowed += 1
            continue
        denied += 1
        clock.advance(int(dict(answer.headers)["Retry-After"]))
        assert all(limiter.peek("ann", 2) for limiter in limiters)
    assert allowed >= denied


def test_the_time_of_a_limiter_is_that_of_its_clock():
    assert Limiter("fixed-window 1/h", clock=ManualClock(77)).now_ns() == 77
    assert abs(Limiter("fixed-window 1/h").now_ns() - time.time_ns()) < 3600 * 10**9
    limiter = Limiter("fixed-window 1/h")
    limiter.close()
    with pytest.raises(ClosedError):
        limiter.now_ns()


def test_without_a_time_the_wall_clocks_counts():
    limiter = Limiter("token-bucket 1/h", clock=time.time_ns)
    limiter.check("key")
    answer = http.Answer(http.Verdict(http.Quota("hourly", limiter), limiter.check("key")))
    assert 3590 <= int(dict(answer.headers)["X-RateLimit-Reset"]) - time.time() <= 3610


def test_an_answer_keeps_alive_what_it_is_made_of():
    def made():
        limiter = Limiter("fixed-window 1/h")
        verdict = http.Verdict(http.Quota("a name", limiter), limiter.check_at("key", 1, NOW), 1, bytearray(b"pk"))
        return http.Answer(verdict, now_ns=NOW, settings=http.Settings(families=["ietf"]))

    answers = [made() for _ in range(100)]
    gc.collect()
    expected = [
        ("RateLimit-Policy", '"a name";q=1;w=3600;pk=:cGs=:'),
        ("RateLimit", '"a name";r=0;t=3600;pk=:cGs=:'),
    ]
    assert all(answer.headers == expected for answer in answers)


def test_what_the_collector_takes_apart_is_refused_and_not_read():
    class Late:
        def __del__(self):
            try:
                self.said.append(http.Answer(http.Verdict(self.quota, self.decision), now_ns=NOW).status)
            except ArgumentError as error:
                self.said.append(str(error))

    said = []
    for _ in range(50):
        limiter = Limiter("fixed-window 1/h")
        late = Late()
        late.said, late.itself, late.decision = said, late, limiter.check("key")
        late.quota = http.Quota("hourly", limiter)
        del late
    gc.collect()
    assert len(said) == 50
    assert all(each in (200, "this Quota has been freed") for each in said)


def test_the_exposed_fields_are_named():
    assert http.expose_headers() == (
        "Retry-After, X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset, RateLimit-Policy, RateLimit"
    )
    assert http.expose_headers([]) == "Retry-After"


def test_things_show_what_they_are():
    limiter = Limiter("token-bucket 1/3600s")
    quota = http.Quota("hourly", limiter)
    assert repr(quota) == "Quota('hourly', 'token-bucket 1/h')"
    assert (quota.name, quota.policy) == ("hourly", "token-bucket 1/h")
    assert http.Settings(families=iter(["ietf"])).families == ("ietf",)
    answer = http.Answer([], now_ns=0)
    assert repr(answer) == "<sluicegate.http.Answer 200 OK>"
    assert answer.headers == []


@pytest.mark.parametrize("n", [0, 1, 2, 8, 9, 20])
def test_header_lines_are_the_headers_of_the_answer_on_any_thread(n):
    def lines(place):
        limiters = [Limiter(f"fixed-window {place + limit + 1}/1h", max_keys=10) for limit in range(n)]
        now = 1_795_305_600_000_000_000
        settings = http.Settings(families=["ietf"]) if place % 2 else None
        verdicts = [
            http.Verdict(http.Quota(f"limit {limit}", limiter), limiter.check_at("ann", limit % 3, now), limit % 3)
            for limit, limiter in enumerate(limiters)
        ]
        expected = http.Answer(verdicts, now_ns=now, settings=settings).headers
        plain = [verdict[:3] for verdict in verdicts]
        rendered = "".join(f"{name}: {value}\r\n" for name, value in expected).encode()
        return http.header_lines(plain, now, settings) == rendered

    with ThreadPoolExecutor(4) as threads:
        assert all(threads.map(lines, range(40)))
