//! The bodies: their exact members, and what they say to people.

use crate::reading::{Asked, SECOND, SUNDAY, SUNDAY_NS, settings};
use serde::Deserialize;
use sluicegate::MAX_UNIX_NS;
use sluicegate::http::{Answer, BodyFormat, Settings};

/// The first shape: these members, no others, and those that may be left out.
#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct WithReset {
    pub status: u16,
    pub error: String,
    pub message: String,
    pub code: String,
    pub retry_after: Option<u64>,
    pub limit: u64,
    pub remaining: u64,
    pub reset: Option<u64>,
}

/// The second.
#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct WithResetAt {
    pub error: String,
    pub message: String,
    pub limit: u64,
    pub remaining: u64,
    pub reset_at: Option<String>,
    pub retry_after: Option<u64>,
}

/// Problem details.
#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Problem {
    pub r#type: String,
    pub title: String,
    pub status: u16,
    pub detail: String,
    #[serde(rename = "violated-policies", default)]
    pub violated_policies: Vec<String>,
}

/// A body as JSON, in which no member is null.
pub fn json<T: for<'a> Deserialize<'a>>(answer: &Answer<'_>, format: BodyFormat) -> T {
    let text = answer.body(format).unwrap().text;
    let value: serde_json::Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
    assert!(value.as_object().unwrap().values().all(|member| !member.is_null()), "{text}");
    serde_json::from_value(value).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// The text of the page's elements with a class, or of its heading (`h1`).
pub fn shown(page: &str, class: &str) -> Option<String> {
    let options = roxmltree::ParsingOptions { allow_dtd: true, ..roxmltree::ParsingOptions::default() };
    let document =
        roxmltree::Document::parse_with_options(page, options).unwrap_or_else(|error| panic!("{error}: {page}"));
    let element =
        document.descendants().find(|node| node.attribute("class") == Some(class) || node.has_tag_name(class))?;
    assert!(
        document.descendants().filter(|node| node.is_element()).count() <= 21,
        "more elements than ours: {page}"
    );
    Some(element.descendants().filter_map(|node| node.is_text().then(|| node.text()).flatten()).collect())
}

/// What a request of `cost` is answered when `used` of the limit is gone, half a second after the hour.
fn answered(settings: &Settings<'_>, policy: &str, used: u64, cost: u64, test: impl FnOnce(&Answer<'_>)) {
    let asked = Asked::new("hourly", policy);
    let now = SUNDAY_NS + SECOND / 2;
    let _ = asked.check(used, now);
    let verdicts = [asked.verdict(cost, now)];
    test(&Answer::new(settings, &verdicts, now));
}

#[test]
fn json_has_exactly_the_members_of_the_contract() {
    answered(&settings(), "fixed-window 100/30m", 100, 1, |answer| {
        let message = "You have sent more requests than the limit allows. Try again in 30 minutes.".to_owned();
        assert_eq!(
            json::<WithReset>(answer, BodyFormat::Json),
            WithReset {
                status: 429,
                error: "Too Many Requests".to_owned(),
                message: message.clone(),
                code: "rate_limit_exceeded".to_owned(),
                retry_after: Some(1800),
                limit: 100,
                remaining: 0,
                reset: Some(SUNDAY + 1800),
            }
        );
        assert_eq!(
            json::<WithResetAt>(answer, BodyFormat::JsonResetAt),
            WithResetAt {
                error: "Too Many Requests".to_owned(),
                message: message.clone(),
                limit: 100,
                remaining: 0,
                reset_at: Some("2026-11-22T00:30:00Z".to_owned()),
                retry_after: Some(1800),
            }
        );
        assert_eq!(
            json::<Problem>(answer, BodyFormat::Problem),
            Problem {
                r#type: "https://iana.org/assignments/http-problem-types#quota-exceeded".to_owned(),
                title: "Quota Exceeded".to_owned(),
                status: 429,
                detail: message,
                violated_policies: vec!["hourly".to_owned()],
            }
        );
    });
}

#[test]
fn where_waiting_cannot_help_no_body_names_a_time() {
    for (policy, cost, says) in [
        ("fixed-window 100/30m", 101, "This request asks for more than is allowed at once."),
        ("fixed-window 0/30m", 1, "No requests are allowed here."),
        ("token-bucket 0/s", 1, "No requests are allowed here."),
    ] {
        answered(&settings(), policy, 0, cost, |answer| {
            let body: WithReset = json(answer, BodyFormat::Json);
            assert_eq!((body.status, body.retry_after, body.reset), (429, None, None));
            assert_eq!(body.message, format!("{says} Trying again later will not help."));
            let body: WithResetAt = json(answer, BodyFormat::JsonResetAt);
            assert_eq!((body.retry_after, body.reset_at), (None, None));
            let page = answer.body(BodyFormat::Html).unwrap().text;
            assert_eq!(shown(&page, "message").unwrap(), says);
            assert_eq!(shown(&page, "advice").unwrap(), "Trying again later will not help.");
            assert_eq!(shown(&page, "at"), None);
        });
    }
}

#[test]
fn a_limiter_that_cannot_count_says_so_in_every_body() {
    let asked = Asked::new("default", "fixed-window 10/1m");
    let verdicts = [asked.verdict(1, MAX_UNIX_NS + 1)];
    let settings =
        Settings::builder().code("plan_quota_exceeded").problem_type("https://example.com/p").build().unwrap();
    let answer = Answer::new(&settings, &verdicts, SUNDAY_NS);
    let body: WithReset = json(&answer, BodyFormat::Json);
    assert_eq!((body.status, &*body.error, &*body.code), (503, "Service Unavailable", "service_unavailable"));
    assert_eq!(body.message, "This request cannot be taken now. Try again later.");
    let problem: Problem = json(&answer, BodyFormat::Problem);
    assert_eq!(problem.r#type, "https://iana.org/assignments/http-problem-types#temporary-reduced-capacity");
    assert_eq!((problem.status, problem.violated_policies), (503, vec![]));
    let page = answer.body(BodyFormat::Html).unwrap().text;
    assert_eq!(shown(&page, "h1").unwrap(), "Service Unavailable");
}

#[test]
fn code_message_and_problem_type_are_the_callers_if_given() {
    let settings = Settings::builder()
        .code("plan_quota_exceeded")
        .message("Dein Plan erlaubt 100 Anfragen pro Stunde – <b>nicht</b> mehr & \"basta\".")
        .problem_type("about:blank")
        .build()
        .unwrap();
    answered(&settings, "fixed-window 100/1h", 100, 1, |answer| {
        let message = "Dein Plan erlaubt 100 Anfragen pro Stunde – <b>nicht</b> mehr & \"basta\".";
        let body: WithReset = json(answer, BodyFormat::Json);
        assert_eq!((&*body.code, &*body.message), ("plan_quota_exceeded", message));
        assert_eq!(json::<WithResetAt>(answer, BodyFormat::JsonResetAt).message, message);
        let problem: Problem = json(answer, BodyFormat::Problem);
        assert_eq!((&*problem.r#type, &*problem.title), ("about:blank", "Too Many Requests"));
        assert_eq!(problem.detail, message);
        let page = answer.body(BodyFormat::Html).unwrap().text;
        assert_eq!(shown(&page, "message").unwrap(), message);
        assert_eq!(shown(&page, "advice").unwrap(), "Try again in 1 hour.");
        let text = answer.body(BodyFormat::Text).unwrap().text;
        assert_eq!(text, format!("429 Too Many Requests\n{message} Try again in 1 hour.\n"));
    });
}

#[test]
fn the_page_says_in_words_when_to_try_again() {
    for (policy, words, at) in [
        ("token-bucket 1/30m", "Try again in 30 minutes.", "Not before 2026-11-22 00:30:01 UTC"),
        ("fixed-window 1/30m", "Try again in 30 minutes.", "Not before 2026-11-22 00:30:00 UTC"),
        ("token-bucket 1/1s", "Try again in 1 second.", "Not before 2026-11-22 00:00:02 UTC"),
        ("token-bucket 1/s burst=1", "Try again in 1 second.", "Not before 2026-11-22 00:00:02 UTC"),
        ("token-bucket 1/5400s", "Try again in 1 hour and 30 minutes.", "Not before 2026-11-22 01:30:01 UTC"),
        ("token-bucket 1/30d", "Try again in 30 days.", "Not before 2026-12-22 00:00:01 UTC"),
    ] {
        answered(&settings(), policy, 1, 1, |answer| {
            let page = answer.body(BodyFormat::Html).unwrap().text;
            assert_eq!(shown(&page, "advice").unwrap(), words, "{policy}");
            assert_eq!(shown(&page, "at").unwrap(), at, "{policy}");
            assert_eq!(shown(&page, "h1").unwrap(), "Too Many Requests");
            assert_eq!(shown(&page, "title").unwrap(), "Too Many Requests");
            assert_eq!(shown(&page, "status").unwrap(), "Error 429");
        });
    }
}

#[test]
fn the_page_is_complete_in_itself() {
    answered(&settings(), "fixed-window 1/1h", 1, 1, |answer| {
        let page = answer.body(BodyFormat::Html).unwrap().text;
        for outside in ["http:", "https:", "//", "url(", "@import", "src=", "href=", "<script", "<link", "<form"] {
            assert!(!page.contains(outside), "{outside}");
        }
        for needed in ["<!DOCTYPE html>", "lang=\"en\"", "name=\"viewport\"", "charset=\"utf-8\"", "color-scheme"]
        {
            assert!(page.contains(needed), "{needed}");
        }
    });
}

#[test]
fn content_types_are_those_of_the_bodies() {
    let types = BodyFormat::ALL.map(BodyFormat::content_type);
    assert_eq!(
        types,
        [
            "application/json",
            "application/json",
            "application/problem+json",
            "text/html; charset=utf-8",
            "text/plain; charset=utf-8"
        ]
    );
    answered(&settings(), "fixed-window 1/1h", 1, 1, |answer| {
        assert_eq!(BodyFormat::ALL.map(|format| answer.body(format).unwrap().content_type), types);
    });
}

#[test]
fn an_allowed_request_has_no_body_of_ours() {
    answered(&settings(), "fixed-window 1/1h", 0, 1, |answer| {
        for format in BodyFormat::ALL {
            assert_eq!(answer.body(format), None);
            let mut written = String::new();
            answer.write_body(format, &mut written).unwrap();
            assert_eq!(written, "");
        }
    });
}
