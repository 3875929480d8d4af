//! What clients send to harm.

use crate::support::{Server, builder, clock, limit};
use axum::Router;
use axum::routing::any;
use sluicegate::identity::{ForwardingHeader, Identity, Proxies};
use sluicegate_tower::{KeySource, Missing, Route};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Sends bytes as they are and reads the answer to its end.
async fn raw(server: &Server, request: &[u8]) -> String {
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(request).await.unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8(answer).expect("an answer in ASCII")
}

fn get_with(path: &str, headers: &[(&str, &[u8])]) -> Vec<u8> {
    let mut request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n").into_bytes();
    for (name, value) in headers {
        request.extend([name.as_bytes(), b": ", value, b"\r\n"].concat());
    }
    request.extend(b"\r\n");
    request
}

/// A server with a limit of 2 a day by API key, of which every denial is written down as it would be in a log.
async fn server() -> (Server, Arc<Mutex<Vec<String>>>) {
    let lines = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&lines);
    let clock = clock();
    let key = KeySource::header("x-key", Missing::Address).and(KeySource::from_fn(
        |request| {
            Some(
                sluicegate::identity::Key::new()
                    .part("path", request.path())
                    .user(request.headers().get("x-user")?),
            )
        },
        Missing::Address,
    ));
    let layer = builder()
        .identity(Identity::behind(ForwardingHeader::FORWARDED, Proxies::hops(1)))
        .limit(limit("a\"b\\c<i>", "fixed-window 2/1d", &clock).key(key))
        .route(Route::new().prefix("/admin"), [limit("admin", "fixed-window 0/1d", &clock)])
        .on_denial(move |event| log.lock().unwrap().push(event.checks()[0].key().to_string()))
        .build()
        .unwrap();
    (Server::start(Router::new().fallback(any(async || "ok")).layer(layer)).await, lines)
}

#[tokio::test]
async fn whatever_a_client_sends_it_gets_one_well_formed_answer_and_logs_stay_lines() {
    let (server, lines) = server().await;
    let giant = vec![b'x'; 60_000];
    let values: [&[u8]; 7] =
        [b"\xff\xfe\x80", b"a\tb", b"\x80\r\n x", b"%0d%0aX-Injected: 1", b"\"><script>", b"a,b=c", &giant];
    for value in values {
        for path in ["/a%0d%0aX-Injected:%201", "//a//../%00", "/<script>", "/a?%0d%0a", "/\"'"] {
            let headers = [("X-Key", value), ("X-User", value), ("Forwarded", value), ("Accept", value)];
            let request = get_with(path, &headers);
            let answers =
                [raw(&server, &request).await, raw(&server, &request).await, raw(&server, &request).await];
            for answer in &answers {
                let (head, _) = answer.split_once("\r\n\r\n").unwrap();
                assert!(head.is_ascii() && !head.to_lowercase().contains("\r\nx-injected"), "{head}");
            }
            let is_refused = answers[0].starts_with("HTTP/1.1 400");
            assert!(is_refused || answers[0].starts_with("HTTP/1.1 200"), "{}", answers[0]);
            assert!(is_refused || answers[2].starts_with("HTTP/1.1 429"), "{}", answers[2]);
        }
    }
    let lines = lines.lock().unwrap();
    assert!(lines.len() >= 20, "{}", lines.len());
    for line in &*lines {
        assert!(line.bytes().all(|byte| byte.is_ascii_graphic()) && line.len() < 1000, "{line}");
    }
}

#[tokio::test]
async fn a_limits_name_is_escaped_for_its_place() {
    let (server, _) = server().await;
    for (accept, body_has) in
        [("text/html", "a&quot;b\\c&lt;i&gt;"), ("application/problem+json", r#""a\"b\\c<i>""#)]
    {
        let request = get_with("/x", &[("X-Key", b"same"), ("X-User", b"same"), ("Accept", accept.as_bytes())]);
        let mut answer = String::new();
        for _ in 0..3 {
            answer = raw(&server, &request).await;
        }
        assert!(answer.contains("\r\nratelimit: \"a\\\"b\\\\c<i>\";r=0;t=86400\r\n"), "{answer}");
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        // Not every body names the quota.
        assert!(!body.contains("<i>") || body.contains(body_has), "{body}");
    }
}

#[tokio::test]
async fn a_long_forged_forwarding_header_neither_hides_the_client_nor_takes_long() {
    let clock = clock();
    let layer = builder()
        .identity(Identity::behind(ForwardingHeader::X_FORWARDED_FOR, Proxies::hops(1)))
        .limit(limit("one", "fixed-window 1/1d", &clock))
        .build()
        .unwrap();
    let server = Server::start(Router::new().fallback(any(async || "ok")).layer(layer)).await;
    let forged = ["1.2.3.4,".repeat(5_000), "\"\\".repeat(20_000), "for=[::1];".repeat(3_000)];
    let mut statuses = Vec::new();
    for forged in forged {
        let value = format!("{forged}, 203.0.113.10");
        let answer = raw(&server, &get_with("/", &[("X-Forwarded-For", value.as_bytes())])).await;
        statuses.push(answer[9..12].to_owned());
    }
    assert_eq!(statuses, ["200", "429", "429"]);
}

#[tokio::test]
async fn a_path_that_is_written_otherwise_is_another_path_as_it_is_for_the_router() {
    let (server, _) = server().await;
    for (path, status) in
        [("/admin", "429"), ("/admin/x", "429"), ("/%61dmin", "200"), ("//admin", "200"), ("/Admin", "200")]
    {
        let answer = raw(&server, &get_with(path, &[("X-Key", path.as_bytes()), ("X-User", b"u")])).await;
        assert_eq!(&answer[9..12], status, "{path}");
    }
}
