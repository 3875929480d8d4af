//! Deciding for a key: find its slot or give it one, step its word, swap it in.

use super::layout::Frozen;
use super::{KeyId, OnFull, Place, Table};
use crate::algorithm::{FRESH, Step};
use crate::decision::{Decision, Reason};

impl Table {
    /// Decides on `cost` permits for the key at `now` and consumes them if they are admitted.
    #[inline]
    pub(crate) fn check(&self, key: KeyId, now: u64, cost: u64) -> Decision {
        if let Some(place) = self.find(key)
            && let Some(decision) = self.charge(place, now, cost)
        {
            return decision;
        }
        self.check_unplaced(key, now, cost)
    }

    /// The same for a key that had no slot, or lost it while it was being charged.
    #[cold]
    fn check_unplaced(&self, key: KeyId, now: u64, cost: u64) -> Decision {
        loop {
            // Each turn follows upon a change that somebody made to a slot or a header of the key's: the
            // table as a whole has moved on.
            if let Some(place) = self.find(key) {
                if let Some(decision) = self.charge(place, now, cost) {
                    return decision;
                }
                continue;
            }
            let fresh = self.rule.step(FRESH, now, cost);
            if fresh.next == FRESH {
                return fresh.decision;
            }
            if self.insert(key, now) {
                continue;
            }
            match self.on_full {
                // Only where others are about to take every place that could be: help them first.
                OnFull::Evict => self.resolve_around(key, now),
                OnFull::Deny | OnFull::Allow => return self.turned_away(key, fresh),
            }
        }
    }

    /// Answers as `check` would and consumes nothing.
    pub(crate) fn peek(&self, key: KeyId, now: u64, cost: u64) -> Decision {
        loop {
            let Some(place) = self.find(key) else {
                return self.rule.step(FRESH, now, cost).decision;
            };
            if let Some(word) = self.word_of(place, now) {
                return self.rule.step(word, now, cost).decision;
            }
        }
    }

    /// Charges the key at `place`, or `None` if the place is no longer the key's.
    #[inline]
    fn charge(&self, place: Place, now: u64, cost: u64) -> Option<Decision> {
        loop {
            let word = self.word_of(place, now)?;
            let Step { next, decision } = self.rule.step(word, now, cost);
            // A denial writes nothing. A charge counts for this key: the next owner's words are all other ones,
            // unless the key was evicted in between, which then came after the charge.
            if next == word || self.move_state(place.bucket, place.slot, word, next).is_ok() {
                return Some(decision);
            }
        }
    }

    /// The word of the key that has `place`, or `None` if it has it no longer.
    ///
    /// The tag is read again after the word: if it is the same, the slot was the key's all the time in between.
    #[inline]
    pub(super) fn word_of(&self, place: Place, now: u64) -> Option<u64> {
        let word = self.state(place.bucket, place.slot);
        if Frozen::of(word).is_some() {
            self.resolve(place.bucket, place.slot, word, now);
            return None;
        }
        self.is_still(place).then_some(word)
    }

    /// Whether the place has been one key's since its tag was read: versions do not repeat in between (2^23 owners).
    #[inline]
    fn is_still(&self, place: Place) -> bool {
        self.tag(place.bucket, place.slot).is_same_owner(place.tag)
    }

    /// The answer for a key that got no slot.
    fn turned_away(&self, key: KeyId, fresh: Step) -> Decision {
        self.count_refusal(key.home, self.on_full);
        match self.on_full {
            OnFull::Allow => Decision { reason: Reason::TableFull, ..fresh.decision },
            OnFull::Evict | OnFull::Deny => Decision::refused(Reason::TableFull, self.rule.limit()),
        }
    }
}
