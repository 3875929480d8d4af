//! Permits that are given back by what came of a request.

use crate::support::{Server, builder, clock, header, limit};
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Extension, Router};
use sluicegate_tower::{Limit, RateLimitLayer};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// Answers with the status that the path says.
async fn status(Path(status): Path<u16>) -> StatusCode {
    StatusCode::from_u16(status).unwrap()
}

#[derive(Clone)]
struct DoesNotCount;

fn app() -> Router {
    let marked = async || (Extension(DoesNotCount), "ok").into_response();
    Router::new().route("/{status}", get(status)).route("/marked", get(marked))
}

#[tokio::test]
async fn successes_do_not_count_where_failures_are_limited() {
    let login = limit("login", "fixed-window 2/1d", &clock()).skip_successful();
    let server = Server::start(app().layer(builder().limit(login).build().unwrap())).await;
    let success = server.get("/200").await;
    assert_eq!(header(&success, "x-ratelimit-remaining"), Some("2"));
    assert_eq!(header(&success, "ratelimit"), Some(r#""login";r=2;t=86400"#));
    let failure = server.get("/401").await;
    assert_eq!(header(&failure, "x-ratelimit-remaining"), Some("1"));
    assert_eq!(server.statuses("/200", 5).await, [200; 5]);
    assert_eq!(server.statuses("/401", 3).await, [401, 429, 429]);
    assert_eq!(server.statuses("/200", 1).await, [429]);
}

#[tokio::test]
async fn failures_do_not_count_where_successes_are_limited() {
    let orders = limit("orders", "sliding-window 2/1d", &clock()).skip_failed().cost(2);
    let server = Server::start(app().layer(builder().limit(orders).build().unwrap())).await;
    assert_eq!(server.statuses("/500", 5).await, [500; 5]);
    assert_eq!(server.statuses("/302", 2).await, [302, 429]);
}

#[tokio::test]
async fn a_handler_can_say_what_does_not_count() {
    let new = limit("new", "token-bucket 1/1d", &clock())
        .refund_when(|response| response.extension::<DoesNotCount>().is_some());
    let server = Server::start(app().layer(builder().limit(new).build().unwrap())).await;
    assert_eq!(server.statuses("/marked", 3).await, [200; 3]);
    assert_eq!(server.statuses("/200", 2).await, [200, 429]);
}

#[tokio::test]
async fn of_several_limits_those_that_are_to_give_back_do() {
    let clock = clock();
    let all = limit("all", "fixed-window 3/1d", &clock);
    let failures = limit("failures", "fixed-window 1/1d", &clock).skip_successful();
    let server = Server::start(app().layer(builder().limit(all).limit(failures).build().unwrap())).await;
    let answer = server.get("/200").await;
    assert_eq!(header(&answer, "ratelimit"), Some(r#""all";r=2;t=86400, "failures";r=1;t=86400"#));
    assert_eq!(server.statuses("/200", 3).await, [200, 200, 429]);
}

#[tokio::test]
async fn no_number_of_requests_at_once_gets_past_a_limit_whose_permits_come_back() {
    let gate = Arc::new(Semaphore::new(0));
    let opened = Arc::clone(&gate);
    let waits = move || async move {
        opened.acquire().await.unwrap().forget();
        "ok"
    };
    let login = Limit::new("login", "fixed-window 3/366d").unwrap().skip_successful();
    let layer = RateLimitLayer::builder().limit(login.clone()).build().unwrap();
    let server = Arc::new(Server::start(Router::new().route("/", get(waits)).layer(layer)).await);

    let mut clients = JoinSet::new();
    for _ in 0..10 {
        let server = Arc::clone(&server);
        clients.spawn(async move { server.get("/").await.status().as_u16() });
    }
    // While three are in flight the other seven are denied.
    for _ in 0..7 {
        assert_eq!(clients.join_next().await.unwrap().unwrap(), 429);
    }
    gate.add_permits(3);
    assert_eq!(clients.join_all().await, [200; 3]);
    let key = sluicegate::identity::Identity::default().key(Some([127, 0, 0, 1].into()));
    assert_eq!(login.limiter().peek(key).remaining(), 2);
}

#[tokio::test]
async fn a_client_that_leaves_before_the_response_has_counted() {
    let never = async || std::future::pending::<&str>().await;
    let login = Limit::new("login", "fixed-window 2/366d").unwrap().skip_successful();
    let layer = RateLimitLayer::builder().limit(login).build().unwrap();
    let app = Router::new().route("/never", get(never)).route("/", get(async || "ok")).layer(layer);
    let server = Server::start(app).await;
    for _ in 0..2 {
        let left = tokio::time::timeout(Duration::from_millis(100), server.get("/never")).await;
        assert!(left.is_err());
    }
    assert_eq!(server.statuses("/", 1).await, [429]);
}

#[tokio::test]
async fn a_response_that_comes_in_another_window_gives_nothing_of_that_back() {
    let clock = clock();
    let moved = Arc::clone(&clock);
    let login =
        limit("login", "fixed-window 2/1d", &clock).refund_when(|response| response.status() == StatusCode::OK);
    let counted = login.clone();
    let key = sluicegate::identity::Identity::default().key(Some([127, 0, 0, 1].into()));
    // While this request is served the next day begins, and others take all of it.
    let slow = move || async move {
        moved.advance(Duration::from_secs(86_400));
        assert!(counted.limiter().check_cost(key, 2).allowed());
        "ok"
    };
    let app = Router::new().route("/slow", get(slow)).route("/{status}", get(status));
    let server = Server::start(app.layer(builder().limit(login).build().unwrap())).await;
    assert_eq!(header(&server.get("/slow").await, "x-ratelimit-remaining"), Some("0"));
    assert_eq!(server.statuses("/401", 1).await, [429]);
}
