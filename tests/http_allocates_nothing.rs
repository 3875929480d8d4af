//! Header fields, bodies and the choice of a body are made without one allocation.
#![cfg(not(loom))]

mod counting;

use counting::allocations;
use sluicegate::http::{Answer, BodyFormat, Families, Quota, RetryAfterForm, Settings, Verdict};
use sluicegate::{Limiter, Policy};
use std::fmt;

/// Takes text and keeps its length alone.
#[derive(Default)]
struct Length(usize);

impl fmt::Write for Length {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0 += text.len();
        Ok(())
    }
}

#[test]
fn the_counter_counts() {
    assert_eq!(allocations(|| drop(std::hint::black_box(Box::new(1)))), 1);
}

#[test]
fn an_answer_is_made_and_written_without_an_allocation() {
    let policies =
        ["fixed-window 1/1h", "sliding-window 5/90s", "token-bucket 1/s burst=3", "leaky-bucket 2/1500ms"];
    let policies = policies.map(|policy| policy.parse::<Policy>().unwrap());
    let limiters = policies.map(|policy| Limiter::new(policy, 100).unwrap());
    let names = ["hour \"1\"", "ninety", "bucket", "leaky"];
    let families = [
        Families::X_RATELIMIT | Families::IETF,
        Families::DRAFT_06,
        Families::DRAFT_07,
        Families::X_RATELIMIT | Families::IETF | Families::DRAFT_06 | Families::MIXED,
    ];
    for (families, form) in
        families.into_iter().zip([RetryAfterForm::Seconds, RetryAfterForm::HttpDate].into_iter().cycle())
    {
        let settings = Settings::builder()
            .families(families)
            .retry_after(form)
            .message("Say \"please\" & <wait>")
            .burst_parameter("acme-burst")
            .build()
            .unwrap();
        let now = 1_795_305_600_123_456_789;
        let mut length = Length::default();
        let count = allocations(|| {
            for _ in 0..3 {
                let mut at = 0;
                let quotas = policies.map(|policy| {
                    at += 1;
                    Quota::new(names[at - 1], policy).unwrap()
                });
                let mut next = 0;
                let verdicts = quotas.each_ref().map(|quota| {
                    next += 1;
                    let decision = limiters[next - 1].check_at("key", 1, now);
                    Verdict::new(quota, decision).partition_key(b"key").unwrap()
                });
                let answer = Answer::new(&settings, &verdicts, now);
                answer.headers(|_, value| length.0 += value.len());
                for format in BodyFormat::ALL {
                    answer.write_body(format, &mut length).unwrap();
                }
                let _ = BodyFormat::from_accept("text/html;q=0.5, application/json;level=\"1,2\", */*");
            }
        });
        assert_eq!(count, 0);
        assert!(length.0 > 1000);
    }
}

/// The same by the C interface, as a server's worker calls it.
#[cfg(feature = "capi")]
#[test]
fn an_answer_in_c_is_made_and_written_without_an_allocation() {
    use sluicegate::ffi::*;
    use std::ffi::{c_char, c_void};
    use std::ptr::{null, null_mut};

    unsafe extern "C" fn count(
        context: *mut c_void,
        _: *const c_char,
        name: usize,
        _: *const c_char,
        value: usize,
    ) {
        // SAFETY: the test's own number.
        unsafe { *context.cast::<usize>() += name + value };
    }

    let (mut limiter, mut quota) = (null_mut(), null_mut());
    let mut decision = sluice_decision::default();
    // SAFETY: texts and places of ours.
    unsafe {
        assert_eq!(sluice_limiter_new(c"fixed-window 1/h".as_ptr(), 10, &raw mut limiter), SLUICE_OK);
        assert_eq!(sluice_quota_of(c"a \"name\"".as_ptr(), limiter, &raw mut quota), SLUICE_OK);
    }
    let mut buffer = [0_u8; 16_384];
    let mut length = 0_usize;
    let made = allocations(|| {
        for n in [0, 1, 2, 16] {
            // SAFETY: a limiter, a quota, a key and places of ours, which live on.
            unsafe {
                sluice_check_at(limiter, c"key".as_ptr().cast(), 3, 1, 1 << 60, &raw mut decision);
                let verdict = sluice_verdict {
                    quota,
                    decision: &raw const decision,
                    cost: 1,
                    partition_key: null(),
                    partition_key_len: 0,
                };
                let verdicts = [verdict; 16];
                let answer = sluice_answer {
                    struct_size: size_of::<sluice_answer>(),
                    settings: null(),
                    verdicts: verdicts.as_ptr(),
                    n,
                    now_unix_ns: 1 << 60,
                };
                let (answer, buf) = (&raw const answer, buffer.as_mut_ptr().cast());
                assert_eq!(sluice_answer_headers(answer, Some(count), (&raw mut length).cast()), SLUICE_OK);
                assert_eq!(sluice_answer_header_lines(answer, buf, buffer.len(), &raw mut length), SLUICE_OK);
                for body in 0..5 {
                    assert_eq!(sluice_answer_body(answer, body, buf, buffer.len(), &raw mut length), SLUICE_OK);
                }
            }
        }
    });
    assert_eq!(made, 0);
    assert!(length > 20);
    // SAFETY: both are ours, and freed once.
    unsafe {
        sluice_quota_free(quota);
        sluice_limiter_free(limiter);
    }
}
