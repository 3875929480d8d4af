//! Arbitrary lines of `X-Forwarded-For` before what a trusted proxy appends, beside the standard library's addresses.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sluicegate::identity::{ForwardingHeader, Identity, Proxies, Source};
use std::net::{IpAddr, SocketAddr};
use std::sync::LazyLock;

static BEHIND_ONE: LazyLock<Identity> =
    LazyLock::new(|| Identity::behind(ForwardingHeader::X_FORWARDED_FOR, Proxies::hops(1)));
static BEHIND_ANY: LazyLock<Identity> = LazyLock::new(|| {
    Identity::behind(ForwardingHeader::X_FORWARDED_FOR, "0.0.0.0/0, ::/0, unix".parse().unwrap())
});

fuzz_target!(|input: (Vec<&[u8]>, &[u8], [u8; 16])| {
    let (lines, own, octets) = input;
    let peer = Some(IpAddr::from([10, 0, 0, 7]));

    // Whatever comes from elsewhere, the client is the one that the proxy has seen.
    let seen = IpAddr::from(octets);
    for said in [seen.to_string(), SocketAddr::new(seen, 443).to_string()] {
        let last = [own, b", ", said.as_bytes()].concat();
        let all = lines.iter().copied().chain([&last[..]]);
        let client = BEHIND_ONE.client(peer, all.collect::<Vec<_>>());
        assert_eq!((client.address(), client.source()), (Some(seen.to_canonical()), Source::Header));
    }

    // With all trusted, every entry is read, up to the first that is none.
    let client = BEHIND_ANY.client(peer, &lines);
    let entries = lines.iter().rev().flat_map(|line| line.rsplit(|byte| *byte == b',')).map(<[u8]>::trim_ascii);
    let mut expected = (peer, Source::Peer);
    for entry in entries.filter(|entry| !entry.is_empty()) {
        match by_the_standard_library(entry) {
            Some(address) => expected = (Some(address.to_canonical()), Source::Header),
            None => {
                expected.1 = Source::Fallback;
                break;
            }
        }
    }
    assert_eq!((client.address(), client.source()), expected);
});

/// An address as the standard library reads it; of zones, and ports of more than 16 bits, it knows less.
fn by_the_standard_library(entry: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(entry).ok()?;
    let (address, port) = match text.rsplit_once(':') {
        Some((address, port)) if address.starts_with('[') && address.ends_with(']') => (address, Some(port)),
        Some((address, port)) if !address.contains(':') && !address.starts_with('[') => (address, Some(port)),
        _ => (text, None),
    };
    let is_number = |port: &str| (1..=5).contains(&port.len()) && port.bytes().all(|byte| byte.is_ascii_digit());
    let is_name =
        |name: &str| !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
    if port.is_some_and(|port| !is_number(port) && !port.strip_prefix('_').is_some_and(is_name)) {
        return None;
    }
    let is_zone = |zone: &str| !zone.is_empty() && zone.bytes().all(|byte| byte.is_ascii_graphic());
    let ipv6 = |text: &str| match text.split_once('%') {
        Some((address, zone)) => is_zone(zone).then(|| Some(IpAddr::V6(address.parse().ok()?)))?,
        None => Some(IpAddr::V6(text.parse().ok()?)),
    };
    match address.strip_prefix('[') {
        Some(rest) => ipv6(rest.strip_suffix(']').filter(|inside| !inside.contains(']'))?),
        None if port.is_some() => Some(IpAddr::V4(address.parse().ok()?)),
        None => address.parse().map(IpAddr::V4).ok().or_else(|| ipv6(address)),
    }
}
