//! Keys to 64 bits, with a secret of the table's own.
//!
//! rapidhash v3: its output is specified for every platform and build, which tables shared by processes need,
//! and a short key takes a few nanoseconds. Its multipliers are drawn at random for each table, so nobody
//! outside can choose keys that meet in one bucket or share a budget.

use crate::error::Error;
use rapidhash::v3::{RapidSecrets, rapidhash_v3_nano_inline, rapidhash_v3_seeded};

/// A hash function that nobody else has.
#[derive(Debug, Clone)]
pub(crate) struct KeyHash {
    secrets: RapidSecrets,
}

impl KeyHash {
    /// A function drawn at random by the operating system.
    pub(crate) fn random() -> Result<Self, Error> {
        let mut seed = [0; 8];
        getrandom::fill(&mut seed).map_err(|_| Error::NoEntropy)?;
        Ok(Self::from_seed(u64::from_ne_bytes(seed)))
    }

    /// The function of `seed`: the same in every build.
    pub(crate) fn from_seed(seed: u64) -> Self {
        Self { secrets: RapidSecrets::seed(seed) }
    }

    #[inline(always)]
    pub(crate) fn hash(&self, key: &[u8]) -> u64 {
        if key.len() <= 16 {
            rapidhash_v3_nano_inline::<true, false>(key, &self.secrets)
        } else {
            self.hash_long(key)
        }
    }

    /// Up to 48 bytes both are the same function. The small one saves no registers, and the other one is for what is much
    /// longer: addresses, names of users and UUIDs are not.
    #[inline(never)]
    fn hash_long(&self, key: &[u8]) -> u64 {
        if key.len() <= 48 {
            rapidhash_v3_nano_inline::<true, false>(key, &self.secrets)
        } else {
            self.hash_very_long(key)
        }
    }

    #[inline(never)]
    fn hash_very_long(&self, key: &[u8]) -> u64 {
        rapidhash_v3_seeded(key, &self.secrets)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn the_output_is_the_same_in_every_build() {
        let hash = KeyHash::from_seed(1);
        let outputs = [&b""[..], b"203.0.113.10", &[0xFF; 100]].map(|key| hash.hash(key));
        assert_eq!(outputs, [575674189034930231, 8835054933607217756, 3768185240168403852]);
    }

    #[test]
    fn a_key_of_any_length_is_hashed_as_specified() {
        let hash = KeyHash::from_seed(7);
        let bytes: Vec<u8> = (0..=255).collect();
        for length in 0..bytes.len() {
            let key = &bytes[..length];
            assert_eq!(hash.hash(key), rapidhash_v3_seeded(key, &hash.secrets), "{length} bytes");
        }
    }

    #[test]
    fn two_tables_hash_differently() {
        assert_ne!(KeyHash::random().unwrap().hash(b"key"), KeyHash::random().unwrap().hash(b"key"));
    }
}
