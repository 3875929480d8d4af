"""A minute is 60 seconds, an hour 3600, a day 86400."""

import time

import pytest


@pytest.mark.parametrize(
    ("rate", "seconds"), [("1/m", 60), ("1/h", 3600), ("1/d", 86400), ("3/h", 1200), ("7/d", 12343)]
)
@pytest.mark.parametrize("algorithm", ["token-bucket", "leaky-bucket"])
def test_low_rates_are_what_they_say(nginx, rate, seconds, algorithm):
    text = f"""
    sluice_zone all zone=one:1m policy="{algorithm} {rate} burst=1";
    server {{ listen 127.0.0.1:PORT; add_header X-Reset $sluice_reset always; location / {{ sluice zone=one; empty_gif; }} }}
    """
    with nginx(text) as server:
        first, second = server.ask(), server.ask()
        assert (first.status, second.status) == (200, 429)
        assert seconds - 1 <= int(second["retry-after"]) <= seconds
        assert abs(int(first["x-reset"]) - time.time() - seconds) < 2


@pytest.mark.long
def test_one_request_a_minute_means_sixty_seconds(nginx):
    """limit_req rounds the rate to thousandths of a request a second: to 62.5 seconds."""
    text = """
    sluice_zone all zone=ours:1m policy="token-bucket 1/m";
    limit_req_zone $host zone=theirs:1m rate=1r/m;
    server { listen 127.0.0.1:PORT; location /ours { sluice zone=ours; empty_gif; }
             location /theirs { limit_req zone=theirs; limit_req_status 429; empty_gif; } }
    """
    with nginx(text) as server:
        begin = time.monotonic()
        assert server.statuses(2, "/ours") == server.statuses(2, "/theirs") == [200, 429]
        time.sleep(begin + 59.5 - time.monotonic())
        assert server.statuses(1, "/ours") == server.statuses(1, "/theirs") == [429]
        time.sleep(begin + 61 - time.monotonic())
        assert server.statuses(1, "/ours") == [200]
        assert server.statuses(1, "/theirs") == [429]
        time.sleep(begin + 64 - time.monotonic())
        assert server.statuses(1, "/theirs") == [200]
