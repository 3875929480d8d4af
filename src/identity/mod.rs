//! Who is asking: the address of a client behind any number of proxies, and the key it is counted by.
//!
//! ```
//! use sluicegate::identity::{ForwardingHeader, Identity, Key, Proxies};
//! use sluicegate::{Limiter, Policy};
//!
//! // One load balancer is in front, known by its network.
//! let identity = Identity::behind(ForwardingHeader::X_FORWARDED_FOR, "10.0.0.0/8".parse()?);
//! let limiter = Limiter::new("token-bucket 10/s".parse::<Policy>()?, 10_000)?;
//!
//! // A client has made an address up, to which the load balancer has appended the one it saw.
//! let client = identity.client(Some([10, 0, 0, 7].into()), ["6.6.6.6, 203.0.113.10"]);
//! assert_eq!(client.key().to_string(), "203.0.113.10");
//! assert!(limiter.check(client.key()).allowed());
//!
//! // A key of several parts: nothing that a client sends makes two of them meet.
//! let key = Key::new().address(client.key()).header("X-Api-Key", "k1").part("route", "/export");
//! assert!(limiter.check(&key).allowed());
//! # Ok::<(), sluicegate::Error>(())
//! ```
//!
//! # Rules
//!
//! * The header is looked at only where the peer is trusted. From there hops are taken **from the right**: each proxy
//!   appends the address it has seen, so what a client has made up is on the left. The first address that is not
//!   a trusted proxy's is the client; if all are trusted, the left-most is.
//! * One header is chosen, `X-Forwarded-For` or `Forwarded`, and the other is never read: a proxy that sets one of them passes
//!   the other through as the client has sent it.
//! * An entry that is no address (`unknown`, `_hidden`, nonsense) ends the way: the client is the last good hop, which is a
//!   trusted proxy, or the peer. It is never an address to the left of that, which anybody could have written.
//!   [`Client::source`] tells.
//! * An IPv4-mapped IPv6 address (`::ffff:203.0.113.10`, in whatever notation) is that IPv4 address. Other IPv6 addresses are
//!   cut to their /64, for that is the least that one customer gets, who would otherwise have 2^64 keys.
//! * Ports and zone ids are dropped.
//!
//! A number of hops trusts whoever connects: it is right only where nobody can reach the server past the proxies. A list
//! of networks is right everywhere.

mod address;
mod forwarding;
mod key;
mod networks;
mod proxies;
mod shown;
#[cfg(all(test, not(loom)))]
mod tests;

pub use address::Embedded;
pub use forwarding::ForwardingHeader;
#[cfg(feature = "capi")]
pub(crate) use key::Part;
pub use key::{AddressKey, Key};
pub use networks::Networks;
pub use proxies::Proxies;
#[cfg(feature = "capi")]
pub(crate) use shown::Shown;

use crate::error::Error;
use forwarding::Hop;
use std::net::IpAddr;

/// How clients are told apart: which header names them, which proxies are believed, how much of an address counts.
///
/// Made once and used by all threads. See the [module](self) for the rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    header: ForwardingHeader,
    proxies: Proxies,
    embedded: Embedded,
    ipv4_prefix: u8,
    ipv6_prefix: u8,
}

/// Who a request comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Client {
    address: Option<IpAddr>,
    source: Source,
    key: AddressKey,
}

/// How a client's address was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Source {
    /// It is the peer's: there is no proxy in front, none that is trusted, or it has sent no header.
    Peer,
    /// The header has it.
    Header,
    /// The header has no address where the client's would be, so it is that of the last good hop. All clients for which
    /// this happens count as one: a sign of a proxy that is set up otherwise than was said.
    Fallback,
}

impl Default for Identity {
    /// No proxy is trusted: the client is the peer, whatever it sends.
    fn default() -> Self {
        Self::behind(ForwardingHeader::X_FORWARDED_FOR, Proxies::NONE)
    }
}

impl Identity {
    /// Clients that come through `proxies`, which tell of them by `header`.
    #[must_use]
    pub const fn behind(header: ForwardingHeader, proxies: Proxies) -> Self {
        Self { header, proxies, embedded: Embedded::NONE, ipv4_prefix: 32, ipv6_prefix: 64 }
    }

    /// How many bits of an IPv6 address count, from 1 to 128; 64 unless said. 56 and 48 are what many customers get.
    ///
    /// # Errors
    /// [`Error::Setting`] for a number out of this range.
    pub fn ipv6_prefix(mut self, bits: u8) -> Result<Self, Error> {
        self.ipv6_prefix = prefix("ipv6_prefix", bits, 128)?;
        Ok(self)
    }

    /// How many bits of an IPv4 address count, from 1 to 32; 32 unless said.
    ///
    /// # Errors
    /// [`Error::Setting`] for a number out of this range.
    pub fn ipv4_prefix(mut self, bits: u8) -> Result<Self, Error> {
        self.ipv4_prefix = prefix("ipv4_prefix", bits, 32)?;
        Ok(self)
    }

    /// Which IPv6 addresses count as the IPv4 address in them, beyond the IPv4-mapped ones, which always do.
    #[must_use]
    pub const fn embedded(mut self, embedded: Embedded) -> Self {
        self.embedded = embedded;
        self
    }

    /// The header whose lines [`client`](Self::client) is to be given.
    #[must_use]
    pub const fn header(&self) -> &ForwardingHeader {
        &self.header
    }

    /// Who a request comes from.
    ///
    /// `peer` is the address at the other end of the connection, `None` where it has none (a Unix socket). `lines` are the
    /// values of all lines of [`header`](Self::header) in the order in which they came; none where there is no such line.
    /// No value of a line is too long or too strange. Nothing is allocated.
    ///
    /// ```
    /// use sluicegate::identity::{ForwardingHeader, Identity, Proxies, Source};
    ///
    /// let identity = Identity::behind(ForwardingHeader::FORWARDED, Proxies::hops(1));
    /// let client = identity.client(None, [r#"for=unknown, for="[2001:db8:cafe::17]:4711";proto=https"#]);
    /// assert_eq!(client.address(), Some("2001:db8:cafe::17".parse().unwrap()));
    /// assert_eq!(client.key().to_string(), "2001:db8:cafe::/64");
    /// assert_eq!(client.source(), Source::Header);
    /// ```
    pub fn client<L>(&self, peer: Option<IpAddr>, lines: L) -> Client
    where
        L: IntoIterator<Item: AsRef<[u8]>, IntoIter: DoubleEndedIterator>,
    {
        let (address, source) = self.find(peer, lines);
        Client { address, source, key: self.key(address) }
    }

    /// The key of an address that is known already; `None` for a peer that has none.
    #[must_use]
    pub fn key(&self, address: Option<IpAddr>) -> AddressKey {
        match address.map(|address| address::plain(address, self.embedded)) {
            Some(address) => AddressKey::of(address, self.ipv4_prefix, self.ipv6_prefix),
            None => AddressKey::LOCAL,
        }
    }

    fn find<L>(&self, peer: Option<IpAddr>, lines: L) -> (Option<IpAddr>, Source)
    where
        L: IntoIterator<Item: AsRef<[u8]>, IntoIter: DoubleEndedIterator>,
    {
        let mut client = (peer.map(|peer| address::plain(peer, self.embedded)), Source::Peer);
        let mut passed = 0;
        for line in lines.into_iter().rev() {
            for hop in self.header.hops_from_the_right(line.as_ref()) {
                if !self.proxies.trust(client.0, passed) {
                    return client;
                }
                match hop {
                    Hop::Address(address) => {
                        client = (Some(address::plain(address, self.embedded)), Source::Header)
                    }
                    Hop::Unknown => return (client.0, Source::Fallback),
                }
                passed += 1;
            }
        }
        client
    }
}

fn prefix(name: &'static str, bits: u8, most: u8) -> Result<u8, Error> {
    if (1..=most).contains(&bits) {
        return Ok(bits);
    }
    Err(Error::setting(name, bits, format!("it is a number of bits from 1 to {most}")))
}

impl Client {
    /// The client's address, whole; an IPv4-mapped one is IPv4. `None` for a peer that has none (a Unix socket) and is
    /// not trusted to name its clients, or has not.
    #[must_use]
    pub const fn address(&self) -> Option<IpAddr> {
        self.address
    }

    /// How it was found.
    #[must_use]
    pub const fn source(&self) -> Source {
        self.source
    }

    /// What the client is counted by. Clients without an address have one key together.
    #[must_use]
    pub const fn key(&self) -> AddressKey {
        self.key
    }
}
