//! Which proxies are believed.

use crate::error::Error;
use ipnet::IpNet;
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
    Networks {
        /// Sorted, without those that are parts of others.
        networks: Vec<IpNet>,
        unix: bool,
    },
}

const LOOPBACK: &[&str] = &["127.0.0.0/8", "::1/128"];
const PRIVATE: &[&str] =
    &["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "fc00::/7", "fe80::/10"];

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
        let (mut found, mut unix) = (Vec::new(), false);
        for text in networks {
            match text.as_ref() {
                "unix" | "unix:" => unix = true,
                "loopback" => found.extend(known(LOOPBACK)),
                "private" => found.extend(known(LOOPBACK).chain(known(PRIVATE))),
                text => found.push(network(text).ok_or_else(|| wrong(text))?),
            }
        }
        Ok(Self(Trusted::Networks { networks: IpNet::aggregate(&found), unix }))
    }

    /// Whether the one at this address may say whom it speaks for, `passed` others having done so already.
    pub(super) fn trust(&self, address: Option<IpAddr>, passed: usize) -> bool {
        match &self.0 {
            Trusted::Hops(hops) => passed < *hops,
            Trusted::Networks { networks, unix } => match address {
                Some(address) => networks.iter().any(|network| network.contains(&address)),
                None => *unix,
            },
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
        let words: Vec<&str> = text.split([',', ' ', '\t', '\n']).filter(|word| !word.is_empty()).collect();
        if words.is_empty() {
            return Err(wrong(text));
        }
        Self::networks(words)
    }
}

fn known(networks: &'static [&str]) -> impl Iterator<Item = IpNet> {
    networks.iter().filter_map(|text| network(text))
}

/// The network of a text; one of IPv4-mapped addresses is of IPv4.
fn network(text: &str) -> Option<IpNet> {
    let network = match text.parse::<IpNet>() {
        Ok(network) => network,
        Err(_) => IpNet::from(text.parse::<IpAddr>().ok()?),
    };
    let (address, prefix) = (network.addr().to_canonical(), network.prefix_len());
    let prefix = match (address, network) {
        (IpAddr::V4(_), IpNet::V6(_)) => prefix.checked_sub(96)?,
        _ => prefix,
    };
    Some(IpNet::new(address, prefix).ok()?.trunc())
}

fn wrong(text: &str) -> Error {
    let right = "a number of hops such as 2, or networks such as 10.0.0.0/8, an address, loopback, private, unix";
    Error::setting("proxies", text, format!("expected none, {right}"))
}
