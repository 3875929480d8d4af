//! A server on a socket, and what is asked of it.

use axum::Router;
use reqwest::{Client, Method, RequestBuilder, Response};
use sluicegate::{Limiter, ManualClock};
use sluicegate_tower::{Limit, RateLimitLayer, RateLimitLayerBuilder};
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// Sunday, 22 November 2026, midnight UTC.
pub const MIDNIGHT: u64 = 1_795_305_600;
pub const SECOND_NS: u64 = 1_000_000_000;

pub type Clock = Arc<ManualClock>;

/// A clock that stands at midnight.
pub fn clock() -> Clock {
    Arc::new(ManualClock::new(MIDNIGHT * SECOND_NS))
}

/// A limit at a clock's time.
pub fn limit(name: &str, policy: &str, clock: &Clock) -> Limit<Clock> {
    let limiter = Limiter::builder(policy).max_keys(1000).clock(Arc::clone(clock)).build().unwrap();
    Limit::over(name, limiter).unwrap()
}

/// A layer in the making, at a time that stands still.
pub fn builder() -> RateLimitLayerBuilder<Clock> {
    RateLimitLayer::builder()
}

/// A server that ends when it is dropped.
pub struct Server {
    pub address: SocketAddr,
    pub client: Client,
    task: JoinHandle<()>,
}

impl Server {
    pub async fn start(app: Router) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let app = app.into_make_service_with_connect_info::<SocketAddr>();
        let task = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        let client = Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        Self { address, client, task }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, self.url(path))
    }

    pub async fn get(&self, path: &str) -> Response {
        self.request(Method::GET, path).send().await.unwrap()
    }

    /// The statuses of so many requests, one after another.
    pub async fn statuses(&self, path: &str, count: usize) -> Vec<u16> {
        let mut statuses = Vec::new();
        for _ in 0..count {
            statuses.push(self.get(path).await.status().as_u16());
        }
        statuses
    }

    /// The status of a GET with a header.
    pub async fn status_with(&self, path: &str, name: &str, value: &str) -> u16 {
        self.request(Method::GET, path).header(name, value).send().await.unwrap().status().as_u16()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The one value of a header, if it is there.
pub fn header<'a>(response: &'a Response, name: &str) -> Option<&'a str> {
    let mut values = response.headers().get_all(name).iter();
    let value = values.next().map(|value| value.to_str().unwrap());
    assert_eq!(values.next(), None, "{name} is there more than once");
    value
}
