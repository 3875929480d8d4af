//! A client is found, and its key is made, without one allocation.
#![cfg(not(loom))]

mod counting;

use counting::allocations;
use sluicegate::identity::{ForwardingHeader, Identity, Key};
use std::hint::black_box;
use std::net::IpAddr;

#[test]
fn the_counter_counts() {
    assert_eq!(allocations(|| drop(black_box(Box::new(1)))), 1);
}

#[test]
fn a_client_is_found_without_an_allocation() {
    let peer = Some(IpAddr::from([10, 0, 0, 7]));
    for (header, line) in [
        (ForwardingHeader::X_FORWARDED_FOR, "6.6.6.6, [2001:db8::17%eth0]:443, 10.1.1.1:80"),
        (ForwardingHeader::X_FORWARDED_FOR, "6.6.6.6, unknown"),
        (ForwardingHeader::FORWARDED, "for=6.6.6.6, for=\"[2001:db8:\\:17]:443\";host=\"a,\\\"b\", for=10.1.1.1"),
    ] {
        let identity = Identity::behind(header, "10.0.0.0/8, unix".parse().unwrap());
        let found = || black_box(identity.client(peer, [line, "", line]).key());
        assert_eq!(allocations(|| _ = found()), 0, "{line}");
    }
}

#[test]
fn a_key_of_up_to_56_bytes_is_made_without_an_allocation() {
    let address = Identity::default().key(Some([0x2001; 8].into()));
    let key = |user: &str| Key::new().address(address).header("X-Api-Key", "0123456789").user(user);
    assert_eq!(key(&"u".repeat(22)).as_ref().len(), 56);
    let (fits, does_not) = ("u".repeat(22), "u".repeat(23));
    assert_eq!(allocations(|| _ = black_box(key(&fits))), 0);
    assert_eq!(allocations(|| _ = black_box(key(&does_not))), 1);
}
