//! Rate limiting for services of [tower](https://docs.rs/tower): axum, hyper, tonic. A `Layer` over
//! [`sluicegate`].

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
mod refund;
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
