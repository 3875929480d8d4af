//! Has a `reqwest` client obey 429 and 503: it waits as long as the server says and asks again, or gives up and says when to
//! come back.
//!
//! ```no_run
//! use sluicegate::retry::RetryPolicy;
//! use sluicegate_reqwest::{ClientBuilder, GivenUp, Obey};
//! use std::time::Duration;
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let policy = RetryPolicy::builder().max_attempts(6).max_server_wait(Duration::from_secs(600)).build()?;
//! let client = ClientBuilder::new(reqwest::Client::new()).with(Obey::new(policy)).build();
//! let response = client.get("http://127.0.0.1:8080/").send().await?;
//! if let Some(given_up) = response.extensions().get::<GivenUp>() {
//!     println!("{}; come back in {:?}", given_up.reason, given_up.come_back);
//! }
//! # Ok(())
//! # }
//! ```
//!
//! What is read from a response, and what is tried again, is told in [`sluicegate::retry`]. Beyond that:
//!
//! * A body is sent again if it is in memory. One that is a stream is gone once it was sent, so there is no second attempt; a
//!   clone of the request is made before the first.
//! * What is waited for is time on tokio's clock; dropping the future ends it at once.
//! * The client's own timeouts hold for every single attempt, the deadline of the policy for all of them together.
//! * Errors, such as a connection that fails, are passed on: let another layer retry those, and none the rest.
//! * Clones of a client share what a server has said: see [`Hold`].

mod middleware;
mod origins;

pub use middleware::{GivenUp, Hold, Obey};
pub use reqwest_middleware::{ClientBuilder, ClientWithMiddleware};

/// The README's example, compiled with the tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
