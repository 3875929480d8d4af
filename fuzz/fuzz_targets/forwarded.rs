//! Arbitrary lines of `Forwarded` before what a trusted proxy appends.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sluicegate::identity::{ForwardingHeader, Identity, Proxies, Source};
use std::net::{IpAddr, SocketAddr};
use std::sync::LazyLock;

static BEHIND_ONE: LazyLock<Identity> =
    LazyLock::new(|| Identity::behind(ForwardingHeader::FORWARDED, Proxies::hops(1)));
static BEHIND_ANY: LazyLock<Identity> =
    LazyLock::new(|| Identity::behind(ForwardingHeader::FORWARDED, "0.0.0.0/0, ::/0, unix".parse().unwrap()));

fuzz_target!(|input: (Vec<&[u8]>, &[u8], [u8; 16], &str)| {
    let (lines, own, octets, host) = input;
    let peer = Some(IpAddr::from([10, 0, 0, 7]));
    let _ = BEHIND_ANY.client(peer, &lines);

    // Whatever comes from elsewhere, the client is the one that the proxy has seen.
    let seen = IpAddr::from(octets);
    let host: String = host.chars().filter(|c| !c.is_control()).flat_map(|c| ['\\', c]).collect();
    for said in [
        format!("for=\"{}\"", SocketAddr::new(seen, 443)),
        format!("proto=https;For=\"[{}]:_a.b-c\";host=\"{host}\"", seen.to_string().replace("::ffff:", "::FFFF:")),
        format!("host=\"{host}\" ; for=\"\\[{seen}]\"; by=_x"),
    ] {
        let last = [own, b", ", said.as_bytes()].concat();
        let all = lines.iter().copied().chain([&last[..]]);
        let client = BEHIND_ONE.client(peer, all.collect::<Vec<_>>());
        assert_eq!((client.address(), client.source()), (Some(seen.to_canonical()), Source::Header), "{said}");
    }
});
