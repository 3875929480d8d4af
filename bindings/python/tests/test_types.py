"""What a type checker makes of the package, and of programs that use it."""

import subprocess
import sys
from pathlib import Path

import pytest

import sluicegate

PACKAGE = Path(__file__).parents[1]
pytest.importorskip("mypy")

USES = """
import time
from pathlib import Path
from typing import Optional

from sluicegate import Decision, Key, Limiter, ManualClock, RateLimited, Reason, http, identity, retry

limiter = Limiter("token-bucket 5/s", 1_000, on_full="deny", clock=time.time_ns)
Limiter("token-bucket 5/s", clock=ManualClock())
shared = Limiter("token-bucket 5/s", path=Path("/dev/shm/types.table"), replace=True)
Limiter("token-bucket 5/s", path=b"/dev/shm/types.table")
current: bool = shared.is_current()
where: Optional[str] = shared.path
decision = limiter.check("ann", 2)
seconds: Optional[float] = decision.retry_after
ns: Optional[int] = decision.retry_after_ns
whole: int = decision.limit + decision.remaining + decision.reset_after_ns + decision.delay_ns
always: float = decision.reset_after + decision.delay
reason: Reason = decision.reason
verdicts: list[bool] = limiter.check_many(["ann", b"bob", ("carl", 2)]).allowed
first: Decision = limiter.check_many(key for key in ["ann"])[0]
several: list[Decision] = limiter.check_many(("ann", "bob"))[:1]
settings = http.Settings(families=["ietf"], retry_after="http-date", code="plan_quota_exceeded")
verdict = http.Verdict(http.Quota("name", limiter), decision, 2, "a key")
answer = http.Answer([verdict, verdict], now_ns=limiter.now_ns(), settings=settings)
pairs: list[tuple[str, str]] = answer.headers
wait: Optional[int] = answer.retry_after
chosen: http.BodyFormat = http.body_format(None, ["html", "text"])
body: Optional[http.Body] = http.Answer(verdict).body(chosen)
client: identity.Client = identity.Identity(["10.0.0.0/8"], embedded=["nat64"]).client("10.0.0.1", ["203.0.113.10"])
compound: bytes = identity.key(client, user="ann", header=("X-Api-Key", b"k1"), route="/export")
advice: retry.Advice = retry.RetryPolicy(budget=(100, 20)).decide("GET", 429, {"Retry-After": "7"})
pause: Optional[float] = advice.seconds if isinstance(advice, retry.RetryIn) else advice.come_back
said: Optional[float] = retry.server_hint([(b"Retry-After", b"7"), ("Date", "")]).wait


def key_of(name: str, rows: int) -> Key:
    return name


@limiter.limit(key=key_of, cost=lambda name, rows: rows)
def export(name: str, rows: int) -> list[str]:
    return [name] * rows


@limiter.limit("everybody")
async def fetch(address: str) -> bytes:
    async with limiter.limit(b"inner") as inner:
        return str(inner.remaining).encode()


def use() -> None:
    rows: list[str] = export("ann", rows=5)
    try:
        with limiter.limit("ann") as allowed:
            print(allowed.remaining, rows)
    except RateLimited as denied:
        print(denied.key, denied.decision, denied.retry_after)


async def use_async() -> bytes:
    return await fetch("address")
"""
MISUSES = {
    "limiter.check(5)": "arg-type",
    'limiter.check("ann", "2")': "arg-type",
    'limiter.check("ann").limit = 5': "misc",
    'Limiter("token-bucket 5/s", on_full="drop")': "arg-type",
    'Limiter("token-bucket 5/s", clock="sundial")': "arg-type",
    'Limiter("token-bucket 5/s", path=5)': "arg-type",
    "limiter.check_many([5])": "list-item",
    'http.Settings(families=["ietf", "draft-12"])': "list-item",
    'http.Answer(verdict).body("yaml")': "arg-type",
    'identity.Identity(embedded=["nat46"])': "list-item",
    "retry.RetryPolicy(budget=5)": "arg-type",
    'export("ann")': "call-arg",
    'print(limiter.check("ann").retry_after + 1)': "operator",
}


def mypy(*arguments, cwd):
    command = [sys.executable, "-m", "mypy", "--strict", "--no-incremental", "--cache-dir", "/dev/null", *arguments]
    checked = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    return checked.returncode, checked.stdout + checked.stderr


def test_the_package_its_benchmarks_and_examples_are_strictly_typed():
    status, said = mypy(cwd=PACKAGE)
    assert status == 0, said


def test_users_see_the_types(tmp_path):
    (tmp_path / "uses.py").write_text(USES)
    status, said = mypy("uses.py", cwd=tmp_path)
    assert status == 0, said


def test_users_are_told_of_mistakes(tmp_path):
    program = USES + "".join(f"\n\ndef misuse_{number}() -> None:\n    {line}\n" for number, line in enumerate(MISUSES))
    (tmp_path / "misuses.py").write_text(program)
    _, said = mypy("misuses.py", cwd=tmp_path)
    errors = [line for line in said.splitlines() if ": error: " in line]
    for number, (line, kind) in enumerate(MISUSES.items()):
        place = program[: program.index(f"def misuse_{number}(")].count("\n") + 2
        assert any(f"misuses.py:{place}:" in error and f"[{kind}]" in error for error in errors), (line, said)
    assert len(errors) == len(MISUSES), said


def test_the_package_says_that_it_is_typed():
    assert (Path(sluicegate.__file__).parent / "py.typed").exists()
