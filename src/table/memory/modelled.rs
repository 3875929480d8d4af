//! The same words for a model: loom's atomics carry an identity and must be made one by one.

use super::BucketWords;
use crate::error::Error;
use crate::sync::AtomicU64;
use crate::table::layout::{BUCKET_WORDS, BUCKETS_BEFORE, Geometry};

#[derive(Debug)]
pub(crate) struct Words(Box<[AtomicU64]>);

impl Words {
    pub(crate) fn zeroed(words: usize) -> Result<Self, Error> {
        Ok(Self((0..words).map(|_| AtomicU64::new(0)).collect()))
    }

    pub(crate) fn at(&self, index: usize) -> &AtomicU64 {
        &self.0[index]
    }

    pub(crate) fn prefault(&self) -> Result<(), Error> {
        Ok(())
    }

    pub(in crate::table) fn bucket(&self, position: usize) -> &BucketWords {
        self.0[position * BUCKET_WORDS..(position + 1) * BUCKET_WORDS]
            .try_into()
            .expect("a bucket has as many words")
    }

    pub(in crate::table) fn hold(&self, geometry: Geometry) -> bool {
        geometry.words() <= self.0.len()
    }

    /// # Safety
    /// None is needed: the number is looked at.
    pub(in crate::table) unsafe fn home_unchecked(&self, number: usize) -> &BucketWords {
        self.bucket(BUCKETS_BEFORE + number)
    }
}
