//! Plain text: a line that says the status, and a line for people.

use super::Denial;
use std::fmt::{self, Write};

pub(super) fn lines(denial: &Denial<'_>, out: &mut dyn Write) -> fmt::Result {
    let answer = denial.answer;
    writeln!(out, "{} {}", answer.status(), answer.reason_phrase())?;
    writeln!(out, "{} {}", denial.what_happened(), denial.advice())
}
