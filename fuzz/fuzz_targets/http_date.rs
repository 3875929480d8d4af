//! Arbitrary bytes as an HTTP-date at an arbitrary time, beside another parser where the two agree on what a date is.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sluicegate::http_date::{ImfFixdate, parse, parse_leniently};
use std::time::UNIX_EPOCH;

fuzz_target!(|input: (i64, &[u8])| {
    let (now, bytes) = input;
    let strict = parse(bytes, now);
    let lenient = parse_leniently(bytes, now);
    assert!(strict.is_none() || strict == lenient, "tolerance takes nothing away");

    if let Some(date) = u64::try_from(strict.unwrap_or(now)).ok().and_then(ImfFixdate::new) {
        assert_eq!(parse(date, now), strict.or(Some(now)), "what is written is read");
    }

    // The other one knows no leap seconds and no years before 1970, and takes two-digit years by a fixed pivot.
    let text = std::str::from_utf8(bytes).unwrap_or_default();
    let theirs = httpdate::parse_http_date(text).ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    if let (Some(theirs), false) = (theirs, text.contains('-')) {
        assert!(strict.is_none() || strict == Some(theirs.as_secs() as i64), "{text:?}");
    }
});
