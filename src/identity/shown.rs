//! Keys as people may see them: in one line, nothing unprintable, nothing secret.

use super::key::{AddressKey, HEADER, IPV4, IPV6, Key, LOCAL, NAMED, Part, USER};
use std::fmt::{self, Write};
use std::hash::{BuildHasher, RandomState};
use std::sync::LazyLock;

/// How many bytes of a part are shown.
const SHOWN: usize = 64;

/// Keyed with random bytes of this process: whoever sees a hash cannot try out values.
static HASH: LazyLock<RandomState> = LazyLock::new(RandomState::new);

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&Shown(self.as_ref()), f)
    }
}

/// The bytes of a key, shown as the [`Key`] is. Bytes that are none are escaped and cut.
pub(crate) struct Shown<'a>(pub(crate) &'a [u8]);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0;
        if rest.is_empty() {
            return f.write_str("everybody");
        }
        let mut separator = "";
        while !rest.is_empty() {
            f.write_str(separator)?;
            separator = ",";
            let whole = rest;
            // Nothing but parts is in a `Key`; bytes from elsewhere may be anything.
            let Some(part) = part(&mut rest) else { return printable(f, whole) };
            match part {
                Part::Address(address) => write!(f, "{address}")?,
                Part::User(user) => named(f, b"user", user)?,
                Part::Named(name, value) => named(f, name, value)?,
                Part::Header(name, value) => {
                    printable(f, name)?;
                    write!(f, "=#{:016x}", HASH.hash_one(value))?;
                }
            }
        }
        Ok(())
    }
}

/// Takes the first part off.
fn part<'a>(rest: &mut &'a [u8]) -> Option<Part<'a>> {
    if let Some(length) = address_length(rest) {
        return AddressKey::from_bytes(rest.split_off(..length)?).map(Part::Address);
    }
    let kind = *rest.split_off_first()?;
    Some(match kind {
        USER => Part::User(counted(rest)?),
        HEADER => Part::Header(counted(rest)?, counted(rest)?),
        NAMED => Part::Named(counted(rest)?, counted(rest)?),
        _ => return None,
    })
}

/// How many bytes an address takes that these begin with, if they do.
fn address_length(bytes: &[u8]) -> Option<usize> {
    match *bytes {
        [LOCAL, ..] => Some(1),
        [IPV4 | IPV6, prefix, ..] => Some(2 + usize::from(prefix.div_ceil(8))),
        _ => None,
    }
}

/// The bytes after their length, as [`Key`] appends them.
fn counted<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (mut length, mut shift) = (0, 0);
    loop {
        let byte = *rest.split_off_first()?;
        length |= usize::from(byte & 0x7f).checked_shl(shift)?;
        shift += 7;
        if byte < 0x80 {
            return rest.split_off(..length);
        }
    }
}

fn named(f: &mut fmt::Formatter<'_>, name: &[u8], value: &[u8]) -> fmt::Result {
    printable(f, name)?;
    f.write_char('=')?;
    printable(f, value)
}

/// Bytes as they are where they are printable and separate nothing, else by their numbers.
fn printable(f: &mut fmt::Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    for &byte in bytes.iter().take(SHOWN) {
        match byte {
            b'\\' | b'"' | b',' | b'=' => write!(f, "\\x{byte:02x}")?,
            b'!'..=b'~' => f.write_char(byte.into())?,
            _ => write!(f, "\\x{byte:02x}")?,
        }
    }
    if bytes.len() > SHOWN { write!(f, "...[{}]", bytes.len()) } else { Ok(()) }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::identity::Identity;
    use proptest::prelude::*;

    #[test]
    fn parts_are_shown_by_their_kinds() {
        let address = |text: &str| Identity::default().key(Some(text.parse().unwrap()));
        for (key, shown) in [
            (Key::new(), "everybody"),
            (Key::from(AddressKey::LOCAL), "local"),
            (Key::new().address(address("203.0.113.10")), "203.0.113.10"),
            (Key::new().address(address("2001:db8::1")).user("ann"), "2001:db8::/64,user=ann"),
            (Key::new().user("").part("route", "/export"), "user=,route=/export"),
            (Key::new().user("a b\r\n\"\\,=\u{e9}"), r"user=a\x20b\x0d\x0a\x22\x5c\x2c\x3d\xc3\xa9"),
        ] {
            assert_eq!(key.to_string(), shown);
        }
        let giant = Key::new().user("x".repeat(100_000)).to_string();
        assert_eq!(giant, format!("user={}...[100000]", "x".repeat(64)));
    }

    #[test]
    fn a_headers_value_is_never_shown_but_can_be_told_from_others() {
        let shown = |value: &str| Key::new().header("X-Api-Key", value).to_string();
        assert!(shown("secret").starts_with("x-api-key=#") && !shown("secret").contains("secret"));
        assert_eq!(shown("secret"), shown("secret"));
        assert_ne!(shown("secret"), shown("another"));
    }

    #[test]
    fn bytes_that_are_no_key_are_escaped_and_cut() {
        for (bytes, shown) in [
            (&b"ann"[..], "ann"),
            (b"4", "4"),
            (b"u\x05ann", r"u\x05ann"),
            (b"h\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f", r"h\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f"),
            (b"u\x03ann\r\n", r"user=ann,\x0d\x0a"),
        ] {
            assert_eq!(Shown(bytes).to_string(), shown);
        }
    }

    #[test]
    fn a_key_can_be_put_behind_another() {
        let whole = Key::new().user("ann").part("route", "/export");
        assert_eq!(Key::new().user("ann").and(&Key::new().part("route", "/export")), whole);
        assert_eq!(whole.to_string(), "user=ann,route=/export");
    }

    proptest! {
        #[test]
        fn whatever_is_in_a_key_it_is_one_line_of_printable_ascii(
            user in prop::collection::vec(any::<u8>(), 0..300),
            name in prop::collection::vec(any::<u8>(), 0..300),
            octets in any::<[u8; 16]>(),
            prefix in 1..=128_u8,
        ) {
            let address = Identity::default().ipv6_prefix(prefix).unwrap().key(Some(octets.into()));
            let key = Key::new().user(&user).address(address).header(&name, &user).part(&name, &user).user("end");
            let shown = key.to_string();
            prop_assert!(shown.bytes().all(|byte| byte.is_ascii_graphic()), "{}", shown);
            prop_assert!(shown.ends_with(",user=end"));
            let part = format!(",{address},");
            prop_assert!(shown.contains(&part));
        }
    }
}
