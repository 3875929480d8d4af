//! `sluice serve`: an HTTP server that answers 200 or 429 for whatever is asked.

mod answer;
pub mod key;
mod stop;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::to_bytes;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::header;
use axum::response::Response;
use sluicegate::Limiter;
use tokio::net::TcpListener;

use self::key::KeySource;
use crate::error::Failure;
use crate::{cli, output};

/// A request's body is read and dropped up to this size, so that its connection can serve the next request.
const DROPPED_BODY: usize = 64 * 1024;

/// How often to see whether the table's file still is the one under its name.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// What every request is decided with.
struct Gate {
    limiter: Limiter,
    key: KeySource,
}

/// Serves until a signal says stop.
pub fn run(options: &cli::Serve) -> Result<(), Failure> {
    let gate = Arc::new(Gate { limiter: limiter(options)?, key: options.key.clone() });
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::work(format!("cannot start the server's threads: {error}")))?
        .block_on(serve(options.listen, gate))
}

fn limiter(options: &cli::Serve) -> Result<Limiter, Failure> {
    let builder = Limiter::builder(options.policy).max_keys(options.max_keys).on_full(options.on_full.into());
    let builder = match &options.table {
        Some(path) => builder.path(path).replace(options.replace),
        None => builder,
    };
    builder.build().map_err(|error| Failure::work(error.to_string()))
}

async fn serve(listen: SocketAddr, gate: Arc<Gate>) -> Result<(), Failure> {
    // Signals are watched before anybody can know that the server listens.
    let stop = stop::Stop::watch()?;
    let listener = TcpListener::bind(listen).await.map_err(|error| cannot_listen(listen, &error))?;
    let bound = listener.local_addr().map_err(|error| cannot_listen(listen, &error))?;
    tokio::spawn(tell_when_others_have_another_table(gate.clone()));
    let app = Router::new().fallback(decide).with_state(gate);
    let server = axum::serve(listener, app.into_make_service_with_connect_info::<SocketAddr>())
        .with_graceful_shutdown(stop.asked());
    output::warn(&format!("listening on http://{bound}"));
    tokio::select! {
        ended = server.into_future() => ended.map_err(|error| Failure::work(format!("the server failed: {error}"))),
        () = stop.overdue() => Ok(()),
    }
}

/// Whoever starts now shares no limit with this server once the table's file is removed or replaced.
async fn tell_when_others_have_another_table(gate: Arc<Gate>) {
    while gate.limiter.is_current() {
        tokio::time::sleep(LOOK_AGAIN).await;
    }
    output::warn(
        "warning: the table's file was removed or replaced; this server goes on with the old one until it is restarted",
    );
}

fn cannot_listen(listen: SocketAddr, error: &std::io::Error) -> Failure {
    let way_out = match error.kind() {
        std::io::ErrorKind::AddrInUse => "; stop the other server or give another --listen ADDR",
        _ => "",
    };
    Failure::work(format!("cannot listen on {listen}: {error}{way_out}"))
}

async fn decide(
    State(gate): State<Arc<Gate>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
) -> Response {
    let key = gate.key.of(request.headers(), peer.ip());
    // One reading of the clock, so that the answer's Unix seconds are those of the decision.
    let now = gate.limiter.now();
    let decision = gate.limiter.check_at(&key, 1, now);
    let body_is_coming = !request.headers().contains_key(header::EXPECT);
    if body_is_coming {
        // Whether the body can be read changes nothing about the answer.
        let _ = to_bytes(request.into_body(), DROPPED_BODY).await;
    }
    answer::to(&decision, now)
}
