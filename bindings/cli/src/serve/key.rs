//! What a limit counts: the parts of a request that make its key.

use clap::ValueEnum;
use hyper::HeaderMap;
use hyper::header::{HeaderName, HeaderValue};
use sluicegate::identity::Key;

use super::asked::Asked;

/// What a limit counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeySpec {
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Address,
    Header(HeaderName),
    Path,
    Method,
}

/// What happens to a request that lacks the key's header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Missing {
    /// It is counted by the client's address in place of the header
    Address,
    /// The limit does not apply to it
    Skip,
    /// It is refused with 403
    Deny,
}

/// What became of a request's key.
#[derive(Debug, PartialEq, Eq)]
pub enum Keyed {
    /// It is counted by this.
    By(Key),
    /// The limit does not apply.
    Skipped,
    /// It is refused.
    Refused(Refusal),
}

/// Why a request is refused before any limit is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// It lacks a header.
    Lacks(HeaderName),
    /// It has a header in several lines that differ.
    Ambiguous(HeaderName),
}

/// What a header says.
enum Said<'a> {
    Nothing,
    One(&'a HeaderValue),
    Several,
}

const RIGHT: &str = "expected ip, header:NAME, path, method or everyone, or several of them joined by +, \
                     such as ip+path or header:X-Api-Key";

impl KeySpec {
    /// Reads the text of a key, such as `ip+header:X-Api-Key`.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text == "everyone" {
            return Ok(Self { parts: Vec::new() });
        }
        let mut parts = Vec::new();
        for word in text.split('+') {
            let part = Part::parse(word)?;
            if parts.contains(&part) {
                return Err(format!("{word} is there twice; once is enough"));
            }
            parts.push(part);
        }
        Ok(Self { parts })
    }

    /// Whether the request's path is a part of the key.
    pub fn needs_path(&self) -> bool {
        self.parts.contains(&Part::Path)
    }

    /// Whether the request's method is a part of the key.
    pub fn needs_method(&self) -> bool {
        self.parts.contains(&Part::Method)
    }

    /// Whether the client's address is a part of the key, or may come to be one.
    pub fn needs_address(&self, missing: Missing) -> bool {
        let may_fall_back = missing == Missing::Address;
        self.parts.iter().any(|part| match part {
            Part::Address => true,
            Part::Header(_) => may_fall_back,
            Part::Path | Part::Method => false,
        })
    }

    /// The key of a request.
    pub fn of(&self, asked: &Asked<'_>, missing: Missing) -> Keyed {
        let mut key = Key::new();
        for part in &self.parts {
            key = match part {
                Part::Address => key.address(asked.client.key()),
                Part::Path => key.part("path", asked.path.as_bytes()),
                Part::Method => key.part("method", asked.method),
                Part::Header(name) => match said(asked.headers, name) {
                    Said::One(value) => key.header(name.as_str(), value),
                    Said::Several => return Keyed::Refused(Refusal::Ambiguous(name.clone())),
                    Said::Nothing => match missing {
                        Missing::Address => key.address(asked.client.key()),
                        Missing::Skip => return Keyed::Skipped,
                        Missing::Deny => return Keyed::Refused(Refusal::Lacks(name.clone())),
                    },
                },
            };
        }
        Keyed::By(key)
    }

    /// The parts of a request's key by name, as people are shown them; `masked` makes of a header's value what may be shown.
    pub fn shown(&self, asked: &Asked<'_>, masked: impl Fn(&[u8]) -> String) -> Vec<(String, String)> {
        let address = || ("ip".to_owned(), asked.client.key().to_string());
        let plain = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let part = |part: &Part| match part {
            Part::Address => address(),
            Part::Path => ("path".to_owned(), plain(asked.path.as_bytes())),
            Part::Method => ("method".to_owned(), plain(asked.method.as_bytes())),
            Part::Header(name) => match said(asked.headers, name) {
                Said::One(value) => (format!("header:{name}"), masked(value.as_bytes())),
                Said::Nothing | Said::Several => address(),
            },
        };
        self.parts.iter().map(part).collect()
    }
}

impl Part {
    fn parse(word: &str) -> Result<Self, String> {
        match word {
            "ip" => Ok(Self::Address),
            "path" => Ok(Self::Path),
            "method" => Ok(Self::Method),
            _ => {
                let name = word.strip_prefix("header:").ok_or_else(|| format!("{word:?}: {RIGHT}"))?;
                HeaderName::from_bytes(name.as_bytes())
                    .map(Self::Header)
                    .map_err(|_| format!("{name:?} is no header name; one is, for example, X-Api-Key"))
            }
        }
    }
}

/// An empty value is as good as none.
fn said<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Said<'a> {
    let mut values = headers.get_all(name).iter();
    match values.next() {
        None => Said::Nothing,
        Some(first) if values.any(|other| other != first) => Said::Several,
        Some(first) if first.is_empty() => Said::Nothing,
        Some(first) => Said::One(first),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::serve::path::Path;
    use sluicegate::identity::Identity;

    fn keyed(spec: &str, missing: Missing, values: &[&[u8]], peer: &str) -> Keyed {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append("x-api-key", HeaderValue::from_bytes(value).unwrap());
        }
        let client = Identity::default().client(Some(peer.parse().unwrap()), [""; 0]);
        let asked = Asked { method: "GET", path: Path::of(b"/a/b?c"), headers: &headers, client };
        KeySpec::parse(spec).unwrap().of(&asked, missing)
    }

    fn key(spec: &str, value: Option<&[u8]>, peer: &str) -> Key {
        match keyed(spec, Missing::Address, value.as_slice(), peer) {
            Keyed::By(key) => key,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_header_is_the_key_whoever_sends_it() {
        let one = key("header:X-Api-Key", Some(b"k1"), "10.0.0.1");
        assert_eq!(one, key("header:x-api-key", Some(b"k1"), "10.0.0.2"));
        assert_ne!(one, key("header:X-Api-Key", Some(b"k2"), "10.0.0.1"));
    }

    #[test]
    fn without_the_header_the_address_is_the_key_unless_said() {
        let address = key("ip", None, "10.0.0.1");
        assert_eq!(key("header:X-Api-Key", None, "10.0.0.1"), address);
        assert_eq!(key("header:X-Api-Key", Some(b""), "10.0.0.1"), address);
        assert_eq!(keyed("header:X-Api-Key", Missing::Skip, &[], "10.0.0.1"), Keyed::Skipped);
        let lacks = Keyed::Refused(Refusal::Lacks(HeaderName::from_static("x-api-key")));
        assert_eq!(keyed("ip+header:X-Api-Key", Missing::Deny, &[b""], "10.0.0.1"), lacks);
    }

    #[test]
    fn several_lines_of_a_header_must_say_the_same() {
        let one = key("header:X-Api-Key", Some(b"k1"), "10.0.0.1");
        assert_eq!(keyed("header:X-Api-Key", Missing::Skip, &[b"k1", b"k1"], "10.0.0.1"), Keyed::By(one));
        let ambiguous = Keyed::Refused(Refusal::Ambiguous(HeaderName::from_static("x-api-key")));
        for missing in [Missing::Address, Missing::Skip, Missing::Deny] {
            for values in [[&b"k1"[..], b"k2"], [b"", b"k1"], [b"k1", b""]] {
                assert_eq!(keyed("header:X-Api-Key", missing, &values, "10.0.0.1"), ambiguous);
            }
        }
    }

    #[test]
    fn no_header_value_can_pass_for_an_address() {
        let address = key("ip", None, "52.65.65.65");
        for pretended in [&b"52.65.65.65"[..], b"4\x20AAAA", b"local", address.as_ref()] {
            if HeaderValue::from_bytes(pretended).is_ok() {
                assert_ne!(key("header:X-Api-Key", Some(pretended), "10.0.0.1"), address);
            }
        }
    }

    #[test]
    fn all_parts_of_a_key_count() {
        let one = key("ip+header:X-Api-Key+path+method", Some(b"k1"), "10.0.0.1");
        assert_ne!(one, key("ip+header:X-Api-Key+path+method", Some(b"k2"), "10.0.0.1"));
        assert_ne!(one, key("ip+header:X-Api-Key+path+method", Some(b"k1"), "10.0.0.2"));
        assert_eq!(key("everyone", None, "10.0.0.1"), key("everyone", Some(b"k"), "10.0.0.2"));
        assert_eq!(key("path", None, "10.0.0.1"), key("path", Some(b"k"), "10.0.0.2"));
    }

    #[test]
    fn what_is_no_key_is_refused() {
        for text in ["", "IP", "header:", "header:a b", "cookie:x", "ip+", "ip+ip", "everyone+ip", "ip,path"] {
            assert!(KeySpec::parse(text).is_err(), "{text}");
        }
    }
}
