//! Zones: tables in shared memory whose policy can be replaced while others use them.

#[cfg(all(test, target_os = "linux"))]
mod kills;
mod memory;
mod together;
mod view;

use crate::clock::{Clock, MonotonicClock};
use crate::decision::{Decision, Reason};
use crate::error::Error;
use crate::limiter::{Limiter, Stats};
use crate::policy::Policy;
use crate::table::{KeyHash, KeyId, OnFull, Stage};
use memory::ZoneMemory;
pub use together::{ZoneCharge, check_zones};
use view::{View, Views};

/// How often a call is decided on again because the policy is replaced meanwhile: more often than that is no
/// replacement, but somebody who writes to the memory.
const TURNS: u32 = 64;

/// A limiter in memory that processes share, whose policy can be replaced while all of them use it.
///
/// For a server that forks its workers and makes new ones when its configuration changes, such as nginx: old and new
/// workers share the memory for a while. [`replace`](Self::replace) changes the policy for all of them at one instant, the
/// old ones included, and what each key has consumed stays consumed (see
/// [`LimiterBuilder::replace`](crate::LimiterBuilder::replace), which is the same for files).
///
/// The memory has room for two tables, of which one is in use; the other takes no memory of the system's but while a
/// policy is being replaced. Everything else is as with a [`Limiter`]: all methods but the making take `&self`, may be
/// called from any number of threads and processes, wait for nobody, and any process may be killed at any instant. A
/// request that is decided on in the very instant of a replacement may be charged twice, never not at all.
///
/// ```
/// use sluicegate::{OnFull, Policy, Zone};
///
/// # #[cfg(target_os = "linux")] {
/// let bytes = Zone::bytes_for(10_000)?;
/// # let map = |bytes| unsafe {
/// #     let flags = libc::MAP_SHARED | libc::MAP_ANONYMOUS;
/// #     libc::mmap(std::ptr::null_mut(), bytes, libc::PROT_READ | libc::PROT_WRITE, flags, -1, 0).cast::<u8>()
/// # };
/// let memory: *mut u8 = map(bytes); // MAP_SHARED | MAP_ANONYMOUS
///
/// let policy: Policy = "fixed-window 10/365d".parse()?;
/// // SAFETY: the memory is mapped as long as the zones live, and nothing but zones touches it.
/// let (old, new) = unsafe {
///     (Zone::attach(memory, bytes, policy, OnFull::Evict)?, Zone::attach(memory, bytes, policy, OnFull::Evict)?)
/// };
/// assert_eq!(old.check("203.0.113.10", 4).remaining(), 6);
///
/// new.replace("fixed-window 5/365d".parse()?)?;
/// assert_eq!(old.check("203.0.113.10", 1).remaining(), 0);
/// # drop((old, new));
/// # unsafe { libc::munmap(memory.cast(), bytes) };
/// # }
/// # Ok::<(), sluicegate::Error>(())
/// ```
#[derive(Debug)]
pub struct Zone<C = MonotonicClock> {
    memory: ZoneMemory,
    hash: KeyHash,
    seed: u64,
    clock: C,
    views: Views,
}

impl Zone {
    /// How many bytes a zone takes in which at least `max_keys` keys can be live at once: twice as many as a
    /// [`Limiter`]'s table, and a page.
    ///
    /// # Errors
    /// `max_keys` out of range.
    pub fn bytes_for(max_keys: u64) -> Result<usize, Error> {
        let table = Limiter::region_size(max_keys)?;
        memory::bytes_for_tables_of(table).ok_or(Error::OutOfMemory { bytes: table })
    }

    /// The zone in memory that the caller has shared: made there with this policy if the memory is all zero, joined with
    /// whatever policy it has if there is one. It is for as many keys as fit (see [`bytes_for`](Self::bytes_for)).
    ///
    /// # Safety
    /// The memory must be valid for reads and writes of `bytes` bytes as long as the zone lives, and be accessed by zones
    /// alone from the first attach on. What the zone can do without is given back to the system, which may have no
    /// more of it: let the memory be anonymous and shared (`MAP_SHARED | MAP_ANONYMOUS`), and not that of a file system
    /// that may be full.
    ///
    /// # Errors
    /// Memory that is too small, not aligned to 128 bytes, or neither zero nor a zone of this size; any other system than
    /// Linux.
    pub unsafe fn attach(region: *mut u8, bytes: usize, policy: Policy, on_full: OnFull) -> Result<Self, Error> {
        // SAFETY: the caller's promise.
        unsafe { Self::attach_with(region, bytes, policy, on_full, MonotonicClock::new()) }
    }
}

impl<C: Clock> Zone<C> {
    /// The same with another clock, which is asked to take the zone's time ([`Clock::anchor`]).
    ///
    /// # Safety
    /// As for [`attach`](Zone::attach).
    ///
    /// # Errors
    /// As for [`attach`](Zone::attach).
    pub unsafe fn attach_with(
        region: *mut u8,
        bytes: usize,
        policy: Policy,
        on_full: OnFull,
        mut clock: C,
    ) -> Result<Self, Error> {
        // SAFETY: the caller's promise.
        let memory = unsafe { ZoneMemory::of(region, bytes, on_full) }?;
        let origin = memory.make_or_join(policy)?;
        clock.anchor(origin.clock_offset);
        let (hash, seed) = (KeyHash::from_seed(origin.seed), origin.seed);
        let views = Views::beginning_with(View::of(&memory, seed)?);
        Ok(Self { memory, hash, seed, clock, views })
    }

    /// Decides on `cost` permits for `key` now, all or none.
    #[inline]
    pub fn check(&self, key: impl AsRef<[u8]>, cost: u64) -> Decision {
        let hash = self.hash.hash(key.as_ref());
        // The clock is read while the key's bucket is on its way from memory.
        self.views.latest().prefetch(hash);
        self.decide(hash, cost, self.now())
    }

    /// Answers as [`check`](Self::check) would, and consumes nothing.
    pub fn peek(&self, key: impl AsRef<[u8]>, cost: u64) -> Decision {
        self.peek_at(key, cost, self.now())
    }

    /// Gives `cost` permits back to `key`, never beyond fresh: for a request that turned out not to count.
    pub fn refund(&self, key: impl AsRef<[u8]>, cost: u64) {
        self.refund_at(key, cost, self.now());
    }

    /// The zone's time, in nanoseconds since the Unix epoch: the same in all processes, whatever happens to the wall clock.
    #[inline]
    pub fn now(&self) -> u64 {
        let now = self.clock.now();
        self.view().map_or(now, |view| view.note(now))
    }

    /// What the zone holds and has done since its policy was replaced. Passes over the whole table.
    pub fn stats(&self) -> Stats {
        let now = self.now();
        let Some(view) = self.view() else {
            return Stats { capacity: self.memory.max_keys(), ..Stats::default() };
        };
        view.stats(now, self.memory.max_keys())
    }

    /// Replaces the policy, for all processes at once. Each key has consumed as many permits as before, rounded up, up to
    /// all that the new policy allows. It takes as long as a pass over the table, and up to a second more where the policy
    /// was replaced within the last second; others go on meanwhile.
    ///
    /// If the calling process is killed meanwhile, the policy is replaced or it is not. Only one thread of one process may
    /// do this at a time: if two do, what keys have consumed may be forgotten. So may a key's where a process is stopped
    /// in the middle of a call for more than a second, and in that time the policy is replaced twice.
    ///
    /// # Errors
    /// Memory in which somebody else writes.
    pub fn replace(&self, policy: Policy) -> Result<(), Error> {
        self.finish_replacement();
        let view = self.view().ok_or_else(memory::damaged)?;
        if *view.policy() != policy {
            self.memory.make_successor(view, policy, self.now())?;
            self.memory.stage().advance(view.stage());
            self.finish_replacement();
        }
        Ok(())
    }

    /// Moves what keys are left in the table of the policy before, whoever has begun to.
    fn finish_replacement(&self) {
        if let Some(view) = self.view()
            && Stage::is_moving(view.stage())
        {
            view.deciding().take_over(self.now());
            self.memory.stage().advance(view.stage());
            self.memory.leave_other_than(view, self.now());
        }
    }
}

/// Calls that name their time, as a [`Limiter`]'s do.
impl<C> Zone<C> {
    /// Decides on `cost` permits for `key` at `now_unix_ns`, all or none.
    #[inline]
    pub fn check_at(&self, key: impl AsRef<[u8]>, cost: u64, now_unix_ns: u64) -> Decision {
        self.decide(self.hash.hash(key.as_ref()), cost, now_unix_ns)
    }

    /// Answers as [`check_at`](Self::check_at) would, and consumes nothing.
    pub fn peek_at(&self, key: impl AsRef<[u8]>, cost: u64, now_unix_ns: u64) -> Decision {
        match self.view() {
            Some(view) => view.deciding().peek(self.key(view, key.as_ref()), now_unix_ns, cost),
            None => self.damaged(),
        }
    }

    /// [`refund`](Self::refund) at `now_unix_ns`.
    pub fn refund_at(&self, key: impl AsRef<[u8]>, cost: u64, now_unix_ns: u64) {
        if let Some(view) = self.view() {
            view.deciding().refund(self.key(view, key.as_ref()), now_unix_ns, cost);
        }
    }

    /// The policy that every key is held to now, whoever has set it.
    pub fn policy(&self) -> Policy {
        *self.view().unwrap_or_else(|| self.views.latest()).policy()
    }

    /// How many keys can be live at once before anything is evicted or refused.
    pub fn max_keys(&self) -> u64 {
        self.memory.max_keys()
    }

    #[inline]
    fn decide(&self, hash: u64, cost: u64, now: u64) -> Decision {
        for _ in 0..TURNS {
            let Some(view) = self.view() else { break };
            if let Some(decision) = view.deciding().check(self.memory.stage(), view.key(hash), now, cost) {
                return decision;
            }
        }
        self.damaged()
    }

    /// The tables as they are at the present stage; `None` where the memory holds what no zone has written.
    #[inline(always)]
    fn view(&self) -> Option<&View> {
        let view = self.views.latest();
        let stage = self.memory.stage().number();
        if view.stage() == stage { Some(view) } else { self.follow() }
    }

    /// The same after the policy was replaced by another process.
    #[cold]
    #[inline(never)]
    fn follow(&self) -> Option<&View> {
        Some(self.views.add(View::of(&self.memory, self.seed).ok()?))
    }

    fn key(&self, view: &View, key: &[u8]) -> KeyId {
        view.key(self.hash.hash(key))
    }

    /// The answer of a zone in whose memory somebody else writes.
    #[cold]
    fn damaged(&self) -> Decision {
        Decision::refused(Reason::TableDamaged, self.views.latest().policy().limit())
    }
}
