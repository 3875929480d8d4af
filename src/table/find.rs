//! Looking for a key: in its home bucket, and where that has spilled, as far as its header says.

use super::layout::{Frozen, Header, SLOTS, Standing, Tag};
use super::{Call, KeyId, Table, read, swap};
use crate::sync::AtomicU64;

/// A slot with a tag and a state that were read one after the other.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'table> {
    pub(super) displacement: usize,
    pub(super) slot: usize,
    pub(super) tag: Tag,
    pub(super) state: u64,
    pub(super) tag_word: &'table AtomicU64,
    pub(super) state_word: &'table AtomicU64,
}

impl Place<'_> {
    /// Whether it has never been anybody's.
    #[inline(always)]
    pub(super) fn is_unused(&self) -> bool {
        self.tag.0 | self.state == 0
    }

    #[inline]
    pub(super) fn standing(&self) -> Standing {
        Standing::of(self.tag, self.state)
    }

    /// Whether it is frozen by somebody who may put its word back.
    #[inline]
    pub(super) fn is_returnable(&self) -> bool {
        Frozen::of(self.state).is_some_and(Frozen::is_returnable)
    }

    /// Whether the slot has been one key's since the tag was read: versions do not repeat in between (2^23 owners).
    #[inline(always)]
    pub(super) fn is_still_its_keys(&self) -> bool {
        Tag(read(self.tag_word)).is_same_owner(self.tag)
    }

    /// Whether all who look for the key come to this place before they come to `other`.
    pub(super) fn is_before(&self, other: &Self) -> bool {
        (self.displacement, self.slot) < (other.displacement, other.slot)
    }

    pub(super) fn move_tag(&self, to: Tag) -> bool {
        swap(self.tag_word, self.tag.0, to.0).is_ok()
    }

    pub(super) fn move_state(&self, to: u64) -> bool {
        swap(self.state_word, self.state, to).is_ok()
    }

    /// Has a frozen slot frozen for good: whoever meant to change its state cannot any more.
    pub(super) fn release(&self) -> bool {
        Frozen::of(self.state).is_some_and(|frozen| self.move_state(frozen.released(self.tag).state()))
    }
}

/// What a look for a key found.
#[derive(Debug, Clone, Copy)]
pub(super) enum Found<'table> {
    /// The key is here: charged, or awaited.
    Here(Place<'table>),
    /// It is nowhere, but here is a slot that was its own: forgotten, or on the way to somebody else.
    WasHere(Place<'table>),
    Nowhere,
}

impl Table {
    /// Where the key is. That it is nowhere may be out of date by the time it is read; an insert looks again.
    pub(super) fn find(&self, key: KeyId, call: &Call) -> Found<'_> {
        let mut found = Found::Nowhere;
        self.find_in_bucket(key, 0, call, &mut found);
        if matches!(found, Found::Here(_)) || !self.has_spilled(key.home) {
            return found;
        }
        self.find_spilled(key, call, found)
    }

    /// Beyond the home bucket: one in thirty at the promised capacity.
    fn find_spilled<'table>(&'table self, key: KeyId, call: &Call, mut found: Found<'table>) -> Found<'table> {
        for displacement in 1..=self.reach(key.home) {
            self.find_in_bucket(key, displacement, call, &mut found);
            if matches!(found, Found::Here(_)) || !call.goes_on() {
                break;
            }
        }
        found
    }

    /// Whether a key that is not at home may be elsewhere: any slot within reach has its fingerprint. Not if no key of the
    /// home has gone elsewhere since its header was `seen`, which was before a look that found the key nowhere.
    #[inline(always)]
    pub(super) fn may_have_spilled(&self, key: KeyId, seen: Option<Header>) -> bool {
        self.has_spilled(key.home) && seen != Some(self.header(key.home)) && self.is_in_reach(key)
    }

    #[inline(never)]
    fn is_in_reach(&self, key: KeyId) -> bool {
        (1..=self.reach(key.home)).any(|displacement| {
            let bucket = self.geometry.bucket_after(key.home, displacement);
            !self.bucket(bucket).candidates(key.fingerprint).is_empty()
        })
    }

    /// Whether a key of this home may be elsewhere. No key goes past an unused slot, and all have been used when the last
    /// one has: slots are taken in their order.
    #[inline]
    pub(super) fn has_spilled(&self, home: usize) -> bool {
        !Tag(read(self.bucket(home).words_of(SLOTS - 1).0)).is_unused()
    }

    /// How far from its home bucket a key may be.
    #[inline]
    pub(super) fn reach(&self, home: usize) -> usize {
        self.header(home).reach().min(self.geometry.max_reach())
    }

    #[inline]
    fn find_in_bucket<'table>(
        &'table self,
        key: KeyId,
        displacement: usize,
        call: &Call,
        found: &mut Found<'table>,
    ) {
        let bucket = self.bucket(self.geometry.bucket_after(key.home, displacement));
        for slot in bucket.candidates(key.fingerprint) {
            let mut place = bucket.place(displacement, slot);
            while place.tag.names(key.fingerprint, displacement) {
                let standing = place.standing();
                if standing != Standing::Vacant && place.tag.displacement().is_some() {
                    *found = Found::Here(place);
                    return;
                }
                let is_settled = !place.is_returnable();
                if is_settled || !call.goes_on() {
                    *found = Found::WasHere(place);
                    break;
                }
                // Or else the key might be put back after it was found to be gone. A failure says that it was.
                let _ = place.release();
                place = bucket.place(displacement, slot);
            }
        }
    }
}
