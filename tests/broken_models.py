#!/usr/bin/env python3
"""Proves that the loom models in src/table/models.rs can fail: takes out one step of the protocol after another.

    tests/broken_models.py [PART-OF-A-NAME...]

Each mutant is one change of a copy of this tree, together with the model that must notice it. The models run on
the unbroken copy first, since a model that always fails would prove nothing ($MODELS_PASSED says that they were). Builds go to $LOOM_TARGET_DIR, or to a
directory that is thrown away. Needs cargo and python3 alone.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

# What a model may take that does not notice anything, in seconds.
TIMEOUT = 120

INSERT = "src/table/insert.rs"
CHARGE = "src/table/charge.rs"
REFUND = "src/table/refund.rs"
TABLE = "src/table/mod.rs"
SUCCESSION = "src/table/succession.rs"

FIRST_REQUESTS = "two_first_requests_for_one_key"
COMES_BACK = "a_key_that_comes_back_and_one_that_wants_its_slot"
BUCKET_COMES_BACK = "interleavings::a_bucket_that_comes_back"
NEIGHBOURS = "neighbouring_homes_that_want_one_slot"
NEVER_MORE = "requests_for_one_key_never_get_more"
REFUNDED = "a_refund_never_reaches_the_next_owner"
EVICTION = "an_eviction_takes_the_least_consumed_key"
STOPS_AT_HOME = "holds_up_nobody_of_its_home"
EVICTED_REFUND = "interleavings::a_refund_of_an_evicted_key"
RESET = "interleavings::a_key_that_is_reset_and_comes_again"
KEPT = "a_key_keeps_what_it_has_consumed_while_the_policy_is_replaced"
MOVED = "a_key_is_moved_with_all_that_others_charge_while_the_policy_is_replaced"
NEW_KEY = "a_new_key_is_counted_while_the_policy_is_replaced"
STOPS_OVER_EXPIRED = "a_thread_that_stops_in_an_insert_over_an_expired_slot"

# name, file, text that is there exactly once, text instead, the model that must fail
MUTANTS = [
    ("bound without being frozen", INSERT, "if !self.freeze(home, header, candidate) {", "if false {", COMES_BACK),
    (
        "frozen whatever the state is by now",
        INSERT,
        "seat.slot, state, frozen).is_ok()",
        "seat.slot, self.state(self.bucket_of(home, seat), seat.slot), frozen).is_ok()",
        COMES_BACK,
    ),
    ("handed over without being frozen", INSERT, "if !still_frozen {", "if false {", COMES_BACK),
    (
        "tag changed before the freeze",
        INSERT,
        "candidate.is_frozen() ||",
        "let next = candidate.tag.succeeded_by(header.fingerprint(), seat.displacement);\n"
        "self.move_tag(self.bucket_of(home, seat), seat.slot, candidate.tag, next);\n"
        "candidate.is_frozen() ||",
        COMES_BACK,
    ),
    ("first word not reserved", INSERT, "(tag.version() << 1 | RESERVED)", "(tag.version() << 1)", COMES_BACK),
    (
        "inserts in the way not finished",
        INSERT,
        "self.finish(home, header, call);\n        } else {\n            self.thaw",
        "} else {\n            self.thaw",
        STOPS_OVER_EXPIRED,
    ),
    (
        "inserts of one home not finished",
        INSERT,
        "self.finish(key.home, header, call);\n            } else if",
        "} else if",
        STOPS_AT_HOME,
    ),
    ("insert never over", INSERT, "if is_over {", "if false {", FIRST_REQUESTS),
    ("reach not noted", INSERT, "survey.reach.max(candidate.seat.displacement)", "survey.reach", NEIGHBOURS),
    ("no grace after a refund", INSERT, "{ self.rule.memory_ns() } else", "{ 0 } else", REFUNDED),
    (
        "no mark of a refund",
        REFUND,
        "= tag.is_refunded() || self.move_tag(bucket, slot, tag, marked.tag);",
        "= true;",
        REFUNDED,
    ),
    (
        "owner not looked at again elsewhere",
        CHARGE,
        "place.is_still_its_keys().then_some(word)",
        "Some(word)",
        COMES_BACK,
    ),
    (
        "owner not looked at again at home",
        CHARGE,
        "&& Tag(read(tag_word)).is_same_owner(tag);",
        ";",
        BUCKET_COMES_BACK,
    ),
    (
        "load and store instead of a swap",
        TABLE,
        "word.compare_exchange(from, to, Ordering::AcqRel, Ordering::Acquire).map(drop)",
        "match word.load(Ordering::Acquire) {\n        seen if seen == from => Ok(word.store(to, Ordering::Release)),\n"
        "        seen => Err(seen),\n    }",
        NEVER_MORE,
    ),
    ("mark of a refund not looked for", INSERT, "candidate.seat.slot) == candidate.tag;", "0).0 != 1;", EVICTED_REFUND),
    (
        "no slot of its own for a key that was reset",
        INSERT,
        "&& !tag.was_of(header.fingerprint(), seat.displacement);",
        ";",
        RESET,
    ),
    ("heaviest key evicted", INSERT, "rank < least)", "rank >= least)", EVICTION),
    ("stage not looked at again", SUCCESSION, "(stage.number() < self.closes_at()).then", "true.then", KEPT),
    ("key not moved before its request", SUCCESSION, "self.table.take_key(old, key, now);", "_ = (old, key);", KEPT),
    ("no fence after a charge", SUCCESSION, "in `take_key`.\n        fence_after_swap();", "", KEPT),
    ("no fence before a move", SUCCESSION, "is seen here.\n        fence(Ordering::SeqCst);\n        let word", "\n        let word", MOVED),
    ("no fence before all moves", SUCCESSION, "is seen here.\n        fence(Ordering::SeqCst);\n        for", "\n        for", NEW_KEY),
    ("key begun twice", SUCCESSION, "present > self.rule.fresh_marks() ||", "false ||", KEPT),
]


def run_models(tree, target, filters, timeout=TIMEOUT):
    """The exit code and the output of the models that match any filter; a build that fails ends the script."""
    under_loom = not filters[0].startswith("interleavings::")
    env = dict(os.environ, RUSTFLAGS="--cfg loom" if under_loom else "")
    env["CARGO_TARGET_DIR"] = str(target if under_loom else target / "interleavings")
    build = ["cargo", "test", "--release", "--lib"]
    built = subprocess.run([*build, "--no-run"], cwd=tree, env=env, text=True, capture_output=True)
    if built.returncode != 0:
        sys.exit(f"the build failed:\n{built.stderr}")
    # A group of its own: cargo does not take the model with it when it is ended.
    run = subprocess.Popen(
        [*build, "--", *filters], cwd=tree, env=env, text=True, start_new_session=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )
    try:
        output, _ = run.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        os.killpg(run.pid, signal.SIGKILL)
        run.communicate()
        return None, f"no end within {timeout} s"
    return run.returncode, output


def is_caught(code, output):
    return code not in (None, 0) and ("panicked" in output or "exceeded" in output)


def survives(tree, target, mutant):
    """Breaks the copy, runs the mutant's model, mends the copy."""
    name, file, old, new, model = mutant
    path = tree / file
    text = path.read_text()
    if text.count(old) != 1:
        sys.exit(f"{name}: this text is {text.count(old)} times in {file}, not once:\n{old}")
    path.write_text(text.replace(old, new))
    try:
        return not is_caught(*run_models(tree, target, [model]))
    finally:
        path.write_text(text)


def main():
    chosen = [mutant for mutant in MUTANTS if not sys.argv[1:] or any(part in mutant[0] for part in sys.argv[1:])]
    with tempfile.TemporaryDirectory() as directory:
        tree = Path(directory) / "tree"
        target = Path(os.environ.get("LOOM_TARGET_DIR", Path(directory) / "target")).absolute()
        root = Path(__file__).resolve().parent.parent
        # With times of its own: cargo would take a build of an earlier run for one of this, whose files are older.
        shutil.copytree(root, tree, copy_function=shutil.copy, ignore=shutil.ignore_patterns("target", ".git", "__pycache__"))
        for model in sorted({mutant[4] for mutant in chosen}) if "MODELS_PASSED" not in os.environ else []:
            code, output = run_models(tree, target, [model], timeout=5 * TIMEOUT)
            if code != 0:
                sys.exit(f"{model} fails, or does not end, on the unbroken code:\n{output}")
        survivors = []
        for mutant in chosen:
            lives = survives(tree, target, mutant)
            print(f"{'SURVIVES' if lives else 'caught'}: {mutant[0]} ({mutant[4]})", flush=True)
            survivors += [mutant[0]] * lives
    if survivors:
        sys.exit(f"{len(survivors)} broken tables passed their model: {', '.join(survivors)}")
    print(f"all {len(chosen)} broken tables were caught")


if __name__ == "__main__":
    main()
