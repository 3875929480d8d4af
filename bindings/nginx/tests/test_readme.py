"""What the page shows works, and what it calls equal is equal."""

import re
import threading
import time
from collections import Counter

import pytest
from server import ROOT

PAGE = (ROOT / "bindings/nginx/README.md").read_text()
PAIRS = {
    part.split("\n", 1)[0]: re.findall(r"```nginx\n(.*?)```", part, re.DOTALL)
    for part in PAGE.split("## From limit_req")[1].split("### What differs")[0].split("### ")[1:]
}


def whole(fragment):
    """The http block's content of a fragment whose locations stand by themselves."""
    zones, _, location = fragment.partition("\nlocation / {")
    return f"{zones} server {{ listen 127.0.0.1:PORT; location / {{ empty_gif; {location} }}"


def answers(server, count):
    """Statuses of so many requests at once, and when each was answered, in order."""
    found, begin = [], time.monotonic()

    def ask():
        status = server.ask().status
        found.append((status, time.monotonic() - begin))

    threads = [threading.Thread(target=ask) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return Counter(status for status, _ in found), sorted(seconds for status, seconds in found if status == 200)


@pytest.mark.parametrize("name", PAIRS)
def test_what_is_called_equal_serves_and_denies_alike(nginx, name):
    results = []
    for fragment in PAIRS[name]:
        with nginx(whole(fragment)) as server:
            results.append(answers(server, 30))
    (theirs, their_times), (ours, our_times) = results
    # While thirty threads begin, a permit or two come back.
    assert abs(theirs[200] - ours[200]) <= 2 and set(theirs) == set(ours) == {200, 429}, results
    assert abs(their_times[-1] - our_times[-1]) < 0.35, results


def test_there_is_a_pair_for_each_kind():
    assert len(PAIRS) == 5 and all(len(pair) == 2 for pair in PAIRS.values())


def test_the_first_example_is_right(nginx):
    example = re.search(r"http \{\n(.*)\n\}", re.findall(r"```nginx\n(.*?)```", PAGE, re.DOTALL)[0], re.DOTALL)[1]
    status, words = nginx(example.replace("server {", "server { listen 127.0.0.1:PORT;")).test()
    assert status == 0, words


def test_what_the_projects_readme_shows_limits(nginx):
    shown = re.findall(r"```nginx\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    (ours,) = [text for text in shown if "sluice_zone" in text]
    with nginx(
        ours.replace("server {", "server { listen 127.0.0.1:PORT; root HOME/html; sluice_headers ietf;")
    ) as server:
        answer = server.ask("/api/")
        assert answer["ratelimit-policy"] == '"api";q=200;w=2' and answer["ratelimit"].startswith('"api";r=199;t=')
        assert server.ask("/")["ratelimit"] is None


@pytest.fixture
def example(nginx):
    text = (ROOT / "bindings/nginx/examples/nginx.conf").read_text()
    http = re.search(r"^http \{\n(.*)^\}", text, re.DOTALL | re.MULTILINE)[1]
    http = http.replace("listen 8080", "listen 127.0.0.1:PORT").replace("logs/access.log", "HOME/access.log")
    http = http.replace("root html;", "root HOME/html;").replace(
        "auth_basic_user_file users", "auth_basic_user_file /none"
    )
    server = nginx(http)
    (server.home / "html/index.html").write_text("page")
    (server.home / "html/search").write_text("found")
    (server.home / "html/downloads").mkdir()
    (server.home / "html/downloads/file").write_text("file")
    return server


def test_the_example_does_what_its_comments_say(example):
    with example as server:
        answer = server.ask("/", headers={"X-Api-Key": "ann"})
        assert (answer.status, answer["x-ratelimit-remaining"]) == (200, "99")
        assert server.ask("/search", headers={"X-Api-Key": "ann"})["x-ratelimit-remaining"] in ("89", "90")
        assert server.ask("/", headers={"X-Api-Key": "bob"})["x-ratelimit-remaining"] == "99"
        assert server.statuses(11, "/login") == [401] * 10 + [429]
        begin = time.monotonic()
        assert server.statuses(3, "/downloads/file") == [200] * 3
        assert time.monotonic() - begin > 0.95
        assert set(server.statuses(30, "/health")) == {204}
