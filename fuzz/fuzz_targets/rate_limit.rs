//! Arbitrary lines of `RateLimit`, beside a reading of what a parser makes of the whole field.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sfv::{BareItem, Dictionary, List, ListEntry, Parser};
use sluicegate::retry::{ServerHint, Syntax};
use std::time::Duration;

fuzz_target!(|lines: Vec<&[u8]>| {
    let hint = ServerHint::read(lines.iter().map(|line| ("RateLimit", *line)), 0, Syntax::Strict);
    let whole = lines.iter().map(|line| line.trim_ascii()).collect::<Vec<_>>().join(&b", "[..]);
    let expected = if lines.is_empty() { None } else { of_list(&whole).or_else(|| of_dictionary(&whole)) };
    assert_eq!(hint.wait(), expected.map(Duration::from_secs), "{:?}", String::from_utf8_lossy(&whole));
});

fn number(item: Option<&BareItem>) -> Option<u64> {
    u64::try_from(i64::from(item?.as_integer()?)).ok()
}

fn of_list(field: &[u8]) -> Option<u64> {
    let list: List = Parser::new(field).parse().ok()?;
    let items = list.iter().filter_map(|entry| match entry {
        ListEntry::Item(item) if item.bare_item.as_string().is_some() || item.bare_item.as_token().is_some() => {
            Some(item)
        }
        _ => None,
    });
    let waits = items.filter_map(|item| {
        let either = |name: &str, next: &str| item.params.get(name).or_else(|| item.params.get(next));
        (number(either("r", "a"))? == 0).then_some(number(either("t", "w"))?)
    });
    waits.max()
}

fn of_dictionary(field: &[u8]) -> Option<u64> {
    let dictionary: Dictionary = Parser::new(field).parse().ok()?;
    let value = |name: &str| match dictionary.get(name) {
        Some(ListEntry::Item(item)) => number(Some(&item.bare_item)),
        _ => None,
    };
    (value("remaining")? == 0).then_some(value("reset")?)
}
