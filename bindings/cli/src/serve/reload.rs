//! Reading the configuration again, on SIGHUP.

use std::sync::Arc;

use tokio::signal::unix::{Signal, SignalKind};

use super::server::Server;
use super::stop::watched;
use crate::error::Failure;
use crate::output;

/// Knows when the configuration is to be read again.
pub struct Reloads {
    asked: Signal,
}

impl Reloads {
    /// Begins to watch for SIGHUP.
    pub fn watch() -> Result<Self, Failure> {
        Ok(Self { asked: watched(SignalKind::hangup())? })
    }

    /// Has the server read it whenever it is asked to. Never ends.
    pub async fn serve(mut self, server: Arc<Server>, quiet: bool) {
        while self.asked.recv().await.is_some() {
            let server = server.clone();
            // Making tables takes a while; answers go on meanwhile.
            let done = tokio::task::spawn_blocking(move || server.reload()).await;
            match done {
                Ok(Ok(Some(done))) if !quiet => output::warn(&done),
                Ok(Ok(_)) => {}
                Ok(Err(failure)) => output::warn(&format!("warning: {failure}; the old configuration goes on")),
                Err(_) => output::warn("warning: reading the configuration has failed; the old one goes on"),
            }
        }
    }
}
