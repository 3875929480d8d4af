//! Giving permits back. This is the one operation that lowers a state, and so needs more care than a charge.
//!
//! A charge that hit another key's equal word by mistake would cost that key a permit. A refund would give it one too
//! many. So a slot that was ever refunded is not given to another key before every word
//! that a refund on its way can hold is in the past, which no word of the next owner then equals:
//!
//! 1. the refund marks the tag, a swap that succeeds only while the key has the slot, and then reads the state;
//! 2. an insert that takes the slot swaps the tag from the very one by which it has judged. If that has been marked
//!    since, it puts the word back.
//!
//! Evictions keep off marked slots as long as there is another to take.

use super::find::{Found, Place};
use super::layout::Frozen;
use super::{Call, KeyId, Table, read};

impl Table {
    /// Gives `cost` permits back to the key, never beyond fresh. A key that is not there has nothing to get.
    pub(crate) fn refund(&self, key: KeyId, now: u64, cost: u64) {
        let call = Call::at(now);
        while call.goes_on()
            && let Some(place) = self.find_charged(key, &call)
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
            && let Some(place) = self.find_charged(key, &call)
        {
            let forgotten = place.tag.forgotten();
            // A failure says that the slot has changed hands or been marked: look again.
            if place.move_tag(forgotten) {
                self.count_renamed(forgotten);
                return;
            }
        }
    }

    /// The key's place, if it has been charged there: one that is only awaited is as good as fresh.
    fn find_charged(&self, key: KeyId, call: &Call) -> Option<Place<'_>> {
        match self.find(key, call) {
            Found::Here(place) if Frozen::is_word(place.state) => Some(place),
            _ => None,
        }
    }

    /// Marks the tag, if the place is still the key's.
    fn mark_refunded<'table>(&self, place: Place<'table>) -> Option<Place<'table>> {
        let tag = place.tag.refunded();
        let is_marked = place.tag.is_refunded() || place.move_tag(tag);
        is_marked.then_some(Place { tag, ..place })
    }

    /// Lowers the state of a marked place. `false` if the place was, or was about to be, another's.
    fn lower(&self, place: Place<'_>, cost: u64, call: &Call) -> bool {
        while call.goes_on() {
            let marked = Place { state: read(place.state_word), ..place };
            if !Frozen::is_word(marked.state) || !marked.is_still_its_keys() {
                return false;
            }
            if marked.move_state(self.rule.refund(marked.state, call.now, cost)) {
                return true;
            }
        }
        false
    }
}
