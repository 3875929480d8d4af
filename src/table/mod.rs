//! The bounded, lock-free table: which word belongs to which key.
//!
//! Set-associative, of fixed size, without pointers, of plain 64-bit words, so that the same code can run in
//! memory that several processes map. `layout` draws the words, `insert` is the protocol by which a slot
//! passes from one key to another, `charge` is what happens to a key that has its slot.
//!
//! # What holds at every instant
//!
//! * **One entry a key.** Whoever gives a key a slot looks, before the first charge, whether anybody else does. Of two at
//!   least one sees the other, and one gives up.
//! * **A charge counts for its own key.** A charge is one compare-and-swap from a word that was read between two
//!   readings of the key's tag. The words of a slot's next owner are all different from it, or later.
//! * **No live key loses its state**, but by eviction. A slot is taken by freezing its state with a
//!   compare-and-swap from the word that was judged to be expired.
//! * **Nothing is held.** A thread that stops anywhere leaves a slot that anybody may claim, or one that is its key's.
//!
//! # Orderings
//!
//! Loads are `Acquire` and read-modify-writes `AcqRel`, each pairing with the read-modify-write that wrote
//! what they read: whoever sees a header, a tag or a state sees all that its writer had seen. The one place
//! that needs more is in `insert`, where it says so.

mod adopt;
mod bucket;
mod charge;
mod counters;
mod find;
mod hash;
#[cfg(all(test, not(loom)))]
mod hostile;
mod insert;
#[cfg(all(test, not(loom)))]
mod interleavings;
#[cfg(all(test, target_os = "linux", not(loom)))]
pub(crate) mod kills;
mod layout;
mod memory;
#[cfg(all(test, loom))]
mod models;
mod places;
mod refund;
mod succession;
mod superblock;

use crate::algorithm::Rule;
use crate::error::Error;
use crate::sync::{AtomicU64, Ordering};
use bucket::Bucket;
pub(crate) use hash::KeyHash;
pub(crate) use layout::Geometry;
use layout::{Fingerprint, Frozen, Header, SLOTS, Tag};
#[cfg(all(target_os = "linux", not(loom)))]
pub(crate) use memory::Mapping;
pub(crate) use memory::{TABLE_ALIGN, Words};
use std::cell::Cell;
pub(crate) use succession::{Deciding, Stage};
pub(crate) use superblock::{DESCRIPTION_WORDS, Description, LATEST_STEP_NS, Superblock, Unfit};

/// What happens to a request for a new key when as many keys are live as fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum OnFull {
    /// Among the places the new key may take, the key that has consumed least gives way. Heavy users stay
    /// remembered under a flood of one-off keys.
    #[default]
    Evict,
    /// The request is denied with [`Reason::TableFull`](crate::Reason::TableFull); keys in the table keep their limits.
    Deny,
    /// The request is allowed, uncounted, with [`Reason::TableFull`](crate::Reason::TableFull).
    Allow,
}

/// A key as the table knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct KeyId {
    home: usize,
    fingerprint: Fingerprint,
}

/// A key with its home bucket at hand: what a check begins with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AtHome<'table> {
    key: KeyId,
    bucket: Bucket<'table>,
}

impl AtHome<'_> {
    /// Has the bucket fetched while the caller does something else.
    #[inline(always)]
    pub(crate) fn prefetch(self) {
        self.bucket.prefetch();
    }
}

/// One call, as long as it lasts.
///
/// Each turn of a loop follows upon a change that another thread made, so there are few. But memory that others can
/// write may hold what no thread of ours has written, or go on changing, and no call may go on for ever over that.
#[derive(Debug)]
struct Call {
    now: u64,
    turns_left: Cell<u32>,
}

impl Call {
    /// Far more than the others' changes can make of any call, where each look at a bucket is a turn: to look at ten of
    /// them and lose a swap to one of 64 processors, as often in a row, has odds of 10^-89.
    const TURNS: u32 = 1 << 17;

    fn at(now: u64) -> Self {
        Self { now, turns_left: Cell::new(Self::TURNS) }
    }

    /// Takes a turn, if there is one left.
    fn goes_on(&self) -> bool {
        let left = self.turns_left.get();
        self.turns_left.set(left.saturating_sub(1));
        left > 0
    }
}

#[derive(Debug)]
pub(crate) struct Table {
    words: Words,
    geometry: Geometry,
    on_full: OnFull,
    rule: Rule,
}

impl Table {
    pub(crate) fn new(rule: Rule, geometry: Geometry, on_full: OnFull) -> Result<Self, Error> {
        Ok(Self::over(Words::zeroed(geometry.words())?, rule, geometry, on_full))
    }

    /// The table that these words are. They must be as many as the geometry says, and zero or such a table already.
    pub(crate) fn over(words: Words, rule: Rule, geometry: Geometry, on_full: OnFull) -> Self {
        assert!(words.hold(geometry), "fewer words than the table has");
        Self { words, geometry, on_full, rule }
    }

    /// Has all of the table's memory there at once: see [`Words::prefault`].
    pub(crate) fn prefault(&self) -> Result<(), Error> {
        self.words.prefault()
    }

    pub(crate) fn into_words(self) -> Words {
        self.words
    }

    /// What says what the table is, where it is shared.
    #[inline]
    pub(crate) fn superblock(&self) -> Superblock<'_> {
        Superblock(&self.words)
    }

    pub(crate) fn geometry(&self) -> Geometry {
        self.geometry
    }

    /// See [`Rule::tick`].
    #[inline]
    pub(crate) fn tick(&self, now: u64) -> u64 {
        self.rule.tick(now)
    }

    /// The high bits of a hash choose the home bucket, the low ones are the fingerprint.
    #[inline(always)]
    pub(crate) fn key(&self, hash: u64) -> KeyId {
        let home = ((u128::from(hash) * self.geometry.buckets as u128) >> 64) as usize;
        KeyId { home, fingerprint: hash as Fingerprint }
    }

    /// The key with its home bucket.
    #[inline(always)]
    pub(crate) fn home(&self, hash: u64) -> AtHome<'_> {
        let key = self.key(hash);
        // SAFETY: `over` has seen that the words hold the geometry, and a hash is below 2^64, so the number is below that of
        // the buckets.
        AtHome { key, bucket: Bucket(unsafe { self.words.home_unchecked(key.home) }) }
    }

    /// The same of a key whose home is known already.
    #[inline(always)]
    fn at_home(&self, key: KeyId) -> AtHome<'_> {
        AtHome { key, bucket: self.bucket(key.home) }
    }

    #[inline(always)]
    fn bucket(&self, number: usize) -> Bucket<'_> {
        Bucket(self.words.bucket(self.geometry.position(number)))
    }

    /// All slots, by bucket and number.
    fn slots(&self) -> impl Iterator<Item = (usize, usize)> {
        (0..self.geometry.buckets).flat_map(|bucket| (0..SLOTS).map(move |slot| (bucket, slot)))
    }

    /// How many keys are live at `now`: a pass over the whole table.
    pub(crate) fn live_keys(&self, now: u64) -> u64 {
        let is_live = |state| Frozen::is_word(state) && self.rule.consumed(state, now) > 0;
        let has_owner = |bucket, slot| self.tag(bucket, slot).displacement().is_some();
        self.slots().filter(|&(bucket, slot)| has_owner(bucket, slot) && is_live(self.state(bucket, slot))).count()
            as u64
    }

    #[inline]
    fn header(&self, bucket: usize) -> Header {
        Header(read(self.header_word(bucket)))
    }

    #[inline]
    fn tag(&self, bucket: usize, slot: usize) -> Tag {
        Tag(read(self.tag_word(bucket, slot)))
    }

    #[inline]
    fn state(&self, bucket: usize, slot: usize) -> u64 {
        read(self.state_word(bucket, slot))
    }

    fn header_word(&self, bucket: usize) -> &AtomicU64 {
        self.words.at(self.geometry.header_word(bucket))
    }

    #[inline]
    fn tag_word(&self, bucket: usize, slot: usize) -> &AtomicU64 {
        self.words.at(self.geometry.tag_word(bucket, slot))
    }

    #[inline]
    fn state_word(&self, bucket: usize, slot: usize) -> &AtomicU64 {
        self.words.at(self.geometry.state_word(bucket, slot))
    }

    /// Moves a header on from what was seen; whether it was still that.
    fn move_header(&self, bucket: usize, from: Header, to: Header) -> bool {
        swap(self.header_word(bucket), from.0, to.0).is_ok()
    }

    fn move_tag(&self, bucket: usize, slot: usize, from: Tag, to: Tag) -> bool {
        swap(self.tag_word(bucket, slot), from.0, to.0).is_ok()
    }

    fn move_state(&self, bucket: usize, slot: usize, from: u64, to: u64) -> Result<(), u64> {
        swap(self.state_word(bucket, slot), from, to)
    }
}

/// The only way the table's words are read.
#[inline(always)]
fn read(word: &AtomicU64) -> u64 {
    #[cfg(all(test, not(loom)))]
    interleavings::stop_if_told();
    word.load(Ordering::Acquire)
}

/// The only way the table's words change: from a value that was seen, or not at all.
#[inline]
fn swap(word: &AtomicU64, from: u64, to: u64) -> Result<(), u64> {
    #[cfg(all(test, loom))]
    models::stop_if_told();
    #[cfg(all(test, not(loom)))]
    interleavings::stop_if_told();
    word.compare_exchange(from, to, Ordering::AcqRel, Ordering::Acquire).map(drop)
}
