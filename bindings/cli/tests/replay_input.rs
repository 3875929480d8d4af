//! What `sluice replay` makes of good, odd and damaged input.

mod common;

use std::io::Read;
use std::process::Stdio;

use common::{Ran, combined, file, gzip, log_of, run, run_on, sluice};

const POLICY: [&str; 2] = ["--policy", "fixed-window 5/1m"];

fn replay(arguments: &[&str]) -> Ran {
    run(&[&["replay"], arguments, &POLICY].concat())
}

fn replay_on(input: &[u8], arguments: &[&str]) -> Ran {
    run_on(input, &[&["replay"], arguments, &POLICY].concat())
}

#[test]
fn gzip_is_told_by_its_bytes_in_files_and_on_standard_input() {
    let directory = tempfile::tempdir().unwrap();
    let log = log_of(&["10.0.0.1"], 100);
    let packed = gzip(log.as_bytes());
    let misnamed = file(directory.path(), "packed.log", &packed);
    let plain = file(directory.path(), "plain.gz", &log);
    for ran in [
        replay(&[&misnamed, "--json"]),
        replay(&[&plain, "--json"]),
        replay_on(&packed, &["--json"]),
        replay_on(&packed, &["-", "--json"]),
        replay_on(log.as_bytes(), &["--json"]),
    ] {
        let json = ran.json();
        assert_eq!(json["lines"], 100);
        assert_eq!(json["policies"][0]["admitted"], 10);
    }
}

#[test]
fn gzip_files_appended_to_each_other_are_read_to_the_end() {
    let log = log_of(&["10.0.0.1"], 50);
    let twice = [gzip(log.as_bytes()), gzip(log.as_bytes())].concat();
    assert_eq!(replay_on(&twice, &["--json"]).json()["lines"], 100);
}

#[test]
fn several_logs_are_one_stream_in_the_order_given() {
    let directory = tempfile::tempdir().unwrap();
    let first = file(directory.path(), "1", combined("a", 0).repeat(3));
    let second = file(directory.path(), "2", gzip(combined("a", 1).repeat(3).as_bytes()));
    let json = replay(&[&first, &second, "--json"]).json();
    assert_eq!(json["lines"], 6);
    assert_eq!(json["policies"][0]["denied"], 1);
}

#[test]
fn damaged_lines_are_counted_and_shown_and_not_fatal() {
    let damaged = [
        "garbage",
        "",
        "{\"ts\":",
        "{\"ts\":1431856800",
        "10.0.0.1 - - [99/May/2015:10:00:00 +0000] \"GET / HTTP/1.1\" 200 5",
        "10.0.0.1 - - [17/May/2015:10:00:00 +0000] \"GET /cut",
        "\u{0}\u{1}\u{2}",
        "]]]][[[[[[[[[",
    ];
    let mut log = String::new();
    for at in 0..1_000 {
        log += &combined("10.0.0.1", at / 10);
        log += damaged[at as usize % damaged.len()];
        log.push('\n');
    }
    let json = replay_on(log.as_bytes(), &["--json"]).json();
    assert_eq!(json["lines"], 2_000);
    assert_eq!(json["skipped"], 1_000);
    assert_eq!(json["policies"][0]["admitted"], 10);
    assert_eq!(json["policies"][0]["denied"], 990);
    assert_eq!(json["unreadable"][0]["line"], 2);
    let ran = replay_on(log.as_bytes(), &[]);
    assert_eq!(ran.code, 0);
    assert!(ran.out.contains("1,000 lines skipped"), "{}", ran.out);
    assert!(ran.out.contains("line 2: no time"), "{}", ran.out);
}

#[test]
fn a_line_without_end_is_passed_over() {
    let mut log = combined("10.0.0.1", 0).into_bytes();
    log.extend(std::iter::repeat_n(b'x', 5_000_000));
    log.push(b'\n');
    log.extend_from_slice(combined("10.0.0.1", 1).as_bytes());
    let json = replay_on(&log, &["--json"]).json();
    assert_eq!(json["lines"], 3);
    assert_eq!(json["skipped"], 1);
    assert_eq!(json["policies"][0]["admitted"], 2);
}

#[test]
fn windows_line_ends_and_a_missing_last_one_do_no_harm() {
    let log = log_of(&["10.0.0.1"], 3).replace('\n', "\r\n");
    let json = replay_on(log.trim_end().as_bytes(), &["--json"]).json();
    assert_eq!(json["lines"], 3);
    assert_eq!(json["skipped"], 0);
}

#[test]
fn a_cut_gzip_file_is_told_up_to_the_cut_and_fails() {
    let directory = tempfile::tempdir().unwrap();
    let hosts: Vec<String> = (0..50_u32).map(|n| format!("10.{}.7.{n}", n * 37 % 251)).collect();
    let hosts: Vec<&str> = hosts.iter().map(String::as_str).collect();
    let packed = gzip(log_of(&hosts, 600).as_bytes());
    let cut = file(directory.path(), "cut.gz", &packed[..packed.len() / 2]);
    let ran = replay(&[&cut]);
    assert_eq!(ran.code, 1);
    assert!(ran.only_error_line().contains("cut.gz beyond line"), "{}", ran.err);
    assert!(ran.out.contains("fixed-window 5/m"), "{}", ran.out);
}

#[test]
fn gzip_that_is_damaged_from_the_start_fails_clearly() {
    let ran = replay_on(b"\x1f\x8bnothing of the kind", &[]);
    assert_eq!(ran.code, 1);
    assert!(ran.only_error_line().contains("standard input"));
    assert_eq!(ran.out, "");
}

#[test]
fn input_without_a_readable_line_fails_with_the_reason() {
    let empty = replay_on(b"", &[]);
    assert_eq!(empty.code, 1);
    assert!(empty.only_error_line().contains("empty"));
    let unreadable = replay_on(b"one\ntwo\n", &["--json"]);
    assert_eq!(unreadable.code, 1);
    assert_eq!(unreadable.out, "");
    assert!(unreadable.only_error_line().contains("line 1: no time"));
}

#[test]
fn what_cannot_be_opened_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let missing = directory.path().join("missing.log");
    let ran = replay(&[missing.to_str().unwrap()]);
    assert_eq!(ran.code, 1);
    assert!(ran.only_error_line().contains("missing.log"));
    let ran = replay(&[directory.path().to_str().unwrap()]);
    assert_eq!(ran.code, 1);
    assert!(ran.only_error_line().contains("directory"));
}

#[test]
fn wrong_usage_is_one_line_and_exit_code_2() {
    for (arguments, told) in [
        (&["replay"][..], "--policy"),
        (&["replay", "--policy", "token-bucket ten/s"], "ten"),
        (&["replay", "--policy", "bucket 1/s"], "bucket"),
        (&["replay", "--policy", "fixed-window 5/1m", "--key", "cookie"], "field:NAME"),
        (&["replay", "--policy", "fixed-window 5/1m", "--format", "xml"], "common"),
        (&["replay", "--policy", "fixed-window 5/1m", "--max-keys", "0"], "--max-keys"),
        (&["replay", "--policy", "fixed-window 5/1m", "-", "-"], "standard input"),
        (&["reply"], "replay"),
        (&[], "--help"),
    ] {
        let ran = run(arguments);
        assert_eq!(ran.code, 2, "{arguments:?}: {}", ran.err);
        assert!(ran.only_error_line().contains(told), "{}", ran.err);
    }
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let directory = tempfile::tempdir().unwrap();
    let hosts: Vec<String> = (0..5_000).map(|n| format!("host-{n}")).collect();
    let hosts: Vec<&str> = hosts.iter().map(String::as_str).collect();
    let log = file(directory.path(), "a.log", log_of(&hosts, 8));
    let mut child = sluice()
        .args(["replay", &log, "--top", "5000", "--policy", "fixed-window 1/1h"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = [0; 1];
    let mut stdout = child.stdout.take().unwrap();
    stdout.read_exact(&mut first).unwrap();
    drop(stdout);
    let output = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    assert_eq!(output.status.code(), Some(0));
}
