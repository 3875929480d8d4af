//! The way of an allowed request costs no allocation but those of its header fields.

#[path = "../../../tests/counting/mod.rs"]
mod counting;

use bytes::Bytes;
use counting::allocations;
use http::{Request, Response};
use http_body_util::Empty;
use sluicegate::http::{Families, Settings};
use sluicegate::identity::{ForwardingHeader, Identity, Key, Proxies};
use sluicegate_tower::{KeySource, Limit, Missing, Peer, RateLimitLayer};
use std::convert::Infallible;
use std::future::Ready;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use tower::{Layer, Service};

/// A service that allocates nothing.
#[derive(Clone)]
struct Empties;

impl Service<Request<()>> for Empties {
    type Response = Response<Empty<Bytes>>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<()>) -> Self::Future {
        std::future::ready(Ok(Response::new(Empty::new())))
    }
}

/// The status of one request, and the allocations on its way.
fn ask(layer: &RateLimitLayer) -> (u16, usize) {
    let request = Request::get("http://example.com/export/1")
        .header("x-forwarded-for", "6.6.6.6, 203.0.113.10")
        .header("x-api-key", "0123456789abcdef")
        .extension(Peer::Address([10, 0, 0, 1].into()))
        .body(())
        .unwrap();
    let mut service = layer.layer(Empties);
    let mut answer = Poll::Pending;
    let allocations = allocations(|| {
        answer = pin!(service.call(request)).poll(&mut Context::from_waker(Waker::noop()));
    });
    let Poll::Ready(Ok(response)) = answer else { panic!("it is ready at once") };
    (response.status().as_u16(), allocations)
}

/// A key as long as one that is held in place can be.
fn long_key() -> Key {
    let key = Key::new().part("long", [7; 49]);
    assert_eq!(key.as_ref().len(), 56);
    key
}

fn layer(families: Families) -> RateLimitLayer {
    let limit = |name: &str, policy: &str| {
        let limiter = sluicegate::Limiter::builder(policy).max_keys(100).build().unwrap();
        Limit::over(name, limiter).unwrap()
    };
    RateLimitLayer::builder()
        .settings(Settings::builder().families(families).build().unwrap())
        .identity(Identity::behind(ForwardingHeader::X_FORWARDED_FOR, Proxies::hops(1)))
        .limit(limit("address", "token-bucket 1000/s"))
        .limit(limit("key", "fixed-window 1000/366d").key(KeySource::header("x-api-key", Missing::Address)))
        .limit(
            limit("both", "fixed-window 5/366d").key(KeySource::address().and(KeySource::route())).skip_failed(),
        )
        .limit(
            limit("long", "sliding-window 1000/366d").key(KeySource::from_fn(|_| Some(long_key()), Missing::Skip)),
        )
        .build()
        .unwrap()
}

#[test]
fn an_allowed_request_without_header_fields_allocates_nothing() {
    let layer = layer(Families::NONE);
    assert_eq!(ask(&layer).0, 200);
    assert_eq!([ask(&layer), ask(&layer)], [(200, 0); 2]);
}

#[test]
fn header_fields_cost_their_values_and_their_places() {
    let layer = layer(Families::default());
    let (status, allocations) = ask(&layer);
    // Five values, the map's two arrays as they grow, and the extension for layers outside.
    assert_eq!(status, 200);
    assert!(allocations <= 5 + 4 + 4, "{allocations}");
}
