//! What one process knows of a zone: the tables of a stage, with the rules of their policies.

use super::memory::ZoneMemory;
use crate::algorithm::Rule;
use crate::error::Error;
use crate::limiter::Stats;
use crate::policy::Policy;
use crate::table::{Deciding, KeyId, Stage, Table};
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

/// The table that decides at a stage, and the one before it while keys are still moved.
///
/// In an order that has what each check reads on few lines.
#[derive(Debug)]
#[repr(C, align(64))]
pub(super) struct View {
    table: Table,
    stage: u64,
    previous: Option<Table>,
    policy: Policy,
    /// The view before this one, which another thread may still be using.
    older: *mut View,
}

impl View {
    /// What the memory holds now.
    pub(super) fn of(memory: &ZoneMemory, seed: u64) -> Result<Self, Error> {
        memory.at_one_stage(|stage| Self::at(stage, memory, seed))
    }

    fn at(stage: u64, memory: &ZoneMemory, seed: u64) -> Result<Self, Error> {
        let generation = Stage::generation(stage);
        let table = |generation: u64| -> Result<(Policy, Table), Error> {
            let policy = memory.policy_of(generation, seed)?;
            let words = memory.words(generation);
            Ok((policy, Table::over(words, Rule::of(&policy)?, memory.geometry(), memory.on_full())))
        };
        let previous = match Stage::is_moving(stage) {
            true => Some(table(generation.wrapping_sub(1))?.1),
            false => None,
        };
        let (policy, table) = table(generation)?;
        Ok(Self { stage, policy, table, previous, older: ptr::null_mut() })
    }

    #[inline(always)]
    pub(super) fn stage(&self) -> u64 {
        self.stage
    }

    pub(super) fn generation(&self) -> u64 {
        Stage::generation(self.stage)
    }

    pub(super) fn policy(&self) -> &Policy {
        &self.policy
    }

    #[inline(always)]
    pub(super) fn deciding(&self) -> Deciding<'_> {
        Deciding { stage: self.stage, table: &self.table, previous: self.previous.as_ref() }
    }

    #[inline(always)]
    pub(super) fn key(&self, hash: u64) -> KeyId {
        self.table.key(hash)
    }

    /// Has the key's home bucket fetched while the caller does something else.
    #[inline(always)]
    pub(super) fn prefetch(&self, hash: u64) {
        self.table.home(hash).prefetch();
    }

    /// The time that the clock's reading `now` is to the table.
    #[inline]
    pub(super) fn tick(&self, now: u64) -> u64 {
        self.table.tick(now)
    }

    pub(super) fn stats(&self, now: u64, max_keys: u64) -> Stats {
        Stats::of(&self.table, now, max_keys)
    }
}

/// The views that a process has had. Threads may be using any of them, so all are kept until the zone is dropped: one for
/// each replacement.
#[derive(Debug)]
pub(super) struct Views(AtomicPtr<View>);

// SAFETY: views are shared among threads and changed by none, but for `older` before they are shared; what is in them may
// be sent and shared.
unsafe impl Send for Views {}
// SAFETY: as above.
unsafe impl Sync for Views {}

impl Views {
    pub(super) fn beginning_with(view: View) -> Self {
        Self(AtomicPtr::new(Box::into_raw(Box::new(view))))
    }

    #[inline(always)]
    pub(super) fn latest(&self) -> &View {
        // Pairs with `add`. SAFETY: the pointer came from a box that is dropped with this alone.
        unsafe { &*self.0.load(Ordering::Acquire) }
    }

    /// Makes `view` the latest, unless another thread has added one of the same stage.
    pub(super) fn add(&self, view: View) -> &View {
        let mut latest = self.0.load(Ordering::Acquire);
        let new = Box::into_raw(Box::new(view));
        loop {
            // SAFETY: as in `latest`; and nobody else knows `new` yet.
            unsafe {
                if (*latest).stage == (*new).stage {
                    drop(Box::from_raw(new));
                    return &*latest;
                }
                (*new).older = latest;
            }
            // Pairs with `latest` in others: who sees the view sees all that is in it.
            match self.0.compare_exchange(latest, new, Ordering::AcqRel, Ordering::Acquire) {
                // SAFETY: it is in the list now, as in `latest`.
                Ok(_) => return unsafe { &*new },
                Err(present) => latest = present,
            }
        }
    }
}

impl Drop for Views {
    fn drop(&mut self) {
        let mut view = *self.0.get_mut();
        while !view.is_null() {
            // SAFETY: each was boxed once, and is in the list once.
            view = unsafe { Box::from_raw(view) }.older;
        }
    }
}
