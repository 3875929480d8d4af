//! Where processes put down what they were admitted, so that it can be read after they were killed.

use crate::common::bounds::Admitted;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, Ordering};

/// Admissions that one lane can hold. Memory is taken only for those that happen.
const ADMISSIONS: usize = 4_000_000;
const WORDS_PER_ADMISSION: usize = 3;
const HEAD: usize = 16;
const WORDS_PER_LANE: usize = HEAD + ADMISSIONS * WORDS_PER_ADMISSION;

const CHECKS: usize = 0;
const ADMITTED: usize = 1;
const PENDING: usize = 2;
const FAILED: usize = 3;
/// In the first lane alone.
const STOP: usize = 4;

/// Memory that this process and all that it forks share.
pub struct Board {
    first: NonNull<AtomicU64>,
    lanes: usize,
}

// SAFETY: gives its words away as atomics alone.
unsafe impl Sync for Board {}

impl Board {
    pub fn new(lanes: usize) -> Self {
        let flags = libc::MAP_SHARED | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        // SAFETY: a new mapping at an address of the kernel's choice touches no other memory.
        let start = unsafe { libc::mmap(std::ptr::null_mut(), Self::bytes(lanes), protection, flags, -1, 0) };
        assert_ne!(start, libc::MAP_FAILED, "{}", std::io::Error::last_os_error());
        Self { first: NonNull::new(start).expect("a mapping is nowhere near 0").cast(), lanes }
    }

    fn bytes(lanes: usize) -> usize {
        lanes * WORDS_PER_LANE * size_of::<AtomicU64>()
    }

    /// A lane is for one thread at a time.
    pub fn lane(&self, number: usize) -> Lane<'_> {
        assert!(number < self.lanes);
        // SAFETY: the lane's words are in the mapping, which is zeroed, aligned to a page and lives as long as `self`;
        // everybody reaches them as atomics.
        let words = unsafe {
            std::slice::from_raw_parts(self.first.as_ptr().add(number * WORDS_PER_LANE), WORDS_PER_LANE)
        };
        Lane(words)
    }

    pub fn lanes(&self) -> impl Iterator<Item = Lane<'_>> {
        (0..self.lanes).map(|number| self.lane(number))
    }

    pub fn checks(&self) -> u64 {
        self.lanes().map(Lane::checks).sum()
    }

    /// Tells all workers to end.
    pub fn stop(&self) {
        self.lane(0).0[STOP].store(1, Ordering::SeqCst);
    }

    pub fn is_stopped(&self) -> bool {
        self.lane(0).0[STOP].load(Ordering::Relaxed) != 0
    }

    pub fn assert_nobody_failed(&self) {
        assert!(
            self.lanes().all(|lane| lane.0[FAILED].load(Ordering::SeqCst) == 0),
            "a worker has said why, above"
        );
    }
}

impl Drop for Board {
    fn drop(&mut self) {
        // SAFETY: mapped in `new` with this length, and unmapped only here.
        unsafe { libc::munmap(self.first.as_ptr().cast(), Self::bytes(self.lanes)) };
    }
}

/// One thread's part of the board.
#[derive(Clone, Copy)]
pub struct Lane<'board>(&'board [AtomicU64]);

impl Lane<'_> {
    /// Puts down that a check of `key` is about to be made: whoever is killed from here to `is_answered` may have been
    /// admitted without having put it down.
    pub fn is_asking(self, key: u64) {
        self.0[PENDING].store(key + 1, Ordering::SeqCst);
    }

    pub fn is_answered(self, key: u64, admitted: Option<Admitted>) {
        if let Some(Admitted { now, reset_after, .. }) = admitted {
            let number = self.0[ADMITTED].load(Ordering::Relaxed) as usize;
            assert!(number < ADMISSIONS, "the lane is full");
            let place = &self.0[HEAD + number * WORDS_PER_ADMISSION..][..WORDS_PER_ADMISSION];
            place[0].store(key, Ordering::Relaxed);
            place[1].store(now, Ordering::Relaxed);
            place[2].store(reset_after, Ordering::Relaxed);
            // Whoever reads the number after a kill reads what was stored before it.
            self.0[ADMITTED].store(number as u64 + 1, Ordering::SeqCst);
        }
        self.0[PENDING].store(0, Ordering::SeqCst);
        self.0[CHECKS].store(self.checks() + 1, Ordering::Relaxed);
    }

    pub fn has_failed(self) {
        self.0[FAILED].store(1, Ordering::SeqCst);
    }

    pub fn checks(self) -> u64 {
        self.0[CHECKS].load(Ordering::Relaxed)
    }

    /// The key that the lane's thread, which is dead, was asking for.
    pub fn take_pending(self) -> Option<u64> {
        self.0[PENDING].swap(0, Ordering::SeqCst).checked_sub(1)
    }

    /// Every admission that was put down, with its key. All have a cost of 1.
    pub fn admitted(self) -> impl Iterator<Item = (u64, Admitted)> {
        let number = self.0[ADMITTED].load(Ordering::SeqCst) as usize;
        self.0[HEAD..][..number * WORDS_PER_ADMISSION].chunks_exact(WORDS_PER_ADMISSION).map(|place| {
            let [key, now, reset_after] = [0, 1, 2].map(|word| place[word].load(Ordering::Relaxed));
            (key, Admitted { now, cost: 1, reset_after })
        })
    }
}
