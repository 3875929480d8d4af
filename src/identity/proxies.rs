//! Which proxies are believed.

use super::networks::{Networks, words};
use crate::error::Error;
use std::net::IpAddr;
use std::str::FromStr;

/// The proxies between the clients and the server that are trusted to say whom they speak for.
///
/// As text: `none`, a number of hops such as `2`, or networks and addresses with commas or blanks between them, of which
/// `loopback` and `private` (loopback, RFC 1918, link-local and unique local addresses) are short for several and `unix`
/// stands for peers that have no address.
///
/// ```
/// use sluicegate::identity::Proxies;
///
/// let proxies: Proxies = "10.0.0.0/8, 2001:db8:1::/48, 192.0.2.7, unix".parse()?;
/// assert_eq!(proxies, Proxies::networks(["unix", "192.0.2.7/32", "2001:db8:1::/48", "10.0.0.0/8"])?);
/// assert_eq!("2".parse::<Proxies>()?, Proxies::hops(2));
/// assert!("10.0.0.0/33".parse::<Proxies>().is_err());
/// # Ok::<(), sluicegate::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proxies(Trusted);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Trusted {
    Hops(usize),
    Networks(Networks),
}

impl Proxies {
    /// None: the peer is the client.
    pub const NONE: Self = Self::hops(0);

    /// So many proxies, one behind the other, through which every request comes; the peer is the nearest.
    ///
    /// Whoever can reach the server past them, or past one of them, can pass for any address.
    #[must_use]
    pub const fn hops(number: usize) -> Self {
        Self(Trusted::Hops(number))
    }

    /// The proxies in these networks, each of them `ADDRESS/PREFIX`, an address, `loopback`, `private` or `unix`.
    ///
    /// # Errors
    /// [`Error::Setting`] with the one that is none of these.
    pub fn networks<N: AsRef<str>>(networks: impl IntoIterator<Item = N>) -> Result<Self, Error> {
        let networks = Networks::find(networks).map_err(|text| wrong(&text))?;
        Ok(Self(Trusted::Networks(networks)))
    }

    /// Whether these networks have this address; `None` is a peer that has none. Of a number of hops, whether it is not 0.
    ///
    /// ```
    /// use sluicegate::identity::Proxies;
    ///
    /// let office = Proxies::networks(["192.0.2.0/24"])?;
    /// assert!(office.contains(Some("192.0.2.7".parse().unwrap())));
    /// assert!(!office.contains(None));
    /// # Ok::<(), sluicegate::Error>(())
    /// ```
    #[must_use]
    pub fn contains(&self, address: Option<IpAddr>) -> bool {
        self.trust(address, 0)
    }

    /// Whether the one at this address may say whom it speaks for, `passed` others having done so already.
    pub(super) fn trust(&self, address: Option<IpAddr>, passed: usize) -> bool {
        match &self.0 {
            Trusted::Hops(hops) => passed < *hops,
            Trusted::Networks(networks) => networks.contains(address),
        }
    }
}

impl FromStr for Proxies {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let text = text.trim();
        if text == "none" {
            return Ok(Self::NONE);
        }
        if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
            return text.parse().map(Self::hops).map_err(|_| wrong(text));
        }
        if words(text).next().is_none() {
            return Err(wrong(text));
        }
        Self::networks(words(text))
    }
}

fn wrong(text: &str) -> Error {
    let right = "a number of hops such as 2, or networks such as 10.0.0.0/8, an address, loopback, private, unix";
    Error::setting("proxies", text, format!("expected none, {right}"))
}
