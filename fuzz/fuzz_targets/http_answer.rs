//! Any texts, keys and numbers in an HTTP answer: refused, or harmless in every header and body.

#![no_main]

use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;
use sluicegate::http::{Answer, BodyFormat, Families, Quota, RetryAfterForm, Settings, Verdict};
use sluicegate::{Limiter, Policy};
use std::sync::LazyLock;

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    families: u8,
    date: bool,
    status: u16,
    code: Option<&'a str>,
    message: Option<&'a str>,
    problem_type: Option<&'a str>,
    burst_parameter: Option<&'a str>,
    verdicts: Vec<(&'a str, u8, u64, &'a [u8])>,
    now: u64,
}

static LIMITERS: LazyLock<Vec<(Policy, Limiter)>> = LazyLock::new(|| {
    let policies = ["fixed-window 5/h", "sliding-window 3/90s", "token-bucket 7/s burst=9", "leaky-bucket 2/1500ms"];
    let made = policies.map(|policy| (policy.parse().unwrap(), Limiter::new(policy, 100).unwrap()));
    made.into_iter().collect()
});

fuzz_target!(|input: Input<'_>| {
    let settings = settings(&input).unwrap_or_default();
    let quotas: Vec<_> = (input.verdicts.iter())
        .map(|(name, which, ..)| {
            let (policy, limiter) = &LIMITERS[usize::from(*which) % LIMITERS.len()];
            (Quota::new(*name, *policy).unwrap_or_else(|_| Quota::unnamed(*policy)), limiter)
        })
        .collect();
    let verdicts: Vec<_> = (input.verdicts.iter().zip(&quotas))
        .map(|(&(_, _, cost, key), (quota, limiter))| {
            let verdict = Verdict::new(quota, limiter.check_at("key", cost, input.now)).cost(cost);
            verdict.partition_key(key).unwrap_or(verdict)
        })
        .collect();
    let answer = Answer::new(&settings, &verdicts, input.now);
    answer.headers(|field, value| {
        assert!(!value.is_empty() && value.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{field}: {value:?}");
    });
    for format in BodyFormat::ALL {
        let Some(body) = answer.body(format) else {
            assert!(answer.allowed());
            continue;
        };
        match format {
            BodyFormat::Html => {
                assert_eq!(body.text.matches('<').count(), body.text.matches('>').count());
                assert!(body.text.len() < 16_384 + 192 * verdicts.len());
            }
            BodyFormat::Text => assert_eq!(body.text.lines().count(), 2, "{:?}", body.text),
            _ => assert!(body.text.starts_with('{') && !body.text.contains(['\r', '\n', '\0'])),
        }
    }
});

fn settings<'a>(input: &Input<'a>) -> Result<Settings<'a>, sluicegate::Error> {
    let families = Families::from_bits(input.families % 32).unwrap_or_default();
    let form = if input.date { RetryAfterForm::HttpDate } else { RetryAfterForm::Seconds };
    let mut builder = Settings::builder().families(families).retry_after(form).status(input.status % 200 + 400);
    builder = input.code.map_or(builder.clone(), |code| builder.code(code));
    builder = input.message.map_or(builder.clone(), |message| builder.message(message));
    builder = input.problem_type.map_or(builder.clone(), |uri| builder.problem_type(uri));
    input.burst_parameter.map_or(builder.clone(), |name| builder.burst_parameter(name)).build()
}
