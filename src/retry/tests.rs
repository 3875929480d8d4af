use super::*;
use proptest::prelude::*;
use std::sync::Arc;

const NONE: [(&str, &str); 0] = [];
const LEAST: Moment = Moment { unix_ns: 1_795_305_600_000_000_000, random: 0 };
const MOST: Moment = Moment { random: u64::MAX, ..LEAST };

fn first(method: &str) -> Attempt<'_> {
    Attempt::new(method, 1, Duration::ZERO)
}

fn give_up(reason: GiveUpReason, come_back: Option<u64>) -> Advice {
    Advice::GiveUp { reason, come_back: come_back.map(Duration::from_secs) }
}

fn retry_after(seconds: &str) -> [(&str, &str); 1] {
    [("Retry-After", seconds)]
}

#[test]
fn a_wait_that_the_server_has_named_is_kept_and_a_little_more() {
    let policy = RetryPolicy::default();
    for (seconds, most_ms) in [("1", 1_100), ("7", 7_700), ("100", 110_000)] {
        let named = Duration::from_secs(seconds.parse().unwrap());
        assert_eq!(policy.decide(&first("GET"), 429, retry_after(seconds), LEAST), Advice::RetryIn(named));
        let most = Advice::RetryIn(Duration::from_millis(most_ms));
        assert_eq!(policy.decide(&first("GET"), 429, retry_after(seconds), MOST), most);
    }
    let without = RetryPolicy::builder().server_jitter(0, Duration::from_secs(9)).build().unwrap();
    assert_eq!(
        without.decide(&first("GET"), 503, retry_after("100"), MOST),
        Advice::RetryIn(Duration::from_secs(100))
    );
    let bounded = RetryPolicy::builder().server_jitter(100, Duration::from_millis(300)).build().unwrap();
    assert_eq!(
        bounded.decide(&first("GET"), 429, retry_after("100"), MOST),
        Advice::RetryIn(Duration::from_millis(100_300))
    );
}

#[test]
fn a_longer_wait_than_is_accepted_is_not_shortened_but_told() {
    let policy = RetryPolicy::builder().max_server_wait(Duration::from_secs(60)).build().unwrap();
    let advice = |seconds| policy.decide(&first("GET"), 429, retry_after(seconds), MOST);
    assert!(matches!(advice("60"), Advice::RetryIn(_)));
    assert_eq!(advice("61"), give_up(GiveUpReason::ServerWait, Some(61)));
    assert_eq!(advice("99999999999999999999"), give_up(GiveUpReason::ServerWait, Some(u64::MAX)));
    assert_eq!(advice("Fri, 31 Dec 9999 23:59:59 GMT"), give_up(GiveUpReason::ServerWait, Some(251_606_995_199)));
}

#[test]
fn nothing_begins_after_the_deadline() {
    let policy = RetryPolicy::builder().deadline(Duration::from_secs(10)).build().unwrap();
    let after = |elapsed_ms| Attempt::new("GET", 1, Duration::from_millis(elapsed_ms));
    let advice =
        |elapsed_ms, seconds, moment| policy.decide(&after(elapsed_ms), 429, retry_after(seconds), moment);
    assert_eq!(advice(0, "11", LEAST), give_up(GiveUpReason::Deadline, Some(11)));
    assert_eq!(advice(3_001, "7", LEAST), give_up(GiveUpReason::Deadline, Some(7)));
    // The jitter gives way, the server's word does not.
    assert_eq!(advice(3_000, "7", MOST), Advice::RetryIn(Duration::from_secs(7)));
    assert_eq!(advice(10_001, "0", LEAST), give_up(GiveUpReason::Deadline, Some(0)));
    assert_eq!(policy.decide(&after(9_800), 429, NONE, MOST), give_up(GiveUpReason::Deadline, None));
    assert_eq!(policy.decide(&after(9_800), 429, NONE, LEAST), Advice::RetryIn(Duration::from_millis(50)));
}

#[test]
fn without_a_word_of_the_servers_back_off_doubles_up_to_its_cap() {
    let policy = RetryPolicy::builder().cap(Duration::from_secs(3)).max_attempts(1000).build().unwrap();
    let most = |number| policy.decide(&Attempt::new("GET", number, Duration::ZERO), 503, NONE, MOST);
    let waits = [500, 1_000, 2_000, 3_000, 3_000].map(|ms| Advice::RetryIn(Duration::from_millis(ms)));
    assert_eq!([1, 2, 3, 4, 999].map(most), waits);
    for number in [0, 1, 4, 40, 999] {
        let attempt = Attempt::new("GET", number, Duration::ZERO);
        assert_eq!(policy.decide(&attempt, 503, NONE, LEAST), Advice::RetryIn(Duration::from_millis(50)));
    }
    let half = Moment { random: 1 << 63, ..LEAST };
    assert_eq!(policy.decide(&first("GET"), 503, NONE, half), Advice::RetryIn(Duration::from_millis(275)));
}

#[test]
fn zero_the_past_and_nonsense_are_no_reason_to_ask_at_once() {
    let policy = RetryPolicy::default();
    for value in ["0", "-1", "", "nan", "Fri, 31 Dec 1999 23:59:59 GMT"] {
        let advice = policy.decide(&first("GET"), 429, retry_after(value), LEAST);
        assert_eq!(advice, Advice::RetryIn(Duration::from_millis(50)), "{value}");
    }
}

#[test]
fn back_off_that_has_grown_longer_than_the_servers_word_counts() {
    let policy = RetryPolicy::builder().max_attempts(9).build().unwrap();
    let attempt = Attempt::new("GET", 5, Duration::ZERO);
    assert_eq!(
        policy.decide(&attempt, 429, retry_after("1"), MOST),
        Advice::RetryIn(Duration::from_millis(8_100))
    );
    assert_eq!(policy.decide(&attempt, 429, retry_after("1"), LEAST), Advice::RetryIn(Duration::from_secs(1)));
}

#[test]
fn attempts_are_counted() {
    let policy = RetryPolicy::default();
    let advice =
        |number| policy.decide(&Attempt::new("GET", number, Duration::ZERO), 429, retry_after("1"), LEAST);
    assert!(matches!(advice(3), Advice::RetryIn(_)));
    assert_eq!(advice(4), give_up(GiveUpReason::Attempts, Some(1)));
    assert_eq!(advice(u32::MAX), give_up(GiveUpReason::Attempts, Some(1)));
    let once = RetryPolicy::builder().max_attempts(1).build().unwrap();
    assert_eq!(once.decide(&first("GET"), 429, NONE, LEAST), give_up(GiveUpReason::Attempts, None));
}

#[test]
fn only_what_may_be_sent_twice_is() {
    let policy = RetryPolicy::default();
    let advice = |attempt: Attempt<'_>, status| policy.decide(&attempt, status, retry_after("1"), LEAST);
    for method in ["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"] {
        assert!(matches!(advice(first(method), 429), Advice::RetryIn(_)), "{method}");
    }
    for method in ["POST", "PATCH", "CONNECT", "get", ""] {
        assert_eq!(advice(first(method), 429), give_up(GiveUpReason::Method, Some(1)), "{method}");
    }
    assert!(matches!(advice(first("POST").idempotency_key(true), 503), Advice::RetryIn(_)));
    assert_eq!(advice(first("PUT").replayable(false), 429), give_up(GiveUpReason::Body, Some(1)));

    let told = RetryPolicy::builder().any_method_on_429(true).idempotent_method("PROPFIND").build().unwrap();
    let advice = |method, status| told.decide(&first(method), status, retry_after("1"), LEAST);
    assert!(matches!(advice("POST", 429), Advice::RetryIn(_)));
    assert_eq!(advice("POST", 503), give_up(GiveUpReason::Method, Some(1)));
    assert!(matches!(advice("PROPFIND", 503), Advice::RetryIn(_)));
}

#[test]
fn only_some_statuses_are_tried_again() {
    let policy = RetryPolicy::builder().status(408).status_with_hint(403).build().unwrap();
    let advice = |status, headers: &[(&'static str, &'static str)]| {
        policy.decide(&first("GET"), status, headers.iter().copied(), LEAST)
    };
    for status in [429, 503, 408] {
        assert!(matches!(advice(status, &[]), Advice::RetryIn(_)), "{status}");
    }
    for status in [0, 200, 301, 400, 404, 500, 502, 504, 999] {
        assert_eq!(advice(status, &[("Retry-After", "1")]), give_up(GiveUpReason::Status, None), "{status}");
    }
    for status in [403, 413] {
        assert_eq!(advice(status, &[]), give_up(GiveUpReason::Status, None));
        assert_eq!(advice(status, &[("x-ratelimit-reset", "5")]), give_up(GiveUpReason::Status, None));
        assert!(matches!(advice(status, &[("retry-after", "1")]), Advice::RetryIn(_)));
        let used_up = [("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "5")];
        assert!(matches!(advice(status, &used_up), Advice::RetryIn(_)));
    }
    let only = RetryPolicy::builder().statuses([500]).build().unwrap();
    assert!(matches!(only.decide(&first("GET"), 500, NONE, LEAST), Advice::RetryIn(_)));
    assert_eq!(only.decide(&first("GET"), 429, NONE, LEAST), give_up(GiveUpReason::Status, None));
}

#[test]
fn a_server_may_ask_not_to_be_asked_again() {
    let policy = RetryPolicy::default();
    let advice = |name, value| policy.decide(&first("GET"), 429, [(name, value)], LEAST);
    assert_eq!(advice("X-Should-Retry", "false"), give_up(GiveUpReason::ServerForbids, None));
    assert_eq!(advice("grpc-retry-pushback-ms", "-1"), give_up(GiveUpReason::ServerForbids, None));
    assert_eq!(advice("grpc-retry-pushback-ms", "soon"), give_up(GiveUpReason::ServerForbids, None));
    assert!(matches!(advice("x-should-retry", "true"), Advice::RetryIn(_)));
    assert_eq!(advice("grpc-retry-pushback-ms", "250"), Advice::RetryIn(Duration::from_millis(250)));
}

#[test]
fn a_budget_bounds_retries_whose_time_the_server_has_not_named() {
    let budget = Arc::new(RetryBudget::new(10, 10).unwrap());
    let policy = RetryPolicy::builder().budget(budget).build().unwrap();
    let fails = || policy.decide(&first("GET"), 503, NONE, LEAST);
    for _ in 0..4 {
        assert!(matches!(fails(), Advice::RetryIn(_)));
    }
    assert_eq!(fails(), give_up(GiveUpReason::Budget, None));
    // A copy has no budget of its own.
    assert_eq!(policy.clone().decide(&first("GET"), 503, NONE, LEAST), give_up(GiveUpReason::Budget, None));
    assert!(matches!(policy.decide(&first("GET"), 429, retry_after("1"), LEAST), Advice::RetryIn(_)));
    for _ in 0..21 {
        assert_eq!(policy.decide(&first("GET"), 200, NONE, LEAST), give_up(GiveUpReason::Status, None));
    }
    assert!(matches!(fails(), Advice::RetryIn(_)));
    assert_eq!(fails(), give_up(GiveUpReason::Budget, None));
}

#[test]
fn a_budget_is_the_same_for_all_threads() {
    let budget = RetryBudget::new(1_000, 100).unwrap();
    let allowed: usize = std::thread::scope(|scope| {
        let threads: Vec<_> =
            (0..4).map(|_| scope.spawn(|| (0..200).filter(|_| budget.withdraw()).count())).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert_eq!(allowed, 499);
}

#[test]
fn settings_out_of_range_are_refused_by_name() {
    let builder = RetryPolicy::builder;
    let year = Duration::from_secs(367 * 86_400);
    for (built, name) in [
        (builder().max_attempts(0).build(), "max_attempts \"0\""),
        (builder().max_attempts(1_001).build(), "max_attempts \"1001\""),
        (builder().base(year).build(), "base "),
        (builder().cap(year).build(), "cap "),
        (builder().deadline(Duration::MAX).build(), "deadline "),
        (builder().max_server_wait(year).build(), "max_server_wait "),
        (builder().server_jitter(101, Duration::ZERO).build(), "server_jitter \"101\""),
        (builder().server_jitter(1, year).build(), "server_jitter "),
        (builder().status(200).build(), "status \"200\""),
        (builder().status_with_hint(600).build(), "status \"600\""),
    ] {
        let error = built.unwrap_err().to_string();
        assert!(error.starts_with(name), "{error}");
    }
    assert!(
        RetryBudget::new(0, 10).is_err() && RetryBudget::new(10, 0).is_err() && RetryBudget::new(10, 101).is_err()
    );
}

#[test]
fn the_moment_is_now_and_chance_is_another_each_time() {
    let moments = [(); 4].map(|()| Moment::now());
    assert!(moments.iter().all(|moment| moment.unix_ns > 1_700_000_000_000_000_000));
    assert!(moments.iter().any(|moment| moment.random != moments[0].random));
}

proptest! {
    #[test]
    fn whatever_happens_the_advice_is_within_what_was_said(
        (base, cap, deadline, max_wait) in (0..10_000_u64, 0..10_000_u64, 0..100_000_u64, 0..100_000_u64),
        (attempts, number) in (1..=20_u32, any::<u32>()),
        (elapsed, random) in (0..200_000_u64, any::<u64>()),
        seconds in prop::option::of(0..200_u64),
    ) {
        let ms = Duration::from_millis;
        let policy = RetryPolicy::builder().base(ms(base)).cap(ms(cap)).deadline(ms(deadline));
        let policy = policy.max_server_wait(ms(max_wait)).max_attempts(attempts).build().unwrap();
        let headers = seconds.map(|seconds| ("Retry-After", seconds.to_string()));
        let attempt = Attempt::new("GET", number % 24, ms(elapsed));
        let named = seconds.map(Duration::from_secs);
        match policy.decide(&attempt, 429, headers, Moment { random, ..LEAST }) {
            Advice::RetryIn(wait) => {
                prop_assert!(named.is_none_or(|named| wait >= named && named <= policy.max_server_wait()));
                prop_assert!(wait + ms(elapsed) <= policy.deadline());
                prop_assert!(number % 24 < attempts);
            }
            Advice::GiveUp { come_back, .. } => prop_assert_eq!(come_back, named),
        }
    }
}
