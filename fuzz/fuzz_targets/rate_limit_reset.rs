//! Arbitrary header fields of a 429: the resets of all families, what is left, the date, and everything else that is read.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sluicegate::retry::{ServerHint, Syntax};

const NAMES: [&str; 16] = [
    "X-RateLimit-Reset",
    "X-RateLimit-Remaining",
    "RateLimit-Reset",
    "RateLimit-Remaining",
    "X-RateLimit-Reset-After",
    "X-Rate-Limit-Reset",
    "X-Rate-Limit-Remaining",
    "X-RateLimit-Retry-After",
    "x-ratelimit-reset-requests",
    "x-ratelimit-remaining-requests",
    "x-ratelimit-reset-tokens",
    "Date",
    "Age",
    "retry-after-ms",
    "grpc-retry-pushback-ms",
    "x-should-retry",
];

fuzz_target!(|input: (u64, Vec<(u8, &[u8])>)| {
    let (unix_ns, fields) = input;
    let read = |fields: &[(u8, &[u8])]| {
        let named = fields.iter().map(|(name, value)| (NAMES[usize::from(name % 16)], *value));
        ServerHint::read(named, unix_ns, Syntax::Lenient)
    };
    let hint = read(&fields);
    assert_eq!(hint.wait().is_some(), hint.source().is_some());
    // Only of `Date` and of what is left does the order count, where there are several lines that contradict.
    let orderly = |name: u8| [1, 3, 6, 9, 11].contains(&(name % 16));
    if fields.iter().filter(|(name, _)| orderly(*name)).count() < 2 {
        let reversed: Vec<_> = fields.iter().rev().copied().collect();
        assert_eq!(read(&reversed), hint);
    }
});
