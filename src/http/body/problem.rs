//! Problem details (RFC 9457), with the IETF draft's problem types.

use super::super::fields::problem::{QUOTA_EXCEEDED, TEMPORARY_REDUCED_CAPACITY};
use super::super::verdict::Verdict;
use super::Denial;
use super::json::written;
use serde::Serialize;

#[derive(Serialize)]
struct Details<'a> {
    r#type: &'a str,
    title: &'a str,
    status: u16,
    detail: &'a str,
    /// The draft's extension member: see `fields::problem::VIOLATED_POLICIES`.
    #[serde(rename = "violated-policies", skip_serializing_if = "Vec::is_empty")]
    violated_policies: Vec<&'a str>,
}

pub(super) fn details(denial: &Denial<'_>) -> String {
    let answer = denial.answer;
    let own_excess = answer.violated().filter(|verdict| verdict.is_clients_excess());
    let (r#type, title) = match answer.settings.problem_type.as_deref() {
        _ if !answer.is_clients_excess() => (TEMPORARY_REDUCED_CAPACITY, "Temporary Reduced Capacity"),
        None | Some(QUOTA_EXCEEDED) => (QUOTA_EXCEEDED, "Quota Exceeded"),
        // The phrase of the status is the right title for about:blank, and true of any other.
        Some(chosen) => (chosen, answer.reason_phrase()),
    };
    written(&Details {
        r#type,
        title,
        status: answer.status(),
        detail: &denial.whole_message(),
        violated_policies: own_excess.map(Verdict::name).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::fields::problem::VIOLATED_POLICIES;

    #[test]
    fn the_extension_member_has_the_name_in_the_table() {
        let details =
            Details { r#type: "", title: "", status: 429, detail: "", violated_policies: vec!["burst", "daily"] };
        assert!(written(&details).contains(&format!(r#""{VIOLATED_POLICIES}":["burst","daily"]"#)));
    }
}
