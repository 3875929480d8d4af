//! Common and combined log lines, as Apache and nginx write them.
//!
//! `host ident user [time] "request" status size "referer" "agent"`, where the last two may be missing and a
//! `vhost:port` may come first. Only what the key needs is looked for.

use super::timestamp::{CLF_LENGTH, TimeReader};
use super::{Entry, KeyField, Unreadable, path_of, present};

/// The fields of a line that can be the key, as told in messages.
pub const FIELDS: &str = "host, user, method, path, status, referer, agent";

/// Reads common and combined lines.
#[derive(Debug)]
pub struct CommonLines {
    field: Field,
    clock: TimeReader,
}

/// Which part of the line is the key.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Field {
    Host,
    User,
    Method,
    Path,
    Status,
    Referer,
    Agent,
    Unknown(String),
}

/// A line taken apart at its time and its request.
struct Parts<'a> {
    who: &'a [u8],
    request: &'a [u8],
    after: &'a [u8],
}

impl CommonLines {
    /// A reader that looks for `key`.
    pub fn new(key: &KeyField) -> Self {
        let field = match key {
            KeyField::Ip => Field::Host,
            KeyField::User => Field::User,
            KeyField::Path => Field::Path,
            KeyField::Named(name) => Field::named(name),
        };
        Self { field, clock: TimeReader::default() }
    }

    /// Reads one line.
    pub fn read<'a>(&mut self, line: &'a [u8]) -> Result<Entry<'a>, Unreadable> {
        let (at, clf) = find_time(line).ok_or(Unreadable::NoTime)?;
        let time = self.clock.clf(clf).ok_or(Unreadable::BadTime)?;
        let (request, after) = request_and_rest(&line[at + CLF_LENGTH..]).ok_or(Unreadable::NoRequest)?;
        let parts = Parts { who: line[..at - 1].trim_ascii(), request, after };
        let key = self.field.of(&parts)?;
        Ok(Entry { time, key: key.and_then(present) })
    }
}

impl Field {
    fn named(name: &str) -> Self {
        match name {
            "host" => Self::Host,
            "user" => Self::User,
            "method" => Self::Method,
            "path" => Self::Path,
            "status" => Self::Status,
            "referer" | "referrer" => Self::Referer,
            "agent" => Self::Agent,
            _ => Self::Unknown(name.to_owned()),
        }
    }

    fn of<'a>(&self, parts: &Parts<'a>) -> Result<Option<&'a [u8]>, Unreadable> {
        let (host, user) = host_and_user(parts.who).ok_or(Unreadable::NoHost)?;
        Ok(match self {
            Self::Host => Some(host),
            Self::User => Some(user),
            Self::Method => method(parts.request),
            Self::Path => target(parts.request).map(path_of),
            Self::Status => Some(&parts.after[..3]),
            Self::Referer => quoted(parts.after, 0),
            Self::Agent => quoted(parts.after, 1),
            Self::Unknown(name) => return Err(Unreadable::UnknownField(name.clone())),
        })
    }
}

/// Finds ` [dd/Mon/yyyy:HH:MM:SS +zzzz]`; gives the place of the text in the brackets, and the text.
///
/// User names and IPv6 hosts may hold brackets too, so every bracket is looked at until one holds a time.
fn find_time(line: &[u8]) -> Option<(usize, &[u8; CLF_LENGTH])> {
    memchr::memchr_iter(b'[', line).find_map(|bracket| {
        let text = line.get(bracket + 1..bracket + 1 + CLF_LENGTH)?;
        let framed = bracket > 0
            && line[bracket - 1] == b' '
            && line.get(bracket + 1 + CLF_LENGTH) == Some(&b']')
            && text[2] == b'/'
            && text[6] == b'/'
            && text[11] == b':';
        framed.then_some((bracket + 1, text.try_into().ok()?))
    })
}

/// Host and user from `[vhost:port] host ident user`, where the user may hold spaces.
fn host_and_user(who: &[u8]) -> Option<(&[u8], &[u8])> {
    let (first, rest) = word(who)?;
    let (second, after) = word(rest)?;
    let (third, more) = word(after)?;
    if more.is_empty() {
        return Some((first, third));
    }
    if ends_in_port(first) || looks_like_address(second) {
        let (_ident, user) = word(after)?;
        return (!user.is_empty()).then_some((second, user));
    }
    Some((first, after))
}

/// The first word, and what follows the spaces after it.
fn word(text: &[u8]) -> Option<(&[u8], &[u8])> {
    if text.is_empty() {
        return None;
    }
    let end = memchr::memchr(b' ', text).unwrap_or(text.len());
    Some((&text[..end], text[end..].trim_ascii_start()))
}

/// `example.org:443`, but no IPv6 address.
fn ends_in_port(word: &[u8]) -> bool {
    match memchr::memrchr(b':', word) {
        Some(colon) => {
            let port = &word[colon + 1..];
            !port.is_empty() && port.iter().all(u8::is_ascii_digit) && !is_address(word)
        }
        None => false,
    }
}

fn looks_like_address(word: &[u8]) -> bool {
    // Most second words are the ident `-`: spare them the parser.
    word.len() > 1 && is_address(word)
}

fn is_address(word: &[u8]) -> bool {
    std::str::from_utf8(word).is_ok_and(|text| text.parse::<std::net::IpAddr>().is_ok())
}

/// From what follows the time's bracket: the request between its quotes, and what follows from the status on.
///
/// The request's end is the first quote that is not escaped and has a status after it, so that old servers' unescaped
/// quotes in a request do no harm.
fn request_and_rest(after_time: &[u8]) -> Option<(&[u8], &[u8])> {
    let text = after_time.strip_prefix(b"] \"")?;
    memchr::memchr_iter(b'"', text).find_map(|quote| {
        let rest = text.get(quote + 2..)?;
        let ends = text[quote + 1] == b' ' && begins_with_status(rest) && !is_escaped(text, quote);
        ends.then_some((&text[..quote], rest))
    })
}

fn begins_with_status(rest: &[u8]) -> bool {
    rest.len() >= 3 && rest[..3].iter().all(u8::is_ascii_digit) && rest.get(3).is_none_or(|byte| *byte == b' ')
}

/// Whether an odd number of backslashes stands before `at`.
fn is_escaped(text: &[u8], at: usize) -> bool {
    let backslashes = text[..at].iter().rev().take_while(|b| **b == b'\\').count();
    backslashes % 2 == 1
}

fn method(request: &[u8]) -> Option<&[u8]> {
    target(request).and(word(request)).map(|(method, _)| method)
}

/// The second word of `GET /path HTTP/1.1`; none in what is no HTTP request.
fn target(request: &[u8]) -> Option<&[u8]> {
    let (_method, rest) = word(request)?;
    word(rest).map(|(target, _)| target)
}

/// The `nth` quoted text after the status.
fn quoted(text: &[u8], nth: usize) -> Option<&[u8]> {
    let mut quotes = memchr::memchr_iter(b'"', text).filter(|at| !is_escaped(text, *at));
    let opening = quotes.nth(2 * nth)?;
    let closing = quotes.next()?;
    Some(&text[opening + 1..closing])
}

#[cfg(test)]
#[path = "common_tests.rs"]
mod tests;
