//! The border from the Rust side: what C could pass, passed by hand. The C and C++ programs of `tests/` go through
//! the shared library.

use super::*;
use crate::limiter::Limiter;
use crate::policy::Policy;
use std::ffi::{CStr, CString, c_char};
use std::ptr::{null, null_mut};
use std::time::Duration;

const POLICY: &str = "token-bucket 2/s burst=3";

fn made(policy: &str) -> *mut sluice_limiter {
    let policy = CString::new(policy).unwrap();
    let mut limiter = null_mut();
    // SAFETY: a text and a place of ours.
    let status = unsafe { sluice_limiter_new(policy.as_ptr(), 100, &raw mut limiter) };
    assert_eq!(status, SLUICE_OK, "{}", last_error());
    limiter
}

fn made_with(options: *const sluice_options) -> (i32, *mut sluice_limiter) {
    let policy = CString::new(POLICY).unwrap();
    let mut limiter = null_mut();
    // SAFETY: a text and a place of ours; the options are a test's own.
    let status = unsafe { sluice_limiter_new_with(policy.as_ptr(), options, &raw mut limiter) };
    (status, limiter)
}

fn free(limiter: *mut sluice_limiter) {
    // SAFETY: a test frees what it made, once.
    unsafe { sluice_limiter_free(limiter) }
}

fn last_error() -> String {
    let mut text = [0x55 as c_char; SLUICE_ERROR_TEXT_MAX];
    // SAFETY: a buffer of ours.
    let needed = unsafe { sluice_last_error(text.as_mut_ptr(), text.len()) };
    let bytes: Vec<u8> = text[..needed - 1].iter().map(|&byte| byte as u8).collect();
    assert_eq!(text[needed - 1], 0);
    String::from_utf8(bytes).unwrap()
}

fn check_at(limiter: *const sluice_limiter, key: &str, cost: u64, now: u64) -> sluice_decision {
    let mut decision = sluice_decision::default();
    // SAFETY: a live limiter, a key and a place of ours.
    let status = unsafe { sluice_check_at(limiter, key.as_ptr().cast(), key.len(), cost, now, &raw mut decision) };
    assert_eq!(status, SLUICE_OK, "{}", last_error());
    decision
}

#[test]
fn a_decision_says_in_c_what_it_says_in_rust() {
    let limiter = made(POLICY);
    let core = Limiter::new(POLICY, 100).unwrap();
    for (cost, now) in [(2, 0), (2, 0), (1, 0), (9, 0), (0, 0), (1, u64::MAX), (1, 1_500_000_000), (1, 3)] {
        assert_eq!(check_at(limiter, "key", cost, now), core.check_at("key", cost, now).into());
    }
    free(limiter);
}

#[test]
fn a_denial_tells_when_to_retry_and_whether_it_helps() {
    let limiter = made(POLICY);
    assert_eq!(check_at(limiter, "key", 3, 0).retry_after_ns, 0);
    assert_eq!(check_at(limiter, "key", 1, 0).retry_after_ns, 500_000_000);
    assert_eq!(check_at(limiter, "key", 4, 0).retry_after_ns, SLUICE_NEVER);
    assert_eq!(check_at(limiter, "key", 4, 0).reason, SLUICE_REASON_COST_EXCEEDS_LIMIT);
    free(limiter);
}

#[test]
fn the_empty_key_is_a_key_and_null_is_its_pointer() {
    let limiter = made(POLICY);
    assert_eq!(check_at(limiter, "", 2, 0).remaining, 1);
    let mut decision = sluice_decision::default();
    // SAFETY: a live limiter and a place of ours.
    assert_eq!(unsafe { sluice_check_at(limiter, null(), 0, 1, 0, &raw mut decision) }, SLUICE_OK);
    assert_eq!(decision.remaining, 0);
    // SAFETY: as above.
    assert_eq!(unsafe { sluice_check_at(limiter, null(), 5, 1, 0, &raw mut decision) }, SLUICE_ERR_ARGUMENT);
    assert_eq!(last_error(), "sluice_check_at: key is NULL but key_len is 5; (NULL, 0) is the empty key");
    free(limiter);
}

#[test]
fn options_of_older_and_newer_callers_are_understood() {
    #[repr(C)]
    struct Newer {
        known: sluice_options,
        added: u64,
    }
    let known = sluice_options {
        struct_size: 0,
        max_keys: 10,
        on_full: SLUICE_ON_FULL_DENY,
        clock: SLUICE_CLOCK_COARSE,
        ..sluice_options::default()
    };
    let sized = |struct_size| sluice_options { struct_size, ..known };
    for older in [8, 16, 20, 24, 28, 32] {
        let (status, limiter) = made_with(&sized(older));
        assert_eq!(status, SLUICE_OK, "{older}: {}", last_error());
        free(limiter);
    }
    for nonsense in [0, 7, 9, 15, 23, 31, 1025, usize::MAX] {
        assert_eq!(made_with(&sized(nonsense)), (SLUICE_ERR_ARGUMENT, null_mut()), "{nonsense}");
        assert!(last_error().contains("SLUICE_OPTIONS_INIT"), "{}", last_error());
    }
    let mut newer = Newer { known: sized(40), added: 0 };
    let (status, limiter) = made_with((&raw const newer).cast());
    assert_eq!(status, SLUICE_OK, "{}", last_error());
    free(limiter);
    newer.added = 1 << 40;
    assert_eq!(made_with((&raw const newer).cast()), (SLUICE_ERR_ARGUMENT, null_mut()));
    assert!(last_error().contains("at byte 37 "), "{}", last_error());
    let (status, limiter) = made_with(null());
    assert_eq!(status, SLUICE_OK);
    free(limiter);
}

#[test]
fn a_batch_with_one_wrong_request_decides_none() {
    let limiter = made(POLICY);
    let good = sluice_request { key: c"key".as_ptr().cast(), key_len: 3, cost: 1 };
    let untouched = sluice_decision { limit: 77, ..sluice_decision::default() };
    let mut decisions = [untouched; 3];
    let mut ask = |requests: &[sluice_request], n| {
        // SAFETY: a live limiter; as many requests and places as `n` says, or an `n` that is refused before they
        // are read.
        let status = unsafe { sluice_check_many_at(limiter, requests.as_ptr(), n, 0, decisions.as_mut_ptr()) };
        (status, decisions)
    };
    for wrong in [sluice_request { key: null(), ..good }, sluice_request { key_len: usize::MAX, ..good }] {
        assert_eq!(ask(&[good, good, wrong], 3), (SLUICE_ERR_ARGUMENT, [untouched; 3]));
        assert!(last_error().contains("requests[2].key"), "{}", last_error());
    }
    assert_eq!(ask(&[good], usize::MAX / 8), (SLUICE_ERR_ARGUMENT, [untouched; 3]));
    let (status, decisions) = ask(&[good, good, good], 3);
    assert_eq!((status, decisions.map(|decision| decision.remaining)), (SLUICE_OK, [2, 1, 0]));
    free(limiter);
}

#[test]
fn a_batch_is_decided_in_order_whatever_its_length() {
    let keys: Vec<Vec<u8>> = (0..300).map(|n: u32| vec![b'k'; (n % 7) as usize]).collect();
    let core = Limiter::new("fixed-window 40/h", 100).unwrap();
    let limiter = made("fixed-window 40/h");
    let request = |key: &Vec<u8>| sluice_request { key: key.as_ptr().cast(), key_len: key.len(), cost: 1 };
    for length in [0, 1, 63, 64, 65, 128, 300] {
        let requests: Vec<_> = keys[..length].iter().map(request).collect();
        let mut decisions = vec![sluice_decision::default(); length];
        // SAFETY: a live limiter, requests and places of ours.
        let status =
            unsafe { sluice_check_many_at(limiter, requests.as_ptr(), length, 5, decisions.as_mut_ptr()) };
        assert_eq!(status, SLUICE_OK);
        for (key, decision) in keys.iter().zip(&decisions) {
            assert_eq!(*decision, core.check_at(key, 1, 5).into());
        }
    }
    free(limiter);
}

#[test]
fn answers_over_their_own_requests_are_refused() {
    let limiter = made(POLICY);
    let request = sluice_request { key: null(), key_len: 0, cost: 1 };
    let mut requests = [request; 8];
    let out = requests.as_mut_ptr().cast::<sluice_decision>();
    // SAFETY: a live limiter; the array is good for 8 requests, and for 4 answers of twice their size.
    let status = unsafe { sluice_check_many(limiter, requests.as_ptr().add(5), 3, out.add(1)) };
    assert_eq!((status, last_error().as_str()), (SLUICE_ERR_ARGUMENT, "sluice_check_many: out overlaps requests"));
    free(limiter);
}

#[test]
fn stats_fill_as_much_as_the_caller_has_room_for() {
    let limiter = made(POLICY);
    check_at(limiter, "a", 1, 0);
    let mut room = [u64::MAX; 10];
    for words in [1, 4, 8, 10] {
        room = [u64::MAX; 10];
        room[0] = words * 8;
        // SAFETY: a live limiter; the room is as large as its first word says.
        assert_eq!(unsafe { sluice_stats(limiter, room.as_mut_ptr().cast()) }, SLUICE_OK);
        assert!(room[words as usize..].iter().all(|&word| word == u64::MAX), "{room:?}");
    }
    assert_eq!((room[1], room[4], &room[8..]), (100, 1, &[0, 0][..]));
    for nonsense in [0, 4, 12, 1 << 20] {
        room[0] = nonsense;
        // SAFETY: as above; a nonsensical size is refused before anything is written.
        assert_eq!(unsafe { sluice_stats(limiter, room.as_mut_ptr().cast()) }, SLUICE_ERR_ARGUMENT);
        assert_eq!(room[1], 100);
    }
    free(limiter);
}

#[test]
fn a_policy_comes_back_as_text_and_the_constant_says_what_is_enough() {
    let longest = "sliding-window 4/315619199999999999ns";
    let widest =
        Policy::token_bucket(4_000_000_000, Duration::from_nanos(315_619_199_999_999_999)).burst(4_294_967_295);
    assert!(widest.build().unwrap().to_string().len() < SLUICE_POLICY_TEXT_MAX);
    let limiter = made(longest);
    let mut text = [0x55 as c_char; SLUICE_POLICY_TEXT_MAX];
    // SAFETY: a live limiter and a buffer of ours.
    unsafe {
        assert_eq!(sluice_limiter_policy(limiter, text.as_mut_ptr(), longest.len()), SLUICE_ERR_BUFFER);
        assert_eq!(text[0], 0x55);
        assert_eq!(sluice_limiter_policy(limiter, text.as_mut_ptr(), longest.len() + 1), SLUICE_OK);
        assert_eq!(CStr::from_ptr(text.as_ptr()).to_str().unwrap(), longest);
    }
    free(limiter);
}

#[test]
fn the_last_error_is_cut_between_characters_and_belongs_to_its_thread() {
    let policy = CString::new("tøken-bucket").unwrap();
    let mut limiter = null_mut();
    // SAFETY: a text and a place of ours.
    assert_eq!(unsafe { sluice_limiter_new(policy.as_ptr(), 1, &raw mut limiter) }, SLUICE_ERR_POLICY);
    assert!(limiter.is_null());
    let whole = last_error();
    assert!(whole.starts_with("policy \"tøken-bucket\", column 1: "), "{whole}");
    let split = whole.find('ø').unwrap() + 1;
    let mut text = [0x55 as c_char; 100];
    // SAFETY: a buffer of ours, told to be shorter than it is.
    unsafe {
        assert_eq!(sluice_last_error(text.as_mut_ptr(), split + 1), whole.len() + 1);
        assert_eq!(CStr::from_ptr(text.as_ptr()).to_str().unwrap(), &whole[..split - 1]);
        assert_eq!(text[split + 1], 0x55);
        assert_eq!(sluice_last_error(null_mut(), 100), whole.len() + 1);
        assert_eq!(sluice_last_error(text.as_mut_ptr(), 0), whole.len() + 1);
    }
    assert_eq!(std::thread::spawn(last_error).join().unwrap(), "");
}

#[test]
fn a_text_of_any_length_is_kept_without_overflowing() {
    let policy = CString::new(format!("{0}/{0} {0}", "\u{1}".repeat(5_000))).unwrap();
    let mut limiter = null_mut();
    // SAFETY: a text and a place of ours.
    assert_eq!(unsafe { sluice_limiter_new(policy.as_ptr(), 1, &raw mut limiter) }, SLUICE_ERR_POLICY);
    assert!(last_error().len() < SLUICE_ERROR_TEXT_MAX);
}

#[test]
fn a_panic_is_an_internal_error() {
    let status = super::call::call("sluice_test", |_| panic!("on purpose"));
    assert_eq!((status, last_error().contains("sluice_test panicked")), (SLUICE_ERR_INTERNAL, true));
}
