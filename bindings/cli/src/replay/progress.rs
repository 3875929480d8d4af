//! A progress bar on standard error, where somebody is there to see it.

use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::text::grouped;

const BAR: &str = "{bar:30} {bytes}/{total_bytes} ({bytes_per_sec}, {eta} left) {msg}";
const SPINNER: &str = "{spinner} {bytes} ({bytes_per_sec}) {msg}";

/// Shows how far the replay is.
pub struct Progress {
    bar: ProgressBar,
    consumed: Arc<AtomicU64>,
}

impl Progress {
    /// A bar over `total` bytes, a spinner if the size is unknown, and nothing at all without a terminal.
    pub fn new(total: Option<u64>, consumed: &Arc<AtomicU64>) -> Self {
        let bar = match (std::io::stderr().is_terminal(), total) {
            (false, _) => ProgressBar::hidden(),
            (true, Some(total)) => ProgressBar::new(total).with_style(style(BAR)),
            (true, None) => ProgressBar::new_spinner().with_style(style(SPINNER)),
        };
        Self { bar, consumed: Arc::clone(consumed) }
    }

    /// Draws again, now that `lines` lines have been read.
    pub fn tick(&self, lines: u64) {
        if self.bar.is_hidden() || self.bar.elapsed() < Duration::from_millis(300) {
            return;
        }
        self.bar.set_position(self.consumed.load(Ordering::Relaxed));
        self.bar.set_message(format!("{} lines", grouped(lines)));
    }

    /// Takes the bar away, so that the report stands alone.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}
