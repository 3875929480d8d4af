//! Rate limiting for services of [tower](https://docs.rs/tower): axum, hyper, tonic. A `Layer` over
//! [`sluicegate`], which decides exactly, in nanoseconds, over a table of fixed size.
//!
//! Everything by client address, behind one trusted proxy:
//!
//! ```
//! # #[cfg(feature = "axum")]
//! # fn app() -> Result<axum::Router, sluicegate::Error> {
//! use axum::{Router, routing::get};
//! use sluicegate::identity::{ForwardingHeader, Identity, Proxies};
//! use sluicegate_tower::RateLimitLayer;
//!
//! let behind_one_proxy = Identity::behind(ForwardingHeader::X_FORWARDED_FOR, Proxies::hops(1));
//! let limits = RateLimitLayer::by_address("token-bucket 10/s burst=20", behind_one_proxy)?;
//! let app: Router = Router::new().route("/", get(async || "Hello")).layer(limits);
//! # Ok(app)
//! # }
//! ```
//!
//! A layer with all there is to say:
//!
//! ```
//! # #[cfg(feature = "axum")]
//! # fn layer() -> Result<sluicegate_tower::RateLimitLayer, sluicegate::Error> {
//! use http::{Method, StatusCode};
//! use sluicegate_tower::{KeySource, Limit, Missing, RateLimitLayer, Route};
//!
//! let limits = RateLimitLayer::builder()
//!     .limit(Limit::new("address", "token-bucket 50/s burst=100")?) // for every request
//!     .route(
//!         Route::new().matched_path("/login").method(Method::POST), // and for some of them these
//!         [Limit::new("login", "fixed-window 5/15m")?
//!             .refund_when(|response| response.status() != StatusCode::UNAUTHORIZED)],
//!     )
//!     .route(
//!         Route::new().prefix("/api"),
//!         [
//!             Limit::new("second", "token-bucket 10/s")?.key(KeySource::header("x-api-key", Missing::Deny)),
//!             Limit::new("day", "fixed-window 10000/day")?.key(KeySource::header("x-api-key", Missing::Deny)),
//!         ],
//!     )
//!     .exempt_path("/healthz")
//!     .exempt_networks("loopback, 192.0.2.0/24")
//!     .on_denial(|event| {
//!         for check in event.violated() {
//!             eprintln!("denied: limit={} key={}", check.name(), check.key());
//!         }
//!     })
//!     .build()?;
//! # Ok(limits)
//! # }
//! ```
//!
//! # What a request goes through
//!
//! 1. If it is exempt, nothing holds it.
//! 2. The limits for every request and those of the first [`Route`] that matches each find their key
//!    ([`KeySource`]) and cost. What is [`Missing`] is skipped, denied or counted by the client's address, as was said.
//! 3. All of them are charged together ([`check_all`](sluicegate::check_all)): if one denies, none has consumed anything.
//! 4. A denial is answered at once: 429, `Retry-After`, a body by `Accept`, `Cache-Control: no-store`. The service within is not
//!    called. A gRPC client gets `RESOURCE_EXHAUSTED`.
//! 5. What a leaky bucket admits is held for as long as it says; then the service is called.
//! 6. Its response gives permits back where a limit [says so](Limit::refund_when), and carries the header fields that tell
//!    the client how it stands, in place of any that were there.
//!
//! # Where to put it
//!
//! * In axum, by `Router::layer` or `route_layer`: below the router, where the matched path is known. Serve by
//!   `into_make_service_with_connect_info::<SocketAddr>()`, so that the peer's address is.
//! * Inside of CORS: a denial without `Access-Control-Allow-Origin` is a network error for a script, and preflight requests
//!   need no limit. Outside of compression, authentication and all that costs.
//! * A limit by user goes inside of the layer that finds the user, and one by address outside of it, or guessing
//!   passwords is free. Two layers around one another merge their header fields.
//! * All limits that are to be charged together go into one layer.
//!
//! # What it costs
//!
//! An allowed request takes no lock and no allocation but those of its header fields (up to four limits with keys of up to 56
//! bytes). Memory is what the limiters take, whatever clients send: 24 bytes a key.
//!
//! # Features
//!
//! `axum` finds the peer in `ConnectInfo<SocketAddr>` and the route in `MatchedPath`. Without it nothing of axum is needed:
//! see [`RateLimitLayerBuilder::peer`] and [`RateLimitLayerBuilder::matched_path_by`].

mod body;
mod denial;
mod event;
mod future;
mod gate;
mod grpc;
mod head;
mod headers;
mod key;
mod layer;
mod limit;
mod peer;
mod route;
mod service;
mod verdicts;

pub use body::ResponseBody;
pub use event::{Check, Event, Outcome};
pub use future::ResponseFuture;
pub use head::RequestHead;
pub use key::{KeySource, Missing};
pub use layer::{RateLimitLayer, RateLimitLayerBuilder};
pub use limit::{Limit, ResponseHead};
pub use peer::Peer;
pub use route::Route;
pub use service::RateLimit;
pub use sluicegate;
pub use verdicts::Verdicts;

/// The README's examples, compiled with the tests.
#[cfg(all(doctest, feature = "axum"))]
#[doc = include_str!("../README.md")]
struct Readme;
