//! Taking over the keys of a table that had another policy: what each has consumed stays consumed.

use super::layout::{Frozen, Header, SLOTS, Tag};
use super::{Table, read};
use crate::algorithm::FRESH;

impl Table {
    /// Takes over all keys of `old`, a table of the same size and seed with a policy of its own. Nobody else may have
    /// this one yet, which must be empty.
    ///
    /// A key has consumed as many permits, rounded up, as it has by the old policy at `now`, or as many as the new one
    /// lets it. What others charge to the old table meanwhile may be missed; a slot that is on its way from one key to
    /// another is left out: its old key has expired or been evicted, and the new one has not been charged.
    pub(crate) fn adopt(&self, old: &Table, now: u64) {
        assert_eq!(self.geometry, old.geometry, "tables of two sizes");
        for bucket in 0..self.geometry.buckets {
            for slot in 0..SLOTS {
                self.adopt_slot(old, bucket, slot, now);
            }
            let reach = old.reach(bucket);
            self.move_header(bucket, Header::default(), Header::default().with_reach(reach));
            // Nobody looks further than the home bucket while its last slot is unused.
            if reach > 0 && !self.has_spilled(bucket) {
                let used = Tag::default().vacated();
                self.move_tag(bucket, SLOTS - 1, Tag::default(), used);
                self.count_renamed(used);
            }
        }
    }

    fn adopt_slot(&self, old: &Table, bucket: usize, slot: usize, now: u64) {
        let tag = old.tag(bucket, slot);
        let state = old.state(bucket, slot);
        let is_its_keys = Tag(read(old.tag_word(bucket, slot))).is_same_owner(tag);
        let Some(displacement) = tag.displacement().filter(|_| is_its_keys && Frozen::of(state).is_none()) else {
            return;
        };
        let word = self.rule.word_after(old.rule.consumption(state, now), now);
        if word != FRESH && displacement <= self.geometry.max_reach() {
            // Nobody else has this table, so no swap can fail.
            let _ = self.move_state(bucket, slot, 0, word);
            self.move_tag(bucket, slot, Tag::default(), tag.without_history());
        }
    }
}
