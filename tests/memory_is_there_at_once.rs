//! A table's memory is there when its limiter is made, so that no check waits for the system to make a page.

#![cfg(target_os = "linux")]

use sluicegate::{Limiter, LimiterBuilder, Policy};
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

const NOW: u64 = 1_780_000_000_000_000_000;

fn builder(max_keys: u64) -> LimiterBuilder {
    Limiter::builder(Policy::token_bucket(10, Duration::from_secs(1))).max_keys(max_keys)
}

/// How often this thread had to wait for a page that was not mapped.
fn page_faults() -> i64 {
    // SAFETY: zeroes are a value of it, and it is a valid place for one, which is all that the call writes.
    let usage = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        assert_eq!(libc::getrusage(libc::RUSAGE_THREAD, &raw mut usage), 0);
        usage
    };
    usage.ru_minflt + usage.ru_majflt
}

/// The page faults of the checks of so many new keys, which reach nearly all pages.
fn page_faults_of_checks(limiter: &Limiter, keys: u64) -> i64 {
    let before = page_faults();
    for key in 0..keys {
        assert!(limiter.check_at(key.to_ne_bytes(), 1, NOW).allowed());
    }
    page_faults() - before
}

/// Whether the checks of a new limiter take none. The system may move a page in the middle of it, but not each time.
fn take_none(make: impl Fn() -> Limiter, keys: u64) -> bool {
    // What the checks execute is there before.
    page_faults_of_checks(&builder(100).build().unwrap(), 1_000);
    (0..3).any(|_| page_faults_of_checks(&make(), keys) == 0)
}

/// What a test measures of the whole process, no other may be changing.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

fn resident_bytes() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: u64 = statm.split_whitespace().nth(1).unwrap().parse().unwrap();
    // SAFETY: asks for a number.
    pages * unsafe { libc::sysconf(libc::_SC_PAGESIZE) } as u64
}

/// By how much of its table's size a limiter has the process's resident memory grow.
fn grown_by(make: impl FnOnce() -> Limiter) -> f64 {
    let before = resident_bytes();
    let limiter = make();
    let grown = resident_bytes().saturating_sub(before);
    grown as f64 / limiter.stats().memory_bytes as f64
}

/// A table's file that is removed with this, in memory where there is such a place.
struct TableFile(PathBuf);

impl TableFile {
    fn new(name: &str) -> Self {
        let shm = PathBuf::from("/dev/shm");
        let folder = if shm.is_dir() { shm } else { std::env::temp_dir() };
        Self(folder.join(format!("sluicegate-{name}-{}", std::process::id())))
    }
}

impl Drop for TableFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

#[test]
fn all_of_a_tables_memory_is_resident_when_it_is_made() {
    let _alone = alone();
    assert!(grown_by(|| Limiter::new("token-bucket 10/s", 2_000_000).unwrap()) > 0.95);
    let file = TableFile::new("resident");
    assert!(grown_by(|| builder(1_000_000).path(&file.0).build().unwrap()) > 0.95);
    assert!(grown_by(|| builder(1_000_000).path(&file.0).build().unwrap()) > 0.95, "of who joins it");
}

#[test]
fn without_prefault_memory_comes_as_it_is_used() {
    let _alone = alone();
    assert!(grown_by(|| builder(10_000_000).prefault(false).build().unwrap()) < 0.1);
    let lazy = builder(100_000).prefault(false).build().unwrap();
    assert!(page_faults_of_checks(&lazy, 100_000) > 0);
    let file = TableFile::new("lazy");
    let lazy = builder(100_000).prefault(false).path(&file.0).build().unwrap();
    assert!(page_faults_of_checks(&lazy, 100_000) > 0);
}

#[test]
fn no_check_takes_a_page_fault() {
    let _alone = alone();
    // From the allocator, which may give what was freed before, and from the system.
    for max_keys in [1, 1_000, 50_000, 1_000_000] {
        assert!(take_none(|| builder(max_keys).build().unwrap(), 2 * max_keys), "{max_keys} keys");
    }
}

#[test]
fn no_check_of_a_shared_table_takes_a_page_fault() {
    let _alone = alone();
    let make = |name: &str| {
        let file = TableFile::new(name);
        let made = builder(100_000).path(&file.0).build().unwrap();
        (made, builder(100_000).path(&file.0).build().unwrap())
    };
    assert!(take_none(|| make("makes").0, 200_000), "of who makes it");
    assert!(take_none(|| make("joins").1, 200_000), "of who joins it");
}

#[test]
fn no_check_in_the_callers_memory_takes_a_page_fault() {
    let _alone = alone();
    let bytes = usize::try_from(Limiter::region_size(100_000).unwrap()).unwrap();
    let attached = || {
        let (access, flags) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_SHARED | libc::MAP_ANONYMOUS);
        // SAFETY: a new mapping touches no other memory.
        let region = unsafe { libc::mmap(std::ptr::null_mut(), bytes, access, flags, -1, 0) };
        assert_ne!(region, libc::MAP_FAILED);
        // SAFETY: zeroed memory as long, aligned to a page, that is never unmapped and that only the limiter accesses.
        unsafe { builder(1).attach(region.cast(), bytes) }.unwrap()
    };
    assert!(take_none(attached, 200_000));
}
