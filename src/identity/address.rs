//! What of an address counts.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Which IPv6 addresses count as the IPv4 address in them. IPv4-mapped ones always do.
///
/// Where such clients come at all, their IPv4 addresses stand in the bits that a /64 cuts off or leaves in no useful
/// order: without this, all of NAT64's clients have one key.
///
/// ```
/// use sluicegate::identity::{Embedded, Identity};
///
/// let identity = Identity::default().embedded(Embedded::NAT64);
/// let address = "64:ff9b::203.0.113.10".parse().unwrap();
/// assert_eq!(identity.key(Some(address)).to_string(), "203.0.113.10");
/// assert_eq!(Identity::default().key(Some(address)).to_string(), "64:ff9b::/64");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Embedded {
    nat64: bool,
    six_to_four: bool,
    teredo: bool,
}

impl Embedded {
    /// None. The default.
    pub const NONE: Self = Self { nat64: false, six_to_four: false, teredo: false };
    /// Those of NAT64 and SIIT in 64:ff9b::/96 (RFC 6052).
    pub const NAT64: Self = Self { nat64: true, ..Self::NONE };
    /// Those of 6to4 in 2002::/16 (RFC 3056).
    pub const SIX_TO_FOUR: Self = Self { six_to_four: true, ..Self::NONE };
    /// Those of Teredo in 2001::/32 (RFC 4380): the client's own, not the relay's.
    pub const TEREDO: Self = Self { teredo: true, ..Self::NONE };
    /// All of them.
    pub const ALL: Self = Self { nat64: true, six_to_four: true, teredo: true };

    /// Those of either.
    #[must_use]
    pub const fn or(self, other: Self) -> Self {
        Self {
            nat64: self.nat64 || other.nat64,
            six_to_four: self.six_to_four || other.six_to_four,
            teredo: self.teredo || other.teredo,
        }
    }

    /// The IPv4 address in an IPv6 one, told by its bits alone.
    fn ipv4_in(self, address: Ipv6Addr) -> Option<Ipv4Addr> {
        let ipv4 = |high: u16, low: u16| Some(Ipv4Addr::from((u32::from(high) << 16) | u32::from(low)));
        match address.segments() {
            [0, 0, 0, 0, 0, 0xffff, high, low] => ipv4(high, low),
            [0x64, 0xff9b, 0, 0, 0, 0, high, low] if self.nat64 => ipv4(high, low),
            [0x2002, high, low, ..] if self.six_to_four => ipv4(high, low),
            [0x2001, 0, _, _, _, _, high, low] if self.teredo => ipv4(!high, !low),
            _ => None,
        }
    }
}

/// The address as it counts: as IPv4 wherever it is one.
pub(super) fn plain(address: IpAddr, embedded: Embedded) -> IpAddr {
    match address {
        IpAddr::V6(ipv6) => embedded.ipv4_in(ipv6).map_or(address, IpAddr::V4),
        IpAddr::V4(_) => address,
    }
}

/// The first `prefix` bits of an address, and zeroes.
pub(super) fn masked<const N: usize>(octets: [u8; N], prefix: u8) -> [u8; N] {
    let mut left = u32::from(prefix);
    octets.map(|octet| {
        let kept = left.min(8);
        left -= kept;
        octet & !0xff_u8.checked_shr(kept).unwrap_or(0)
    })
}
