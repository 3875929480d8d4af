//! Where the log's bytes come from: files and standard input, plain or gzip.

use std::fs::File;
use std::io::{self, Cursor, IsTerminal, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::bufread::MultiGzDecoder;

use crate::error::Failure;

const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];
const COMPRESSED_READ: usize = 128 * 1024;

/// One source of log lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// Standard input.
    Stdin,
    /// A file.
    File(PathBuf),
}

impl Source {
    /// The sources that the command line names; none means standard input.
    pub fn all(logs: &[PathBuf]) -> Result<Vec<Self>, Failure> {
        if logs.is_empty() {
            return match io::stdin().is_terminal() {
                false => Ok(vec![Self::Stdin]),
                true => Err(Failure::Usage(
                    "no log given: name files, pipe one in, or give '-' to type lines".to_owned(),
                )),
            };
        }
        let sources: Vec<Self> = logs
            .iter()
            .map(|path| match path.as_os_str() == "-" {
                true => Self::Stdin,
                false => Self::File(path.clone()),
            })
            .collect();
        match sources.iter().filter(|s| **s == Self::Stdin).count() {
            0 | 1 => Ok(sources),
            _ => Err(Failure::Usage(
                "'-' (standard input) is given more than once; it can be read only once".to_owned(),
            )),
        }
    }

    /// The source's name in messages.
    pub fn name(&self) -> String {
        match self {
            Self::Stdin => "standard input".to_owned(),
            Self::File(path) => path.display().to_string(),
        }
    }

    /// Its size in bytes, where that is known; fails when there is nothing that can be read.
    pub fn size(&self) -> Result<Option<u64>, Failure> {
        let Self::File(path) = self else {
            return Ok(None);
        };
        let about = std::fs::metadata(path).map_err(|error| cannot_open(path, &error))?;
        if about.is_dir() {
            return Err(Failure::work(format!(
                "cannot read {}: it is a directory; name the log files in it",
                path.display()
            )));
        }
        Ok(about.is_file().then_some(about.len()))
    }

    /// Opens it for reading; gzip is told by its first bytes and unpacked. `consumed` counts the bytes read, as stored.
    pub fn open(&self, consumed: &Arc<AtomicU64>) -> Result<Box<dyn Read>, Failure> {
        let raw: Box<dyn Read> = match self {
            Self::Stdin => Box::new(io::stdin().lock()),
            Self::File(path) => Box::new(File::open(path).map_err(|error| cannot_open(path, &error))?),
        };
        let counted = Counted { source: raw, consumed: Arc::clone(consumed) };
        unpacked(counted).map_err(|error| Failure::work(format!("cannot read {}: {error}", self.name())))
    }
}

fn cannot_open(path: &Path, error: &io::Error) -> Failure {
    Failure::work(format!("cannot open {}: {error}", path.display()))
}

/// Looks at the first two bytes, puts them back, and unpacks what begins like gzip.
fn unpacked(mut source: Counted) -> io::Result<Box<dyn Read>> {
    let mut magic = Vec::with_capacity(GZIP_MAGIC.len());
    source.by_ref().take(GZIP_MAGIC.len() as u64).read_to_end(&mut magic)?;
    let packed = magic == GZIP_MAGIC;
    let whole = Cursor::new(magic).chain(source);
    if !packed {
        return Ok(Box::new(whole));
    }
    let buffered = io::BufReader::with_capacity(COMPRESSED_READ, whole);
    Ok(Box::new(MultiGzDecoder::new(buffered)))
}

/// A reader that counts what it gives.
struct Counted {
    source: Box<dyn Read>,
    consumed: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.source.read(buffer)?;
        self.consumed.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}
