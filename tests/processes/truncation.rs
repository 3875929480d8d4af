//! A table's file is cut short under those who have it open.

use crate::crew::{Ended, fork, wait_for};
use crate::shared_support::{Scratch, policy};
use sluicegate::{Error, Limiter};
use std::fs;

const KEYS: u64 = 10_000;

/// The kernel ends a process that reaches for what is no longer in the file. Those that do not, that have another
/// table, or that come later, are unharmed.
pub fn ends_who_reaches_for_the_rest() {
    let (path, other_path) = (Scratch::new("cut"), Scratch::new("whole"));
    let open = |path: &Scratch| Limiter::open(path, policy("token-bucket 5/h"), KEYS);
    let (cut, whole) = (open(&path).unwrap(), open(&other_path).unwrap());
    let check_all = |limiter: &Limiter| (0..KEYS).for_each(|key| _ = limiter.check(key.to_ne_bytes()));
    check_all(&cut);
    fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(4096).unwrap();

    assert_eq!(wait_for(fork(|| check_all(&cut))), Ended::BySignal(libc::SIGBUS));
    assert_eq!(wait_for(fork(|| check_all(&whole))), Ended::WithCode(0));
    let error = open(&path).unwrap_err();
    assert!(matches!(&error, Error::TableFormat { .. }), "{error:?}");
    assert!(error.to_string().contains("4096 bytes where there should be"), "{error}");
    fs::remove_file(&path).unwrap();
    check_all(&open(&path).unwrap());
    assert!(!cut.is_current(), "whoever looks, before it reaches for the rest, is told");
}
