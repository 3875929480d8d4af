//! Which limits hold which requests, and that they hold.

use crate::support::{Server, builder, clock, header, limit};
use axum::Router;
use axum::routing::{any, get};
use reqwest::Method;
use sluicegate::identity::{ForwardingHeader, Identity, Proxies};
use sluicegate_tower::{KeySource, Limit, Missing, RateLimitLayer, Route};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::task::JoinSet;

async fn ok() -> &'static str {
    "ok"
}

#[tokio::test]
async fn three_lines_limit_everything_by_client_address() {
    let behind_one_proxy = Identity::behind(ForwardingHeader::X_FORWARDED_FOR, Proxies::hops(1));
    let layer = RateLimitLayer::by_address("fixed-window 2/366d", behind_one_proxy).unwrap();
    let server = Server::start(Router::new().route("/", get(ok)).layer(layer)).await;

    let status = async |client: &str| server.status_with("/", "x-forwarded-for", client).await;
    assert_eq!(status("203.0.113.10").await, 200);
    assert_eq!(status("6.6.6.6, 203.0.113.10").await, 200);
    assert_eq!(status("7.7.7.7, 203.0.113.10").await, 429);
    assert_eq!(status("203.0.113.11").await, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn exactly_the_limit_is_served_under_concurrent_load() {
    let served = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&served);
    let handler = move || async move {
        counter.fetch_add(1, Ordering::Relaxed);
        "ok"
    };
    let layer = RateLimitLayer::by_address("fixed-window 100/366d", Identity::default()).unwrap();
    let server = Arc::new(Server::start(Router::new().route("/", get(handler)).layer(layer)).await);

    let mut clients = JoinSet::new();
    for _ in 0..16 {
        let server = Arc::clone(&server);
        clients.spawn(async move { server.statuses("/", 25).await });
    }
    let statuses = clients.join_all().await.concat();
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 100);
    assert_eq!(statuses.iter().filter(|status| **status == 429).count(), 300);
    assert_eq!(served.load(Ordering::Relaxed), 100);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn several_limits_under_concurrent_load_are_charged_all_or_none() {
    let small = Limit::new("small", "fixed-window 30/366d").unwrap();
    let large = Limit::new("large", "fixed-window 1000/366d").unwrap().key(KeySource::shared());
    let layer = RateLimitLayer::builder().limit(large.clone()).limit(small.clone()).build().unwrap();
    let server = Arc::new(Server::start(Router::new().route("/", get(ok)).layer(layer)).await);

    let mut clients = JoinSet::new();
    for _ in 0..8 {
        let server = Arc::clone(&server);
        clients.spawn(async move { server.statuses("/", 10).await });
    }
    let statuses = clients.join_all().await.concat();
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 30);
    // The 50 that the small one has denied have cost the large one nothing.
    assert_eq!(large.limiter().peek("").remaining(), 1000 - 30 - 1);
}

#[tokio::test]
async fn a_denial_by_one_of_several_limits_consumes_nothing_of_the_others() {
    let clock = clock();
    let by_second = limit("second", "fixed-window 5/1s", &clock);
    let by_day = limit("day", "fixed-window 20/1d", &clock).cost(10);
    let layer = builder().limit(by_second).limit(by_day).build().unwrap();
    let server = Server::start(Router::new().route("/", get(ok)).layer(layer)).await;

    assert_eq!(server.statuses("/", 4).await, [200, 200, 429, 429]);
    let denied = server.get("/").await;
    // What is left of the other is what is left: it was asked for nothing.
    assert_eq!(header(&denied, "ratelimit"), Some(r#""day";r=0;t=86400, "second";r=3;t=1"#));
    assert_eq!(header(&denied, "ratelimit-policy"), Some(r#""second";q=5;w=1, "day";q=20;w=86400"#));
    assert_eq!(header(&denied, "retry-after"), Some("86400"));
    assert_eq!(header(&denied, "x-ratelimit-limit"), Some("20"));
}

#[tokio::test]
async fn the_first_route_that_matches_adds_its_limits_to_those_of_every_request() {
    let clock = clock();
    let new = |name, policy| limit(name, policy, &clock);
    let layer = builder()
        .limit(new("all", "fixed-window 8/1d"))
        .route(
            Route::new().matched_path("/users/{id}"),
            [new("user", "fixed-window 1/1d").key(KeySource::route())],
        )
        .route(Route::new().path("/api/free"), [])
        .route(
            Route::new().prefix("/api").method(Method::POST).method(Method::PUT),
            [new("write", "fixed-window 1/1d")],
        )
        .route(Route::new().prefix("/api/"), [new("read", "fixed-window 2/1d")])
        .route(
            Route::new().when(|request| request.headers().contains_key("x-beta")),
            [new("beta", "fixed-window 0/1d")],
        )
        .build()
        .unwrap();
    let app = Router::new().route("/users/{id}", get(ok)).route("/x", get(ok)).fallback(any(ok)).layer(layer);
    let server = Server::start(app).await;

    // By the matched path, whoever the user is.
    assert_eq!(server.get("/users/ann").await.status(), 200);
    assert_eq!(server.get("/users/bob").await.status(), 429);
    // The prefix is of whole segments, and the first route counts.
    let post = async |path| server.request(Method::POST, path).send().await.unwrap().status().as_u16();
    assert_eq!(post("/api/x").await, 200);
    assert_eq!(post("/api").await, 429);
    assert_eq!(server.request(Method::PUT, "/api/y").send().await.unwrap().status(), 429);
    assert_eq!(server.statuses("/api/x?y=/z", 3).await, [200, 200, 429]);
    assert_eq!(server.statuses("/apiary", 1).await, [200]);
    assert_eq!(server.status_with("/x", "x-beta", "1").await, 429);
    // A route without limits keeps the ones behind it away. Six were served so far.
    assert_eq!(server.statuses("/api/free", 4).await, [200, 200, 200, 429]);
}

#[tokio::test]
async fn exempt_requests_are_held_by_nothing_and_told_nothing() {
    let clock = clock();
    let layer = builder()
        .identity(Identity::behind(ForwardingHeader::X_FORWARDED_FOR, Proxies::hops(1)))
        .limit(limit("all", "fixed-window 0/1d", &clock))
        .exempt_path("/healthz")
        .exempt_networks("192.0.2.0/24, 2001:db8::/32")
        .exempt_when(|request| request.method() == Method::OPTIONS)
        .build()
        .unwrap();
    let server = Server::start(Router::new().fallback(any(ok)).layer(layer)).await;

    let health = server.get("/healthz?full").await;
    assert_eq!(health.status(), 200);
    assert_eq!(header(&health, "x-ratelimit-limit"), None);
    assert_eq!(server.statuses("/healthz/x", 1).await, [429]);
    assert_eq!(server.request(Method::OPTIONS, "/").send().await.unwrap().status(), 200);
    for (client, status) in [
        ("192.0.2.77", 200),
        ("::ffff:192.0.2.77", 200),
        ("2001:db8:1::5", 200),
        ("192.0.3.1", 429),
        ("192.0.2.77, 203.0.113.10", 429),
    ] {
        assert_eq!(server.status_with("/", "x-forwarded-for", client).await, status, "{client}");
    }
}

#[tokio::test]
async fn costs_are_numbers_or_functions() {
    let clock = clock();
    let weighed = limit("weighed", "fixed-window 10/1d", &clock)
        .cost_by(|request| request.uri().query().and_then(|query| query.parse().ok()).unwrap_or(1));
    let server =
        Server::start(Router::new().route("/", get(ok)).layer(builder().limit(weighed).build().unwrap())).await;

    assert_eq!(header(&server.get("/?4").await, "x-ratelimit-remaining"), Some("6"));
    assert_eq!(header(&server.get("/").await, "x-ratelimit-remaining"), Some("5"));
    assert_eq!(header(&server.get("/?0").await, "x-ratelimit-remaining"), Some("5"));
    let denied = server.get("/?6").await;
    assert_eq!((denied.status().as_u16(), header(&denied, "retry-after")), (429, Some("86400")));
    let never = server.get("/?11").await;
    assert_eq!((never.status().as_u16(), header(&never, "retry-after")), (429, None));
    assert_eq!(server.statuses("/?5", 1).await, [200]);
}

#[test]
fn what_cannot_be_meant_is_refused_with_a_way_out() {
    let clock = clock();
    let new = |name: &str| limit(name, "fixed-window 1/1d", &clock);
    let problem = |built: Result<RateLimitLayer<_>, _>| sluicegate::Error::to_string(&built.unwrap_err());
    let twice = builder().limit(new("a")).route(Route::new(), [new("b"), new("a")]).build();
    assert!(problem(twice).contains("limit \"a\": two limits of this name"));
    assert!(builder().route(Route::new().path("/x"), [new("a")]).route(Route::new(), [new("a")]).build().is_ok());
    for (route, word) in [
        (Route::new().path("api"), "write /api"),
        (Route::new().prefix(""), "no slash"),
        (Route::new().path("/api?x=1"), "no query"),
        (Route::new().matched_path("users"), "write /users"),
    ] {
        assert!(problem(builder().route(route, [new("a")]).build()).contains(word), "{word}");
    }
    let header = new("a").key(KeySource::header("no header", Missing::Deny));
    assert!(problem(builder().limit(header).build()).contains("no header's name"));
    assert!(problem(builder().limit(new("a")).exempt_networks("10.0.0.0/33").build()).contains("10.0.0.0/33"));
    assert!(Limit::new("a\r\nb", "fixed-window 1/1d").unwrap_err().to_string().contains("U+000D"));
    assert!(Limit::new("a", "fixed-window 1 per day").is_err());
}
