//! Making a limiter: on the heap, in a file, in memory of the caller's.

use super::{DEFAULT_MAX_KEYS, Limiter, Sharing, geometry};
use crate::algorithm::Rule;
use crate::clock::{Clock, MonotonicClock};
use crate::error::Error;
use crate::policy::Policy;
use crate::shared::{Joined, TableFile, Wanted, attach};
use crate::table::{Geometry, KeyHash, OnFull, TABLE_ALIGN, Table};
use std::path::{Path, PathBuf};
use std::ptr::NonNull;

/// A limiter in the making.
#[derive(Debug, Clone)]
#[must_use = "a limiter that is not built limits nobody"]
pub struct LimiterBuilder<C = MonotonicClock> {
    policy: Result<Policy, Error>,
    max_keys: u64,
    on_full: OnFull,
    clock: C,
    path: Option<PathBuf>,
    replace: bool,
    prefault: bool,
}

impl LimiterBuilder {
    /// A limiter of this policy, all else as it is unless said.
    pub(super) fn new(policy: Result<Policy, Error>) -> Self {
        Self {
            policy,
            max_keys: DEFAULT_MAX_KEYS,
            on_full: OnFull::default(),
            clock: MonotonicClock::new(),
            path: None,
            replace: false,
            prefault: true,
        }
    }
}

impl<C: Clock> LimiterBuilder<C> {
    /// How many keys can be live at once before anything is evicted or refused; [`DEFAULT_MAX_KEYS`] unless said.
    pub fn max_keys(self, max_keys: u64) -> Self {
        Self { max_keys, ..self }
    }

    /// What happens to a new key when the table is full; [`OnFull::Evict`] unless said. Each limiter of a shared table
    /// has its own.
    pub fn on_full(self, on_full: OnFull) -> Self {
        Self { on_full, ..self }
    }

    /// Where the time comes from; [`MonotonicClock`] unless said. With a shared table, it is asked to take the table's
    /// time ([`Clock::anchor`]), which a clock behind a reference cannot.
    pub fn clock<D: Clock>(self, clock: D) -> LimiterBuilder<D> {
        let Self { policy, max_keys, on_full, path, replace, prefault, .. } = self;
        LimiterBuilder { policy, max_keys, on_full, clock, path, replace, prefault }
    }

    /// Has the table live in the file at `path`, shared with all who open it, instead of on the heap.
    ///
    /// Only on Linux; elsewhere building the limiter is an error.
    ///
    /// The file is made with mode 0600, whole or not at all, if it is not there. On /dev/shm it lasts as long as the
    /// machine runs, on a disk beyond that. It must be on a file system of this machine: others' memory is not ours.
    /// A child that the process forks shares it through the same limiter.
    ///
    /// A process that reaches for what has been cut off the file is ended by SIGBUS: remove a table's file, or rename
    /// another onto it, but never truncate it or write over it.
    ///
    /// A table on the heap comes in huge pages where the system has such, and checks of many keys are about a fifth faster
    /// for it. A file on /dev/shm is as fast where that is mounted with `huge=always`
    /// (`mount -o remount,huge=always /dev/shm`, before the table is made).
    pub fn path(self, path: impl AsRef<Path>) -> Self {
        Self { path: Some(path.as_ref().to_owned()), ..self }
    }

    /// Whether a table file with another policy is replaced by one with this limiter's, instead of being an error.
    ///
    /// Each key keeps what it has consumed, rounded up to whole permits of a window, up to all that the new policy
    /// allows. Limiters that have the file open go on with the old policy and table until they open it anew (see
    /// [`Limiter::is_current`]); what they admit after the replacement is not known to the new table.
    pub fn replace(self, replace: bool) -> Self {
        Self { replace, ..self }
    }

    /// Whether building the limiter takes all of the table's memory from the system; `true` unless said.
    ///
    /// Otherwise each page comes with the first check that reaches it, which then waits until the system has made it: on
    /// Linux 1 µs for a page of 4 KiB, and half a millisecond or more for a huge page of 2 MiB, in which tables on the heap
    /// come; for a file on a disk, until the page is read. Keys are spread over the whole table by their hash, so a
    /// hundredth of `max_keys` have brought nearly all of it: little is saved but where hardly a key comes. With it, a
    /// million keys take some milliseconds more to build, and a system that has not enough memory says so now.
    ///
    /// A table that is shared is there for the process that builds the limiter; others that build one on it have it mapped
    /// by their own. A child that the process forks maps a shared table's pages anew, which takes no more than 1 µs each,
    /// and gets copies of those of a table on the heap as it writes them.
    pub fn prefault(self, prefault: bool) -> Self {
        Self { prefault, ..self }
    }

    /// The limiter.
    ///
    /// # Errors
    /// A policy out of range, `max_keys` out of range, no memory, no random bytes. With a path: a file that cannot be
    /// made or opened, that is no table or a damaged one, or that strangers may write; a table with another policy or
    /// size. The file is then left as it was.
    pub fn build(self) -> Result<Limiter<C>, Error> {
        let policy = self.policy.clone()?;
        let geometry = geometry(self.max_keys)?;
        if let Some(path) = &self.path {
            let wanted = Wanted { policy, max_keys: self.max_keys, geometry, replace: self.replace };
            let (joined, file) = TableFile::open(path, &wanted)?;
            return self.over(joined, &wanted, Sharing::File(file));
        }
        let table = Table::new(Rule::of(&policy)?, geometry, self.on_full)?;
        self.prefault_if_asked(&table)?;
        let hash = KeyHash::random()?;
        Ok(Limiter { policy, max_keys: self.max_keys, hash, table, clock: self.clock, sharing: Sharing::Nobody })
    }

    /// A limiter on a table in memory that the caller has shared among processes, or threads: made there if the memory
    /// is all zero, joined if there is a table with this policy. It is for as many keys as fit into `bytes`, whatever
    /// [`max_keys`](Self::max_keys) says (see [`Limiter::region_size`]).
    ///
    /// # Safety
    /// The memory must be valid for reads and writes of `bytes` bytes as long as the limiter lives, and be accessed by
    /// limiters alone from the first attach on.
    ///
    /// # Errors
    /// As for [`build`](Self::build); also memory that is too small, or not aligned to 128 bytes; and any other system
    /// than Linux.
    pub unsafe fn attach(self, region: *mut u8, bytes: usize) -> Result<Limiter<C>, Error> {
        let policy = self.policy.clone()?;
        let unfit = |problem: String| Error::TableFormat { place: "the caller's memory".to_owned(), problem };
        let Some(first) = NonNull::new(region).filter(|first| first.align_offset(TABLE_ALIGN) == 0) else {
            return Err(unfit(format!("it begins at {region:p}, which is not aligned to {TABLE_ALIGN} bytes")));
        };
        let Some(max_keys) = Geometry::max_keys_in(bytes as u64) else {
            let least = geometry(1)?.bytes();
            return Err(unfit(format!("{bytes} bytes are too few; the smallest table has {least}")));
        };
        let wanted = Wanted { policy, max_keys, geometry: geometry(max_keys)?, replace: false };
        // SAFETY: the caller's promise; the geometry is of no more than `bytes` bytes.
        let joined = unsafe { attach(first, &wanted) }?;
        self.over(joined, &wanted, Sharing::Region)
    }

    fn over(mut self, joined: Joined, wanted: &Wanted, sharing: Sharing) -> Result<Limiter<C>, Error> {
        let &Wanted { policy, max_keys, geometry, .. } = wanted;
        self.clock.anchor(joined.clock_offset()?);
        let hash = KeyHash::from_seed(joined.seed());
        let table = Table::over(joined.into_words(), Rule::of(&policy)?, geometry, self.on_full);
        self.prefault_if_asked(&table)?;
        Ok(Limiter { policy, max_keys, hash, table, clock: self.clock, sharing })
    }

    fn prefault_if_asked(&self, table: &Table) -> Result<(), Error> {
        if self.prefault { table.prefault() } else { Ok(()) }
    }
}
