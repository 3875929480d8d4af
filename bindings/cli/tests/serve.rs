//! What `sluice serve` answers over real connections.

mod common;

use std::io::Read;
use std::net::TcpStream;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use common::run;
use common::server::Server;

fn unix_now() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.unwrap().as_secs()
}

#[test]
fn exactly_the_limit_is_admitted_under_concurrent_clients() {
    let server = Server::start(&["--policy", "token-bucket 1/1d burst=100"]);
    let counts: Vec<(usize, usize)> = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..8)
            .map(|_| {
                scope.spawn(|| {
                    let answers = (0..50).map(|_| server.get("").status());
                    let statuses: Vec<u16> = answers.collect();
                    let of = |status| statuses.iter().filter(|s| **s == status).count();
                    (of(200), of(429))
                })
            })
            .collect();
        clients.into_iter().map(|c| c.join().unwrap()).collect()
    });
    assert_eq!(counts.iter().map(|(ok, _)| ok).sum::<usize>(), 100);
    assert_eq!(counts.iter().map(|(_, no)| no).sum::<usize>(), 300);
}

#[test]
fn one_connection_can_ask_many_times() {
    let server = Server::start(&["--policy", "token-bucket 1/1d burst=2"]);
    let request = "POST /upload HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\n\r\nhello";
    let last = "GET / HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n";
    let answers = server.ask(&[request, request, last].concat());
    assert_eq!(answers.0.matches("HTTP/1.1 200 OK").count(), 2);
    assert_eq!(answers.0.matches("HTTP/1.1 429 Too Many Requests").count(), 1);
}

#[test]
fn every_answer_says_limit_remaining_and_reset() {
    let server = Server::start(&["--policy", "token-bucket 10/1h burst=3"]);
    for remaining in [2, 1, 0] {
        let answer = server.get("");
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.number("x-ratelimit-limit"), 10);
        assert_eq!(answer.number("x-ratelimit-remaining"), remaining);
        assert!(answer.number("x-ratelimit-reset") > unix_now());
        assert!(answer.header("retry-after").is_none());
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert!(answer.body().starts_with("200 OK"));
    }
    let denied = server.get("");
    assert_eq!(denied.status(), 429);
    let wait = denied.number("retry-after");
    assert!((1..=360).contains(&wait), "{wait}");
    assert_eq!(denied.number("x-ratelimit-remaining"), 0);
    assert_eq!(denied.header("cache-control"), Some("no-store"));
    assert_eq!(denied.json()["retryAfter"], wait);
}

#[test]
fn who_obeys_retry_after_is_admitted() {
    let server = Server::start(&["--policy", "fixed-window 1/2s"]);
    let mut answer = server.get("");
    while answer.status() == 200 {
        answer = server.get("");
    }
    let wait = answer.number("retry-after");
    assert!((1..=2).contains(&wait), "{wait}");
    std::thread::sleep(Duration::from_secs(wait));
    assert_eq!(server.get("").status(), 200);
}

#[test]
fn where_waiting_is_no_use_no_retry_after_is_given() {
    let server = Server::start(&["--policy", "fixed-window 0/1m"]);
    let answer = server.get("");
    assert_eq!(answer.status(), 429);
    assert_eq!(answer.header("retry-after"), None);
}

#[test]
fn an_answer_to_head_has_no_body() {
    let server = Server::start(&[]);
    let answer = server.ask("HEAD / HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.body(), "");
}

#[test]
fn a_header_can_be_the_key_and_never_passes_for_an_address() {
    let policy = "token-bucket 1/1d burst=1";
    let server = Server::start(&["--key", "header:X-Api-Key", "--policy", policy]);
    assert_eq!(server.get("X-Api-Key: one\r\n").status(), 200);
    assert_eq!(server.get("x-api-key: one\r\n").status(), 429);
    assert_eq!(server.get("X-Api-Key: two\r\n").status(), 200);
    assert_eq!(server.get("X-Api-Key: 127.0.0.1\r\n").status(), 200);
    assert_eq!(server.get("").status(), 200);
    assert_eq!(server.get("X-Api-Key:\r\n").status(), 429);
}

#[test]
fn a_signal_stops_the_server_and_that_is_no_failure() {
    for signal in ["TERM", "INT"] {
        let mut server = Server::start(&[]);
        assert_eq!(server.get("").status(), 200);
        let _idle = TcpStream::connect(&server.address).unwrap();
        server.signal(signal);
        assert_eq!(server.child.wait().unwrap().code(), Some(0));
        let mut rest = String::new();
        server.stderr.read_to_string(&mut rest).unwrap();
        assert_eq!(rest, "");
    }
}

#[test]
fn a_busy_port_is_one_clear_error() {
    let server = Server::start(&[]);
    let ran = run(&["serve", "--listen", &server.address]);
    assert_eq!(ran.code, 1);
    assert!(ran.only_error_line().contains(&server.address));
}

#[test]
fn wrong_usage_is_exit_code_2() {
    for arguments in [
        ["--policy", "10 per second"],
        ["--key", "header:"],
        ["--listen", "somewhere"],
        ["--max-keys", "0"],
        ["--on-full", "explode"],
    ] {
        let ran = run(&[&["serve"], &arguments[..]].concat());
        assert_eq!(ran.code, 2, "{arguments:?}");
        ran.only_error_line();
    }
}
