//! Routes: which limits a request is held to, and that it is charged to all of them or to none.

mod common;

use common::file;
use common::server::{Answer, Server};

/// A server with this configuration.
pub struct Configured {
    server: Server,
    _directory: tempfile::TempDir,
}

fn configured(text: &str) -> Configured {
    let directory = tempfile::tempdir().unwrap();
    let config = file(directory.path(), "serve.json", text);
    Configured { server: Server::start(&["--config", &config]), _directory: directory }
}

impl Configured {
    fn get(&self, path: &str) -> Answer {
        self.server.request("GET", path, "")
    }

    fn statuses<const N: usize>(&self, requests: [(&str, &str); N]) -> [u16; N] {
        requests.map(|(method, path)| self.server.request(method, path, "").status())
    }
}

const SHOP: &str = r#"{
  "clients": {"trusted_proxies": ["loopback"]},
  "answers": {"code": "all"},
  "limits": {
    "login": {"policy": "token-bucket 1/d"},
    "export": {"policy": "token-bucket 10/d", "key": "header:X-Api-Key", "missing": "skip"},
    "address": {"policy": "token-bucket 3/d"}
  },
  "routes": [
    {"name": "health", "path": "/health", "limits": []},
    {"name": "login", "path": "/login", "methods": ["POST"], "limits": ["login"],
     "answers": {"code": "too_many_logins", "message": "Wait.", "headers": ["ietf"], "bodies": ["json-reset-at", "text"]}},
    {"name": "export", "path": "/api/*/export/**", "limits": [{"limit": "export", "cost": 4}, "address"]},
    {"name": "office", "path": "/office", "exempt": ["192.0.2.0/24"], "limits": ["login"]},
    {"name": "api", "path": "/api/**", "limits": ["address"]}
  ]
}"#;

#[test]
fn the_first_route_that_matches_counts_and_no_way_of_writing_a_path_gets_around_it() {
    let shop = configured(SHOP);
    assert_eq!(shop.statuses([("POST", "/login"), ("POST", "/login")]), [200, 429]);
    for path in [
        "//login",
        "/login/",
        "/x/../login",
        "/%6cogin",
        "/./login?next=/health",
        "/%2e/login",
        "http://shop/login",
    ] {
        assert_eq!(shop.statuses([("POST", path)]), [429], "{path}");
    }
    assert_eq!(
        shop.statuses([("GET", "/login"), ("POST", "/logins"), ("POST", "/login/x"), ("POST", "/Login")]),
        [200; 4]
    );
    assert_eq!(shop.get("/login").body(), "200 OK: not limited\n");
    assert_eq!(shop.statuses([("GET", "/health"); 5]), [200; 5]);
    assert_eq!(
        shop.statuses([("GET", "/api"), ("POST", "/api/a/b"), ("HEAD", "/api/"), ("GET", "/api")]),
        [200, 200, 200, 429]
    );
}

#[test]
fn a_request_is_charged_to_all_limits_or_to_none() {
    let shop = configured(SHOP);
    let export = |key: &str| shop.server.request("GET", "/api/7/export/all", &format!("X-Api-Key: {key}\r\n"));
    let first = export("a");
    assert_eq!(first.status(), 200);
    assert_eq!(first.header("ratelimit-policy"), Some(r#""export";q=10;w=86400, "address";q=3;w=86400"#));
    assert_eq!(export("a").status(), 200);
    // Two of ten are left for this key, and the address has one more.
    let denied = export("a");
    assert_eq!(denied.status(), 429);
    assert_eq!(denied.header("x-ratelimit-limit"), Some("10"));
    assert!(denied.header("ratelimit").unwrap().starts_with(r#""export";r=2;t="#), "{denied:?}");
    assert_eq!([(); 5].map(|()| export("a").status()), [429; 5]);
    assert_eq!(export("b").status(), 200, "denials took nothing from the address");
    assert_eq!(export("c").header("x-ratelimit-limit"), Some("3"), "it is the address's limit that denies now");
    let skipped = shop.get("/api/7/export");
    assert_eq!((skipped.status(), skipped.json()["limit"].as_u64()), (429, Some(3)));
}

#[test]
fn routes_have_answers_of_their_own() {
    let shop = configured(SHOP);
    shop.statuses([("POST", "/login")]);
    let denied = shop.server.request("POST", "/login", "");
    assert_eq!((denied.status(), &denied.json()["message"]), (429, &"Wait.".into()));
    assert!(denied.json()["resetAt"].is_string() && denied.header("x-ratelimit-limit").is_none(), "{denied:?}");
    let text = shop.server.request("POST", "/login", "Accept: text/plain\r\n");
    assert!(text.body().starts_with("429 Too Many Requests\nWait."), "{text:?}");
    shop.statuses([("GET", "/api"); 3]);
    assert_eq!(shop.get("/api").json()["code"], "all");
}

#[test]
fn exempt_networks_are_not_limited_and_cannot_be_pretended() {
    let shop = configured(SHOP);
    let from = |forwarded: &str| {
        let header = format!("X-Forwarded-For: {forwarded}\r\n");
        shop.server.request("GET", "/office", &header).status()
    };
    assert_eq!([(); 3].map(|()| from("192.0.2.7")), [200; 3]);
    assert_eq!([(); 2].map(|()| from("192.0.2.7, 203.0.113.1")), [200, 429]);
}

#[test]
fn a_cost_of_nothing_is_free() {
    let free = configured(
        r#"{"limits": {"a": {"policy": "token-bucket 1/d"}},
            "routes": [{"path": "/free", "limits": [{"limit": "a", "cost": 0}]}, {"path": "/**", "limits": ["a"]}]}"#,
    );
    assert_eq!(
        free.statuses([("GET", "/free"), ("GET", "/x"), ("GET", "/x"), ("GET", "/free")]),
        [200, 200, 429, 200]
    );
}

#[test]
fn the_example_serves() {
    let directory = tempfile::tempdir().unwrap();
    let table = directory.path().join("daily.table");
    let example = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/serve.json")).unwrap();
    let example = example.replace("/dev/shm/sluice-daily.table", table.to_str().unwrap());
    let server = configured(&example);
    assert_eq!(server.get("/health").status(), 200);
    assert_eq!(server.get("/api/x").status(), 403, "it needs an API key");
    let export = server.server.request("GET", "/api/export/x", "X-Api-Key: k\r\n");
    assert_eq!((export.status(), export.header("x-ratelimit-limit")), (200, None));
    assert!(export.header("ratelimit").unwrap().starts_with(r#""daily";r=9950;t="#), "{export:?}");
    assert!(table.exists());
    assert_eq!(server.statuses([("POST", "/login"); 6]), [200, 200, 200, 200, 200, 429]);
}
