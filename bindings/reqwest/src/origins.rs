//! What each server has said, for all requests of a client.

use reqwest::Url;
use sluicegate::retry::NotBefore;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// How many servers are remembered before those that have nothing to say any more are forgotten.
const REMEMBERED: usize = 1_024;

/// The servers that have been asked, by scheme, host and port.
#[derive(Debug, Default)]
pub(crate) struct Origins {
    known: Mutex<HashMap<String, Arc<NotBefore>>>,
}

impl Origins {
    /// What the server of this address has said so far.
    pub(crate) fn of(&self, url: &Url, now_ns: u64) -> Arc<NotBefore> {
        let origin = url.origin().ascii_serialization();
        // Whoever panicked while holding it has left a whole map behind.
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= REMEMBERED && !known.contains_key(&origin) {
            known.retain(|_, not_before| Arc::strong_count(not_before) > 1 || not_before.wait(now_ns).is_some());
        }
        known.entry(origin).or_default().clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn url(text: &str) -> Url {
        text.parse().unwrap()
    }

    #[test]
    fn servers_differ_by_scheme_host_and_port() {
        let origins = Origins::default();
        let one = origins.of(&url("http://a.example/x?y"), 0);
        assert!(Arc::ptr_eq(&one, &origins.of(&url("http://a.example:80/z"), 0)));
        for other in ["https://a.example/x", "http://b.example/x", "http://a.example:81/x"] {
            assert!(!Arc::ptr_eq(&one, &origins.of(&url(other), 0)), "{other}");
        }
    }

    #[test]
    fn servers_with_nothing_to_say_are_forgotten_and_others_kept() {
        let origins = Origins::default();
        origins.of(&url("http://busy.example"), 0).put_off(0, Duration::from_secs(1));
        for number in 0..5 * REMEMBERED {
            origins.of(&url(&format!("http://{number}.example")), 0);
        }
        assert!(origins.known.lock().unwrap().len() <= REMEMBERED);
        assert!(origins.of(&url("http://busy.example"), 0).wait(0).is_some());
    }
}
