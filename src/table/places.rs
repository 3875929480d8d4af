//! Which slot a new key may take: a free one as near to home as there is, or else the one whose key has consumed least.

use super::bucket::{Bucket, Slots};
use super::find::Place;
use super::insert::Candidate;
use super::layout::{Frozen, MAX_REACH, SLOTS, Standing, Tag};
use super::{Call, KeyId, OnFull, Table, read};
use crate::sync::Ordering;

/// While the table is known to be full, an insert looks no further than this: at 16 places (3 in a model).
const REACH_WHEN_FULL: usize = if cfg!(loom) { 2 } else { 1 };

impl Table {
    /// The first of those slots at home that may be free, if it may be taken at no loss.
    #[inline(always)]
    pub(super) fn first_free_slot(&self, key: KeyId, at_home: Slots, expired: u64, now: u64) -> Option<Place<'_>> {
        if at_home.is_empty() {
            return None;
        }
        let place = self.bucket(key.home).place(0, at_home.first());
        self.is_free(&place, key, expired, now).then_some(place)
    }

    /// A slot for a key that has none and whose first word will be `first_word`, if there is one to take; at home, only
    /// those are looked at that may be free.
    pub(super) fn choose(
        &self,
        key: KeyId,
        at_home: Slots,
        first_word: u64,
        call: &Call,
    ) -> Option<Candidate<'_>> {
        let now = call.now;
        let expired = self.rule.last_expired(now);
        if !at_home.is_empty()
            && let Some(free) = self.free_slot_at_home(key, at_home, expired, now)
        {
            return Some(free);
        }
        self.lower_reach_now_and_then(key, call);
        let is_full = self.is_known_full(now);
        let weighs = self.on_full == OnFull::Evict;
        // A slot that is free would be found among those that are weighed.
        if !is_full || !weighs {
            let reach = if is_full { REACH_WHEN_FULL } else { MAX_REACH };
            if let Some(free) = self.free_slot_away(key, reach, expired, call) {
                return Some(free);
            }
            if !call.goes_on() {
                return None;
            }
            if !is_full {
                self.note_full(key.home, now);
            }
        }
        if weighs { self.cheapest_slot(key, first_word, expired, now) } else { None }
    }

    /// The first of those slots at home that may be taken at no loss.
    #[inline(never)]
    fn free_slot_at_home(&self, key: KeyId, slots: Slots, expired: u64, now: u64) -> Option<Candidate<'_>> {
        self.free_among(key, 0, slots, expired, now)
    }

    /// The first slot beyond the home bucket that may be taken at no loss.
    #[inline(never)]
    fn free_slot_away(&self, key: KeyId, reach: usize, expired: u64, call: &Call) -> Option<Candidate<'_>> {
        for displacement in 1..=reach.min(self.geometry.max_reach()) {
            let free = self.free_slot(key, displacement, expired, call.now);
            if free.is_some() || !call.goes_on() {
                return free;
            }
        }
        None
    }

    /// The first slot of a bucket that may be taken at no loss.
    #[inline(always)]
    fn free_slot(&self, key: KeyId, displacement: usize, expired: u64, now: u64) -> Option<Candidate<'_>> {
        let bucket = self.bucket(self.geometry.bucket_after(key.home, displacement));
        self.free_among(key, displacement, bucket.not_after(expired), expired, now)
    }

    /// The first of those slots of a bucket that may be taken at no loss.
    #[inline(always)]
    fn free_among(
        &self,
        key: KeyId,
        displacement: usize,
        slots: Slots,
        expired: u64,
        now: u64,
    ) -> Option<Candidate<'_>> {
        for slot in slots {
            let bucket = self.bucket(self.geometry.bucket_after(key.home, displacement));
            let place = bucket.place(displacement, slot);
            if self.is_free(&place, key, expired, now) {
                return Some(Candidate { place, evicts: false });
            }
        }
        None
    }

    /// Whether a slot may be taken at no loss.
    ///
    /// One that was refunded is kept for its key for one memory longer: until then a thread may still hold a word that a
    /// charge had written before the refund, and the next owner's words must all be later than that (see `refund`).
    #[inline(always)]
    fn is_free(&self, place: &Place<'_>, key: KeyId, expired: u64, now: u64) -> bool {
        if place.is_unused() {
            return true;
        }
        let is_refunded = place.tag.is_refunded();
        match place.standing() {
            Standing::Charged if is_refunded => self.rule.forgotten_at(place.state) <= now,
            Standing::Charged => place.state <= expired,
            Standing::Awaited => false,
            Standing::Vacant => {
                !is_refunded
                    || place.tag.names(key.fingerprint, place.displacement)
                    || Frozen::of(place.state).is_some_and(|frozen| frozen.forgotten_at() <= now)
            }
        }
    }

    /// Of the slots near to home one that may be taken at no loss, or else the one whose key has consumed least. A key that
    /// has consumed no more than the new one will have is light enough not to look further.
    fn cheapest_slot(&self, key: KeyId, first_word: u64, expired: u64, now: u64) -> Option<Candidate<'_>> {
        if self.rule.consumed_grows_with_word() {
            self.lightest_slot(rank_by_word, key, first_word, expired, now)
        } else {
            let rank = |tag: Tag, state| match is_spared(tag, state) {
                true => u64::MAX,
                false => self.rule.consumed(state, now),
            };
            self.lightest_slot(rank, key, first_word, expired, now)
        }
    }

    /// The same where `rank` says of a slot how dear it is: by what its key has consumed, and highest where it is spared.
    #[inline(always)]
    fn lightest_slot(
        &self,
        rank: impl Fn(Tag, u64) -> u64,
        key: KeyId,
        first_word: u64,
        expired: u64,
        now: u64,
    ) -> Option<Candidate<'_>> {
        let light = rank(Tag::default(), first_word);
        let (mut least, mut place) = lightest_in_bucket(&rank, self.bucket(key.home), key, 0);
        if least > light {
            for displacement in 1..=REACH_WHEN_FULL.min(self.geometry.max_reach()) {
                if let Some(free) = self.free_slot(key, displacement, expired, now) {
                    return Some(free);
                }
                let bucket = self.bucket(self.geometry.bucket_after(key.home, displacement));
                let (other, there) = lightest_in_bucket(&rank, bucket, key, displacement);
                if other < least {
                    (least, place) = (other, there);
                }
                if least <= light {
                    break;
                }
            }
        }
        // By the words it is taken by, it must be what it was chosen for.
        (rank(place.tag, place.state) == least).then_some(Candidate { place, evicts: true })
    }

    /// Whether a look at all places has found the table full, and what it found has not expired since.
    fn is_known_full(&self, now: u64) -> bool {
        // Relaxed, here and below: the word only saves work, nothing is published by it.
        now < self.full_until_word().load(Ordering::Relaxed)
    }

    /// Remembers that no slot of this home is free, until a tenth of those seen will be.
    ///
    /// The places in reach of one home are a sample of the table. While the promise is kept, more than a quarter
    /// of all slots are free, so a sample with less than a tenth (and a table that has been so since) cannot be.
    #[cold]
    fn note_full(&self, home: usize, now: u64) {
        let mut free_at = [0; (MAX_REACH + 1) * SLOTS];
        let seen = (self.geometry.max_reach() + 1) * SLOTS;
        for (index, free_at) in free_at[..seen].iter_mut().enumerate() {
            let (bucket, slot) = (self.geometry.bucket_after(home, index / SLOTS), index % SLOTS);
            let place = self.bucket(bucket).place(0, slot);
            *free_at = match Frozen::of(place.state) {
                Some(_) => now,
                None if place.tag.is_refunded() => self.rule.forgotten_at(place.state),
                None => self.rule.expires_at(place.state),
            };
        }
        let (_, full_until, _) = free_at[..seen].select_nth_unstable(seen / 10);
        self.full_until_word().store(*full_until, Ordering::Relaxed);
    }

    /// Forgets that the table is full: something was given back.
    pub(super) fn forget_full(&self) {
        let word = self.full_until_word();
        if word.load(Ordering::Relaxed) != 0 {
            word.store(0, Ordering::Relaxed);
        }
    }
}

/// The slot whose key weighs least, after how much that is. Which one it is cannot be predicted, so there is no branch.
///
/// Of several that weigh the same, one by the new key's fingerprint: where all do, as one-off keys in a window, it is
/// not always the first that gives way, so those that are far from their homes go too and their homes' reach is lowered.
#[inline(always)]
fn lightest_in_bucket<'table>(
    rank: impl Fn(Tag, u64) -> u64,
    bucket: Bucket<'table>,
    key: KeyId,
    displacement: usize,
) -> (u64, Place<'table>) {
    let rank_of = |slot| {
        let (tag_word, state_word) = bucket.words_of(slot);
        rank(Tag(read(tag_word)), read(state_word))
    };
    let first = key.fingerprint as usize % SLOTS;
    let (least, slot) = (0..SLOTS).fold((rank_of(first), first), |(least, slot), other| {
        let rank = rank_of(other);
        let is_less = rank < least;
        (if is_less { rank } else { least }, if is_less { other } else { slot })
    });
    (least, bucket.place(displacement, slot))
}

/// Whether a slot is the last to be evicted: it waits for its owner, or a refund may be on its way to it.
fn is_spared(tag: Tag, state: u64) -> bool {
    tag.is_refunded() || !Frozen::is_word(state)
}

/// How dear a slot is where a larger word has consumed more: in few instructions, as there are many slots to weigh.
#[inline(always)]
fn rank_by_word(tag: Tag, state: u64) -> u64 {
    // What is no word is 0 or has the top bit, so that it is more than any word less one.
    state.wrapping_sub(1) | 0_u64.wrapping_sub(u64::from(tag.is_refunded()))
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::algorithm::Rule;
    use crate::policy::Policy;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_larger_word_has_consumed_more_and_what_is_spared_comes_last(
            words in prop::array::uniform2(1u64..1 << 62), refunded: bool, frozen in 1u64 << 63.., now in 0u64..1 << 61,
        ) {
            let policy: Policy = "token-bucket 1/s burst=1000".parse().unwrap();
            let rule = Rule::of(&policy).unwrap();
            prop_assert!(rule.consumed_grows_with_word());
            let tag = Tag::default();
            let [one, other] = words;
            if rule.consumed(one, now) < rule.consumed(other, now) {
                prop_assert!(rank_by_word(tag, one) < rank_by_word(tag, other));
            }
            for (tag, state) in [(tag.refunded(), one), (tag, frozen), (tag.refunded(), frozen), (tag, 0)] {
                prop_assert!(is_spared(tag, state) && rank_by_word(tag, state) > rank_by_word(Tag::default(), other));
            }
            prop_assert_eq!(is_spared(if refunded { tag.refunded() } else { tag }, one), refunded);
        }
    }
}
