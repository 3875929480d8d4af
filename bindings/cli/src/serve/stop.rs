//! Stopping: on a signal, with some patience for the answers under way.

use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

use crate::error::Failure;

/// How long a connection may take to end once the server is asked to stop.
const PATIENCE: Duration = Duration::from_secs(5);

/// Knows when the server is to stop.
pub struct Stop {
    asked: watch::Receiver<bool>,
}

impl Stop {
    /// Begins to watch for SIGINT and SIGTERM.
    pub fn watch() -> Result<Self, Failure> {
        let failed = |error: std::io::Error| Failure::work(format!("cannot watch for signals: {error}"));
        let interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
        let terminate = signal(SignalKind::terminate()).map_err(failed)?;
        let (ask, asked) = watch::channel(false);
        tokio::spawn(wait_for_either(interrupt, terminate, ask));
        Ok(Self { asked })
    }

    /// Ends when the server is asked to stop.
    pub fn asked(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut asked = self.asked.clone();
        async move {
            // The sender lives until it has asked.
            let _ = asked.wait_for(|stop| *stop).await;
        }
    }

    /// Ends when patience with what is still under way has run out.
    pub async fn overdue(&self) {
        self.asked().await;
        tokio::time::sleep(PATIENCE).await;
    }
}

async fn wait_for_either(mut interrupt: Signal, mut terminate: Signal, ask: watch::Sender<bool>) {
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    ask.send_replace(true);
}
