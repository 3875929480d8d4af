//! Writing to standard output and standard error without ever panicking.

use std::io::{self, Write};

use crate::error::Failure;

/// Writes all of `bytes` to standard output.
///
/// `println!` panics when the other end of the pipe is closed; this tells it apart from a real failure.
pub fn print(bytes: impl AsRef<[u8]>) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(bytes.as_ref()).and_then(|()| stdout.flush()) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Err(Failure::ReaderGone),
        Err(error) => Err(Failure::work(format!("cannot write to standard output: {error}"))),
    }
}

/// Writes one line to standard error; a closed standard error is nobody's problem.
pub fn warn(line: &str) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}
