//! Proxies that ask about requests of theirs: real nginx and Caddy by the examples' configurations, and the requests that
//! Traefik sends.

mod common;

use common::proxy::{Application, Proxy};
use common::server::{Answer, Server, answer_to};
use common::{example, file};

const TWO_A_DAY: [&str; 4] = ["--policy", "token-bucket 2/d", "--trusted-proxies", "loopback"];

const FIELDS: [&str; 5] =
    ["x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset", "ratelimit", "ratelimit-policy"];

fn has_fields(answer: &Answer, remaining: u64) {
    for field in FIELDS {
        assert!(answer.header(field).is_some(), "{field}: {answer:?}");
    }
    assert_eq!(answer.number("x-ratelimit-remaining"), remaining);
}

/// Asks for as many as are within the limit, and then for one more, which is given back.
fn two_pass(proxy: &Proxy, application: &Application) -> Answer {
    for remaining in [1, 0] {
        let passed = proxy.get("/shop?page=1");
        assert_eq!((passed.status(), passed.body()), (200, "the application's own\n"), "{passed:?}");
        has_fields(&passed, remaining);
        assert_eq!(passed.header("retry-after"), None);
    }
    let denied = proxy.get("/shop?page=1");
    assert_eq!(denied.status(), 429, "{denied:?}");
    has_fields(&denied, 0);
    assert!((1..=43_200).contains(&denied.number("retry-after")));
    assert_eq!(application.asked(), 2);
    denied
}

#[test]
fn nginx_passes_on_429_with_retry_after_and_the_fields() {
    let (server, application) = (Server::start(&TWO_A_DAY), Application::start());
    let Some(nginx) = Proxy::nginx(&server.address, &application, |text| text) else { return };
    two_pass(&nginx, &application);
    // What clients forward themselves does not matter.
    let headers =
        "X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Uri: /x\r\nX-Forwarded-Method: POST\r\nSluice-Status: 200\r\n";
    assert_eq!(nginx.ask("POST", "/shop", headers).status(), 429);
    let log = nginx.log();
    assert!(!log.contains("unexpected status") && !log.contains("[error]"), "{log}");
}

#[test]
fn nginx_keeps_other_errors_apart() {
    let (mut server, application) = (Server::start(&TWO_A_DAY), Application::start());
    let changed = |text: String| text.replace("location / {", "location /private {\n deny all;\n}\nlocation / {");
    let Some(nginx) = Proxy::nginx(&server.address, &application, changed) else { return };
    let forbidden = nginx.get("/forbidden");
    assert_eq!((forbidden.status(), forbidden.body()), (403, "the application's own\n"));
    has_fields(&forbidden, 1);
    assert_eq!(nginx.get("/private").status(), 403, "nginx's own");
    let limited = [(); 3].map(|()| nginx.get("/private").status());
    assert!(limited.iter().all(|status| [403, 429].contains(status)), "{limited:?}");
    while nginx.get("/").status() == 200 {}
    assert_eq!([nginx.get("/").status(), nginx.get("/forbidden").status()], [429; 2]);
    server.child.kill().unwrap();
    server.child.wait().unwrap();
    assert_eq!(nginx.get("/").status(), 500, "nothing passes unlimited while sluice is away");
}

#[test]
fn nginx_lets_all_pass_while_sluice_is_away_if_told_so() {
    let (mut server, application) = (Server::start(&TWO_A_DAY), Application::start());
    let changed = |text: String| {
        let told = text
            .replace("# proxy_intercept_errors", "proxy_intercept_errors")
            .replace("# error_page 500", "error_page 500");
        assert_ne!(told, text);
        told
    };
    let Some(nginx) = Proxy::nginx(&server.address, &application, changed) else { return };
    two_pass(&nginx, &application);
    server.child.kill().unwrap();
    server.child.wait().unwrap();
    let passed = nginx.get("/");
    assert_eq!((passed.status(), passed.body()), (200, "the application's own\n"));
    assert_eq!(passed.header("ratelimit"), None);
}

#[test]
fn nginx_passes_on_that_a_table_is_full() {
    let policy =
        ["--policy", "token-bucket 1/d", "--key", "header:X-Api-Key", "--max-keys", "1", "--on-full", "deny"];
    let (server, application) = (Server::start(&policy), Application::start());
    let Some(nginx) = Proxy::nginx(&server.address, &application, |text| text) else { return };
    let mut answers = (0..1000).map(|key| nginx.ask("GET", "/", &format!("X-Api-Key: {key}\r\n")));
    let refused = answers.find(|answer| answer.status() != 200).expect("a full table");
    assert_eq!((refused.status(), refused.header("retry-after")), (503, None));
}

#[test]
fn routes_go_by_the_method_and_the_uri_of_the_clients_request() {
    let directory = tempfile::tempdir().unwrap();
    let config = file(
        directory.path(),
        "serve.json",
        r#"{"clients": {"trusted_proxies": ["loopback"]}, "limits": {"login": {"policy": "token-bucket 1/d"}},
            "routes": [{"path": "/login", "methods": ["POST"], "limits": ["login"]}]}"#,
    );
    let (server, application) = (Server::start(&["--config", &config]), Application::start());
    let through = |proxy: &Proxy| {
        assert_eq!([(); 2].map(|()| proxy.ask("GET", "/login", "").status()), [200; 2]);
        assert_eq!([(); 2].map(|()| proxy.ask("POST", "/logout", "Content-Length: 0\r\n").status()), [200; 2]);
        proxy.ask("POST", "//login/?x", "Content-Length: 0\r\n").status()
    };
    if let Some(nginx) = Proxy::nginx(&server.address, &application, |text| text) {
        assert_eq!([through(&nginx), through(&nginx)], [200, 429]);
    } else {
        assert_eq!(server.request("POST", "/login", "").status(), 200);
    }
    if let Some(caddy) = Proxy::caddy(&server.address, &application) {
        assert_eq!(through(&caddy), 429, "it is the same client");
    }
}

#[test]
fn caddy_passes_on_the_whole_denial() {
    let (server, application) = (Server::start(&TWO_A_DAY), Application::start());
    let Some(caddy) = Proxy::caddy(&server.address, &application) else { return };
    let denied = two_pass(&caddy, &application);
    assert_eq!(denied.json()["code"], "rate_limit_exceeded");
    let page = caddy.ask("GET", "/", "Accept: text/html\r\nX-Forwarded-For: 192.0.2.1\r\n");
    assert!(page.status() == 429 && page.body().starts_with("<!DOCTYPE html>"), "{page:?}");
}

/// The request that Traefik sends, as its documentation has it: GET, with the client's header and what it adds.
fn from_traefik(server: &Server, client: &str, method: &str, uri: &str) -> Answer {
    let added = format!(
        "X-Forwarded-For: {client}\r\nX-Forwarded-Method: {method}\r\nX-Forwarded-Uri: {uri}\r\n\
         X-Forwarded-Host: shop.example\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Port: 443\r\n\
         Accept: application/json\r\nAccept-Encoding: gzip\r\nUser-Agent: curl/8\r\n"
    );
    server.request("GET", "/check", &added)
}

#[test]
fn traefik_is_answered_for_the_client_that_it_names() {
    assert!(example("traefik.yml").contains("address: http://127.0.0.1:8080/check"));
    let server = Server::start(&TWO_A_DAY);
    for remaining in [1, 0] {
        let passed = from_traefik(&server, "192.0.2.1", "POST", "/a?b");
        assert_eq!((passed.status(), passed.body(), passed.header("sluice-status")), (200, "", Some("200")));
        has_fields(&passed, remaining);
    }
    let denied = from_traefik(&server, "192.0.2.1", "POST", "/a?b");
    assert_eq!((denied.status(), denied.header("sluice-status")), (429, Some("429")));
    assert_eq!(denied.json()["status"], 429);
    assert_eq!(from_traefik(&server, "192.0.2.2", "GET", "/").status(), 200);
}

#[test]
fn a_question_that_lacks_what_routes_need_is_no_denial() {
    let directory = tempfile::tempdir().unwrap();
    let text = r#"{"limits": {"a": {"policy": "token-bucket 1/d"}}, "routes": [{"path": "/x", "methods": ["GET"], "limits": ["a"]}]}"#;
    let server = Server::start(&["--config", &file(directory.path(), "serve.json", text)]);
    for (headers, told) in [
        ("", "x-forwarded-uri"),
        ("X-Forwarded-Uri: /x\r\n", "x-forwarded-method"),
        ("X-Forwarded-Method: GET\r\nX-Forwarded-Uri: /x\r\nX-Forwarded-Uri: /y\r\n", "twice"),
    ] {
        let wrong = server.request("GET", "/check/403", headers);
        assert!(wrong.status() == 400 && wrong.body().contains(told), "{wrong:?}");
    }
    let both = "X-Forwarded-Method: GET\r\nX-Forwarded-Uri: https://shop/x?y\r\n";
    assert_eq!([(); 2].map(|()| server.request("GET", "/check", both).status()), [200, 429]);
    assert_eq!(server.request("GET", "/x", both).status(), 429, "elsewhere a request is about itself");
    assert_eq!(server.request("GET", "/y", both).status(), 200);
}

#[test]
fn the_endpoint_can_be_elsewhere_or_nowhere_and_read_other_headers() {
    let policy = ["--policy", "token-bucket 1/d", "--key", "path+method"];
    let other =
        ["--check-path", "/_ask", "--uri-header", "X-Original-URI", "--method-header", "X-Original-Method"];
    let server = Server::start(&[&policy[..], &other].concat());
    let about = |uri: &str| {
        server.request("GET", "/_ask", &format!("X-Original-URI: {uri}\r\nX-Original-Method: GET\r\n")).status()
    };
    assert_eq!([about("/a"), about("/a?x"), about("/b")], [200, 429, 200]);
    assert_eq!(server.request("GET", "/check", "").header("sluice-status"), None);
    let nowhere = Server::start(&[&policy[..], &["--check-path", "none"]].concat());
    let asked = nowhere.request("GET", "/check", "X-Forwarded-Uri: /a\r\n");
    assert!(asked.status() == 200 && asked.header("sluice-status").is_none(), "{asked:?}");
}

#[test]
fn a_unix_socket_serves_proxies_and_is_removed_at_the_end() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("sluice.sock");
    let address = format!("unix:{}", socket.display());
    let options = ["--listen", &address, "--policy", "token-bucket 1/d", "--trusted-proxies", "unix"];
    // One that was killed has left its socket behind.
    let mut killed = Server::start(&options);
    killed.child.kill().unwrap();
    killed.child.wait().unwrap();
    assert!(socket.exists());

    let mut server = Server::start(&options);
    assert_eq!(server.told(), format!("listening on {address}\n"));
    let ask = |client: &str| {
        let stream = std::os::unix::net::UnixStream::connect(&socket).unwrap();
        let request =
            format!("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX-Forwarded-For: {client}\r\n\r\n");
        answer_to(stream, request.as_bytes()).status()
    };
    assert_eq!([ask("192.0.2.1"), ask("192.0.2.1"), ask("192.0.2.2"), ask("")], [200, 429, 200, 200]);

    let second = common::run(&["serve", "--listen", &address]);
    assert_eq!(second.code, 1);
    assert!(second.only_error_line().contains("stop the other server"), "{}", second.err);
    let occupied = file(directory.path(), "occupied", b"a file");
    assert_eq!(common::run(&["serve", "--listen", &format!("unix:{occupied}")]).code, 1);
    assert_eq!(std::fs::read(&occupied).unwrap(), b"a file");

    let application = Application::start();
    if let Some(nginx) = Proxy::nginx(&format!("unix:{}", socket.display()), &application, |text| text) {
        assert_eq!([(); 2].map(|()| nginx.get("/").status()), [200, 429]);
        drop(nginx);
    }
    server.signal("TERM");
    assert_eq!(server.child.wait().unwrap().code(), Some(0));
    assert!(!socket.exists());
}
