//! A thread that writes lines, so that a slow disk or a full pipe holds up no answer.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::time::Duration;

use super::line::{Line, now};
use crate::error::Failure;
use crate::output;

/// How many lines may wait for being written.
const WAITING: usize = 1024;

/// How long the end of the server waits for the last lines.
const PATIENCE: Duration = Duration::from_secs(1);

/// Hands lines to the thread that writes them.
pub struct Writer {
    lines: SyncSender<Order>,
}

enum Order {
    Write(Box<Line>),
    WriteOthers(u64),
    Reopen,
    Finish(SyncSender<()>),
}

impl Writer {
    /// Writes to the end of a file, or to standard error.
    pub fn open(path: Option<&Path>) -> Result<Self, Failure> {
        let path = path.map(Path::to_owned);
        let file = path.as_deref().map(append_to).transpose().map_err(Failure::Work)?;
        let (lines, orders) = sync_channel(WAITING);
        std::thread::Builder::new()
            .name("log".to_owned())
            .spawn(move || write_all(&orders, path, file))
            .map_err(|error| Failure::work(format!("cannot start the log's thread: {error}")))?;
        Ok(Self { lines })
    }

    /// Has a line written, or gives it back where too many wait.
    pub fn write(&self, line: Box<Line>) -> Result<(), Box<Line>> {
        match self.lines.try_send(Order::Write(line)) {
            Err(TrySendError::Full(Order::Write(line)) | TrySendError::Disconnected(Order::Write(line))) => {
                Err(line)
            }
            _ => Ok(()),
        }
    }

    /// Has it written how many denials were left out of keys that are not told apart; whether it will be.
    pub fn write_others(&self, count: u64) -> bool {
        self.lines.try_send(Order::WriteOthers(count)).is_ok()
    }

    /// Opens the file anew.
    pub fn reopen(&self) {
        // Where the thread is that far behind, the next signal does it.
        let _ = self.lines.try_send(Order::Reopen);
    }

    /// Waits a moment for what is to be written.
    pub fn finish(&self) {
        let (done, is_done) = sync_channel(1);
        if self.lines.try_send(Order::Finish(done)).is_ok() {
            // Whoever reads the lines may have stopped reading.
            let _ = is_done.recv_timeout(PATIENCE);
        }
    }
}

fn append_to(path: &Path) -> Result<File, String> {
    let opened = OpenOptions::new().append(true).create(true).open(path);
    opened.map_err(|error| format!("cannot write the log {}: {error}", path.display()))
}

fn write_all(orders: &Receiver<Order>, path: Option<PathBuf>, mut file: Option<File>) {
    for order in orders {
        match order {
            Order::Write(line) => put(&mut file, &serde_json::to_string(&line).unwrap_or_default()),
            Order::WriteOthers(count) => {
                let line = serde_json::json!({"time": now(), "event": "left out", "left_out": count});
                put(&mut file, &line.to_string());
            }
            Order::Reopen => match path.as_deref().map(append_to).transpose() {
                Ok(opened) => file = opened,
                Err(problem) => output::warn(&format!("warning: {problem}; the old one goes on")),
            },
            // Nobody waits any more after a while.
            Order::Finish(done) => {
                let _ = done.try_send(());
            }
        }
    }
}

/// Writes a line at once, so that lines of several processes in one file stay whole.
fn put(file: &mut Option<File>, line: &str) {
    match file {
        // A full disk is seen elsewhere, and no reason to stop answering.
        Some(file) => {
            let _ = file.write_all(format!("{line}\n").as_bytes());
        }
        None => output::warn(line),
    }
}
