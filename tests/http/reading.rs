//! An answer as its client reads it.

use crate::common::limiter;
use sfv::{BareItem, Dictionary, List, ListEntry, Parser};
use sluicegate::http::{Answer, Quota, Settings, Verdict};
use sluicegate::{Decision, Limiter, Policy};

/// 2026-11-22T00:00:00Z, a Sunday, in Unix seconds: the `now` of standards' vectors.
pub const SUNDAY: u64 = 1_795_305_600;
/// The same in nanoseconds.
pub const SUNDAY_NS: u64 = SUNDAY * 1_000_000_000;
pub const SECOND: u64 = 1_000_000_000;

/// All header fields, in order.
pub fn headers(answer: &Answer<'_>) -> Vec<(String, String)> {
    let mut headers = Vec::new();
    answer.headers(|field, value| headers.push((field.name().to_owned(), value.to_owned())));
    headers
}

/// All header fields as lines.
pub fn lines(answer: &Answer<'_>) -> Vec<String> {
    headers(answer).into_iter().map(|(name, value)| format!("{name}: {value}")).collect()
}

/// A field's value, its lines joined as RFC 9110 has it.
pub fn header(answer: &Answer<'_>, name: &str) -> Option<String> {
    let values: Vec<_> =
        headers(answer).into_iter().filter(|(named, _)| named == name).map(|(_, value)| value).collect();
    (!values.is_empty()).then(|| values.join(", "))
}

pub fn number(answer: &Answer<'_>, name: &str) -> Option<u64> {
    header(answer, name).map(|value| value.parse().unwrap_or_else(|_| panic!("{name}: {value}")))
}

/// One item of `RateLimit` or `RateLimit-Policy`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Item {
    pub name: String,
    pub q: Option<u64>,
    pub w: Option<u64>,
    pub r: Option<u64>,
    pub t: Option<u64>,
    pub pk: Option<Vec<u8>>,
    pub others: Vec<(String, u64)>,
}

/// The items of a list of the newest draft's, by a parser of structured fields that is not ours.
pub fn items(answer: &Answer<'_>, name: &str) -> Vec<Item> {
    let value = header(answer, name).unwrap_or_default();
    let list: List = Parser::new(&value).parse().unwrap_or_else(|error| panic!("{name}: {value}: {error}"));
    list.iter().map(item).collect()
}

fn item(entry: &ListEntry) -> Item {
    let ListEntry::Item(entry) = entry else { panic!("an inner list: {entry:?}") };
    let BareItem::String(name) = &entry.bare_item else { panic!("the name is no string: {entry:?}") };
    let mut item = Item { name: name.as_str().to_owned(), ..Item::default() };
    for (key, value) in &entry.params {
        match (key.as_str(), value) {
            ("q", value) => item.q = Some(integer(value)),
            ("w", value) => item.w = Some(integer(value)),
            ("r", value) => item.r = Some(integer(value)),
            ("t", value) => item.t = Some(integer(value)),
            ("pk", BareItem::ByteSequence(bytes)) => item.pk = Some(bytes.clone()),
            (other, value) => item.others.push((other.to_owned(), integer(value))),
        }
    }
    item
}

fn integer(value: &BareItem) -> u64 {
    let BareItem::Integer(integer) = value else { panic!("no integer: {value:?}") };
    i64::from(*integer).try_into().expect("it is not negative")
}

/// The members of a dictionary, as revision 07 has it.
pub fn dictionary(value: &str) -> Vec<(String, u64)> {
    let dictionary: Dictionary = Parser::new(value).parse().unwrap();
    let member = |(key, entry): (&sfv::Key, &ListEntry)| match entry {
        ListEntry::Item(item) => (key.as_str().to_owned(), integer(&item.bare_item)),
        ListEntry::InnerList(_) => panic!("an inner list"),
    };
    dictionary.iter().map(member).collect()
}

/// A limiter with its quota, of which decisions are asked and told.
pub struct Asked {
    pub limiter: Limiter,
    pub quota: Quota<'static>,
}

impl Asked {
    pub fn new(name: &'static str, policy: &str) -> Self {
        let parsed: Policy = policy.parse().unwrap();
        Self { limiter: limiter(policy), quota: Quota::new(name, parsed).unwrap() }
    }

    pub fn check(&self, cost: u64, now: u64) -> Decision {
        self.limiter.check_at("key", cost, now)
    }

    pub fn verdict(&self, cost: u64, now: u64) -> Verdict<'_> {
        Verdict::new(&self.quota, self.check(cost, now)).cost(cost)
    }
}

/// Settings that differ from the defaults in nothing.
pub fn settings() -> Settings<'static> {
    Settings::default()
}
