//! Tokens (RFC 9110, section 5.6.2), of which names of fields, types and subtypes are made.

/// Whether a token may have this byte: `tchar`.
pub(crate) fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}
