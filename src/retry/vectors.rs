//! What servers send, and what each of it means.

use super::*;
use proptest::prelude::*;

/// 22 November 2026 00:00, a Sunday.
const NOW: u64 = 1_795_305_600;
const NOW_NS: u64 = NOW * 1_000_000_000;

fn read(headers: &[(&str, &str)], syntax: Syntax) -> Option<Duration> {
    ServerHint::read(headers.iter().copied(), NOW_NS, syntax).wait()
}

fn lenient(headers: &[(&str, &str)]) -> Option<Duration> {
    read(headers, Syntax::Lenient)
}

fn secs(seconds: u64) -> Option<Duration> {
    Some(Duration::from_secs(seconds))
}

#[test]
fn retry_after_means_what_the_table_says() {
    let nines = "9".repeat(5000);
    let both = |value| (value, value);
    for (value, (strict, tolerant)) in [
        ("120", both(secs(120))),
        ("0", both(secs(0))),
        ("007", both(secs(7))),
        (" 120 ", both(secs(120))),
        ("\t120", both(secs(120))),
        ("-1", both(None)),
        ("+5", both(None)),
        ("1.5", (None, secs(2))),
        ("2.0", (None, secs(2))),
        ("0.503", (None, secs(1))),
        ("0.0", (None, secs(0))),
        ("1e3", both(None)),
        ("0x10", both(None)),
        ("1_000", both(None)),
        ("\u{663}", both(None)),
        ("nan", both(None)),
        ("inf", both(None)),
        ("1m0s", both(None)),
        ("30s", both(None)),
        ("", both(None)),
        ("   ", both(None)),
        ("1 2", both(None)),
        (".5", both(None)),
        ("5.", both(None)),
        ("2147483648", both(secs(2_147_483_648))),
        ("9223372037", both(secs(9_223_372_037))),
        ("99999999999", both(secs(99_999_999_999))),
        ("18446744073709551616", both(secs(u64::MAX))),
        (&nines, both(secs(u64::MAX))),
        ("0,120", (None, secs(120))),
        ("120, 120", (None, secs(120))),
        ("120, 30", (None, secs(120))),
        ("120,", both(None)),
        ("120, -1", both(None)),
        ("Sun, 22 Nov 2026 00:02:00 GMT", both(secs(120))),
        ("Sunday, 22-Nov-26 00:02:00 GMT", both(secs(120))),
        ("Sun Nov 22 00:02:00 2026", both(secs(120))),
        ("Sun Nov  6 08:49:37 1994", both(secs(0))),
        ("Sunday, 06-Nov-94 08:49:37 GMT", both(secs(0))),
        ("Friday, 06-Nov-76 08:49:37 GMT", both(secs(3_371_878_177 - NOW))),
        ("Sunday, 06-Nov-77 08:49:37 GMT", both(secs(0))),
        ("Thu, 31 Dec 2026 23:59:60 GMT", both(secs(1_798_761_600 - NOW))),
        ("Fri, 31 Dec 1999 23:59:59 GMT", both(secs(0))),
        ("Fri, 31 Dec 9999 23:59:59 GMT", both(secs(253_402_300_799 - NOW))),
        ("Mon, 22 Nov 2026 00:02:00 GMT", both(secs(120))),
        ("Sun, 31 Feb 2027 00:00:00 GMT", both(None)),
        ("Sun, 22 Nov 2026 00:02:00 PST", both(None)),
        ("Sun, 22 Nov 2026 00:02:00 +0000", (None, secs(120))),
        ("Sun, 22 Nov 2026 00:02:00 UTC", (None, secs(120))),
        ("sun, 22 nov 2026 00:02:00 gmt", (None, secs(120))),
        ("Sun, 22 Nov 2026 24:00:00 GMT", both(None)),
        ("dim., 22 nov. 2026 00:02:00 GMT", both(None)),
        ("2026-11-22T00:02:00Z", (None, secs(120))),
    ] {
        assert_eq!(read(&[("Retry-After", value)], Syntax::Strict), strict, "{value} strictly");
        assert_eq!(read(&[("retry-after", value)], Syntax::Lenient), tolerant, "{value} leniently");
    }
}

#[test]
fn several_lines_of_retry_after_are_none_strictly_and_the_longest_leniently() {
    let lines = [("Retry-After", "30"), ("RETRY-AFTER", "Sun, 22 Nov 2026 00:02:00 GMT"), ("Retry-After", "x")];
    assert_eq!(read(&lines, Syntax::Strict), None);
    assert_eq!(lenient(&lines), secs(120));
    assert_eq!(lenient(&[("Retry-After", "300"), lines[1]]), secs(300));
}

#[test]
fn dates_count_from_the_servers_own_time() {
    let date = ("Date", "Sun, 22 Nov 2026 00:10:00 GMT");
    let later = "Sun, 22 Nov 2026 00:12:00 GMT";
    assert_eq!(lenient(&[date, ("Retry-After", later)]), secs(120));
    assert_eq!(lenient(&[("Retry-After", later), date]), secs(120));
    assert_eq!(lenient(&[("Retry-After", later)]), secs(720));
    assert_eq!(lenient(&[date, ("Retry-After", "30")]), secs(30));
    assert_eq!(lenient(&[date, ("Retry-After", "Sun, 22 Nov 2026 00:09:59 GMT")]), secs(0));
    assert_eq!(lenient(&[("Date", "today"), ("Retry-After", later)]), secs(720));
    assert_eq!(lenient(&[date, ("X-RateLimit-Reset", "1795306260")]), secs(60));
    assert_eq!(lenient(&[date, ("Age", "60"), ("Retry-After", later)]), secs(60));
    assert_eq!(lenient(&[date, ("Age", &"9".repeat(40)), ("Retry-After", later)]), secs(0));
}

#[test]
fn milliseconds_are_those_of_the_services_that_send_them() {
    assert_eq!(lenient(&[("retry-after-ms", "1500")]), Some(Duration::from_millis(1_500)));
    assert_eq!(lenient(&[("x-ms-retry-after-ms", "20"), ("Retry-After", "1")]), secs(1));
    assert_eq!(
        lenient(&[("x-amz-retry-after", "1500"), ("Retry-After", "1")]),
        Some(Duration::from_millis(1_500))
    );
    assert_eq!(lenient(&[("retry-after-ms", "1.5")]), None);
    assert_eq!(lenient(&[("retry-after-ms", &"9".repeat(40))]), Some(Duration::from_millis(u64::MAX)));
}

#[test]
fn rate_limit_is_read_in_every_revision() {
    for (field, wait) in [
        (r#""default";r=0;t=30"#, Some(30)),
        (r#""default"; r=0;  t=30"#, Some(30)),
        (r#""default";r=50;t=30"#, None),
        (r#""a";r=0;t=10, "b";r=0;t=90, "c";r=5;t=900"#, Some(90)),
        (r#""a";r=1;r=0;t=5;t=6"#, Some(6)),
        (r#""a";r=0;r=1;t=5"#, None),
        (r#""a";a=0;w=7"#, Some(7)),
        (r#""a";a=0;t=8"#, Some(8)),
        (r"default;r=000;t=007", Some(7)),
        (r#""a";r=0;t=5;pk=:cHsdsRa894==:"#, Some(5)),
        (r#""a";r=0;t=5;pk=:QXBwLTk5OQ:;acme-burst=1"#, Some(5)),
        (r#""a\"b\\c";r=0;t=5"#, Some(5)),
        (r#"("a" "b");r=0;t=4, "c";r=0;t=5"#, Some(5)),
        ("limit=100, remaining=0, reset=5", Some(5)),
        ("limit=100,remaining=0,reset=5,extra=(1 2)", Some(5)),
        ("limit=100, remaining=50, reset=5", None),
        ("limit=100, remaining=0, reset=5, reset=6", Some(6)),
        ("remaining=0, reset=(5)", None),
        // Malformed, so all of it is ignored.
        (r#""a";r=0;t=5,"#, None),
        (r#""a" ;r=0;t=5"#, None),
        (r#""a";R=0;t=5"#, None),
        (r#""a";r=0;t=1234567890123456"#, None),
        (r#""a;r=0;t=5"#, None),
        ("'a';r=0;t=5", None),
        (r#""a";r=0;t=5;pk=:-_8=:"#, None),
        (r#""a";r=0;t=5, junk junk"#, None),
        (r#""é";r=0;t=5"#, None),
        // Well-formed, and the item means nothing.
        (r#""a";t=5"#, None),
        (r#""a";r=0"#, None),
        (r#""a";r=-1;t=5"#, None),
        (r#""a";r=0.0;t=5"#, None),
        (r#""a";r=0;t="30""#, None),
        (r#""a";r=0;t=-5"#, None),
        (r#""a";r;t=5"#, None),
        (r#""a";r=-1;a=0;t=5"#, None),
        (r#"5;r=0;t=5"#, None),
        (r#"5;r=0;t=5, "b";r=0;t=6"#, Some(6)),
        ("100", None),
        ("", None),
    ] {
        assert_eq!(lenient(&[("RateLimit", field)]), wait.map(Duration::from_secs), "{field}");
    }
    assert_eq!(lenient(&[("RateLimit", r#""a";r=0;t=5"#), ("ratelimit", r#""b";r=0;t=6"#)]), secs(6));
    assert_eq!(lenient(&[("RateLimit", r#""a";r=0;t=5"#), ("ratelimit", "100 100")]), None);
    assert_eq!(lenient(&[("RateLimit", r#""a";r=0;t=999999999999999"#)]), secs(999_999_999_999_999));
}

#[test]
fn a_reset_is_told_apart_by_its_value() {
    let at = NOW + 60;
    for (value, wait) in [
        ("60", secs(60)),
        ("0", secs(0)),
        ("598.0", secs(598)),
        ("0.25", Some(Duration::from_millis(250))),
        ("10000000", secs(10_000_000)),
        ("10000001", None),
        ("999999999", None),
        ("1000000000", secs(0)),
        (&at.to_string(), secs(60)),
        (&format!("{at}.5"), Some(Duration::from_millis(60_500))),
        (&format!("{at}500"), Some(Duration::from_millis(60_500))),
        ("1470173023.123", secs(0)),
        ("6m0s", secs(360)),
        ("1s", secs(1)),
        ("12ms", Some(Duration::from_millis(12))),
        ("1h2m3.5s", Some(Duration::from_millis(3_723_500))),
        ("20\u{b5}s", Some(Duration::from_micros(20))),
        ("7us3ns", Some(Duration::from_nanos(7_003))),
        ("999999999999999999999h", Some(Duration::MAX)),
        ("Sun, 22 Nov 2026 00:02:00 GMT", secs(120)),
        ("2026-11-22T00:02:00Z", secs(120)),
        ("2026-11-22T01:02:00.000+01:00", secs(120)),
        ("-1", None),
        ("-6m", None),
        ("6m0", None),
        ("m", None),
        ("1.2.3s", None),
        ("1d", None),
        ("nan", None),
        ("1e9", None),
        ("", None),
        ("soon", None),
    ] {
        for name in ["X-RateLimit-Reset", "x-rate-limit-reset", "RateLimit-Reset", "X-RateLimit-Retry-After"] {
            assert_eq!(lenient(&[(name, value)]), wait, "{name}: {value}");
        }
    }
    let far = lenient(&[("X-RateLimit-Reset", &"9".repeat(40))]).unwrap();
    assert!(far > Duration::from_secs(1 << 50), "{far:?}");
}

#[test]
fn a_reset_does_not_count_while_something_is_left() {
    let reset = ("X-RateLimit-Reset", "60");
    assert_eq!(lenient(&[reset, ("X-RateLimit-Remaining", "0")]), secs(60));
    assert_eq!(lenient(&[reset, ("X-RateLimit-Remaining", "-1")]), secs(60));
    assert_eq!(lenient(&[reset, ("X-RateLimit-Remaining", "0.0")]), secs(60));
    assert_eq!(lenient(&[reset, ("X-RateLimit-Remaining", "nonsense")]), secs(60));
    assert_eq!(lenient(&[reset, ("X-RateLimit-Remaining", "3")]), None);
    let old = [("RateLimit-Limit", "100, 100;w=10"), ("RateLimit-Reset", "5")];
    assert_eq!(lenient(&[old[0], old[1], ("RateLimit-Remaining", "0;w=10")]), secs(5));
    assert_eq!(lenient(&[old[0], old[1], ("RateLimit-Remaining", "1;w=10")]), None);
    let of_two = [("x-ratelimit-reset-requests", "1s"), ("x-ratelimit-reset-tokens", "6m0s")];
    assert_eq!(lenient(&[of_two[0], of_two[1], ("x-ratelimit-remaining-tokens", "9000")]), secs(1));
    assert_eq!(lenient(&[of_two[0], of_two[1], ("x-ratelimit-remaining-tokens", "0")]), secs(360));
}

#[test]
fn the_first_family_that_says_when_counts() {
    let retry_after = ("Retry-After", "7");
    let rate_limit = ("RateLimit", r#""a";r=0;t=30"#);
    let reset = ("X-RateLimit-Reset", "60");
    let source = |headers: &[(&str, &str)]| {
        let hint = ServerHint::read(headers.iter().copied(), NOW_NS, Syntax::Lenient);
        (hint.wait().unwrap().as_secs(), hint.source().unwrap())
    };
    assert_eq!(source(&[reset, rate_limit, retry_after]), (7, HintSource::RetryAfter));
    assert_eq!(source(&[reset, rate_limit, ("Retry-After", "0")]), (0, HintSource::RetryAfter));
    assert_eq!(source(&[reset, rate_limit, ("Retry-After", "-1")]), (30, HintSource::RateLimit));
    assert_eq!(source(&[reset, ("RateLimit", r#""a";r=9;t=30"#)]), (60, HintSource::Reset));
    assert_eq!(lenient(&[reset, rate_limit, ("Age", "1")]), None);
    assert_eq!(lenient(&[reset, rate_limit, ("Age", "0")]), secs(30));
    assert_eq!(lenient(&[]), None);
    assert_eq!(lenient(&[("Content-Type", "text/plain"), ("", "")]), None);
}

proptest! {
    /// No bytes in any field are a surprise, and no clock is.
    #[test]
    fn any_bytes_of_any_field_are_read(
        lines in prop::collection::vec((field_name(), value()), 0..6),
        now in any::<u64>(),
    ) {
        for syntax in [Syntax::Strict, Syntax::Lenient] {
            let hint = ServerHint::read(lines.iter().map(|(name, value)| (*name, value)), now, syntax);
            prop_assert_eq!(hint.wait().is_some(), hint.source().is_some());
        }
    }

    #[test]
    fn tolerance_never_shortens(value in value()) {
        let read = |syntax| ServerHint::read([("Retry-After", &value)], NOW_NS, syntax).wait();
        prop_assert!(read(Syntax::Strict).is_none() || read(Syntax::Strict) == read(Syntax::Lenient));
    }
}

fn field_name() -> impl Strategy<Value = &'static str> {
    prop::sample::select(
        &[
            "Retry-After",
            "RateLimit",
            "X-RateLimit-Reset",
            "X-RateLimit-Remaining",
            "Date",
            "Age",
            "retry-after-ms",
            "x-should-retry",
        ][..],
    )
}

fn value() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..30),
        "[0-9.,;=:\"a-zA-Z -]{0,30}".prop_map(String::into_bytes),
        any::<u64>().prop_map(|number| number.to_string().into_bytes()),
    ]
}
