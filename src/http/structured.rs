//! Structured field values (RFC 9651), written: integers, strings, byte sequences.

use std::fmt::{self, Write};

/// The largest integer that a structured field may hold.
pub(super) const LARGEST_INTEGER: u64 = 999_999_999_999_999;

/// Writes `;name=number`, where the number is cut to the largest there may be.
pub(super) fn integer_parameter(out: &mut impl Write, name: &str, number: u64) -> fmt::Result {
    write!(out, ";{name}={}", number.min(LARGEST_INTEGER))
}

/// Writes a string of printable ASCII characters, quoted. Other characters are the caller's to refuse beforehand.
pub(super) fn string(out: &mut impl Write, text: &str) -> fmt::Result {
    out.write_char('"')?;
    for c in text.chars() {
        if matches!(c, '"' | '\\') {
            out.write_char('\\')?;
        }
        out.write_char(c)?;
    }
    out.write_char('"')
}

/// Writes a byte sequence: base64 in the standard alphabet, padded, between colons.
pub(super) fn bytes(out: &mut impl Write, bytes: &[u8]) -> fmt::Result {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    out.write_char(':')?;
    for three in bytes.chunks(3) {
        let byte = |n: usize| u32::from(three.get(n).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for n in 0..4 {
            let sextet = (bits >> (18 - 6 * n) & 63) as usize;
            out.write_char(if n <= three.len() { char::from(ALPHABET[sextet]) } else { '=' })?;
        }
    }
    out.write_char(':')
}

/// How many characters [`bytes`] takes at most for so many bytes.
pub(super) const fn bytes_length(bytes: usize) -> usize {
    bytes.div_ceil(3) * 4 + 2
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl FnOnce(&mut String) -> fmt::Result) -> String {
        let mut text = String::new();
        write(&mut text).unwrap();
        text
    }

    #[test]
    fn strings_escape_quotes_and_backslashes_alone() {
        assert_eq!(written(|out| string(out, r#"a"b\c"#)), r#""a\"b\\c""#);
        assert_eq!(written(|out| string(out, "per minute; a=1, ~")), r#""per minute; a=1, ~""#);
    }

    #[test]
    fn byte_sequences_are_padded_base64() {
        for (bytes_in, text) in [
            (&b"GET\x1falice"[..], ":R0VUH2FsaWNl:"),
            (b"App-999", ":QXBwLTk5OQ==:"),
            (b"trial121323", ":dHJpYWwxMjEzMjM=:"),
            (b"", "::"),
            (b"\xfb\xff\xfe", ":+//+:"),
            (b"\xff", ":/w==:"),
        ] {
            assert_eq!(written(|out| bytes(out, bytes_in)), text);
            assert!(text.len() <= bytes_length(bytes_in.len()));
        }
    }

    #[test]
    fn integers_end_at_the_largest_that_fifteen_digits_hold() {
        assert_eq!(written(|out| integer_parameter(out, "q", LARGEST_INTEGER)), ";q=999999999999999");
        assert_eq!(written(|out| integer_parameter(out, "q", u64::MAX)), ";q=999999999999999");
        assert_eq!(written(|out| integer_parameter(out, "r", 0)), ";r=0");
    }
}
