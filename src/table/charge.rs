//! Deciding for a key: find its slot or give it one, step its word, swap it in.

use super::bucket::{Bucket, Slots};
use super::find::{Found, Place};
use super::insert::Candidate;
use super::layout::{Frozen, Header, Standing, Tag};
use super::{AtHome, Call, KeyId, OnFull, Table, read, swap};
use crate::algorithm::{FRESH, NanosecondBucket, Step};
use crate::decision::{Decision, Reason};
use crate::sync::AtomicU64;

/// What a look at a bucket shows of a key.
enum Look<'table> {
    /// The key has this word there.
    Word(u64, &'table AtomicU64),
    /// The key is not there.
    No,
    /// It takes a closer look.
    Perhaps,
}

/// There is no slot that the key may take.
pub(super) struct NoRoom;

impl Table {
    /// Decides on `cost` permits for the key at `now` and consumes them if they are admitted.
    #[inline(always)]
    pub(crate) fn check(&self, key: KeyId, now: u64, cost: u64) -> Decision {
        self.check_into(self.at_home(key), now, cost, |decision| decision)
    }

    /// The same, and what `put` makes of the decision.
    ///
    /// In line for the request that nearly all are: the rule's quick form serves, the key is in its home bucket, and
    /// nobody else charges it at the same moment.
    ///
    /// `put` is compiled into each way to a decision, so that one made in line goes to its place from registers. On a detour
    /// by the stack it would be written in words and read in larger pieces, for which a processor waits.
    #[inline(always)]
    pub(crate) fn check_into<T>(
        &self,
        AtHome { key, bucket }: AtHome<'_>,
        now: u64,
        cost: u64,
        put: impl FnOnce(Decision) -> T,
    ) -> T {
        let quick = self.rule.quick();
        if !quick.serves(now, cost) {
            return put(self.check_by_fixed_window(key, now, cost));
        }
        match word_in(bucket, key, 0) {
            Look::Word(word, state_word) => match quick.step(word, now, cost) {
                // A denial writes nothing.
                Err(denial) => return put(denial),
                // A charge counts for this key: the next owner's words are all other ones, unless the key was evicted
                // in between, which then came after the charge.
                Ok(admission) if swap(state_word, word, admission.next).is_ok() => {
                    return put(admission.decision());
                }
                Ok(_) => {}
            },
            Look::No => return put(self.check_away_quick(key, now, cost)),
            Look::Perhaps => {}
        }
        put(self.check_anywhere(key, now, cost))
    }

    /// The same where the quick form does not serve: for fixed windows, and whatever is handed on.
    ///
    /// For each kind of window there is a function with no more in it than most requests need: the more a function does, the
    /// more registers it saves for it. They call one another last of all, which is a jump.
    #[inline(never)]
    fn check_by_fixed_window(&self, key: KeyId, now: u64, cost: u64) -> Decision {
        match self.rule.fixed_window(now, cost) {
            Some(window) => self.check_by(|word| window.step(word, now, cost), key, now, cost),
            None => self.check_by_sliding_window(key, now, cost),
        }
    }

    /// The same for sliding windows, and whatever is handed on.
    #[inline(never)]
    fn check_by_sliding_window(&self, key: KeyId, now: u64, cost: u64) -> Decision {
        match self.rule.sliding_window(now, cost) {
            Some(window) => self.check_by(|word| window.step(word, now, cost), key, now, cost),
            None => self.check_anywhere(key, now, cost),
        }
    }

    /// The same by `step`, which is compiled into it, for a key that is at home.
    #[inline(always)]
    fn check_by(&self, step: impl Fn(u64) -> Step, key: KeyId, now: u64, cost: u64) -> Decision {
        match word_in(self.bucket(key.home), key, 0) {
            Look::Word(word, state_word) => {
                let Step { next, decision } = step(word);
                // As above.
                if !decision.allowed() || swap(state_word, word, next).is_ok() {
                    return decision;
                }
            }
            Look::No => return self.check_away(key, now, cost),
            Look::Perhaps => {}
        }
        self.check_anywhere(key, now, cost)
    }

    /// The same for a key that is not at home.
    #[inline(never)]
    fn check_away_quick(&self, key: KeyId, now: u64, cost: u64) -> Decision {
        let quick = self.rule.quick();
        let (look, seen) = self.word_away(key);
        match look {
            Look::Word(word, state_word) => match quick.step(word, now, cost) {
                Err(denial) => denial,
                Ok(admission) if swap(state_word, word, admission.next).is_ok() => admission.decision(),
                Ok(_) => self.check_anywhere(key, now, cost),
            },
            Look::No => match quick.step(FRESH, now, cost) {
                Err(denial) => denial,
                Ok(first) => {
                    let expired = NanosecondBucket::last_expired(now);
                    self.check_new(first.next, || first.decision(), key, seen, expired, now, cost)
                }
            },
            Look::Perhaps => self.check_anywhere(key, now, cost),
        }
    }

    /// The same for a key that is not at home, by any rule.
    #[inline(never)]
    fn check_away(&self, key: KeyId, now: u64, cost: u64) -> Decision {
        let (look, seen) = self.word_away(key);
        match look {
            Look::Word(word, state_word) => {
                let Step { next, decision } = self.rule.step(word, now, cost);
                // As above.
                if next == word || swap(state_word, word, next).is_ok() {
                    return decision;
                }
            }
            Look::No => {
                let Step { next, decision } = self.rule.step(FRESH, now, cost);
                if next == FRESH {
                    return decision;
                }
                let expired = self.rule.last_expired(now);
                return self.check_new(next, || decision, key, seen, expired, now, cost);
            }
            Look::Perhaps => {}
        }
        self.check_anywhere(key, now, cost)
    }

    /// The same for a key that is nowhere: its first word if so, and the answer to its first request.
    ///
    /// In line for a key whose home bucket has a free slot: one whose word is `expired` or smaller.
    #[inline(always)]
    #[expect(clippy::too_many_arguments, reason = "it is in line, and each is there already")]
    fn check_new(
        &self,
        word: u64,
        answer: impl FnOnce() -> Decision,
        key: KeyId,
        seen: Option<Header>,
        expired: u64,
        now: u64,
        cost: u64,
    ) -> Decision {
        let call = Call::at(now);
        let at_home = self.bucket(key.home).not_after(expired);
        let is_seated = match self.first_free_slot(key, at_home, expired, now) {
            Some(place) => {
                let place = self.claim(key, Candidate { place, evicts: false });
                place.is_some_and(|place| self.complete(key, place, seen, word, &call))
            }
            None => self.take_any_slot(key, seen, at_home, word, &call),
        };
        if is_seated { answer() } else { self.check_anywhere(key, now, cost) }
    }

    /// Gives a new key whose home bucket has no free slot another one, if it can be done at once.
    #[inline(never)]
    fn take_any_slot(&self, key: KeyId, seen: Option<Header>, at_home: Slots, word: u64, call: &Call) -> bool {
        let candidate = self.choose(key, at_home, word, call);
        let place = candidate.and_then(|candidate| self.claim(key, candidate));
        place.is_some_and(|place| self.complete(key, place, seen, word, call))
    }

    /// The same in every case.
    #[inline(never)]
    fn check_anywhere(&self, key: KeyId, now: u64, cost: u64) -> Decision {
        let call = Call::at(now);
        while call.goes_on() {
            // Each turn after the first follows upon a change that somebody made to a slot or a header of the key's:
            // the table as a whole has moved on.
            let found = self.find(key, &call);
            if let Found::Here(place) = found
                && place.standing() == Standing::Charged
            {
                if place.is_still_its_keys() {
                    let Step { next, decision } = self.rule.step(place.state, now, cost);
                    if next == place.state || place.move_state(next) {
                        return decision;
                    }
                }
                continue;
            }
            let first = self.rule.step(FRESH, now, cost);
            if first.next == FRESH {
                return first.decision;
            }
            match self.seat(key, found, first.next, &call) {
                Ok(Some(place)) if self.complete(key, place, None, first.next, &call) => return first.decision,
                Err(NoRoom) if self.on_full != OnFull::Evict => return self.turned_away(key, first),
                _ => {}
            }
        }
        self.damaged()
    }

    /// A place that awaits the key, made one if need be; `None` if what was seen has changed meanwhile.
    #[inline]
    pub(super) fn seat<'table>(
        &'table self,
        key: KeyId,
        found: Found<'table>,
        first_word: u64,
        call: &Call,
    ) -> Result<Option<Place<'table>>, NoRoom> {
        let candidate = match found {
            Found::Here(place) => return Ok(Some(place)),
            // Its own to take again, whatever it had consumed there. A charge or a refund of the key that is still on its
            // way to its old word finds another one, or the same by chance, and then comes after the reset. Were another
            // slot taken, a key that is reset over and over would fill its neighbourhood.
            Found::WasHere(place) => Candidate { place, evicts: false },
            Found::Nowhere => {
                let at_home = self.bucket(key.home).not_after(self.rule.last_expired(call.now));
                self.choose(key, at_home, first_word, call).ok_or(NoRoom)?
            }
        };
        Ok(self.claim(key, candidate))
    }

    /// The answer when a call has come to no end.
    #[cold]
    fn damaged(&self) -> Decision {
        Decision::refused(Reason::TableDamaged, self.rule.limit())
    }

    /// The key's word, if it is anywhere but at home, and the home's header as it was before that look, if it was read.
    #[inline(always)]
    fn word_away(&self, key: KeyId) -> (Look<'_>, Option<Header>) {
        if !self.has_spilled(key.home) {
            return (Look::No, None);
        }
        // Where most of those are that have spilled, on its way before the header is.
        let bucket = |displacement| self.bucket(self.geometry.bucket_after(key.home, displacement));
        bucket(1).prefetch();
        let header = self.header(key.home);
        let mut displacement = 1;
        while displacement <= header.reach().min(self.geometry.max_reach()) {
            let look = word_in(bucket(displacement), key, displacement);
            if !matches!(look, Look::No) {
                return (look, Some(header));
            }
            displacement += 1;
        }
        (Look::No, Some(header))
    }

    /// Answers as `check` would and consumes nothing.
    pub(crate) fn peek(&self, key: KeyId, now: u64, cost: u64) -> Decision {
        let call = Call::at(now);
        while call.goes_on() {
            match self.find(key, &call) {
                Found::Here(place) if place.standing() == Standing::Charged => {
                    if place.is_still_its_keys() {
                        return self.rule.step(place.state, now, cost).decision;
                    }
                }
                _ => return self.rule.step(FRESH, now, cost).decision,
            }
        }
        self.damaged()
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

/// The key's word, if it is in the bucket, so far from home, and neither it nor its slot is on the move.
#[inline(always)]
fn word_in<'table>(bucket: Bucket<'table>, key: KeyId, displacement: usize) -> Look<'table> {
    // Both lines are fetched at once: which state is wanted shows only when the tags are there.
    bucket.prefetch_states();
    let Some((tag_word, state_word)) = bucket.first_of(bucket.candidates(key.fingerprint)) else {
        return Look::No;
    };
    let tag = Tag(read(tag_word));
    let word = read(state_word);
    // The tag is read again after the word: if it is the same, the word is the key's. One that a refund has marked
    // meanwhile takes a closer look, which is rare.
    let is_the_keys = tag.is_of(key.fingerprint, displacement) && Tag(read(tag_word)) == tag;
    if is_the_keys && Frozen::is_word(word) { Look::Word(word, state_word) } else { Look::Perhaps }
}
