//! Access-log lines: from bytes to an instant and a key, borrowing from the line.

pub mod common;
pub mod json_lines;
pub mod timestamp;

use std::fmt;

use clap::ValueEnum;
use sluicegate::MAX_UNIX_NS;

use self::common::CommonLines;
use self::json_lines::JsonLines;

/// How the lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Each line tells by its first byte: `{` begins JSON, anything else a common or combined line
    Auto,
    /// Common or combined, as Apache and nginx write them
    Common,
    /// One JSON object on each line
    Json,
}

/// Which part of a line is the key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyField {
    /// The client's address.
    Ip,
    /// The authenticated user.
    User,
    /// The path that was asked for, without its query.
    Path,
    /// A field by its name.
    Named(String),
}

impl KeyField {
    /// Reads the value of `--key`.
    pub fn parse(text: &str) -> Result<Self, String> {
        match text {
            "ip" => Ok(Self::Ip),
            "user" => Ok(Self::User),
            "path" => Ok(Self::Path),
            _ => match text.strip_prefix("field:") {
                Some(name) if !name.is_empty() => Ok(Self::Named(name.to_owned())),
                _ => Err("expected ip, user, path or field:NAME (such as field:status)".to_owned()),
            },
        }
    }
}

impl fmt::Display for KeyField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip => f.write_str("ip"),
            Self::User => f.write_str("user"),
            Self::Path => f.write_str("path"),
            Self::Named(name) => write!(f, "field:{name}"),
        }
    }
}

/// One request of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry<'a> {
    /// When it was logged, in Unix nanoseconds.
    pub time: u64,
    /// Whom it counts for; `None` where the line has no such thing (no user was logged in, say).
    pub key: Option<&'a [u8]>,
}

/// Why a line cannot be read.
#[derive(Debug)]
pub enum Unreadable {
    /// Nothing on the line.
    Empty,
    /// Longer than any request line can be.
    TooLong(u64),
    /// No `[17/May/2015:10:05:03 +0000]` after the user.
    NoTime,
    /// The brackets hold an impossible time.
    BadTime,
    /// Fewer than three words before the time.
    NoHost,
    /// The quoted request and its status are missing or cut.
    NoRequest,
    /// The field asked for is not part of the common format.
    UnknownField(String),
    /// Not a JSON object.
    NotJson(serde_json::Error),
    /// The time lies beyond what a limiter can count with.
    TooLate,
    /// No field with a time was found in the JSON object.
    NoTimeField,
    /// A field that should hold a time holds something else.
    BadTimeField,
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("empty line"),
            Self::TooLong(bytes) => write!(f, "line of {bytes} bytes, more than 1 MiB"),
            Self::NoTime => f.write_str("no time such as [17/May/2015:10:05:03 +0000]"),
            Self::BadTime => f.write_str("impossible time in the brackets"),
            Self::NoHost => f.write_str("expected host, ident and user before the time"),
            Self::NoRequest => f.write_str("expected \"request\" and a status after the time"),
            Self::UnknownField(name) => {
                write!(f, "common log lines have no field {name:?}; they have {}", common::FIELDS)
            }
            Self::NotJson(error) => write!(f, "not a JSON object: {error}"),
            Self::TooLate => write!(
                f,
                "time too far in the future; limiters count up to {} UTC",
                crate::text::instant(MAX_UNIX_NS)
            ),
            Self::NoTimeField => write!(f, "no time field (looked for {})", json_lines::TIME_NAMES.join(", ")),
            Self::BadTimeField => {
                f.write_str("time field is neither RFC 3339, a Unix time nor of the common log's form")
            }
        }
    }
}

/// Reads lines of one log format, or of either.
#[derive(Debug)]
pub struct LogReader {
    format: Format,
    common: CommonLines,
    json: JsonLines,
}

impl LogReader {
    /// A reader that looks for `key` in each line.
    pub fn new(format: Format, key: &KeyField) -> Self {
        Self { format, common: CommonLines::new(key), json: JsonLines::new(key) }
    }

    /// Reads one line (without its line feed).
    pub fn read<'a>(&'a mut self, line: &'a [u8]) -> Result<Entry<'a>, Unreadable> {
        let first = line.iter().find(|byte| !byte.is_ascii_whitespace());
        let entry = match (self.format, first) {
            (_, None) => return Err(Unreadable::Empty),
            (Format::Json, _) | (Format::Auto, Some(b'{')) => self.json.read(line)?,
            (Format::Common | Format::Auto, _) => self.common.read(line)?,
        };
        match entry.time > MAX_UNIX_NS {
            true => Err(Unreadable::TooLate),
            false => Ok(entry),
        }
    }
}

/// A key as it counts: an empty one, or the `-` by which logs say "nothing", is none.
fn present(key: &[u8]) -> Option<&[u8]> {
    (!key.is_empty() && key != b"-").then_some(key)
}

/// The path in a request target or URL: without scheme, host, query and fragment.
fn path_of(target: &[u8]) -> &[u8] {
    let local = without_origin(target);
    let end = memchr::memchr2(b'?', b'#', local).unwrap_or(local.len());
    &local[..end]
}

fn without_origin(target: &[u8]) -> &[u8] {
    let rest = target.strip_prefix(b"http://").or_else(|| target.strip_prefix(b"https://"));
    match rest {
        None => target,
        Some(rest) => match memchr::memchr3(b'/', b'?', b'#', rest) {
            Some(at) if rest[at] == b'/' => &rest[at..],
            _ => b"/",
        },
    }
}

#[cfg(test)]
mod fuzz_tests;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lose_query_fragment_and_origin() {
        assert_eq!(path_of(b"/a/b?c=d"), b"/a/b");
        assert_eq!(path_of(b"/a#b?c"), b"/a");
        assert_eq!(path_of(b"https://example.org/a?b"), b"/a");
        assert_eq!(path_of(b"http://example.org?b"), b"/");
        assert_eq!(path_of(b"*"), b"*");
    }

    #[test]
    fn keys_are_chosen_by_name() {
        assert_eq!(KeyField::parse("ip"), Ok(KeyField::Ip));
        assert_eq!(KeyField::parse("field:a.b"), Ok(KeyField::Named("a.b".to_owned())));
        assert!(KeyField::parse("field:").is_err());
        assert!(KeyField::parse("address").is_err());
    }

    #[test]
    fn each_line_tells_its_own_format_unless_one_is_asked_for() {
        let common = b"::1 - - [17/May/2015:10:05:03 +0000] \"GET / HTTP/1.1\" 200 1";
        let json = b"{\"ts\":1431857103,\"ip\":\"::1\"}";
        let mut auto = LogReader::new(Format::Auto, &KeyField::Ip);
        assert_eq!(auto.read(common).unwrap().key, Some(&b"::1"[..]));
        assert_eq!(auto.read(json).unwrap().key, Some(&b"::1"[..]));
        assert!(matches!(auto.read(b"  "), Err(Unreadable::Empty)));
        let mut only_json = LogReader::new(Format::Json, &KeyField::Ip);
        assert!(matches!(only_json.read(common), Err(Unreadable::NotJson(_))));
        let mut only_common = LogReader::new(Format::Common, &KeyField::Ip);
        assert!(matches!(only_common.read(json), Err(Unreadable::NoTime)));
    }

    #[test]
    fn a_time_beyond_what_limiters_count_with_is_refused() {
        let mut lines = LogReader::new(Format::Auto, &KeyField::Ip);
        let told = lines.read(b"{\"ts\":\"2100-01-01T00:00:00Z\",\"ip\":\"a\"}");
        assert!(matches!(told, Err(Unreadable::TooLate)));
        let told = told.unwrap_err().to_string();
        assert!(told.contains("2079-"), "{told}");
    }
}
