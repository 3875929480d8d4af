//! How a slot passes to a new key, so that anybody can finish what somebody began.
//!
//! 1. *Open*: the home's header goes from idle to open with the key's fingerprint. From here on the insert is
//!    everybody's: whoever needs the header, or meets a slot frozen for it, does the rest.
//! 2. Look for the key within reach; if it is there, close the header.
//! 3. *Freeze* an expired slot: its state goes from the word seen to a frozen one that names this insert. If its
//!    key came alive in between, the swap fails and another slot is chosen.
//! 4. *Bind*: the header goes from open to bound with the slot. Of several slots that helpers have frozen one is
//!    bound; the others are given back, or thawed by whoever meets them.
//! 5. *Hand over*: the tag goes from the old owner's to the new one's, the state from frozen to fresh.
//! 6. *Close*: the header goes to idle with the next sequence number.
//!
//! Each step is a swap from a value that does not occur again while it matters (tags count versions, headers and
//! frozen states carry the sequence), so a helper that slept through everything does no harm. A slot is bound only
//! once it is frozen, so no insert has to be taken back after its tag has changed.
//!
//! The sequence has 13 bits. For a stale header to be taken for the present one, a thread must sleep through an
//! exact multiple of 8192 inserts of one home and wake while the same key is at the same step in the same slot.

use super::layout::{Frozen, Header, MAX_REACH, SLOTS, Seat, Tag};
use super::{Call, KeyId, OnFull, Table, read};
use crate::algorithm::FRESH;
use crate::sync::{Ordering, fence};

/// While the table is known to be full, an insert looks no further than this: at 16 places (3 in a model).
const REACH_WHEN_FULL: usize = if cfg!(loom) { 2 } else { 1 };

/// The lowest bit of a fresh word: the slot waits for its owner's first charge.
const RESERVED: u64 = 1;

/// How an insert stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Progress {
    /// Over: the key was seated, by whomever, or was there already.
    Done,
    /// Over: there is no place in reach.
    NoRoom,
    /// Something changed on the way: look again.
    Again,
}

/// A slot that an insert may take, with the words it was judged by.
#[derive(Debug, Clone, Copy)]
struct Candidate {
    seat: Seat,
    tag: Tag,
    state: u64,
    /// Its key is live and would be forgotten.
    evicts: bool,
}

impl Candidate {
    /// Whether another helper of the same insert has frozen it already.
    fn is_frozen(&self) -> bool {
        Frozen::of(self.state).is_some()
    }
}

/// What a look at the places of a home found.
#[derive(Debug, Default)]
struct Survey {
    key_present: bool,
    candidate: Option<Candidate>,
    /// The farthest displacement of any key of this home.
    reach: usize,
}

impl Table {
    /// Gives the key a slot, unless it has one or there is none: `false`.
    pub(super) fn insert(&self, key: KeyId, call: &Call) -> bool {
        while call.goes_on() {
            let header = self.header(key.home);
            let open = header.opened(key.fingerprint);
            if !header.is_idle() {
                self.finish(key.home, header, call);
            } else if self.move_header(key.home, header, open) {
                return self.finish(key.home, open, call) != Progress::NoRoom;
            }
            // Another insert of this home was quicker, perhaps one of the same key.
            if self.find(key).is_some() {
                return true;
            }
        }
        false
    }

    /// Brings the insert that `seen` describes to its end, if it has not come to it.
    fn finish(&self, home: usize, seen: Header, call: &Call) -> Progress {
        while call.goes_on() {
            let header = self.header(home);
            let is_over = header.sequence() != seen.sequence() || header.fingerprint() != seen.fingerprint();
            if is_over {
                return Progress::Done;
            }
            let progress = match header.seat() {
                Some(seat) => self.hand_over(home, header, seat, call),
                None => self.take_seat(home, header, call),
            };
            if progress != Progress::Again && self.move_header(home, header, header.closed()) {
                return progress;
            }
        }
        Progress::NoRoom
    }

    /// Steps 2 to 4: has a slot frozen and bound.
    fn take_seat(&self, home: usize, header: Header, call: &Call) -> Progress {
        let survey = self.survey(home, header, call.now);
        if survey.key_present {
            return Progress::Done;
        }
        let Some(candidate) = survey.candidate else {
            return Progress::NoRoom;
        };
        if !self.freeze(home, header, candidate) {
            return Progress::Again;
        }
        // Pairs with the fence in `refund`: a refund that has read the state before it was frozen has marked the
        // tag before, and the mark is seen here.
        fence(Ordering::SeqCst);
        let is_as_judged = self.tag(self.bucket_of(home, candidate.seat), candidate.seat.slot) == candidate.tag;
        let reach = survey.reach.max(candidate.seat.displacement);
        if is_as_judged && self.move_header(home, header, header.bound(candidate.seat, reach)) {
            self.count_insert(home, candidate.evicts);
            return Progress::Again;
        }
        // Marked by a refund, or another's by now: not to be taken, but only this thread knows the state. While the
        // header is open another helper may still bind the slot, so it is given back when the insert is over.
        call.goes_deeper();
        self.finish(home, header, call);
        self.give_back(home, header, candidate);
        Progress::Again
    }

    /// Step 3: freezes the slot, unless another helper of this insert has. `false` if its state is no longer what it was.
    fn freeze(&self, home: usize, header: Header, candidate: Candidate) -> bool {
        let Candidate { seat, state, .. } = candidate;
        let frozen = Frozen::new(seat.displacement, header.sequence(), state).state();
        candidate.is_frozen() || self.move_state(self.bucket_of(home, seat), seat.slot, state, frozen).is_ok()
    }

    /// Undoes a freeze after the header has moved on from open, so that nobody can bind the slot any more.
    ///
    /// If this thread stops before it, others thaw the slot: it is then fresh, as an expired key's is; or, where a
    /// live key was to be evicted, that key is.
    fn give_back(&self, home: usize, header: Header, candidate: Candidate) {
        let Candidate { seat, state, .. } = candidate;
        let present = self.header(home);
        let was_bound = present.sequence() == header.sequence() && present.seat() == Some(seat);
        if !was_bound && !candidate.is_frozen() {
            let frozen = Frozen::new(seat.displacement, header.sequence(), state).state();
            // A failure says that another has thawed it, or that it was bound, handed over and closed.
            let _ = self.move_state(self.bucket_of(home, seat), seat.slot, frozen, state);
        }
    }

    /// Step 5: the slot's tag and state become the new key's.
    fn hand_over(&self, home: usize, header: Header, seat: Seat, call: &Call) -> Progress {
        let bucket = self.bucket_of(home, seat);
        while call.goes_on() {
            // The tag is read first: if the state is still frozen for this insert afterwards, the tag was read
            // while it was, and is the old owner's or already the new one's.
            let tag = self.tag(bucket, seat.slot);
            let state = self.state(bucket, seat.slot);
            let still_frozen = Frozen::of(state).is_some_and(|frozen| frozen.is_for(header, seat.displacement));
            if !still_frozen {
                return Progress::Done;
            }
            if tag.is_of(header.fingerprint(), seat.displacement) {
                // A failure says that another helper has done it.
                let _ = self.move_state(bucket, seat.slot, state, self.reserved_word(tag));
                return Progress::Done;
            }
            // A failure says that another helper has done it, or that a refund has marked the old owner's tag.
            let _ =
                self.move_tag(bucket, seat.slot, tag, tag.succeeded_by(header.fingerprint(), seat.displacement));
        }
        Progress::Again
    }

    /// The first word of a slot's owner: fresh, another one than the owner's before, and marked as reserved, so that
    /// nobody takes the slot before the owner's first charge. Else two new keys could take one slot from each
    /// other for ever. A thread that stops before that charge costs this slot, until its key comes again.
    fn reserved_word(&self, tag: Tag) -> u64 {
        (tag.version() << 1 | RESERVED) & self.rule.fresh_marks()
    }

    /// A fresh word that is free for anybody.
    fn free_word(&self, tag: Tag) -> u64 {
        tag.version() << 1 & self.rule.fresh_marks()
    }

    fn is_reserved(&self, state: u64) -> bool {
        state <= self.rule.fresh_marks() && state & RESERVED != 0
    }

    /// Clears a frozen slot out of the way: finishes the insert it was frozen for, or thaws it if that insert is
    /// over and has taken another slot.
    pub(super) fn resolve(&self, bucket: usize, slot: usize, state: u64, call: &Call) {
        let Some(frozen) = Frozen::of(state) else { return };
        let seat = Seat { displacement: frozen.displacement(), slot };
        let home = self.geometry.home_of(bucket, seat.displacement);
        let header = self.header(home);
        if self.is_wanted(frozen, header, seat) {
            self.finish(home, header, call);
        } else {
            self.thaw(bucket, slot, state);
        }
    }

    /// Whether the insert in `header` may still bind, or has bound, a slot frozen for it.
    fn is_wanted(&self, frozen: Frozen, header: Header, seat: Seat) -> bool {
        frozen.is_for(header, seat.displacement) && header.seat().is_none_or(|bound| bound == seat)
    }

    fn thaw(&self, bucket: usize, slot: usize, state: u64) {
        // The tag cannot change while the state is frozen and nobody has bound the slot. A failure says that
        // another has thawed it.
        let _ = self.move_state(bucket, slot, state, self.free_word(self.tag(bucket, slot)));
    }

    /// Step 2 and the choice of step 3: looks for the key as far as any of its home may be, and for a slot to take.
    fn survey(&self, home: usize, header: Header, now: u64) -> Survey {
        let mut survey = Survey::default();
        let max_reach = self.geometry.max_reach();
        let known_reach = header.reach().min(max_reach);
        let full = self.is_known_full(now);
        // In a full table a slot that is free would be found among those that are weighed.
        let weighs = self.on_full == OnFull::Evict;
        let search_reach = match full {
            false => Some(max_reach),
            true if weighs => None,
            true => Some(REACH_WHEN_FULL.min(max_reach)),
        };
        for displacement in 0..=known_reach.max(search_reach.unwrap_or(0)) {
            let searching = survey.candidate.is_none() && search_reach.is_some_and(|reach| displacement <= reach);
            if !searching && displacement > known_reach {
                break;
            }
            let key = KeyId { home, fingerprint: header.fingerprint() };
            if self.find_in_bucket(key, displacement).is_some() {
                return Survey { key_present: true, ..survey };
            }
            let bucket = self.geometry.bucket_after(home, displacement);
            if let Some(own) = self.forgotten_slot(bucket, displacement, header, now) {
                survey.candidate = Some(own);
            }
            let searching = searching && survey.candidate.is_none();
            // Keys at home make no reach.
            if displacement > 0
                && (0..SLOTS).any(|slot| self.tag(bucket, slot).last_displacement() == Some(displacement))
            {
                survey.reach = displacement;
            }
            if searching {
                survey.candidate = self.free_slot(bucket, displacement, header, now);
            }
        }
        if survey.candidate.is_none() {
            if !full {
                self.note_full(home, now);
            }
            if weighs {
                survey.candidate = self.cheapest_slot(home, header, now);
            }
        }
        survey
    }

    /// The slot that the key itself had before a reset: its own to take again, whatever it had consumed there. A charge
    /// or a refund of the key that is still on its way to its old word finds another one, or the same by chance, and
    /// then comes after the reset. Were another slot taken, a key that is reset over and over would fill its
    /// neighbourhood.
    fn forgotten_slot(&self, bucket: usize, displacement: usize, header: Header, now: u64) -> Option<Candidate> {
        let words = self.bucket(bucket);
        let was_the_keys =
            |slot: &usize| Tag(read(words.words_of(*slot).0)).was_of(header.fingerprint(), displacement);
        let slots = words.candidates(header.fingerprint()).filter(was_the_keys);
        let mut candidates = slots.filter_map(|slot| self.judge(bucket, Seat { displacement, slot }, header, now));
        candidates.find(|candidate| !candidate.evicts)
    }

    /// The first slot of a bucket that may be taken at no loss. Each key begins to look at a place of its own, since the
    /// one where all begin is taken most of the time.
    fn free_slot(&self, bucket: usize, displacement: usize, header: Header, now: u64) -> Option<Candidate> {
        let first = header.fingerprint() as usize;
        (0..SLOTS)
            .filter_map(|turn| {
                self.judge(bucket, Seat { displacement, slot: (first + turn) % SLOTS }, header, now)
            })
            .find(|candidate| !candidate.evicts)
    }

    /// Of the slots near to home one that may be taken at no loss, or else the one whose key has consumed least.
    fn cheapest_slot(&self, home: usize, header: Header, now: u64) -> Option<Candidate> {
        let mut cheapest: Option<(u64, Candidate)> = None;
        for displacement in 0..=REACH_WHEN_FULL.min(self.geometry.max_reach()) {
            let bucket = self.geometry.bucket_after(home, displacement);
            for slot in 0..SLOTS {
                let Some(candidate) = self.judge(bucket, Seat { displacement, slot }, header, now) else {
                    continue;
                };
                if !candidate.evicts {
                    return Some(candidate);
                }
                let rank = self.rank(candidate, now);
                if cheapest.is_none_or(|(least, _)| rank < least) {
                    cheapest = Some((rank, candidate));
                }
            }
        }
        cheapest.map(|(_, candidate)| candidate)
    }

    /// Whether a slot may be taken, and whether its key would be forgotten.
    #[inline]
    fn judge(&self, bucket: usize, seat: Seat, header: Header, now: u64) -> Option<Candidate> {
        let (tag_word, state_word) = self.bucket(bucket).words_of(seat.slot);
        let tag = Tag(read(tag_word));
        let mut state = read(state_word);
        if let Some(frozen) = Frozen::of(state) {
            if frozen.is_for(header, seat.displacement) {
                // Frozen for this very insert by another helper: to be bound as it is, but for a refund's mark,
                // which only the helper who knows the word can weigh.
                return (!tag.is_refunded()).then_some(Candidate { seat, tag, state, evicts: false });
            }
            state = self.thawed(bucket, seat.slot, frozen)?;
        }
        let evicts = self.reusable_at(tag, state) > now && !tag.was_of(header.fingerprint(), seat.displacement);
        Some(Candidate { seat, tag, state, evicts })
    }

    /// The state of a slot that was frozen for another insert, if that is over and has taken another slot.
    #[cold]
    fn thawed(&self, bucket: usize, slot: usize, frozen: Frozen) -> Option<u64> {
        let seat = Seat { displacement: frozen.displacement(), slot };
        let home = self.geometry.home_of(bucket, seat.displacement);
        if self.is_wanted(frozen, self.header(home), seat) {
            return None;
        }
        self.thaw(bucket, slot, frozen.state());
        Some(self.state(bucket, slot)).filter(|&state| Frozen::of(state).is_none())
    }

    /// How dear a slot is whose key would be forgotten: by what it has consumed.
    fn rank(&self, candidate: Candidate, now: u64) -> u64 {
        let Candidate { tag, state, .. } = candidate;
        // A slot whose owner is about to charge it, or that a refund may be on its way to, is the last to be evicted.
        let is_awaited = tag.is_refunded() || self.is_reserved(state);
        u64::from(is_awaited) << 63 | self.rule.consumed(state, now) >> 1
    }

    /// From when on a slot may be given to another key at no loss.
    ///
    /// A refunded one waits for one memory longer: until then a thread may still hold a word that a charge had
    /// written before the refund, and the next owner's words must all be later than that (see `refund`).
    fn reusable_at(&self, tag: Tag, state: u64) -> u64 {
        if state == FRESH && !tag.is_refunded() {
            return 0;
        }
        if self.is_reserved(state) {
            return u64::MAX;
        }
        let grace = if tag.is_refunded() { self.rule.memory_ns() } else { 0 };
        self.rule.expires_at(state).saturating_add(grace)
    }

    /// Whether a look at all places has found the table full, and what it found has not expired since.
    fn is_known_full(&self, now: u64) -> bool {
        // Relaxed, here and below: the word only saves work, nothing is published by it.
        now < self.full_until_word().load(Ordering::Relaxed)
    }

    /// Remembers that no slot of this home is free, until a tenth of those seen will be.
    ///
    /// The places in reach of one home are a sample of the table. While the promise is kept, more than a third
    /// of all slots are free, so a sample with less than a tenth (and a table that has been so since) cannot be.
    fn note_full(&self, home: usize, now: u64) {
        let mut free_at = [0; (MAX_REACH + 1) * SLOTS];
        let seen = (self.geometry.max_reach() + 1) * SLOTS;
        for (index, free_at) in free_at[..seen].iter_mut().enumerate() {
            let (bucket, slot) = (self.geometry.bucket_after(home, index / SLOTS), index % SLOTS);
            let state = self.state(bucket, slot);
            *free_at = Frozen::of(state).map_or_else(|| self.reusable_at(self.tag(bucket, slot), state), |_| now);
        }
        let (_, full_until, _) = free_at[..seen].select_nth_unstable(seen / 10);
        self.full_until_word().store(*full_until, Ordering::Relaxed);
    }

    /// Finishes the inserts that hold the places next to the key's home, so that there is one to take.
    pub(super) fn resolve_around(&self, key: KeyId, call: &Call) {
        for displacement in 0..=REACH_WHEN_FULL.min(self.geometry.max_reach()) {
            let bucket = self.geometry.bucket_after(key.home, displacement);
            for slot in 0..SLOTS {
                self.resolve(bucket, slot, self.state(bucket, slot), call);
            }
        }
    }

    /// Forgets that the table is full: something was given back.
    pub(super) fn forget_full(&self) {
        let word = self.full_until_word();
        if word.load(Ordering::Relaxed) != 0 {
            word.store(0, Ordering::Relaxed);
        }
    }
}
