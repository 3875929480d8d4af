//! Processes that work on one table with several threads each, and can be killed.

use crate::board::{Board, Lane};
use sluicegate::Limiter;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread::{scope, sleep};
use std::time::Duration;

pub const PROCESSES: usize = 8;
/// Of each process, where it matters to nobody.
pub const THREADS: usize = 2;

/// What each thread does until the board says stop: its limiter, its lane, and a number that no other thread ever has.
pub type Work<'a> = &'a (dyn Fn(&Limiter, Lane<'_>, u64) + Sync);

/// The processes at work. Those that are left are killed when this is dropped.
pub struct Crew<'a> {
    board: &'a Board,
    open: &'a dyn Fn() -> Limiter,
    work: Work<'a>,
    threads: usize,
    pids: Vec<libc::pid_t>,
    hired: u64,
}

impl<'a> Crew<'a> {
    /// Processes of so many threads that the board has a lane for each.
    pub fn hire(board: &'a Board, open: &'a dyn Fn() -> Limiter, work: Work<'a>) -> Self {
        let threads = board.lanes().count() / PROCESSES;
        let mut crew = Self { board, open, work, threads, pids: Vec::new(), hired: 0 };
        for worker in 0..PROCESSES {
            let pid = crew.hire_one(worker);
            crew.pids.push(pid);
        }
        crew
    }

    fn hire_one(&mut self, worker: usize) -> libc::pid_t {
        self.hired += 1;
        let (hired, board, work, count) = (self.hired, self.board, self.work, self.threads);
        fork(|| {
            let limiter = (self.open)();
            scope(|threads| {
                for thread in 0..count {
                    let (limiter, lane) = (&limiter, board.lane(worker * count + thread));
                    threads.spawn(move || {
                        let work = || work(limiter, lane, hired << 8 | thread as u64);
                        if catch_unwind(AssertUnwindSafe(work)).is_err() {
                            lane.has_failed();
                        }
                    });
                }
            });
        })
    }

    /// Kills some workers wherever they are, all at once, and puts others in their places. What the dead ones' threads
    /// were asking for.
    pub fn replace(&mut self, workers: &[usize]) -> Vec<u64> {
        for &worker in workers {
            // SAFETY: the process is a child of this one's that was not waited for, so the number is still its.
            assert_eq!(unsafe { libc::kill(self.pids[worker], libc::SIGKILL) }, 0, "a worker has ended by itself");
        }
        let mut pending = Vec::new();
        for &worker in workers {
            let ended = wait_for(self.pids[worker]);
            assert_eq!(ended, Ended::BySignal(libc::SIGKILL), "a worker has ended by itself");
            let lanes = worker * self.threads..(worker + 1) * self.threads;
            pending.extend(lanes.filter_map(|lane| self.board.lane(lane).take_pending()));
            self.pids[worker] = self.hire_one(worker);
        }
        self.board.assert_nobody_failed();
        pending
    }

    /// Returns when every thread of every process has made `checks` more checks: at once, or, if one stands still, never.
    pub fn see_all_go_on(&self, checks: u64) {
        let aims: Vec<u64> = self.board.lanes().map(|lane| lane.checks() + checks).collect();
        while self.board.lanes().zip(&aims).any(|(lane, &aim)| lane.checks() < aim) {
            self.board.assert_nobody_failed();
            sleep(Duration::from_micros(200));
        }
    }

    /// Has all come to their ends.
    pub fn dismiss(mut self) {
        self.board.stop();
        for pid in std::mem::take(&mut self.pids) {
            assert_eq!(wait_for(pid), Ended::WithCode(0));
        }
        self.board.assert_nobody_failed();
    }
}

impl Drop for Crew<'_> {
    fn drop(&mut self) {
        for &pid in &self.pids {
            // SAFETY: as in `replace`.
            unsafe { libc::kill(pid, libc::SIGKILL) };
            wait_for(pid);
        }
    }
}

/// How a process ended.
#[derive(Debug, PartialEq, Eq)]
pub enum Ended {
    WithCode(i32),
    BySignal(i32),
}

/// Runs `child` in a process of its own, which ends with this one if not before.
pub fn fork(child: impl FnOnce()) -> libc::pid_t {
    // SAFETY: this process has one thread, so the child finds no lock that somebody else has.
    match unsafe { libc::fork() } {
        0 => {
            // SAFETY: a call that sets a number.
            unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
            let code = i32::from(catch_unwind(AssertUnwindSafe(child)).is_err());
            // SAFETY: ends the process at once; nothing of the parent's is cleaned up twice.
            unsafe { libc::_exit(code) }
        }
        -1 => panic!("fork: {}", std::io::Error::last_os_error()),
        pid => pid,
    }
}

pub fn wait_for(pid: libc::pid_t) -> Ended {
    let mut status = 0;
    // SAFETY: `status` is a valid place for the one number that the call writes.
    assert_eq!(unsafe { libc::waitpid(pid, &raw mut status, 0) }, pid);
    if libc::WIFSIGNALED(status) {
        Ended::BySignal(libc::WTERMSIG(status))
    } else {
        Ended::WithCode(libc::WEXITSTATUS(status))
    }
}
