//! A leaky bucket's requests are held so that they reach the service at its rate.

use crate::support::{Server, header};
use axum::Router;
use axum::routing::get;
use sluicegate::Limiter;
use sluicegate_tower::{KeySource, Limit, RateLimitLayer, RateLimitLayerBuilder};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// A queue of five that leave 100 ms after one another.
fn queue() -> Limit {
    let limiter = Limiter::builder("leaky-bucket 10/1s burst=5").max_keys(100).build().unwrap();
    Limit::over("queue", limiter).unwrap().key(KeySource::shared())
}

type Arrivals = Arc<Mutex<Vec<Instant>>>;

async fn server(layer: RateLimitLayerBuilder) -> (Arc<Server>, Arrivals) {
    let arrivals = Arrivals::default();
    let noted = Arc::clone(&arrivals);
    let handler = move || async move { noted.lock().unwrap().push(Instant::now()) };
    let app = Router::new().route("/", get(handler)).layer(layer.build().unwrap());
    (Arc::new(Server::start(app).await), arrivals)
}

async fn at_once(server: &Arc<Server>, count: usize) -> Vec<u16> {
    let mut clients = JoinSet::new();
    for _ in 0..count {
        let server = Arc::clone(server);
        clients.spawn(async move { server.get("/").await.status().as_u16() });
    }
    let mut statuses = clients.join_all().await;
    statuses.sort_unstable();
    statuses
}

#[tokio::test]
async fn requests_reach_the_service_at_the_buckets_rate() {
    let (server, arrivals) = server(RateLimitLayer::builder().limit(queue())).await;
    let began = Instant::now();
    assert_eq!(at_once(&server, 5).await, [200; 5]);
    let arrivals = arrivals.lock().unwrap();
    for (n, arrival) in arrivals.iter().enumerate() {
        let (earliest, waited) = (Duration::from_millis(100 * n as u64), arrival.duration_since(began));
        // The first came at the earliest when the test began; the clock that the bucket goes by is another.
        assert!(waited + Duration::from_millis(2) >= earliest, "{n}: {waited:?}");
    }
    assert_eq!(arrivals.len(), 5);
}

#[tokio::test]
async fn what_does_not_fit_the_queue_is_denied_at_once() {
    let (server, arrivals) = server(RateLimitLayer::builder().limit(queue().cost(5))).await;
    assert_eq!(server.get("/").await.status(), 200);
    let denied = server.get("/").await;
    assert_eq!((denied.status().as_u16(), header(&denied, "retry-after")), (429, Some("1")));
    assert_eq!(arrivals.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn who_only_polices_holds_nothing() {
    let hour = Limiter::builder("leaky-bucket 1/1h burst=5").max_keys(100).build().unwrap();
    let hour = Limit::over("queue", hour).unwrap().key(KeySource::shared());
    let (policing, _) = server(RateLimitLayer::builder().limit(hour.clone()).delay(false)).await;
    assert_eq!(at_once(&policing, 6).await, [200, 200, 200, 200, 200, 429]);
    hour.limiter().reset("");
    let (dry, _) = server(RateLimitLayer::builder().limit(hour).dry_run(true)).await;
    assert_eq!(at_once(&dry, 6).await, [200; 6]);
}

#[tokio::test]
async fn a_client_that_leaves_the_queue_never_reaches_the_service_and_keeps_its_place() {
    let queue = queue();
    let (server, arrivals) = server(RateLimitLayer::builder().limit(queue.clone())).await;
    assert_eq!(server.get("/").await.status(), 200);
    let mut leaving = JoinSet::new();
    for _ in 0..3 {
        let server = Arc::clone(&server);
        leaving.spawn(async move { server.get("/").await.status() });
    }
    // Until all three are in the queue; 500 ms of it are the five that fit.
    while queue.limiter().peek("").remaining() > 1 {
        tokio::task::yield_now().await;
        if let Some(Ok(status)) = leaving.try_join_next() {
            panic!("{status}: served without a delay");
        }
    }
    leaving.shutdown().await;
    assert!(queue.limiter().peek("").remaining() < 4);
    // The next one waits behind the places of those who have left.
    let began = Instant::now();
    assert_eq!(server.get("/").await.status(), 200);
    assert!(began.elapsed() > Duration::from_millis(100));
    assert_eq!(arrivals.lock().unwrap().len(), 2);
}
