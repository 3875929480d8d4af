"""A wrong configuration is refused with the reason, what would be right, and the line."""

import re

import pytest
from server import wait_for

ZONE = 'sluice_zone $binary_remote_addr zone=one:1m policy="token-bucket 100/s burst=200";'

# What stands in the http block, what is said of it, and in which of its lines.
WRONG = {
    "no zone": (
        'sluice_zone all policy="token-bucket 1/s" on_full=deny;',
        'must have "zone" parameter, such as zone=api:10m',
        1,
    ),
    "no policy": ("sluice_zone all zone=one:1m on_full=deny;", 'must have "policy" parameter', 1),
    "no arguments": ("sluice_zone all;", 'invalid number of arguments in "sluice_zone" directive', 1),
    "no size": (
        'sluice_zone all zone=one policy="token-bucket 1/s";',
        'invalid zone "zone=one"; it is zone=NAME:SIZE',
        1,
    ),
    "no name": ('sluice_zone all zone=:1m policy="token-bucket 1/s";', 'invalid zone "zone=:1m"', 1),
    "size": ('sluice_zone all zone=one:x policy="token-bucket 1/s";', 'invalid zone size "zone=one:x"', 1),
    "negative size": ('sluice_zone all zone=one:-1m policy="token-bucket 1/s";', 'invalid zone size "zone=one:-1m"', 1),
    "too small": (
        'sluice_zone all zone=one:1k policy="token-bucket 1/s";',
        'zone "zone=one:1k" is too small; the smallest size is 2k, for ',
        1,
    ),
    "zero": ('sluice_zone all zone=one:0 policy="token-bucket 1/s";', "is too small; the smallest size is 2k", 1),
    "too large": ('sluice_zone all zone=one:9999999999g policy="token-bucket 1/s";', "invalid zone size", 1),
    "algorithm": ('sluice_zone all zone=one:1m policy="token-buckets 100/s";', '"token-buckets" is no algorithm', 1),
    "rate": (
        '\n\nsluice_zone all zone=one:1m policy="token-bucket 100 per s";',
        "column 17: a '/' and a period are missing",
        3,
    ),
    "range": ('sluice_zone all zone=one:1m policy="token-bucket 5000000000/s";', "the largest is 4294967295", 1),
    "quote": ('sluice_zone all zone=one:1m policy="token-bucket 100/s;', "no closing quote after", 1),
    "empty policy": ('sluice_zone all zone=one:1m policy="";', "an algorithm is missing; one of fixed-window", 1),
    "on_full": (
        'sluice_zone all zone=one:1m policy="token-bucket 1/s" on_full=burn;',
        'invalid parameter "on_full=burn"; it is one of',
        1,
    ),
    "parameter": (
        'sluice_zone all zone=one:1m rate=1r/s policy="token-bucket 1/s";',
        'invalid parameter "rate=1r/s"',
        1,
    ),
    "two zones": (
        'sluice_zone all zone=one:1m zone=two:1m policy="token-bucket 1/s";',
        '"zone=two:1m" repeats or contradicts a parameter before it',
        1,
    ),
    "two policies": (
        'sluice_zone all zone=one:1m policy="token-bucket 1/s" policy="token-bucket 2/s";',
        "repeats or contradicts a parameter before it",
        1,
    ),
    "two on_full": (
        'sluice_zone all zone=one:1m policy="token-bucket 1/s" on_full=evict on_full=deny;',
        '"on_full=deny" repeats or contradicts a parameter before it',
        1,
    ),
    "empty key": (
        'sluice_zone "" zone=one:1m policy="token-bucket 1/s";',
        "has an empty key, by which nobody would be limited",
        1,
    ),
    "policy without its quotes": (
        "sluice_zone all zone=one:1m policy=token-bucket 1/s;",
        "a rate is missing, such as 100/s",
        1,
    ),
    "key": ('sluice_zone $nobody zone=one:1m policy="token-bucket 1/s";', 'unknown "nobody" variable', None),
    "twice": (ZONE + "\n" + ZONE, 'sluice_zone "one" is already bound to key "$binary_remote_addr"', 2),
    "two sizes": (ZONE + "\n" + ZONE.replace("1m", "2m"), "conflicts with already declared size", 2),
    "two uses": (f"limit_req_zone all zone=one:1m rate=1r/s;\n{ZONE}", "is already declared for a different use", 2),
    "two zones for one limit": (
        f"{ZONE}\nsluice zone=one zone=two;",
        '"zone=two" repeats or contradicts a parameter before it',
        2,
    ),
    "two costs": (f"{ZONE}\nsluice zone=one cost=1 cost=2;", '"cost=2" repeats or contradicts', 2),
    "two delays": (f"{ZONE}\nsluice zone=one nodelay delay=2;", '"delay=2" repeats or contradicts', 2),
    "no delay twice": (f"{ZONE}\nsluice zone=one nodelay nodelay;", '"nodelay" repeats or contradicts', 2),
    "in an if": (
        f"{ZONE}\nserver {{ location / {{\nif ($arg_x) {{ sluice zone=one; }} }} }}",
        '"sluice" directive is not allowed here',
        3,
    ),
    "where": (f"server {{\n{ZONE}\n}}", '"sluice_zone" directive is not allowed here', 2),
    "unknown zone": (f"{ZONE}\nserver {{\nsluice zone=two;\n}}", 'zone "two" is not declared by any "sluice_zone"', 3),
    "limit without a zone": (f"{ZONE}\nsluice cost=2;", '"sluice" must have "zone" parameter', 2),
    "same zone twice": (f"{ZONE}\nsluice zone=one;\nsluice zone=one;", '"sluice" directive is duplicate', 3),
    "off and a zone": (f"{ZONE}\nsluice off;\nsluice zone=one;", 'is switched off by "sluice off" on this level', 3),
    "a zone and off": (f"{ZONE}\nsluice zone=one;\nsluice off;", "has zones on this level already", 3),
    "off with more": (f"{ZONE}\nsluice off zone=one;", 'invalid parameter "zone=one" after "off"', 2),
    "limit_req's words": (
        f"{ZONE}\nsluice zone=one burst=5;",
        'invalid parameter "burst=5"; it is one of zone=NAME',
        2,
    ),
    "cost": (f"{ZONE}\nsluice zone=one cost=2.5;", 'invalid cost "cost=2.5"; it is a whole number', 2),
    "no cost": (f"{ZONE}\nsluice zone=one cost=;", 'invalid cost "cost="', 2),
    "delay": (f"{ZONE}\nsluice zone=one delay=x;", 'invalid delay value "delay=x"', 2),
    "no delay at all": (f"{ZONE}\nsluice zone=one delay=0;", 'invalid delay value "delay=0"', 2),
    "zone's name": ('sluice_zone all "zone=caf\u00e9:1m" policy="token-bucket 1/s";', "invalid zone name", 1),
    "zone's long name": (f'sluice_zone all zone={"x" * 65}:1m policy="token-bucket 1/s";', "invalid zone name", 1),
    "family": ("sluice_headers x-rate;", 'invalid parameter "x-rate"; it is some of x-ratelimit', 1),
    "no family": ("sluice_headers denials;", 'must name a family beside "denials"', 1),
    "families that do not go together": ("sluice_headers ietf draft-07;", "IETF and DRAFT_07 cannot go together", 1),
    "off and a family": ("sluice_headers off ietf;", '"sluice_headers" directive has "off" beside others', 1),
    "headers twice": ("sluice_headers ietf;\nsluice_headers ietf;", '"sluice_headers" directive is duplicate', 2),
    "a family twice": ("sluice_headers ietf ietf;", '"ietf" repeats or contradicts', 1),
    "denials twice": ("sluice_headers ietf denials denials;", '"denials" repeats or contradicts', 1),
    "no headers": ("sluice_headers;", 'invalid number of arguments in "sluice_headers" directive', 1),
    "status that is no number": ("sluice_status x;", '"sluice_status" directive invalid number', 1),
    "body twice": ("sluice_body off;\nsluice_body off;", '"sluice_body" directive is duplicate', 2),
    "body": ("sluice_body xml;", 'invalid value "xml"', 1),
    "status": ("sluice_status 200;", "value must be between 400 and 599", 1),
    "log level": ("sluice_log_level loud;", 'invalid value "loud"', 1),
    "dry run": ("sluice_dry_run perhaps;", 'invalid value "perhaps"', 1),
}


@pytest.mark.parametrize("kind", WRONG)
def test_a_wrong_configuration_is_refused_with_the_reason_and_the_line(nginx, kind):
    http, reason, line = WRONG[kind]
    server = nginx("# here\n" + http + "\nserver { listen 127.0.0.1:PORT; }\n")
    status, words = server.test()
    assert status == 1 and "[emerg]" in words, words
    assert reason in words
    if line is not None:
        here = (
            server.config.read_text()
            .splitlines()
            .index(next(row for row in server.config.read_text().splitlines() if "# here" in row))
            + 1
        )
        assert re.search(rf"in {re.escape(str(server.config))}:{here + line}\b", words), words


RIGHT = [
    'policy="token-bucket 100/s burst=200"',
    "policy='token-bucket 100/s burst=200'",
    '"policy=token-bucket 100/s burst=200"',
    'policy="token-bucket   100r/s\n      burst=200"',
    'policy="sliding-window 100/60m" on_full=deny',
    'on_full=allow policy="fixed-window 5000/1h"',
    'policy="leaky-bucket 1/min"',
]


@pytest.mark.parametrize("parameters", RIGHT)
@pytest.mark.parametrize("size", ["2k", "64k", "1M", "1g", "12345678"])
def test_a_right_one_is_accepted(nginx, parameters, size):
    text = f"sluice_zone $binary_remote_addr zone=one:{size} {parameters}; sluice zone=one cost=3;"
    status, words = nginx(text + "server { listen 127.0.0.1:PORT; }").test()
    assert status == 0, words


def test_a_zone_may_be_declared_after_its_use(nginx):
    text = f"server {{ listen 127.0.0.1:PORT; sluice zone=one; location / {{ empty_gif; }} }} {ZONE}"
    with nginx(text) as server:
        assert server.statuses(1) == [200]


def test_a_reload_with_a_wrong_configuration_leaves_the_server_as_it_is(nginx):
    text = 'sluice_zone all zone=one:1m policy="fixed-window 2/3653d"; server { listen 127.0.0.1:PORT; location / { sluice zone=one; empty_gif; } }'
    with nginx(text) as server:
        assert server.statuses(1) == [200]
        server.write(text.replace("fixed-window", "fixed"))
        server.process.send_signal(1)
        wait_for(lambda: '"fixed" is no algorithm' in server.log(), "the error")
        assert server.statuses(2) == [200, 429]
