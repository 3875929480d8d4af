//! Places for tables that go away with the test.

#![allow(dead_code, reason = "each test file uses its own part")]

use sluicegate::Policy;
use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

pub const HOUR: u64 = 3_600_000_000_000;

pub fn policy(text: &str) -> Policy {
    text.parse().unwrap()
}

/// A path in a directory of its own, in shared memory where there is such.
pub struct Scratch {
    directory: PathBuf,
    path: PathBuf,
}

impl Scratch {
    pub fn new(name: &str) -> Self {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let shm = Path::new("/dev/shm");
        let base = if shm.is_dir() { shm.to_owned() } else { std::env::temp_dir() };
        let directory = base.join(format!("sluicegate-test-{}-{number}-{name}", std::process::id()));
        fs::create_dir(&directory).unwrap();
        Self { path: directory.join("table"), directory }
    }

    pub fn directory(&self) -> &Path {
        &self.directory
    }

    pub fn to_str(&self) -> &str {
        self.path.to_str().unwrap()
    }

    /// What is in the directory.
    pub fn siblings(&self) -> Vec<PathBuf> {
        fs::read_dir(&self.directory).unwrap().map(|entry| entry.unwrap().path()).collect()
    }
}

impl AsRef<Path> for Scratch {
    fn as_ref(&self) -> &Path {
        &self.path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.directory);
    }
}

/// Zeroed memory aligned to a page.
pub struct Region {
    start: *mut u8,
    layout: Layout,
}

// SAFETY: owns the memory, and gives its address away alone.
unsafe impl Sync for Region {}

impl Region {
    pub fn zeroed(bytes: usize) -> Self {
        let layout = Layout::from_size_align(bytes, 4096).unwrap();
        // SAFETY: the sizes here are not 0.
        Self { start: unsafe { alloc_zeroed(layout) }, layout }
    }

    pub fn start(&self) -> *mut u8 {
        self.start
    }
}

impl Drop for Region {
    fn drop(&mut self) {
        // SAFETY: allocated with this very layout.
        unsafe { dealloc(self.start, self.layout) }
    }
}
