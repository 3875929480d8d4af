"""The Python in the READMEs runs, and what it says is so."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1]
ROOT = PACKAGE.parents[1]


def examples():
    for readme in (PACKAGE / "README.md", ROOT / "README.md"):
        blocks = re.findall(r"```python\n(.*?)```", readme.read_text(encoding="utf-8"), re.DOTALL)
        for number, block in enumerate(blocks, 1):
            yield pytest.param(block, id=f"{readme.relative_to(ROOT)} {number}")


@pytest.mark.parametrize("program", list(examples()))
def test_an_example_runs(program):
    ended = subprocess.run([sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")


def test_both_readmes_have_examples():
    found = [example.id for example in examples()]
    assert any(name.startswith("README.md") for name in found)
    assert any(name.startswith("bindings") for name in found)


def test_what_the_readme_names_is_there():
    text = (PACKAGE / "README.md").read_text(encoding="utf-8")
    named = re.findall(r"`((?:examples|benches|tests)/[\w/.]+)`", text)
    assert named
    for name in named:
        assert (PACKAGE / name).exists(), name
