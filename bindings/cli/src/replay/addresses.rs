//! Addresses as they count: as in `sluice serve` and everywhere else, and not as they happen to be written.

use std::fmt::Write;
use std::net::IpAddr;

use sluicegate::Error;
use sluicegate::identity::Identity;

use super::log::KeyField;

/// Turns an IPv6 address into the network it counts by, or into IPv4 where it is that.
pub struct Addresses {
    identity: Option<Identity>,
    text: String,
}

impl Addresses {
    /// For keys of this field; only those that are addresses are looked at.
    pub fn of(key: &KeyField, ipv6_prefix: u8) -> Result<Self, Error> {
        let identity = match key {
            KeyField::Ip => Some(Identity::default().ipv6_prefix(ipv6_prefix)?),
            _ => None,
        };
        Ok(Self { identity, text: String::new() })
    }

    /// The key that a key of the log counts by: what is no IPv6 address is its own, a host's name, say.
    pub fn counted<'a>(&'a mut self, key: &'a [u8]) -> &'a [u8] {
        let is_ipv6 = self.identity.is_some() && memchr::memchr(b':', key).is_some();
        let address = is_ipv6.then(|| std::str::from_utf8(key).ok()?.parse::<IpAddr>().ok()).flatten();
        match (&self.identity, address) {
            (Some(identity), Some(address)) => {
                self.text.clear();
                // Writing into a text cannot fail.
                let _ = write!(self.text, "{}", identity.key(Some(address)));
                self.text.as_bytes()
            }
            _ => key,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(field: &KeyField, prefix: u8, key: &str) -> String {
        let mut addresses = Addresses::of(field, prefix).unwrap();
        String::from_utf8_lossy(addresses.counted(key.as_bytes())).into_owned()
    }

    #[test]
    fn ipv6_counts_by_its_network_and_everything_else_as_it_is() {
        for (key, as_what) in [
            ("2001:db8::17", "2001:db8::/64"),
            ("2001:DB8:0:0:1::17", "2001:db8::/64"),
            ("::ffff:203.0.113.10", "203.0.113.10"),
            ("203.0.113.10", "203.0.113.10"),
            ("client.example.net", "client.example.net"),
            ("no:address", "no:address"),
        ] {
            assert_eq!(counted(&KeyField::Ip, 64, key), as_what);
        }
        assert_eq!(counted(&KeyField::Ip, 48, "2001:db8:1:2::17"), "2001:db8:1::/48");
        assert_eq!(counted(&KeyField::Ip, 128, "2001:DB8::0017"), "2001:db8::17");
        assert_eq!(counted(&KeyField::User, 64, "2001:db8::17"), "2001:db8::17");
        assert!(Addresses::of(&KeyField::Ip, 0).is_err());
    }
}
