//! Batches in one piece of memory, and the answer by value, beside the calls that they stand for.

use super::*;
use crate::limiter::Limiter;
use std::ffi::{CStr, CString, c_char};
use std::ptr::{null, null_mut};

const POLICY: &str = "token-bucket 2/s burst=3";

/// A limiter that is freed at the end of its test.
struct Made(*mut sluice_limiter);

impl Made {
    fn new(policy: &str) -> Self {
        let policy = CString::new(policy).unwrap();
        let mut limiter = null_mut();
        // SAFETY: a text and a place of ours.
        assert_eq!(unsafe { sluice_limiter_new(policy.as_ptr(), 1_000, &raw mut limiter) }, SLUICE_OK);
        Self(limiter)
    }

    /// The status and the answers, of which there is room for `n`, or for one where `n` is absurd.
    fn ask(
        &self,
        keys: &[u8],
        lengths: Option<&[u64]>,
        costs: Option<&[u64]>,
        n: usize,
    ) -> (i32, Vec<sluice_decision>) {
        let mut decisions = vec![sluice_decision::default(); if n > 10_000 { 1 } else { n }];
        let pointer = |numbers: Option<&[u64]>| numbers.map_or(null(), <[u64]>::as_ptr);
        // SAFETY: a live limiter, keys of their own length, as many numbers and places as `n` says, or an `n` that is
        // refused before they are read.
        let status = unsafe {
            sluice_check_packed_at(
                self.0,
                keys.as_ptr().cast(),
                keys.len(),
                pointer(lengths),
                pointer(costs),
                n,
                5,
                decisions.as_mut_ptr(),
            )
        };
        (status, decisions)
    }
}

impl Drop for Made {
    fn drop(&mut self) {
        // SAFETY: made here, freed once.
        unsafe { sluice_limiter_free(self.0) }
    }
}

fn last_error() -> String {
    let mut text = [0 as c_char; SLUICE_ERROR_TEXT_MAX];
    // SAFETY: a buffer of ours, which is ended by a NUL.
    unsafe {
        sluice_last_error(text.as_mut_ptr(), text.len());
        CStr::from_ptr(text.as_ptr()).to_str().unwrap().to_owned()
    }
}

#[test]
fn a_packed_batch_answers_as_one_after_another() {
    let keys: Vec<Vec<u8>> = (0..200_u8).map(|n| vec![b'a' + n % 5; usize::from(n % 7)]).collect();
    for count in [1, 2, 63, 64, 65, 200] {
        let keys = &keys[..count];
        let lengths: Vec<u64> = keys.iter().map(|key| key.len() as u64).collect();
        let costs: Vec<u64> = (0..count as u64).map(|n| n % 4).collect();
        for costs in [None, Some(&costs[..])] {
            let core = Limiter::new(POLICY, 1_000).unwrap();
            let cost = |n| costs.map_or(1, |costs| costs[n]);
            let expected: Vec<sluice_decision> =
                keys.iter().enumerate().map(|(n, key)| core.check_at(key, cost(n), 5).into()).collect();
            assert_eq!(Made::new(POLICY).ask(&keys.join(&0), None, costs, count), (SLUICE_OK, expected.clone()));
            assert_eq!(Made::new(POLICY).ask(&keys.concat(), Some(&lengths), costs, count), (SLUICE_OK, expected));
        }
    }
}

#[test]
fn keys_of_every_length_and_byte_are_parted_where_they_end() {
    let keys: Vec<Vec<u8>> =
        (0..40).flat_map(|length| [1, 0x7F, 0x80, 0x81, 0xFF].map(|byte| vec![byte; length])).collect();
    let lengths: Vec<u64> = keys.iter().map(|key| key.len() as u64).collect();
    let parted = Made::new(POLICY).ask(&keys.join(&0), None, None, keys.len());
    assert_eq!(parted, Made::new(POLICY).ask(&keys.concat(), Some(&lengths), None, keys.len()));
}

#[test]
fn zero_bytes_in_keys_need_lengths() {
    let limiter = Made::new(POLICY);
    let (status, decisions) = limiter.ask(b"a\0a\0\0a", Some(&[1, 3, 0, 2]), None, 4);
    assert_eq!((status, decisions[3].remaining), (SLUICE_OK, 2));
    assert_eq!(limiter.ask(b"\0a", Some(&[2]), None, 1).1[0].remaining, 1, "the last key once more");
}

#[test]
fn a_batch_that_is_not_what_is_said_decides_nothing() {
    let limiter = Made::new(POLICY);
    for (keys, lengths, n) in [
        (&b"a\0b"[..], None, 1),
        (b"a\0b", None, 3),
        (b"", None, 2),
        (b"a", None, usize::MAX),
        (b"abc", Some(&[1, 1][..]), 2),
        (b"abc", Some(&[1, 3]), 2),
        (b"abc", Some(&[4, u64::MAX]), 2),
        (b"abc", Some(&[u64::MAX, 4]), 2),
        (b"abc", Some(&[]), 0),
    ] {
        let (status, decisions) = limiter.ask(keys, lengths, None, n);
        assert_eq!(status, SLUICE_ERR_ARGUMENT, "{keys:?} {lengths:?} {n}");
        assert!(last_error().contains(&format!("the {n} keys")), "{}", last_error());
        assert!(decisions.iter().all(|&decision| decision == sluice_decision::default()));
    }
    assert_eq!(limiter.ask(b"a", None, None, 1).1[0].remaining, 2, "nothing was consumed");
    assert_eq!(limiter.ask(b"", None, None, 0).0, SLUICE_OK);
}

#[test]
fn wrong_pointers_are_refused() {
    let limiter = Made::new(POLICY);
    let mut decision = sluice_decision::default();
    let key = b"a".as_ptr().cast();
    let odd = std::ptr::without_provenance(1);
    // SAFETY: NULL, misaligned, or good for what the call reads and writes.
    unsafe {
        let out = &raw mut decision;
        assert_eq!(sluice_check_packed(null(), key, 1, null(), null(), 1, out), SLUICE_ERR_ARGUMENT);
        assert_eq!(sluice_check_packed(limiter.0, null(), 1, null(), null(), 1, out), SLUICE_ERR_ARGUMENT);
        assert_eq!(sluice_check_packed(limiter.0, key, 1, odd, null(), 1, out), SLUICE_ERR_ARGUMENT);
        assert_eq!(sluice_check_packed(limiter.0, key, 1, null(), odd, 1, out), SLUICE_ERR_ARGUMENT);
        assert_eq!(sluice_check_packed(limiter.0, key, 1, null(), null(), 1, null_mut()), SLUICE_ERR_ARGUMENT);
        assert_eq!(decision, sluice_decision::default());
        assert_eq!(sluice_check_packed(limiter.0, key, 1, null(), null(), 1, out), SLUICE_OK);
    }
    assert_eq!(decision.remaining, 2);
}

#[test]
fn an_answer_by_value_is_that_of_a_check() {
    let limiter = Made::new(POLICY);
    // SAFETY: a live limiter, and keys that are NULL or good for their length.
    unsafe {
        assert_eq!(sluice_check_by_value(limiter.0, b"a".as_ptr().cast(), 1).remaining, 2);
        assert_eq!(sluice_check_by_value(limiter.0, null(), 0).remaining, 2);
        for refused in [sluice_check_by_value(null(), null(), 0), sluice_check_by_value(limiter.0, null(), 1)] {
            assert_eq!(refused, sluice_decision { retry_after_ns: SLUICE_NEVER, ..sluice_decision::default() });
        }
    }
    assert!(last_error().contains("key is NULL but key_len is 1"), "{}", last_error());
}

#[test]
fn statistics_at_a_time_tell_what_is_live_then() {
    let limiter = Made::new(POLICY);
    limiter.ask(b"a\0b", None, None, 2);
    let mut stats = sluice_limiter_stats { struct_size: size_of::<sluice_limiter_stats>(), ..Default::default() };
    for (now, live) in [(5, 2), (10_000_000_000, 0)] {
        // SAFETY: a live limiter and a struct that carries its size.
        assert_eq!(unsafe { sluice_stats_at(limiter.0, now, &raw mut stats) }, SLUICE_OK);
        assert_eq!((stats.live_keys, stats.inserted), (live, 2));
    }
}
