//! What is told of the work: counters, and lines of denied keys.

mod common;

use std::path::Path;
use std::time::{Duration, Instant};

use common::server::{PATIENCE, Server, ask_at};
use common::{file, python, python_prints};
use serde_json::Value;

/// A server, and the address of its counters.
fn watched(options: &[&str]) -> (Server, String) {
    let mut server = Server::start(&[&["--metrics", "127.0.0.1:0"], options].concat());
    let told = server.told();
    let address =
        told.trim().strip_prefix("metrics on http://").unwrap().strip_suffix("/metrics").unwrap().to_owned();
    (server, address)
}

fn counters(address: &str) -> String {
    ask_at(address, "GET", "/metrics", "").body().to_owned()
}

fn counter(counters: &str, name: &str) -> u64 {
    let line = counters.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("{name}: {counters}")).parse().unwrap()
}

#[test]
fn counters_tell_what_became_of_requests() {
    let directory = tempfile::tempdir().unwrap();
    let text = r#"{"limits": {"key": {"policy": "token-bucket 2/d", "key": "header:X-Api-Key", "missing": "skip", "max_keys": 500},
                              "address": {"policy": "token-bucket 4/d"},
                              "dear": {"policy": "token-bucket 0/d", "key": "header:X-Dear", "missing": "deny"}},
                   "routes": [{"name": "a", "path": "/a", "limits": ["key", "address"]}, {"name": "b", "path": "/b", "limits": ["dear"]}]}"#;
    let (server, metrics) = watched(&["--config", &file(directory.path(), "serve.json", text)]);
    let statuses = [
        ("/a", "X-Api-Key: k\r\n"),
        ("/a", "X-Api-Key: k\r\n"),
        ("/a", "X-Api-Key: k\r\n"),
        ("/a", ""),
        ("/a", ""),
        ("/a", ""),
        ("/b", ""),
        ("/b", "X-Dear: d\r\n"),
        ("/elsewhere", ""),
    ]
    .map(|(path, headers)| server.request("GET", path, headers).status());
    assert_eq!(statuses, [200, 200, 429, 200, 200, 429, 403, 429, 200]);
    server.signal("HUP");
    let began = Instant::now();
    let told = loop {
        let told = counters(&metrics);
        if told.contains("reloads_total{result=\"done\"} 1") || began.elapsed() > PATIENCE {
            break told;
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    for (name, count) in [
        ("sluice_requests_total{route=\"a\",outcome=\"allowed\"}", 4),
        ("sluice_requests_total{route=\"a\",outcome=\"denied\"}", 2),
        ("sluice_requests_total{route=\"b\",outcome=\"refused\"}", 1),
        ("sluice_requests_total{route=\"b\",outcome=\"denied\"}", 1),
        ("sluice_requests_total{route=\"\",outcome=\"unlimited\"}", 1),
        ("sluice_admissions_total{limit=\"key\"}", 2),
        ("sluice_admissions_total{limit=\"address\"}", 4),
        ("sluice_denials_total{limit=\"key\",reason=\"limit\"}", 1),
        ("sluice_denials_total{limit=\"address\",reason=\"limit\"}", 1),
        ("sluice_denials_total{limit=\"dear\",reason=\"cost exceeds limit\"}", 1),
        ("sluice_skips_total{limit=\"key\"}", 3),
        ("sluice_table_live_keys{limit=\"key\"}", 1),
        ("sluice_table_max_keys{limit=\"key\"}", 500),
        ("sluice_table_inserted_keys_total{limit=\"address\"}", 1),
        ("sluice_config_reloads_total{result=\"done\"}", 1),
        ("sluice_config_reloads_total{result=\"refused\"}", 0),
    ] {
        assert_eq!(counter(&told, name), count, "{name}");
    }
    assert_eq!(ask_at(&metrics, "GET", "/", "").status(), 404);
    assert_eq!(ask_at(&metrics, "POST", "/metrics", "").status(), 405);
    assert_eq!(server.request("GET", "/metrics", "").header("content-type"), Some("text/plain; charset=utf-8"));
}

#[test]
fn counters_are_read_by_a_parser_that_is_not_ours_whatever_names_are() {
    let Some(python) = python() else { return };
    let name = r#"a"b\c {d="e"} #"#;
    let (server, metrics) = watched(&["--policy", "token-bucket 1/d", "--name", name]);
    assert_eq!([server.get("").status(), server.get("").status()], [200, 429]);
    let program = "import sys; from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse; \
                   samples = [s for f in parse(sys.argv[1]) for s in f.samples]; \
                   print(len(samples) > 15, [int(s.value) for s in samples \
                         if s.name == 'sluice_denials_total' and s.labels == {'limit': sys.argv[2], 'reason': 'limit'}])";
    assert_eq!(python_prints(&python, &["-c", program, &counters(&metrics), name]), "True [1]");
}

#[test]
fn a_denied_key_has_a_line_of_its_own_with_what_is_needed_to_find_it() {
    let mut server =
        Server::start(&["--policy", "token-bucket 1/d", "--key", "ip+header:X-Api-Key", "--name", "n"]);
    let key = "X-Api-Key: 0123456789abcdef\r\n";
    assert_eq!([(); 3].map(|()| server.request("POST", "/a%20b?c", key).status()), [200, 429, 429]);
    let line: Value = serde_json::from_str(&server.told()).unwrap();
    let expected = serde_json::json!({
        "event": "denied", "route": "all", "limit": "n", "key": {"ip": "127.0.0.1", "header:x-api-key": "0123… (16 characters)"},
        "client": "127.0.0.1", "method": "POST", "path": "/a b", "status": 429, "reason": "limit", "left_out": 0,
    });
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(&line[name], value, "{name}: {line}");
    }
    assert!(
        line["time"].as_str().unwrap().ends_with('Z') && line["retry_after"].as_f64().unwrap() > 80_000.0,
        "{line}"
    );
    server.signal("TERM");
    let rest = server.all_told();
    let last: Value = serde_json::from_str(rest.trim()).unwrap();
    assert_eq!(
        (&last["event"], &last["left_out"]),
        (&"denied".into(), &0.into()),
        "the second, at the end: {last}"
    );
}

/// All lines of a log, once it has `count` of them.
fn lines(log: &Path, count: usize) -> Vec<Value> {
    let began = Instant::now();
    loop {
        let text = std::fs::read_to_string(log).unwrap_or_default();
        let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        if lines.len() >= count {
            return lines;
        }
        assert!(began.elapsed() < PATIENCE, "{text}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// How many denials lines tell of.
fn denials(lines: &[Value]) -> u64 {
    lines.iter().map(|line| line["left_out"].as_u64().unwrap() + u64::from(line["event"] == "denied")).sum()
}

#[test]
fn a_key_has_one_line_in_a_period_and_every_denial_is_told_of_once() {
    let directory = tempfile::tempdir().unwrap();
    let log = directory.path().join("denied.log");
    let options = [
        "--log",
        log.to_str().unwrap(),
        "--log-period",
        "1",
        "--policy",
        "token-bucket 1/d",
        "--key",
        "header:X-Api-Key",
    ];
    let mut server = Server::start(&options);
    let ask = |key: &str, count: usize| {
        let denied = (0..count).filter(|_| server.get(&format!("X-Api-Key: {key}\r\n")).status() == 429);
        denied.count()
    };
    assert_eq!(ask("a", 1) + ask("a", 50) + ask("b", 2), 51);
    let first = lines(&log, 2);
    assert!(first.len() <= 3, "{first:?}");
    let all = lines(&log, 3);
    assert_eq!(denials(&all), 51, "{all:?}");
    assert_eq!(ask("a", 7), 7);
    server.signal("TERM");
    server.child.wait().unwrap();
    let all = lines(&log, 4);
    assert_eq!(denials(&all), 58, "{all:?}");
    assert!(all.len() <= 6, "{all:?}");
}

#[test]
fn a_flood_of_denied_keys_is_told_of_together() {
    let directory = tempfile::tempdir().unwrap();
    let log = directory.path().join("denied.log");
    let options = [
        "--log",
        log.to_str().unwrap(),
        "--log-period",
        "3600",
        "--policy",
        "token-bucket 0/d",
        "--key",
        "header:X-Api-Key",
    ];
    let mut server = Server::start(&options);
    let mut stream = server.connect();
    let count = 12_000_u64;
    let requests: String =
        (0..count).map(|n| format!("GET / HTTP/1.1\r\nHost: a\r\nX-Api-Key: {n}\r\n\r\n")).collect();
    let reader = stream.try_clone().unwrap();
    let reading = std::thread::spawn(move || std::io::copy(&mut &reader, &mut std::io::sink()));
    std::io::Write::write_all(&mut stream, requests.as_bytes()).unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    reading.join().unwrap().unwrap();
    server.signal("TERM");
    server.child.wait().unwrap();
    let all = lines(&log, 1);
    assert!(all.len() < 3000, "{}", all.len());
    assert_eq!(denials(&all), count);
}

#[test]
fn hostile_keys_are_shown_harmlessly_and_whole_where_that_is_asked_for() {
    let options = ["--policy", "token-bucket 0/d", "--key", "header:X-Api-Key+path", "--log-keys", "whole"];
    let mut server = Server::start(&options);
    let value = "\u{202e}\"},\"event\":\"x\" \u{1f600}".to_owned() + &"y".repeat(500);
    assert_eq!(server.request("GET", "/%0a%1b%5b2J%00%ff", &format!("X-Api-Key: {value}\r\n")).status(), 429);
    let line = server.told();
    assert!(line.is_ascii() || !line.contains('\u{202e}'), "{line}");
    assert!(!line.trim_end().contains(|c: char| c.is_control()), "{line:?}");
    let line: Value = serde_json::from_str(&line).unwrap();
    assert!(
        line["key"]["header:x-api-key"].as_str().unwrap().starts_with("\\u{202e}\"},\"event\":\"x\" \u{1f600}yyy"),
        "{line}"
    );
    assert!(line["key"]["header:x-api-key"].as_str().unwrap().chars().count() <= 200);
    assert_eq!(line["path"], "/\\u{a}\\u{1b}[2J\\u{0}\u{fffd}");
    assert_eq!(line["event"], "denied");
}

#[test]
fn a_log_that_was_moved_away_is_opened_anew_on_the_signal() {
    let directory = tempfile::tempdir().unwrap();
    let (log, moved) = (directory.path().join("denied.log"), directory.path().join("denied.log.1"));
    let options = ["--log", log.to_str().unwrap(), "--policy", "token-bucket 0/d", "--key", "header:X-Api-Key"];
    let server = Server::start(&options);
    server.get("X-Api-Key: 1\r\n");
    lines(&log, 1);
    std::fs::rename(&log, &moved).unwrap();
    server.get("X-Api-Key: 2\r\n");
    lines(&moved, 2);
    server.signal("HUP");
    let began = Instant::now();
    while !log.exists() {
        assert!(began.elapsed() < PATIENCE);
        std::thread::sleep(Duration::from_millis(20));
    }
    server.get("X-Api-Key: 3\r\n");
    lines(&log, 1);
    let nowhere = common::run(&["serve", "--listen", "127.0.0.1:0", "--log", "/not/there/log"]);
    assert!(nowhere.code == 1 && nowhere.only_error_line().contains("cannot write the log"), "{}", nowhere.err);
}

#[test]
fn who_is_to_be_quiet_says_nothing_of_all_this() {
    let directory = tempfile::tempdir().unwrap();
    let address = common::proxy::free_address();
    let text =
        r#"{"limits": {"a": {"policy": "token-bucket 0/d"}}, "routes": [{"path": "/**", "limits": ["a"]}]}"#;
    let config = file(directory.path(), "serve.json", text);
    let mut child = common::sluice()
        .args(["serve", "--quiet", "--listen", &address, "--config", &config])
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let began = Instant::now();
    while std::net::TcpStream::connect(&address).is_err() {
        assert!(began.elapsed() < PATIENCE);
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(ask_at(&address, "GET", "/", "").status(), 429);
    let signal =
        |name: &str| std::process::Command::new("kill").args(["-s", name, &child.id().to_string()]).status();
    signal("HUP").unwrap();
    assert_eq!(ask_at(&address, "GET", "/", "").status(), 429);
    signal("TERM").unwrap();
    let mut told = String::new();
    std::io::Read::read_to_string(&mut child.stderr.take().unwrap(), &mut told).unwrap();
    assert_eq!((child.wait().unwrap().code(), told.as_str()), (Some(0), ""));
}
