//! What can go wrong, and the exit code that says so.

use std::fmt;
use std::process::ExitCode;

/// Why the program stops before its work is done.
#[derive(Debug)]
pub enum Failure {
    /// The command line asks for something that makes no sense: exit code 2.
    Usage(String),
    /// The work itself failed: exit code 1.
    Work(String),
    /// Whoever read our output has gone away (`sluice … | head`): not an error.
    ReaderGone,
}

impl Failure {
    /// A failure of the work, told in one line.
    pub fn work(message: impl Into<String>) -> Self {
        Self::Work(message.into())
    }

    /// Prints the one error line, if there is one to print, and gives the exit code.
    pub fn report(&self) -> ExitCode {
        match self {
            Self::Usage(message) => {
                crate::output::warn(&format!("error: {message}"));
                ExitCode::from(2)
            }
            Self::Work(message) => {
                crate::output::warn(&format!("error: {message}"));
                ExitCode::from(1)
            }
            Self::ReaderGone => ExitCode::SUCCESS,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(message) | Self::Work(message) => f.write_str(message),
            Self::ReaderGone => f.write_str("the reader of the output has gone away"),
        }
    }
}

impl std::error::Error for Failure {}
