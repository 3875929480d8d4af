//! Several policies on one request.

use crate::reading::{Asked, SECOND, SUNDAY_NS, header, headers, items, number, settings};
use sluicegate::http::{Answer, BodyFormat, Quota, Settings, Verdict};
use sluicegate::{Decision, Limiter, MAX_UNIX_NS, OnFull, Policy, Reason};

fn names(answer: &Answer<'_>, field: &str) -> Vec<String> {
    items(answer, field).into_iter().map(|item| item.name).collect()
}

/// A decision of a limiter that could not count.
fn uncounted(policy: &str) -> Decision {
    let decision = crate::common::limiter(policy).check_at("key", 1, MAX_UNIX_NS + 1);
    assert_eq!(decision.reason(), Reason::TimeOutOfRange);
    decision
}

#[test]
fn a_request_is_allowed_if_all_policies_allow_it() {
    let (second, day) = (Asked::new("second", "fixed-window 10/1s"), Asked::new("day", "fixed-window 1000/1d"));
    let settings = settings();
    let verdicts = [second.verdict(1, SUNDAY_NS), day.verdict(1, SUNDAY_NS)];
    let answer = Answer::new(&settings, &verdicts, SUNDAY_NS);
    assert!(answer.allowed());
    // The one that binds most speaks in the fields that have room for one.
    assert_eq!(number(&answer, "X-RateLimit-Limit"), Some(10));
    assert_eq!(header(&answer, "RateLimit-Policy").unwrap(), "\"second\";q=10;w=1, \"day\";q=1000;w=86400");
    assert_eq!(header(&answer, "RateLimit").unwrap(), "\"second\";r=9;t=1, \"day\";r=999;t=86400");
    assert_eq!(answer.body(BodyFormat::Json), None);
}

#[test]
fn what_binds_most_is_told_by_how_many_more_such_requests_fit() {
    let (requests, bytes) =
        (Asked::new("requests", "fixed-window 10/1m"), Asked::new("kb", "fixed-window 500/1m"));
    let settings = settings();
    let verdicts = [requests.verdict(1, SUNDAY_NS), bytes.verdict(100, SUNDAY_NS)];
    let answer = Answer::new(&settings, &verdicts, SUNDAY_NS);
    // Nine more requests, but only four of 100 kB.
    assert_eq!(answer.speaking().unwrap().name(), "kb");
    // Where as many fit, the one that resets later.
    let (minute, hour) = (Asked::new("minute", "fixed-window 10/1m"), Asked::new("hour", "fixed-window 10/1h"));
    let verdicts = [minute.verdict(1, SUNDAY_NS), hour.verdict(1, SUNDAY_NS)];
    assert_eq!(Answer::new(&settings, &verdicts, SUNDAY_NS).speaking().unwrap().name(), "hour");
    // And of equals the first.
    let (one, other) = (Asked::new("one", "fixed-window 10/1m"), Asked::new("other", "fixed-window 10/1m"));
    let verdicts = [one.verdict(1, SUNDAY_NS), other.verdict(1, SUNDAY_NS)];
    assert_eq!(Answer::new(&settings, &verdicts, SUNDAY_NS).speaking().unwrap().name(), "one");
}

#[test]
fn on_a_denial_the_longest_wait_counts_and_those_that_deny_come_first() {
    let second = Asked::new("second", "token-bucket 1/s");
    let minute = Asked::new("minute", "token-bucket 1/m");
    let day = Asked::new("day", "fixed-window 1000/1d");
    let settings = settings();
    let _ = (second.check(1, SUNDAY_NS), minute.check(1, SUNDAY_NS));
    let now = SUNDAY_NS + SECOND / 2;
    let verdicts = [day.verdict(1, now), second.verdict(1, now), minute.verdict(1, now)];
    let answer = Answer::new(&settings, &verdicts, now);
    assert_eq!(answer.status(), 429);
    assert_eq!(number(&answer, "Retry-After"), Some(60));
    assert_eq!(answer.speaking().unwrap().name(), "minute");
    assert_eq!(answer.violated().map(Verdict::name).collect::<Vec<_>>(), ["second", "minute"]);
    assert_eq!(names(&answer, "RateLimit"), ["second", "minute", "day"]);
    // Which should stay the same over a sequence of answers.
    assert_eq!(names(&answer, "RateLimit-Policy"), ["day", "second", "minute"]);
    for item in &items(&answer, "RateLimit")[..2] {
        assert!(item.t.unwrap() <= 60, "{item:?}");
    }
    let problem = answer.body(BodyFormat::Problem).unwrap();
    assert!(problem.text.contains(r#""violated-policies":["second","minute"]"#), "{}", problem.text);
}

#[test]
fn where_one_denial_is_not_cured_by_waiting_there_is_no_retry_after() {
    let (minute, small) = (Asked::new("minute", "fixed-window 10/1m"), Asked::new("small", "fixed-window 5/1m"));
    let _ = minute.check(10, SUNDAY_NS);
    let settings = settings();
    let verdicts = [minute.verdict(6, SUNDAY_NS), small.verdict(6, SUNDAY_NS)];
    let answer = Answer::new(&settings, &verdicts, SUNDAY_NS);
    assert_eq!((answer.status(), answer.retry_after_seconds()), (429, None));
    assert_eq!(header(&answer, "Retry-After"), None);
    assert_eq!(header(&answer, "X-RateLimit-Reset"), None);
    assert_eq!(header(&answer, "Cache-Control").unwrap(), "no-store");
    assert_eq!(answer.speaking().unwrap().name(), "small");
    assert_eq!(header(&answer, "RateLimit").unwrap(), "\"minute\";r=0;t=60, \"small\";r=5");
}

#[test]
fn a_limiter_that_cannot_count_is_a_503_and_the_clients_own_excess_a_429() {
    let settings = settings();
    let policy = "fixed-window 10/1m";
    let quota = Quota::new("default", policy.parse::<Policy>().unwrap()).unwrap();
    let uncounted = Verdict::new(&quota, uncounted(policy));
    let verdicts = [uncounted];
    let answer = Answer::new(&settings, &verdicts, SUNDAY_NS);
    assert_eq!((answer.status(), answer.reason_phrase()), (503, "Service Unavailable"));
    let expected = [
        ("X-RateLimit-Limit", "10"),
        ("X-RateLimit-Remaining", "0"),
        ("RateLimit-Policy", "\"default\";q=10;w=60"),
        ("RateLimit", "\"default\";r=0"),
        ("Cache-Control", "no-store"),
    ];
    assert_eq!(headers(&answer), expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    // Together with a denial of the client's own making it is a 429, which speaks of that one.
    let minute = Asked::new("minute", "fixed-window 1/1m");
    let _ = minute.check(1, SUNDAY_NS);
    for verdicts in [[uncounted, minute.verdict(1, SUNDAY_NS)], [minute.verdict(1, SUNDAY_NS), uncounted]] {
        let answer = Answer::new(&settings, &verdicts, SUNDAY_NS);
        assert_eq!((answer.status(), answer.retry_after_seconds()), (429, None));
        assert_eq!(answer.speaking().unwrap().name(), "minute");
        let problem = answer.body(BodyFormat::Problem).unwrap().text;
        assert!(problem.contains(r#""violated-policies":["minute"]"#), "{problem}");
    }
}

#[test]
fn a_full_table_is_no_excess_of_the_client() {
    let policy: Policy = "fixed-window 10/1m".parse().unwrap();
    let quota = Quota::unnamed(policy);
    let settings = settings();
    for (on_full, status) in [(OnFull::Deny, 503), (OnFull::Allow, 200)] {
        let limiter = Limiter::builder(policy).max_keys(1).on_full(on_full).build().unwrap();
        let decision = (0_u32..)
            .map(|key| limiter.check_at(key.to_le_bytes(), 1, SUNDAY_NS))
            .find(|decision| decision.reason() == Reason::TableFull)
            .unwrap();
        let verdicts = [Verdict::new(&quota, decision)];
        assert_eq!(Answer::new(&settings, &verdicts, SUNDAY_NS).status(), status);
    }
}

#[test]
fn another_status_than_429_must_be_asked_for() {
    let asked = Asked::new("default", "fixed-window 1/1m");
    let _ = asked.check(1, SUNDAY_NS);
    let verdicts = [asked.verdict(1, SUNDAY_NS)];
    let settings = Settings::builder().status(503).build().unwrap();
    let answer = Answer::new(&settings, &verdicts, SUNDAY_NS);
    assert_eq!((answer.status(), answer.reason_phrase()), (503, "Service Unavailable"));
    assert_eq!(number(&answer, "Retry-After"), Some(60));
    for status in [0, 200, 399, 600, u16::MAX] {
        assert!(Settings::builder().status(status).build().is_err());
    }
}

#[test]
fn a_list_too_long_for_one_line_goes_on_in_another() {
    let long_name = "\\".repeat(64);
    let policy: Policy = "fixed-window 10/1m".parse().unwrap();
    let limiter = crate::common::limiter("fixed-window 10/1m");
    let quotas: Vec<_> = (0..40).map(|n| Quota::new(format!("{n}{}", &long_name[2..]), policy).unwrap()).collect();
    let decision = limiter.check_at("key", 1, SUNDAY_NS);
    let key = [0xff; 96];
    let verdicts: Vec<_> =
        quotas.iter().map(|quota| Verdict::new(quota, decision).partition_key(&key).unwrap()).collect();
    let settings = Settings::builder().burst_parameter("b".repeat(32)).build().unwrap();
    let answer = Answer::new(&settings, &verdicts, SUNDAY_NS);
    for field in ["RateLimit-Policy", "RateLimit"] {
        assert!(headers(&answer).iter().filter(|(name, _)| name == field).count() > 1);
        // The lines joined are one list, in which nothing is missing.
        let expected: Vec<_> = quotas.iter().map(|quota| quota.name().to_owned()).collect();
        assert_eq!(names(&answer, field), expected);
    }
}
