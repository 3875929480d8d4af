//! Programs in C and C++ built against the installed library, as its users build theirs.
//!
//! `tests/run` installs the library and says where by `SLUICE_TEST_C_PREFIX`; without that the tests say that they
//! were skipped.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Every warning that both compilers have for C and C++ alike.
pub const WARNINGS: [&str; 6] = ["-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Werror"];

/// Where the library is installed.
pub fn prefix() -> Option<PathBuf> {
    let prefix = std::env::var_os("SLUICE_TEST_C_PREFIX").map(PathBuf::from);
    if prefix.is_none() {
        println!("skipped: run tests/run, which installs the library");
    }
    prefix
}

/// A file of the repository.
pub fn file(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// An empty directory for one test.
pub fn directory(name: &str) -> PathBuf {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_dir_all(&directory);
    std::fs::create_dir_all(&directory).unwrap();
    directory
}

/// Runs a command that must succeed, and gives what it printed.
pub fn succeeds(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let (out, err) = texts(&output);
    assert!(output.status.success(), "{command:?}: {}\n{out}\n{err}", output.status);
    out
}

/// Both streams of a command.
pub fn texts(output: &Output) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (text(&output.stdout), text(&output.stderr))
}

/// A command that finds the installed library: when it compiles, by pkg-config, and when it runs.
pub fn at_home(program: impl AsRef<std::ffi::OsStr>, prefix: &Path) -> Command {
    let mut command = Command::new(program);
    command.env("PKG_CONFIG_PATH", prefix.join("lib/pkgconfig")).env("LD_LIBRARY_PATH", prefix.join("lib"));
    command
}

/// A program to build.
pub struct Program<'a> {
    /// Its sources in the repository, all in C or all in C++.
    pub sources: &'a [&'a str],
    /// Flags for the compiler.
    pub flags: &'a [&'a str],
    /// More libraries.
    pub libraries: &'a [&'a str],
}

impl Program<'_> {
    /// Builds it with every warning on; where it is.
    pub fn built(&self, name: &str, prefix: &Path) -> PathBuf {
        let (compiler, standard) =
            if self.sources[0].ends_with(".c") { ("cc", "-std=c11") } else { ("c++", "-std=c++17") };
        let program = directory(name).join("program");
        let is_static = self.flags.contains(&"-static");
        let how = if is_static { vec!["--static"] } else { vec![] };
        let found = succeeds(at_home("pkg-config", prefix).args(how).args(["--cflags", "--libs", "sluicegate"]));
        succeeds(
            Command::new(compiler)
                .args([standard, "-g", "-pthread", "-o"])
                .arg(&program)
                .args(WARNINGS)
                .args(self.flags)
                .args(self.sources.iter().map(|source| file(source)))
                .args(found.split_whitespace())
                .args(self.libraries),
        );
        program
    }
}
