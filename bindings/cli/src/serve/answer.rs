//! The HTTP answer to a decision.

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use sluicegate::Decision;

const LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");
const NS: u128 = 1_000_000_000;

/// Answers with 200 or 429, as was decided at `now` (Unix nanoseconds).
pub fn to(decision: &Decision, now: u64) -> Response {
    let wait = decision.retry_after().map(|wait| seconds_to_wait(wait.as_nanos()));
    let (status, text) = match (decision.allowed(), wait) {
        (true, _) => (StatusCode::OK, format!("200 OK: {} left\n", decision.remaining())),
        (false, Some(1)) => {
            (StatusCode::TOO_MANY_REQUESTS, "429 Too Many Requests: try again in 1 second\n".to_owned())
        }
        (false, Some(wait)) => {
            (StatusCode::TOO_MANY_REQUESTS, format!("429 Too Many Requests: try again in {wait} seconds\n"))
        }
        (false, None) => {
            (StatusCode::TOO_MANY_REQUESTS, "429 Too Many Requests: trying again later will not help\n".to_owned())
        }
    };
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(LIMIT, decision.limit().into());
    headers.insert(REMAINING, decision.remaining().into());
    headers.insert(RESET, reset_second(decision, now).into());
    if let Some(wait) = wait {
        headers.insert(header::RETRY_AFTER, wait.into());
    }
    response
}

/// Whole seconds, rounded up and never 0: clients wait exactly as long, and asking again a moment early is a denial more.
fn seconds_to_wait(nanoseconds: u128) -> u64 {
    saturated(nanoseconds.div_ceil(NS)).max(1)
}

/// The Unix second, rounded up, at which the key has its whole limit again.
fn reset_second(decision: &Decision, now: u64) -> u64 {
    saturated((u128::from(now) + decision.reset_after().as_nanos()).div_ceil(NS))
}

fn saturated(seconds: u128) -> u64 {
    u64::try_from(seconds).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use sluicegate::Limiter;

    use super::*;

    const NOW: u64 = 1_431_857_103_400_000_000;

    fn answers(policy: &str, count: usize) -> Vec<Response> {
        let limiter = Limiter::new(policy, 10).unwrap();
        let decisions = (0..count).map(|_| limiter.check_at(b"key", 1, NOW));
        decisions.map(|decision| to(&decision, NOW)).collect()
    }

    fn header_of<'a>(response: &'a Response, name: &str) -> Option<&'a str> {
        response.headers().get(name)?.to_str().ok()
    }

    #[test]
    fn an_admitted_request_is_told_what_is_left_and_when_it_resets() {
        let answers = answers("fixed-window 5/1m", 1);
        assert_eq!(answers[0].status(), 200);
        assert_eq!(header_of(&answers[0], "x-ratelimit-limit"), Some("5"));
        assert_eq!(header_of(&answers[0], "x-ratelimit-remaining"), Some("4"));
        let reset = header_of(&answers[0], "x-ratelimit-reset");
        assert_eq!(reset, Some("1431857160"));
        assert_eq!(header_of(&answers[0], "cache-control"), Some("no-store"));
        assert_eq!(header_of(&answers[0], "retry-after"), None);
    }

    #[test]
    fn a_denied_request_is_told_to_wait_whole_seconds_rounded_up() {
        let answers = answers("fixed-window 1/1m", 2);
        assert_eq!(answers[1].status(), 429);
        assert_eq!(header_of(&answers[1], "retry-after"), Some("57"));
        assert_eq!(header_of(&answers[1], "x-ratelimit-remaining"), Some("0"));
        assert_eq!(header_of(&answers[1], "cache-control"), Some("no-store"));
    }

    #[test]
    fn nobody_is_told_to_wait_for_0_seconds() {
        let answers = answers("token-bucket 1000/s burst=1", 2);
        assert_eq!(header_of(&answers[1], "retry-after"), Some("1"));
    }

    #[test]
    fn where_waiting_is_no_use_none_is_asked_for() {
        let answers = answers("fixed-window 0/1m", 1);
        assert_eq!(answers[0].status(), 429);
        assert_eq!(header_of(&answers[0], "retry-after"), None);
    }
}
