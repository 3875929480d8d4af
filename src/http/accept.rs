//! Which body an `Accept` header asks for (RFC 9110, section 12.5.1).

use super::body::BodyFormat;
use crate::http_token::is_token_byte;

/// What is offered where nobody says otherwise, what servers would rather send first.
const OFFERED: [BodyFormat; 4] = [BodyFormat::Json, BodyFormat::Problem, BodyFormat::Html, BodyFormat::Text];

impl BodyFormat {
    /// The body that a request's `Accept` header asks for: HTML for browsers, JSON for programs.
    ///
    /// As [`from_accept_of`](Self::from_accept_of), with JSON, problem details, HTML and text on offer.
    ///
    /// ```
    /// use sluicegate::http::BodyFormat;
    ///
    /// let browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
    /// assert_eq!(BodyFormat::from_accept(browser), BodyFormat::Html);
    /// assert_eq!(BodyFormat::from_accept("*/*"), BodyFormat::Json);
    /// assert_eq!(BodyFormat::from_accept(""), BodyFormat::Json); // no such header
    /// ```
    #[must_use]
    pub fn from_accept(accept: impl AsRef<[u8]>) -> Self {
        Self::from_accept_of(accept, &OFFERED)
    }

    /// The one of the formats on offer that a request's `Accept` header asks for. Those that the server would rather send
    /// stand first.
    ///
    /// That of the highest quality is chosen; of equals the one that is named, not only covered by `text/*` or `*/*`; of
    /// equals still the one that is offered first. Without the header (an empty one is none), and where it accepts
    /// nothing on offer, it is the first: a denial is shown in whatever way there is. Several lines of the header count as
    /// one, joined with commas.
    ///
    /// Nothing in the header is an error: a member that is no media range, or whose quality is no number from 0 to 1, counts
    /// as if it were not there. Parameters other than `q` are passed over.
    #[must_use]
    pub fn from_accept_of(accept: impl AsRef<[u8]>, offered: &[Self]) -> Self {
        let accept = accept.as_ref();
        // The last of equal ones is taken, so they are gone through backwards.
        let best = offered.iter().rev().filter_map(|format| Some((preference(accept, *format)?, *format)));
        let best = best.max_by_key(|(preference, _)| *preference);
        best.map(|(_, format)| format).or(offered.first().copied()).unwrap_or_default()
    }

    /// The type and the subtype, without parameters.
    const fn media_type(self) -> (&'static str, &'static str) {
        match self {
            Self::Json | Self::JsonResetAt => ("application", "json"),
            Self::Problem => ("application", "problem+json"),
            Self::Html => ("text", "html"),
            Self::Text => ("text", "plain"),
        }
    }
}

/// How much a format is wanted: first by quality, in thousandths, then by how closely it is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Preference {
    quality: u16,
    specificity: u8,
}

/// `None` where the format is not accepted.
fn preference(accept: &[u8], format: BodyFormat) -> Option<Preference> {
    let ranges = split_outside_quotes(accept, b',').filter_map(Range::parse);
    let matching = ranges.filter_map(|range| Some((range.specificity(format)?, range.quality)));
    // The closest range decides; of two that are as close, the higher quality.
    let (specificity, quality) = matching.max()?;
    (quality > 0).then_some(Preference { quality, specificity })
}

/// One member of the header.
struct Range<'a> {
    kind: &'a [u8],
    subtype: &'a [u8],
    quality: u16,
}

impl<'a> Range<'a> {
    fn parse(member: &'a [u8]) -> Option<Self> {
        let mut parts = split_outside_quotes(member, b';');
        let range = parts.next()?.trim_ascii();
        // Java has sent a lone `*` for long.
        let range = if range == b"*" { b"*/*" } else { range };
        let slash = range.iter().position(|byte| *byte == b'/')?;
        let (kind, subtype) = (&range[..slash], &range[slash + 1..]);
        let is_range = is_token(kind) && is_token(subtype) && (kind != b"*" || subtype == b"*");
        if !is_range {
            return None;
        }
        let value = |part: &'a [u8]| {
            let (name, value) = part.trim_ascii().split_at_checked(2)?;
            name.eq_ignore_ascii_case(b"q=").then_some(value)
        };
        let quality = parts.find_map(value).map_or(Some(1000), quality)?;
        Some(Self { kind, subtype, quality })
    }

    /// How closely the range names the format: 2 exactly, 1 by its type alone, 0 as any other; `None` if not at all.
    fn specificity(&self, format: BodyFormat) -> Option<u8> {
        let (kind, subtype) = format.media_type();
        match (self.kind, self.subtype) {
            (b"*", _) => Some(0),
            (named, b"*") => named.eq_ignore_ascii_case(kind.as_bytes()).then_some(1),
            (named, also) => {
                let same =
                    named.eq_ignore_ascii_case(kind.as_bytes()) && also.eq_ignore_ascii_case(subtype.as_bytes());
                same.then_some(2)
            }
        }
    }
}

/// A quality in thousandths: `1`, `0.5`, `1.000`; and, as some send it, `.5`.
fn quality(text: &[u8]) -> Option<u16> {
    let (whole, fraction) = match text.iter().position(|byte| *byte == b'.') {
        Some(point) => (&text[..point], &text[point + 1..]),
        None => (text, &[][..]),
    };
    let whole = match whole {
        b"0" => 0,
        b"1" => 1000,
        b"" if !fraction.is_empty() => 0,
        _ => return None,
    };
    if fraction.len() > 3 || !fraction.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let thousandths =
        fraction.iter().chain(b"000").take(3).fold(0, |sum, digit| sum * 10 + u16::from(digit - b'0'));
    Some(whole + thousandths).filter(|quality| *quality <= 1000)
}

/// The parts between separators that are not inside quotation marks.
fn split_outside_quotes(text: &[u8], separator: u8) -> impl Iterator<Item = &[u8]> {
    let (mut quoted, mut escaped) = (false, false);
    text.split(move |&byte| {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            _ => return !quoted && byte == separator,
        }
        false
    })
}

/// Whether this is a token, of which types and subtypes are made.
fn is_token(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(|byte| is_token_byte(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;
    use BodyFormat::{Html, Json, JsonResetAt, Problem, Text};

    #[test]
    fn browsers_get_html_and_programs_json() {
        for (accept, expected) in [
            // Firefox, Chrome, Safari, Internet Explorer.
            ("text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8", Html),
            (
                "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8,\
              application/signed-exchange;v=b3;q=0.7",
                Html,
            ),
            ("text/html, application/xhtml+xml, image/jxr, */*", Html),
            // curl, requests, fetch; axios; jQuery; Java; git's smart protocol; wget.
            ("*/*", Json),
            ("application/json, text/plain, */*", Json),
            ("application/json, text/javascript, */*; q=0.01", Json),
            ("text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2", Html),
            ("application/x-git-upload-pack-result", Json),
            ("application/vnd.github+json", Json),
            ("image/avif,image/webp,*/*", Json),
            ("", Json),
        ] {
            assert_eq!(BodyFormat::from_accept(accept), expected, "{accept}");
        }
    }

    #[test]
    fn quality_comes_first_then_how_closely_a_type_is_named_then_the_servers_order() {
        for (accept, expected) in [
            ("text/html;q=0.5, text/plain;q=0.6", Text),
            ("text/html;q=0.500,application/json;q=0.5", Json),
            ("application/problem+json", Problem),
            ("application/problem+json, application/json", Json),
            ("application/problem+json;q=1, application/json;q=0.999", Problem),
            ("text/*", Html),
            ("text/*, text/html;q=0.1", Text),
            ("application/*, application/json;q=0", Problem),
            ("*/*, application/json;q=0, application/problem+json;q=0", Html),
            ("*/*;q=0, text/plain", Text),
            ("text/plain, */*", Text),
            ("TEXT/HTML", Html),
            ("text/html;level=1", Html),
            ("text/html;level=1;q=0.3, text/html;q=0.7, text/plain;q=0.5", Html),
            ("text/html;charset=\"a,b;q=0\";q=0.9, text/plain;q=0.8", Html),
            ("text/html ; Q=0.2 , text/plain ; q=0.3", Text),
            ("application/json;q=0", Json),
            ("*/*;q=0", Json),
        ] {
            assert_eq!(BodyFormat::from_accept(accept), expected, "{accept}");
        }
    }

    #[test]
    fn a_malformed_member_counts_as_if_it_were_not_there() {
        for malformed in [
            "text/html;q=2",
            "text/html;q=-1",
            "text/html;q=",
            "text/html;q=0.1234",
            "text/html;q=1.001",
            "text/html;q=1e0",
            "text/html;q=.",
            "text/html;q=nan",
            "text",
            "/",
            "text/",
            "/html",
            "*/html",
            "te xt/html",
            "text/html/x",
            "text/html\0",
            "\"",
            "\\",
            ";q=1",
            ",,,",
            "\u{7f}/html",
            "t\u{e4}xt/html",
        ] {
            for accept in [format!("{malformed}, text/plain;q=0.1"), format!("text/plain;q=0.1,{malformed}")] {
                // An open quotation mark takes the rest with it.
                let expected = if accept.starts_with('"') { Json } else { Text };
                assert_eq!(BodyFormat::from_accept(&accept), expected, "{accept:?}");
            }
        }
        assert_eq!(BodyFormat::from_accept(b"\xff\xfe, text/plain"), Text);
        assert_eq!(BodyFormat::from_accept("text/plain,".repeat(100_000)), Text);
    }

    #[test]
    fn what_is_offered_is_the_servers_choice() {
        let offered = [JsonResetAt, Text];
        assert_eq!(BodyFormat::from_accept_of("application/json", &offered), JsonResetAt);
        assert_eq!(BodyFormat::from_accept_of("text/html, text/*;q=0.5", &offered), Text);
        assert_eq!(BodyFormat::from_accept_of("image/png", &offered), JsonResetAt);
        assert_eq!(BodyFormat::from_accept_of("text/html", &[Html]), Html);
        assert_eq!(BodyFormat::from_accept_of("text/html", &[]), Json);
    }
}
