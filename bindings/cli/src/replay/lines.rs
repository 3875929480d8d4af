//! Cutting a stream of bytes into lines, borrowed from one buffer of bounded size.

use std::io::{self, ErrorKind, Read};

/// Lines longer than this are skipped; they are never held whole.
pub const LONGEST: usize = 1024 * 1024;
const FIRST_BUFFER: usize = 256 * 1024;

/// One line, without its line feed and carriage return.
#[derive(Debug, PartialEq, Eq)]
pub enum Line<'a> {
    /// Its bytes.
    Text(&'a [u8]),
    /// It had this many bytes, too many to be a request's line.
    TooLong(u64),
}

/// Reads lines from `source`.
pub struct Lines<R> {
    source: R,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    at_end: bool,
}

impl<R: Read> Lines<R> {
    /// Lines of `source`.
    pub fn new(source: R) -> Self {
        Self { source, buffer: vec![0; FIRST_BUFFER], start: 0, end: 0, at_end: false }
    }

    /// The next line; `None` at the end. After an error, the lines before it have all been given.
    pub fn next(&mut self) -> io::Result<Option<Line<'_>>> {
        let mut searched = self.start;
        loop {
            if let Some(at) = memchr::memchr(b'\n', &self.buffer[searched..self.end]) {
                let from = std::mem::replace(&mut self.start, searched + at + 1);
                return Ok(Some(Line::Text(without_return(&self.buffer[from..searched + at]))));
            }
            if self.at_end {
                return Ok(self.last());
            }
            if self.end - self.start > LONGEST {
                return self.pass_over().map(Some);
            }
            let pending = self.end - self.start;
            self.refill()?;
            searched = self.start + pending;
        }
    }

    /// What follows the last line feed, if anything.
    fn last(&mut self) -> Option<Line<'_>> {
        let from = std::mem::replace(&mut self.start, self.end);
        let rest = &self.buffer[from..self.end];
        (!rest.is_empty()).then(|| Line::Text(without_return(rest)))
    }

    /// Reads to the end of a line that is too long, keeping nothing of it.
    fn pass_over(&mut self) -> io::Result<Line<'_>> {
        let mut length = 0;
        loop {
            let pending = &self.buffer[self.start..self.end];
            if let Some(at) = memchr::memchr(b'\n', pending) {
                length += at as u64;
                self.start += at + 1;
                return Ok(Line::TooLong(length));
            }
            length += pending.len() as u64;
            self.start = self.end;
            if self.at_end {
                return Ok(Line::TooLong(length));
            }
            self.refill()?;
        }
    }

    /// Moves what is pending to the front and reads more behind it.
    fn refill(&mut self) -> io::Result<()> {
        self.buffer.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        if self.end == self.buffer.len() {
            self.buffer.resize(2 * self.end, 0);
        }
        loop {
            match self.source.read(&mut self.buffer[self.end..]) {
                Ok(0) => self.at_end = true,
                Ok(read) => self.end += read,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            }
            return Ok(());
        }
    }
}

fn without_return(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A source that gives at most `step` bytes at a time.
    struct Trickle<'a> {
        rest: &'a [u8],
        step: usize,
    }

    impl Read for Trickle<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let count = self.step.min(self.rest.len()).min(buffer.len());
            let (now, later) = self.rest.split_at(count);
            buffer[..count].copy_from_slice(now);
            self.rest = later;
            Ok(count)
        }
    }

    fn all_lines(text: &[u8], step: usize) -> Vec<String> {
        let mut lines = Lines::new(Trickle { rest: text, step });
        let mut out = Vec::new();
        while let Some(line) = lines.next().unwrap() {
            out.push(match line {
                Line::Text(text) if text.len() > 100 => format!("{} bytes", text.len()),
                Line::Text(text) => String::from_utf8_lossy(text).into_owned(),
                Line::TooLong(length) => format!("too long: {length}"),
            });
        }
        out
    }

    #[test]
    fn lines_are_the_same_however_the_bytes_arrive() {
        let text = b"one\r\ntwo\n\nfour\rx\nlast";
        for step in 1..text.len() {
            let lines = all_lines(text, step);
            assert_eq!(lines, ["one", "two", "", "four\rx", "last"]);
        }
        assert!(all_lines(b"", 1).is_empty());
        assert_eq!(all_lines(b"\n", 1), [""]);
    }

    #[test]
    fn a_line_too_long_is_passed_over_and_the_next_one_read() {
        let mut text = vec![b'x'; 5 * LONGEST];
        text.extend_from_slice(b"\nshort\n");
        let lines = all_lines(&text, 100_000);
        assert_eq!(lines, [format!("too long: {}", 5 * LONGEST), "short".to_owned()]);
        let unended = all_lines(&text[..3 * LONGEST], 100_000);
        assert_eq!(unended, [format!("too long: {}", 3 * LONGEST)]);
    }

    #[test]
    fn a_line_just_short_enough_is_given_whole() {
        let mut text = vec![b'x'; LONGEST];
        text.push(b'\n');
        assert_eq!(all_lines(&text, 70_000), [format!("{LONGEST} bytes")]);
    }

    #[test]
    fn the_buffer_stays_bounded_over_a_line_without_end() {
        let mut lines = Lines::new(io::repeat(b'x').take(64 * LONGEST as u64));
        assert!(matches!(lines.next(), Ok(Some(Line::TooLong(_)))));
        assert!(lines.buffer.len() <= 4 * LONGEST);
    }
}
