//! A small shop, limited.
//!
//! ```sh
//! cargo run -p sluicegate-tower --features axum --example axum -- 127.0.0.1:8080
//! curl -i http://127.0.0.1:8080/
//! for n in 1 2 3 4; do curl -i -d wrong http://127.0.0.1:8080/login; done
//! curl -i -H 'X-Api-Key: k1' http://127.0.0.1:8080/api/orders/7
//! ```

use axum::extract::{Path, Request};
use axum::http::{Method, StatusCode};
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Extension, Router};
use sluicegate_tower::sluicegate::identity::{ForwardingHeader, Identity, Proxies};
use sluicegate_tower::{Event, KeySource, Limit, Missing, RateLimitLayer, Route};
use std::error::Error;
use std::net::SocketAddr;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8080".to_owned());
    let listener = tokio::net::TcpListener::bind(address).await?;
    println!("listening on http://{}", listener.local_addr()?);
    // So that the layer knows the peer's address.
    let app = app()?.into_make_service_with_connect_info::<SocketAddr>();
    Ok(axum::serve(listener, app).await?)
}

/// All of the shop.
pub fn app() -> Result<Router, Box<dyn Error>> {
    // Routes whose limits need the user: within the layer that finds it.
    let orders = Router::new()
        .route("/api/orders/{id}", get(order))
        .route("/api/export", get(async || "all orders"))
        .layer(limits_by_user()?)
        .layer(from_fn(authenticate));
    Ok(Router::new()
        .route("/", get(async || "Hello"))
        .route("/healthz", get(async || "ok"))
        .route("/login", post(login))
        .merge(orders)
        .layer(limits_by_address()?))
}

/// What everybody is held to, before anything is known of them.
fn limits_by_address() -> Result<RateLimitLayer, Box<dyn Error>> {
    // Only a proxy on this machine may say whom it speaks for. Elsewhere: "10.0.0.0/8", say, or Proxies::hops(1).
    let identity = Identity::behind(ForwardingHeader::X_FORWARDED_FOR, "loopback".parse::<Proxies>()?);
    // Three wrong passwords in a quarter of an hour; right ones do not count.
    let wrong_passwords = Limit::new("login", "fixed-window 3/15m")?
        .refund_when(|response| response.status() != StatusCode::UNAUTHORIZED);
    let layer = RateLimitLayer::builder()
        .identity(identity)
        .exempt_path("/healthz")
        .limit(Limit::new("address", "token-bucket 20/s burst=40")?)
        .route(Route::new().matched_path("/login").method(Method::POST), [wrong_passwords])
        .on_denial(log)
        .build()?;
    Ok(layer)
}

/// What users are held to. A request is charged to all of its limits, or to none.
fn limits_by_user() -> Result<RateLimitLayer, Box<dyn Error>> {
    let by_user = || KeySource::user::<User>(|user| &user.0, Missing::Deny);
    let layer = RateLimitLayer::builder()
        .limit(Limit::new("second", "token-bucket 5/s")?.key(by_user()))
        // An export is as dear as a hundred orders.
        .limit(
            Limit::new("day", "fixed-window 1000/day")?
                .key(by_user())
                .cost_by(|request| if request.route() == Some("/api/export") { 100 } else { 1 }),
        )
        .missing_status(StatusCode::UNAUTHORIZED)
        .map_denial(|_, mut response| {
            if response.status() == StatusCode::UNAUTHORIZED {
                response.headers_mut().insert("www-authenticate", "ApiKey".parse().expect("a header's value"));
            }
            response
        })
        .on_denial(log)
        .build()?;
    Ok(layer)
}

/// One line for each denial. Keys are shown without secrets, and safe for a log whatever a client has sent.
fn log(event: &Event<'_>) {
    for check in event.violated() {
        let wait = event.answer().and_then(|answer| answer.retry_after_seconds());
        eprintln!(
            "denied limit={} key={} route={:?} wait={wait:?}",
            check.name(),
            check.key(),
            event.request().route()
        );
    }
}

#[derive(Clone)]
struct User(String);

/// Puts the user into the request's extensions, where the limits and the handlers find it.
async fn authenticate(mut request: Request, next: Next) -> Response {
    let user = match request.headers().get("x-api-key").map(|key| key.as_bytes()) {
        Some(b"k1") => Some("ann"),
        Some(b"k2") => Some("bob"),
        _ => None,
    };
    if let Some(user) = user {
        request.extensions_mut().insert(User(user.to_owned()));
    }
    next.run(request).await
}

async fn login(password: String) -> StatusCode {
    if password == "right" { StatusCode::NO_CONTENT } else { StatusCode::UNAUTHORIZED }
}

async fn order(Path(id): Path<u64>, Extension(User(user)): Extension<User>) -> String {
    format!("order {id} of {user}\n")
}
