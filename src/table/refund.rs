//! Giving permits back. This is the one operation that lowers a state, and so needs more care than a charge.
//!
//! A charge that hit another key's equal word by mistake would cost that key a permit. A refund would give it one too
//! many. So a slot that was ever refunded is not given to another key before every word
//! that a refund on its way can hold is in the past, which no word of the next owner then equals:
//!
//! 1. the refund marks the tag, a swap that succeeds only while the key has the slot, and then reads the state;
//! 2. an insert freezes the state and then reads the tag; if it finds a mark that it did not know of, it gives
//!    the slot back.
//!
//! With a sequentially consistent fence between the two accesses on either side, at least one sees the other.
//! Evictions keep off marked slots as long as there is another to take.

use super::{Call, KeyId, Place, Table, swap};
use crate::sync::{Ordering, fence};

impl Table {
    /// Gives `cost` permits back to the key, never beyond fresh. A key that is not there has nothing to get.
    pub(crate) fn refund(&self, key: KeyId, now: u64, cost: u64) {
        let call = Call::at(now);
        while call.goes_on()
            && let Some(place) = self.find(key)
        {
            if let Some(marked) = self.mark_refunded(place)
                && self.lower(marked, cost, &call)
            {
                self.forget_full();
                return;
            }
        }
    }

    /// Forgets the key, whatever the time. Its slot keeps its state, and is given to others when that has expired (were
    /// the state lowered, a slot could show a word twice), or to the key itself when it comes again.
    pub(crate) fn reset(&self, key: KeyId) {
        let call = Call::at(0);
        while call.goes_on()
            && let Some(place) = self.find(key)
        {
            // A failure says that the slot has changed hands or been marked: look again.
            if self.move_tag(place.bucket, place.slot, place.tag, place.tag.forgotten()) {
                return;
            }
        }
    }

    /// Marks the tag, if the place is still the key's.
    fn mark_refunded<'table>(&self, place: Place<'table>) -> Option<Place<'table>> {
        let Place { bucket, slot, tag, .. } = place;
        let marked = Place { tag: tag.refunded(), ..place };
        let is_marked = tag.is_refunded() || self.move_tag(bucket, slot, tag, marked.tag);
        // Pairs with the fence in `take_seat`: either the state read after this is frozen, or whoever freezes it
        // afterwards finds the mark.
        fence(Ordering::SeqCst);
        is_marked.then_some(marked)
    }

    /// Lowers the state of a marked place. `false` if the place was, or was about to be, another's.
    fn lower(&self, place: Place<'_>, cost: u64, call: &Call) -> bool {
        while call.goes_on()
            && let Some(word) = self.word_of(place, call)
        {
            if swap(place.state_word, word, self.rule.refund(word, call.now, cost)).is_ok() {
                return true;
            }
        }
        false
    }
}
