//! The words at the beginning of a shared table that say what it is.
//!
//! ```text
//! word  what                                 word  what else, and who writes it after the making
//!    0  magic, 'sluicegt'                      16  the boot that the clock's offset is of: who joins after a reboot
//!    1  format                                 17  the clock's offset in ns: likewise
//!    2  bytes of the table                     18  the latest time a limiter has seen, to a second: limiters
//!    3  max_keys
//!    4  the policy's algorithm, 1 to 4
//!    5  its limit   6  its period in ns   7  its burst
//!    8  a hash of words 0 to 7: what the maker means to make
//!    9  the seed of the keys' hash, not 0
//!   10  what a known key hashes to by it
//!   11  when the table was made, in Unix ns
//!   12  a hash of words 0 to 11: the table is ready
//! ```
//!
//! All words are in the machine's byte order, which the magic tells. Words 0 to 12 never change once they are not 0. So
//! the making is a row of swaps from 0: of several makers each does what the others have not done yet, and one that is
//! killed leaves it to the next. Makers of different tables part at word 8, which is claimed first.

use super::hash::KeyHash;
use super::layout::{Geometry, SLOTS, SUPERBLOCK_WORDS};
use super::memory::Words;
use crate::policy::{Algorithm, Policy};
use crate::sync::Ordering;
use std::time::Duration;

/// The first word as a number, so that its bytes tell the order in which they are: "tgeciuls" on most machines.
const MAGIC: u64 = u64::from_be_bytes(*b"sluicegt");
/// The version of this format, and the sizes that are part of it.
const FORMAT: u64 = 2 | (SLOTS as u64) << 32 | (SUPERBLOCK_WORDS as u64) << 40;

const MAGIC_WORD: usize = 0;
const FORMAT_WORD: usize = 1;
const BYTES_WORD: usize = 2;
const MAX_KEYS_WORD: usize = 3;
const ALGORITHM_WORD: usize = 4;
const LIMIT_WORD: usize = 5;
const PERIOD_WORD: usize = 6;
const BURST_WORD: usize = 7;
const INTENT_WORD: usize = 8;
const SEED_WORD: usize = 9;
const HASH_TEST_WORD: usize = 10;
const MADE_AT_WORD: usize = 11;
const CHECKSUM_WORD: usize = 12;
/// How many words say what the table is.
pub(crate) const DESCRIPTION_WORDS: usize = 13;
const BOOT_WORD: usize = 16;
const OFFSET_WORD: usize = 17;
const LATEST_WORD: usize = 18;

/// How exactly the latest time that a limiter has seen is noted, in ns.
pub(crate) const LATEST_STEP_NS: u64 = 1_000_000_000;

/// The key whose hash shows that two builds hash alike.
const TEST_KEY: &[u8] = b"sluicegate hashes this to see that all who share a table hash alike";
/// The seed of the checksum: any number, the same for ever.
const CHECKSUM_SEED: u64 = 0x51D1_CE6A_7E00_0001;

/// The words that say what a table is, read once into this process's own memory, where nobody else changes them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Description([u64; DESCRIPTION_WORDS]);

/// What stands against using a table.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Unfit {
    /// It is no table, or not one of this format, or damaged: what is wrong.
    Format(String),
    /// It is a table for something else.
    Mismatch {
        /// What differs.
        what: &'static str,
        /// What it is in the table.
        found: String,
        /// What it would have to be.
        wanted: String,
    },
}

impl Description {
    /// The description of a new table.
    pub(crate) fn new(policy: &Policy, max_keys: u64, geometry: Geometry, seed: u64, made_at: u64) -> Self {
        let mut words = [0; DESCRIPTION_WORDS];
        words[MAGIC_WORD] = MAGIC;
        words[FORMAT_WORD] = FORMAT;
        words[BYTES_WORD] = geometry.bytes();
        words[MAX_KEYS_WORD] = max_keys;
        words[ALGORITHM_WORD] = algorithm_number(policy.algorithm());
        words[LIMIT_WORD] = policy.limit();
        words[PERIOD_WORD] = policy.period().as_nanos() as u64;
        words[BURST_WORD] = policy.burst();
        words[INTENT_WORD] = hash_of(&words[..INTENT_WORD]);
        Self(words).with_seed(seed, made_at)
    }

    /// The same words with all hashes made right, so that whoever validates them sees what else is wrong.
    #[cfg(any(test, fuzzing))]
    pub(crate) fn sealed(self) -> Self {
        let Self(mut words) = self;
        words[INTENT_WORD] = hash_of(&words[..INTENT_WORD]);
        words[HASH_TEST_WORD] = KeyHash::from_seed(words[SEED_WORD]).hash(TEST_KEY);
        words[CHECKSUM_WORD] = hash_of(&words[..CHECKSUM_WORD]);
        Self(words)
    }

    #[cfg(any(test, fuzzing))]
    pub(crate) fn to_bytes(self) -> [u8; DESCRIPTION_WORDS * 8] {
        let mut bytes = [0; DESCRIPTION_WORDS * 8];
        bytes.chunks_exact_mut(8).zip(self.0).for_each(|(bytes, word)| bytes.copy_from_slice(&word.to_ne_bytes()));
        bytes
    }

    fn with_seed(self, seed: u64, made_at: u64) -> Self {
        let Self(mut words) = self;
        words[SEED_WORD] = seed;
        words[HASH_TEST_WORD] = KeyHash::from_seed(seed).hash(TEST_KEY);
        words[MADE_AT_WORD] = made_at;
        words[CHECKSUM_WORD] = hash_of(&words[..CHECKSUM_WORD]);
        Self(words)
    }

    /// The description in a file's first bytes, of which there must be as many.
    pub(crate) fn from_bytes(bytes: &[u8; DESCRIPTION_WORDS * 8]) -> Self {
        let mut words = [0; DESCRIPTION_WORDS];
        for (word, bytes) in words.iter_mut().zip(bytes.chunks_exact(8)) {
            *word = u64::from_ne_bytes(bytes.try_into().expect("chunks of 8 are of 8 bytes"));
        }
        Self(words)
    }

    /// Whether it is that of a table and whole; the policy it names if so.
    ///
    /// Nothing in it is used before this has looked at all of it.
    pub(crate) fn validate(&self) -> Result<Policy, Unfit> {
        let Self(words) = self;
        let problem = |problem: String| Err(Unfit::Format(problem));
        if words[MAGIC_WORD] == MAGIC.swap_bytes() {
            return problem("it was made on a machine of the other byte order".into());
        }
        if words[MAGIC_WORD] != MAGIC {
            return problem("it does not begin as a table of sluicegate's does".into());
        }
        if words[FORMAT_WORD] != FORMAT {
            let version = |format: u64| format as u32;
            return problem(format!(
                "its format is {:#x} (version {}); this build reads {FORMAT:#x} (version {})",
                words[FORMAT_WORD],
                version(words[FORMAT_WORD]),
                version(FORMAT)
            ));
        }
        if words[CHECKSUM_WORD] != hash_of(&words[..CHECKSUM_WORD]) {
            return problem("its first words do not match their checksum: it is damaged".into());
        }
        let policy = self.policy()?;
        let bytes = Geometry::new(self.max_keys()).map(Geometry::bytes);
        if bytes != Some(self.bytes()) {
            return problem(format!(
                "{} bytes are not the size of a table of {} keys",
                self.bytes(),
                self.max_keys()
            ));
        }
        if self.seed() == 0 {
            return problem("it has no seed".into());
        }
        if words[HASH_TEST_WORD] != KeyHash::from_seed(self.seed()).hash(TEST_KEY) {
            return problem("the program that made it hashes keys in another way than this build".into());
        }
        Ok(policy)
    }

    /// Whether it is that of a table for `policy` and `max_keys`.
    pub(crate) fn matches(&self, policy: &Policy, max_keys: u64) -> Result<(), Unfit> {
        let found = self.is_for(max_keys)?;
        if found != *policy {
            return Err(mismatch("policy", format!("\"{found}\""), format!("\"{policy}\"")));
        }
        Ok(())
    }

    /// Whether it is that of a table for `max_keys`, whatever its policy, which is given.
    pub(crate) fn is_for(&self, max_keys: u64) -> Result<Policy, Unfit> {
        let found = self.validate()?;
        if self.max_keys() != max_keys {
            return Err(mismatch("max_keys", self.max_keys().to_string(), max_keys.to_string()));
        }
        Ok(found)
    }

    fn policy(&self) -> Result<Policy, Unfit> {
        let Self(words) = self;
        let algorithm = Algorithm::ALL.into_iter().find(|&each| algorithm_number(each) == words[ALGORITHM_WORD]);
        let Some(algorithm) = algorithm else {
            return Err(Unfit::Format(format!(
                "it names an algorithm {} that this build does not know",
                words[ALGORITHM_WORD]
            )));
        };
        let period = Duration::from_nanos(words[PERIOD_WORD]);
        Policy::from_parts(algorithm, words[LIMIT_WORD], period, words[BURST_WORD])
            .map_err(|error| Unfit::Format(format!("its policy is none: {error}")))
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.0[BYTES_WORD]
    }

    pub(crate) fn max_keys(&self) -> u64 {
        self.0[MAX_KEYS_WORD]
    }

    pub(crate) fn seed(&self) -> u64 {
        self.0[SEED_WORD]
    }

    pub(crate) fn made_at(&self) -> u64 {
        self.0[MADE_AT_WORD]
    }
}

fn mismatch(what: &'static str, found: String, wanted: String) -> Unfit {
    Unfit::Mismatch { what, found, wanted }
}

fn algorithm_number(algorithm: Algorithm) -> u64 {
    match algorithm {
        Algorithm::FixedWindow => 1,
        Algorithm::SlidingWindow => 2,
        Algorithm::TokenBucket => 3,
        Algorithm::LeakyBucket => 4,
    }
}

/// A hash of some words that is the same everywhere, and never 0, which would say that there is none yet.
fn hash_of(words: &[u64]) -> u64 {
    let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_ne_bytes()).collect();
    KeyHash::from_seed(CHECKSUM_SEED).hash(&bytes).max(1)
}

/// The superblock of the table that has these words.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Superblock<'table>(pub(crate) &'table Words);

impl<'table> Superblock<'table> {
    /// Makes the table what `new` says, if it is none yet; in any case what it is, to be validated by the caller.
    ///
    /// Memory that is something else stays as it is.
    pub(crate) fn describe(self, new: &Description) -> Result<Description, Unfit> {
        let present = self.read();
        if present.0[CHECKSUM_WORD] != 0 {
            return Ok(present);
        }
        if ![0, MAGIC].contains(&present.0[MAGIC_WORD]) {
            return Err(Unfit::Format("the memory is neither zero nor a table of sluicegate's".into()));
        }
        // A maker claims its intent before any other word, so where there is another word there is an intent by now.
        if present.0.iter().any(|&word| word != 0) && self.load(INTENT_WORD) == 0 {
            return Err(Unfit::Format(
                "the memory is neither zero nor a table that somebody has begun to make".into(),
            ));
        }
        if self.claim(INTENT_WORD, new.0[INTENT_WORD]) != new.0[INTENT_WORD] {
            return Err(Unfit::Mismatch {
                what: "policy or max_keys",
                found: "another one, by which somebody has begun to make it".into(),
                wanted: "the one that is asked for".into(),
            });
        }
        for word in MAGIC_WORD..INTENT_WORD {
            self.claim(word, new.0[word]);
        }
        let seed = self.claim(SEED_WORD, new.seed());
        let made_at = self.claim(MADE_AT_WORD, new.made_at());
        let whole = new.with_seed(seed, made_at);
        self.claim(HASH_TEST_WORD, whole.0[HASH_TEST_WORD]);
        self.claim(CHECKSUM_WORD, whole.0[CHECKSUM_WORD]);
        Ok(self.read())
    }

    /// What the table is, as a copy.
    pub(crate) fn read(self) -> Description {
        Description(std::array::from_fn(|word| self.load(word)))
    }

    /// The boot that [`offset`](Self::offset) is of; 0 where there is none yet.
    pub(crate) fn boot(self) -> u64 {
        self.load(BOOT_WORD)
    }

    /// What the table's limiters add to the machine's time since boot, in ns.
    pub(crate) fn offset(self) -> u64 {
        self.load(OFFSET_WORD)
    }

    /// Sets the clock of the first boot: of several who do, the first decides.
    pub(crate) fn anchor_first(self, boot: u64, offset: u64) {
        self.claim(OFFSET_WORD, offset);
        self.claim(BOOT_WORD, boot);
    }

    /// Sets the clock anew after a reboot. Only for whoever holds the file's lock.
    pub(crate) fn anchor_again(self, boot: u64, offset: u64) {
        // The boot comes last: whoever is killed in between leaves an offset that the next one sets again. Release, for
        // `boot` in others: who sees the boot sees its offset.
        self.0.at(OFFSET_WORD).store(offset, Ordering::Release);
        self.0.at(BOOT_WORD).store(boot, Ordering::Release);
    }

    /// The latest time that a limiter has noted, in Unix ns.
    #[inline]
    pub(crate) fn latest(self) -> u64 {
        // Relaxed, here and below: the time publishes nothing but itself.
        self.0.at(LATEST_WORD).load(Ordering::Relaxed)
    }

    /// Notes that a limiter has seen the time `now`, if that is a step later than what is noted.
    #[inline]
    pub(crate) fn note_time(self, now: u64) {
        if now >= self.latest().saturating_add(LATEST_STEP_NS) {
            self.note_latest(now);
        }
    }

    /// Notes that a limiter has seen the time `now`.
    #[cold]
    pub(crate) fn note_latest(self, now: u64) {
        self.0.at(LATEST_WORD).fetch_max(now, Ordering::Relaxed);
    }

    fn load(self, word: usize) -> u64 {
        // Pairs with the swap of whoever claimed the word: who sees the checksum sees what it is of.
        self.0.at(word).load(Ordering::Acquire)
    }

    /// Makes the word `value` if it is 0; what it is then.
    fn claim(self, word: usize, value: u64) -> u64 {
        #[cfg(all(test, not(loom)))]
        super::interleavings::stop_if_told();
        // Pairs with itself and `load` in others.
        match self.0.at(word).compare_exchange(0, value, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => value,
            Err(present) => present,
        }
    }
}
