//! The limiter: a policy, a table and a clock, the one place where they meet.

mod builder;

use crate::clock::{Clock, MonotonicClock};
use crate::decision::Decision;
use crate::error::Error;
use crate::policy::Policy;
use crate::shared::TableFile;
use crate::table::{AtHome, Geometry, KeyHash, KeyId, Table};
pub use builder::LimiterBuilder;
use std::path::Path;

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
        LimiterBuilder::new(policy.try_into().map_err(Error::from))
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
        self.check_cost_into(key.as_ref(), cost, |decision| decision)
    }

    /// The same, and what `put` makes of the decision, compiled into each way to one (see `Table::check_into`).
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
        self.check_at_into(key.as_ref(), cost, now_unix_ns, |decision| decision)
    }

    /// The same, and what `put` makes of the decision, compiled into each way to one (see `Table::check_into`).
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

fn geometry(max_keys: u64) -> Result<Geometry, Error> {
    Geometry::new(max_keys).ok_or(Error::MaxKeys { max_keys, bound: Geometry::MAX_KEYS })
}
