//! `tests/data/http_vectors.json`: answers, byte for byte, for every language.
//!
//! Each case names settings, policies and what is asked of them; the last decision of each is its verdict. The file is made
//! here and compared with a fresh run; what it says is right is shown by `tests/http`. The tests in C and Python go through
//! it by their own interfaces. To make it anew: `UPDATE_VECTORS=1 cargo test --features http --test http_vectors`.
#![cfg(not(loom))]

use serde_json::{Value, json};
use sluicegate::http::{Answer, BodyFormat, Families, Quota, RetryAfterForm, Settings, Verdict};
use sluicegate::{Decision, Limiter, Policy};

/// 2026-11-22T00:00:00.5Z
const NOW: u64 = 1_795_305_600_500_000_000;

/// What is chosen of the settings, as all languages have it: 0 and null stand for the defaults.
#[derive(Clone, Default)]
struct Chosen {
    families: u32,
    retry_after: u32,
    status: u16,
    texts: [Option<&'static str>; 4],
}

const TEXTS: [&str; 4] = ["code", "message", "problem_type", "burst_parameter"];
/// The bit that stands for no families; 0 stands for the default.
const NO_FAMILIES: u32 = 32;

impl Chosen {
    fn families(families: Families) -> Self {
        Self { families: u32::from(families.bits()), ..Self::default() }
    }

    fn to_json(&self) -> Value {
        let mut value = json!({"families": self.families, "retry_after": self.retry_after, "status": self.status});
        for (name, text) in TEXTS.into_iter().zip(self.texts) {
            value[name] = json!(text);
        }
        value
    }

    fn build(&self) -> Settings<'static> {
        let families = match self.families {
            0 => Families::default(),
            NO_FAMILIES => Families::NONE,
            bits => Families::from_bits(bits as u8).unwrap(),
        };
        let form = if self.retry_after == 1 { RetryAfterForm::HttpDate } else { RetryAfterForm::Seconds };
        let mut builder = Settings::builder().families(families).retry_after(form);
        if self.status != 0 {
            builder = builder.status(self.status);
        }
        let [code, message, problem_type, burst_parameter] = self.texts;
        builder = code.map_or(builder.clone(), |code| builder.code(code));
        builder = message.map_or(builder.clone(), |message| builder.message(message));
        builder = problem_type.map_or(builder.clone(), |uri| builder.problem_type(uri));
        burst_parameter.map_or(builder.clone(), |name| builder.burst_parameter(name)).build().unwrap()
    }
}

/// A policy under a name, what was asked of it at which time, and its partition key in hexadecimal.
struct Limited {
    name: &'static str,
    policy: &'static str,
    asked: Vec<(u64, u64)>,
    partition_key: Option<&'static str>,
}

impl Limited {
    fn new(name: &'static str, policy: &'static str, asked: &[(u64, u64)]) -> Self {
        Self { name, policy, asked: asked.to_vec(), partition_key: None }
    }
}

fn bytes(hexadecimal: &str) -> Vec<u8> {
    let digits = hexadecimal.as_bytes().chunks(2).map(|two| std::str::from_utf8(two).unwrap());
    digits.map(|two| u8::from_str_radix(two, 16).unwrap()).collect()
}

/// One case, with what it is answered.
fn case(chosen: &Chosen, limited: &[Limited]) -> Value {
    let settings = chosen.build();
    let policies: Vec<Policy> = limited.iter().map(|each| each.policy.parse().unwrap()).collect();
    let quotas: Vec<_> =
        limited.iter().zip(&policies).map(|(each, policy)| Quota::new(each.name, *policy).unwrap()).collect();
    let keys: Vec<_> = limited.iter().map(|each| each.partition_key.map(bytes)).collect();
    let decided: Vec<(Decision, u64)> = limited.iter().zip(&policies).map(decided).collect();
    let verdicts: Vec<_> = (quotas.iter().zip(&decided).zip(&keys))
        .map(|((quota, &(decision, cost)), key)| {
            let verdict = Verdict::new(quota, decision).cost(cost);
            key.as_deref().map_or(verdict, |key| verdict.partition_key(key).unwrap())
        })
        .collect();
    let answer = Answer::new(&settings, &verdicts, NOW);
    let limited: Vec<_> = limited
        .iter()
        .map(|each| {
            json!({"name": each.name, "policy": each.policy, "asked": each.asked, "partition_key": each.partition_key})
        })
        .collect();
    json!({"settings": chosen.to_json(), "now": NOW, "limited": limited, "expect": expected(&answer)})
}

/// The last decision of a policy, and its cost.
fn decided((each, policy): (&Limited, &Policy)) -> (Decision, u64) {
    let limiter = Limiter::new(*policy, 100).unwrap();
    // All are asked, in order.
    let mut decided = None;
    for &(cost, at) in &each.asked {
        decided = Some((limiter.check_at("key", cost, at), cost));
    }
    decided.unwrap()
}

fn expected(answer: &Answer<'_>) -> Value {
    let mut lines = String::new();
    answer.headers(|field, value| lines += &format!("{field}: {value}\r\n"));
    let speaking = answer
        .verdicts()
        .iter()
        .position(|verdict| answer.speaking().is_some_and(|speaking| std::ptr::eq(verdict, speaking)));
    json!({
        "allowed": answer.allowed(),
        "status": answer.status(),
        "reason_phrase": answer.reason_phrase(),
        "retry_after": answer.retry_after_seconds(),
        "speaking": speaking.unwrap_or(answer.verdicts().len()),
        "headers": lines,
        "bodies": BodyFormat::ALL.map(|format| answer.body(format).map_or(String::new(), |body| body.text)),
    })
}

/// Every algorithm admitted, at the last permit, denied, and where waiting cannot help.
fn policies() -> Vec<Value> {
    let policies = [
        "fixed-window 3/h",
        "fixed-window 10/500ms",
        "fixed-window 0/s",
        "sliding-window 5/90s",
        "token-bucket 2/s burst=5",
        "token-bucket 70/day burst=9",
        "token-bucket 0/s burst=5",
        "leaky-bucket 3/s burst=10",
        "leaky-bucket 1/hour burst=3",
    ];
    let asked = |costs: &[u64]| costs.iter().map(|cost| (*cost, NOW)).collect::<Vec<_>>();
    let mut cases = Vec::new();
    for policy in policies {
        for costs in [&[0][..], &[1], &[2, 1], &[5, 3, 2, 1], &[3, 3, 3, 3], &[4_000_000_000], &[1; 12]] {
            cases.push(case(&Chosen::default(), &[Limited::new("default", policy, &asked(costs))]));
        }
    }
    cases
}

fn settings() -> Vec<Value> {
    let families = [
        Families::X_RATELIMIT,
        Families::IETF,
        Families::DRAFT_06,
        Families::DRAFT_07,
        Families::X_RATELIMIT | Families::IETF | Families::DRAFT_06 | Families::MIXED,
        Families::DRAFT_06 | Families::DRAFT_07 | Families::MIXED,
    ];
    let mut chosen: Vec<_> = families.into_iter().map(Chosen::families).collect();
    chosen.push(Chosen { families: NO_FAMILIES, ..Chosen::default() });
    chosen.push(Chosen { retry_after: 1, ..Chosen::default() });
    chosen.push(Chosen { status: 503, ..Chosen::default() });
    let texts = [
        Some("plan_quota_exceeded"),
        Some("<b>Größer</b> & \"besser\": 'ein' \\ Upgrade 😀"),
        Some("https://example.com/problems/quota"),
        Some("acme-burst"),
    ];
    chosen.push(Chosen { texts, ..Chosen::default() });
    chosen.push(Chosen { texts: [None, None, Some("about:blank"), None], ..Chosen::default() });
    let asked: [&[(u64, u64)]; 3] = [&[(1, NOW)], &[(10, NOW), (1, NOW)], &[(11, NOW)]];
    let cases = chosen.iter().flat_map(|chosen| {
        asked.map(|asked| {
            let mut limited = Limited::new("a \"b\" \\ <c>", "token-bucket 10/m", asked);
            limited.partition_key = Some("4745541f616c696365");
            case(chosen, &[limited])
        })
    });
    cases.collect()
}

fn several() -> Vec<Value> {
    // After the last time that fits, and the largest number that every reader of JSON takes.
    let late = i64::MAX as u64;
    let second: [&[(u64, u64)]; 3] = [&[(1, NOW)], &[(10, NOW), (1, NOW)], &[(1, late)]];
    let day: [&[(u64, u64)]; 3] = [&[(5, NOW)], &[(1000, NOW), (5, NOW)], &[(1001, NOW)]];
    let mut cases = vec![case(&Chosen::default(), &[])];
    for second in second {
        for day in day {
            let limited = [
                Limited::new("second", "token-bucket 10/s", second),
                Limited::new("day", "fixed-window 1000/day", day),
                Limited::new("kb", "leaky-bucket 500/m burst=2000", &[(100, NOW)]),
            ];
            cases.push(case(&Chosen::default(), &limited));
        }
    }
    let many: Vec<_> =
        (0..20).map(|_| Limited::new("a name of some length", "sliding-window 10/m", &[(1, NOW)])).collect();
    cases.push(case(&Chosen::default(), &many));
    cases
}

fn accepts() -> Vec<Value> {
    let headers = [
        "",
        "*/*",
        "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
        "application/json, text/plain, */*",
        "application/problem+json",
        "text/*;q=0.5, text/plain;q=0.4",
        "text/html;q=0.2, text/plain;q=nonsense",
        "image/png",
        "ungültig, text/plain",
    ];
    let number = |format| BodyFormat::ALL.iter().position(|known| *known == format).unwrap();
    let offers: [&[BodyFormat]; 3] = [
        &[],
        &[BodyFormat::JsonResetAt, BodyFormat::Html],
        &[BodyFormat::Text, BodyFormat::Problem, BodyFormat::Html],
    ];
    let cases = headers.into_iter().flat_map(|accept| {
        offers.map(|offered| {
            let chosen = if offered.is_empty() {
                BodyFormat::from_accept(accept)
            } else {
                BodyFormat::from_accept_of(accept, offered)
            };
            let offered: Vec<_> = offered.iter().map(|format| number(*format)).collect();
            json!({"accept": accept, "offered": offered, "expect": number(chosen)})
        })
    });
    cases.collect()
}

#[test]
fn the_vectors_are_what_the_crate_answers() {
    let answers = [policies(), settings(), several()].concat();
    let lines = |values: Vec<Value>| values.iter().map(Value::to_string).collect::<Vec<_>>().join(",\n    ");
    let fresh = format!(
        "{{\n  \"answers\": [\n    {}\n  ],\n  \"accepts\": [\n    {}\n  ]\n}}\n",
        lines(answers),
        lines(accepts())
    );
    let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/http_vectors.json");
    if std::env::var_os("UPDATE_VECTORS").is_some() {
        std::fs::write(&file, &fresh).unwrap();
    }
    let kept = std::fs::read_to_string(file).unwrap_or_default();
    assert!(kept == fresh, "run UPDATE_VECTORS=1 cargo test --features http --test http_vectors");
}
