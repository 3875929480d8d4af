"""What a zone keeps when the configuration changes, is refused or is only tested."""

import os
import signal
import socket
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from server import MODULE, Load, children, free_port, wait_for, wrk

CONFIGURATION = """
sluice_zone $binary_remote_addr zone={name}:{size} policy="{policy}" {more};
server {{
    listen 127.0.0.1:PORT;
    keepalive_requests 1000000;
    location / {{ sluice zone={name} nodelay; empty_gif; }}
    location /left {{
        sluice zone={name} cost=0;
        add_header X-Left $sluice_remaining always;
        add_header X-Limit $sluice_limit always;
        empty_gif;
    }}
}}
{extra}
"""


def configuration(policy, name="one", size="1m", more="", extra=""):
    return CONFIGURATION.format(policy=policy, name=name, size=size, more=more, extra=extra)


def left(server):
    answer = server.ask("/left")
    return int(answer["x-limit"]), int(answer["x-left"])


@pytest.mark.parametrize("workers", [1, 4])
def test_what_was_consumed_stays_consumed_over_reloads_with_other_policies(nginx, workers):
    with nginx(configuration("fixed-window 100/3653d"), workers=workers) as server:
        assert server.statuses(30) == [200] * 30
        assert left(server) == (100, 70)
        for policy, expected in [
            ("fixed-window 100/3653d", (100, 70)),
            ("fixed-window 200/3653d", (200, 170)),
            ("token-bucket 60/3653d burst=50", (60, 20)),
            ("leaky-bucket 10/3653d", (10, 0)),
            ("sliding-window 90/3653d", (90, 80)),
        ]:
            server.reload(configuration(policy))
            assert left(server) == expected, policy
        assert server.statuses(82) == [200] * 80 + [429] * 2


def test_a_reload_with_another_rate_under_load_admits_no_more_than_the_new_limit(nginx):
    """Old and new workers, which serve side by side for a while, enforce the new policy from one instant on."""
    first, second = 40_000, 60_000
    with nginx(configuration(f"fixed-window {first}/3653d"), workers=4, level="crit") as server:
        results = []
        thread = threading.Thread(target=lambda: results.append(wrk(server, seconds=3)))
        thread.start()
        wait_for(lambda: left(server)[1] < first // 2, "half of the limit to be used up")
        server.reload(configuration(f"token-bucket {second}/3653d"))
        thread.join()
        total, refused, report = results[0]
        assert left(server) == (second, 0), report
        # Each worker may have been in the middle of a request in the very instant, which is then charged twice.
        assert second - 8 <= total - refused <= second, report


def test_a_limit_that_is_lowered_under_load_is_in_force_at_once(nginx):
    with nginx(configuration("fixed-window 1000000/3653d"), workers=4, level="crit") as server:
        with Load(server, clients=8):
            wait_for(lambda: left(server)[1] < 1_000_000 - 500, "some load")
            server.reload(configuration("fixed-window 500/3653d"), wait=False)
            wait_for(lambda: left(server) == (500, 0), "the new policy")
            # No old worker admits anything any more, though it still serves.
            after = [left(server) for _ in range(200)]
        assert set(after) == {(500, 0)}


def test_a_zone_of_another_size_begins_anew(nginx):
    with nginx(configuration("fixed-window 10/3653d")) as server:
        assert server.statuses(11)[-1] == 429
        server.reload(configuration("fixed-window 10/3653d", size="2m"))
        assert left(server) == (10, 10)


def test_a_configuration_that_is_refused_changes_nothing(nginx):
    """A zone is looked at before the configuration is accepted: its policy is not replaced before that."""
    with nginx(configuration("fixed-window 10/3653d")) as server:
        assert server.statuses(3) == [200] * 3
        occupied = free_port()
        with socket.socket() as other:
            other.bind(("127.0.0.1", occupied))
            other.listen()
            extra = f"server {{ listen 127.0.0.1:{occupied}; }}"
            server.write(configuration("token-bucket 500/3653d", extra=extra))
            before = server.worker_pids()
            server.process.send_signal(1)
            wait_for(lambda: "still could not bind()" in server.log(), "the configuration to be refused")
        assert server.worker_pids() == before
        assert left(server) == (10, 7)
        (server.home / "error.log").write_text("")


def test_nginx_t_touches_nothing(nginx):
    with nginx(configuration("fixed-window 10/3653d"), workers=2) as server:
        assert server.statuses(3) == [200] * 3
        server.write(configuration("token-bucket 500/3653d"))
        shared = set(os.listdir("/dev/shm"))
        assert server.test()[0] == 0
        assert set(os.listdir("/dev/shm")) == shared
        assert left(server) == (10, 7)


def test_a_worker_that_dies_leaves_the_zone_as_it_is(nginx):
    with nginx(configuration("fixed-window 10/3653d")) as server:
        assert server.statuses(3) == [200] * 3
        (pid,) = server.worker_pids()
        os.kill(pid, 9)
        wait_for(lambda: server.worker_pids() not in ([], [pid]), "another worker")
        assert left(server) == (10, 7)


def test_a_zone_that_goes_and_comes_back_begins_anew(nginx):
    with nginx(configuration("fixed-window 10/3653d")) as server:
        assert server.statuses(3) == [200] * 3
        server.reload(configuration("fixed-window 10/3653d", name="other"))
        assert left(server) == (10, 10)
        server.reload(configuration("fixed-window 10/3653d"))
        assert left(server) == (10, 10)


def test_zones_keep_their_own_through_a_reload_that_adds_others(nginx):
    extra = """
        sluice_zone $server_name zone={0}:64k policy="token-bucket 5/d";
    """
    with nginx(configuration("fixed-window 10/3653d")) as server:
        assert server.statuses(3) == [200] * 3
        for name in ["aaa", "zzz"]:
            server.reload(configuration("fixed-window 10/3653d", extra=extra.format(name)))
            assert left(server) == (10, 7)


def resident_kb(pid):
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0])


def test_memory_does_not_grow_over_reloads(nginx):
    with nginx(configuration("fixed-window 10/3653d", size="8m")) as server:
        sizes = []
        for turn in range(24):
            # A policy that was replaced within the last second makes the next one wait.
            server.reload(configuration(f"fixed-window {10 + turn // 4 % 2}/3653d", size="8m"))
            sizes.append(resident_kb(server.process.pid))
        assert sizes[-1] - sizes[9] < 200, sizes


def test_a_zone_takes_no_memory_before_there_are_keys(nginx):
    with nginx(configuration("fixed-window 10/3653d", size="512m")) as server:
        (pid,) = server.worker_pids()
        # nginx's own description of the pages, and a few of them.
        assert resident_kb(pid) < 30_000
        assert server.statuses(11)[-1] == 429


def test_the_module_shows_nothing_but_nginx_symbols():
    names = subprocess.run(["nm", "-D", "--defined-only", MODULE], capture_output=True, text=True, check=True).stdout
    assert all(line.split()[-1].startswith("ngx_") for line in names.splitlines()), names


def test_keys_by_another_expression_begin_anew_and_those_by_the_old_one_are_kept(nginx):
    """limit_req refuses such a reload."""
    by_address = configuration("fixed-window 10/3653d")
    by_argument = by_address.replace("sluice_zone $binary_remote_addr", "sluice_zone $arg_k")
    with nginx(by_address) as server:
        assert server.statuses(3) == [200] * 3
        server.reload(by_argument)
        assert server.statuses(11, "/?k=ann") == [200] * 10 + [429]
        server.reload(by_address)
        assert left(server) == (10, 7)


def test_what_a_full_zone_does_can_be_changed_by_a_reload(nginx):
    by_argument = configuration("fixed-window 10/3653d", size="2k", more="on_full=deny").replace(
        "sluice_zone $binary_remote_addr", "sluice_zone $arg_k"
    )
    with nginx(by_argument) as server:
        statuses = [server.ask(f"/?k={key}").status for key in range(300)]
        assert statuses[-1] == 503
        server.reload(by_argument.replace("on_full=deny", "on_full=evict"))
        assert [server.ask(f"/?k=new-{key}").status for key in range(100)] == [200] * 100


def test_reloads_at_the_same_time_under_load_lose_and_add_nothing(nginx):
    limit = 40_000
    policies = [f"{algorithm} {limit}/3653d" for algorithm in ("token-bucket", "fixed-window")]
    with nginx(configuration(policies[1]), workers=4, level="crit") as server:
        with ThreadPoolExecutor(1) as pool:
            load = pool.submit(wrk, server, seconds=3)
            for turn in range(20):
                server.write(configuration(policies[turn % 2]))
                for _ in range(3):
                    server.process.send_signal(signal.SIGHUP)
                time.sleep(0.05)
            total, refused, report = load.result()
        wait_for(lambda: len(server.worker_pids()) == 4 == len(children(server.process.pid)), "the old workers to go")
        assert left(server) == (limit, 0), report
        # Each time the policy changes, each worker may be in the middle of a request, which is then charged twice.
        assert limit - 20 * 16 <= total - refused <= limit, report
        assert server.statuses(3) == [429] * 3


def test_workers_limit_on_without_a_master_and_a_new_one_begins_anew(nginx):
    server = nginx(configuration("fixed-window 10/3653d"), workers=2)
    server.start()
    orphans = server.worker_pids()
    try:
        assert server.statuses(3) == [200] * 3
        server.process.kill()
        server.process.wait()
        assert server.statuses(8) == [200] * 7 + [429]
    finally:
        for pid in orphans:
            os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not any(Path(f"/proc/{pid}/exe").exists() for pid in orphans), "the orphans to be gone")
    with server:
        assert left(server) == (10, 10)
