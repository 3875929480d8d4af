"""The benchmarks run. What they measure is the machine's, and is not judged here."""

import subprocess
import sys
from pathlib import Path

import pytest

BENCHES = Path(__file__).parents[1] / "benches"


@pytest.mark.parametrize("name", ["call_alternatives.py", "middleware.py", "versus_limits.py"])
def test_a_benchmark_prints_its_table(name):
    command = [sys.executable, BENCHES / name, "--rounds", "1"]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    rows = [line for line in printed.splitlines() if line.startswith("| ")]
    assert len(rows) > 7, printed
    assert len({row.count("|") for row in rows}) == 1
