//! The headers by which proxies say whom they speak for, read from the right.

use crate::error::Error;
use crate::http_token::is_token_byte;
use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// The one header that names clients, and the grammar of its values.
///
/// As text: a header's name. `forwarded` has the grammar of RFC 7239; every other has that of `X-Forwarded-For`, a list
/// of addresses. A header that holds one address (`X-Real-IP`, `CF-Connecting-IP`) is such a list.
///
/// ```
/// use sluicegate::identity::ForwardingHeader;
///
/// assert_eq!("X-Forwarded-For".parse(), Ok(ForwardingHeader::X_FORWARDED_FOR));
/// assert_eq!("CF-Connecting-IP".parse::<ForwardingHeader>()?.name(), "cf-connecting-ip");
/// assert!("no name".parse::<ForwardingHeader>().is_err());
/// # Ok::<(), sluicegate::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForwardingHeader {
    name: Cow<'static, str>,
    form: Form,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Addresses,
    Forwarded,
}

/// What a proxy has said of the one it was asked by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hop {
    Address(IpAddr),
    /// `unknown`, hidden, or no answer at all.
    Unknown,
}

impl ForwardingHeader {
    /// `X-Forwarded-For`: addresses, each appended by the proxy that has seen it.
    pub const X_FORWARDED_FOR: Self = Self { name: Cow::Borrowed("x-forwarded-for"), form: Form::Addresses };
    /// `Forwarded`, RFC 7239: the same and more, of which `for` is read.
    pub const FORWARDED: Self = Self { name: Cow::Borrowed("forwarded"), form: Form::Forwarded };

    /// The header's name in lower case.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What one line of the header says, the last hop first. Empty elements count for nothing, as in every list of HTTP's.
    pub(super) fn hops_from_the_right(&self, line: &[u8]) -> impl Iterator<Item = Hop> {
        let form = self.form;
        let elements = FromTheRight { rest: Some(line), quotes: form == Form::Forwarded };
        elements.map(<[u8]>::trim_ascii).filter(|element| !element.is_empty()).map(move |element| match form {
            Form::Addresses => hop(address(element)),
            Form::Forwarded => hop(forwarded_for(element)),
        })
    }
}

impl FromStr for ForwardingHeader {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        let known = [Self::X_FORWARDED_FOR, Self::FORWARDED];
        if let Some(known) = known.into_iter().find(|known| known.name.eq_ignore_ascii_case(name)) {
            return Ok(known);
        }
        if name.is_empty() || !name.bytes().all(is_token_byte) {
            let right = "expected a header's name, such as X-Forwarded-For or Forwarded";
            return Err(Error::setting("header", name, right));
        }
        Ok(Self { name: Cow::Owned(name.to_ascii_lowercase()), form: Form::Addresses })
    }
}

fn hop(address: Option<IpAddr>) -> Hop {
    address.map_or(Hop::Unknown, Hop::Address)
}

/// The elements of a list, the last one first.
///
/// A reader from the left can be misled by a client that opens a quoted string and never ends it, so that what a proxy
/// appends becomes part of it. From the right the elements of the proxies come first and are whole.
struct FromTheRight<'a> {
    rest: Option<&'a [u8]>,
    quotes: bool,
}

impl<'a> Iterator for FromTheRight<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let rest = self.rest?;
        match self.last_comma(rest) {
            Some(comma) => {
                self.rest = Some(&rest[..comma]);
                Some(&rest[comma + 1..])
            }
            None => self.rest.take(),
        }
    }
}

impl FromTheRight<'_> {
    fn last_comma(&self, list: &[u8]) -> Option<usize> {
        let mut quoted = false;
        for at in (0..list.len()).rev() {
            match list[at] {
                b',' if !quoted => return Some(at),
                // A quote that ends a string is not escaped, and one within it that is not escaped begins it.
                b'"' if self.quotes && !(quoted && is_escaped(&list[..at])) => quoted = !quoted,
                _ => {}
            }
        }
        None
    }
}

/// Whether what comes after these bytes of a quoted string is escaped by them.
fn is_escaped(before: &[u8]) -> bool {
    before.iter().rev().take_while(|byte| **byte == b'\\').count() % 2 == 1
}

/// The address of a `forwarded-element`, if it has exactly one and is well-formed.
fn forwarded_for(element: &[u8]) -> Option<IpAddr> {
    let mut node = None;
    let mut rest = element;
    loop {
        let (pair, after) = pair(rest)?;
        if let Some((name, value)) = pair
            && name.eq_ignore_ascii_case(b"for")
            && node.replace(value).is_some()
        {
            return None;
        }
        match after {
            Some(after) => rest = after,
            None => break,
        }
    }
    match node? {
        Value::Token(node) => forwarded_node(node),
        Value::Quoted(inside) => {
            let mut buffer = [0; LONGEST_NODE];
            forwarded_node(unescaped(inside, &mut buffer)?)
        }
    }
}

/// The longest node that is an address: an IPv6 address in brackets with a zone and a port.
const LONGEST_NODE: usize = 128;

#[derive(Clone, Copy)]
enum Value<'a> {
    Token(&'a [u8]),
    /// What is between the quotes.
    Quoted(&'a [u8]),
}

type Pair<'a> = Option<(&'a [u8], Value<'a>)>;

/// The first `forwarded-pair`, or `None` where it is empty, and what comes after its semicolon, if there is one.
fn pair(text: &[u8]) -> Option<(Pair<'_>, Option<&[u8]>)> {
    let text = text.trim_ascii_start();
    let name_length = token_length(text);
    if name_length == 0 {
        return Some((None, after_semicolon(text)?));
    }
    let (name, rest) = text.split_at(name_length);
    let rest = rest.strip_prefix(b"=")?;
    let (value, rest) = match rest.strip_prefix(b"\"") {
        Some(quoted) => {
            let end = (0..quoted.len()).find(|&at| quoted[at] == b'"' && !is_escaped(&quoted[..at]))?;
            (Value::Quoted(&quoted[..end]), &quoted[end + 1..])
        }
        None => {
            let length = token_length(rest);
            (Value::Token(&rest[..length]), &rest[length..])
        }
    };
    if matches!(value, Value::Token([])) {
        return None;
    }
    Some((Some((name, value)), after_semicolon(rest)?))
}

/// What comes after a semicolon; `Some(None)` at the end, `None` where something else stands.
fn after_semicolon(text: &[u8]) -> Option<Option<&[u8]>> {
    match text.trim_ascii_start() {
        [] => Some(None),
        [b';', after @ ..] => Some(Some(after)),
        _ => None,
    }
}

fn token_length(text: &[u8]) -> usize {
    text.iter().position(|byte| !is_token_byte(*byte)).unwrap_or(text.len())
}

/// A quoted string's text without its escapes; `None` if it is longer than any address.
fn unescaped<'b>(quoted: &[u8], buffer: &'b mut [u8]) -> Option<&'b [u8]> {
    let (mut length, mut escaped) = (0, false);
    for &byte in quoted {
        escaped = byte == b'\\' && !escaped;
        if !escaped {
            *buffer.get_mut(length)? = byte;
            length += 1;
        }
    }
    buffer.get(..length)
}

/// The address of a `node` of RFC 7239: IPv6 in brackets, a port perhaps.
fn forwarded_node(node: &[u8]) -> Option<IpAddr> {
    match node {
        [b'[', ..] => bracketed(node),
        _ => ipv4(node),
    }
}

/// The address of an entry of `X-Forwarded-For`: as above, or IPv6 without brackets.
fn address(entry: &[u8]) -> Option<IpAddr> {
    forwarded_node(entry).or_else(|| ipv6(entry))
}

fn bracketed(text: &[u8]) -> Option<IpAddr> {
    let end = text.iter().position(|byte| *byte == b']')?;
    match &text[end + 1..] {
        [] => {}
        [b':', port @ ..] if is_port(port) => {}
        _ => return None,
    }
    ipv6(&text[1..end])
}

/// An IPv4 address and perhaps a port.
fn ipv4(text: &[u8]) -> Option<IpAddr> {
    let address = match text.iter().position(|byte| *byte == b':') {
        Some(colon) if is_port(&text[colon + 1..]) => &text[..colon],
        Some(_) => return None,
        None => text,
    };
    parsed::<Ipv4Addr>(address).map(IpAddr::V4)
}

/// An IPv6 address and perhaps a zone.
fn ipv6(text: &[u8]) -> Option<IpAddr> {
    let address = match text.iter().position(|byte| *byte == b'%') {
        Some(percent) if is_zone(&text[percent + 1..]) => &text[..percent],
        Some(_) => return None,
        None => text,
    };
    parsed::<Ipv6Addr>(address).map(IpAddr::V6)
}

/// The name of an interface, or its number.
fn is_zone(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(u8::is_ascii_graphic)
}

fn parsed<T: FromStr>(text: &[u8]) -> Option<T> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// A number of up to five digits, or one that a proxy has hidden: `_` and a name.
fn is_port(text: &[u8]) -> bool {
    match text {
        [b'_', name @ ..] => {
            !name.is_empty() && name.iter().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(byte))
        }
        _ => (1..=5).contains(&text.len()) && text.iter().all(u8::is_ascii_digit),
    }
}
