//! Which slot a new key may take: a free one as near to home as there is, or else the one whose key has consumed least.

use super::find::Place;
use super::insert::Candidate;
use super::layout::{Frozen, MAX_REACH, SLOTS, Standing};
use super::{Call, KeyId, OnFull, Table};
use crate::sync::Ordering;

/// While the table is known to be full, an insert looks no further than this: at 16 places (3 in a model).
const REACH_WHEN_FULL: usize = if cfg!(loom) { 2 } else { 1 };

impl Table {
    /// The first slot at home, if it may be taken at no loss.
    #[inline(always)]
    pub(super) fn first_free_slot(&self, key: KeyId, expired: u64, now: u64) -> Option<Place<'_>> {
        let bucket = self.bucket(key.home);
        let slots = bucket.not_after(expired);
        if slots.is_empty() {
            return None;
        }
        let place = bucket.place(0, slots.first());
        self.is_free(&place, key, expired, now).then_some(place)
    }

    /// A slot for a key that has none and whose first word will be `first_word`, if there is one to take.
    pub(super) fn choose(&self, key: KeyId, first_word: u64, call: &Call) -> Option<Candidate<'_>> {
        let now = call.now;
        let expired = self.rule.last_expired(now);
        if let Some(free) = self.free_slot(key, 0, expired, now) {
            return Some(free);
        }
        self.lower_reach_now_and_then(key, call);
        let is_full = self.is_known_full(now);
        // A slot that is free would be found among those that are weighed.
        let weighs = self.on_full == OnFull::Evict;
        if !is_full || !weighs {
            let reach = if is_full { REACH_WHEN_FULL } else { MAX_REACH };
            for displacement in 1..=reach.min(self.geometry.max_reach()) {
                if let Some(free) = self.free_slot(key, displacement, expired, now) {
                    return Some(free);
                }
                if !call.goes_on() {
                    return None;
                }
            }
        }
        if !is_full {
            self.note_full(key.home, now);
        }
        if weighs { self.cheapest_slot(key, first_word, expired, now) } else { None }
    }

    /// The first slot of a bucket that may be taken at no loss.
    #[inline(always)]
    fn free_slot(&self, key: KeyId, displacement: usize, expired: u64, now: u64) -> Option<Candidate<'_>> {
        let bucket = self.bucket(self.geometry.bucket_after(key.home, displacement));
        for slot in bucket.not_after(expired) {
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
        let light = self.rule.consumed(first_word, now);
        let (mut least, mut cheapest) = (u64::MAX, (0, 0));
        for displacement in 0..=REACH_WHEN_FULL.min(self.geometry.max_reach()) {
            if displacement > 0
                && let Some(free) = self.free_slot(key, displacement, expired, now)
            {
                return Some(free);
            }
            let (rank, slot) = self.cheapest_in_bucket(key, displacement, now);
            if rank < least {
                (least, cheapest) = (rank, (displacement, slot));
            }
            if least <= light {
                break;
            }
        }
        let (displacement, slot) = cheapest;
        let place = self.bucket(self.geometry.bucket_after(key.home, displacement)).place(displacement, slot);
        // By the words it is taken by, it must be what it was chosen for.
        (self.rank(&place, now) == least).then_some(Candidate { place, evicts: true })
    }

    /// The slot whose key has consumed least, after how much that is. Which one it is cannot be predicted, so there is no
    /// branch.
    #[inline(always)]
    fn cheapest_in_bucket(&self, key: KeyId, displacement: usize, now: u64) -> (u64, usize) {
        let bucket = self.bucket(self.geometry.bucket_after(key.home, displacement));
        let ranks = (0..SLOTS).map(|slot| self.rank(&bucket.place(displacement, slot), now));
        ranks.enumerate().fold((u64::MAX, 0), |(least, slot), (other, rank)| {
            let is_less = rank < least;
            (if is_less { rank } else { least }, if is_less { other } else { slot })
        })
    }

    /// How dear a slot is whose key would be forgotten: by what it has consumed.
    #[inline(always)]
    fn rank(&self, place: &Place<'_>, now: u64) -> u64 {
        // A slot that waits for its owner, or that a refund may be on its way to, is the last to be evicted.
        let is_awaited = place.tag.is_refunded() | !Frozen::is_word(place.state);
        let consumed = self.rule.consumed(place.state, now);
        if is_awaited { u64::MAX } else { consumed }
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
