//! Hostile names, codes, messages, keys and requests: no header is split, no markup injected, nothing panics.

use crate::bodies::{Problem, WithReset, WithResetAt, json, shown};
use crate::common::for_all;
use crate::reading::{Asked, SUNDAY_NS, headers, items};
use proptest::prelude::*;
use sluicegate::http::{Answer, BodyFormat, Families, Quota, Settings, Verdict};

const CASES: u32 = 2_000;

/// What is dangerous in one place or another.
const DANGEROUS: [&str; 16] = [
    "\r\n", "\n", "\0", "\"", "\\", "<script>", "</style>", "&amp;", "'", "]]>", "<!--", "\u{2028}", "\u{202e}",
    "\u{7f}", "\u{85}", "😀",
];

fn any_text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        prop::sample::select(DANGEROUS.to_vec()).prop_map(str::to_owned),
        "[ -~]{0,12}",
        any::<String>(),
    ];
    prop::collection::vec(piece, 0..6).prop_map(|pieces| pieces.concat())
}

/// Text that a name or a code may be, full of what must be escaped.
fn printable() -> impl Strategy<Value = String> {
    prop_oneof!["[ -~]{1,64}", "[\"\\\\<>&';,=:% ]{1,64}"]
}

/// A denial under such a name and such settings.
fn denied<'a>(asked: &'a Asked, quota: &'a Quota<'a>) -> Verdict<'a> {
    let _ = asked.check(100, SUNDAY_NS);
    Verdict::new(quota, asked.check(1, SUNDAY_NS))
}

fn is_field_value(value: &str) -> bool {
    !value.is_empty() && value.bytes().all(|byte| (b' '..=b'~').contains(&byte)) && value.trim() == value
}

#[test]
fn whatever_is_given_an_option_is_refused_or_harmless() {
    let texts =
        (any_text(), any_text(), any_text(), any_text(), any_text(), prop::collection::vec(any::<u8>(), 0..120));
    for_all(file!(), CASES, texts, |(name, code, message, problem_type, parameter, key)| {
        let asked = Asked::new("default", "fixed-window 100/1h");
        let quota = Quota::new(name.clone(), *asked.quota.policy()).unwrap_or_else(|error| {
            assert!(!error.to_string().contains(['\r', '\n', '\0']), "{error}");
            Quota::unnamed(*asked.quota.policy())
        });
        let builders = [
            Settings::builder().code(code.clone()),
            Settings::builder().message(message.clone()),
            Settings::builder().problem_type(problem_type.clone()),
            Settings::builder().burst_parameter(parameter.clone()),
        ];
        for builder in builders {
            let settings = builder.build().unwrap_or_else(|error| {
                assert!(!error.to_string().contains(['\r', '\n', '\0']), "{error}");
                Settings::default()
            });
            let verdict = denied(&asked, &quota);
            let verdicts = [verdict.partition_key(&key).unwrap_or(verdict)];
            let answer = Answer::new(&settings, &verdicts, SUNDAY_NS);
            for (field, value) in headers(&answer) {
                if !is_field_value(&value) {
                    return Err(format!("{field}: {value:?}"));
                }
            }
            let _: (WithReset, WithResetAt, Problem) = (
                json(&answer, BodyFormat::Json),
                json(&answer, BodyFormat::JsonResetAt),
                json(&answer, BodyFormat::Problem),
            );
        }
        Ok(())
    });
}

#[test]
fn what_is_accepted_comes_back_unchanged_from_every_place() {
    let message = any_text().prop_filter("one line", |text| {
        let settings = Settings::builder().message(text.clone()).build();
        settings.is_ok() && text.trim() == text
    });
    for_all(file!(), CASES, (printable(), printable(), message), |(name, code, message)| {
        let asked = Asked::new("default", "fixed-window 100/1h");
        let quota = Quota::new(name.clone(), *asked.quota.policy()).unwrap();
        let settings = Settings::builder().code(code.clone()).message(message.clone()).build().unwrap();
        let verdicts = [denied(&asked, &quota)];
        let answer = Answer::new(&settings, &verdicts, SUNDAY_NS);
        assert_eq!(items(&answer, "RateLimit")[0].name, name);
        assert_eq!(items(&answer, "RateLimit-Policy")[0].name, name);
        let body: WithReset = json(&answer, BodyFormat::Json);
        assert_eq!((body.code, &body.message), (code, &message));
        let problem: Problem = json(&answer, BodyFormat::Problem);
        assert_eq!((problem.violated_policies, &problem.detail), (vec![name], &message));
        // XML knows fewer characters than HTML.
        if !message.contains(['\u{fffe}', '\u{ffff}']) {
            let page = answer.body(BodyFormat::Html).unwrap().text;
            assert_eq!(shown(&page, "message").unwrap(), message);
        }
        Ok(())
    });
}

#[test]
fn any_accept_header_has_a_body() {
    for_all(file!(), 20_000, prop::collection::vec(any::<u8>(), 0..200), |accept| {
        let format = BodyFormat::from_accept(&accept);
        assert!(BodyFormat::ALL.contains(&format));
        Ok(())
    });
    let member =
        "(\\*|text|application|[a-z]{1,3})/(\\*|html|plain|json|problem\\+json)( ?; ?q=[01](\\.[0-9]{0,4})?)?";
    let headers = prop::collection::vec(member, 0..6).prop_map(|members| members.join(", "));
    for_all(file!(), 20_000, headers, |accept| {
        for format in BodyFormat::ALL {
            // With one format on offer it is that, whatever is asked for.
            assert_eq!(BodyFormat::from_accept_of(&accept, &[format]), format);
        }
        Ok(())
    });
}

#[test]
fn every_family_stays_within_a_line_of_printable_ascii() {
    let families = [Families::X_RATELIMIT | Families::IETF, Families::DRAFT_06, Families::DRAFT_07];
    for_all(file!(), CASES, (printable(), prop::sample::select(families.to_vec())), |(name, families)| {
        let asked = Asked::new("default", "fixed-window 100/1h");
        let quota = Quota::new(name.clone(), *asked.quota.policy()).unwrap();
        let settings = Settings::builder().families(families).build().unwrap();
        let verdicts = [denied(&asked, &quota)];
        let told = headers(&Answer::new(&settings, &verdicts, SUNDAY_NS));
        assert!(told.iter().all(|(_, value)| is_field_value(value)), "{told:?}");
        Ok(())
    });
}
