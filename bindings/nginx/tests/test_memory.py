"""Nothing is lost or overrun over reloads, under valgrind."""

import re
import shutil
import signal

import pytest
import server as servers
from server import Nginx, children, wait_for

CONFIGURATION = """
sluice_zone $arg_k zone=one:64k policy="{policy}";
sluice_zone $arg_k zone=two:64k policy="leaky-bucket 10/s burst=20";
sluice_headers x-ratelimit ietf;
server {{
    listen 127.0.0.1:PORT;
    location / {{ sluice zone=one cost=$arg_cost; sluice zone=two; empty_gif; }}
    location /html {{ sluice zone=one; sluice_status 430; sluice_body html; empty_gif; }}
}}
"""


class UnderValgrind(Nginx):
    def command(self, *options):
        log = f"--log-file={self.home}/valgrind.%p"
        return [
            "valgrind",
            "--leak-check=full",
            "--show-leak-kinds=all",
            "--trace-children=yes",
            log,
            *super().command(*options),
        ]

    def worker_pids(self):
        # They cannot change their titles there.
        return children(self.process.pid)


@pytest.mark.long
@pytest.mark.skipif(shutil.which("valgrind") is None, reason="valgrind is not installed")
def test_nothing_is_lost_or_overrun_over_reloads(tmp_path, monkeypatch):
    monkeypatch.setattr(servers, "PATIENCE_S", 120)
    policies = ["fixed-window 5/3653d", "token-bucket 9/3653d", "sliding-window 7/3653d", "token-bucket 9/3653d"]
    with UnderValgrind(tmp_path, CONFIGURATION.format(policy=policies[0])) as server:
        for turn in range(8):
            for key in range(20):
                server.ask(f"/?k={key}&cost={turn % 3}")
                server.ask(f"/html?k={turn}", headers={"Accept": "text/html"})
            server.reload(CONFIGURATION.format(policy=policies[turn % 4]))
        server.write("nonsense;")
        server.process.send_signal(signal.SIGHUP)
        wait_for(lambda: 'unknown directive "nonsense"' in server.log(), "the error")
    logs = {path.name: path.read_text() for path in tmp_path.glob("valgrind.*")}
    assert len(logs) >= 9, "the master and its workers"
    for name, log in logs.items():
        # What the module has allocated is given back with the configuration, all of it; nginx itself keeps and loses a few
        # blocks.
        reports = [part for part in re.split(r"\n==\d+== \n", log) if "Command:" not in part]
        ours = [part for part in reports if "sluice" in part]
        assert not ours, f"{name}: " + "\n".join(ours)
        assert "Invalid" not in log and "uninitialised" not in log, log
