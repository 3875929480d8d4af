//! Stopping: on a signal, with some patience for the answers under way.

use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

use crate::error::Failure;

/// How long connections that are open when the server is asked to stop are served still. A client that sends a request at
/// that moment has its answer, which says that it is the connection's last.
const DRAIN: Duration = Duration::from_millis(500);

/// How long a connection may take to end once the server is asked to stop.
const PATIENCE: Duration = Duration::from_secs(5);

/// Knows when the server is to stop.
#[derive(Debug, Clone)]
pub struct Stop {
    asked: watch::Receiver<bool>,
}

impl Stop {
    /// Begins to watch for SIGINT and SIGTERM.
    pub fn watch() -> Result<Self, Failure> {
        let interrupt = watched(SignalKind::interrupt())?;
        let terminate = watched(SignalKind::terminate())?;
        let (ask, asked) = watch::channel(false);
        tokio::spawn(wait_for_either(interrupt, terminate, ask));
        Ok(Self { asked })
    }

    /// Whether the server was asked to stop.
    pub fn is_asked(&self) -> bool {
        *self.asked.borrow()
    }

    /// Ends when the server is asked to stop.
    pub async fn asked(&self) {
        // The sender lives until it has asked.
        let _ = self.asked.clone().wait_for(|stop| *stop).await;
    }

    /// Ends when idle connections are to be closed.
    pub async fn drained(&self) {
        self.asked().await;
        tokio::time::sleep(DRAIN).await;
    }

    /// Ends when patience with what is still under way has run out.
    pub async fn overdue(&self) {
        self.asked().await;
        tokio::time::sleep(PATIENCE).await;
    }
}

/// Begins to watch for a signal.
pub fn watched(kind: SignalKind) -> Result<Signal, Failure> {
    signal(kind).map_err(|error| Failure::work(format!("cannot watch for signals: {error}")))
}

async fn wait_for_either(mut interrupt: Signal, mut terminate: Signal, ask: watch::Sender<bool>) {
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    ask.send_replace(true);
}
