//! The families of header fields, and which of them go together.

use crate::reading::{Asked, SUNDAY_NS, dictionary, header, headers, lines};
use sluicegate::http::{Answer, Families, Settings};

const ALL: [(Families, &str); 5] = [
    (Families::NONE, ""),
    (Families::X_RATELIMIT, "X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset"),
    (Families::IETF, "RateLimit-Policy, RateLimit"),
    (Families::DRAFT_06, "RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset, RateLimit-Policy"),
    (Families::DRAFT_07, "RateLimit-Policy, RateLimit"),
];

fn with(families: Families) -> Settings<'static> {
    Settings::builder().families(families).build().unwrap()
}

/// An admitted and a denied request of 100 a minute.
fn told(families: Families) -> [Vec<String>; 2] {
    let settings = with(families);
    let asked = Asked::new("default", "fixed-window 100/1m");
    let admitted = [asked.verdict(50, SUNDAY_NS)];
    let denied = [asked.verdict(51, SUNDAY_NS)];
    [&admitted, &denied].map(|verdicts| lines(&Answer::new(&settings, verdicts, SUNDAY_NS)))
}

#[test]
fn each_family_has_its_fields_and_a_denial_retry_after_and_no_store() {
    for (families, fields) in ALL {
        for (lines, also) in told(families).into_iter().zip([&[][..], &["Retry-After", "Cache-Control"]]) {
            let mut names: Vec<&str> = lines.iter().map(|line| line.split(':').next().unwrap()).collect();
            names.retain(|name| !also.contains(name));
            assert_eq!(names.join(", "), fields, "{families:?}");
            assert_eq!(lines.len(), names.len() + also.len());
        }
    }
}

#[test]
fn the_exposed_fields_are_all_that_an_answer_may_have() {
    for (families, fields) in ALL {
        let separator = if fields.is_empty() { "" } else { ", " };
        assert_eq!(families.expose_headers(), format!("Retry-After{separator}{fields}"));
    }
    let most = Families::X_RATELIMIT | Families::DRAFT_06 | Families::DRAFT_07 | Families::MIXED;
    let exposed = most.expose_headers();
    for line in told(most).iter().flatten() {
        let name = line.split(':').next().unwrap();
        assert!(name == "Cache-Control" || exposed.split(", ").any(|exposed| exposed == name), "{line}");
    }
}

#[test]
fn revision_06_counts_seconds_to_go() {
    let [admitted, denied] = told(Families::DRAFT_06);
    assert_eq!(
        admitted,
        ["RateLimit-Limit: 100", "RateLimit-Remaining: 50", "RateLimit-Reset: 60", "RateLimit-Policy: 100;w=60"]
    );
    assert_eq!(
        denied,
        [
            "Retry-After: 60",
            "RateLimit-Limit: 100",
            "RateLimit-Remaining: 50",
            "RateLimit-Reset: 60",
            "RateLimit-Policy: 100;w=60",
            "Cache-Control: no-store"
        ]
    );
}

#[test]
fn revision_07_is_a_dictionary() {
    let [admitted, _] = told(Families::DRAFT_07);
    assert_eq!(admitted, ["RateLimit-Policy: 100;w=60", "RateLimit: limit=100, remaining=50, reset=60"]);
    let expected = [("limit", 100), ("remaining", 50), ("reset", 60)].map(|(key, value)| (key.to_owned(), value));
    assert_eq!(dictionary("limit=100, remaining=50, reset=60"), expected);
}

#[test]
fn two_revisions_of_one_draft_are_refused_unless_they_are_meant() {
    let build = |families| Settings::builder().families(families).build();
    let error = build(Families::IETF | Families::DRAFT_06).unwrap_err().to_string();
    assert_eq!(
        error,
        "families \"IETF | DRAFT_06\": they are two revisions of one draft, and clients may misread \
         both; choose one, or add MIXED if it is meant"
    );
    assert!(build(Families::DRAFT_06 | Families::DRAFT_07).is_err());
    assert!(build(Families::X_RATELIMIT | Families::DRAFT_06).is_ok());
    for never in [Families::IETF | Families::DRAFT_07, Families::IETF | Families::DRAFT_07 | Families::MIXED] {
        assert!(build(never).unwrap_err().to_string().contains("both write the field RateLimit"));
    }
    let settings = with(Families::IETF | Families::DRAFT_06 | Families::MIXED);
    let asked = Asked::new("default", "fixed-window 100/1m");
    let verdicts = [asked.verdict(1, SUNDAY_NS)];
    let answer = Answer::new(&settings, &verdicts, SUNDAY_NS);
    // One field has one form: the newer.
    assert_eq!(header(&answer, "RateLimit-Policy").unwrap(), "\"default\";q=100;w=60");
    assert_eq!(header(&answer, "RateLimit-Limit").unwrap(), "100");
    assert_eq!(header(&answer, "RateLimit").unwrap(), "\"default\";r=99;t=60");
}

#[test]
fn where_waiting_cannot_help_no_field_names_a_time() {
    for (families, _) in ALL {
        let settings = with(families);
        let asked = Asked::new("default", "fixed-window 100/1m");
        let verdicts = [asked.verdict(101, SUNDAY_NS)];
        let answer = Answer::new(&settings, &verdicts, SUNDAY_NS);
        assert_eq!(answer.status(), 429);
        for (name, value) in headers(&answer) {
            assert!(!["Retry-After", "X-RateLimit-Reset", "RateLimit-Reset"].contains(&&*name), "{name}: {value}");
            assert!(name != "RateLimit" || value == "\"default\";r=100", "{name}: {value}");
        }
    }
}

#[test]
fn families_are_bits_and_words() {
    for (families, _) in ALL {
        assert_eq!(Families::from_bits(families.bits()), Some(families));
    }
    assert_eq!(Families::from_bits(32), None);
    assert_eq!(format!("{:?}", Families::default()), "X_RATELIMIT | IETF");
    assert_eq!(format!("{:?}", Families::NONE), "NONE");
    assert!(Families::default().contains(Families::IETF) && !Families::IETF.contains(Families::default()));
}
