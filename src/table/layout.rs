//! The table's words: where they are and what their bits mean.
//!
//! ```text
//! superblock (32 words) | control (16 words) | counters (8 x 16 words) | buckets (16 words each) | headers (a word each)
//!
//! bucket:  tag 0   | … | tag 7                                               128 bytes, two adjacent lines
//!          state 0 | … | state 7
//!
//! header:  sequence 56 | reach 8
//! tag:     fingerprint 32 | forgotten 1 | place 7 (displacement + 1) | version 23 | refunded 1
//! state:   0 | a word of the algorithm 63, not 0
//!          1 | returnable 1 | what it held is forgotten at 39 | version of the tag that it was frozen under 23
//!          0: as if frozen under version 0
//! ```
//!
//! Headers have a place of their own, since only keys that are not at home have to do with them.
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
pub(super) const BUCKETS_BEFORE: usize = BUCKETS_WORD / BUCKET_WORDS;

/// Keys for which a table has 8 buckets: 46/8 = 5.75 keys for the 8 slots of each, 23.65 bytes a key.
const KEYS_PER_8_BUCKETS: u64 = 46;

/// How far from its home bucket a key may be: as far as the place in a tag can say.
///
/// With Poisson(5.75) keys at home in each bucket, a run of `n` full buckets has odds of about
/// `exp(-0.392 n)` (Chernoff: `8 ln(8/5.75) - 8 + 5.75 = 0.392`), which is 10^-21 for the 127 in reach: below one in
/// a million for any table that fits a machine. A table of up to 127 buckets is in reach as a whole.
pub(super) const MAX_REACH: usize = 126;

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

    /// The home of whoever is `displacement` away from it in `bucket`.
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

/// The header of a bucket: how far from it the keys are whose home it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Header(pub(super) u64);

impl Header {
    const REACH_BITS: u32 = 8;

    /// No key of this home is further away than this.
    #[inline]
    pub(super) fn reach(self) -> usize {
        (self.0 & ((1 << Self::REACH_BITS) - 1)) as usize
    }

    /// The next header. It is another word even with the same reach, so that whoever has seen this one and wants to
    /// lower the reach learns that a key has come.
    pub(super) fn with_reach(self, reach: usize) -> Self {
        let next = (self.0 >> Self::REACH_BITS).wrapping_add(1);
        Self(next << Self::REACH_BITS | reach as u64 & ((1 << Self::REACH_BITS) - 1))
    }
}

/// Whose slot it is. A place of 0: nobody's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Tag(pub(super) u64);

impl Tag {
    const REFUNDED: u64 = 1;
    const VERSION_SHIFT: u32 = 1;
    /// How many versions there are before they begin anew.
    pub(super) const VERSIONS: u64 = 1 << 23;
    const VERSION_MASK: u64 = Self::VERSIONS - 1;
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
    #[inline(always)]
    pub(super) fn is_of(self, fingerprint: Fingerprint, displacement: usize) -> bool {
        self.0 ^ Self::owner(fingerprint, displacement) < 1 << Self::PLACE_SHIFT
    }

    /// Whether this is the tag of such a key, or what a reset has left of it.
    #[inline]
    pub(super) fn names(self, fingerprint: Fingerprint, displacement: usize) -> bool {
        Self(self.0 & !Self::FORGOTTEN).is_of(fingerprint, displacement)
    }

    /// Whether the slot has never been anybody's. It has no second time.
    #[inline]
    pub(super) fn is_unused(self) -> bool {
        self.0 == 0
    }

    /// How far its owner is from home, if it has one.
    #[inline]
    pub(super) fn displacement(self) -> Option<usize> {
        if self.0 & Self::FORGOTTEN != 0 { None } else { self.last_displacement() }
    }

    /// The same of an owner that may have been forgotten.
    pub(super) fn last_displacement(self) -> Option<usize> {
        ((self.0 & !Self::FORGOTTEN) as u32 >> Self::PLACE_SHIFT)
            .checked_sub(1)
            .map(|displacement| displacement as usize)
    }

    /// Counts the owners of the slot, and how often one of them was forgotten.
    #[inline]
    pub(super) fn version(self) -> u64 {
        self.0 >> Self::VERSION_SHIFT & Self::VERSION_MASK
    }

    /// Whether a refund may have lowered, or be about to lower, the state.
    #[inline]
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

    /// The tag of a slot that is nobody's, under a name that is no key's, as the place is none.
    pub(super) fn vacated(self) -> Self {
        Self(Self::FORGOTTEN | self.0 & Self::REFUNDED | self.next_version())
    }

    /// The same owner in the same life, whether refunded or not.
    #[inline]
    pub(super) fn is_same_owner(self, other: Self) -> bool {
        (self.0 ^ other.0) <= Self::REFUNDED
    }

    /// The tag of the slot's next owner.
    pub(super) fn succeeded_by(self, fingerprint: Fingerprint, displacement: usize) -> Self {
        // Who has its own slot again takes over what refunds may be on their way to it.
        let mark = if self.names(fingerprint, displacement) { self.0 & Self::REFUNDED } else { 0 };
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

/// The state of a slot that is on its way from one key to another, so that nobody can charge it.
///
/// It has the version of the tag that it was frozen under, and is another word each time: a slot is frozen once for each
/// version, but for those that are given back, which only the thread that froze it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Frozen(u64);

impl Frozen {
    const BIT: u64 = 1 << 63;
    const RETURNABLE: u64 = 1 << 62;
    const TIME_SHIFT: u32 = 23;
    const TIME_MASK: u64 = (1 << 39) - 1;
    /// What times are rounded up to: 2^24 ns, a sixtieth of a second.
    const TIME_UNIT_SHIFT: u32 = 24;

    /// Frozen under `tag` by somebody who may still put back the word that was there, which nobody can hold any more, nor a
    /// later one that a refund has lowered, at `forgotten_at`.
    #[inline]
    pub(super) fn returnable(tag: Tag, forgotten_at: u64) -> Self {
        let time = ((forgotten_at >> Self::TIME_UNIT_SHIFT) + 1).min(Self::TIME_MASK);
        Self(Self::BIT | Self::RETURNABLE | time << Self::TIME_SHIFT | tag.version())
    }

    /// The same for good: whoever changes `tag` first has the slot.
    #[inline]
    pub(super) fn released(self, tag: Tag) -> Self {
        let time = self.0 & Self::TIME_MASK << Self::TIME_SHIFT;
        Self(Self::BIT | time | tag.version())
    }

    /// From when on nobody can hold a word of the key that had the slot.
    pub(super) fn forgotten_at(self) -> u64 {
        (self.0 >> Self::TIME_SHIFT & Self::TIME_MASK) << Self::TIME_UNIT_SHIFT
    }

    /// Whether a state is a word of the algorithm and not a frozen one.
    #[inline(always)]
    pub(super) fn is_word(state: u64) -> bool {
        state.cast_signed() > 0
    }

    /// The state, if it is no word. A slot that has never been used counts as released.
    #[inline]
    pub(super) fn of(state: u64) -> Option<Self> {
        (!Self::is_word(state)).then_some(Self(state))
    }

    #[inline]
    pub(super) fn state(self) -> u64 {
        self.0
    }

    #[inline]
    fn is_under(self, tag: Tag) -> bool {
        self.0 & Tag::VERSION_MASK == tag.version()
    }

    pub(super) fn is_returnable(self) -> bool {
        self.0 & Self::RETURNABLE != 0
    }

    /// Whether it is what [`released`](Self::released) makes, or a slot never used.
    #[inline]
    pub(super) fn is_released_under(self, tag: Tag) -> bool {
        self.is_under(tag) && !self.is_returnable()
    }
}

/// How a slot stands to the key that its tag names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// There is a word: the key's, unless it is forgotten.
    Charged,
    /// Frozen before the tag became the key's: the slot waits for the key's first charge.
    Awaited,
    /// Frozen for somebody else: whoever releases it and then changes the tag has it.
    Vacant,
}

impl Standing {
    #[inline]
    pub(super) fn of(tag: Tag, state: u64) -> Self {
        match Frozen::of(state) {
            None => Self::Charged,
            Some(frozen) if frozen.is_under(tag) || tag.displacement().is_none() => Self::Vacant,
            Some(_) => Self::Awaited,
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_header_has_its_reach_and_is_never_the_same_again(before: u64, reach in 0usize..=255) {
            let header = Header(before).with_reach(reach);
            prop_assert_eq!(header.reach(), reach);
            prop_assert_ne!(header, Header(before));
            prop_assert_ne!(header.with_reach(Header(before).reach()), Header(before));
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
            prop_assert!(forgotten.names(fingerprint, displacement) && !forgotten.is_of(fingerprint, displacement));
            prop_assert!(tag.names(fingerprint, displacement) && !forgotten.names(fingerprint ^ 1, displacement));
            let vacated = tag.refunded().vacated();
            prop_assert!(vacated.is_refunded() && vacated.last_displacement().is_none() && !vacated.is_unused());
            prop_assert!(!vacated.names(fingerprint, displacement) && vacated.version() == forgotten.version());
            prop_assert!(forgotten.succeeded_by(fingerprint, displacement).is_refunded());
            prop_assert!(!forgotten.succeeded_by(fingerprint ^ 1, displacement).is_refunded());
            prop_assert_eq!(tag.version(), (Tag(before).version() + 1) % (1 << 23));
            prop_assert!(tag.refunded().is_refunded() && tag.refunded().is_same_owner(tag));
            prop_assert!(!tag.succeeded_by(fingerprint, displacement).is_same_owner(tag));
        }

        #[test]
        fn a_frozen_state_is_no_word_and_knows_its_tag(
            fingerprint: u32, before: u64, word in 1u64..1 << 63, forgotten_at in 0u64..1 << 62,
        ) {
            prop_assert!(Frozen::of(word).is_none());
            let old = Tag(before).succeeded_by(fingerprint, 1);
            let new = old.succeeded_by(fingerprint ^ 1, 0);
            let returnable = Frozen::returnable(old, forgotten_at);
            for frozen in [returnable, returnable.released(old)] {
                prop_assert!((forgotten_at..=forgotten_at + (1 << 24)).contains(&frozen.forgotten_at()));
                prop_assert!(Frozen::of(frozen.state()).is_some());
                prop_assert_eq!(frozen.is_released_under(old), !frozen.is_returnable());
                prop_assert!(!frozen.is_released_under(new));
                prop_assert_eq!(Standing::of(old, frozen.state()), Standing::Vacant);
                prop_assert_eq!(Standing::of(old.refunded(), frozen.state()), Standing::Vacant);
                prop_assert_eq!(Standing::of(new, frozen.state()), Standing::Awaited);
                prop_assert_eq!(Standing::of(new.forgotten(), frozen.state()), Standing::Vacant);
            }
            prop_assert!(Frozen::returnable(old, u64::MAX).forgotten_at() > 1 << 62);
            prop_assert_eq!(Standing::of(new, word), Standing::Charged);
            prop_assert_eq!(Standing::of(Tag::default(), 0), Standing::Vacant);
            prop_assert_eq!(Standing::of(Tag::default().succeeded_by(fingerprint, 0), 0), Standing::Awaited);
        }

        #[test]
        fn a_home_is_found_from_any_of_its_buckets(buckets in 1usize..1000, home in 0usize..1000, displacement in 0usize..=MAX_REACH) {
            let geometry = Geometry { buckets };
            let (home, displacement) = (home % buckets, displacement % buckets);
            prop_assert_eq!(geometry.home_of(geometry.bucket_after(home, displacement), displacement), home);
        }
    }

    #[test]
    fn a_key_costs_at_most_24_bytes_at_the_promised_capacity() {
        for max_keys in [10_000, 100_000, 1_000_000, 50_000_000] {
            let geometry = Geometry::new(max_keys).unwrap();
            assert!(geometry.bytes() <= 24 * max_keys, "{max_keys}: {} bytes", geometry.bytes());
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
