//! The bounded, lock-free table: which word belongs to which key.
//!
//! Set-associative, of fixed size, without pointers, of plain 64-bit words, so that the same code can run in
//! memory that several processes map. `layout` draws the words, `insert` is the protocol by which a slot
//! passes from one key to another, `charge` is what happens to a key that has its slot.
//!
//! # What holds at every instant
//!
//! * **One entry a key.** Inserts of keys of one home go through its header, one at a time, and look for the
//!   key after they are published.
//! * **A charge counts for its own key.** A charge is one compare-and-swap from a word that was read between two
//!   readings of the key's tag. The words of a slot's next owner are all different from it, or later.
//! * **No live key loses its state**, but by eviction. A slot is taken by freezing its state with a
//!   compare-and-swap from the word that was judged to be expired.
//! * **Nothing is held.** A thread that stops anywhere leaves a header that the next passer-by finishes, or a
//!   frozen slot that the next passer-by thaws.
//!
//! # Orderings
//!
//! Loads are `Acquire` and read-modify-writes `AcqRel`, each pairing with the read-modify-write that wrote
//! what they read: whoever sees a header, a tag or a state sees all that its writer had seen. The one place
//! that needs more is between `refund` and `insert`, where they say so.

mod charge;
mod counters;
mod hash;
mod insert;
#[cfg(all(test, not(loom)))]
mod interleavings;
mod layout;
mod memory;
#[cfg(all(test, loom))]
mod models;
mod refund;

use crate::algorithm::Rule;
use crate::error::Error;
use crate::sync::{AtomicU64, Ordering};
pub(crate) use hash::KeyHash;
pub(crate) use layout::Geometry;
use layout::{Fingerprint, Frozen, Header, LINE_WORDS, LINES, SLOTS, Seat, Tag, slots_of};
use memory::Words;

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

/// A slot that belonged to a key when its tag was read.
#[derive(Debug, Clone, Copy)]
struct Place<'table> {
    bucket: usize,
    slot: usize,
    tag: Tag,
    tag_word: &'table AtomicU64,
    state_word: &'table AtomicU64,
}

/// One line of a bucket: four pairs of words, of which the first of the first line is the header.
#[derive(Debug, Clone, Copy)]
struct Line<'table> {
    words: &'table memory::LineWords,
    number: usize,
}

impl<'table> Line<'table> {
    /// Which pairs are the key's slot, a bit for each.
    ///
    /// Compares all without a branch: where in the line a key is cannot be predicted, and a processor that guesses
    /// wrong throws away the fetches of the checks that follow.
    #[inline(always)]
    fn matches(self, key: KeyId, displacement: usize) -> u32 {
        let matches = (0..LINE_WORDS / 2).fold(0, |matches, pair| {
            let tag = Tag(read(&self.words[2 * pair]));
            matches | u32::from(tag.is_of(key.fingerprint, displacement)) << pair
        });
        matches & !u32::from(self.number == 0)
    }

    /// The tag and the state of the first slot in `matches`.
    #[inline(always)]
    fn slot(self, matches: u32) -> (&'table AtomicU64, &'table AtomicU64) {
        // The remainder is what the compiler needs to see that the index is within the line.
        let pair = matches.trailing_zeros() as usize % (LINE_WORDS / 2);
        (&self.words[2 * pair], &self.words[2 * pair + 1])
    }
}

impl Place<'_> {
    #[inline(always)]
    fn state(&self) -> u64 {
        read(self.state_word)
    }

    /// Whether the slot has been one key's since the tag was read: versions do not repeat in between (2^23 owners).
    #[inline(always)]
    fn is_still_its_keys(&self) -> bool {
        Tag(read(self.tag_word)).is_same_owner(self.tag)
    }
}

impl KeyId {
    /// Which line of a bucket the key prefers: the first has 3 slots, the second 4.
    #[inline]
    fn line(self) -> usize {
        usize::from(LINES > 1 && self.fingerprint >= u32::MAX / 7 * 3)
    }

    /// The lines of a bucket, the preferred one first.
    fn lines(self) -> impl Iterator<Item = usize> {
        (0..LINES).map(move |line| (self.line() + line) % LINES)
    }

    /// The slots of a bucket, those of the preferred line first.
    fn slots(self) -> impl Iterator<Item = usize> {
        self.lines().flat_map(slots_of)
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
        Ok(Self { words: Words::zeroed(geometry.words())?, geometry, on_full, rule })
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
    #[inline]
    pub(crate) fn key(&self, hash: u64) -> KeyId {
        let home = ((u128::from(hash) * self.geometry.buckets as u128) >> 64) as usize;
        // 0 stands for nobody.
        KeyId { home, fingerprint: (hash as Fingerprint).max(1) }
    }

    /// Has the line that the key prefers fetched while the caller does something else.
    #[inline]
    pub(crate) fn prefetch(&self, key: KeyId) {
        self.words.prefetch(self.geometry.header_word(key.home) + key.line() * LINE_WORDS);
    }

    /// Where the key is. `None` may be out of date by the time it is read; an insert looks again.
    #[inline]
    fn find(&self, key: KeyId) -> Option<Place<'_>> {
        self.find_in_line(key, 0, key.line()).or_else(|| self.find_elsewhere(key))
    }

    /// Outside the line that the key prefers: one in ten at the promised capacity.
    fn find_elsewhere(&self, key: KeyId) -> Option<Place<'_>> {
        let reach = self.header(key.home).reach().min(self.geometry.max_reach());
        (0..=reach)
            .find_map(|displacement| key.lines().find_map(|line| self.find_in_line(key, displacement, line)))
    }

    fn find_in_line(&self, key: KeyId, displacement: usize, line: usize) -> Option<Place<'_>> {
        let words = self.line(key, displacement, line);
        let matches = words.matches(key, displacement);
        if matches == 0 {
            return None;
        }
        let (tag_word, state_word) = words.slot(matches);
        let tag = Tag(read(tag_word));
        let bucket = self.geometry.bucket_after(key.home, displacement);
        let slot = line * (LINE_WORDS / 2) + matches.trailing_zeros() as usize - 1;
        tag.is_of(key.fingerprint, displacement).then_some(Place { bucket, slot, tag, tag_word, state_word })
    }

    #[inline(always)]
    fn line(&self, key: KeyId, displacement: usize, line: usize) -> Line<'_> {
        let bucket = self.geometry.bucket_after(key.home, displacement);
        Line { words: self.words.line(self.geometry.header_word(bucket) + line * LINE_WORDS), number: line }
    }

    /// How many keys are live at `now`: a pass over the whole table.
    pub(crate) fn live_keys(&self, now: u64) -> u64 {
        let slots = (0..self.geometry.buckets).flat_map(|bucket| (0..SLOTS).map(move |slot| (bucket, slot)));
        let is_live = |state| Frozen::of(state).is_none() && self.rule.consumed(state, now) > 0;
        slots.filter(|&(bucket, slot)| is_live(self.state(bucket, slot))).count() as u64
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

    fn bucket_of(&self, home: usize, seat: Seat) -> usize {
        self.geometry.bucket_after(home, seat.displacement)
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
