//! Policies as text: what is accepted prints as text that means the same, what is out of range is refused with
//! the bound and a way out, and no text whatever makes the parser panic.

#![cfg(not(loom))]

#[allow(dead_code, reason = "each test file uses its own part")]
mod common;
#[allow(dead_code, reason = "each test file uses its own part")]
mod model;

use common::{DAY, LONGEST_PERIOD, MOST_PERMITS, SECOND, builder_of, for_all, policy_of, strategies};
use model::{Kind, Rule};
use proptest::prelude::*;
use sluicegate::{Error, Policy};

const KINDS: [Kind; 4] = [Kind::FixedWindow, Kind::SlidingWindow, Kind::TokenBucket, Kind::LeakyBucket];

fn parse(text: &str) -> Policy {
    text.parse().unwrap_or_else(|error| panic!("{text:?}: {error}"))
}

fn error(text: &str) -> Error {
    match text.parse::<Policy>() {
        Ok(policy) => panic!("{text:?} was accepted as {policy}"),
        Err(error) => error,
    }
}

#[test]
fn every_policy_prints_as_text_that_parses_to_it() {
    for_all(file!(), 20_000, prop::sample::select(KINDS.to_vec()).prop_flat_map(strategies::rule), |rule| {
        let policy = policy_of(&rule).map_err(|error| format!("{rule:?}: {error}"))?;
        let text = policy.to_string();
        match text.parse::<Policy>() {
            Ok(parsed) if parsed == policy && parsed.to_string() == text => Ok(()),
            other => Err(format!("{rule:?} prints as {text:?}, which reads as {other:?}")),
        }
    });
}

#[test]
fn every_text_that_is_accepted_prints_as_text_that_parses_to_the_same() {
    let word = "(fixed-window|sliding-window|token-bucket|leaky-bucket) [0-9]{1,4}r?/[0-9]{0,3}(ns|us|ms|s|m|min|h|hour|d|day)( burst=[0-9]{1,4})?";
    for_all(file!(), 20_000, word, |text| {
        let Ok(policy) = text.parse::<Policy>() else { return Ok(()) };
        match policy.to_string().parse::<Policy>() {
            Ok(again) if again == policy => Ok(()),
            other => Err(format!("{text:?} was read as {policy}, and that as {other:?}")),
        }
    });
}

#[test]
fn the_examples_of_the_contract_read_as_they_say() {
    let rule = |kind, limit, period| Rule::new(kind, limit, period);
    let examples = [
        ("token-bucket 100/s burst=200", rule(Kind::TokenBucket, 100, SECOND).burst(200)),
        ("fixed-window 5000/1h", rule(Kind::FixedWindow, 5_000, common::HOUR)),
        ("sliding-window 100/60m", rule(Kind::SlidingWindow, 100, common::HOUR)),
        ("leaky-bucket 10/s burst=20", rule(Kind::LeakyBucket, 10, SECOND).burst(20)),
        ("token-bucket 100r/s", rule(Kind::TokenBucket, 100, SECOND)),
        ("leaky-bucket 30r/m", rule(Kind::LeakyBucket, 30, common::MINUTE)),
    ];
    for (text, rule) in examples {
        assert_eq!(parse(text), policy_of(&rule).expect("within the bounds"), "{text}");
    }
}

#[test]
fn units_have_synonyms_and_every_one_can_be_counted() {
    let same = [
        ["fixed-window 5/min", "fixed-window 5/m", "fixed-window 5/60s", "fixed-window 5/1min"],
        ["fixed-window 5/hour", "fixed-window 5/h", "fixed-window 5/60m", "fixed-window 5/60min"],
        ["fixed-window 5/day", "fixed-window 5/d", "fixed-window 5/24h", "fixed-window 5/24hour"],
        ["fixed-window 5/s", "fixed-window 5/1s", "fixed-window 5/1000ms", "fixed-window 5/1000000us"],
        ["fixed-window 5/ms", "fixed-window 5/1ms", "fixed-window 5/1000us", "fixed-window 5/1000000ns"],
        ["token-bucket 5/2day", "token-bucket 5/2d burst=5", "token-bucket 5r/48h", "token-bucket 5/2880min"],
    ];
    for [first, rest @ ..] in same {
        for other in rest {
            assert_eq!(parse(first), parse(other), "{first} and {other}");
        }
    }
}

#[test]
fn the_bounds_themselves_are_accepted() {
    let accepted = [
        "fixed-window 0/s",
        "sliding-window 0/s",
        "token-bucket 0/s",
        "leaky-bucket 0/s",
        "fixed-window 4294967295/5s",
        "token-bucket 4294967295/5s burst=4294967295",
        "leaky-bucket 4294967295/5s burst=1",
        "token-bucket 1000000000/s",
        "token-bucket 1000/1us",
        "token-bucket 1/1000ns",
        "fixed-window 1/3653d",
        // At least 2^22-1 in a sliding window (of hours: two counts and the window's number share a word), at
        // least 366 days, rates of 10^9 a second.
        "sliding-window 4194303/2h",
        "sliding-window 4194303/366d",
        "fixed-window 1/366d",
        "token-bucket 1/d burst=36525",
    ];
    for text in accepted {
        assert_eq!(parse(&parse(text).to_string()), parse(text), "{text}");
    }
}

/// A text that is out of range, and what the message must name: the bound, and a word of the way out.
#[test]
fn what_is_out_of_range_is_refused_with_the_bound_and_a_way_out() {
    let refused: [(&str, &[&str]); 13] = [
        ("fixed-window 4294967296/h", &["4294967295", "count in larger units"]),
        ("token-bucket 18446744073709551615/d", &["4294967295", "count in larger units"]),
        ("token-bucket 100/s burst=4294967296", &["4294967295"]),
        ("token-bucket 100/s burst=0", &["1", "limit of 0"]),
        ("token-bucket 1/999ns", &["1us"]),
        ("token-bucket 1/0s", &["1us"]),
        ("fixed-window 1/3654d", &["3653d"]),
        ("token-bucket 1001/1us", &["10^9", "lower the limit"]),
        ("leaky-bucket 1000000001/s", &["10^9", "lower the limit"]),
        ("token-bucket 1/d burst=36526", &["36525", "raise the rate"]),
        ("leaky-bucket 1/3653d burst=4294967295", &["lower it to 9", "raise the rate"]),
        ("fixed-window 10/s burst=20", &["no burst", "token-bucket"]),
        ("sliding-window 4294967295/5s", &["the largest is", "longer period"]),
    ];
    for (text, parts) in refused {
        let message = error(text).to_string();
        for part in parts {
            assert!(message.contains(part), "{text:?} is refused without saying {part:?}: {message}");
        }
        assert!(!message.contains('\n'), "more than a line: {message}");
    }
}

/// "It parses ... An error says what was wrong, where, and shows a right one."
#[test]
fn an_error_says_what_and_where_and_shows_a_right_one() {
    let wrong: [(&str, &str); 9] = [
        ("", "column 1"),
        ("bucket 100/s", "bucket"),
        ("token-bucket", "column 13"),
        ("token-bucket 100", "column 17"),
        ("token-bucket 100/fortnight", "fortnight"),
        ("token-bucket ten/s", "ten"),
        ("token-bucket 100/s burst", "column 20"),
        ("token-bucket 100/s burst=200 burst=300", "column 30"),
        ("token-bucket 1/999ns", "999ns"),
    ];
    for (text, part) in wrong {
        let message = error(text).to_string();
        assert!(message.contains(part), "{text:?}: no {part:?} in {message}");
        assert!(message.contains("token-bucket 100/s"), "{text:?}: no right one in {message}");
    }
}

/// The largest limit that a message offers in place of one that does not fit does fit, and no larger one does.
#[test]
fn the_way_out_that_a_message_offers_works() {
    for period in ["1us", "7us", "1ms", "999ms", "5s", "1h"] {
        let Err(refused) = format!("sliding-window 1000000000/{period}").parse::<Policy>() else { continue };
        let message = refused.to_string();
        let Some((_, offer)) = message.split_once("the largest is ") else { continue };
        let largest: u64 =
            offer.chars().take_while(char::is_ascii_digit).collect::<String>().parse().expect("digits");
        parse(&format!("sliding-window {largest}/{period}"));
        error(&format!("sliding-window {}/{period}", largest + 1));
    }
}

/// Bounds hold for the typed constructors too, at whatever the types can say.
#[test]
fn hostile_numbers_are_refused_not_wrapped() {
    use std::time::Duration;
    for kind in KINDS {
        for (limit, period) in [
            (u64::MAX, Duration::from_secs(1)),
            (1 << 32, Duration::from_secs(86_400)),
            (1, Duration::MAX),
            (1, Duration::ZERO),
            (1, Duration::from_nanos(LONGEST_PERIOD + 1)),
            // 2^64 ns and a second more: a period that would wrap to 1 s.
            (1, Duration::from_secs(18_446_744_073) + Duration::from_nanos(709_551_616 + SECOND)),
        ] {
            let builder = match kind {
                Kind::FixedWindow => Policy::fixed_window(limit, period),
                Kind::SlidingWindow => Policy::sliding_window(limit, period),
                Kind::TokenBucket => Policy::token_bucket(limit, period),
                Kind::LeakyBucket => Policy::leaky_bucket(limit, period),
            };
            assert!(builder.build().is_err(), "{kind:?} {limit}/{period:?}");
        }
        for burst in [0, MOST_PERMITS + 1, u64::MAX] {
            assert!(
                builder_of(&Rule::new(kind, 1_000_000, SECOND).burst(burst)).build().is_err(),
                "{kind:?} {burst}"
            );
        }
    }
}

#[test]
fn hostile_text_is_refused_with_a_short_message() {
    let megabyte = "9".repeat(1 << 20);
    let texts = [
        String::new(),
        " ".repeat(1 << 20),
        "\0".into(),
        "token-bucket\x00100/s".into(),
        "token-bucket 100/s\0".into(),
        "token-bucket 100/s burst=200\0".into(),
        "tøken-bücket 100/s".into(),
        "token-bucket １００/s".into(),
        "token-bucket ١٠٠/s".into(),
        "token-bucket 100/ſ".into(),
        "token-bucket 100/µs".into(),
        "token-bucket 💧/s".into(),
        "token-bucket 💧💧💧".into(),
        "token-bucket 100/💧 burst=💧".into(),
        "token-bucket -1/s".into(),
        "token-bucket +1/s".into(),
        "token-bucket 1.5/s".into(),
        "token-bucket 1e3/s".into(),
        "token-bucket 0x10/s".into(),
        "token-bucket 1_000/s".into(),
        "token-bucket 1,000/s".into(),
        "token-bucket 100//s".into(),
        "token-bucket 100/s/s".into(),
        "token-bucket /s".into(),
        "token-bucket r/s".into(),
        "token-bucket 100/".into(),
        "token-bucket 100/5".into(),
        "token-bucket 100rr/s".into(),
        "token-bucket 100/s burst=".into(),
        "token-bucket 100/s burst=-1".into(),
        "token-bucket 100/s burst=+1".into(),
        "token-bucket 100/s extra".into(),
        "token-bucket 100/s burst=1 extra".into(),
        "token-bucket 100/s; drop table".into(),
        "token-bucket 18446744073709551616/s".into(),
        "token-bucket 1/18446744073709551616ns".into(),
        "token-bucket 1/18446744073709551615d".into(),
        // A period that wraps in 64 bits to about an hour.
        "token-bucket 1/213504d".into(),
        format!("token-bucket {megabyte}/s"),
        format!("token-bucket 1/{megabyte}s"),
        format!("token-bucket 1/s burst={megabyte}"),
        megabyte.clone(),
        format!("token-bucket 100/s {megabyte}"),
        "é".repeat(1 << 19),
        format!("token-bucket 100/{}", "💧".repeat(1 << 18)),
    ];
    for text in texts {
        let shown: String = text.chars().take(60).collect();
        let message = error(&text).to_string();
        assert!(!message.is_empty() && message.len() < 1_000, "{shown:?}: a message of {} bytes", message.len());
        assert!(!message.contains('\0') && !message.contains('\n'), "{shown:?}: {message:?}");
    }
}

#[test]
fn no_text_makes_the_parser_panic() {
    let near = "(token-bucket|leaky-bucket|fixed-window)?[ \t]{0,2}[0-9]{0,25}r?/?[0-9]{0,25}(s|ns|d|\\PC)?[ ]?(burst=)?[0-9]{0,22}\\PC{0,3}";
    for_all(file!(), 20_000, prop_oneof!["\\PC{0,60}", near, ".{0,60}"], |text| match text.parse::<Policy>() {
        Ok(policy) if policy.to_string().parse() == Ok(policy) => Ok(()),
        Ok(policy) => Err(format!("{text:?} was read as {policy:?}, which prints as {policy}")),
        Err(error) => {
            (!error.to_string().is_empty()).then_some(()).ok_or_else(|| format!("{text:?}: an empty message"))
        }
    });
}

#[test]
fn a_period_of_years_does_not_lose_a_nanosecond() {
    let text = format!("fixed-window 7/{}ns", 366 * DAY + 1);
    assert_eq!(parse(&text).to_string(), text);
}
