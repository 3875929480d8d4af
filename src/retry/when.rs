//! Times that a server names, as lengths or as points, and what they come to.

use super::number::{NS_PER_SECOND, from_ns};
use std::time::Duration;

/// A point in time in nanoseconds since 1970, on the server's clock as far as it is known.
pub(super) type UnixNs = i128;

/// When to come back, as a server says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum When {
    After(Duration),
    At(UnixNs),
}

impl When {
    pub(super) fn at_second(unix_seconds: i64) -> Self {
        Self::At(UnixNs::from(unix_seconds) * UnixNs::from(NS_PER_SECOND))
    }

    /// How long that is from `server_now`; nothing for a point in the past.
    pub(super) fn wait(self, server_now: UnixNs) -> Duration {
        match self {
            Self::After(wait) => wait,
            Self::At(point) => u128::try_from(point.saturating_sub(server_now)).map_or(Duration::ZERO, from_ns),
        }
    }
}

/// The latest of several times, whatever the server's clock will turn out to show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Latest {
    after: Option<Duration>,
    at: Option<UnixNs>,
}

impl Latest {
    /// Takes a time into account, if it is one.
    pub(super) fn add(&mut self, when: Option<When>) {
        match when {
            Some(When::After(wait)) => self.after = self.after.max(Some(wait)),
            Some(When::At(point)) => self.at = self.at.max(Some(point)),
            None => {}
        }
    }

    pub(super) fn wait(self, server_now: UnixNs) -> Option<Duration> {
        let at = self.at.map(|point| When::At(point).wait(server_now));
        self.after.max(at)
    }
}
