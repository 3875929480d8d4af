use super::*;
use proptest::prelude::*;
use std::collections::HashSet;

const FORGED: &str = "6.6.6.6";
const CLIENT: &str = "203.0.113.10";

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn behind(header: ForwardingHeader, proxies: &str) -> Identity {
    Identity::behind(header, proxies.parse().unwrap())
}

/// The client of a request from 10.0.0.1, a trusted proxy, with these lines of `X-Forwarded-For`.
fn listed(lines: &[&str]) -> (String, Source) {
    found(&behind(ForwardingHeader::X_FORWARDED_FOR, "10.0.0.0/8"), lines)
}

/// The same of `Forwarded`.
fn forwarded(lines: &[&str]) -> (String, Source) {
    found(&behind(ForwardingHeader::FORWARDED, "10.0.0.0/8"), lines)
}

fn found(identity: &Identity, lines: &[&str]) -> (String, Source) {
    let client = identity.client(Some(ip("10.0.0.1")), lines);
    (client.address().map_or("none".to_owned(), |address| address.to_string()), client.source())
}

fn header(address: &str) -> (String, Source) {
    (address.to_owned(), Source::Header)
}

fn fallback(address: &str) -> (String, Source) {
    (address.to_owned(), Source::Fallback)
}

fn shown(identity: &Identity, address: &str) -> String {
    identity.key(Some(ip(address))).to_string()
}

#[test]
fn without_trusted_proxies_the_peer_is_the_client_whatever_it_sends() {
    let client = Identity::default().client(Some(ip(CLIENT)), [FORGED]);
    assert_eq!((client.address(), client.source()), (Some(ip(CLIENT)), Source::Peer));
}

#[test]
fn a_peer_that_is_no_trusted_proxy_cannot_name_another() {
    let identity = behind(ForwardingHeader::X_FORWARDED_FOR, "10.0.0.0/8");
    let client = identity.client(Some(ip(CLIENT)), [FORGED]);
    assert_eq!((client.address(), client.source()), (Some(ip(CLIENT)), Source::Peer));
}

#[test]
fn hops_are_taken_from_the_right_until_one_is_not_trusted() {
    assert_eq!(listed(&["6.6.6.6, 203.0.113.10"]), header(CLIENT));
    assert_eq!(listed(&["6.6.6.6, 203.0.113.10, 10.1.1.1, 10.2.2.2"]), header(CLIENT));
    assert_eq!(listed(&["6.6.6.6", "203.0.113.10", "10.1.1.1 ,\t10.2.2.2"]), header(CLIENT));
    assert_eq!(listed(&["203.0.113.10,,10.1.1.1,", ""]), header(CLIENT));
}

#[test]
fn where_all_are_trusted_the_left_most_is_the_client() {
    assert_eq!(listed(&["10.9.9.9, 10.1.1.1"]), header("10.9.9.9"));
    assert_eq!(listed(&[]), ("10.0.0.1".to_owned(), Source::Peer));
    assert_eq!(listed(&["", " , "]), ("10.0.0.1".to_owned(), Source::Peer));
}

#[test]
fn a_number_of_hops_counts_the_peer() {
    let hops = |number: &str, lines: &[&str]| found(&behind(ForwardingHeader::X_FORWARDED_FOR, number), lines);
    let chain = ["1.1.1.1, 2.2.2.2", "3.3.3.3"];
    assert_eq!(hops("none", &chain), ("10.0.0.1".to_owned(), Source::Peer));
    assert_eq!(hops("0", &chain), ("10.0.0.1".to_owned(), Source::Peer));
    assert_eq!(hops("1", &chain), header("3.3.3.3"));
    assert_eq!(hops("2", &chain), header("2.2.2.2"));
    assert_eq!(hops("3", &chain), header("1.1.1.1"));
    assert_eq!(hops("9", &chain), header("1.1.1.1"));
    assert_eq!(hops("2", &["1.1.1.1, nonsense, 3.3.3.3"]), fallback("3.3.3.3"));
}

#[test]
fn a_unix_socket_is_a_proxy_if_that_was_said() {
    let identity = |proxies| behind(ForwardingHeader::X_FORWARDED_FOR, proxies);
    assert_eq!(identity("unix").client(None, [CLIENT]).address(), Some(ip(CLIENT)));
    assert_eq!(identity("unix:, 10.0.0.0/8").client(None, ["203.0.113.10, 10.1.1.1"]).address(), Some(ip(CLIENT)));
    assert_eq!(identity("1").client(None, [CLIENT]).address(), Some(ip(CLIENT)));
    for untrusting in ["10.0.0.0/8", "none", "private"] {
        let client = identity(untrusting).client(None, [CLIENT]);
        assert_eq!((client.address(), client.source()), (None, Source::Peer));
        assert_eq!(client.key(), AddressKey::LOCAL);
        assert_eq!(client.key().to_string(), "local");
    }
}

#[test]
fn what_is_no_address_ends_the_way_at_the_last_good_hop() {
    for nonsense in [
        "unknown",
        "_hidden",
        "203.0.113",
        "203.0.113.10.",
        "203.0.113.010",
        "0xcb.0.113.10",
        "203.0.113.256",
        "203.0.113.10:",
        "203.0.113.10:123456",
        "203.0.113.10:-1",
        "203.0.113.10%eth0",
        "[203.0.113.10]",
        "[2001:db8::1",
        "2001:db8::1]",
        "[2001:db8::1]443",
        "[2001:db8::1]:",
        "2001:db8:::1",
        "2001:db8::g",
        "fe80::1%",
        "fe80::1%e th0",
        "fe80::1%\u{e9}th0",
        "for=203.0.113.10",
        "\"203.0.113.10\"",
        "203.0.113.10 203.0.113.11",
        "localhost",
        "\u{661}.1.1.1",
        "%",
        "[]",
    ] {
        assert_eq!(listed(&[FORGED, nonsense]), fallback("10.0.0.1"), "{nonsense}");
        assert_eq!(listed(&[&format!("{FORGED}, {nonsense}, 10.1.1.1")]), fallback("10.1.1.1"), "{nonsense}");
    }
    assert_eq!(listed(&[FORGED, std::str::from_utf8(&[b'1'; 100_000]).unwrap()]), fallback("10.0.0.1"));
}

#[test]
fn ports_and_zones_are_dropped() {
    for (entry, address) in [
        ("203.0.113.10:4711", CLIENT),
        ("[2001:db8::1]", "2001:db8::1"),
        ("[2001:db8::1]:443", "2001:db8::1"),
        ("2001:DB8::1", "2001:db8::1"),
        ("fe80::1%eth0", "fe80::1"),
        ("[fe80::1%25eth0]:80", "fe80::1"),
        ("::ffff:203.0.113.10", CLIENT),
        ("[::ffff:cb00:710a]:80", CLIENT),
    ] {
        assert_eq!(listed(&[FORGED, entry]), header(address), "{entry}");
    }
}

#[test]
fn forwarded_is_read_as_rfc_7239_says() {
    for (element, address) in [
        ("for=192.0.2.60;proto=http;by=203.0.113.43", "192.0.2.60"),
        ("For=\"[2001:db8:cafe::17]:4711\"", "2001:db8:cafe::17"),
        ("for=192.0.2.43, for=198.51.100.17", "198.51.100.17"),
        ("by=203.0.113.43 ; FOR=192.0.2.60", "192.0.2.60"),
        (";;for=192.0.2.60;", "192.0.2.60"),
        ("for=\"192.0.2.60:_port\"", "192.0.2.60"),
        ("for=\"192.0.2.6\\0\"", "192.0.2.60"),
        ("host=\"a,b;for=6.6.6.6\\\"\";for=192.0.2.60", "192.0.2.60"),
        ("for=\"[::ffff:192.0.2.60]\"", "192.0.2.60"),
    ] {
        assert_eq!(forwarded(&["for=6.6.6.6", element]), header(address), "{element}");
    }
    for element in [
        "for=\"_gazonk\"",
        "for=unknown",
        "proto=http",
        ";",
        "for=",
        "for",
        "for=192.0.2.60;for=192.0.2.60",
        "for = 192.0.2.60",
        "for=192.0.2.60:80",
        "for=2001:db8::1",
        "for=[2001:db8::1]",
        "for=\"2001:db8::1\"",
        "for=\"192.0.2.60",
        "for=\"192.0.2.60\"x",
        "for=192.0.2.60\"",
        "for=192.0.2.60 for=192.0.2.61",
        "for=\"\"",
        "192.0.2.60",
        "=192.0.2.60",
    ] {
        assert_eq!(forwarded(&["for=6.6.6.6", element]), fallback("10.0.0.1"), "{element}");
    }
}

#[test]
fn a_quoted_string_that_a_client_never_ends_does_not_swallow_what_the_proxy_says() {
    for opened in ["for=\"", "for=\"x", "for=\"\\", "\"", "for=\"6.6.6.6, for=\\\"", "a=\"\\\\\\\""] {
        for said in
            ["for=203.0.113.10", "for=\"203.0.113.10:80\"", "proto=https;for=203.0.113.10;host=\"a,\\\"b\""]
        {
            assert_eq!(forwarded(&[&format!("{opened}, {said}")]), header(CLIENT), "{opened}, {said}");
        }
    }
}

#[test]
fn the_other_header_is_never_taken_for_this_one() {
    assert_eq!(listed(&["for=203.0.113.10"]).1, Source::Fallback);
    assert_eq!(forwarded(&[CLIENT]).1, Source::Fallback);
}

#[test]
fn a_header_of_another_name_is_a_list_of_addresses() {
    let identity = behind("CF-Connecting-IP".parse().unwrap(), "10.0.0.0/8");
    assert_eq!(identity.header().name(), "cf-connecting-ip");
    assert_eq!(found(&identity, &[CLIENT]), header(CLIENT));
    assert_eq!("FORWARDED".parse(), Ok(ForwardingHeader::FORWARDED));
    for wrong in ["", "a b", "x-forwarded-for:", "ü"] {
        let error = wrong.parse::<ForwardingHeader>().unwrap_err().to_string();
        assert!(error.starts_with("header ") && error.contains("X-Forwarded-For"), "{error}");
    }
}

/// CVE-2026-30827: with the prefix of IPv6 on a mapped address, all of IPv4 was one key.
#[test]
fn an_ipv4_mapped_address_is_ipv4_by_its_bits_in_whatever_notation() {
    let identity = Identity::default().ipv6_prefix(56).unwrap();
    for notation in ["::ffff:203.0.113.10", "::FFFF:cb00:710a", "0:0:0:0:0:ffff:cb00:710a"] {
        assert_eq!(identity.key(Some(ip(notation))), identity.key(Some(ip(CLIENT))));
        assert_ne!(identity.key(Some(ip(notation))), identity.key(Some(ip("203.0.113.11"))));
        let client = identity.client(Some(ip(notation)), [""]);
        assert_eq!(client.address(), Some(ip(CLIENT)));
    }
    for other in ["::203.0.113.10", "::fffe:203.0.113.10", "1::ffff:203.0.113.10"] {
        assert_ne!(identity.key(Some(ip(other))), identity.key(Some(ip(CLIENT))), "{other}");
    }
}

#[test]
fn ipv6_is_cut_to_its_64_unless_said() {
    assert_eq!(shown(&Identity::default(), "2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::/64");
    let prefix = |bits| Identity::default().ipv6_prefix(bits).unwrap();
    assert_eq!(shown(&prefix(48), "2001:db8:1:2:3:4:5:6"), "2001:db8:1::/48");
    assert_eq!(shown(&prefix(61), "2001:db8:1:7::1"), "2001:db8:1::/61");
    assert_eq!(shown(&prefix(61), "2001:db8:1:f::1"), "2001:db8:1:8::/61");
    assert_eq!(shown(&prefix(128), "2001:db8::1"), "2001:db8::1");
    assert_eq!(shown(&prefix(1), "ffff::1"), "8000::/1");
    assert_eq!(shown(&Identity::default().ipv4_prefix(20).unwrap(), "203.0.127.10"), "203.0.112.0/20");
    for (error, name) in [
        (Identity::default().ipv6_prefix(0), "ipv6_prefix \"0\""),
        (Identity::default().ipv6_prefix(129), "ipv6_prefix \"129\""),
        (Identity::default().ipv4_prefix(33), "ipv4_prefix \"33\""),
    ] {
        let error = error.unwrap_err().to_string();
        assert!(error.starts_with(name) && error.contains("from 1 to"), "{error}");
    }
}

#[test]
fn keys_of_different_prefixes_never_meet() {
    let key = |bits, address| Identity::default().ipv6_prefix(bits).unwrap().key(Some(ip(address)));
    assert_ne!(key(48, "2001:db8::"), key(64, "2001:db8::"));
    assert_ne!(key(47, "2001:db8::"), key(48, "2001:db8::"));
}

#[test]
fn embedded_addresses_count_as_ipv4_where_that_was_said() {
    let cases = [
        (Embedded::NAT64, "64:ff9b::203.0.113.10", "64:ff9b::/64"),
        (Embedded::SIX_TO_FOUR, "2002:cb00:710a:5::1", "2002:cb00:710a:5::/64"),
        (Embedded::TEREDO, "2001:0:4136:e378:8000:63bf:34ff:8ef5", "2001:0:4136:e378::/64"),
    ];
    for (embedded, address, cut) in cases {
        assert_eq!(shown(&Identity::default(), address), cut);
        assert_eq!(shown(&Identity::default().embedded(embedded), address), CLIENT);
        assert_eq!(shown(&Identity::default().embedded(Embedded::ALL), address), CLIENT);
        for (other, ..) in cases.iter().filter(|(other, ..)| *other != embedded) {
            assert_eq!(shown(&Identity::default().embedded(*other), address), cut);
        }
    }
    let two = Embedded::NAT64.or(Embedded::TEREDO).or(Embedded::SIX_TO_FOUR);
    assert_eq!(two, Embedded::ALL);
}

#[test]
fn proxies_are_read_from_text() {
    let proxies = |text: &str| text.parse::<Proxies>().unwrap();
    assert_eq!(proxies("none"), Proxies::NONE);
    assert_eq!(proxies(" 3 "), Proxies::hops(3));
    assert_eq!(proxies("10.1.2.3/8"), proxies("10.0.0.0/8"));
    assert_eq!(proxies("::ffff:10.0.0.0/104"), proxies("10.0.0.0/8"));
    assert_eq!(proxies("::ffff:10.0.0.1"), proxies("10.0.0.1/32"));
    for inside in
        ["127.0.0.1", "10.255.0.1", "172.31.0.1", "192.168.1.1", "169.254.1.1", "::1", "fd00::1", "fe80::1"]
    {
        assert!(proxies("private").trust(Some(ip(inside)), 9), "{inside}");
    }
    for outside in ["172.32.0.1", "8.8.8.8", "2001:db8::1", "::2"] {
        assert!(!proxies("private").trust(Some(ip(outside)), 0), "{outside}");
    }
    for wrong in
        ["", " ", ",", "-1", "1.5", "10.0.0.0/33", "10.0.0/8", "2001:db8::/129", "proxy.example", "10.0.0.0/8 x"]
    {
        let error = wrong.parse::<Proxies>().unwrap_err().to_string();
        assert!(error.starts_with("proxies ") && error.contains("10.0.0.0/8"), "{error}");
    }
    assert!("99999999999999999999999".parse::<Proxies>().is_err());
}

#[test]
fn parts_cannot_pass_for_one_another() {
    let address = Identity::default().key(Some(ip(CLIENT)));
    let keys = [
        Key::new(),
        Key::new().user(""),
        Key::new().user("").user(""),
        Key::new().user("ann"),
        Key::new().header("user", "ann"),
        Key::new().part("user", "ann"),
        Key::new().part("user", "an").user("n"),
        Key::new().part("use", "rann"),
        Key::new().part("", "userann"),
        Key::from(address),
        Key::new().user(address),
        Key::new().header("x", CLIENT),
        Key::new().address(address).user("ann"),
        Key::new().user("ann").address(address),
        Key::new().user(vec![b'x'; 127]),
        Key::new().user(vec![b'x'; 128]),
        Key::new().user(vec![b'x'; 16_384]),
        Key::from(AddressKey::LOCAL),
    ];
    let different: HashSet<&[u8]> = keys.iter().map(AsRef::as_ref).collect();
    assert_eq!(different.len(), keys.len());
    assert_eq!(Key::new().header("X-Api-Key", "A"), Key::new().header("x-api-key", "A"));
    assert_ne!(Key::new().header("X-Api-Key", "A"), Key::new().header("X-Api-Key", "a"));
    assert_eq!(Key::from(address).as_ref(), address.as_ref());
    assert_eq!(format!("{:?}", Key::new().user("secret")), "Key(8 bytes)");
    assert_eq!(format!("{address:?}"), "AddressKey(203.0.113.10)");
}

#[test]
fn only_the_bytes_of_an_address_make_one_again() {
    for bytes in [&b"0"[..], b"4\x20\xcb\0\x71\x0a", b"4\x14\xcb\0\x70", b"6\x40\x20\x01\x0d\xb8\0\0\0\0"] {
        assert_eq!(AddressKey::from_bytes(bytes).unwrap().as_ref(), bytes);
    }
    for bytes in [
        &b""[..],
        b"4",
        b"00",
        b"4\x21\xcb\0\x71\x0a",
        b"4\0",
        b"4\x20\xcb\0\x71",
        b"4\x20\xcb\0\x71\x0a\0",
        b"4\x14\xcb\0\x71",
        b"u\x03ann",
        b"6\x81\0",
        &[b'6'; 40],
    ] {
        assert_eq!(AddressKey::from_bytes(bytes), None, "{bytes:?}");
    }
}

/// One part of a key, to be made and told apart.
#[derive(Debug, Clone, PartialEq)]
enum Part {
    Address(IpAddr, u8),
    User(Vec<u8>),
    Header(String, Vec<u8>),
    Named(Vec<u8>, Vec<u8>),
}

fn part() -> impl Strategy<Value = Part> {
    let bytes = || prop::collection::vec(prop::sample::select(&b"46hnu0\x01\x04a"[..]), 0..6);
    prop_oneof![
        (any::<[u8; 4]>(), 1..=32_u8).prop_map(|(octets, prefix)| Part::Address(IpAddr::from(octets), prefix)),
        (any::<[u8; 16]>(), 1..=128_u8).prop_map(|(octets, prefix)| Part::Address(IpAddr::from(octets), prefix)),
        bytes().prop_map(Part::User),
        ("[a-z]{0,3}", bytes()).prop_map(|(name, value)| Part::Header(name, value)),
        (bytes(), bytes()).prop_map(|(name, value)| Part::Named(name, value)),
    ]
}

fn key_of(parts: &[Part]) -> Key {
    parts.iter().fold(Key::new(), |key, part| match part {
        Part::Address(address, bits) => key.address(AddressKey::of(*address, *bits, *bits)),
        Part::User(user) => key.user(user),
        Part::Header(name, value) => key.header(name, value),
        Part::Named(name, value) => key.part(name, value),
    })
}

/// The parts with their addresses cut as they count.
fn cut(parts: &[Part]) -> Vec<Part> {
    let cut = |part: &Part| match part {
        Part::Address(address, bits) => {
            let network = ipnet::IpNet::new(*address, *bits).unwrap().trunc();
            Part::Address(network.addr(), network.prefix_len())
        }
        other => other.clone(),
    };
    parts.iter().map(cut).collect()
}

proptest! {
    #[test]
    fn keys_are_the_same_only_if_their_parts_are(
        one in prop::collection::vec(part(), 0..4),
        other in prop::collection::vec(part(), 0..4),
    ) {
        prop_assert_eq!(key_of(&one) == key_of(&other), cut(&one) == cut(&other));
        prop_assert_eq!(key_of(&one), key_of(&cut(&one)));
    }

    #[test]
    fn a_key_is_the_network_that_another_library_cuts(octets in any::<[u8; 16]>(), bits in 1..=128_u8) {
        let address = IpAddr::from(octets);
        prop_assume!(address.to_canonical() == address);
        let key = Identity::default().ipv6_prefix(bits).unwrap().key(Some(address));
        let network = ipnet::IpNet::new(address, bits).unwrap().trunc();
        prop_assert_eq!(key.network(), Some((network.addr(), bits)));
        prop_assert_eq!(AddressKey::from_bytes(key.as_ref()), Some(key));
    }

    #[test]
    fn every_address_that_the_standard_library_prints_is_read(octets in any::<[u8; 16]>(), short in any::<[u8; 4]>()) {
        let identity = behind(ForwardingHeader::X_FORWARDED_FOR, "1");
        for address in [IpAddr::from(octets), IpAddr::from(short)] {
            let shown = std::net::SocketAddr::new(address, 443).to_string();
            for entry in [address.to_string(), shown] {
                prop_assert_eq!(found(&identity, &[FORGED, &entry]), header(&address.to_canonical().to_string()));
            }
        }
    }

    #[test]
    fn nothing_that_a_client_sends_hides_the_address_that_the_proxy_has_seen(
        before in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..4),
        own in "[\",;=\\\\\\[\\]:.for0-9 ]{0,40}",
    ) {
        let seen: [(ForwardingHeader, &[u8]); 3] = [
            (ForwardingHeader::X_FORWARDED_FOR, b"203.0.113.10"),
            (ForwardingHeader::FORWARDED, b"for=203.0.113.10;proto=https"),
            (ForwardingHeader::FORWARDED, b"for=\"203.0.113.10:80\";host=\"a\\\"b,c\""),
        ];
        for (header, said) in seen {
            let identity = behind(header, "10.0.0.0/8");
            for client_sent in [before.concat(), own.clone().into_bytes()] {
                let mut lines = before.clone();
                lines.push([&client_sent, &b", "[..], said].concat());
                let client = identity.client(Some(ip("10.0.0.1")), &lines);
                prop_assert_eq!(client.address(), Some(ip(CLIENT)));
            }
        }
    }
}
