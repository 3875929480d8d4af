//! Connections: how many, for how long, and how they end.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::Request;
use hyper::body::Incoming;
use hyper::header::{CONNECTION, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::sync::Semaphore;
use tokio_io_timeout::TimeoutStream;

use super::listen::{Accepted, Listener, Stream};
use super::response::Response;
use super::stop::Stop;

/// The longest head of a request.
const LONGEST_HEAD: usize = 64 * 1024;

/// How long to wait where the system has no descriptor for a connection.
const WITHOUT_DESCRIPTOR: Duration = Duration::from_millis(50);

/// Descriptors beside those of connections: listeners, tables, the log.
const OTHER_DESCRIPTORS: u64 = 64;

/// Answers requests from peers.
pub trait Answers: Send + Sync + 'static {
    /// The answer to one request.
    fn answer(&self, peer: Option<IpAddr>, request: Request<Incoming>) -> Response;
}

/// Connections that have a number of places in common.
#[derive(Debug, Clone)]
pub struct Connections {
    places: Arc<Semaphore>,
    most: u32,
    timeout: Duration,
    stop: Stop,
}

impl Connections {
    /// At most so many connections at once; none may keep us waiting for longer than `timeout`.
    pub fn new(most: u32, timeout: Duration, stop: Stop) -> Self {
        Self { places: Arc::new(Semaphore::new(most as usize)), most, timeout, stop }
    }

    /// How many there are.
    pub fn open(&self) -> u64 {
        u64::from(self.most).saturating_sub(self.places.available_permits() as u64)
    }

    /// Serves who connects, until asked to stop. Who has connected by then is served still.
    pub async fn accept(self, listener: Listener, answers: Arc<impl Answers>) {
        loop {
            tokio::select! {
                accepted = listener.accept() => match accepted {
                    Ok(connection) => self.serve_when_there_is_room(connection, &answers).await,
                    Err(_) => tokio::time::sleep(WITHOUT_DESCRIPTOR).await,
                },
                () = self.stop.asked() => break,
            }
        }
        // Who waits in the listener's queue has connected as far as they know. A time of zero looks once.
        while let Ok(Ok(connection)) = tokio::time::timeout(Duration::ZERO, listener.accept()).await {
            self.serve_when_there_is_room(connection, &answers).await;
        }
    }

    /// Ends when all connections have.
    pub async fn ended(&self) {
        // The semaphore is never closed.
        let _ = self.places.acquire_many(self.most).await;
    }

    async fn serve_when_there_is_room(&self, (stream, peer): Accepted, answers: &Arc<impl Answers>) {
        // The semaphore is never closed.
        let Ok(place) = self.places.clone().acquire_owned().await else { return };
        let (answers, timeout, stop) = (answers.clone(), self.timeout, self.stop.clone());
        tokio::spawn(async move {
            serve_one(stream, peer, answers, timeout, stop).await;
            drop(place);
        });
    }
}

async fn serve_one(
    stream: Box<dyn Stream>,
    peer: Option<IpAddr>,
    answers: Arc<impl Answers>,
    timeout: Duration,
    stop: Stop,
) {
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(timeout));
    let stream = Box::pin(stream);
    let stopping = stop.clone();
    let service = service_fn(move |request| {
        let mut response = answers.answer(peer, request);
        if stopping.is_asked() {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        async move { Ok::<_, std::convert::Infallible>(response) }
    });
    let mut connection = std::pin::pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(timeout)
            .max_header_size(LONGEST_HEAD)
            .max_buf_size(2 * LONGEST_HEAD)
            .half_close(true)
            .serve_connection(TokioIo::new(stream), service)
    );
    // A connection that ends in an error is the client's doing, and the client's alone to know of.
    tokio::select! {
        _ = connection.as_mut() => return,
        () = stop.drained() => connection.as_mut().graceful_shutdown(),
    }
    let _ = connection.await;
}

/// Sees to it that so many connections can be open, as far as the system lets us; tells how many can.
pub fn make_room(connections: u32) -> u32 {
    let wanted = u64::from(connections) + OTHER_DESCRIPTORS;
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let Some(now) = current.filter(|now| *now < wanted) else { return connections };
    let raised = maximum.map_or(wanted, |maximum| maximum.min(wanted));
    let has = match setrlimit(Resource::Nofile, Rlimit { current: Some(raised), maximum }) {
        Ok(()) => raised,
        Err(_) => now,
    };
    u32::try_from(has.saturating_sub(OTHER_DESCRIPTORS)).unwrap_or(connections).clamp(1, connections)
}
