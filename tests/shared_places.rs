//! Where a table's file may be and who may write it: links, owners, working directories, time namespaces.

#![cfg(all(target_os = "linux", not(loom)))]

mod shared_support;

use shared_support::{HOUR, Region, Scratch, policy};
use sluicegate::{Clock, Error, Limiter, TableInfo};
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

const KEYS: u64 = 1_000;
const POLICY: &str = "token-bucket 5/h";

fn open(path: impl AsRef<Path>) -> Result<Limiter, Error> {
    Limiter::open(path, policy(POLICY), KEYS)
}

#[test]
fn a_table_is_one_whether_it_is_opened_by_its_name_or_by_a_link_even_when_it_is_replaced() {
    let path = Scratch::new("links");
    let link = path.directory().join("link");
    symlink(&path, &link).unwrap();
    let by_name = open(&path).unwrap();
    let by_link = open(&link).unwrap();
    assert!(by_name.check_cost("somebody", 4).allowed());
    assert!(by_link.check("somebody").allowed() && !by_link.check("somebody").allowed());

    let replaced = Limiter::builder(policy("token-bucket 7/h")).max_keys(KEYS).path(&link).replace(true);
    let replaced = replaced.build().unwrap();
    assert!(replaced.is_current() && !by_name.is_current() && !by_link.is_current());
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink(), "the link was replaced and not the table");
    let by_name = Limiter::open(&path, policy("token-bucket 7/h"), KEYS).unwrap();
    assert!(by_name.check_cost("somebody", 2).allowed() && !replaced.check("somebody").allowed());

    // The name that was given is the one that counts: a link that leads elsewhere now leads to another table.
    fs::remove_file(&link).unwrap();
    symlink(path.directory().join("other"), &link).unwrap();
    assert!(!replaced.is_current() && by_name.is_current());
}

#[test]
fn a_link_to_nowhere_is_an_error_at_once_and_makes_nothing() {
    let path = Scratch::new("nowhere");
    symlink("nothing here", &path).unwrap();
    let error = open(&path).unwrap_err();
    assert!(matches!(error, Error::Io { kind: std::io::ErrorKind::NotFound, .. }), "{error:?}");
    assert_eq!(path.siblings().len(), 1);
}

#[test]
fn a_pipe_is_refused_and_waits_for_nobody() {
    let path = Scratch::new("pipe");
    assert!(Command::new("mkfifo").arg(path.to_str()).status().unwrap().success());
    assert!(open(&path).unwrap_err().to_string().contains("no regular file"));
    assert!(TableInfo::read(&path).unwrap_err().to_string().contains("no regular file"));
}

#[test]
fn a_file_of_a_stranger_is_refused_unless_its_group_is_ours_and_may_write() {
    let path = Scratch::new("stranger");
    drop(open(&path).unwrap());
    if chown(&path, Some(12345), Some(12345)).is_err() {
        println!("skipped: only root can give files away");
        return;
    }
    let refused = open(&path).unwrap_err();
    assert!(matches!(refused, Error::TableFormat { .. }), "{refused:?}");
    assert!(refused.to_string().contains("it belongs to user 12345"), "{refused}");
    // A group that may write: a stranger's does not help, ours does.
    fs::set_permissions(&path, fs::Permissions::from_mode(0o660)).unwrap();
    assert!(open(&path).is_err());
    // SAFETY: the call accesses no memory and cannot fail.
    chown(&path, None, Some(unsafe { libc::getegid() })).unwrap();
    assert!(open(&path).unwrap().check("somebody").allowed());
    // What may only be read shows what it holds all the same.
    assert_eq!(TableInfo::read(&path).unwrap().live_keys, 1);
}

#[test]
fn memory_that_was_kept_over_a_reboot_is_refused() {
    let bytes = Limiter::region_size(KEYS).unwrap() as usize;
    let region = Region::zeroed(bytes);
    // SAFETY: the region is aligned, outlives the limiters, and nothing else touches it while one lives.
    let attach = || unsafe { Limiter::builder(policy(POLICY)).attach(region.start(), bytes) };
    assert!(attach().unwrap().check("somebody").allowed());
    // SAFETY: within the region, which no limiter has now.
    unsafe { region.start().cast::<u64>().add(16).write(12345) };
    let error = attach().unwrap_err();
    assert!(matches!(error, Error::TableFormat { .. }) && error.to_string().contains("another boot"), "{error}");
}

/// This program again as another process, in which the test of this name does something else.
fn again(test: &str, path: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", test, "--nocapture"]).env(CHILD, path);
    command
}

const CHILD: &str = "SLUICE_TEST_CHILD";

fn childs_path() -> Option<String> {
    std::env::var(CHILD).ok()
}

#[test]
fn a_limiter_knows_its_table_wherever_the_process_goes() {
    const NAME: &str = "a_limiter_knows_its_table_wherever_the_process_goes";
    if let Some(directory) = childs_path() {
        std::env::set_current_dir(directory).unwrap();
        let limiter = open("table").unwrap();
        std::env::set_current_dir("/").unwrap();
        assert!(limiter.is_current() && limiter.check("somebody").allowed());
        return;
    }
    let path = Scratch::new("directories");
    assert!(again(NAME, path.directory()).status().unwrap().success());
    assert_eq!(open(&path).unwrap().check("somebody").remaining(), 3);
}

/// A process that says the time of a table whenever it is asked.
struct Teller {
    child: Child,
    asks: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Teller {
    fn start(mut command: Command) -> Self {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let asks = child.stdin.take().unwrap();
        let mut answers = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        while line != "ready\n" {
            line.clear();
            assert!(answers.read_line(&mut line).unwrap() > 0, "the other process could not open the table");
        }
        Self { child, asks, answers }
    }

    fn ask(&mut self) -> u64 {
        self.asks.write_all(b"\n").unwrap();
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        line.trim().parse().unwrap()
    }
}

impl Drop for Teller {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn tell_the_time(path: &str) {
    let limiter = open(path).unwrap();
    println!("\nready");
    for line in std::io::stdin().lines() {
        line.unwrap();
        println!("{}", limiter.clock().now());
    }
}

/// A command in a time namespace that began so many seconds earlier or later.
fn in_time_namespace(boottime: &str, command: &Command) -> Command {
    let mut unshare = Command::new("unshare");
    unshare.args(["--user", "--map-current-user", "--time", "--fork", "--kill-child", "--boottime", boottime]);
    unshare.arg(command.get_program()).args(command.get_args());
    unshare.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    unshare
}

#[test]
fn processes_in_time_namespaces_of_their_own_agree_on_the_time() {
    const NAME: &str = "processes_in_time_namespaces_of_their_own_agree_on_the_time";
    if let Some(path) = childs_path() {
        return tell_the_time(&path);
    }
    if !in_time_namespace("5", &Command::new("true")).status().is_ok_and(|status| status.success()) {
        println!("skipped: no time namespaces here");
        return;
    }
    for is_made_outside in [true, false] {
        let path = Scratch::new("time_namespace");
        if is_made_outside {
            drop(open(&path).unwrap());
        }
        let tell = || again(NAME, path.as_ref());
        let mut tellers =
            ["86400", "-100", "315360000"].map(|began| Teller::start(in_time_namespace(began, &tell())));
        let outside = open(&path).unwrap();
        let info = TableInfo::read(&path).unwrap();
        assert!(info.now_unix_ns.abs_diff(info.made_at_unix_ns) < HOUR, "{info:?}");
        let mut nearest = u64::MAX;
        for turn in 0..3_000 {
            let before = outside.clock().now();
            let theirs = tellers[turn % 3].ask();
            let after = outside.clock().now();
            assert!(before <= theirs && theirs <= after, "{before} {theirs} {after}");
            nearest = nearest.min(after - before);
        }
        println!("three namespaces and the world agree to {nearest} ns");
    }
}
