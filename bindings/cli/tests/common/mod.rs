//! Running the real program, and making logs for it.

#![allow(dead_code, reason = "every test file uses a part of this")]

pub mod proxy;
pub mod server;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// What the program left behind.
pub struct Ran {
    /// Its exit code; -1 if a signal ended it.
    pub code: i32,
    /// Its standard output.
    pub out: String,
    /// Its standard error.
    pub err: String,
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

impl Ran {
    /// The one line that standard error is expected to hold.
    pub fn only_error_line(&self) -> &str {
        let line = self.err.trim_end_matches('\n');
        assert!(!line.is_empty() && !line.contains('\n'), "{:?}", self.err);
        assert!(line.starts_with("error: "), "{line:?}");
        line
    }

    /// Standard output as JSON.
    pub fn json(&self) -> serde_json::Value {
        assert_eq!(self.code, 0, "{}", self.err);
        serde_json::from_str(&self.out).unwrap()
    }
}

/// The program, with its arguments still to come.
pub fn sluice() -> Command {
    Command::new(env!("CARGO_BIN_EXE_sluice"))
}

/// Runs the program with nothing on standard input.
pub fn run(arguments: &[&str]) -> Ran {
    let output = sluice().args(arguments).stdin(Stdio::null()).output();
    output.unwrap().into()
}

/// Runs the program with `input` on standard input.
pub fn run_on(input: &[u8], arguments: &[&str]) -> Ran {
    let mut child = sluice()
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    let feeding = std::thread::spawn(move || {
        // The program may stop reading early; what it makes of that is seen in its output.
        let _ = stdin.write_all(&input);
    });
    let output = child.wait_with_output().unwrap();
    feeding.join().unwrap();
    output.into()
}

/// A combined log line of `host` at `second` seconds after 10:00 on 17 May 2015.
pub fn combined(host: &str, second: u64) -> String {
    let (minute, second) = (second / 60, second % 60);
    format!(
        "{host} - - [17/May/2015:10:{minute:02}:{second:02} +0000] \"GET /page?n=1 HTTP/1.1\" 200 5 \"-\" \"test\"\n"
    )
}

/// `count` lines of each host, a second apart.
pub fn log_of(hosts: &[&str], count: u64) -> String {
    (0..count).flat_map(|second| hosts.iter().map(move |host| combined(host, second))).collect()
}

/// Packs bytes as gzip.
pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let level = flate2::Compression::default();
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), level);
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Writes a file into `directory` and gives its path as text.
pub fn file(directory: &Path, name: &str, bytes: impl AsRef<[u8]>) -> String {
    let path = directory.join(name);
    std::fs::write(&path, bytes).unwrap();
    path.to_str().unwrap().to_owned()
}

/// A real log of 10,000 lines, where it is at hand.
pub fn real_log() -> Option<PathBuf> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/apache_access.log");
    let path = PathBuf::from(path);
    if !path.exists() {
        println!("skipped: the real log is not here");
        return None;
    }
    Some(path)
}

/// A Python that has what `tests/requirements.txt` names, where `tests/run` has installed it.
pub fn python() -> Option<String> {
    let python = std::env::var("SLUICE_TEST_PYTHON").ok();
    if python.is_none() {
        println!("skipped: run tests/run, which installs what this needs");
    }
    python
}

/// Runs a Python program and gives what it printed.
pub fn python_prints(python: &str, arguments: &[&str]) -> String {
    let output = Command::new(python).args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// An example that comes with the program.
pub fn example(name: &str) -> String {
    std::fs::read_to_string(format!("{}/examples/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}
