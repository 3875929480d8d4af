//! What is told once, because it is a sign of a proxy that is set up otherwise than was said.

use std::sync::atomic::{AtomicBool, Ordering};

use sluicegate::identity::Source;

use super::asked::Asked;
use super::gate::Gate;
use crate::output;

/// What was told already.
#[derive(Debug, Default)]
pub struct Hints {
    not_believed: AtomicBool,
    no_address: AtomicBool,
}

impl Hints {
    /// Tells of a client that could not be told from others, the first time.
    pub fn look_at(&self, asked: &Asked<'_>, gate: &Gate) {
        if !gate.needs_address() {
            return;
        }
        let header = gate.identity.header().name();
        let peer = asked.client.key();
        match asked.client.source() {
            Source::Peer if asked.headers.get_all(header).iter().any(|line| !line.is_empty()) => {
                once(&self.not_believed, || {
                    format!(
                        "{peer} has sent {header}, which is not believed, so it counts as the client; if it is a proxy of yours, name it as a trusted one"
                    )
                })
            }
            Source::Fallback => once(&self.no_address, || {
                format!(
                    "the header {header} has no address where the client's would be; all such clients count as {peer}"
                )
            }),
            Source::Peer | Source::Header => {}
        }
    }
}

fn once(is_told: &AtomicBool, hint: impl FnOnce() -> String) {
    // Relaxed: it publishes nothing but itself. The load spares all later requests a write.
    if !is_told.load(Ordering::Relaxed) && !is_told.swap(true, Ordering::Relaxed) {
        output::warn(&format!("warning: {}", hint()));
    }
}
