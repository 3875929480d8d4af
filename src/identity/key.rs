//! Keys: bytes by which a request is counted, made so that two of different kinds never meet.
//!
//! A key is a row of parts. Each part begins with a byte that says its kind, and shows by itself where it ends. So two
//! rows have the same bytes only if they have the same parts.

use super::address::masked;
use smallvec::SmallVec;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

pub(super) const LOCAL: u8 = b'0';
pub(super) const IPV4: u8 = b'4';
pub(super) const IPV6: u8 = b'6';
pub(super) const HEADER: u8 = b'h';
pub(super) const NAMED: u8 = b'n';
pub(super) const USER: u8 = b'u';

/// Kind, length of the prefix, and as many bytes as an address has at most.
const MOST: usize = 2 + 16;

/// Keys up to this length are held in place.
const IN_PLACE: usize = 56;

/// The address that a client is counted by, as the key of a limiter: a family, the length of a prefix and its bits.
///
/// It is shown as an address, with the prefix where that is shorter. It is small, copied freely, and never allocates.
///
/// ```
/// use sluicegate::identity::Identity;
/// use sluicegate::{Limiter, Policy};
///
/// let limiter = Limiter::new("fixed-window 1/d".parse::<Policy>()?, 1_000)?;
/// let identity = Identity::default();
/// let key = |address: &str| identity.key(Some(address.parse().unwrap()));
/// assert!(limiter.check(key("2001:db8::1")).allowed());
/// assert!(!limiter.check(key("2001:db8::2")).allowed());
/// assert_eq!(key("2001:db8::2").to_string(), "2001:db8::/64");
/// # Ok::<(), sluicegate::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AddressKey {
    bytes: [u8; MOST],
    length: u8,
}

impl AddressKey {
    /// The one key of all clients that have no address, such as those of a Unix socket.
    pub const LOCAL: Self = {
        let mut bytes = [0; MOST];
        bytes[0] = LOCAL;
        Self { bytes, length: 1 }
    };

    /// The key of the first bits of an address: at most 32 of an IPv4 one and 128 of an IPv6 one.
    pub(super) fn of(address: IpAddr, ipv4_prefix: u8, ipv6_prefix: u8) -> Self {
        match address {
            IpAddr::V4(address) => Self::cut(IPV4, ipv4_prefix, masked(address.octets(), ipv4_prefix)),
            IpAddr::V6(address) => Self::cut(IPV6, ipv6_prefix, masked(address.octets(), ipv6_prefix)),
        }
    }

    fn cut<const N: usize>(kind: u8, prefix: u8, octets: [u8; N]) -> Self {
        let kept = usize::from(prefix.div_ceil(8)).min(N);
        let mut bytes = [0; MOST];
        bytes[..2].copy_from_slice(&[kind, prefix]);
        bytes[2..2 + kept].copy_from_slice(&octets[..kept]);
        Self { bytes, length: 2 + kept as u8 }
    }

    /// The key whose bytes these are; `None` if they are no address's.
    #[must_use]
    pub fn from_bytes(given: &[u8]) -> Option<Self> {
        if given == [LOCAL] {
            return Some(Self::LOCAL);
        }
        let (&[kind, prefix], octets) = given.split_first_chunk()?;
        let mut bytes = [0; MOST - 2];
        bytes.get_mut(..octets.len())?.copy_from_slice(octets);
        let address = match kind {
            IPV4 if (1..=32).contains(&prefix) => Ipv4Addr::from([bytes[0], bytes[1], bytes[2], bytes[3]]).into(),
            IPV6 if (1..=128).contains(&prefix) => Ipv6Addr::from(bytes).into(),
            _ => return None,
        };
        Some(Self::of(address, prefix, prefix)).filter(|key| key.as_ref() == given)
    }

    /// The address, its bits beyond the prefix 0, and the length of the prefix; `None` for a client without an address.
    #[must_use]
    pub fn network(&self) -> Option<(IpAddr, u8)> {
        let [kind, prefix, octets @ ..] = self.bytes;
        let address = match kind {
            IPV4 => Ipv4Addr::from([octets[0], octets[1], octets[2], octets[3]]).into(),
            IPV6 => Ipv6Addr::from(octets).into(),
            _ => return None,
        };
        Some((address, prefix))
    }
}

impl AsRef<[u8]> for AddressKey {
    fn as_ref(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length)]
    }
}

impl fmt::Display for AddressKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.network() {
            None => f.pad("local"),
            Some((address @ IpAddr::V4(_), 32) | (address @ IpAddr::V6(_), 128)) => fmt::Display::fmt(&address, f),
            Some((address, prefix)) => write!(f, "{address}/{prefix}"),
        }
    }
}

impl fmt::Debug for AddressKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AddressKey({self})")
    }
}

/// The key of a limiter, from any number of parts: addresses, users, values of headers and others.
///
/// It is shown in one line of printable ASCII, fit for a log: users and other parts with what is not printable escaped and
/// cut where they are long, and of a header's value, which may be a secret, nothing but a hash that is the same as long as
/// the process runs.
///
/// Two keys are the same only if all their parts are: neither what a part holds nor where it ends can make it pass for
/// another. Up to 56 bytes are held in place; longer ones are allocated.
///
/// Whoever has no user or no such header is the caller's to decide about: count it by its address, say, or refuse it. An
/// empty part is a part like any other, and all who have it share one budget.
///
/// ```
/// use sluicegate::identity::Key;
///
/// let split = |user: &str, route: &str| Key::new().user(user).part("route", route);
/// assert_eq!(split("ann", "/export"), split("ann", "/export"));
/// assert_ne!(split("ann/", "export"), split("ann", "/export"));
/// assert_ne!(Key::new().user("ann"), Key::new().header("user", "ann"));
/// ```
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Key {
    bytes: SmallVec<[u8; IN_PLACE]>,
}

impl Key {
    /// A key of no parts yet. It is the empty one, which everybody shares.
    #[must_use]
    pub fn new() -> Self {
        Self { bytes: SmallVec::new() }
    }

    /// And the client's address.
    #[must_use]
    pub fn address(self, address: AddressKey) -> Self {
        self.with(&Part::Address(address))
    }

    /// And a user, an account, a tenant: whoever has been found to be asking, after having proved it.
    #[must_use]
    pub fn user(self, user: impl AsRef<[u8]>) -> Self {
        self.with(&Part::User(user.as_ref()))
    }

    /// And the value of a header, such as an API key. The header's name is the same in upper and lower case.
    ///
    /// A value that nobody has verified is a weak key: who sends another each time is never limited. Have a limit by
    /// address before it.
    #[must_use]
    pub fn header(self, name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Self {
        self.with(&Part::Header(name.as_ref(), value.as_ref()))
    }

    /// And something else: a name for what it is, and its value.
    #[must_use]
    pub fn part(self, name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Self {
        self.with(&Part::Named(name.as_ref(), value.as_ref()))
    }

    /// And all parts of another key, in order.
    #[must_use]
    pub fn and(mut self, other: &Self) -> Self {
        self.bytes.extend_from_slice(&other.bytes);
        self
    }

    fn with(mut self, part: &Part<'_>) -> Self {
        part.write(&mut |bytes| self.bytes.extend_from_slice(bytes));
        self
    }
}

/// One part of a key.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Part<'a> {
    Address(AddressKey),
    User(&'a [u8]),
    Header(&'a [u8], &'a [u8]),
    Named(&'a [u8], &'a [u8]),
}

impl Part<'_> {
    /// Puts out the part's bytes, piece by piece.
    pub(crate) fn write(&self, put: &mut impl FnMut(&[u8])) {
        match *self {
            Self::Address(address) => put(address.as_ref()),
            Self::User(user) => {
                put(&[USER]);
                write_delimited(user, put);
            }
            Self::Header(name, value) => {
                put(&[HEADER]);
                write_length(name.len(), put);
                name.iter().for_each(|byte| put(&[byte.to_ascii_lowercase()]));
                write_delimited(value, put);
            }
            Self::Named(name, value) => {
                put(&[NAMED]);
                write_delimited(name, put);
                write_delimited(value, put);
            }
        }
    }
}

fn write_delimited(bytes: &[u8], put: &mut impl FnMut(&[u8])) {
    write_length(bytes.len(), put);
    put(bytes);
}

/// Seven bits in a byte, the lowest first; the last byte is below 128.
fn write_length(mut length: usize, put: &mut impl FnMut(&[u8])) {
    while length > 0x7f {
        put(&[length as u8 | 0x80]);
        length >>= 7;
    }
    put(&[length as u8]);
}

impl From<AddressKey> for Key {
    fn from(address: AddressKey) -> Self {
        Self::new().address(address)
    }
}

impl AsRef<[u8]> for Key {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// Tells the length alone: a key may hold a secret, and what is shown for debugging ends in logs.
impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({} bytes)", self.bytes.len())
    }
}
