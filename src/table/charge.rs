//! Deciding for a key: find its slot or give it one, step its word, swap it in.

use super::layout::{Frozen, Tag};
use super::{Call, KeyId, OnFull, Place, Table, read, swap};
use crate::algorithm::{FRESH, Step, Windows};
use crate::decision::{Decision, Reason};
use crate::sync::AtomicU64;

impl Table {
    /// Decides on `cost` permits for the key at `now` and consumes them if they are admitted.
    ///
    /// In line for the request that nearly all are: the rule's quick form serves, the key is in its home bucket, and
    /// nobody else charges it at the same moment.
    #[inline(always)]
    pub(crate) fn check(&self, key: KeyId, now: u64, cost: u64) -> Decision {
        let quick = self.rule.quick();
        if !quick.serves(now, cost) {
            return self.check_otherwise(key, now, cost);
        }
        if let Some((word, state_word)) = self.word_at_home(key) {
            match quick.step(word, now, cost) {
                // A denial writes nothing.
                Err(denial) => return denial,
                // A charge counts for this key: the next owner's words are all other ones, unless the key was evicted
                // in between, which then came after the charge.
                Ok(admission) if swap(state_word, word, admission.next).is_ok() => return admission.decision(),
                Ok(_) => {}
            }
        }
        self.check_anywhere(key, now, cost)
    }

    /// The same where the quick form does not serve: for windows, and for what is rare.
    #[inline(never)]
    fn check_otherwise(&self, key: KeyId, now: u64, cost: u64) -> Decision {
        match self.rule.windows(now, cost) {
            Some(Windows::Fixed(window)) => self.check_by(|word| window.step(word, now, cost), key, now, cost),
            Some(Windows::Sliding(window)) => self.check_by(|word| window.step(word, now, cost), key, now, cost),
            None => self.check_anywhere(key, now, cost),
        }
    }

    /// The same by `step`, which is compiled into it.
    #[inline(always)]
    fn check_by(&self, step: impl Fn(u64) -> Step, key: KeyId, now: u64, cost: u64) -> Decision {
        if let Some((word, state_word)) = self.word_at_home(key) {
            let Step { next, decision } = step(word);
            // As above.
            if next == word || swap(state_word, word, next).is_ok() {
                return decision;
            }
        }
        self.check_anywhere(key, now, cost)
    }

    /// The same in every case.
    #[inline(never)]
    fn check_anywhere(&self, key: KeyId, now: u64, cost: u64) -> Decision {
        let call = Call::at(now);
        while call.goes_on() {
            // Each turn after the first follows upon a change that somebody made to a slot or a header of the key's:
            // the table as a whole has moved on.
            if let Some(place) = self.find(key) {
                if let Some(word) = self.word_of(place, &call) {
                    let Step { next, decision } = self.rule.step(word, now, cost);
                    if next == word || swap(place.state_word, word, next).is_ok() {
                        return decision;
                    }
                }
                continue;
            }
            let fresh = self.rule.step(FRESH, now, cost);
            if fresh.next == FRESH {
                return fresh.decision;
            }
            if self.insert(key, &call) {
                continue;
            }
            match self.on_full {
                // Only where others are about to take every place that could be: help them first.
                OnFull::Evict => self.resolve_around(key, &call),
                OnFull::Deny | OnFull::Allow => return self.turned_away(key, fresh),
            }
        }
        self.damaged()
    }

    /// The answer when a call has come to no end.
    #[cold]
    fn damaged(&self) -> Decision {
        Decision::refused(Reason::TableDamaged, self.rule.limit())
    }

    /// The key's word, if it is at home and neither it nor its slot is on the move.
    #[inline(always)]
    fn word_at_home(&self, key: KeyId) -> Option<(u64, &AtomicU64)> {
        let home = self.bucket(key.home);
        // Both lines are fetched at once: which state is wanted shows only when the tags are there.
        home.prefetch_states();
        let candidates = home.candidates(key.fingerprint);
        if candidates.is_empty() {
            return None;
        }
        let (tag_word, state_word) = home.words_of(candidates.first());
        let tag = Tag(read(tag_word));
        let word = read(state_word);
        // The tag is read again after the word: if it is the same, the word is the key's.
        let is_the_keys = tag.is_of(key.fingerprint, 0) && Tag(read(tag_word)).is_same_owner(tag);
        (is_the_keys && Frozen::of(word).is_none()).then_some((word, state_word))
    }

    /// Answers as `check` would and consumes nothing.
    pub(crate) fn peek(&self, key: KeyId, now: u64, cost: u64) -> Decision {
        let call = Call::at(now);
        while call.goes_on() {
            let Some(place) = self.find(key) else {
                return self.rule.step(FRESH, now, cost).decision;
            };
            if let Some(word) = self.word_of(place, &call) {
                return self.rule.step(word, now, cost).decision;
            }
        }
        self.damaged()
    }

    /// The word of the key that has `place`, or `None` if it has it no longer or is about to lose it.
    pub(super) fn word_of(&self, place: Place<'_>, call: &Call) -> Option<u64> {
        let word = place.state();
        if Frozen::of(word).is_some() {
            self.resolve(place.bucket, place.slot, word, call);
            return None;
        }
        place.is_still_its_keys().then_some(word)
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
