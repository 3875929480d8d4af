//! What a server sees of a client that obeys, over real connections.

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, State};
use axum::http::{Extensions, Request, Response};
use reqwest_middleware::{ClientWithMiddleware, Middleware, Next, Result};
use sluicegate::retry::{GiveUpReason, RetryPolicy};
use sluicegate_reqwest::{ClientBuilder, GivenUp, Hold, Obey};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};
use tokio::net::TcpListener;

/// What a server has seen of one request.
#[derive(Debug, Clone, PartialEq)]
struct Seen {
    method: String,
    body: Bytes,
    from: SocketAddr,
    at: Instant,
}

type Answers = dyn Fn(usize) -> Response<Body> + Send + Sync;

#[derive(Clone)]
struct Server {
    seen: Arc<Mutex<Vec<Seen>>>,
    answers: Arc<Answers>,
    url: String,
}

impl Server {
    /// A server whose answers are told by how many requests came before.
    async fn with(answers: impl Fn(usize) -> Response<Body> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/path", listener.local_addr().unwrap());
        let server = Self { seen: Arc::default(), answers: Arc::new(answers), url };
        let app = Router::new().fallback(answer).with_state(server.clone());
        let app = app.into_make_service_with_connect_info::<SocketAddr>();
        tokio::spawn(async move { axum::serve(listener, app).await });
        server
    }

    fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

async fn answer(
    State(server): State<Server>,
    ConnectInfo(from): ConnectInfo<SocketAddr>,
    request: Request<Body>,
) -> Response<Body> {
    let method = request.method().to_string();
    let body = axum::body::to_bytes(request.into_body(), usize::MAX).await.unwrap();
    let before = {
        let mut seen = server.seen.lock().unwrap();
        seen.push(Seen { method, body, from, at: Instant::now() });
        seen.len() - 1
    };
    (server.answers)(before)
}

fn denial(status: u16, header: (&str, &str)) -> Response<Body> {
    Response::builder().status(status).header(header.0, header.1).body("later ".repeat(500).into()).unwrap()
}

/// Denies so many requests, then admits.
async fn denies(times: usize, header: (&'static str, &'static str)) -> Server {
    Server::with(move |before| if before < times { denial(429, header) } else { Response::new("welcome".into()) })
        .await
}

fn client(obey: Obey) -> ClientWithMiddleware {
    ClientBuilder::new(reqwest::Client::new()).with(obey).build()
}

#[tokio::test]
async fn it_waits_as_told_and_is_admitted() {
    for header in [
        ("Retry-After", "1"),
        ("RateLimit", "\"default\";r=0;t=1"),
        ("RateLimit", "limit=1, remaining=0, reset=1"),
        ("X-RateLimit-Reset", "1"),
        ("x-ratelimit-reset", "0m1s"),
    ] {
        let server = denies(1, header).await;
        let response = client(Obey::default()).get(&server.url).send().await.unwrap();
        assert_eq!((response.status().as_u16(), response.extensions().get::<GivenUp>()), (200, None));
        assert_eq!(response.text().await.unwrap(), "welcome");
        let seen = server.seen();
        assert_eq!(seen.len(), 2);
        assert!(seen[1].at - seen[0].at >= Duration::from_secs(1), "{header:?}");
    }
}

#[tokio::test]
async fn a_body_in_memory_is_sent_again_on_the_same_connection() {
    let server = denies(2, ("retry-after-ms", "50")).await;
    let request = client(Obey::default()).post(&server.url).header("Idempotency-Key", "\"7\"").body("order 7");
    assert_eq!(request.send().await.unwrap().status(), 200);
    let seen = server.seen();
    assert_eq!(seen.len(), 3);
    for again in &seen {
        assert_eq!((again.method.as_str(), &again.body[..]), ("POST", &b"order 7"[..]));
        assert_eq!(again.from, seen[0].from);
    }
}

#[tokio::test]
async fn what_must_not_be_sent_twice_is_passed_on_with_the_reason() {
    let server = denies(1, ("Retry-After", "1")).await;
    let response = client(Obey::default()).post(&server.url).body("order 7").send().await.unwrap();
    let given_up = response.extensions().get::<GivenUp>().unwrap();
    assert_eq!(response.status(), 429);
    assert_eq!((given_up.reason, given_up.come_back), (GiveUpReason::Method, Some(Duration::from_secs(1))));
    assert_eq!(response.text().await.unwrap().len(), 3000);
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn a_stream_is_gone_once_it_was_sent() {
    let server = denies(1, ("Retry-After", "1")).await;
    let body = reqwest::Body::wrap_stream(one_chunk());
    let response = client(Obey::default()).put(&server.url).body(body).send().await.unwrap();
    assert_eq!(response.extensions().get::<GivenUp>().unwrap().reason, GiveUpReason::Body);
    assert_eq!(server.seen()[0].body, "order 7");
}

/// A stream of one chunk.
fn one_chunk()
-> impl futures_util::Stream<Item = std::result::Result<&'static str, std::io::Error>> + Send + 'static {
    let mut chunks = Some("order 7");
    futures_util::stream::poll_fn(move |_| std::task::Poll::Ready(chunks.take().map(Ok)))
}

#[tokio::test]
async fn a_longer_wait_than_is_accepted_is_not_begun() {
    let server = denies(1, ("Retry-After", "3600")).await;
    let response = client(Obey::default()).get(&server.url).send().await.unwrap();
    let given_up = response.extensions().get::<GivenUp>().unwrap();
    assert_eq!(given_up.reason, GiveUpReason::ServerWait);
    assert_eq!(given_up.come_back, Some(Duration::from_secs(3600)));
    assert_eq!((given_up.attempts, server.seen().len()), (1, 1));
}

#[tokio::test]
async fn attempts_end() {
    let server = denies(usize::MAX, ("retry-after-ms", "10")).await;
    let response = client(Obey::default()).get(&server.url).send().await.unwrap();
    let given_up = response.extensions().get::<GivenUp>().unwrap();
    assert_eq!((response.status().as_u16(), given_up.reason), (429, GiveUpReason::Attempts));
    assert_eq!((given_up.attempts, server.seen().len()), (4, 4));
}

#[tokio::test]
async fn a_body_that_does_not_end_holds_nobody_up() {
    let endless = || {
        let stream = futures_util::stream::pending::<std::result::Result<&str, std::io::Error>>();
        Response::builder().status(429).header("retry-after-ms", "50").body(Body::from_stream(stream)).unwrap()
    };
    let server = Server::with(move |before| if before == 0 { endless() } else { Response::default() }).await;
    assert_eq!(client(Obey::default()).get(&server.url).send().await.unwrap().status(), 200);
}

/// How often one of `clients` is turned away again by a server that opens two seconds later than it says at first.
async fn turned_away_again(clients: usize, hold: Hold) -> usize {
    let until = OnceLock::new();
    let answers = move |_| {
        let until = *until.get_or_init(|| Instant::now() + Duration::from_secs(3));
        if Instant::now() < until { denial(429, ("Retry-After", "1")) } else { Response::default() }
    };
    let server = Server::with(answers).await;
    // Their retries come one after the other within a second.
    let policy = RetryPolicy::builder().server_jitter(90, Duration::from_secs(1)).max_attempts(9).build().unwrap();
    let client = client(Obey::new(policy).hold(hold));
    let asking: Vec<_> = (0..clients).map(|_| tokio::spawn(client.get(&server.url).send())).collect();
    for one in asking {
        assert_eq!(one.await.unwrap().unwrap().status(), 200);
    }
    server.seen().len() - 2 * clients
}

#[tokio::test]
async fn of_many_who_wait_few_find_out_that_it_is_too_early() {
    let alone = turned_away_again(12, Hold::Nothing).await;
    assert!(alone >= 12, "{alone}");
    let together = turned_away_again(12, Hold::Retries).await;
    assert!((1..alone).contains(&together), "{together} of {alone}");
}

/// Notes that a response has come back to the client.
#[derive(Clone, Default)]
struct CameBack(Arc<AtomicBool>);

#[async_trait::async_trait]
impl Middleware for CameBack {
    async fn handle(
        &self,
        request: reqwest::Request,
        extensions: &mut Extensions,
        next: Next<'_>,
    ) -> Result<reqwest::Response> {
        let response = next.run(request, extensions).await;
        self.0.store(true, Ordering::Relaxed);
        response
    }
}

// There is one thread, so what follows on a response without waiting has been done when another task runs.
#[tokio::test(flavor = "current_thread")]
async fn where_all_are_held_a_first_attempt_waits_for_what_another_was_told() {
    let server = denies(1, ("Retry-After", "1")).await;
    let came_back = CameBack::default();
    let client = ClientBuilder::new(reqwest::Client::new());
    let client = client.with(Obey::default().hold(Hold::Everything)).with(came_back.clone()).build();
    let first = tokio::spawn(client.get(&server.url).send());
    while !came_back.0.load(Ordering::Relaxed) {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let second = client.get(&server.url).send().await.unwrap();
    let first = first.await.unwrap().unwrap();
    assert_eq!((first.status().as_u16(), second.status().as_u16()), (200, 200));
    let seen = server.seen();
    assert_eq!(seen.len(), 3);
    assert!(seen[1..].iter().all(|later| later.at - seen[0].at >= Duration::from_secs(1)));
}
