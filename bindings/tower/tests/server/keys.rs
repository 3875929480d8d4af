//! What requests are counted by.

use crate::support::{Server, builder, clock, header, limit};
use axum::Router;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::routing::get;
use reqwest::{Method, StatusCode};
use sluicegate::identity::{ForwardingHeader, Identity, Key, Proxies};
use sluicegate_tower::{KeySource, Missing, Peer};
use tower::ServiceExt;

async fn ok() -> &'static str {
    "ok"
}

#[derive(Clone)]
struct User {
    name: String,
    team: u32,
}

/// Puts the user of a header `X-User: name team` into the extensions, as an authentication layer would.
async fn authenticate(mut request: Request, next: Next) -> Response {
    let user = request.headers().get("x-user").and_then(|value| value.to_str().ok()?.split_once(' '));
    if let Some((name, team)) = user {
        let user = User { name: name.to_owned(), team: team.parse().unwrap() };
        request.extensions_mut().insert(user);
    }
    next.run(request).await
}

/// A server of which each key has one request a day.
async fn server(key: KeySource) -> Server {
    let layer = builder()
        .identity(Identity::behind(ForwardingHeader::X_FORWARDED_FOR, Proxies::hops(1)))
        .limit(limit("one", "fixed-window 1/1d", &clock()).key(key))
        .build()
        .unwrap();
    let app = Router::new().route("/{any}", get(ok)).route("/", get(ok)).layer(layer);
    Server::start(app.layer(from_fn(authenticate))).await
}

/// The statuses of requests, each with headers.
async fn ask(server: &Server, requests: &[&[(&str, &str)]]) -> Vec<u16> {
    let mut statuses = Vec::new();
    for headers in requests {
        let mut request = server.request(Method::GET, "/");
        for (name, value) in *headers {
            request = request.header(*name, *value);
        }
        statuses.push(request.send().await.unwrap().status().as_u16());
    }
    statuses
}

#[tokio::test]
async fn a_user_that_an_outer_layer_has_found_is_a_key() {
    let server = server(KeySource::user::<User>(|user| &user.name, Missing::Skip)).await;
    let requests: &[&[_]] = &[&[("x-user", "ann 1")], &[("x-user", "ann 2")], &[("x-user", "bob 1")]];
    assert_eq!(ask(&server, requests).await, [200, 429, 200]);
    assert_eq!(ask(&server, &[&[], &[], &[]]).await, [200, 200, 200]);
}

#[tokio::test]
async fn a_header_is_a_key_and_never_meets_one_of_another_kind() {
    let server = server(KeySource::header("X-Api-Key", Missing::Address)).await;
    let requests: &[&[_]] = &[
        &[("x-api-key", "k1")],
        &[("x-api-key", "k1"), ("x-forwarded-for", "203.0.113.10")],
        &[("x-api-key", "203.0.113.10")],
        &[("x-forwarded-for", "203.0.113.10")],
        &[("x-forwarded-for", "203.0.113.10"), ("x-api-key", "")],
    ];
    assert_eq!(ask(&server, requests).await, [200, 429, 200, 200, 429]);
}

#[tokio::test]
async fn what_is_missing_is_skipped_denied_or_counted_by_address_as_was_said() {
    let by_header = |missing| KeySource::header("x-api-key", missing);
    let skipping = server(by_header(Missing::Skip)).await;
    let skipped = skipping.get("/").await;
    assert_eq!((skipped.status().as_u16(), header(&skipped, "x-ratelimit-limit")), (200, None));
    assert_eq!(skipping.statuses("/", 2).await, [200, 200]);

    assert_eq!(server(by_header(Missing::Address)).await.statuses("/", 2).await, [200, 429]);

    let denying = server(by_header(Missing::Deny)).await;
    let denied = denying.get("/").await;
    assert_eq!(denied.status(), 403);
    assert_eq!(header(&denied, "cache-control"), Some("no-store"));
    assert_eq!(header(&denied, "retry-after"), None);
    let body: serde_json::Value = serde_json::from_str(&denied.text().await.unwrap()).unwrap();
    assert_eq!((&body["status"], &body["code"]), (&403.into(), &"key_missing".into()));
    assert_eq!(denying.status_with("/", "x-api-key", "k1").await, 200);
}

#[tokio::test]
async fn the_status_of_a_missing_key_can_be_chosen() {
    let layer = builder()
        .limit(limit("one", "fixed-window 1/1d", &clock()).key(KeySource::header("x-api-key", Missing::Deny)))
        .missing_status(StatusCode::UNAUTHORIZED)
        .map_denial(|event, mut response| {
            assert!(event.checks().is_empty() && event.answer().is_none());
            response.headers_mut().insert("www-authenticate", "ApiKey".parse().unwrap());
            response
        })
        .build()
        .unwrap();
    let server = Server::start(Router::new().route("/", get(ok)).layer(layer)).await;
    let denied = server.request(Method::GET, "/").header("accept", "text/plain").send().await.unwrap();
    assert_eq!((denied.status().as_u16(), header(&denied, "www-authenticate")), (401, Some("ApiKey")));
    assert!(denied.text().await.unwrap().starts_with("401 Unauthorized\n"));
}

#[tokio::test]
async fn a_function_is_a_key_and_several_are_one() {
    let team = KeySource::from_fn(
        |request| Some(Key::new().part("team", request.extension::<User>()?.team.to_be_bytes())),
        Missing::Deny,
    );
    let server = server(team.and(KeySource::address()).and(KeySource::route())).await;
    let (from, from_another) = (("x-forwarded-for", "203.0.113.10"), ("x-forwarded-for", "203.0.113.11"));
    let requests: &[&[_]] = &[
        &[from, ("x-user", "ann 1")],
        &[from, ("x-user", "bob 1")],
        &[from, ("x-user", "carl 2")],
        &[from_another, ("x-user", "ann 1")],
        &[from],
    ];
    assert_eq!(ask(&server, requests).await, [200, 429, 200, 200, 403]);
    // The same keys on another route.
    let other = server.request(Method::GET, "/other").header(from.0, from.1).header("x-user", "ann 1");
    assert_eq!(other.send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn one_key_can_be_everybodys() {
    let server = server(KeySource::shared()).await;
    let requests: &[&[_]] = &[&[("x-forwarded-for", "203.0.113.10")], &[("x-forwarded-for", "203.0.113.11")]];
    assert_eq!(ask(&server, requests).await, [200, 429]);
}

/// A service that was called without a server, and so without a peer.
async fn called(identity: Identity, request: http::request::Builder) -> http::Response<axum::body::Body> {
    let one = limit("one", "fixed-window 1/1d", &clock());
    let layer = builder().identity(identity).limit(one).build().unwrap();
    let app = Router::new().route("/", get(ok)).layer(layer);
    app.oneshot(request.body(axum::body::Body::empty()).unwrap()).await.unwrap()
}

#[tokio::test]
async fn a_server_that_does_not_tell_the_peer_is_told_what_to_do() {
    let unknown = called(Identity::default(), http::Request::get("/")).await;
    assert_eq!(unknown.status(), 500);
    let body = axum::body::to_bytes(unknown.into_body(), 10_000).await.unwrap();
    let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
    assert!(body["message"].as_str().unwrap().contains("into_make_service_with_connect_info::<SocketAddr>()"));

    // A proxy that is trusted by its number tells who the client is; and so does an extension.
    let behind = Identity::behind(ForwardingHeader::X_FORWARDED_FOR, Proxies::hops(1));
    let forwarded = http::Request::get("/").header("x-forwarded-for", "203.0.113.10");
    assert_eq!(called(behind, forwarded).await.status(), 200);
    let known = http::Request::get("/").extension(Peer::Unix);
    assert_eq!(called(Identity::default(), known).await.status(), 200);
    let known = http::Request::get("/").extension(std::net::SocketAddr::from(([203, 0, 113, 10], 80)));
    assert_eq!(called(Identity::default(), known).await.status(), 200);
}

#[tokio::test]
async fn the_peer_can_be_found_by_a_function() {
    let layer = builder()
        .limit(limit("one", "fixed-window 1/1d", &clock()))
        .peer(|parts| Some(Peer::Address(parts.headers.get("x-test-peer")?.to_str().ok()?.parse().ok()?)))
        .build()
        .unwrap();
    let server = Server::start(Router::new().route("/", get(ok)).layer(layer)).await;
    for (peer, status) in [("203.0.113.10", 200), ("203.0.113.11", 200), ("203.0.113.10", 429), ("nobody", 500)] {
        assert_eq!(server.status_with("/", "x-test-peer", peer).await, status, "{peer}");
    }
}
