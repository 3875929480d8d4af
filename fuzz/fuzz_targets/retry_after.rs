//! Arbitrary lines of `Retry-After` with an arbitrary `Date` at an arbitrary time, and what is decided by them.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sluicegate::retry::{Advice, Attempt, Moment, RetryPolicy, ServerHint, Syntax};
use std::time::Duration;

fuzz_target!(|input: (u64, u64, u32, &[u8], Vec<&[u8]>)| {
    let (unix_ns, random, number, date, lines) = input;
    let headers = || {
        let lines = lines.iter().map(|line| ("Retry-After", *line));
        lines.chain((!date.is_empty()).then_some(("Date", date)))
    };
    let strict = ServerHint::read(headers(), unix_ns, Syntax::Strict).wait();
    let lenient = ServerHint::read(headers(), unix_ns, Syntax::Lenient).wait();
    assert!(strict.is_none() || strict == lenient, "tolerance takes nothing away");

    // One line of digits is as many seconds, whatever parser reads it.
    if let ([line], true) = (&lines[..], date.is_empty()) {
        let text = std::str::from_utf8(line.trim_ascii()).unwrap_or_default();
        if let (Ok(seconds), false) = (text.parse(), text.starts_with('+')) {
            assert_eq!(strict, Some(Duration::from_secs(seconds)), "{text:?}");
        }
    }

    let policy = RetryPolicy::default();
    let attempt = Attempt::new("GET", number, Duration::from_secs(u64::from(number % 400)));
    match policy.decide(&attempt, 429, headers(), Moment { unix_ns, random }) {
        Advice::RetryIn(wait) => {
            assert!(lenient.is_none_or(|named| wait >= named && named <= policy.max_server_wait()));
            assert!(wait <= policy.deadline());
        }
        Advice::GiveUp { come_back, .. } => assert_eq!(come_back, lenient),
    }
});
