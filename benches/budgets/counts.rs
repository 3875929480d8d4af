//! Having valgrind count.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What one check takes on a path.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Count {
    pub instructions: f64,
    pub locked: f64,
    pub lines: f64,
}

/// A cache of 32 KiB, as a core's first one is, and one that is of no account here.
const CACHES: [&str; 3] = ["--I1=32768,8,64", "--D1=32768,8,64", "--LL=8388608,16,64"];

/// As in `paths.rs`.
const CHECKS: f64 = 10_016.0;

/// The counts of all paths in the order in which they are run, without what the loops take. `None` without valgrind.
pub fn counts() -> Option<Vec<(String, Count)>> {
    Command::new("valgrind").arg("--version").stdout(Stdio::null()).status().ok()?;
    let program = paths();
    let folder = Folder::new();
    let mut valgrind = Command::new("valgrind");
    valgrind.args(["--tool=callgrind", "--cache-sim=yes", "--collect-bus=yes"]).args(CACHES);
    valgrind.arg(format!("--callgrind-out-file={}", folder.0.join("counts").display()));
    valgrind.args(["--toggle-collect=count_*", "--dump-after=path"]);
    let names = told_by(valgrind.arg(&program));
    let counts: Vec<(String, Count)> =
        names.lines().zip(1..).map(|(name, number)| (name.to_owned(), read(&folder.0, number))).collect();
    let [of_one, of_many] = ["loop", "loop, many keys"].map(|name| find(&counts, name));
    let without = |(name, count): (String, Count)| {
        let own = if name.starts_with("many keys") { of_many } else { of_one };
        let Count { instructions, locked, lines } = count;
        (name, Count { instructions: instructions - own, locked, lines })
    };
    Some(counts.into_iter().filter(|(name, _)| !name.starts_with("loop")).map(without).collect())
}

fn find(counts: &[(String, Count)], name: &str) -> f64 {
    counts.iter().find(|(it, _)| it == name).expect("the loops are paths too").1.instructions
}

/// Builds the program as the benches are built.
fn paths() -> PathBuf {
    let build = ["build", "--quiet", "--package", "sluicegate-bench", "--bin", "paths", "--profile", "bench"];
    let status = Command::new(env!("CARGO")).args(build).current_dir(env!("CARGO_MANIFEST_DIR")).status();
    assert!(status.is_ok_and(|status| status.success()), "cannot build what is to be counted");
    // This test is in DIRECTORY/PROFILE/deps; the bench profile's programs are in DIRECTORY/release.
    let test = std::env::current_exe().expect("a test knows where it is");
    let target = test.ancestors().nth(3).expect("it is in a target directory");
    target.join("release/paths")
}

fn told_by(command: &mut Command) -> String {
    let output = command.output().expect("it can be run");
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("names are text")
}

/// A file for each call, numbered from 1, with a line that names the events and one with how often they were.
fn read(folder: &Path, number: usize) -> Count {
    let file = folder.join(format!("counts.{number}"));
    let text = std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let line = |start: &str| text.lines().find_map(|line| line.strip_prefix(start)).expect("a line of each kind");
    // Zeroes at the end are left out.
    let mut totals = line("totals: ").split(' ').map(|total| total.parse::<f64>().expect("a number"));
    let of: Vec<(&str, f64)> =
        line("events: ").split(' ').map(|event| (event, totals.next().unwrap_or_default())).collect();
    let per_check = |event: &str| of.iter().find(|(it, _)| *it == event).expect("an event").1 / CHECKS;
    Count { instructions: per_check("Ir"), locked: per_check("Ge"), lines: per_check("D1mr") + per_check("D1mw") }
}

/// A folder that is removed when it is no longer needed.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let folder = std::env::temp_dir().join(format!("sluicegate-counts-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("room for a few files");
        Self(folder)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
