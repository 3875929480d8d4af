//! The layer around services of other kinds than axum's.

use crate::support::{builder, clock, limit};
use bytes::Bytes;
use futures_util::stream;
use http::{Request, Response};
use http_body::{Body, Frame};
use http_body_util::{BodyExt, Empty, Full, StreamBody, combinators::BoxBody};
use sluicegate::Limiter;
use sluicegate_tower::{KeySource, Limit, Peer, RateLimit, RateLimitLayer, ResponseBody};
use std::convert::Infallible;
use std::fmt;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use tower::limit::ConcurrencyLimitLayer;
use tower::{Layer, Service, ServiceBuilder, ServiceExt, service_fn};

fn request() -> Request<Empty<Bytes>> {
    Request::get("http://example.com/").extension(Peer::Unix).body(Empty::new()).unwrap()
}

#[derive(Debug, PartialEq)]
struct Broken;

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("broken")
    }
}

impl std::error::Error for Broken {}

#[test]
fn all_of_it_can_be_cloned_and_sent_and_shared() {
    fn shared<T: Clone + Send + Sync + 'static>(_: &T) {}
    fn sent<T: Send>(_: T) {}
    let layer = builder().limit(limit("one", "fixed-window 1/1d", &clock())).build().unwrap();
    let mut service = layer.layer(service_fn(async |_: Request<Empty<Bytes>>| {
        Ok::<_, Infallible>(Response::new(Full::<Bytes>::default()))
    }));
    shared(&layer);
    shared(&service);
    sent(service.call(request()));
    assert!(format!("{layer:?} {:?}", RateLimit::get_ref(&service)).contains("fixed-window 1/d"));
}

#[tokio::test]
async fn requests_and_responses_may_have_any_bodies() {
    async fn bodies<B>(body: impl Fn() -> B) -> (u16, Bytes, u16, Bytes)
    where
        B: Body<Data = Bytes, Error: fmt::Debug> + 'static,
    {
        let layer = builder().limit(limit("one", "fixed-window 1/1d", &clock())).build().unwrap();
        let inner = service_fn(|_: Request<()>| std::future::ready(Ok::<_, Infallible>(Response::new(body()))));
        let mut service = layer.layer(inner);
        let mut ask = async || {
            let request = Request::get("/").extension(Peer::Unix).body(()).unwrap();
            let response: Response<ResponseBody<B>> = service.ready().await.unwrap().call(request).await.unwrap();
            let status = response.status().as_u16();
            let exact = response.body().size_hint().exact();
            let bytes = response.into_body().collect().await.unwrap().to_bytes();
            assert!(exact.is_none_or(|exact| exact == bytes.len() as u64));
            (status, bytes)
        };
        let (served, denied) = (ask().await, ask().await);
        (served.0, served.1, denied.0, denied.1)
    }
    let full = || Full::new(Bytes::from_static(b"inner"));
    let streamed = || {
        let frames = ["in", "ner"].map(|text| Ok::<_, Broken>(Frame::data(Bytes::from_static(text.as_bytes()))));
        StreamBody::new(stream::iter(frames))
    };
    for (served, inner, denied, body) in [
        bodies(full).await,
        bodies(streamed).await,
        bodies(|| BoxBody::new(full())).await,
        bodies(|| axum::body::Body::from("inner")).await,
    ] {
        assert_eq!((served, &*inner, denied), (200, &b"inner"[..], 429));
        assert!(serde_json::from_slice::<serde_json::Value>(&body).unwrap()["status"] == 429);
    }
}

#[tokio::test]
async fn a_denial_of_a_head_request_has_no_body_whatever_the_server_makes_of_it() {
    let layer = builder().limit(limit("one", "fixed-window 0/1d", &clock())).build().unwrap();
    let inner = service_fn(async |_: Request<()>| Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new())));
    let ask = async |method| {
        let request = Request::builder().method(method).uri("/").extension(Peer::Unix).body(()).unwrap();
        let denied = layer.layer(inner).oneshot(request).await.unwrap();
        let length = denied.headers()["content-length"].to_str().unwrap().parse::<usize>().unwrap();
        (length, denied.into_body().collect().await.unwrap().to_bytes().len())
    };
    let (length, sent) = ask("GET").await;
    assert!(length == sent && length > 0);
    assert_eq!(ask("HEAD").await, (length, 0));
}

#[tokio::test]
async fn trailers_of_the_inner_service_get_through() {
    let body = || {
        let mut trailers = http::HeaderMap::new();
        trailers.insert("grpc-status", "0".parse().unwrap());
        let frames = [Ok::<_, Broken>(Frame::data(Bytes::from_static(b"message"))), Ok(Frame::trailers(trailers))];
        StreamBody::new(stream::iter(frames))
    };
    let layer = builder().limit(limit("one", "fixed-window 1/1d", &clock())).build().unwrap();
    let service =
        layer.layer(service_fn(|_: Request<_>| std::future::ready(Ok::<_, Infallible>(Response::new(body())))));
    let collected = service.oneshot(request()).await.unwrap().into_body().collect().await.unwrap();
    assert_eq!(collected.trailers().unwrap()["grpc-status"], "0");
}

#[tokio::test]
async fn a_grpc_client_is_denied_in_its_own_way() {
    for (policy, status, pushback) in [("fixed-window 0/1d", "8", "-1"), ("fixed-window 1/1d", "8", "86400000")] {
        let layer = builder().limit(limit("one", policy, &clock())).build().unwrap();
        let inner = service_fn(async |_: Request<()>| Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new())));
        let mut service = layer.layer(inner);
        let mut ask = async || {
            let request = Request::post("/pkg.Service/Method").header("content-type", "application/grpc+proto");
            let request = request.header("te", "trailers").extension(Peer::Unix).body(()).unwrap();
            service.ready().await.unwrap().call(request).await.unwrap()
        };
        ask().await;
        let denied = ask().await;
        let header = |name: &str| denied.headers().get(name).map(|value| value.to_str().unwrap());
        assert_eq!((denied.status().as_u16(), header("grpc-status")), (200, Some(status)));
        assert_eq!(header("grpc-message"), Some("too many requests"));
        assert_eq!(header("grpc-retry-pushback-ms"), Some(pushback));
        assert_eq!(header("content-type"), Some("application/grpc+proto"));
        assert_eq!(header("content-length"), None);
        assert!(header("ratelimit").is_some() && denied.body().is_end_stream());
    }
}

#[tokio::test]
async fn an_error_of_the_inner_service_is_passed_on_and_has_counted() {
    let one = limit("one", "fixed-window 2/1d", &clock()).skip_failed();
    let counted = one.clone();
    let layer = builder().limit(one.key(KeySource::shared())).build().unwrap();
    let broken = service_fn(async |_: Request<_>| Err::<Response<Empty<Bytes>>, _>(Broken));
    assert_eq!(layer.layer(broken).oneshot(request()).await.unwrap_err(), Broken);
    assert_eq!(counted.limiter().peek("").remaining(), 0);
}

#[tokio::test]
async fn a_panic_of_the_inner_service_has_counted_and_harms_nobody() {
    let one = limit("one", "fixed-window 2/1d", &clock()).skip_successful().key(KeySource::shared());
    let counted = one.clone();
    let layer = builder().limit(one).build().unwrap();
    let panics = service_fn(async |request: Request<Empty<Bytes>>| {
        assert!(request.uri().path() != "/", "a handler panics");
        Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new()))
    });
    let service = layer.layer(panics);
    let panicked = tokio::spawn(service.clone().oneshot(request())).await.unwrap_err();
    assert!(panicked.is_panic());
    assert_eq!(counted.limiter().peek("").remaining(), 0);
    let well = Request::get("/well").extension(Peer::Unix).body(Empty::new()).unwrap();
    assert_eq!(service.oneshot(well).await.unwrap().status(), 200);
    assert_eq!(counted.limiter().peek("").remaining(), 0);
}

/// Polls once.
fn poll<F: Future>(future: F) -> Poll<F::Output> {
    pin!(future).poll(&mut Context::from_waker(Waker::noop()))
}

fn is_ready<S: Service<Request<Empty<Bytes>>>>(service: &mut S) -> bool {
    service.poll_ready(&mut Context::from_waker(Waker::noop())).is_ready()
}

#[tokio::test]
async fn readiness_of_the_inner_service_is_used_by_who_is_served_and_let_go_of_by_who_is_denied() {
    let layer = builder().limit(limit("one", "fixed-window 1/1d", &clock())).build().unwrap();
    let pending = service_fn(|_: Request<_>| std::future::pending::<Result<Response<Empty<Bytes>>, Infallible>>());
    let mut one = ServiceBuilder::new().layer(layer).layer(ConcurrencyLimitLayer::new(1)).service(pending);
    // Whoever asks and is not ready waits in line, until it is dropped.
    let other = one.clone();
    let other_is_ready = || is_ready(&mut other.clone());

    assert!(is_ready(&mut one));
    assert!(!other_is_ready());
    let mut served = Box::pin(one.call(request()));
    assert!(served.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    assert!(!other_is_ready(), "the request that is served has the only permit");
    drop(served);
    assert!(is_ready(&mut one));
    let denied = poll(one.call(request()));
    assert!(matches!(denied, Poll::Ready(Ok(response)) if response.status() == 429));
    assert!(other_is_ready(), "who was denied holds a permit of the service that it never reached");
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_held_is_served_by_the_service_that_was_ready_for_it() {
    let bucket = Limiter::builder("leaky-bucket 1/1m burst=9").max_keys(10).build().unwrap();
    let bucket = Limit::over("bucket", bucket).unwrap();
    let layer = RateLimitLayer::builder().limit(bucket).build().unwrap();
    let inner = service_fn(async |_: Request<_>| Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new())));
    let mut one = ServiceBuilder::new().layer(layer).layer(ConcurrencyLimitLayer::new(1)).service(inner);
    let mut other = one.clone();
    assert!(is_ready(&mut one));
    assert!(matches!(poll(one.call(request())), Poll::Ready(Ok(_))));

    assert!(is_ready(&mut one));
    let mut held = Box::pin(one.call(request()));
    assert!(held.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    assert!(!is_ready(&mut other), "the request that is held has the only permit");
    // tokio's clock goes on by itself where everybody waits.
    assert_eq!(held.await.unwrap().status(), 200);
    assert!(is_ready(&mut other));

    let mut left = Box::pin(other.call(request()));
    assert!(left.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    drop(left);
    assert!(is_ready(&mut one), "who has left takes no permit along");
}
