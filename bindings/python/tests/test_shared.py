"""One table for several processes: by its file, whatever becomes of the processes and of the file."""

import copy
import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from sluicegate import (
    ArgumentError,
    ClosedError,
    Limiter,
    ManualClock,
    SluicegateOSError,
    TableFormatError,
    TableMismatchError,
)

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="shared tables need Linux")

LIMIT = 20_000
POLICY = f"fixed-window {LIMIT}/3653d"
PROCESSES = 4


@pytest.fixture
def path(tmp_path):
    return tmp_path / "table"


def admitted(limiter, asks=LIMIT // 2):
    """How many of so many requests a process gets through, half of them in batches."""
    batches = sum(sum(limiter.check_many(["ann"] * 100).allowed) for _ in range(asks // 200))
    return batches + sum(limiter.check("ann").allowed for _ in range(asks // 2))


def ask_by_path(path, begin, results):
    limiter = Limiter(POLICY, 1_000, path=path)
    begin.wait()
    results.put(admitted(limiter))


def ask_by_inheritance(limiter, begin, results):
    begin.wait()
    results.put(admitted(limiter))


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")  # of 3.12, where other tests have left threads behind
@pytest.mark.parametrize(
    ("method", "ask"), [("spawn", ask_by_path), ("fork", ask_by_path), ("fork", ask_by_inheritance)]
)
def test_processes_that_share_a_table_get_exactly_the_limit(path, method, ask):
    shared = Limiter(POLICY, 1_000, path=path) if ask is ask_by_inheritance else path
    context = multiprocessing.get_context(method)
    begin, results = context.Barrier(PROCESSES), context.Queue()
    processes = [context.Process(target=ask, args=(shared, begin, results)) for _ in range(PROCESSES)]
    for process in processes:
        process.start()
    assert sum(results.get() for _ in processes) == LIMIT
    for process in processes:
        process.join()
        assert process.exitcode == 0
    assert not Limiter(POLICY, 1_000, path=path).check("ann")


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_child_of_os_fork_shares_the_table_and_leaves_it_to_the_parent(path):
    limiter = Limiter("fixed-window 5/3653d", path=path, max_keys=10)
    child = os.fork()
    if child == 0:
        asked = [limiter.check("ann").allowed for _ in range(3)]
        limiter.close()
        os._exit(0 if all(asked) else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert [limiter.check("ann").allowed for _ in range(3)] == [True, True, False]


ASK_FOR_EVER = """
import sys
from sluicegate import Limiter
limiter = Limiter(sys.argv[1], 1_000, path=sys.argv[2])
while True:
    answers = limiter.check_many(["ann", "bob"]).allowed
    sys.stdout.write("x" * answers[0])
    sys.stdout.flush()
"""


def test_processes_that_are_killed_take_nothing_with_them_but_what_they_were_at(path):
    limiter = Limiter(POLICY, 1_000, path=path)
    seen = 0
    for _ in range(10):
        with subprocess.Popen([sys.executable, "-c", ASK_FOR_EVER, POLICY, path], stdout=subprocess.PIPE) as process:
            process.stdout.read(20)
            process.send_signal(signal.SIGKILL)
            seen += 20 + len(process.stdout.read())
    mine = sum(limiter.check_many(["ann"] * LIMIT).allowed)
    # What a process was admitted and killed before it could say so is lost to all.
    assert LIMIT - 10 <= seen + mine <= LIMIT


def test_the_file_keeps_the_state_and_is_its_owners_alone(path):
    for asked in ([True, True], [True, False]):
        with Limiter("fixed-window 3/3653d", path=path, max_keys=10) as limiter:
            assert [limiter.check("ann").allowed for _ in range(2)] == asked
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.stat().st_size == Limiter("fixed-window 3/3653d", path=path, max_keys=10).stats().memory_bytes


def test_a_limiter_tells_its_path(path):
    name = path.with_name("caf\udce9\n")
    limiter = Limiter("token-bucket 5/s", path=name, max_keys=10)
    assert limiter.path == str(name)
    assert repr(limiter).endswith(f"max_keys=10 path={str(name)!r}>")
    assert name.exists()
    for same in (str(name), os.fsencode(name)):
        assert Limiter("token-bucket 5/s", path=same, max_keys=10).check("ann", 5).allowed
        limiter.reset("ann")
    assert Limiter("token-bucket 5/s").path is None


def test_another_policy_or_size_is_an_error_that_names_both(path):
    limiter = Limiter("token-bucket 5/h", path=path, max_keys=10)
    limiter.check("ann")
    with pytest.raises(
        TableMismatchError, match=r'"token-bucket 5/h", not "token-bucket 6/h"; ask for the same'
    ) as told:
        Limiter("token-bucket 6/h", path=path, max_keys=10)
    assert isinstance(told.value, ValueError)
    assert str(path) in str(told.value)
    for replace in (False, True):
        with pytest.raises(TableMismatchError, match="is 10, not 11"):
            Limiter("token-bucket 5/h", path=path, max_keys=11, replace=replace)
    assert limiter.is_current()
    assert limiter.check("ann").remaining == 3


def test_replace_keeps_what_has_been_consumed_and_the_old_limiter_knows(path):
    old = Limiter("token-bucket 5/h", path=path, max_keys=10)
    old.check("ann", 3)
    new = Limiter("token-bucket 10/h", path=path, max_keys=10, replace=True)
    assert (old.is_current(), new.is_current()) == (False, True)
    assert new.check("ann").remaining == 6
    assert old.check("ann").remaining == 1
    path.unlink()
    assert not new.is_current()
    assert Limiter("token-bucket 5/h").is_current()


@pytest.mark.parametrize("content", [b"", b"hello", bytes(100_000), b"sluicegt" * 10_000])
def test_what_is_no_table_is_refused_and_left_as_it_is(path, content):
    path.write_bytes(content)
    for replace in (False, True):
        with pytest.raises(TableFormatError, match="cannot be used as a table") as told:
            Limiter("token-bucket 5/s", path=path, max_keys=10, replace=replace)
        assert isinstance(told.value, ValueError)
    assert path.read_bytes() == content


def test_a_damaged_or_cut_table_is_refused(path):
    Limiter("token-bucket 5/s", path=path, max_keys=10).close()
    whole = path.read_bytes()
    for damaged in (whole[:-1], whole + b"\0", whole[:40] + b"\xff" + whole[41:]):
        path.write_bytes(damaged)
        with pytest.raises(TableFormatError):
            Limiter("token-bucket 5/s", path=path, max_keys=10)


def test_places_where_no_table_can_be(tmp_path):
    for place in (tmp_path, tmp_path / "not" / "there", "", tmp_path / ("x" * 300)):
        with pytest.raises(SluicegateOSError, match="cannot ") as told:
            Limiter("token-bucket 5/s", path=place)
        assert isinstance(told.value, OSError)
    with pytest.raises(TableFormatError, match="no regular file"):
        Limiter("token-bucket 5/s", path="/dev/null")
    assert list(tmp_path.iterdir()) == []


def test_wrong_arguments_make_nothing(path):
    with pytest.raises(ArgumentError, match="there is a zero byte in it"):
        Limiter("token-bucket 5/s", path=f"{path}\0")
    with pytest.raises(ArgumentError, match="replace needs a path"):
        Limiter("token-bucket 5/s", replace=True)
    for wrong in (5, 1.5, ["a"], Limiter):
        with pytest.raises(TypeError):
            Limiter("token-bucket 5/s", path=wrong)
    for wrong in (1, None, "yes"):
        with pytest.raises(TypeError, match="replace must be True or False"):
            Limiter("token-bucket 5/s", path=path, replace=wrong)
    with pytest.raises(ArgumentError, match="max_keys is 0"):
        Limiter("token-bucket 5/s", 0, path=path)
    assert not path.exists()


def test_a_closed_limiter_is_not_asked_for_its_file(path):
    limiter = Limiter("token-bucket 5/s", path=path, max_keys=10)
    limiter.close()
    with pytest.raises(ClosedError):
        limiter.is_current()
    assert path.exists()


def test_a_limiter_is_not_copied_but_opened_by_its_path(path):
    limiter = Limiter("token-bucket 5/s", path=path, max_keys=10)
    for attempt in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError, match="make one with the same path there"):
            attempt(limiter)


def test_every_clock_serves_a_shared_table(path):
    clock = ManualClock(1_700_000_000_000_000_000)
    replay = Limiter("token-bucket 1/s", path=path, max_keys=10, clock=clock)
    assert [replay.check("replay").allowed for _ in range(2)] == [True, False]
    clock.advance(1)
    assert replay.check("replay")
    for name in ("monotonic", "coarse"):
        named = Limiter("token-bucket 1/s", path=path, max_keys=10, clock=name)
        assert [named.check(name).allowed for _ in range(2)] == [True, False]


def test_many_threads_that_open_and_close_one_table_get_exactly_the_limit(path):
    results = []

    def ask():
        for _ in range(50):
            with Limiter("fixed-window 100/3653d", path=path, max_keys=10) as limiter:
                results.append(limiter.check("ann").allowed)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (sum(results), len(results)) == (100, 400)
    assert [entry.name for entry in Path(path).parent.iterdir()] == ["table"]
