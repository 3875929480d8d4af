//! A bucket's words, and which of its slots may be a key's.

use super::find::Place;
use super::layout::{Fingerprint, SLOTS, Tag};
use super::memory::{BucketWords, prefetch_line};
use super::read;
use crate::sync::AtomicU64;

/// A bucket: a tag and a state for each slot.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bucket<'table>(pub(super) &'table BucketWords);

/// Slots of a bucket, one bit or more for each.
#[derive(Debug, Clone, Copy)]
pub(super) struct Slots(u32);

impl Slots {
    #[inline(always)]
    pub(super) fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether it is this slot alone.
    #[inline(always)]
    pub(super) fn is_only(self, slot: usize) -> bool {
        self.0 == ((1 << BITS_PER_SLOT) - 1) << (slot % SLOTS * BITS_PER_SLOT)
    }

    /// The first one, or more than there are.
    #[inline(always)]
    pub(super) fn first(self) -> usize {
        self.0.trailing_zeros() as usize / BITS_PER_SLOT
    }
}

impl Iterator for Slots {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        let first = self.first();
        let bits = (1 << BITS_PER_SLOT) - 1;
        self.0 &= !(bits << (first % SLOTS * BITS_PER_SLOT));
        (first < SLOTS).then_some(first)
    }
}

impl<'table> Bucket<'table> {
    /// The slots whose tag has the fingerprint: a hint, to be verified by reading the tag.
    ///
    /// Compares all without a branch: where in the bucket a key is cannot be predicted, and a processor that guesses
    /// wrong throws away what it has begun of the checks that follow.
    #[inline(always)]
    pub(super) fn candidates(self, fingerprint: Fingerprint) -> Slots {
        Slots(slots_with(self.0, fingerprint))
    }

    /// The slots whose state is not a word after `last_expired`, at most 2^63 - 2: those that may be free, a hint too.
    ///
    /// As for tags: which slot is the first free one cannot be predicted either.
    #[inline(always)]
    pub(super) fn not_after(self, last_expired: u64) -> Slots {
        Slots(slots_not_after(self.0, last_expired))
    }

    /// Has both lines fetched.
    #[inline(always)]
    pub(super) fn prefetch(self) {
        prefetch_line(&raw const self.0[0]);
        self.prefetch_states();
    }

    /// Has the line with the states fetched.
    #[inline(always)]
    pub(super) fn prefetch_states(self) {
        prefetch_line(&raw const self.0[SLOTS]);
    }

    /// The tag and the state of the first of some slots, if there are any.
    #[inline(always)]
    pub(super) fn first_of(self, slots: Slots) -> Option<(&'table AtomicU64, &'table AtomicU64)> {
        if slots.is_empty() {
            return None;
        }
        // From the bit to the word without the slot's number, which nobody asks for.
        let offset = slots.0.trailing_zeros() as usize * (size_of::<AtomicU64>() / BITS_PER_SLOT);
        // SAFETY: a slot has `BITS_PER_SLOT` bits, all of them set or none, and there are none beyond the last slot's. So the
        // first one that is set is a multiple of as many, and the words at the offset are the slot's tag and, `SLOTS` words
        // further on, its state.
        unsafe {
            let tag = self.0.as_ptr().byte_add(offset);
            Some((&*tag, &*tag.add(SLOTS)))
        }
    }

    /// The tag and the state of a slot.
    #[inline(always)]
    pub(super) fn words_of(self, slot: usize) -> (&'table AtomicU64, &'table AtomicU64) {
        // The remainder is what the compiler needs to see that the index is within the bucket.
        let slot = slot % SLOTS;
        (&self.0[slot], &self.0[SLOTS + slot])
    }

    /// A slot as it is now. The tag is read first: if it is the same afterwards, the state was under it.
    #[inline]
    pub(super) fn place(self, displacement: usize, slot: usize) -> Place<'table> {
        let (tag_word, state_word) = self.words_of(slot);
        let tag = Tag(read(tag_word));
        Place { displacement, slot, tag, state: read(state_word), tag_word, state_word }
    }
}

/// The comparison is packed into 16 bits for each slot, and yields a bit for each byte of them.
#[cfg(all(target_arch = "x86_64", not(any(loom, miri))))]
const BITS_PER_SLOT: usize = 2;
#[cfg(not(all(target_arch = "x86_64", not(any(loom, miri)))))]
const BITS_PER_SLOT: usize = 1;

/// Few instructions count here above all: those that wait for the line fill the processor's queues, and how many checks
/// it has under way to memory is how many fit into them.
#[cfg(all(target_arch = "x86_64", not(any(loom, miri))))]
#[inline(always)]
fn slots_with(words: &BucketWords, fingerprint: Fingerprint) -> u32 {
    use std::arch::asm;
    use std::arch::x86_64::_mm_set1_epi32;

    #[cfg(test)]
    super::interleavings::stop_if_told();
    const { assert!(SLOTS == 8) };
    let slots: u32;
    // SAFETY: reads the bucket's first eight words, which are aligned to the 16 bytes that the instructions ask for
    // (buckets are aligned to 128), and writes nothing. Others may write them meanwhile: each of the words is read
    // whole, as every x86-64 processor does with the aligned halves of such a load, so it is as if by an atomic load;
    // which of them came first is of no account, since the result is but a hint. SSE2 is part of x86-64.
    unsafe {
        asm!(
            // The upper half of each word (3, 1, 3, 1 in two bits each): that of a tag is its fingerprint.
            "movaps {low}, [{bucket}]",
            "movaps {high}, [{bucket} + 32]",
            "shufps {low}, [{bucket} + 16], 0xdd",
            "shufps {high}, [{bucket} + 48], 0xdd",
            "pcmpeqd {low}, {wanted}",
            "pcmpeqd {high}, {wanted}",
            "packssdw {low}, {high}",
            "pmovmskb {slots:e}, {low}",
            bucket = in(reg) words.as_ptr(),
            wanted = in(xmm_reg) _mm_set1_epi32(fingerprint.cast_signed()),
            low = out(xmm_reg) _,
            high = out(xmm_reg) _,
            slots = lateout(reg) slots,
            options(pure, readonly, nostack, preserves_flags),
        );
    }
    slots
}

/// The words are read as in [`slots_with`].
#[cfg(all(target_arch = "x86_64", not(any(loom, miri))))]
#[inline(always)]
fn slots_not_after(words: &BucketWords, last_expired: u64) -> u32 {
    use std::arch::asm;
    use std::arch::x86_64::_mm_set1_epi64x;

    #[cfg(test)]
    super::interleavings::stop_if_told();
    const { assert!(SLOTS == 8) };
    let slots: u32;
    // SAFETY: as in `slots_with`, for the eight words after those.
    unsafe {
        asm!(
            // The sign of a state, or of its difference to the first word that has not expired: no word is negative, so
            // that difference does not overflow.
            "movdqa {a}, [{states}]",
            "movdqa {b}, [{states} + 16]",
            "movdqa {low}, {a}",
            "movdqa {high}, {b}",
            "psubq {low}, {first_live}",
            "psubq {high}, {first_live}",
            "por {low}, {a}",
            "por {high}, {b}",
            // Upper halves, as above.
            "shufps {low}, {high}, 0xdd",
            "movdqa {a}, [{states} + 32]",
            "movdqa {b}, [{states} + 48]",
            "movdqa {high}, {a}",
            "movdqa {more}, {b}",
            "psubq {high}, {first_live}",
            "psubq {more}, {first_live}",
            "por {high}, {a}",
            "por {more}, {b}",
            "shufps {high}, {more}, 0xdd",
            "psrad {low}, 31",
            "psrad {high}, 31",
            "packssdw {low}, {high}",
            "pmovmskb {slots:e}, {low}",
            states = in(reg) &raw const words[SLOTS],
            first_live = in(xmm_reg) _mm_set1_epi64x((last_expired + 1).cast_signed()),
            a = out(xmm_reg) _,
            b = out(xmm_reg) _,
            low = out(xmm_reg) _,
            high = out(xmm_reg) _,
            more = out(xmm_reg) _,
            slots = lateout(reg) slots,
            options(pure, readonly, nostack, preserves_flags),
        );
    }
    slots
}

#[cfg(not(all(target_arch = "x86_64", not(any(loom, miri)))))]
#[inline(always)]
fn slots_not_after(words: &BucketWords, last_expired: u64) -> u32 {
    (0..SLOTS).fold(0, |slots, slot| {
        let state = super::read(&words[SLOTS + slot]);
        slots | u32::from(state <= last_expired || !super::layout::Frozen::is_word(state)) << slot
    })
}

#[cfg(not(all(target_arch = "x86_64", not(any(loom, miri)))))]
#[inline(always)]
fn slots_with(words: &BucketWords, fingerprint: Fingerprint) -> u32 {
    (0..SLOTS).fold(0, |slots, slot| {
        let has_it = super::Tag(super::read(&words[slot])).fingerprint() == fingerprint;
        slots | u32::from(has_it) << slot
    })
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn slots_are_told_by_their_words(
            words in prop::array::uniform16(prop_oneof![0u64..4, (1u64 << 63) - 3..(1 << 63) + 3, any::<u64>()]),
            fingerprint in prop_oneof![0u32..2, any::<u32>()],
            last_expired in prop_oneof![0u64..4, 0u64..(1 << 63) - 1],
        ) {
            #[repr(align(128))]
            struct Aligned(BucketWords);
            let aligned = Aligned(words.map(AtomicU64::new));
            let bucket = Bucket(&aligned.0);
            let with = |is_one: &dyn Fn(usize) -> bool| (0..SLOTS).filter(|&slot| is_one(slot)).collect::<Vec<_>>();
            let candidates: Vec<_> = bucket.candidates(fingerprint).collect();
            prop_assert_eq!(&candidates, &with(&|slot| words[slot] >> 32 == u64::from(fingerprint)));
            let free: Vec<_> = bucket.not_after(last_expired).collect();
            prop_assert_eq!(free, with(&|slot| words[SLOTS + slot] <= last_expired || words[SLOTS + slot] >> 63 == 1));
            for slot in 0..SLOTS {
                prop_assert_eq!(bucket.candidates(fingerprint).is_only(slot), candidates == [slot]);
            }
        }
    }
}
