#!/usr/bin/env python3
"""Ten million log lines stream through `sluice replay` from a pipe, in memory that does not grow with them.

Prints lines per second of processor time and the peak of memory after one million and after ten million lines. Fails if
a line is lost, or if nine million more lines of the same clients cost more memory than noise. The speed is printed,
not judged: it is the machine's.
"""

import json
import os
import resource
import subprocess
import sys
import threading

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
CLIENTS = 100_000
BLOCK = 10_000
NOISE_KIB = 8 * 1024


def block(number):
    """The lines of one block: ten minutes, every client now and then."""
    day, minutes = divmod(number * 10, 24 * 60)
    lines = []
    for index in range(BLOCK):
        client = (number * BLOCK + index) * 7919 % CLIENTS
        minute = minutes + index * 10 // BLOCK
        lines.append(
            f"10.{client >> 16}.{client >> 8 & 255}.{client & 255} - - "
            f"[{day + 1:02}/Jan/2026:{minute // 60:02}:{minute % 60:02}:{index % 60:02} +0000] "
            f'"GET /page/{index % 97}?q={index} HTTP/1.1" 200 {index} "http://example.com/" "Mozilla/5.0 (X11)"\n'
        )
    return "".join(lines).encode()


def replay(sluice, lines):
    """Seconds of processor time and peak KiB for that many lines."""
    command = [sluice, "replay", "-", "--json", "--policy", "token-bucket 10/min"]
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def feed():
        for number in range(lines // BLOCK):
            child.stdin.write(block(number))
        child.stdin.close()

    feeding = threading.Thread(target=feed)
    feeding.start()
    report = json.loads(child.stdout.read())
    feeding.join()
    _, status, usage = os.wait4(child.pid, 0)
    assert status == 0, f"sluice replay ended with status {status}"
    policy = report["policies"][0]
    counted = policy["admitted"] + policy["denied"]
    assert (report["lines"], report["skipped"], counted) == (lines, 0, lines), report
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss


def main():
    build = ["cargo", "build", "--release", "--bin", "sluice", "--message-format=json"]
    built = subprocess.run(build, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout
    artifacts = [json.loads(line) for line in built.splitlines()]
    sluice = next(a["executable"] for a in artifacts if a.get("executable") and a["target"]["name"] == "sluice")
    peaks = []
    for lines in (1_000_000, 10_000_000):
        seconds, peak = replay(sluice, lines)
        print(f"{lines:>10} lines: {lines / seconds / 1e6:.2f} million a second and core, peak {peak} KiB", flush=True)
        peaks.append(peak)
    if peaks[1] - peaks[0] > NOISE_KIB:
        sys.exit(f"memory grew by {peaks[1] - peaks[0]} KiB over nine million more lines")


if __name__ == "__main__":
    main()
