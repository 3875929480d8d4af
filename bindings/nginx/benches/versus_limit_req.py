#!/usr/bin/env python3
"""What the module costs: beside no limiter, and beside limit_req, in the same nginx at the same time.

    bindings/nginx/build
    bindings/nginx/benches/versus_limit_req.py [--file] [--rounds N] [--seconds N] [--keys N] [--json] [VARIANT...]
    bindings/nginx/benches/versus_limit_req.py --instructions

Throughput: one worker serves a picture of 43 bytes from memory, the quickest answer that nginx has past its access phase,
to wrk on the other core; with --file, a file of 4 KiB, and writes a line to the log of each. Rounds go over all variants
(or those that are named, and none) in an order of chance; each variant's figure is the median, and its ratio to "none" the
median of the ratios within rounds. Where others use the machine too, the second figure is the one to look at: the time that
the worker's processor took for a request, user's and kernel's.

Instructions: of a worker that serves requests one by one on one connection, by valgrind, a difference of two runs: exact,
whatever else the machine does.
"""

import argparse
import json
import random
import re
import statistics
import sys
import tempfile
from http.client import HTTPConnection
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from server import Nginx, children, wait_for, wrk

# Limits that are never reached, as most requests meet them; and one that always is.
CONFIGURATION = """
limit_req_zone {key} zone=theirs:64m rate=1000000r/s;
limit_req_zone {key} zone=theirs-too:64m rate=1000000r/s;
limit_req_zone {key} zone=their-no:64m rate=1r/m;
sluice_zone {key} zone=ours:64m policy="token-bucket 1000000/s";
sluice_zone {key} zone=ours-too:64m policy="token-bucket 1000000/s";
sluice_zone {key} zone=our-window:64m policy="fixed-window 1000000000/s";
sluice_zone {key} zone=our-no:64m policy="fixed-window 1/3653d";
limit_req_log_level info;
limit_req_status 429;
sluice_log_level info;
{more}
server {{
    listen 127.0.0.1:PORT;
    keepalive_requests 1000000000;
    location /none {{ empty_gif; }}
    location /limit_req {{ limit_req zone=theirs burst=1000000 nodelay; empty_gif; }}
    location /sluice {{ sluice zone=ours; empty_gif; }}
    location /sluice-window {{ sluice zone=our-window; empty_gif; }}
    location /sluice-headers {{ sluice zone=ours; sluice_headers x-ratelimit ietf; empty_gif; }}
    location /two-limit_req {{ limit_req zone=theirs burst=1000000 nodelay;
                              limit_req zone=theirs-too burst=1000000 nodelay; empty_gif; }}
    location /two-sluice {{ sluice zone=ours; sluice zone=ours-too; empty_gif; }}
    location /no-limit_req {{ limit_req zone=their-no nodelay; empty_gif; }}
    location /no-sluice-plain {{ sluice zone=our-no; sluice_headers off; sluice_body off; empty_gif; }}
    location /no-sluice {{ sluice zone=our-no; empty_gif; }}
}}
"""
FILE = "sendfile on; tcp_nopush on; access_log HOME/access.log;"
PASSING = ["none", "limit_req", "sluice", "sluice-window", "sluice-headers", "two-limit_req", "two-sluice"]
DENYING = ["no-limit_req", "no-sluice-plain", "no-sluice"]

# Keys in no order, from a generator that is the same for all.
MANY_KEYS = """
local state = 1
function request()
    state = (state * 1103515245 + 12345) % 2147483648
    return wrk.format("GET", "{path}?k=" .. (state % {keys}))
end
"""


def throughput(server, variants, rounds, seconds, keys):
    """Answers a second, and the worker's time for each in microseconds, of each variant in each round."""
    (pid,) = server.worker_pids()
    rates, times = {variant: [] for variant in variants}, {variant: [] for variant in variants}
    for _ in range(rounds):
        for variant in random.sample(variants, len(variants)):
            script = None
            if keys > 1:
                script = server.home / "keys.lua"
                script.write_text(MANY_KEYS.format(path=f"/{variant}", keys=keys))
            before = time_used(pid)
            total, refused, report = wrk(
                server, f"/{variant}", seconds=seconds, threads=1, connections=32, script=script
            )
            assert refused == 0, report
            times[variant].append((time_used(pid) - before) / total)
            rates[variant].append(float(re.search(r"Requests/sec: *([\d.]+)", report)[1]))
    return rates, times


def time_used(pid):
    """For how many microseconds a process has had a processor."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1000


def configuration(*, keys=1, file=False):
    text = CONFIGURATION.format(key="$binary_remote_addr" if keys == 1 else "$arg_k", more=FILE if file else "")
    # A location without a handler of its own serves files: each has one of its name.
    return text.replace("empty_gif;", "root HOME/html;") if file else text


def measure_throughput(arguments):
    variants = ["none", *(arguments.variants or PASSING[1:])]
    with tempfile.TemporaryDirectory() as home:
        server = Nginx(home, configuration(keys=arguments.keys, file=arguments.file), level="crit")
        for variant in variants:
            (server.home / "html" / variant).write_bytes(b"x" * 4096)
        with server:
            throughput(server, variants, 1, 1, arguments.keys)
            rates, times = throughput(server, variants, arguments.rounds, arguments.seconds, arguments.keys)
    result = {}
    for variant in variants:
        result[variant] = {
            "per_second": statistics.median(rates[variant]),
            "ratio_to_none": ratio(rates[variant], rates["none"]),
            "microseconds": statistics.median(times[variant]),
            "time_ratio_to_none": ratio(times[variant], times["none"]),
        }
    if arguments.json:
        print(json.dumps(result, indent=1))
        return
    what = "4 KiB files, logged" if arguments.file else "43 bytes"
    print(f"{what}, {arguments.keys} keys, {arguments.rounds} rounds of {arguments.seconds} s, medians")
    for variant, numbers in result.items():
        print(
            f"{variant:16} {numbers['per_second']:10.0f}/s  {100 * numbers['ratio_to_none']:6.2f} % of none   "
            f"{numbers['microseconds']:6.2f} us  {100 * numbers['time_ratio_to_none']:6.2f} % of none"
        )


def ratio(own, none):
    """The median of the ratios within rounds."""
    return statistics.median(one / other for one, other in zip(own, none))


class UnderCallgrind(Nginx):
    """With its only worker's instructions counted."""

    def command(self, *options):
        out = f"--callgrind-out-file={self.home}/callgrind.%p"
        return ["valgrind", "--tool=callgrind", "--trace-children=yes", "-q", out, *super().command(*options)]

    def worker_pids(self):
        return children(self.process.pid)


def instructions(variant, requests):
    """Those of a worker's whole life in which it serves so many requests."""
    with tempfile.TemporaryDirectory() as home:
        # The worker, which belongs to another user, leaves its counts there.
        Path(home).chmod(0o777)
        with UnderCallgrind(home, configuration(), level="crit") as server:
            (pid,) = wait_for(server.worker_pids, "the worker")
            connection = HTTPConnection("127.0.0.1", server.port)
            for _ in range(requests):
                connection.request("GET", f"/{variant}")
                response = connection.getresponse()
                response.read()
            connection.close()
        counted = Path(home, f"callgrind.{pid}").read_text()
    return int(re.search(r"^(?:summary|totals): (\d+)", counted, re.MULTILINE)[1])


def measure_instructions(arguments):
    few, many = 500, 2500
    each = {}
    for variant in PASSING + DENYING:
        each[variant] = (instructions(variant, many) - instructions(variant, few)) / (many - few)
    if arguments.json:
        print(json.dumps(each, indent=1))
        return
    print("instructions of a worker for each request")
    for variant, number in each.items():
        print(f"{variant:16} {number:8.0f}   {number - each['none']:+7.0f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "variants", nargs="*", metavar="VARIANT", help=f"some of {', '.join(PASSING[1:])}; all unless said"
    )
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--seconds", type=int, default=2)
    parser.add_argument("--keys", type=int, default=1)
    parser.add_argument("--file", action="store_true")
    parser.add_argument("--instructions", action="store_true")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    if unknown := set(arguments.variants) - set(PASSING[1:]):
        parser.error(f"{', '.join(sorted(unknown))}: no such variant; see --help")
    (measure_instructions if arguments.instructions else measure_throughput)(arguments)


if __name__ == "__main__":
    main()
