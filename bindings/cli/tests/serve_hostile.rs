//! What clients may send and how long they may take: nothing of it harms others, and nothing breaks an answer.

mod common;

use std::io::{Read, Write};
use std::net::Shutdown;
use std::thread::sleep;
use std::time::{Duration, Instant};

use common::server::{Answer, PATIENCE, Server, answer_to, ask_at};

const END: &str = "GET /end HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

fn answers(server: &Server, request: impl AsRef<[u8]>) -> String {
    let mut stream = server.connect();
    // A server that has refused already may not read it all.
    let _ = stream.write_all(request.as_ref());
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes);
    String::from_utf8_lossy(&bytes).into_owned()
}

fn statuses(answers: &str) -> Vec<&str> {
    answers.split("HTTP/1.").skip(1).map(|answer| answer.get(2..5).unwrap_or(answer)).collect()
}

/// How many connections the server says are open.
fn open_connections(metrics: &str) -> u64 {
    let answer = ask_at(metrics, "GET", "/metrics", "");
    let line = answer.body().lines().find(|line| line.starts_with("sluice_connections ")).unwrap();
    line.split(' ').nth(1).unwrap().parse().unwrap()
}

/// A server that is short of patience, and where its counters are.
fn impatient(more: &[&str]) -> (Server, String) {
    let mut server = Server::start(&[&["--client-timeout", "1", "--metrics", "127.0.0.1:0"], more].concat());
    let told = server.told();
    let metrics =
        told.trim().strip_prefix("metrics on http://").unwrap().strip_suffix("/metrics").unwrap().to_owned();
    (server, metrics)
}

fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < PATIENCE, "in vain: {what}");
        sleep(Duration::from_millis(20));
    }
}

#[test]
fn what_is_no_request_is_refused_and_others_are_answered() {
    let server = Server::start(&[]);
    for (request, status) in [
        (&b"\r\n\r\nnonsense\r\n\r\n"[..], "400"),
        (b"GET /\r\n\r\n", "400"),
        (b"GET / HTTP/1.1\r\nBad Header: a\r\n\r\n", "400"),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n", "400"),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n", "400"),
        (b"GET / HTTP/3.7\r\nHost: a\r\n\r\n", "400"),
        (b"GET  / HTTP/1.1\r\nHost: a\r\n\r\n", "400"),
        (b"GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", "400"),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", "400"),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", "400"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "400"),
    ] {
        let mut stream = server.connect();
        stream.write_all(request).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        let answer = String::from_utf8_lossy(&answer);
        assert_eq!(statuses(&answer), [status], "{:?}: {answer:?}", String::from_utf8_lossy(request));
        assert_eq!(server.get("").status(), 200);
    }
}

#[test]
fn whoever_speaks_http_2_from_the_start_is_hung_up_on() {
    let server = Server::start(&[]);
    assert_eq!(answers(&server, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), "");
    assert_eq!(server.get("").status(), 200);
}

#[test]
fn heads_that_are_too_long_are_refused() {
    let server = Server::start(&["--policy", "token-bucket 100000/s"]);
    let long = |bytes: usize| {
        format!("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX: {}\r\n\r\n", "x".repeat(bytes))
    };
    assert_eq!(statuses(&answers(&server, long(60_000))), ["200"]);
    assert_eq!(statuses(&answers(&server, long(70_000))), ["431"]);
    assert_eq!(statuses(&answers(&server, long(10_000_000))), ["431"]);
    let many = |fields: usize| format!("GET / HTTP/1.1\r\nConnection: close\r\n{}\r\n", "X: y\r\n".repeat(fields));
    assert_eq!(statuses(&answers(&server, many(90))), ["200"]);
    assert_eq!(statuses(&answers(&server, many(101))), ["431"]);
    let uri = format!("GET /{} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "a/".repeat(20_000));
    assert_eq!(statuses(&answers(&server, uri)), ["200"]);
}

#[test]
fn hostile_headers_of_ours_are_survived_and_never_split_an_answer() {
    let server =
        Server::start(&["--policy", "token-bucket 1/d", "--trusted-proxies", "1", "--key", "ip+header:X-Key"]);
    let commas = ",".repeat(50_000);
    let quotes = "\"".repeat(50_000);
    for name in ["X-Forwarded-For", "X-Key", "Accept", "X-Forwarded-Uri", "Host", "Expect", "Connection"] {
        for value in [
            &b"\xff\xfe\x80"[..],
            commas.as_bytes(),
            quotes.as_bytes(),
            b"%0d%0aSet-Cookie: a=b",
            b"a\tb",
            b"<script>",
        ] {
            let mut request = format!("GET /check/403 HTTP/1.1\r\nConnection: close\r\n{name}: ").into_bytes();
            request.extend_from_slice(value);
            request.extend_from_slice(b"\r\n\r\n");
            let answer = answers(&server, &request);
            assert_eq!(statuses(&answer).len(), 1, "{name}: {answer:?}");
            assert!(!answer.to_ascii_lowercase().contains("set-cookie"), "{answer:?}");
        }
    }
}

#[test]
fn every_method_and_old_version_is_answered() {
    let server = Server::start(&["--policy", "token-bucket 100/s"]);
    for method in ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND", "BREW", "M-SEARCH"] {
        assert_eq!(server.request(method, "/", "").status(), 200, "{method}");
    }
    assert_eq!(server.request("OPTIONS", "*", "").status(), 200);
    assert_eq!(
        statuses(&answers(&server, "CONNECT example.com:443 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"))
            .len(),
        1
    );
    let old = answers(&server, "GET / HTTP/1.0\r\n\r\n");
    assert!(old.starts_with("HTTP/1.0 200 OK\r\n") && old.contains("x-ratelimit-limit: 100"), "{old}");
    let kept = answers(&server, "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET / HTTP/1.0\r\n\r\n");
    assert_eq!(statuses(&kept), ["200", "200"]);
}

#[test]
fn requests_that_come_at_once_are_answered_in_order() {
    let server = Server::start(&["--policy", "token-bucket 1/d burst=3"]);
    let bodies = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n\
                  POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello\
                  HEAD / HTTP/1.1\r\nHost: a\r\n\r\n\
                  GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    let answer = answers(&server, format!("{bodies}{END}"));
    assert_eq!(statuses(&answer), ["200", "200", "200", "429", "429"]);
    assert!(answer.contains("x-ratelimit-remaining: 2") && answer.contains("x-ratelimit-remaining: 0"));
}

#[test]
fn who_asks_before_sending_a_body_is_answered_without_it() {
    let server = Server::start(&["--policy", "token-bucket 1/d"]);
    let request = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\nExpect: 100-continue\r\n\r\n";
    for status in ["200", "429"] {
        let answer = answers(&server, request);
        assert_eq!(statuses(&answer), [status], "and no 100: {answer}");
    }
}

#[test]
fn a_body_is_read_up_to_its_limit_and_the_answer_comes_in_any_case() {
    let server = Server::start(&["--policy", "token-bucket 100/s", "--max-body", "100000"]);
    let with_body = |bytes: usize| {
        let head = format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {bytes}\r\n\r\n");
        answers(&server, [head.as_bytes(), &vec![b'x'; bytes], END.as_bytes()].concat())
    };
    assert_eq!(statuses(&with_body(100_000)), ["200", "200"]);
    assert_eq!(statuses(&with_body(1_000_000)), ["200"]);
    let endless = format!(
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{}",
        "f\r\n0123456789abcde\r\n".repeat(50_000)
    );
    assert_eq!(statuses(&answers(&server, endless)), ["200"]);
}

#[test]
fn a_client_that_has_nothing_more_to_send_still_has_its_answer() {
    let server = Server::start(&[]);
    let mut stream = server.connect();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    assert_eq!(answer_to(stream, b"").status(), 200);
}

#[test]
fn clients_that_take_too_long_are_let_go_and_hold_up_nobody() {
    let (server, metrics) = impatient(&["--max-connections", "4", "--policy", "token-bucket 100000/s"]);
    let idle = server.connect();
    let mut slow_head = server.connect();
    slow_head.write_all(b"GET / HTTP/1.1\r\nHo").unwrap();
    let mut slow_body = server.connect();
    slow_body.write_all(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nx").unwrap();
    let mut never_reads = server.connect();
    never_reads.set_write_timeout(Some(Duration::from_millis(100))).unwrap();
    while never_reads.write_all("GET / HTTP/1.1\r\nHost: a\r\n\r\n".repeat(1000).as_bytes()).is_ok() {}
    wait_until("four connections", || open_connections(&metrics) == 4);
    // No place is left, and this one waits for one.
    assert_eq!(server.get("").status(), 200);
    wait_until("all are let go", || open_connections(&metrics) == 0);
    for mut stream in [idle, slow_head] {
        let mut rest = Vec::new();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let _ = stream.read_to_end(&mut rest);
        assert_eq!(rest, b"");
    }
    let mut rest = String::new();
    let _ = slow_body.read_to_string(&mut rest);
    assert_eq!(statuses(&rest), ["200"]);
}

#[test]
fn a_connection_that_is_used_outlives_the_time_for_idle_ones() {
    // In use for longer than the server's patience, with pauses far shorter than it: a busy machine adds to them.
    let server = Server::start(&["--client-timeout", "5"]);
    let mut stream = server.connect();
    for _ in 0..8 {
        stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
        assert_eq!(next_answer(&mut stream).unwrap().status(), 200);
        sleep(Duration::from_millis(750));
    }
    assert_eq!(answer_to(stream, END.as_bytes()).status(), 200);
}

/// The next answer on a connection, by its length; `None` at its end.
fn next_answer(stream: &mut impl Read) -> Option<Answer> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        match stream.read(&mut byte) {
            Ok(1) => head.push(byte[0]),
            _ if head.is_empty() => return None,
            end => panic!("an answer broke off: {end:?} {:?}", String::from_utf8_lossy(&head)),
        }
    }
    let answer = Answer(String::from_utf8(head).unwrap());
    let mut body = vec![0; answer.number("content-length") as usize];
    stream.read_exact(&mut body).unwrap();
    Some(Answer(answer.0 + std::str::from_utf8(&body).unwrap()))
}

/// Asks on one connection until the server says that it ends; gives how many requests were sent and how many answered.
fn ask_until_the_end(server: &Server) -> (usize, usize) {
    let (mut stream, mut sent, mut answered) = (server.connect(), 0, 0);
    loop {
        sent += 1;
        if stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").is_err() {
            return (sent, answered);
        }
        let Some(answer) = next_answer(&mut stream) else { return (sent, answered) };
        answered += 1;
        if answer.header("connection") == Some("close") {
            return (sent, answered);
        }
    }
}

#[test]
fn a_signal_to_stop_loses_no_answer_in_load() {
    for signal in ["TERM", "INT"] {
        let mut server = Server::start(&["--policy", "token-bucket 1000000/s"]);
        let counts: Vec<(usize, usize)> = std::thread::scope(|scope| {
            let clients: Vec<_> = (0..8).map(|_| scope.spawn(|| ask_until_the_end(&server))).collect();
            sleep(Duration::from_millis(200));
            server.signal(signal);
            clients.into_iter().map(|client| client.join().unwrap()).collect()
        });
        for (sent, answered) in counts {
            assert_eq!(sent, answered);
            assert!(answered > 1, "{answered}");
        }
        assert_eq!(server.child.wait().unwrap().code(), Some(0));
        assert!(std::net::TcpStream::connect(&server.address).is_err());
    }
}

#[test]
fn whoever_has_asked_before_the_signal_is_answered() {
    let mut server = Server::start(&["--policy", "token-bucket 1000/s"]);
    let waiting: Vec<_> = (0..200)
        .map(|_| {
            let mut stream = server.connect();
            stream.write_all(END.as_bytes()).unwrap();
            stream
        })
        .collect();
    server.signal("TERM");
    for stream in waiting {
        assert_eq!(answer_to(stream, b"").status(), 200);
    }
    assert_eq!(server.child.wait().unwrap().code(), Some(0));
}

#[test]
fn idle_connections_are_closed_in_order_at_the_end() {
    let mut server = Server::start(&[]);
    let _idle: Vec<_> = (0..20).map(|_| server.connect()).collect();
    let mut kept = server.connect();
    kept.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    assert_eq!(next_answer(&mut kept).unwrap().status(), 200);
    server.signal("TERM");
    assert!(next_answer(&mut kept).is_none());
    assert_eq!(server.child.wait().unwrap().code(), Some(0));
}
