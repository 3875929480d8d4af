//! Hooks, and dry runs, which are seen in hooks alone.

use crate::support::{Server, builder, clock, header, limit};
use axum::Router;
use axum::routing::get;
use reqwest::Method;
use sluicegate_tower::{Event, KeySource, Missing, RateLimitLayerBuilder, Route};
use std::sync::{Arc, Mutex};

async fn ok() -> &'static str {
    "ok"
}

type Lines = Arc<Mutex<Vec<String>>>;

/// An event in one line.
fn line(event: &Event<'_>) -> String {
    let checks = event.checks().iter().map(|check| {
        let (sign, dry) =
            (if check.decision().allowed() { '+' } else { '-' }, if check.dry_run() { "?" } else { "" });
        format!("{sign}{}{dry} {} cost {}", check.name(), check.key(), check.cost())
    });
    let status = event.answer().map(|answer| answer.status());
    let route = event.request().route();
    format!("{:?} {route:?} {status:?}: {}", event.outcome(), checks.collect::<Vec<_>>().join("; "))
}

/// Writes all decisions and all denials down.
fn recorded<C: sluicegate::Clock>(builder: RateLimitLayerBuilder<C>) -> (RateLimitLayerBuilder<C>, Lines, Lines) {
    let (decisions, denials) = (Lines::default(), Lines::default());
    let (to_decisions, to_denials) = (Arc::clone(&decisions), Arc::clone(&denials));
    let builder = builder
        .on_decision(move |event| to_decisions.lock().unwrap().push(line(event)))
        .on_denial(move |event| to_denials.lock().unwrap().push(line(event)));
    (builder, decisions, denials)
}

#[tokio::test]
async fn hooks_are_told_of_every_decision_and_every_denial() {
    let clock = clock();
    let by_user = KeySource::header("x-user", Missing::Deny);
    let layer = builder()
        .limit(limit("address", "fixed-window 2/1d", &clock))
        .route(
            Route::new().matched_path("/u/{id}"),
            [limit("user", "fixed-window 9/1d", &clock).key(by_user).cost(3)],
        )
        .exempt_path("/free");
    let (layer, decisions, denials) = recorded(layer);
    let app = Router::new().route("/u/{id}", get(ok)).route("/free", get(ok)).layer(layer.build().unwrap());
    let server = Server::start(app).await;
    let ask = async |user: &str| server.status_with("/u/1", "x-user", user).await;

    assert_eq!(ask("a secret").await, 200);
    assert_eq!(ask("").await, 403);
    assert_eq!(server.get("/free").await.status(), 200);
    assert_eq!([ask("a secret").await, ask("a secret").await], [200, 429]);

    let decisions = decisions.lock().unwrap();
    let user = decisions[0].split("x-user=").nth(1).unwrap().split(' ').next().unwrap();
    let route = r#"Some("/u/{id}")"#;
    let checks = |first| format!("{first}address 127.0.0.1 cost 1; +user x-user={user} cost 3");
    let no_key = format!("NoKey {route} None: ");
    let denied = format!("Denied {route} Some(429): {}", checks('-'));
    let allowed = format!("Allowed {route} Some(200): {}", checks('+'));
    assert_eq!(*decisions, [allowed.clone(), no_key.clone(), allowed, denied.clone()]);
    assert_eq!(*denials.lock().unwrap(), [no_key, denied]);
    assert!(user.starts_with('#') && !decisions[0].contains("secret"));
}

#[tokio::test]
async fn a_dry_run_denies_nothing_shows_nothing_and_tells_the_hooks() {
    let layer = builder().limit(limit("strict", "fixed-window 1/1d", &clock())).dry_run(true);
    let (layer, decisions, denials) = recorded(layer);
    let server = Server::start(Router::new().route("/", get(ok)).layer(layer.build().unwrap())).await;
    for _ in 0..2 {
        let served = server.get("/").await;
        assert_eq!((served.status().as_u16(), header(&served, "x-ratelimit-limit")), (200, None));
    }
    let would_be = r#"WouldBeDenied Some("/") None: -strict? 127.0.0.1 cost 1"#;
    assert_eq!(*denials.lock().unwrap(), [would_be]);
    assert_eq!(*decisions.lock().unwrap(), [r#"Allowed Some("/") None: +strict? 127.0.0.1 cost 1"#, would_be]);
}

#[tokio::test]
async fn a_limit_in_a_dry_run_beside_one_that_is_enforced_changes_nothing_for_clients() {
    let clock = clock();
    let enforced = limit("enforced", "fixed-window 2/1d", &clock);
    let strict = limit("strict", "fixed-window 1/1d", &clock).dry_run(true).skip_failed();
    let keyed =
        limit("keyed", "fixed-window 1/1d", &clock).dry_run(true).key(KeySource::header("x-key", Missing::Deny));
    let strict_too = strict.clone();
    let (layer, _, denials) =
        recorded(builder().limit(strict).limit(enforced).route(Route::new().path("/keyed"), [keyed]));
    let app = Router::new().route("/", get(ok)).route("/keyed", get(ok)).layer(layer.build().unwrap());
    let server = Server::start(app).await;

    let missed = server.request(Method::GET, "/missing").send().await.unwrap();
    assert_eq!((missed.status().as_u16(), header(&missed, "ratelimit")), (404, Some(r#""enforced";r=1;t=86400"#)));
    // It failed, so the dry run has given it back.
    let key = sluicegate::identity::Identity::default().key(Some([127, 0, 0, 1].into()));
    assert_eq!(
        strict_too.limiter().peek_at(key, 0, crate::support::MIDNIGHT * crate::support::SECOND_NS).remaining(),
        1
    );
    assert_eq!(server.statuses("/keyed", 2).await, [200, 429]);
    let denials = denials.lock().unwrap();
    assert!(denials[0].starts_with("WouldBeDenied"), "{denials:?}");
    assert!(denials[1].starts_with("Denied"), "{denials:?}");
    assert_eq!(denials[1].matches("strict").count(), 0);
}
