//! The limiter: a policy, a table and a clock, the one place where they meet.

use crate::algorithm::Rule;
use crate::clock::{Clock, MonotonicClock};
use crate::decision::Decision;
use crate::error::Error;
use crate::policy::Policy;
use crate::shared::{Joined, TableFile, Wanted, attach};
use crate::table::{AtHome, Geometry, KeyHash, KeyId, OnFull, TABLE_ALIGN, Table};
use std::path::{Path, PathBuf};
use std::ptr::NonNull;

/// How many keys [`LimiterBuilder`] makes room for when it is not told.
pub const DEFAULT_MAX_KEYS: u64 = 1_000_000;

/// How many requests of a batch are hashed and fetched before the first is decided, and from then on ahead of the one that
/// is: as many as a core can have under way to memory at once.
const AHEAD: usize = 16;

/// One request of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Request<'a> {
    /// Who asks.
    pub key: &'a [u8],
    /// How many permits the request takes.
    pub cost: u64,
}

impl<'a> Request<'a> {
    /// A request of cost 1.
    #[must_use]
    pub fn new(key: &'a (impl AsRef<[u8]> + ?Sized)) -> Self {
        Self { key: key.as_ref(), cost: 1 }
    }

    /// The same request with another cost.
    #[must_use]
    pub fn cost(self, cost: u64) -> Self {
        Self { cost, ..self }
    }
}

/// What a limiter holds and what it has done. The counts go on from the making of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Stats {
    /// Keys that can be live at once before anything is evicted or refused: the `max_keys` of the limiter.
    pub capacity: u64,
    /// Keys that are live now, that is, not as fresh as a key never seen.
    pub live_keys: u64,
    /// The table's size in bytes. It never changes.
    pub memory_bytes: u64,
    /// How often a key was given a slot.
    pub inserted: u64,
    /// How often a live key had to give way to a new one.
    pub evicted: u64,
    /// Requests denied with [`Reason::TableFull`](crate::Reason::TableFull).
    pub refused_full: u64,
    /// Requests allowed uncounted with [`Reason::TableFull`](crate::Reason::TableFull).
    pub allowed_full: u64,
}

impl Stats {
    /// Those of a table for `max_keys` at the time `now`.
    pub(crate) fn of(table: &Table, now: u64, max_keys: u64) -> Self {
        let counts = table.counts();
        Self {
            capacity: max_keys,
            live_keys: table.live_keys(now),
            memory_bytes: table.geometry().bytes(),
            inserted: counts.inserted,
            evicted: counts.evicted,
            refused_full: counts.refused_full,
            allowed_full: counts.allowed_full,
        }
    }
}

/// One policy over one table of keys.
///
/// All methods take `&self` and may be called from any number of threads; none takes a lock or waits for
/// another thread. Keys are bytes of any length, the empty one included.
///
/// ```
/// use sluicegate::{Limiter, Policy};
///
/// let policy: Policy = "token-bucket 100/s burst=200".parse()?;
/// let limiter = Limiter::new(policy, 1_000_000)?;
/// let decision = limiter.check("203.0.113.10");
/// assert!(decision.allowed());
/// assert_eq!(decision.remaining(), 199);
/// # Ok::<(), sluicegate::Error>(())
/// ```
#[derive(Debug)]
pub struct Limiter<C = MonotonicClock> {
    policy: Policy,
    max_keys: u64,
    hash: KeyHash,
    table: Table,
    clock: C,
    sharing: Sharing,
}

/// Who else has the limiter's table.
#[derive(Debug)]
enum Sharing {
    Nobody,
    Region,
    File(TableFile),
}

impl Limiter {
    /// A limiter on the heap with room for at least `max_keys` live keys, with the default clock.
    ///
    /// # Errors
    /// A policy out of range, `max_keys` out of range, no memory, no random bytes.
    pub fn new<P>(policy: P, max_keys: u64) -> Result<Self, Error>
    where
        P: TryInto<Policy>,
        Error: From<P::Error>,
    {
        Self::builder(policy).max_keys(max_keys).build()
    }

    /// A limiter on the table in the file at `path`, which it makes or joins: all processes that have it open enforce
    /// one limit, and after the last one closes the file keeps the state. See [`shared_tables`](crate::shared_tables).
    ///
    /// # Errors
    /// As for [`LimiterBuilder::build`].
    pub fn open<P>(path: impl AsRef<Path>, policy: P, max_keys: u64) -> Result<Self, Error>
    where
        P: TryInto<Policy>,
        Error: From<P::Error>,
    {
        Self::builder(policy).max_keys(max_keys).path(path).build()
    }

    /// The bytes that a table with room for at least `max_keys` live keys takes, on the heap, in a file, or in memory
    /// for [`LimiterBuilder::attach`].
    ///
    /// # Errors
    /// `max_keys` out of range.
    pub fn region_size(max_keys: u64) -> Result<u64, Error> {
        geometry(max_keys).map(Geometry::bytes)
    }

    /// The most keys for which a table takes no more than `bytes`; `None` where they are too few for any.
    pub fn region_keys(bytes: u64) -> Option<u64> {
        Geometry::max_keys_in(bytes)
    }

    /// A limiter with more to choose.
    ///
    /// ```
    /// use sluicegate::{CoarseClock, Limiter, OnFull, Policy};
    /// use std::time::Duration;
    ///
    /// let limiter = Limiter::builder(Policy::leaky_bucket(10, Duration::from_secs(1)).burst(20))
    ///     .max_keys(10_000)
    ///     .on_full(OnFull::Deny)
    ///     .clock(CoarseClock::new())
    ///     .build()?;
    /// assert!(limiter.check("user:42").allowed());
    /// # Ok::<(), sluicegate::Error>(())
    /// ```
    pub fn builder<P>(policy: P) -> LimiterBuilder
    where
        P: TryInto<Policy>,
        Error: From<P::Error>,
    {
        LimiterBuilder {
            policy: policy.try_into().map_err(Error::from),
            max_keys: DEFAULT_MAX_KEYS,
            on_full: OnFull::default(),
            clock: MonotonicClock::new(),
            path: None,
            replace: false,
            prefault: true,
        }
    }
}

/// Calls that take the time from the limiter's clock, and read it while the key's bucket is on its way from memory.
impl<C: Clock> Limiter<C> {
    /// Decides on one permit for `key` now.
    #[inline(always)]
    pub fn check(&self, key: impl AsRef<[u8]>) -> Decision {
        self.check_cost(key, 1)
    }

    /// Decides on `cost` permits for `key` now, all or none.
    #[inline(always)]
    pub fn check_cost(&self, key: impl AsRef<[u8]>, cost: u64) -> Decision {
        let home = self.home(key.as_ref());
        home.prefetch();
        self.table.check_into(home, self.now(), cost, |decision| decision)
    }

    /// The same, and what `put` makes of the decision, compiled into each way to one (see `Table::check_into`).
    #[cfg(feature = "capi")]
    #[inline(always)]
    pub(crate) fn check_cost_into<T>(&self, key: &[u8], cost: u64, put: impl FnOnce(Decision) -> T) -> T {
        let home = self.home(key);
        home.prefetch();
        self.table.check_into(home, self.now(), cost, put)
    }

    /// Decides on a batch in order, as if by [`check_cost`](Self::check_cost) for each at one reading of the clock.
    ///
    /// The whole batch is fetched from memory at once, which is several times faster than one after another.
    ///
    /// # Panics
    /// If `decisions` is not as long as `requests`.
    pub fn check_many(&self, requests: &[Request<'_>], decisions: &mut [Decision]) {
        self.check_slice(requests, decisions, || self.now());
    }

    /// Answers as [`check`](Self::check) would, and consumes nothing.
    pub fn peek(&self, key: impl AsRef<[u8]>) -> Decision {
        self.peek_at(key, 1, self.now())
    }

    /// Gives `cost` permits back to `key`, never beyond fresh: for a request that turned out not to count.
    ///
    /// In a fixed window, permits go back to the current window only; a refund from before it began gives nothing back. For
    /// what was charged a while ago there is [`refund_charge`](Self::refund_charge). A key's slot that had permits given back is
    /// kept for it up to the time they would have lasted, and is not given to another key sooner.
    pub fn refund(&self, key: impl AsRef<[u8]>, cost: u64) {
        self.refund_at(key, cost, self.now());
    }

    /// What the limiter holds and has done. Passes over the whole table: for monitoring, not for every request.
    pub fn stats(&self) -> Stats {
        self.stats_at(self.clock.now())
    }

    /// The time as the calls take it that are not told theirs, in nanoseconds since the Unix epoch.
    ///
    /// For who needs the time of a decision beside it, to tell a client when something will be, say: read it here and
    /// decide by [`check_at`](Self::check_at).
    #[inline]
    pub fn now(&self) -> u64 {
        let now = self.table.tick(self.clock.now());
        if !matches!(self.sharing, Sharing::Nobody) {
            self.table.superblock().note_time(now);
        }
        now
    }

    /// The limiter's clock.
    pub fn clock(&self) -> &C {
        &self.clock
    }
}

/// Calls that name their time, in nanoseconds since the Unix epoch, up to [`MAX_UNIX_NS`](crate::MAX_UNIX_NS).
///
/// Times may come in any order: a late one (earlier than one the key has seen) never earns anything. Where a bucket's
/// permit does not refill in a whole number of nanoseconds, a time that is no whole number of microseconds may be
/// decided on as if it were up to 1 ns earlier.
impl<C> Limiter<C> {
    /// Decides on `cost` permits for `key` at `now_unix_ns`, all or none.
    #[inline(always)]
    pub fn check_at(&self, key: impl AsRef<[u8]>, cost: u64, now_unix_ns: u64) -> Decision {
        self.table.check_into(self.home(key.as_ref()), now_unix_ns, cost, |decision| decision)
    }

    /// The same, and what `put` makes of the decision, compiled into each way to one (see `Table::check_into`).
    #[cfg(feature = "capi")]
    #[inline(always)]
    pub(crate) fn check_at_into<T>(
        &self,
        key: &[u8],
        cost: u64,
        now_unix_ns: u64,
        put: impl FnOnce(Decision) -> T,
    ) -> T {
        self.table.check_into(self.home(key), now_unix_ns, cost, put)
    }

    /// Decides on a batch in order, all at `now_unix_ns`.
    ///
    /// # Panics
    /// If `decisions` is not as long as `requests`.
    pub fn check_many_at(&self, requests: &[Request<'_>], decisions: &mut [Decision], now_unix_ns: u64) {
        self.check_slice(requests, decisions, || now_unix_ns);
    }

    /// Answers as [`check_at`](Self::check_at) would, and consumes nothing.
    pub fn peek_at(&self, key: impl AsRef<[u8]>, cost: u64, now_unix_ns: u64) -> Decision {
        self.table.peek(self.key(key.as_ref()), now_unix_ns, cost)
    }

    /// [`refund`](Self::refund) at `now_unix_ns`.
    pub fn refund_at(&self, key: impl AsRef<[u8]>, cost: u64, now_unix_ns: u64) {
        self.table.refund(self.key(key.as_ref()), now_unix_ns, cost);
    }

    /// Forgets `key`, whatever the time: its next request is that of a key never seen.
    ///
    /// The slot it had is its own to take again, and is given to other keys when what it had consumed would have expired.
    pub fn reset(&self, key: impl AsRef<[u8]>) {
        self.table.reset(self.key(key.as_ref()));
    }

    /// [`stats`](Self::stats) as of `now_unix_ns`, which tells the keys that are live from those that are not.
    pub fn stats_at(&self, now_unix_ns: u64) -> Stats {
        Stats::of(&self.table, now_unix_ns, self.max_keys)
    }

    /// Whether the file that the limiter opened still is the one under that name. Where it was removed, or replaced by
    /// a table with another policy, whoever opens it now shares another table: time to open it anew.
    ///
    /// Always true for a table that is in no file.
    pub fn is_current(&self) -> bool {
        match &self.sharing {
            Sharing::Nobody => true,
            Sharing::Region => true,
            Sharing::File(file) => file.is_current(),
        }
    }

    /// The policy that every key is held to.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    #[inline]
    fn key(&self, key: &[u8]) -> KeyId {
        self.table.key(self.hash.hash(key))
    }

    #[inline(always)]
    fn home(&self, key: &[u8]) -> AtHome<'_> {
        self.table.home(self.hash.hash(key))
    }

    fn check_slice(&self, requests: &[Request<'_>], decisions: &mut [Decision], now: impl FnOnce() -> u64) {
        assert_eq!(requests.len(), decisions.len(), "check_many needs one decision for each request");
        self.check_each(requests.len(), |n| requests[n], |n, decision| decisions[n] = decision, now);
    }

    /// Decides on `count` requests in order, wherever they and their answers are kept.
    #[inline]
    pub(crate) fn check_each<'a>(
        &self,
        count: usize,
        request: impl Fn(usize) -> Request<'a>,
        mut answer: impl FnMut(usize, Decision),
        now: impl FnOnce() -> u64,
    ) {
        // Of a key its hash is kept: where its home is, is found again sooner than all of it is written and read.
        let fetched = |n| {
            let request = request(n);
            let hash = self.hash.hash(request.key);
            self.table.home(hash).prefetch();
            (hash, request.cost)
        };
        let mut ahead = [(0, 0); AHEAD];
        for (n, next) in ahead.iter_mut().enumerate().take(count) {
            *next = fetched(n);
        }
        // Read once, and only when the first fetches are under way: reading a precise clock holds them up.
        let now = if count > 0 { now() } else { 0 };
        for n in 0..count {
            let next = &mut ahead[n % AHEAD];
            let (hash, cost) = *next;
            if n + AHEAD < count {
                *next = fetched(n + AHEAD);
            }
            self.table.check_into(self.table.home(hash), now, cost, |decision| answer(n, decision));
        }
    }
}

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

fn geometry(max_keys: u64) -> Result<Geometry, Error> {
    Geometry::new(max_keys).ok_or(Error::MaxKeys { max_keys, bound: Geometry::MAX_KEYS })
}
