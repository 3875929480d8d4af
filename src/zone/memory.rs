//! A zone's memory: a page that says what it is and which table decides, and two tables.
//!
//! ```text
//! word 0   magic, 'sluicezn'          word 16   the stage (see table::succession)
//!      1   the zone's size in bytes       17   when a table was last left behind, by the zone's time
//! byte 4096   the table of even generations, up to a multiple of 4096 bytes
//! then        the table of odd generations
//! ```
//!
//! All zero is an empty zone at stage 0. Everything is as hostile as a table's memory is: what is read is used as a number
//! whose range is known.

use super::TURNS;
use super::view::View;
use crate::error::Error;
use crate::policy::Policy;
use crate::shared::{Joined, Wanted, attach_to_any, join, policy_in, succeed};
use crate::sync::Ordering;
use crate::table::{Geometry, OnFull, Stage, TABLE_ALIGN, Words};
use std::ptr::NonNull;
use std::time::Duration;

/// The first word, whose bytes tell the byte order as a table's do.
const MAGIC: u64 = u64::from_be_bytes(*b"sluicezn");
const MAGIC_WORD: usize = 0;
const BYTES_WORD: usize = 1;
/// On a line of its own: every check reads it.
const STAGE_WORD: usize = 16;
const LEFT_AT_WORD: usize = 17;

/// How long a table that was left behind is not used for another, in ns. Whoever had read the stage before it was left may
/// be on the way to it still, and would write there what is no word of the next policy's. A process would have to stop
/// for longer in the middle of a call to do so.
const GRACE_NS: u64 = 1_000_000_000;

/// What the tables begin and end at multiples of, so that memory can be given back in pages of the usual size.
const PAGE: usize = 4096;

#[derive(Debug)]
pub(super) struct ZoneMemory {
    control: Words,
    halves: [NonNull<u8>; 2],
    max_keys: u64,
    geometry: Geometry,
    on_full: OnFull,
}

// SAFETY: the halves are addresses of shared memory, reached as atomics alone.
unsafe impl Send for ZoneMemory {}
// SAFETY: as above.
unsafe impl Sync for ZoneMemory {}

/// What all tables of a zone have in common.
pub(super) struct Origin {
    pub(super) seed: u64,
    /// What to add to this process's time since boot to get the zone's time.
    pub(super) clock_offset: u64,
}

/// How many bytes a zone takes whose tables are of `table` bytes.
pub(super) fn bytes_for_tables_of(table: u64) -> Option<usize> {
    let half = usize::try_from(table).ok()?.checked_next_multiple_of(PAGE)?;
    half.checked_mul(2)?.checked_add(PAGE).filter(|&bytes| bytes <= isize::MAX as usize)
}

fn unfit(problem: String) -> Error {
    Error::TableFormat { place: "the zone's memory".to_owned(), problem }
}

/// The error of a zone in whose memory somebody else writes.
pub(super) fn damaged() -> Error {
    unfit("it holds what no zone has written".to_owned())
}

impl ZoneMemory {
    /// # Safety
    /// As for `Zone::attach`, as long as this lives.
    pub(super) unsafe fn of(region: *mut u8, bytes: usize, on_full: OnFull) -> Result<Self, Error> {
        let Some(first) = NonNull::new(region).filter(|first| first.align_offset(TABLE_ALIGN) == 0) else {
            return Err(unfit(format!("it begins at {region:p}, which is not aligned to {TABLE_ALIGN} bytes")));
        };
        let half = bytes.saturating_sub(PAGE) / 2 / PAGE * PAGE;
        let sizes = Geometry::max_keys_in(half as u64);
        let Some((max_keys, geometry)) = sizes.and_then(|max_keys| Some((max_keys, Geometry::new(max_keys)?)))
        else {
            return Err(unfit(format!("{bytes} bytes are too few; the smallest zone has {}", 3 * PAGE)));
        };
        // SAFETY: the caller's promise; the page is the zone's first, which has three at least.
        let control = unsafe { Words::lent(first, PAGE / size_of::<u64>()) };
        // SAFETY: both lie within the zone.
        let halves = unsafe { [first.add(PAGE), first.add(PAGE + half)] };
        let memory = Self { control, halves, max_keys, geometry, on_full };
        memory.claim(MAGIC_WORD, MAGIC)?;
        memory.claim(BYTES_WORD, (PAGE + 2 * half) as u64)?;
        Ok(memory)
    }

    /// Makes the word `value` if it is 0; it must be that afterwards.
    fn claim(&self, word: usize, value: u64) -> Result<(), Error> {
        // Pairs with itself in others.
        match self.control.at(word).compare_exchange(0, value, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => Ok(()),
            Err(present) if present == value => Ok(()),
            Err(present) if word == BYTES_WORD => {
                Err(unfit(format!("it is a zone of {present} bytes, and here are {value}")))
            }
            Err(_) => Err(unfit("it is neither zero nor a zone".to_owned())),
        }
    }

    pub(super) fn max_keys(&self) -> u64 {
        self.max_keys
    }

    pub(super) fn geometry(&self) -> Geometry {
        self.geometry
    }

    pub(super) fn on_full(&self) -> OnFull {
        self.on_full
    }

    #[inline(always)]
    pub(super) fn stage(&self) -> Stage<'_> {
        Stage(self.control.at(STAGE_WORD))
    }

    /// Makes the first table with this policy, or looks at the one that is there.
    pub(super) fn make_or_join(&self, policy: Policy) -> Result<Origin, Error> {
        let joined = self.at_one_stage(|stage| self.make_or_join_at(stage, policy))?;
        Ok(Origin { seed: joined.seed(), clock_offset: joined.clock_offset()? })
    }

    fn make_or_join_at(&self, stage: u64, policy: Policy) -> Result<Joined, Error> {
        if stage > 0 {
            return join(self.words(Stage::generation(stage)), self.max_keys);
        }
        // SAFETY: the half is within the zone, which the caller of `of` has promised to keep, and has the bytes of the
        // geometry; only zones touch it, as atomics.
        unsafe { attach_to_any(self.half(0), &self.wanted(policy)) }
    }

    /// Looks at the tables of the present stage, again if it is not the present one any more afterwards.
    pub(super) fn at_one_stage<T>(&self, look: impl Fn(u64) -> Result<T, Error>) -> Result<T, Error> {
        let mut stage = self.stage().number();
        for _ in 0..TURNS {
            let seen = look(stage);
            let present = self.stage().number();
            if present == stage {
                return seen;
            }
            stage = present;
        }
        Err(damaged())
    }

    /// The words of the table of a generation.
    pub(super) fn words(&self, generation: u64) -> Words {
        // SAFETY: as in `make_or_join`.
        unsafe { Words::lent(self.half(generation), self.geometry.words()) }
    }

    /// The policy of the table of a generation, which somebody has made.
    pub(super) fn policy_of(&self, generation: u64, seed: u64) -> Result<Policy, Error> {
        policy_in(&self.words(generation), self.max_keys, seed)
    }

    /// Makes the table that follows upon the one that decides in `view`, where there may be remains of an older one.
    pub(super) fn make_successor(&self, view: &View, policy: Policy, now: u64) -> Result<(), Error> {
        self.wait_for_stragglers(now);
        let words = self.words(view.generation().wrapping_add(1));
        words.clear();
        succeed(&words, &self.wanted(policy), view.deciding().table.superblock())
    }

    /// Gives the memory back of the table that was left at `now`, when the one that decides in `view` had all of its keys.
    pub(super) fn leave_other_than(&self, view: &View, now: u64) {
        // Relaxed: the time publishes nothing but itself.
        self.control.at(LEFT_AT_WORD).store(now, Ordering::Relaxed);
        self.words(view.generation().wrapping_add(1)).clear();
    }

    /// Waits until nobody is on the way any more to the table that was left last.
    fn wait_for_stragglers(&self, now: u64) {
        let left_at = self.control.at(LEFT_AT_WORD).load(Ordering::Relaxed);
        let since = now.saturating_sub(left_at);
        if left_at > 0 && since < GRACE_NS {
            std::thread::sleep(Duration::from_nanos(GRACE_NS - since));
        }
    }

    fn half(&self, generation: u64) -> NonNull<u8> {
        self.halves[(generation & 1) as usize]
    }

    fn wanted(&self, policy: Policy) -> Wanted {
        Wanted { policy, max_keys: self.max_keys, geometry: self.geometry, replace: false }
    }
}
