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
FIND = "src/table/find.rs"
PLACES = "src/table/places.rs"
CHARGE = "src/table/charge.rs"
REFUND = "src/table/refund.rs"
TABLE = "src/table/mod.rs"
SUCCESSION = "src/table/succession.rs"

FIRST_REQUESTS = "two_first_requests_for_one_key"
FULL_FOR_ONE = "a_key_whose_home_is_full_for_one"
TWO_AWAY = "a_key_that_goes_to_two_places"
COMES_BACK = "a_key_that_comes_back_and_one_that_wants_its_slot"
BUCKET_COMES_BACK = "interleavings::a_bucket_that_comes_back"
REACH_LOWERED = "a_key_that_spills_while_the_reach"
NEVER_MORE = "requests_for_one_key_never_get_more"
REFUNDED = "a_refund_never_reaches_the_next_owner"
EVICTION = "an_eviction_takes_the_least_consumed_key"
STOPS_AT_HOME = "holds_up_nobody_of_its_home"
EVICTED_REFUND = "interleavings::a_refund_of_an_evicted_key"
REFUND_AND_REUSE = "interleavings::a_refund_and_an_insert"
REFUND_AND_RESET = "interleavings::a_key_that_is_refunded_and_reset"
TWICE = "interleavings::a_key_that_comes_twice_at_once"
RESET = "interleavings::a_key_that_is_reset_and_comes_again"
KILLED_OVER_EXPIRED = "kills::an_expired_slot_is_anybodys"
KEPT = "a_key_keeps_what_it_has_consumed_while_the_policy_is_replaced"
MOVED = "a_key_is_moved_with_all_that_others_charge_while_the_policy_is_replaced"
NEW_KEY = "a_new_key_is_counted_while_the_policy_is_replaced"

# name, file, text that is there exactly once, text instead, the model that must fail
MUTANTS = [
    ("claimed without being frozen", INSERT, "None => Frozen::returnable(place.tag, self.rule.forgotten_at(place.state)),", "None => return Some(place.state),", COMES_BACK),
    (
        "frozen whatever the state is by now",
        INSERT,
        "place.move_state(frozen.state()).then_some(frozen.state())",
        "swap(place.state_word, super::read(place.state_word), frozen.state()).is_ok().then_some(frozen.state())",
        COMES_BACK,
    ),
    (
        "claimed whatever the tag is by now",
        INSERT,
        "if !place.move_tag(tag) {",
        "if swap(place.tag_word, super::read(place.tag_word), tag.0).is_err() {",
        COMES_BACK,
    ),
    (
        "mark of a refund not looked for",
        INSERT,
        "if !place.move_tag(tag) {",
        "if !place.move_tag(tag) && swap(place.tag_word, place.tag.refunded().0, tag.0).is_err() {",
        EVICTED_REFUND,
    ),
    (
        "word put back whatever the state is by now",
        INSERT,
        "let _ = swap(place.state_word, frozen, place.state);",
        "let _ = swap(place.state_word, super::read(place.state_word), place.state + 0 * frozen);",
        REFUND_AND_RESET,
    ),
    ("gone while its word may be put back", FIND, "let is_settled = !place.is_returnable();", "let is_settled = true;", REFUND_AND_RESET),
    (
        "key's own place taken from it",
        INSERT,
        "if Frozen::is_word(place.state) && place.tag.is_of(",
        "if false && place.tag.is_of(",
        TWICE,
    ),
    ("not looked for again", INSERT, "(is_only_place || self.is_kept(key, &place, call)) && place", "place", FULL_FOR_ONE),
    ("not looked for beyond the home at once", INSERT, "at_home.is_only(place.slot) && !self.may_have_spilled(key, seen),", "at_home.is_only(place.slot),", FULL_FOR_ONE),
    ("not looked for beyond the home whatever has come there", FIND, "seen != Some(self.header(key.home))", "seen.is_none()", FULL_FOR_ONE),
    ("not looked for at home", INSERT, "_ => at_home.is_empty() && is_alone_away,", "_ => is_alone_away,", FULL_FOR_ONE),
    ("not looked for whoever else has gone from home", INSERT, "return seen == Some(header);", "return true;", TWO_AWAY),
    ("no fence before it is looked for", INSERT, "        fence_after_swap();\n", "", FULL_FOR_ONE),
    ("not looked for beyond the home", INSERT, "reach = self.reach(key.home);", "reach = 0;", FULL_FOR_ONE),
    ("another awaited place left", INSERT, "Standing::Awaited => self.vacate(&other),", "Standing::Awaited => true,", FULL_FOR_ONE),
    ("another charged place left", INSERT, "Standing::Charged => true,", "Standing::Charged => return true,", FULL_FOR_ONE),
    (
        "completed whatever the state is by now",
        INSERT,
        "call)) && place.move_state(word)",
        "call)) && swap(place.state_word, super::read(place.state_word), word).is_ok()",
        FIRST_REQUESTS,
    ),
    ("reach not extended", INSERT, " && self.extend_reach(key.home, place.displacement, seen, call);", ";", REACH_LOWERED),
    (
        "reach lowered whoever has come",
        INSERT,
        "self.move_header(home, header, header.with_reach(reach));",
        "self.move_header(home, self.header(home), header.with_reach(reach));",
        REACH_LOWERED,
    ),
    (
        "header left that reaches far enough",
        INSERT,
        "            let header = self.header(home);\n            if self.move",
        "            let header = self.header(home);\n            if header.reach() >= displacement || self.move",
        REACH_LOWERED,
    ),
    (
        "awaited keys not completed by others",
        CHARGE,
        "Found::Here(place) => return Ok(Some(place)),",
        "Found::Here(_) => return Ok(None),",
        STOPS_AT_HOME,
    ),
    (
        "frozen slots not claimed by others",
        PLACES,
        "Standing::Vacant => {\n                !is_refunded",
        "Standing::Vacant => {\n                !place.is_returnable() && !is_refunded",
        KILLED_OVER_EXPIRED,
    ),
    ("refunded slots that were released never claimed", PLACES, "frozen.forgotten_at() <= now", "false & (frozen.forgotten_at() <= now)", REFUND_AND_REUSE),
    ("no grace after a refund", PLACES, "Standing::Charged if is_refunded =>", "Standing::Charged if false =>", REFUNDED),
    (
        "no mark of a refund",
        REFUND,
        "= place.tag.is_refunded() || place.move_tag(tag);",
        "= true;",
        REFUNDED,
    ),
    (
        "owner not looked at again elsewhere",
        CHARGE,
        "if place.is_still_its_keys() {\n                    let",
        "if true {\n                    let",
        COMES_BACK,
    ),
    (
        "owner not looked at again at home",
        CHARGE,
        "&& Tag(read(tag_word)) == tag;",
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
    (
        "no slot of its own for a key that was reset",
        CHARGE,
        "Found::WasHere(place) => Candidate { place, evicts: false },",
        "Found::WasHere(_) => self.choose(key, self.bucket(key.home).not_after(self.rule.last_expired(call.now)), first_word, call).ok_or(NoRoom)?,",
        RESET,
    ),
    ("heavy key evicted with a lighter one near", PLACES, "if least <= light {", "if true {", EVICTION),
    ("stage not looked at again", SUCCESSION, "(stage.number() < self.closes_at()).then", "true.then", KEPT),
    ("key not moved before its request", SUCCESSION, "self.table.take_key(old, key, now);", "_ = (old, key);", KEPT),
    ("no fence after a charge", SUCCESSION, "charged by a swap.\n        fence_after_swap();", "charged by a swap.", KEPT),
    ("no fence before a move", SUCCESSION, "is seen here.\n        fence(Ordering::SeqCst);\n        let word", "\n        let word", MOVED),
    ("no fence before all moves", SUCCESSION, "is seen here.\n        fence(Ordering::SeqCst);\n        for", "\n        for", NEW_KEY),
    (
        "key begun twice",
        SUCCESSION,
        "= found\n                && place.standing() == Standing::Charged",
        "= found\n                && place.state == 0",
        KEPT,
    ),
]


def run_models(tree, target, filters, timeout=TIMEOUT):
    """The exit code and the output of the models that match any filter; a build that fails ends the script."""
    under_loom = not filters[0].startswith(("interleavings::", "kills::"))
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
