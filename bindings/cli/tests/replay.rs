//! What `sluice replay` reports.

mod common;

use std::collections::HashMap;

use common::{combined, file, log_of, real_log, run, run_on};

const FIVE_A_MINUTE: &str = "fixed-window 5/1m";

#[test]
fn each_key_is_limited_on_its_own_and_in_log_time() {
    let log = log_of(&["10.0.0.1", "10.0.0.2"], 120) + &combined("10.0.0.3", 3);
    let json = run_on(log.as_bytes(), &["replay", "--policy", FIVE_A_MINUTE, "--json"]).json();
    assert_eq!(json["lines"], 241);
    assert_eq!(json["skipped"], 0);
    assert_eq!(json["from"], 1_431_856_800);
    assert_eq!(json["to"], 1_431_856_919);
    let policy = &json["policies"][0];
    assert_eq!(policy["policy"], "fixed-window 5/m");
    assert_eq!(policy["admitted"], 21);
    assert_eq!(policy["denied"], 220);
    assert_eq!(policy["keys"], 3);
    assert_eq!(policy["keys_denied"], 2);
    let worst = policy["worst"].as_array().unwrap();
    assert_eq!(worst.len(), 2);
    assert_eq!(worst[0]["key"], "10.0.0.1");
    assert_eq!(worst[0]["admitted"], 10);
    assert_eq!(worst[0]["denied"], 110);
}

#[test]
fn ipv6_addresses_of_one_network_are_one_key_unless_said() {
    let hosts = ["2001:db8::1", "2001:db8::2", "2001:db8:0:1::1", "::ffff:10.0.0.1", "10.0.0.1"];
    let log = log_of(&hosts, 1);
    let keys = |more: &[&str]| {
        let arguments = [&["replay", "--policy", "fixed-window 1/1d", "--json"], more].concat();
        let json = run_on(log.as_bytes(), &arguments).json();
        let worst = json["policies"][0]["worst"].as_array().unwrap().clone();
        let worst: Vec<_> = worst.iter().map(|key| key["key"].as_str().unwrap().to_owned()).collect();
        (json["policies"][0]["keys"].as_u64().unwrap(), worst)
    };
    assert_eq!(keys(&[]), (3, vec!["2001:db8::/64".to_owned(), "10.0.0.1".to_owned()]));
    assert_eq!(keys(&["--ipv6-prefix", "128"]), (4, vec!["10.0.0.1".to_owned()]));
    assert_eq!(keys(&["--ipv6-prefix", "48"]).0, 2);
    assert_eq!(run(&["replay", "--policy", FIVE_A_MINUTE, "--ipv6-prefix", "0"]).code, 2);
}

#[test]
fn headroom_says_what_would_have_denied_nobody() {
    let log = log_of(&["10.0.0.1"], 90);
    let json = run_on(
        log.as_bytes(),
        &["replay", "--policy", FIVE_A_MINUTE, "--policy", "token-bucket 1/2s burst=3", "--json"],
    )
    .json();
    let window = &json["policies"][0];
    assert_eq!(window["peak"]["requests"], 60);
    assert_eq!(window["peak"]["from"], 1_431_856_800);
    assert_eq!(window["denies_nobody"]["limit"], 60);
    assert_eq!(window["busiest_minute"]["denied"], 55);
    assert_eq!(window["busiest_hour"]["denied"], 80);
    assert_eq!(window["longest_run"]["seconds"], 54.0);
    let burst = json["policies"][1]["denies_nobody"]["burst"].as_u64().unwrap();
    assert_eq!(burst, 46);
    let enough = format!("token-bucket 1/2s burst={burst}");
    let json = run_on(log.as_bytes(), &["replay", "--policy", &enough, "--json"]).json();
    assert_eq!(json["policies"][0]["denied"], 0);
}

#[test]
fn several_policies_stand_side_by_side() {
    let log = log_of(&["10.0.0.1"], 60);
    let ran = run_on(
        log.as_bytes(),
        &[
            "replay",
            "--policy",
            FIVE_A_MINUTE,
            "--policy",
            "sliding-window 10/1m",
            "--policy",
            "leaky-bucket 1/s burst=2",
        ],
    );
    assert_eq!(ran.code, 0, "{}", ran.err);
    for policy in ["fixed-window 5/m", "sliding-window 10/m", "leaky-bucket 1/s burst=2"] {
        assert!(ran.out.contains(policy), "{policy} in {}", ran.out);
    }
    assert!(ran.out.contains("10.0.0.1"));
    assert!(ran.out.contains("Nobody would have been denied."));
}

#[test]
fn the_real_log_comes_out_as_counted_independently() {
    let Some(log) = real_log() else { return };
    let text = String::from_utf8_lossy(&std::fs::read(&log).unwrap()).into_owned();
    let mut windows: HashMap<&str, (String, u64)> = HashMap::new();
    let mut denied = 0;
    for line in text.lines() {
        let host = line.split(' ').next().unwrap();
        // The day and minute, written so that text sorts like time within this one month.
        let minute = line.split('[').nth(1).unwrap()[..17].to_owned();
        let window = windows.entry(host).or_insert((minute.clone(), 0));
        if minute > window.0 {
            *window = (minute, 0);
        }
        match window.1 < 20 {
            true => window.1 += 1,
            false => denied += 1,
        }
    }
    let path = log.to_str().unwrap();
    let json = run(&["replay", path, "--policy", "fixed-window 20/1m", "--json"]).json();
    assert_eq!(json["lines"], 10_000);
    assert_eq!(json["skipped"], 0);
    assert_eq!(json["policies"][0]["keys"], windows.len());
    assert_eq!(json["policies"][0]["denied"], denied);
    assert_eq!(json["policies"][0]["admitted"], 10_000 - denied);
}

#[test]
fn lines_are_taken_in_file_order_each_at_its_own_time() {
    let log = [60, 0, 1, 2, 61].map(|second| combined("10.0.0.1", second));
    let arguments = ["replay", "--policy", "fixed-window 2/1m", "--json"];
    let json = run_on(log.concat().as_bytes(), &arguments).json();
    assert_eq!(json["policies"][0]["admitted"], 2);
    assert_eq!(json["late"], 3);
    assert_eq!(json["from"], 1_431_856_800);
    assert_eq!(json["to"], 1_431_856_861);
}

#[test]
fn json_lines_and_common_lines_may_be_mixed() {
    let log = combined("10.0.0.1", 0)
        + "{\"ts\":1431856801.5,\"remote_addr\":\"10.0.0.1\"}\n"
        + "{\"time\":\"2015-05-17T10:00:02Z\",\"request\":{\"remote_ip\":\"10.0.0.1\"}}\n";
    let arguments = ["replay", "--policy", "fixed-window 1/1h", "--json"];
    let json = run_on(log.as_bytes(), &arguments).json();
    assert_eq!(json["policies"][0]["denied"], 2);
    assert_eq!(json["policies"][0]["keys"], 1);
}

#[test]
fn keys_may_be_users_paths_or_any_field() {
    let log = "{\"ts\":1431856800,\"user\":\"ann\",\"path\":\"/a?x\",\"plan\":{\"id\":7}}\n\
               {\"ts\":1431856801,\"user\":\"-\",\"path\":\"/a?y\",\"plan\":{\"id\":7}}\n\
               {\"ts\":1431856802,\"user\":\"\",\"path\":\"/b\"}\n";
    for (key, unkeyed, denied, worst) in
        [("user", 2, 0, None), ("path", 0, 1, Some("/a")), ("field:plan.id", 1, 1, Some("7"))]
    {
        let policy = "fixed-window 1/1h";
        let arguments = ["replay", "--key", key, "--policy", policy, "--json"];
        let json = run_on(log.as_bytes(), &arguments).json();
        assert_eq!(json["unkeyed"], unkeyed, "{key}");
        assert_eq!(json["policies"][0]["denied"], denied, "{key}");
        assert_eq!(json["policies"][0]["worst"][0]["key"].as_str(), worst);
    }
    let ran = run_on(log.as_bytes(), &["replay", "--key", "user", "--policy", FIVE_A_MINUTE]);
    assert!(ran.out.contains("2 lines without a key"), "{}", ran.out);
}

#[test]
fn more_keys_than_max_keys_are_limited_but_counted_together() {
    let hosts: Vec<String> = (0..50).map(|n| format!("10.0.0.{n}")).collect();
    let hosts: Vec<&str> = hosts.iter().map(String::as_str).collect();
    let log = log_of(&hosts, 10);
    let bounded = ["replay", "--max-keys", "10", "--policy", "fixed-window 3/1h"];
    let json = run_on(log.as_bytes(), &[&bounded[..], &["--json"]].concat()).json();
    let policy = &json["policies"][0];
    assert_eq!(policy["keys"], 10);
    assert_eq!(policy["keys_are_lower_bounds"], true);
    let others = &policy["other_keys"];
    let others = others["admitted"].as_u64().unwrap() + others["denied"].as_u64().unwrap();
    assert_eq!(others, 400);
    let all = policy["admitted"].as_u64().unwrap() + policy["denied"].as_u64().unwrap();
    assert_eq!(all, 500);
    let ran = run_on(log.as_bytes(), &bounded);
    assert!(ran.out.contains("lower bounds"), "{}", ran.out);
}

#[test]
fn top_says_how_many_of_the_worst_are_shown() {
    let log = log_of(&["a", "b", "c", "d"], 5);
    for (top, shown) in [("0", 0), ("2", 2), ("99", 4)] {
        let arguments = ["replay", "--top", top, "--policy", "fixed-window 1/1h", "--json"];
        let json = run_on(log.as_bytes(), &arguments).json();
        let worst = json["policies"][0]["worst"].as_array().unwrap();
        assert_eq!(worst.len(), shown);
    }
}

#[test]
fn hostile_keys_harm_neither_terminal_nor_json_nor_picture() {
    let directory = tempfile::tempdir().unwrap();
    let picture = directory.path().join("out.svg");
    let key = "<script>alert(1)</script>\u{1b}[2J\u{0}\"'&\u{202e}";
    let line = format!("{{\"ts\":1431856800,\"user\":{}}}\n", serde_json::to_string(key).unwrap());
    let log = line.repeat(5);
    let common = ["replay", "--key", "user", "--policy", "fixed-window 1/1h"];
    let plotted = ["--plot", picture.to_str().unwrap()];
    let ran = run_on(log.as_bytes(), &[&common[..], &plotted].concat());
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(!ran.out.contains(['\u{1b}', '\u{0}', '\u{202e}']));
    assert!(ran.out.contains("\\u{1b}"));
    let svg = std::fs::read_to_string(&picture).unwrap();
    let document = roxmltree::Document::parse(&svg).unwrap();
    assert!(!document.descendants().any(|n| n.has_tag_name("script")));
    let json = run_on(log.as_bytes(), &[&common[..], &["--json"]].concat()).json();
    assert_eq!(json["policies"][0]["worst"][0]["key"], key);
}

#[test]
fn a_picture_that_cannot_be_written_is_an_error() {
    let directory = tempfile::tempdir().unwrap();
    let log = file(directory.path(), "a.log", log_of(&["a"], 3));
    let picture = directory.path().join("missing/out.svg");
    let picture = picture.to_str().unwrap();
    let ran = run(&["replay", &log, "--policy", FIVE_A_MINUTE, "--plot", picture]);
    assert_eq!(ran.code, 1);
    assert!(ran.only_error_line().contains("out.svg"));
}
