//! A table that takes the place of another, with another policy, while both are in use.
//!
//! The two have the same size and seed, so a key is the same in both. A word beside them, the *stage*, says which one
//! decides: at stage `2g` the table of generation `g`; at stage `2g + 1` that of generation `g + 1`, into which the
//! keys of the old one are still moved, each before its next request is decided on, and all by whoever replaces the table.
//!
//! # What holds
//!
//! * **What a key has consumed stays consumed.** Whoever was admitted by a table looks at the stage once more. If the table
//!   has been closed since, the charge may have come after the key was moved, and the request is decided on again by
//!   the next table. So a request in that very instant may be charged twice, but none goes uncounted.
//! * **Nobody waits.** A process that is killed while it moves keys leaves the rest to those who ask for them, and to the
//!   next replacement.
//!
//! # Orderings
//!
//! A charge is a swap, a fence, and a load of the stage; a move is a load of the stage, a fence, and a load of the word.
//! Both fences are sequentially consistent, so of a charge and a move of the same key at least one sees the other.

use super::charge::NoRoom;
use super::find::Found;
use super::layout::Standing;
use super::{Call, KeyId, OnFull, SLOTS, Table};
use crate::algorithm::{Consumption, FRESH};
use crate::decision::Decision;
use crate::sync::{AtomicU64, Ordering, fence, fence_after_swap};

/// The word that says which of two tables decides.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stage<'table>(pub(crate) &'table AtomicU64);

impl Stage<'_> {
    /// Where it stands.
    #[inline(always)]
    pub(crate) fn number(self) -> u64 {
        #[cfg(all(test, not(loom)))]
        super::interleavings::stop_if_told();
        // Pairs with `advance` in others: who sees the stage sees the table that decides at it.
        self.0.load(Ordering::Acquire)
    }

    /// Goes on to the next stage, unless somebody has.
    pub(crate) fn advance(self, from: u64) -> bool {
        #[cfg(all(test, not(loom)))]
        super::interleavings::stop_if_told();
        // Pairs with `number` in others.
        self.0.compare_exchange(from, from.wrapping_add(1), Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    /// The generation of the table that decides at stage `number`.
    pub(crate) fn generation(number: u64) -> u64 {
        number.wrapping_add(1) >> 1
    }

    /// Whether keys are still being moved at stage `number`.
    pub(crate) fn is_moving(number: u64) -> bool {
        number & 1 == 1
    }
}

/// The table that decides at a stage, and the one before it while keys are still moved.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deciding<'table> {
    /// The stage at which it does.
    pub(crate) stage: u64,
    /// The table.
    pub(crate) table: &'table Table,
    /// The one whose keys are moved into it, at such a stage.
    pub(crate) previous: Option<&'table Table>,
}

impl Deciding<'_> {
    /// Decides as the table does. `None` says that a charge may not count, since the table has been closed meanwhile: to
    /// be decided on again by the table that has followed.
    #[inline(always)]
    pub(crate) fn check(&self, stage: Stage<'_>, key: KeyId, now: u64, cost: u64) -> Option<Decision> {
        self.fetch(key, now);
        let decision = self.table.check(key, now, cost);
        // What changes nothing comes before the table was closed, or might have.
        if !decision.allowed() || cost == 0 {
            return Some(decision);
        }
        // Pairs with the fence in `take_key`. What was admitted has been charged by a swap.
        fence_after_swap();
        (stage.number() < self.closes_at()).then_some(decision)
    }

    /// Answers as `check` would.
    pub(crate) fn peek(&self, key: KeyId, now: u64, cost: u64) -> Decision {
        self.fetch(key, now);
        self.table.peek(key, now, cost)
    }

    /// Gives permits back. If the table is closed meanwhile, they may be lost: never given twice.
    pub(crate) fn refund(&self, key: KeyId, now: u64, cost: u64) {
        self.fetch(key, now);
        self.table.refund(key, now, cost);
    }

    /// Moves all keys that are left in the table before, as of `now`.
    pub(crate) fn take_over(&self, now: u64) {
        if let Some(old) = self.previous {
            self.table.take_over(old, now);
        }
    }

    /// Sees to it that the key has been moved.
    #[inline(always)]
    fn fetch(&self, key: KeyId, now: u64) {
        if let Some(old) = self.previous {
            self.table.take_key(old, key, now);
        }
    }

    /// The first stage at which a charge of the table may be missed.
    #[inline(always)]
    fn closes_at(&self) -> u64 {
        self.stage + 1 + (self.stage & 1)
    }
}

impl Table {
    /// Takes over what all keys of `old` have consumed, of which some may have been taken over already.
    ///
    /// Slots that are on their way from one key to another are brought to the end of it first.
    fn take_over(&self, old: &Table, now: u64) {
        // Pairs with the fence in `check`: whoever has charged a new key and not seen that the table is closed is seen here.
        fence(Ordering::SeqCst);
        for bucket in 0..old.geometry.buckets {
            for slot in 0..SLOTS {
                let tag = old.tag(bucket, slot);
                if let Some(displacement) = tag.displacement() {
                    let home = old.geometry.home_of(bucket, displacement);
                    self.take_key(old, KeyId { home, fingerprint: tag.fingerprint() }, now);
                }
            }
        }
    }

    /// Takes over what the key has consumed in `old`, which is closed: as many permits, rounded up, or as many as this
    /// table's policy lets it; unless that has been done.
    #[cold]
    #[inline(never)]
    fn take_key(&self, old: &Table, key: KeyId, now: u64) {
        // Pairs with the fence in `check`: whoever has charged the key and not seen that the table is closed is seen here.
        fence(Ordering::SeqCst);
        let word = self.rule.word_after(old.consumption(key, now), now);
        if word != FRESH {
            self.begin_with(key, word, now);
        }
    }

    /// What a key has consumed; nothing if it is not there, or has not been charged yet.
    fn consumption(&self, key: KeyId, now: u64) -> Consumption {
        let call = Call::at(now);
        while call.goes_on()
            && let Found::Here(place) = self.find(key, &call)
            && place.standing() == Standing::Charged
        {
            if place.is_still_its_keys() {
                return self.rule.consumption(place.state, now);
            }
        }
        Consumption::default()
    }

    /// Gives a key its first word, unless it has been charged before.
    fn begin_with(&self, key: KeyId, word: u64, now: u64) {
        let call = Call::at(now);
        while call.goes_on() {
            let found = self.find(key, &call);
            if let Found::Here(place) = found
                && place.standing() == Standing::Charged
            {
                if place.is_still_its_keys() {
                    return;
                }
                continue;
            }
            match self.seat(key, found, word, &call) {
                Ok(Some(place)) if self.complete(key, place, None, word, &call) => return,
                // There is no place: as for a key that comes when the table is full.
                Err(NoRoom) if self.on_full != OnFull::Evict => return,
                _ => {}
            }
        }
    }
}
