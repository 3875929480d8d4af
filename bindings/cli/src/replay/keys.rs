//! The keys met so far, each with a small number; bounded.

use foldhash::fast::RandomState;
use hashbrown::HashTable;
use std::hash::BuildHasher;

/// Room for key bytes, on average over `max_keys`: what keeps very long keys from filling the memory.
const BYTES_PER_KEY: usize = 256;
const LEAST_BYTES: usize = 1024 * 1024;

/// Numbers keys 0, 1, 2, … in the order they were met.
pub struct Keys {
    table: HashTable<Slot>,
    hasher: RandomState,
    ends: Vec<usize>,
    bytes: Vec<u8>,
    max_keys: usize,
    max_bytes: usize,
}

/// A key in the hash table. Most keys are addresses and short enough to be held here, which spares a line of the log two
/// waits for memory.
struct Slot {
    number: u32,
    length: u32,
    /// The key's first bytes, then zeroes.
    head: [u8; HEAD],
}

const HEAD: usize = 16;

impl Slot {
    /// The slot that `key` would have; `None` for a key longer than any line.
    fn of(key: &[u8], number: u32) -> Option<Self> {
        let mut head = [0; HEAD];
        let short = key.len().min(HEAD);
        head[..short].copy_from_slice(&key[..short]);
        Some(Self { number, length: u32::try_from(key.len()).ok()?, head })
    }

    fn is_like(&self, other: &Self) -> bool {
        self.length == other.length && self.head == other.head
    }
}

impl Keys {
    /// No keys yet, and at most `max_keys` ever.
    pub fn new(max_keys: usize) -> Self {
        Self {
            table: HashTable::new(),
            hasher: RandomState::default(),
            ends: Vec::new(),
            bytes: Vec::new(),
            max_keys,
            max_bytes: max_keys.saturating_mul(BYTES_PER_KEY).max(LEAST_BYTES),
        }
    }

    /// The number of `key`, new or known; `None` for a new key that no longer fits.
    pub fn number(&mut self, key: &[u8]) -> Option<usize> {
        let new = Slot::of(key, u32::try_from(self.len()).ok()?)?;
        let hash = self.hasher.hash_one(key);
        let known = self
            .table
            .find(hash, |slot| slot.is_like(&new) && (key.len() <= HEAD || self.get(slot.number as usize) == key));
        if let Some(slot) = known {
            return Some(slot.number as usize);
        }
        if self.len() >= self.max_keys || self.bytes.len() + key.len() > self.max_bytes {
            return None;
        }
        self.bytes.extend_from_slice(key);
        self.ends.push(self.bytes.len());
        let (ends, bytes, hasher) = (&self.ends, &self.bytes, &self.hasher);
        self.table.insert_unique(hash, new, |slot| hasher.hash_one(key_at(ends, bytes, slot.number as usize)));
        Some(self.len() - 1)
    }

    /// How many keys are known.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// The key with this number.
    pub fn get(&self, number: usize) -> &[u8] {
        key_at(&self.ends, &self.bytes, number)
    }
}

fn key_at<'a>(ends: &[usize], bytes: &'a [u8], number: usize) -> &'a [u8] {
    let start = match number {
        0 => 0,
        _ => ends[number - 1],
    };
    &bytes[start..ends[number]]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_keeps_its_number() {
        let mut keys = Keys::new(100_000);
        for round in 0..2 {
            for at in 0..50_000_usize {
                let key = at.to_string();
                assert_eq!(keys.number(key.as_bytes()), Some(at), "round {round}");
                assert_eq!(keys.get(at), key.as_bytes());
            }
        }
        assert_eq!(keys.len(), 50_000);
    }

    #[test]
    fn keys_alike_in_their_first_bytes_are_told_apart() {
        let mut keys = Keys::new(100);
        let long = b"sixteen bytes at first and then more";
        for length in 0..long.len() {
            assert_eq!(keys.number(&long[..length]), Some(length));
        }
        assert_eq!(keys.number(b"sixteen bytes at first, but then"), Some(long.len()));
        assert_eq!(keys.number(b"\0"), Some(long.len() + 1));
        assert_eq!(keys.number(&long[..20]), Some(20));
    }

    #[test]
    fn new_keys_beyond_the_bound_get_no_number_and_known_ones_keep_theirs() {
        let mut keys = Keys::new(2);
        assert_eq!(keys.number(b"a"), Some(0));
        assert_eq!(keys.number(b""), Some(1));
        assert_eq!(keys.number(b"c"), None);
        assert_eq!(keys.number(b"a"), Some(0));
        assert_eq!(keys.number(b""), Some(1));
    }

    #[test]
    fn very_long_keys_cannot_fill_the_memory() {
        let mut keys = Keys::new(1_000);
        let long = vec![b'x'; LEAST_BYTES];
        assert_eq!(keys.number(&long), Some(0));
        assert_eq!(keys.number(b"y"), None);
    }
}
