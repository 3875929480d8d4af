//! How a slot passes to a new key, with nobody to wait for.
//!
//! 1. *Freeze* a slot that may be taken: its state goes from the word that was judged to a frozen one. If its key came
//!    alive in between, the swap fails. A slot that was never used, or was frozen and left, needs none.
//! 2. *Claim* it: the tag goes from the one that was judged to the new key's. It is the key's from here on, but is
//!    awaited: nobody has charged it yet.
//! 3. A key that is not at home has its home's header changed, so that all who look for it come this far.
//! 4. *Look again* in all places where the key may be. Whoever else has claimed one for the same key does so too, and one
//!    of the two sees the other: the place that comes first stays, the other is *released*, for anybody to claim. Where the
//!    home's header is what it was before the key was looked for, or step 3 has changed it from that, nobody has taken step
//!    3 in between, and who takes it later will see this claim: then a look at home is enough.
//! 5. *Complete*: the state goes from frozen to the word of the key's first charge.
//!
//! Whoever comes for an awaited key goes on from step 3 with a charge of its own, so a thread that stops anywhere holds up
//! nobody. What it leaves, for good if it was killed, is one slot at most: frozen under the old key, which anybody may
//! release and claim, or awaited, which is the key's when it comes again, and the last to be evicted.
//!
//! A frozen state has the version of the tag it was frozen under, and each owner has a version of its own. So no step of
//! somebody who slept through others' can succeed: the tag it saw or the state it saw is no more. The one state that comes
//! again is a word that is put back, where a refund has marked the tag between judgement and claim. Only who froze the slot
//! knows that word, and puts it back only if nobody has released the slot meanwhile; whoever finds that the key has gone
//! from such a slot releases it first.

use super::find::Place;
use super::layout::{Frozen, Header, SLOTS, Standing, Tag};
use super::{Call, KeyId, Table, read, swap};
use crate::sync::fence_after_swap;

/// A slot that a new key may take, by the tag and the state that it was judged by.
#[derive(Debug, Clone, Copy)]
pub(super) struct Candidate<'table> {
    pub(super) place: Place<'table>,
    /// Its key is live and would be forgotten.
    pub(super) evicts: bool,
}

impl Table {
    /// Steps 1 and 2: makes the slot the key's, unless it is no longer what it was.
    #[inline(always)]
    pub(super) fn claim<'table>(&self, key: KeyId, candidate: Candidate<'table>) -> Option<Place<'table>> {
        let Candidate { place, evicts } = candidate;
        // What is below would come to the same.
        if place.is_unused() {
            let tag = Tag::default().succeeded_by(key.fingerprint, place.displacement);
            return place.move_tag(tag).then_some(Place { tag, ..place });
        }
        // The key has come meanwhile, and by a later time than its own it may have expired. It is not to forget itself.
        if Frozen::is_word(place.state) && place.tag.is_of(key.fingerprint, place.displacement) {
            return None;
        }
        let frozen = self.freeze(&place)?;
        let tag = place.tag.succeeded_by(key.fingerprint, place.displacement);
        if !place.move_tag(tag) {
            self.put_back(&place, frozen);
            return None;
        }
        self.count_claim(tag);
        if evicts {
            self.count_eviction(key.home, &place);
        }
        Some(Place { tag, state: frozen, ..place })
    }

    /// Step 1: the state that the slot is frozen with.
    #[inline(always)]
    fn freeze(&self, place: &Place<'_>) -> Option<u64> {
        let frozen = match Frozen::of(place.state) {
            None => Frozen::returnable(place.tag, self.rule.forgotten_at(place.state)),
            Some(present) if present.is_released_under(place.tag) => return Some(place.state),
            Some(present) => present.released(place.tag),
        };
        place.move_state(frozen.state()).then_some(frozen.state())
    }

    /// Undoes a freeze: the slot's key keeps what it had.
    ///
    /// If this thread stops before it, the key is as one that has expired or was evicted.
    #[cold]
    fn put_back(&self, place: &Place<'_>, frozen: u64) {
        if Frozen::is_word(place.state) {
            // A failure says that somebody has released the slot.
            let _ = swap(place.state_word, frozen, place.state);
        }
    }

    /// Steps 3 to 5: charges the key's awaited place for the first time, and leaves `word` there. `false` if somebody else
    /// has, or the key has another place.
    ///
    /// `seen` is the home's header, if it was read, before a look that found the key nowhere.
    #[inline(always)]
    pub(super) fn complete(
        &self,
        key: KeyId,
        place: Place<'_>,
        seen: Option<Header>,
        word: u64,
        call: &Call,
    ) -> bool {
        let is_alone_away = place.displacement > 0 && self.extend_reach(key.home, place.displacement, seen, call);
        // Pairs with itself: of two who have each claimed a place for the key, or changed the header, and then look for the
        // other, one comes later here and sees what the other has done before.
        fence_after_swap();
        let at_home = self.bucket(key.home).candidates(key.fingerprint);
        let is_only_place = match place.displacement {
            0 => at_home.is_only(place.slot) && !self.may_have_spilled(key, seen),
            _ => at_home.is_empty() && is_alone_away,
        };
        (is_only_place || self.is_kept(key, &place, call)) && place.move_state(word)
    }

    /// Step 3. The header changes even if it reaches that far already: whoever is about to lower it has not seen this key.
    /// Whether it was still what was `seen`.
    fn extend_reach(&self, home: usize, displacement: usize, seen: Option<Header>, call: &Call) -> bool {
        while call.goes_on() {
            let header = self.header(home);
            if self.move_header(home, header, header.with_reach(header.reach().max(displacement))) {
                return seen == Some(header);
            }
        }
        false
    }

    /// Step 4: whether the key has no other place, after any that comes later is released; otherwise this one is.
    #[inline(never)]
    fn is_kept(&self, key: KeyId, place: &Place<'_>, call: &Call) -> bool {
        let mut reach = 0;
        let mut displacement = 0;
        while displacement <= reach {
            let bucket = self.bucket(self.geometry.bucket_after(key.home, displacement));
            for slot in bucket.candidates(key.fingerprint) {
                let is_other = (displacement, slot) != (place.displacement, place.slot);
                if is_other && !self.yields(key, displacement, slot, place, call) {
                    return false;
                }
            }
            if displacement == 0 && self.has_spilled(key.home) {
                reach = self.reach(key.home);
            }
            displacement += 1;
        }
        true
    }

    /// Whether another slot is not the key's, or no longer; if it is to stay the key's, `place` is released.
    #[cold]
    fn yields(&self, key: KeyId, displacement: usize, slot: usize, place: &Place<'_>, call: &Call) -> bool {
        while call.goes_on() {
            let other = self.bucket(self.geometry.bucket_after(key.home, displacement)).place(displacement, slot);
            if !other.tag.is_of(key.fingerprint, displacement) {
                return true;
            }
            let stays = match other.standing() {
                Standing::Charged => true,
                Standing::Awaited => other.is_before(place),
                Standing::Vacant => false,
            };
            if stays {
                self.vacate(place);
                return false;
            }
            let is_gone = match other.standing() {
                Standing::Awaited => self.vacate(&other),
                _ => !other.is_returnable() || other.release(),
            };
            if is_gone {
                return true;
            }
        }
        false
    }

    /// Gives up an awaited place: it is nobody's. `false` if it has changed meanwhile.
    fn vacate(&self, place: &Place<'_>) -> bool {
        let is_released = place.release();
        if is_released {
            self.count_unseated(place.tag);
            // It can do without: the key's name on a slot that is not its own only costs time.
            if place.move_tag(place.tag.vacated()) {
                self.count_renamed(place.tag.vacated());
            }
        }
        is_released
    }

    /// Lowers the reach of the key's home if it can be, for one in eight of new keys.
    #[inline]
    pub(super) fn lower_reach_now_and_then(&self, key: KeyId, call: &Call) {
        if key.fingerprint.is_multiple_of(8) && self.has_spilled(key.home) {
            self.lower_reach(key.home, call);
        }
    }

    /// Lowers the reach of a home to the farthest displacement of any key of it.
    #[inline(never)]
    fn lower_reach(&self, home: usize, call: &Call) {
        let header = self.header(home);
        let mut reach = header.reach().min(self.geometry.max_reach());
        while reach > 0 && !self.has_guests_of(home, reach) && call.goes_on() {
            reach -= 1;
        }
        if reach < header.reach() {
            // A failure says that a key has come. One that comes later extends it again.
            self.move_header(home, header, header.with_reach(reach));
        }
    }

    /// Whether any slot of the bucket is, or was before a reset, a key's of that home.
    fn has_guests_of(&self, home: usize, displacement: usize) -> bool {
        let bucket = self.bucket(self.geometry.bucket_after(home, displacement));
        let tag = |slot| Tag(read(bucket.words_of(slot).0));
        (0..SLOTS).any(|slot| tag(slot).last_displacement() == Some(displacement))
    }
}
