//! Who is asking: the bytes by which a request is counted.

use std::net::{IpAddr, Ipv6Addr};

use axum::http::{HeaderMap, HeaderName};

/// Where a request's key comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeySource {
    /// The address at the other end of the connection.
    Peer,
    /// A request header, or the peer's address where the header is missing or empty.
    Header(HeaderName),
}

/// What a key begins with: keys of different kinds never meet, whatever a client sends.
const IPV4: u8 = b'4';
const IPV6: u8 = b'6';
const HEADER: u8 = b'h';

/// A /64 is what one customer gets, who would otherwise have 2^64 addresses to ask from.
const IPV6_NETWORK_BYTES: usize = 8;

impl KeySource {
    /// Reads the value of `--key`.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text == "ip" {
            return Ok(Self::Peer);
        }
        let name = text.strip_prefix("header:").ok_or("expected ip or header:NAME (such as header:X-Api-Key)")?;
        HeaderName::from_bytes(name.as_bytes())
            .map(Self::Header)
            .map_err(|_| format!("{name:?} is no header name; one is, for example, X-Api-Key"))
    }

    /// The key of a request with these headers from this peer.
    pub fn of(&self, headers: &HeaderMap, peer: IpAddr) -> Vec<u8> {
        let value = match self {
            Self::Peer => None,
            Self::Header(name) => headers.get(name),
        };
        match value {
            Some(value) if !value.is_empty() => tagged(HEADER, value.as_bytes()),
            _ => of_peer(peer),
        }
    }
}

fn of_peer(peer: IpAddr) -> Vec<u8> {
    match peer {
        IpAddr::V4(address) => tagged(IPV4, &address.octets()),
        IpAddr::V6(address) => of_ipv6(address),
    }
}

fn of_ipv6(address: Ipv6Addr) -> Vec<u8> {
    match address.to_ipv4_mapped() {
        Some(mapped) => tagged(IPV4, &mapped.octets()),
        None => tagged(IPV6, &address.octets()[..IPV6_NETWORK_BYTES]),
    }
}

fn tagged(kind: u8, bytes: &[u8]) -> Vec<u8> {
    let mut key = Vec::with_capacity(1 + bytes.len());
    key.push(kind);
    key.extend_from_slice(bytes);
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(source: &str, header: Option<&[u8]>, peer: &str) -> Vec<u8> {
        let mut headers = HeaderMap::new();
        if let Some(value) = header {
            headers.insert("x-api-key", value.try_into().unwrap());
        }
        let source = KeySource::parse(source).unwrap();
        source.of(&headers, peer.parse().unwrap())
    }

    #[test]
    fn an_ipv4_mapped_address_counts_as_ipv4() {
        assert_eq!(key("ip", None, "::ffff:10.0.0.1"), key("ip", None, "10.0.0.1"));
        assert_ne!(key("ip", None, "10.0.0.2"), key("ip", None, "10.0.0.1"));
    }

    #[test]
    fn ipv6_addresses_of_one_64_count_as_one() {
        let one = key("ip", None, "2001:db8:0:1::1");
        assert_eq!(one, key("ip", None, "2001:db8:0:1:ffff::2"));
        assert_ne!(one, key("ip", None, "2001:db8:0:2::1"));
    }

    #[test]
    fn a_header_is_the_key_whoever_sends_it() {
        let one = key("header:X-Api-Key", Some(b"k1"), "10.0.0.1");
        assert_eq!(one, key("header:x-api-key", Some(b"k1"), "10.0.0.2"));
        assert_ne!(one, key("header:X-Api-Key", Some(b"k2"), "10.0.0.1"));
    }

    #[test]
    fn without_the_header_the_peer_is_the_key() {
        let peer = key("ip", None, "10.0.0.1");
        assert_eq!(key("header:X-Api-Key", None, "10.0.0.1"), peer);
        assert_eq!(key("header:X-Api-Key", Some(b""), "10.0.0.1"), peer);
    }

    #[test]
    fn no_header_value_can_pass_for_an_address() {
        for pretended in [&b"10.0.0.1"[..], b"4AAAA", b"6"] {
            let key = key("header:X-Api-Key", Some(pretended), "10.0.0.1");
            assert_eq!(key[0], HEADER);
        }
    }

    #[test]
    fn what_is_no_key_source_is_refused() {
        for text in ["", "IP", "header:", "header:a b", "cookie:x"] {
            assert!(KeySource::parse(text).is_err(), "{text}");
        }
    }
}
