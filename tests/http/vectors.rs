//! The vectors of the standards, and the exact text of ordinary answers.

use crate::reading::{Asked, SECOND, SUNDAY, SUNDAY_NS, header, items, lines, number, settings};
use sluicegate::http::{Answer, MAX_PARTITION_KEY, Quota, RetryAfterForm, Settings, Verdict};
use sluicegate::{Decision, Error, Policy};

fn refused<T>(made: Result<T, Error>) -> String {
    match made {
        Ok(_) => panic!("it was taken"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn an_admitted_request_has_these_fields() {
    let asked = Asked::new("per-minute", "fixed-window 100/1m");
    let verdicts = [asked.verdict(60, SUNDAY_NS + SECOND + 1)];
    assert_eq!(
        lines(&Answer::new(&settings(), &verdicts, SUNDAY_NS + SECOND + 1)),
        [
            "X-RateLimit-Limit: 100",
            "X-RateLimit-Remaining: 40",
            "X-RateLimit-Reset: 1795305660",
            "RateLimit-Policy: \"per-minute\";q=100;w=60",
            "RateLimit: \"per-minute\";r=40;t=59",
        ]
    );
}

#[test]
fn a_denied_request_has_these_fields() {
    let asked = Asked::new("default", "token-bucket 10/60s");
    let _ = asked.check(10, SUNDAY_NS);
    let verdicts = [asked.verdict(1, SUNDAY_NS)];
    assert_eq!(
        lines(&Answer::new(&settings(), &verdicts, SUNDAY_NS)),
        [
            "Retry-After: 6",
            "X-RateLimit-Limit: 10",
            "X-RateLimit-Remaining: 0",
            "X-RateLimit-Reset: 1795305660",
            "RateLimit-Policy: \"default\";q=10;w=60",
            "RateLimit: \"default\";r=0;t=6",
            "Cache-Control: no-store",
        ]
    );
}

/// q=10;w=60, and ten requests at one instant.
#[test]
fn a_bucket_tells_how_long_what_is_left_must_last() {
    for policy in ["token-bucket 10/60s", "leaky-bucket 10/60s"] {
        let asked = Asked::new("default", policy);
        let settings = settings();
        let standing = |verdict: Verdict<'_>| {
            let verdicts = [verdict];
            let item = items(&Answer::new(&settings, &verdicts, SUNDAY_NS), "RateLimit").remove(0);
            (item.r.unwrap(), item.t.unwrap())
        };
        for left in (1..10).rev() {
            assert_eq!(standing(asked.verdict(1, SUNDAY_NS)), (left, 6 * left));
        }
        // The tenth: nothing is left until the next permit.
        assert_eq!(standing(asked.verdict(1, SUNDAY_NS)), (0, 6));
        assert_eq!(standing(asked.verdict(1, SUNDAY_NS)), (0, 6));
        // Ten seconds of budget at an interval of 60 s are not a permit, and the next is 50 s away.
        let slow = Asked::new("default", "token-bucket 1/60s burst=2");
        let _ = slow.check(2, SUNDAY_NS);
        let peeked = Verdict::new(&slow.quota, slow.limiter.peek_at("key", 0, SUNDAY_NS + 10 * SECOND));
        assert_eq!(standing(peeked), (0, 50));
    }
}

#[test]
fn waits_are_whole_seconds_rounded_up_and_never_0() {
    for (wait_ns, expected) in [
        (1, 1),
        (SECOND - 1, 1),
        (SECOND, 1),
        (SECOND + 1, 2),
        (7 * SECOND, 7),
        (7 * SECOND + 1, 8),
        (3600 * SECOND, 3600),
    ] {
        let asked = Asked::new("default", "fixed-window 1/1h");
        let window_end = SUNDAY_NS + 3600 * SECOND;
        let _ = asked.check(1, SUNDAY_NS);
        let verdicts = [asked.verdict(1, window_end - wait_ns)];
        let settings = settings();
        let answer = Answer::new(&settings, &verdicts, window_end - wait_ns);
        assert_eq!(number(&answer, "Retry-After"), Some(expected), "{wait_ns} ns");
        assert_eq!(answer.retry_after_seconds(), Some(expected));
        assert_eq!(number(&answer, "X-RateLimit-Reset"), Some(SUNDAY + 3600));
        assert_eq!(items(&answer, "RateLimit")[0].t, Some(expected));
    }
}

#[test]
fn dates_are_imf_fixdates_at_or_after_the_instant() {
    let settings = Settings::builder().retry_after(RetryAfterForm::HttpDate).build().unwrap();
    let told = |now: u64, policy: &str| {
        let asked = Asked::new("default", policy);
        let _ = asked.check(1, now);
        let verdicts = [asked.verdict(1, now)];
        header(&Answer::new(&settings, &verdicts, now), "Retry-After").unwrap()
    };
    assert_eq!(told(SUNDAY_NS, "token-bucket 1/120s"), "Sun, 22 Nov 2026 00:02:00 GMT");
    assert_eq!(told(SUNDAY_NS + 1, "token-bucket 1/120s"), "Sun, 22 Nov 2026 00:02:01 GMT");
    assert_eq!(told(SUNDAY_NS, "token-bucket 1/1ms"), "Sun, 22 Nov 2026 00:00:01 GMT");
    assert_eq!(told(784_111_776 * SECOND, "token-bucket 1/s"), "Sun, 06 Nov 1994 08:49:37 GMT");
    assert_eq!(told(946_684_799 * SECOND, "token-bucket 1/s"), "Sat, 01 Jan 2000 00:00:00 GMT");
    assert_eq!(told(SUNDAY_NS, "token-bucket 1/3650d"), "Wed, 19 Nov 2036 00:00:00 GMT");
}

#[test]
fn the_whole_of_a_fixed_window_is_not_promised_for_its_last_second() {
    let asked = Asked::new("default", "fixed-window 10000/1000s");
    let almost_over = SUNDAY_NS / (1000 * SECOND) * (1000 * SECOND) + 999 * SECOND;
    let settings = settings();
    let verdicts = [asked.verdict(0, almost_over)];
    let item = items(&Answer::new(&settings, &verdicts, almost_over), "RateLimit").remove(0);
    assert_eq!((item.r, item.t), (Some(10_000), Some(1000)));
    // A denial says when the same request is admitted, and offers no more than the rate gives until then.
    let _ = asked.check(1, almost_over);
    let verdicts = [asked.verdict(10_000, almost_over)];
    let answer = Answer::new(&settings, &verdicts, almost_over);
    let item = items(&answer, "RateLimit").remove(0);
    assert_eq!((item.r, item.t, number(&answer, "Retry-After")), (Some(10), Some(1), Some(1)));
    assert_eq!(number(&answer, "X-RateLimit-Remaining"), Some(9999));
}

#[test]
fn a_sliding_window_with_nothing_left_tells_the_latest_that_the_next_permit_can_come() {
    let asked = Asked::new("default", "sliding-window 60/60s");
    let verdicts = [asked.verdict(60, SUNDAY_NS + 20 * SECOND)];
    let settings = settings();
    let answer = Answer::new(&settings, &verdicts, SUNDAY_NS + 20 * SECOND);
    let item = items(&answer, "RateLimit").remove(0);
    assert_eq!((item.r, item.t), (Some(0), Some(41)));
    assert!(!asked.check(1, SUNDAY_NS + 60 * SECOND).allowed());
    assert!(asked.check(1, SUNDAY_NS + 61 * SECOND).allowed());
}

#[test]
fn windows_that_are_no_whole_seconds_are_scaled_or_left_out() {
    for (policy, expected) in [
        ("fixed-window 5/500ms", "\"default\";q=10;w=1"),
        ("sliding-window 10/1500ms", "\"default\";q=20;w=3"),
        ("fixed-window 10/1000000001ns", "\"default\";q=10"),
        ("token-bucket 100/s burst=200", "\"default\";q=200;w=2"),
        ("leaky-bucket 3/s burst=10", "\"default\";q=30;w=10"),
        ("fixed-window 0/1m", "\"default\";q=0;w=60"),
    ] {
        let asked = Asked::new("default", policy);
        let verdicts = [asked.verdict(1, SUNDAY_NS)];
        let settings = settings();
        assert_eq!(header(&Answer::new(&settings, &verdicts, SUNDAY_NS), "RateLimit-Policy").unwrap(), expected);
    }
}

#[test]
fn names_are_escaped_and_keys_are_base64() {
    let policy: Policy = "fixed-window 10/60s".parse().unwrap();
    let quota = Quota::new(r#"a"b\c"#, policy).unwrap();
    let limiter = crate::common::limiter("fixed-window 10/60s");
    let verdict = Verdict::new(&quota, limiter.check_at("key", 1, SUNDAY_NS));
    let settings = settings();
    for (key, expected) in [
        (&b"GET\x1falice"[..], r#""a\"b\\c";q=10;w=60;pk=:R0VUH2FsaWNl:"#),
        (b"App-999", r#""a\"b\\c";q=10;w=60;pk=:QXBwLTk5OQ==:"#),
        (b"", r#""a\"b\\c";q=10;w=60;pk=::"#),
    ] {
        let verdicts = [verdict.partition_key(key).unwrap()];
        let answer = Answer::new(&settings, &verdicts, SUNDAY_NS);
        assert_eq!(header(&answer, "RateLimit-Policy").unwrap(), expected);
        for name in ["RateLimit-Policy", "RateLimit"] {
            assert_eq!(items(&answer, name)[0].name, r#"a"b\c"#);
            assert_eq!(items(&answer, name)[0].pk.as_deref(), Some(key));
        }
    }
    let too_long = [0; MAX_PARTITION_KEY + 1];
    assert!(
        refused(verdict.partition_key(&too_long)).starts_with("partition_key \"97 bytes\": it takes at most 96")
    );
}

#[test]
fn a_name_that_a_structured_field_cannot_hold_is_refused_when_it_is_given() {
    let policy: Policy = "fixed-window 10/60s".parse().unwrap();
    for (name, what) in [
        ("é", "character 1 is U+00E9"),
        ("a\nb", "character 2 is U+000A"),
        ("a\r\nSet-Cookie: x", "character 2 is U+000D"),
        ("\u{7f}", "character 1 is U+007F"),
        ("\0", "character 1 is U+0000"),
        ("", "it is empty"),
        (&"x".repeat(65), "it has 65 bytes"),
    ] {
        let error = refused(Quota::new(name.to_owned(), policy));
        assert!(error.starts_with("name \""), "{error}");
        assert!(error.contains(what) && error.contains("such as \"per-minute\""), "{error}");
        assert!(!error.contains(['\r', '\n', '\0']), "{error:?}");
    }
    assert!(Quota::new("x".repeat(64), policy).is_ok());
}

#[test]
fn the_unnamed_policy_is_called_default() {
    let quota = Quota::unnamed("fixed-window 10/60s".parse().unwrap());
    assert_eq!(quota.name(), "default");
    assert_eq!(quota, Quota::new("default", *quota.policy()).unwrap());
}

#[test]
fn a_vendors_parameter_tells_the_burst() {
    let settings = Settings::builder().burst_parameter("acme-burst").build().unwrap();
    let asked = Asked::new("default", "token-bucket 100/s burst=50");
    let verdicts = [asked.verdict(1, SUNDAY_NS)];
    let answer = Answer::new(&settings, &verdicts, SUNDAY_NS);
    assert_eq!(header(&answer, "RateLimit-Policy").unwrap(), "\"default\";q=100;w=1;acme-burst=50");
    for (name, what) in [
        ("Acme", "character 1 is U+0041"),
        ("q", "the draft has a parameter of that name"),
        ("pk", "the draft has a parameter of that name"),
        ("1a", "it does not begin with a letter"),
        ("a b", "character 2 is U+0020"),
        ("", "it is empty"),
    ] {
        let error = refused(Settings::builder().burst_parameter(name).build());
        assert!(error.starts_with("burst_parameter \"") && error.contains(what), "{error}");
    }
}

#[test]
fn numbers_from_elsewhere_stay_within_what_a_structured_field_holds() {
    // No limiter gives such a decision; a program in C may make one up.
    let asked = Asked::new("default", "fixed-window 1/3653d");
    let verdicts = [Verdict::new(&asked.quota, Decision::default())];
    let settings = settings();
    let answer = Answer::new(&settings, &verdicts, u64::MAX);
    assert_eq!(number(&answer, "X-RateLimit-Reset"), Some(18_446_744_074));
    assert_eq!(items(&answer, "RateLimit")[0].r, Some(0));
}

#[test]
fn a_request_that_nobody_limits_has_no_fields() {
    let settings = settings();
    let answer = Answer::new(&settings, &[], SUNDAY_NS);
    assert!(answer.allowed() && answer.speaking().is_none());
    assert_eq!((answer.status(), lines(&answer)), (200, vec![]));
}
