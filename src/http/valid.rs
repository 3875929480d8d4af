//! What may stand in a setting: checked once, when it is given, so that nothing written later can split a header.

use super::fields::parameter;
use crate::error::Error;

/// The longest name of a policy, and the longest code, in characters.
pub const MAX_NAME: usize = 64;
/// The longest message, in bytes of UTF-8.
pub const MAX_MESSAGE: usize = 1024;
/// The longest problem type, in characters.
pub const MAX_PROBLEM_TYPE: usize = 256;
/// The longest partition key, in bytes.
pub const MAX_PARTITION_KEY: usize = 96;
/// The longest name of a vendor's parameter, in characters.
pub const MAX_PARAMETER: usize = 32;

/// What a text must be.
struct Demand {
    setting: &'static str,
    largest_bytes: usize,
    /// The rule in words, with an example.
    takes: &'static str,
    allowed: fn(char) -> bool,
}

impl Demand {
    fn check(&self, text: &str) -> Result<(), Error> {
        let wrong =
            |what: String| Err(Error::setting(self.setting, text, format!("{what}; it takes {}", self.takes)));
        if text.is_empty() {
            return wrong("it is empty".to_owned());
        }
        if let Some((at, c)) = text.chars().enumerate().find(|&(_, c)| !(self.allowed)(c)) {
            return wrong(format!("character {} is U+{:04X}", at + 1, u32::from(c)));
        }
        if text.len() > self.largest_bytes {
            return wrong(format!("it has {} bytes", text.len()));
        }
        Ok(())
    }
}

fn is_printable_ascii(c: char) -> bool {
    matches!(c, ' '..='~')
}

/// The name by which answers call a policy.
pub(super) fn name(text: &str) -> Result<(), Error> {
    let takes = "1 to 64 printable ASCII characters, such as \"per-minute\"";
    Demand { setting: "name", largest_bytes: MAX_NAME, takes, allowed: is_printable_ascii }.check(text)
}

/// The status of a denial.
pub(super) fn status(status: u16) -> Result<(), Error> {
    if (400..600).contains(&status) {
        return Ok(());
    }
    Err(Error::setting("status", status, "it takes 400 to 599, and 429 is what clients understand"))
}

/// The code by which programs know a denial.
pub(super) fn code(text: &str) -> Result<(), Error> {
    let takes = "1 to 64 printable ASCII characters, such as \"plan_quota_exceeded\"";
    Demand { setting: "code", largest_bytes: MAX_NAME, takes, allowed: is_printable_ascii }.check(text)
}

/// What a denial tells people.
pub(super) fn message(text: &str) -> Result<(), Error> {
    let takes = "1 to 1024 bytes of text in one line, such as \"Your plan allows 100 requests an hour.\"";
    Demand { setting: "message", largest_bytes: MAX_MESSAGE, takes, allowed: |c| !is_line_end_or_control(c) }
        .check(text)
}

/// Control characters, and the two that end lines or paragraphs without being such.
fn is_line_end_or_control(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')
}

/// A URI reference.
pub(super) fn problem_type(text: &str) -> Result<(), Error> {
    let takes = "a URI of 1 to 256 characters, such as \"https://example.com/problems/quota\" or \"about:blank\"";
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-._~:/?#[]@!$&'()*+,;=%".contains(c);
    Demand { setting: "problem_type", largest_bytes: MAX_PROBLEM_TYPE, takes, allowed }.check(text)
}

/// The key of a parameter of a structured field.
pub(super) fn burst_parameter(text: &str) -> Result<(), Error> {
    let takes = "1 to 32 of a-z 0-9 _ - . * beginning with a letter, by custom with a vendor's name, such as \
                 \"acme-burst\"";
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "_-.*".contains(c);
    Demand { setting: "burst_parameter", largest_bytes: MAX_PARAMETER, takes, allowed }.check(text)?;
    let wrong = |what: &str| Err(Error::setting("burst_parameter", text, format!("{what}; it takes {takes}")));
    if !text.starts_with(|c: char| c.is_ascii_lowercase() || c == '*') {
        return wrong("it does not begin with a letter");
    }
    if parameter::RESERVED.contains(&text) {
        return wrong("the draft has a parameter of that name");
    }
    Ok(())
}

/// The bytes by which a server tells one partition of a quota from another.
pub(super) fn partition_key(bytes: &[u8]) -> Result<(), Error> {
    if bytes.len() > MAX_PARTITION_KEY {
        // The key itself is not repeated: it may be a secret, passed by mistake.
        let given = format_args!("{} bytes", bytes.len());
        let right = format!("it takes at most {MAX_PARTITION_KEY}, such as a hash of the key");
        return Err(Error::setting("partition_key", given, right));
    }
    Ok(())
}
