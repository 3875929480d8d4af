//! Everything that can go wrong when a policy, a limiter or a setting is made. Checks themselves cannot fail.

use std::fmt;

/// Why a policy, a limiter or a setting could not be made.
///
/// Each message is one line that names what was wrong, the bound it broke, and a way out. No variant is
/// returned by a check: once a [`Limiter`](crate::Limiter) exists, every call has an answer.
///
/// ```
/// let error = "token-bucket 100 per s".parse::<sluicegate::Policy>().unwrap_err();
/// assert!(error.to_string().contains("column 17"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// The text of a policy does not follow the grammar `ALGORITHM LIMIT/PERIOD [burst=N]`.
    PolicyText {
        /// The text as it was given, cut to a length fit for a message.
        text: String,
        /// Where the trouble starts: the column, counted in characters from 1.
        column: usize,
        /// What was wrong there, and what would be right.
        problem: String,
    },
    /// A number of a policy is outside its range, or its numbers do not fit together.
    PolicyRange {
        /// What was out of range, its bound, and a way out.
        problem: String,
    },
    /// `max_keys` is zero or more than an address space can hold.
    MaxKeys {
        /// The number that was asked for.
        max_keys: u64,
        /// The largest number that is accepted.
        bound: u64,
    },
    /// The table's memory could not be had.
    OutOfMemory {
        /// How many bytes were asked for.
        bytes: u64,
    },
    /// The operating system gave no random bytes for the table's secret seed.
    NoEntropy,
    /// The operating system refused something that a shared table needs.
    Io {
        /// What was to be done, and with which file.
        action: String,
        /// What kind of error it was.
        kind: std::io::ErrorKind,
        /// What the operating system said of it.
        problem: String,
    },
    /// A file, or memory of the caller's, is no table of this format, or a damaged one. It was left as it was.
    TableFormat {
        /// Which file or memory.
        place: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A shared table was made for something else. It was left as it was.
    TableMismatch {
        /// Which file or memory.
        place: String,
        /// What differs.
        what: &'static str,
        /// What it is in the table.
        found: String,
        /// What was asked for.
        wanted: String,
    },
    /// A setting is wrong or out of its range: of who is asking, of an HTTP answer, or of when to try again.
    Setting {
        /// Which setting.
        name: &'static str,
        /// What it was set to, cut to a length fit for a message.
        given: String,
        /// What was wrong with it and where, and what would be right.
        problem: String,
    },
}

/// A path for a message of one line, whatever is in it.
pub(crate) fn shown(path: &std::path::Path) -> String {
    let escaped = |c: char| if c.is_control() { c.escape_default().to_string() } else { c.to_string() };
    path.display().to_string().chars().map(escaped).collect()
}

/// How much of a text an error repeats.
const SHOWN_CHARS: usize = 60;

/// A text as an error repeats it: cut where it is long.
pub(crate) fn cut(text: &str) -> String {
    let mut cut: String = text.chars().take(SHOWN_CHARS).collect();
    if cut.len() < text.len() {
        cut.push('…');
    }
    cut
}

impl Error {
    /// A setting that is wrong.
    #[allow(dead_code, reason = "the features that are off have no settings")]
    pub(crate) fn setting(name: &'static str, given: impl fmt::Display, problem: impl Into<String>) -> Self {
        Self::Setting { name, given: cut(&given.to_string()), problem: problem.into() }
    }

    /// An error of the operating system's, from what was to be done.
    pub(crate) fn io(action: impl Into<String>, error: &std::io::Error) -> Self {
        Self::Io { action: action.into(), kind: error.kind(), problem: error.to_string() }
    }
}

/// Lets `Limiter::new` take a finished [`Policy`](crate::Policy), whose conversion cannot fail.
impl From<std::convert::Infallible> for Error {
    fn from(never: std::convert::Infallible) -> Self {
        match never {}
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PolicyText { text, column, problem } => {
                write!(
                    f,
                    "policy {text:?}, column {column}: {problem} (a right one: \"token-bucket 100/s burst=200\")"
                )
            }
            Self::PolicyRange { problem } => write!(f, "policy out of range: {problem}"),
            Self::MaxKeys { max_keys, bound } => {
                write!(f, "max_keys is {max_keys}; it must be from 1 to {bound}")
            }
            Self::OutOfMemory { bytes } => {
                write!(f, "no memory for a table of {bytes} bytes; ask for fewer max_keys")
            }
            Self::Io { action, problem, .. } => write!(f, "cannot {action}: {problem}"),
            Self::TableFormat { place, problem } => write!(
                f,
                "{place} cannot be used as a table: {problem}; name another place, or remove it to begin with an empty table"
            ),
            Self::TableMismatch { place, what: what @ "policy", found, wanted } => write!(
                f,
                "the {what} of the table in {place} is {found}, not {wanted}; ask for the same, or, of a file, to replace it"
            ),
            Self::TableMismatch { place, what, found, wanted } => write!(
                f,
                "the {what} of the table in {place} is {found}, not {wanted}; ask for the same, or name another place"
            ),
            Self::Setting { name, given, problem } => write!(f, "{name} {given:?}: {problem}"),
            Self::NoEntropy => write!(f, "the operating system gave no random bytes for the table's secret seed"),
        }
    }
}

impl std::error::Error for Error {}
