//! The table's words: where they are and what their bits mean.
//!
//! ```text
//! superblock (32 words) | control (16 words) | counters (8 x 16 words) | buckets (16 words each) | headers (a word each)
//!
//! bucket:  tag 0   | … | tag 7                                               128 bytes, two adjacent lines
//!          state 0 | … | state 7
//!
//! header:  fingerprint 32 | seat 11 | reach 8 | sequence 13
//! tag:     fingerprint 32 | forgotten 1 | place 7 (displacement + 1) | version 23 | refunded 1
//! state:   0 | a word of the algorithm 63
//!          1 | displacement 8 | sequence 13 | low bits of the state it froze 42
//! ```
//!
//! Headers have a place of their own, since only inserts and keys that are not at home have to do with them.
//!
//! All zeroes is a valid, empty table. There are no pointers; indices are taken modulo the table's own size. The
//! superblock says what the rest is; a table that nobody shares needs none and leaves it zero.

/// Slots in a bucket: a cache line of tags and one of states. A model has small buckets, or else it would spend its time
/// on the order of loads that do not matter.
pub(super) const SLOTS: usize = if cfg!(loom) { 1 } else { 8 };
/// Words in a bucket.
pub(super) const BUCKET_WORDS: usize = 2 * SLOTS;

/// Shards of the counters, so that threads that insert do not share a line.
pub(super) const COUNTER_SHARDS: usize = if cfg!(loom) { 1 } else { 8 };
/// Words at the table's beginning that say what it is: see `superblock`. Models have none.
pub(super) const SUPERBLOCK_WORDS: usize = if cfg!(loom) { 0 } else { 32 };
/// The word that says until when the table is known to be full.
pub(super) const FULL_UNTIL_WORD: usize = SUPERBLOCK_WORDS;
const CONTROL_WORDS: usize = BUCKET_WORDS;
const COUNTERS_WORD: usize = SUPERBLOCK_WORDS + CONTROL_WORDS;
const BUCKETS_WORD: usize = COUNTERS_WORD + COUNTER_SHARDS * BUCKET_WORDS;
/// As many buckets would take the space of what comes before the first.
const BUCKETS_BEFORE: usize = BUCKETS_WORD / BUCKET_WORDS;

/// Keys for which a table has 8 buckets: 37/8 = 4.625 keys for the 8 slots of each, 29.41 bytes a key.
const KEYS_PER_8_BUCKETS: u64 = 37;

/// How far from its home bucket a key may be.
///
/// With Poisson(4.625) keys at home in each bucket, a run of `n` full buckets has odds of about
/// `exp(-1.009 n)` (Chernoff: `8 ln(8/4.625) - 8 + 4.625 = 1.009`), which is 10^-28 for the 64 in reach: below one in
/// a million for any table that fits a machine. A table of up to 64 buckets is in reach as a whole.
pub(super) const MAX_REACH: usize = 63;

/// The sizes of one table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Geometry {
    pub(super) buckets: usize,
}

impl Geometry {
    /// The largest `max_keys`: 2^48, more than any machine has memory for.
    pub(crate) const MAX_KEYS: u64 = 1 << 48;

    /// Room for `max_keys` live keys, or `None` if that is 0, above `MAX_KEYS` or more than the address space.
    pub(crate) fn new(max_keys: u64) -> Option<Self> {
        if !(1..=Self::MAX_KEYS).contains(&max_keys) {
            return None;
        }
        let buckets = usize::try_from((max_keys * 8).div_ceil(KEYS_PER_8_BUCKETS)).ok()?;
        let geometry = Self { buckets };
        (geometry.bytes() <= isize::MAX as u64).then_some(geometry)
    }

    /// The most keys for which `bytes` suffice, if they do for any.
    pub(crate) fn max_keys_in(bytes: u64) -> Option<u64> {
        let words = (bytes / 8).checked_sub(BUCKETS_WORD as u64)?;
        let buckets = words / (BUCKET_WORDS as u64 + 1);
        // Rounded down, so that the buckets for as many keys are no more than these.
        Some((buckets * KEYS_PER_8_BUCKETS / 8).min(Self::MAX_KEYS)).filter(|&max_keys| max_keys > 0)
    }

    pub(crate) fn words(self) -> usize {
        self.header_word(self.buckets)
    }

    pub(crate) fn bytes(self) -> u64 {
        (BUCKETS_WORD as u64 + self.buckets as u64 * (BUCKET_WORDS as u64 + 1)) * 8
    }

    /// How many buckets after the home one a key may be in.
    pub(super) fn max_reach(self) -> usize {
        MAX_REACH.min(self.buckets - 1)
    }

    /// The bucket `displacement` after `home`, around the end of the table.
    #[inline]
    pub(super) fn bucket_after(self, home: usize, displacement: usize) -> usize {
        let bucket = home + displacement;
        // The remainder is for displacements that no table of ours holds.
        if bucket < self.buckets { bucket } else { bucket % self.buckets }
    }

    /// The home of whoever is `displacement` away from it in `bucket`. Untrusted: any displacement is taken.
    #[inline]
    pub(super) fn home_of(self, bucket: usize, displacement: usize) -> usize {
        (bucket + self.buckets - displacement % self.buckets) % self.buckets
    }

    /// Where the bucket is, counted in buckets from the table's beginning.
    #[inline]
    pub(super) fn position(self, bucket: usize) -> usize {
        BUCKETS_BEFORE + bucket
    }

    #[inline]
    pub(super) fn tag_word(self, bucket: usize, slot: usize) -> usize {
        BUCKETS_WORD + bucket * BUCKET_WORDS + slot
    }

    #[inline]
    pub(super) fn state_word(self, bucket: usize, slot: usize) -> usize {
        self.tag_word(bucket, slot) + SLOTS
    }

    #[inline]
    pub(super) fn header_word(self, bucket: usize) -> usize {
        BUCKETS_WORD + self.buckets * BUCKET_WORDS + bucket
    }

    #[inline]
    pub(super) fn counter_word(self, shard: usize, counter: usize) -> usize {
        COUNTERS_WORD + (shard % COUNTER_SHARDS) * BUCKET_WORDS + counter
    }
}

/// What of a key's hash the table keeps beside its home bucket.
pub(super) type Fingerprint = u32;

/// A slot as seen from a home bucket: how many buckets on, and which there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Seat {
    pub(super) displacement: usize,
    pub(super) slot: usize,
}

const SEQUENCE_BITS: u32 = 13;
const SEQUENCE_MASK: u64 = (1 << SEQUENCE_BITS) - 1;

/// The header of a bucket: the state of the one insert at a time for keys whose home it is.
///
/// | seat | fingerprint | state |
/// |---|---|---|
/// | 0 | any | idle |
/// | 1 | key's | open: the key is to be inserted, its slot not yet chosen |
/// | 2 + displacement · 8 + slot | key's | bound: the slot is frozen for the key and will be handed over |
///
/// `idle -> open -> bound -> idle` or `idle -> open -> idle`; each `-> idle` adds one to the sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Header(pub(super) u64);

impl Header {
    const REACH_SHIFT: u32 = SEQUENCE_BITS;
    const SEAT_SHIFT: u32 = Self::REACH_SHIFT + 8;
    const FINGERPRINT_SHIFT: u32 = 32;
    const SEAT_MASK: u64 = (1 << 11) - 1;
    const IDLE: u64 = 0;
    const OPEN: u64 = 1;
    const FIRST_SEAT: u64 = 2;
    const SLOT_BITS: u32 = 3;

    fn pack(fingerprint: Fingerprint, seat: u64, reach: usize, sequence: u64) -> Self {
        Self(
            u64::from(fingerprint) << Self::FINGERPRINT_SHIFT
                | seat << Self::SEAT_SHIFT
                | (reach as u64 & 0xFF) << Self::REACH_SHIFT
                | (sequence & SEQUENCE_MASK),
        )
    }

    /// The header of a home whose keys are up to `reach` away.
    pub(super) fn idle_with_reach(reach: usize) -> Self {
        Self::pack(0, Self::IDLE, reach, 0)
    }

    pub(super) fn fingerprint(self) -> Fingerprint {
        (self.0 >> Self::FINGERPRINT_SHIFT) as Fingerprint
    }

    pub(super) fn is_idle(self) -> bool {
        self.packed_seat() == Self::IDLE
    }

    fn packed_seat(self) -> u64 {
        self.0 >> Self::SEAT_SHIFT & Self::SEAT_MASK
    }

    /// No key of this home is further away than this.
    #[inline]
    pub(super) fn reach(self) -> usize {
        (self.0 >> Self::REACH_SHIFT & 0xFF) as usize
    }

    pub(super) fn sequence(self) -> u64 {
        self.0 & SEQUENCE_MASK
    }

    /// The chosen slot, once the header is bound.
    pub(super) fn seat(self) -> Option<Seat> {
        let seat = self.packed_seat().checked_sub(Self::FIRST_SEAT)? as usize;
        // The remainder changes nothing but in a model, whose buckets are smaller.
        Some(Seat { displacement: seat >> Self::SLOT_BITS, slot: seat % (1 << Self::SLOT_BITS) % SLOTS })
    }

    pub(super) fn opened(self, fingerprint: Fingerprint) -> Self {
        Self::pack(fingerprint, Self::OPEN, self.reach(), self.sequence())
    }

    pub(super) fn bound(self, seat: Seat, reach: usize) -> Self {
        let packed_seat = Self::FIRST_SEAT + (seat.displacement << Self::SLOT_BITS | seat.slot) as u64;
        Self::pack(self.fingerprint(), packed_seat, reach, self.sequence())
    }

    pub(super) fn closed(self) -> Self {
        Self::pack(0, Self::IDLE, self.reach(), self.sequence() + 1)
    }
}

/// Whose slot it is. A place of 0: nobody's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Tag(pub(super) u64);

impl Tag {
    const REFUNDED: u64 = 1;
    const VERSION_SHIFT: u32 = 1;
    const VERSION_MASK: u64 = (1 << 23) - 1;
    const PLACE_SHIFT: u32 = 24;
    /// In the place, whose other bits are those of the owner that was.
    const FORGOTTEN: u64 = 1 << 31;
    const FINGERPRINT_SHIFT: u32 = 32;

    pub(super) fn fingerprint(self) -> Fingerprint {
        (self.0 >> Self::FINGERPRINT_SHIFT) as Fingerprint
    }

    /// The owner's bits of the tag of a key that is `displacement` from its home.
    #[inline]
    fn owner(fingerprint: Fingerprint, displacement: usize) -> u64 {
        u64::from(fingerprint) << Self::FINGERPRINT_SHIFT | (displacement as u64 + 1) << Self::PLACE_SHIFT
    }

    /// Whether this is the tag of a key that is `displacement` from its home.
    #[inline]
    pub(super) fn is_of(self, fingerprint: Fingerprint, displacement: usize) -> bool {
        self.0 ^ Self::owner(fingerprint, displacement) < 1 << Self::PLACE_SHIFT
    }

    /// Whether this is what a reset has left of the tag of such a key.
    #[inline]
    pub(super) fn was_of(self, fingerprint: Fingerprint, displacement: usize) -> bool {
        self.0 ^ (Self::owner(fingerprint, displacement) | Self::FORGOTTEN) < 1 << Self::PLACE_SHIFT
    }

    /// How far its owner is from home, if it has one.
    pub(super) fn displacement(self) -> Option<usize> {
        if self.0 & Self::FORGOTTEN != 0 { None } else { self.last_displacement() }
    }

    /// The same of an owner that may have been forgotten.
    pub(super) fn last_displacement(self) -> Option<usize> {
        ((self.0 & !Self::FORGOTTEN) as u32 >> Self::PLACE_SHIFT)
            .checked_sub(1)
            .map(|displacement| displacement as usize)
    }

    /// Counts the owners of the slot; its numbers mark the first word of each.
    pub(super) fn version(self) -> u64 {
        self.0 >> Self::VERSION_SHIFT & Self::VERSION_MASK
    }

    /// Whether a refund may have lowered, or be about to lower, the state.
    pub(super) fn is_refunded(self) -> bool {
        self.0 & Self::REFUNDED != 0
    }

    pub(super) fn refunded(self) -> Self {
        Self(self.0 | Self::REFUNDED)
    }

    /// The tag of a slot whose owner is forgotten. Its state stays what it was, and so does the mark. The owner's name
    /// stays too, so that it can have its slot again before that has expired.
    pub(super) fn forgotten(self) -> Self {
        let owner = self.0 >> Self::PLACE_SHIFT << Self::PLACE_SHIFT;
        Self(owner | Self::FORGOTTEN | self.0 & Self::REFUNDED | self.next_version())
    }

    /// The same owner in the same life, whether refunded or not.
    #[inline]
    pub(super) fn is_same_owner(self, other: Self) -> bool {
        (self.0 ^ other.0) <= Self::REFUNDED
    }

    /// The tag of the slot's next owner.
    pub(super) fn succeeded_by(self, fingerprint: Fingerprint, displacement: usize) -> Self {
        // Who has its own slot again takes over what refunds may be on their way to it.
        let mark = if self.was_of(fingerprint, displacement) { self.0 & Self::REFUNDED } else { 0 };
        Self(Self::owner(fingerprint, displacement) | mark | self.next_version())
    }

    /// The same owner's tag in a table that has had no other.
    pub(super) fn without_history(self) -> Self {
        Self(self.0 >> Self::PLACE_SHIFT << Self::PLACE_SHIFT)
    }

    fn next_version(self) -> u64 {
        ((self.version() + 1) & Self::VERSION_MASK) << Self::VERSION_SHIFT
    }
}

/// The state of a slot that is on its way from one key to another: nobody may charge it.
///
/// It names the insert it was frozen for by the home's displacement and sequence, so that whoever meets it can
/// finish that insert, or, if the insert took another slot, thaw it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Frozen(u64);

impl Frozen {
    const BIT: u64 = 1 << 63;
    const DISPLACEMENT_SHIFT: u32 = 55;
    const SEQUENCE_SHIFT: u32 = 42;
    const LOW_BITS: u64 = (1 << Self::SEQUENCE_SHIFT) - 1;

    pub(super) fn new(displacement: usize, sequence: u64, state: u64) -> Self {
        let name = (displacement as u64 & 0xFF) << Self::DISPLACEMENT_SHIFT | sequence << Self::SEQUENCE_SHIFT;
        Self(Self::BIT | name | state & Self::LOW_BITS)
    }

    /// The state, if it is a frozen one.
    #[inline]
    pub(super) fn of(state: u64) -> Option<Self> {
        (state & Self::BIT != 0).then_some(Self(state))
    }

    pub(super) fn state(self) -> u64 {
        self.0
    }

    pub(super) fn displacement(self) -> usize {
        (self.0 >> Self::DISPLACEMENT_SHIFT & 0xFF) as usize
    }

    fn sequence(self) -> u64 {
        self.0 >> Self::SEQUENCE_SHIFT & SEQUENCE_MASK
    }

    /// Whether the insert that `header` describes froze this, `displacement` away from it.
    pub(super) fn is_for(self, header: Header, displacement: usize) -> bool {
        !header.is_idle() && self.sequence() == header.sequence() && self.displacement() == displacement
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_header_keeps_each_of_its_fields(
            fingerprint: u32, displacement in 0usize..=MAX_REACH, slot in 0usize..SLOTS, reach in 0usize..=255, sequence in 0u64..1 << 13,
        ) {
            let idle = Header::pack(0, Header::IDLE, reach, sequence);
            prop_assert!(idle.is_idle() && idle.seat().is_none());
            let open = idle.opened(fingerprint);
            prop_assert_eq!((open.fingerprint(), open.seat(), open.reach(), open.sequence()), (fingerprint, None, reach, sequence));
            let seat = Seat { displacement, slot };
            let bound = open.bound(seat, 255 - reach);
            prop_assert_eq!((bound.fingerprint(), bound.seat(), bound.reach()), (fingerprint, Some(seat), 255 - reach));
            let closed = bound.closed();
            prop_assert!(closed.is_idle());
            prop_assert_eq!((closed.reach(), closed.sequence()), (255 - reach, (sequence + 1) % (1 << 13)));
        }

        #[test]
        fn a_tag_keeps_each_of_its_fields(fingerprint: u32, displacement in 0usize..=MAX_REACH, before in any::<u64>()) {
            let tag = Tag(before).succeeded_by(fingerprint, displacement);
            prop_assert!(tag.is_of(fingerprint, displacement) && !tag.is_refunded());
            prop_assert!(!tag.is_of(fingerprint ^ 1, displacement) && !tag.is_of(fingerprint, displacement ^ 1));
            prop_assert_eq!(tag.displacement(), Some(displacement));
            let forgotten = tag.refunded().forgotten();
            prop_assert!(forgotten.displacement().is_none() && forgotten.is_refunded());
            prop_assert_eq!(forgotten.last_displacement(), Some(displacement));
            prop_assert!(forgotten.was_of(fingerprint, displacement) && !forgotten.is_of(fingerprint, displacement));
            prop_assert!(!tag.was_of(fingerprint, displacement) && !forgotten.was_of(fingerprint ^ 1, displacement));
            prop_assert!(forgotten.succeeded_by(fingerprint, displacement).is_refunded());
            prop_assert!(!forgotten.succeeded_by(fingerprint ^ 1, displacement).is_refunded());
            prop_assert_eq!(tag.version(), (Tag(before).version() + 1) % (1 << 23));
            prop_assert!(tag.refunded().is_refunded() && tag.refunded().is_same_owner(tag));
            prop_assert!(!tag.succeeded_by(fingerprint, displacement).is_same_owner(tag));
        }

        #[test]
        fn a_frozen_state_names_its_insert_and_is_no_word(displacement in 0usize..=255, sequence in 0u64..1 << 13, state in 0u64..1 << 63) {
            prop_assert!(Frozen::of(state).is_none());
            let frozen = Frozen::of(Frozen::new(displacement, sequence, state).state()).unwrap();
            let header = Header::pack(7, Header::OPEN, 0, sequence);
            prop_assert!(frozen.is_for(header, displacement));
            prop_assert!(!frozen.is_for(header, displacement ^ 1));
            prop_assert!(!frozen.is_for(header.closed(), displacement) && !frozen.is_for(header.closed().opened(7), displacement));
        }

        #[test]
        fn a_home_is_found_from_any_of_its_buckets(buckets in 1usize..1000, home in 0usize..1000, displacement in 0usize..=MAX_REACH) {
            let geometry = Geometry { buckets };
            let (home, displacement) = (home % buckets, displacement % buckets);
            prop_assert_eq!(geometry.home_of(geometry.bucket_after(home, displacement), displacement), home);
        }
    }

    #[test]
    fn a_key_costs_at_most_32_bytes_at_the_promised_capacity() {
        for max_keys in [1_000, 100_000, 1_000_000, 50_000_000] {
            let geometry = Geometry::new(max_keys).unwrap();
            assert!(geometry.bytes() <= 32 * max_keys, "{max_keys}: {} bytes", geometry.bytes());
        }
    }

    #[test]
    fn a_table_for_all_the_keys_that_fit_into_some_bytes_fits_into_them() {
        assert_eq!(Geometry::max_keys_in(0), None);
        assert_eq!(Geometry::max_keys_in(Geometry::new(1).unwrap().bytes() - 1), None);
        for bytes in (0..100_000).step_by(8).chain([1 << 30, u64::MAX]) {
            if let Some(max_keys) = Geometry::max_keys_in(bytes) {
                assert!(Geometry::new(max_keys).unwrap().bytes() <= bytes);
            }
        }
        for max_keys in [1, 2, 10, 1_000, 1_000_003] {
            let bytes = Geometry::new(max_keys).unwrap().bytes();
            assert!(Geometry::max_keys_in(bytes).unwrap() >= max_keys);
        }
    }

    #[test]
    fn sizes_that_no_machine_has_are_refused() {
        assert!(Geometry::new(0).is_none());
        assert!(Geometry::new(u64::MAX).is_none());
        assert!(Geometry::new(Geometry::MAX_KEYS).is_some());
    }
}
