//! The server: from a request to its answer, and what is between.

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use arc_swap::{ArcSwap, Guard};
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use hyper::header::EXPECT;
use hyper::{Request, StatusCode};

use super::asked::{self, Asked};
use super::check::{Check, Inquiry, for_proxy};
use super::config::Config;
use super::connections::{Answers, Connections};
use super::denials::Denials;
use super::gate::{Gate, Ruling};
use super::hints::Hints;
use super::path::Path;
use super::response::{self, Response};
use crate::cli;
use crate::error::Failure;

/// The server.
pub struct Server {
    gate: ArcSwap<Gate>,
    config: Option<PathBuf>,
    check: Check,
    denials: Option<Denials>,
    hints: Hints,
    connections: Connections,
    timeout: Duration,
    max_body: u64,
    reloads: AtomicU64,
    refused_reloads: AtomicU64,
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server").field("gate", &self.gate).finish_non_exhaustive()
    }
}

impl Server {
    /// A server by its options, whose tables are open.
    pub fn open(options: &cli::Serve, connections: Connections) -> Result<Self, Failure> {
        Ok(Self {
            gate: ArcSwap::from_pointee(Gate::open(Config::of(options)?, None)?),
            config: options.config.clone(),
            check: Check::of(&options.check),
            denials: Denials::open(&options.watch)?,
            hints: Hints::default(),
            connections,
            timeout: options.patience.client_timeout,
            max_body: options.patience.max_body,
            reloads: AtomicU64::new(0),
            refused_reloads: AtomicU64::new(0),
        })
    }

    /// The gate as it is now.
    pub fn gate(&self) -> Guard<Arc<Gate>> {
        self.gate.load()
    }

    /// The log of denied keys, if there is one.
    pub fn denials(&self) -> Option<&Denials> {
        self.denials.as_ref()
    }

    /// How many connections are open.
    pub fn open_connections(&self) -> u64 {
        self.connections.open()
    }

    /// How often the configuration was read again, and how often that was refused.
    pub fn reloads(&self) -> (u64, u64) {
        (self.reloads.load(Ordering::Relaxed), self.refused_reloads.load(Ordering::Relaxed))
    }

    /// Reads the configuration again, if there is one, and goes on by it; by the old one where it is wrong. `Ok` says what
    /// was done.
    pub fn reload(&self) -> Result<Option<String>, Failure> {
        if let Some(denials) = &self.denials {
            denials.reopen();
        }
        let Some(file) = &self.config else { return Ok(None) };
        let opened = Config::from_file(file).and_then(|config| Gate::open(config, Some(&**self.gate())));
        // Relaxed: counts order nothing.
        let count = if opened.is_ok() { &self.reloads } else { &self.refused_reloads };
        count.fetch_add(1, Ordering::Relaxed);
        let gate = opened?;
        let done = format!("read {} again: {}", file.display(), summary(&gate));
        self.gate.store(Arc::new(gate));
        Ok(Some(done))
    }

    fn decide(&self, peer: Option<IpAddr>, request: &Request<()>) -> Response {
        let gate = self.gate();
        let headers = request.headers();
        let (method, path, proxied) = match self.check.inquiry(request, gate.needs_path, gate.needs_method) {
            Inquiry::Itself => (request.method().as_str(), Path::of(target(request).as_bytes()), None),
            Inquiry::About { method, path, denied } => (method, path, Some(denied)),
            Inquiry::Wrong(problem) => {
                return response::text(StatusCode::BAD_REQUEST, format!("400 Bad Request\n{problem}\n"));
            }
        };
        let asked = Asked { method, path, headers, client: asked::client(&gate.identity, peer, headers) };
        self.hints.look_at(&asked, &gate);
        let ruling = gate.judge(&asked);
        if let (Ruling::Judged(judgement), Some(denials)) = (&ruling, &self.denials) {
            denials.tell(judgement, &asked);
        }
        let response = response::to(&ruling, headers);
        match proxied {
            Some(denied) => for_proxy(response, denied),
            None => response,
        }
    }
}

/// The path of what is asked. `CONNECT` and `OPTIONS *` have none.
fn target<B>(request: &Request<B>) -> &str {
    request.uri().path()
}

/// How much there is of a gate.
pub fn summary(gate: &Gate) -> String {
    let counted = |count: usize, noun| crate::text::counted(count as u64, noun);
    format!("{}, {}", counted(gate.limits().len(), "limit"), counted(gate.routes().count(), "route"))
}

impl Answers for Server {
    fn answer(&self, peer: Option<IpAddr>, request: Request<Incoming>) -> Response {
        let (head, body) = request.into_parts();
        let request = Request::from_parts(head, ());
        let response = self.decide(peer, &request);
        // Who waits for leave to send the body is answered before it, and need not send it.
        let waits = request.headers().contains_key(EXPECT);
        if !waits && !body.is_end_stream() {
            tokio::spawn(read_and_drop(body, self.max_body, self.timeout));
        }
        response
    }
}

/// Reads a body and drops it, so that its connection can serve the next request, and so that a client that reads nothing
/// before all is sent comes to read its answer. What is too long or too slow closes the connection.
async fn read_and_drop(mut body: Incoming, most: u64, timeout: Duration) {
    let mut read = 0;
    let reading = async {
        while let Some(Ok(frame)) = body.frame().await {
            read += frame.data_ref().map_or(0, |data| data.len() as u64);
            if read > most {
                break;
            }
        }
    };
    // Either way the body is dropped, and with it, where it is not at its end, the connection.
    let _ = tokio::time::timeout(timeout, reading).await;
}
