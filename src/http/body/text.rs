//! Plain text: a line for programs' logs, a line for people.

use super::Denial;

pub(super) fn lines(denial: &Denial<'_>) -> String {
    let answer = denial.answer;
    format!("{} {}\n{} {}\n", answer.status(), answer.reason_phrase(), denial.message, denial.advice)
}
