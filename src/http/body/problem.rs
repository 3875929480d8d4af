//! Problem details (RFC 9457), with the IETF draft's problem types.

use super::super::answer::Answer;
use super::super::fields::problem::{QUOTA_EXCEEDED, TEMPORARY_REDUCED_CAPACITY};
use super::super::verdict::Verdict;
use super::Denial;
use super::json::write_json;
use super::words::Message;
use serde::{Serialize, Serializer};
use std::fmt::{self, Write};

#[derive(Serialize)]
struct Details<'a> {
    r#type: &'a str,
    title: &'a str,
    status: u16,
    detail: Message<'a>,
    /// The draft's extension member: see `fields::problem::VIOLATED_POLICIES`.
    #[serde(rename = "violated-policies", skip_serializing_if = "ViolatedPolicies::is_empty")]
    violated_policies: ViolatedPolicies<'a>,
}

/// The names of the policies that the client is over.
struct ViolatedPolicies<'a>(&'a Answer<'a>);

impl<'a> ViolatedPolicies<'a> {
    fn names(&self) -> impl Iterator<Item = &'a str> {
        self.0.violated().filter(|verdict| verdict.is_clients_excess()).map(Verdict::name)
    }

    fn is_empty(&self) -> bool {
        self.names().next().is_none()
    }
}

impl Serialize for ViolatedPolicies<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.names())
    }
}

pub(super) fn details(denial: &Denial<'_>, out: &mut dyn Write) -> fmt::Result {
    let answer = denial.answer;
    let (r#type, title) = match answer.settings.problem_type.as_deref() {
        _ if !answer.is_clients_excess() => (TEMPORARY_REDUCED_CAPACITY, "Temporary Reduced Capacity"),
        None | Some(QUOTA_EXCEEDED) => (QUOTA_EXCEEDED, "Quota Exceeded"),
        // The phrase of the status is the right title for about:blank, and true of any other.
        Some(chosen) => (chosen, answer.reason_phrase()),
    };
    let details = Details {
        r#type,
        title,
        status: answer.status(),
        detail: denial.message(),
        violated_policies: ViolatedPolicies(answer),
    };
    write_json(&details, out)
}
