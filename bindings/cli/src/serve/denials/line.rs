//! A line of the log, and what of a request it shows.

use std::time::{SystemTime, UNIX_EPOCH};

use serde::ser::{Serialize, SerializeMap, Serializer};
use sluicegate::Decision;

use crate::cli::KeysShown;
use crate::serve::asked::Asked;
use crate::serve::config::Route;
use crate::serve::limit::Limit;
use crate::text;

/// The most characters of a text that a client has chosen.
const LONGEST: usize = 200;

/// The most characters of a header's value that are shown where it may be a secret.
const LONGEST_MASKED: usize = 8;

/// What a line tells of a denial.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Told {
    time: String,
    event: &'static str,
    route: String,
    limit: String,
    key: Shown,
    client: String,
    method: String,
    path: String,
    status: u16,
    reason: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after: Option<f64>,
}

/// A line: a denial, and how many before it had none.
#[derive(Debug, serde::Serialize)]
pub struct Line {
    /// The denial.
    #[serde(flatten)]
    pub told: Told,
    /// Denials of the same key that were left out since its last line.
    pub left_out: u64,
}

/// The parts of a key by name.
#[derive(Debug, Clone)]
struct Shown(Vec<(String, String)>);

impl Serialize for Shown {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        self.0.iter().try_for_each(|(name, value)| map.serialize_entry(name, value))?;
        map.end()
    }
}

impl Told {
    /// What is told of a denial.
    pub fn of(
        route: &Route,
        limit: &Limit,
        decision: &Decision,
        asked: &Asked<'_>,
        status: u16,
        shown: KeysShown,
    ) -> Self {
        let value = |bytes: &[u8]| match shown {
            KeysShown::Whole => String::from_utf8_lossy(bytes).into_owned(),
            KeysShown::Masked => masked(bytes),
        };
        let parts = limit.spec.key.shown(asked, value);
        let parts = parts.into_iter().map(|(name, value)| (name, harmless(&value)));
        let client = asked.client.address().map_or_else(|| "local".to_owned(), |address| address.to_string());
        Self {
            time: now(),
            event: "denied",
            route: route.name.clone(),
            limit: limit.name().to_owned(),
            key: Shown(parts.collect()),
            client,
            method: harmless(asked.method),
            path: harmless(&asked.path.to_string()),
            status,
            reason: decision.reason().to_string(),
            retry_after: decision.retry_after().map(|wait| wait.as_millis().max(1) as f64 / 1000.0),
        }
    }
}

/// The time by the wall's clock, as in other logs.
pub fn now() -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    text::rfc3339(u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
}

/// A text that steers no terminal and is not too long.
fn harmless(given: &str) -> String {
    text::shortened(&text::visible(given.as_bytes()), LONGEST)
}

/// Enough of a value to recognise it, and too little to use it: at most a quarter.
fn masked(value: &[u8]) -> String {
    let value = String::from_utf8_lossy(value);
    let count = value.chars().count();
    let kept: String = value.chars().take((count / 4).min(LONGEST_MASKED)).collect();
    format!("{kept}… ({count} characters)")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_secret_at_most_a_quarter_is_shown() {
        assert_eq!(masked(b"abc"), "… (3 characters)");
        assert_eq!(masked(b"abcdefgh"), "ab… (8 characters)");
        assert_eq!(masked("é".repeat(100).as_bytes()), "éééééééé… (100 characters)");
        assert_eq!(masked(b"\xff"), "… (1 characters)");
    }

    #[test]
    fn what_clients_choose_is_shown_harmlessly() {
        assert_eq!(harmless("a\r\nb\u{1b}[2J\u{202e}"), "a\\u{d}\\u{a}b\\u{1b}[2J\\u{202e}");
        assert_eq!(harmless(&"x".repeat(1000)).chars().count(), LONGEST);
    }
}
