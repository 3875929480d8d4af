//! Lists of networks.

use crate::error::Error;
use ipnet::IpNet;
use std::net::IpAddr;
use std::str::FromStr;

const LOOPBACK: &[&str] = &["127.0.0.0/8", "::1/128"];
const PRIVATE: &[&str] =
    &["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "fc00::/7", "fe80::/10"];

/// A list of networks: of proxies that are believed, of clients that no limit holds.
///
/// As text: networks and addresses with commas or blanks between them, of which `loopback` and `private` (loopback, RFC
/// 1918, link-local and unique local addresses) are short for several and `unix` stands for peers that have no address.
///
/// ```
/// use sluicegate::identity::Networks;
///
/// let ours: Networks = "192.0.2.0/24, 2001:db8:1::/48, loopback".parse()?;
/// assert!(ours.contains(Some("192.0.2.7".parse().unwrap())));
/// assert!(ours.contains(Some("::ffff:127.0.0.1".parse().unwrap())));
/// assert!(!ours.contains(Some("203.0.113.10".parse().unwrap())));
/// assert!(!ours.contains(None));
/// # Ok::<(), sluicegate::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Networks {
    /// Sorted, without those that are parts of others.
    networks: Vec<IpNet>,
    unix: bool,
}

impl Networks {
    /// The networks in a list, each of them `ADDRESS/PREFIX`, an address, `loopback`, `private` or `unix`.
    ///
    /// # Errors
    /// [`Error::Setting`] with the one that is none of these.
    pub fn of<N: AsRef<str>>(networks: impl IntoIterator<Item = N>) -> Result<Self, Error> {
        Self::find(networks).map_err(|text| {
            let right = "networks such as 10.0.0.0/8, an address, loopback, private, unix";
            Error::setting("networks", text, format!("expected {right}"))
        })
    }

    /// As [`of`](Self::of), with the text that is none of these as the error.
    pub(super) fn find<N: AsRef<str>>(texts: impl IntoIterator<Item = N>) -> Result<Self, String> {
        let (mut found, mut unix) = (Vec::new(), false);
        for text in texts {
            match text.as_ref() {
                "unix" | "unix:" => unix = true,
                "loopback" => found.extend(known(LOOPBACK)),
                "private" => found.extend(known(LOOPBACK).chain(known(PRIVATE))),
                text => found.push(network(text).ok_or_else(|| text.to_owned())?),
            }
        }
        Ok(Self { networks: IpNet::aggregate(&found), unix })
    }

    /// Whether an address is in one of them. IPv4-mapped ones are IPv4; `None` is a peer without an address.
    #[must_use]
    pub fn contains(&self, address: Option<IpAddr>) -> bool {
        match address.map(|address| address.to_canonical()) {
            Some(address) => self.networks.iter().any(|network| network.contains(&address)),
            None => self.unix,
        }
    }
}

impl FromStr for Networks {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::of(words(text))
    }
}

/// The words of a list with commas or blanks between them.
pub(super) fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split([',', ' ', '\t', '\n']).filter(|word| !word.is_empty())
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
