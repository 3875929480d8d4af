//! Text of a bounded length without an allocation: a header field's value in the making.

use std::fmt;

/// More than the longest list item takes, and more than a handful of ordinary ones.
pub(super) const LINE_BYTES: usize = 1024;

/// A field value in the making.
pub(super) struct Line {
    bytes: [u8; LINE_BYTES],
    length: usize,
}

impl Line {
    pub(super) fn new() -> Self {
        Self { bytes: [0; LINE_BYTES], length: 0 }
    }

    pub(super) fn as_str(&self) -> &str {
        // Whole texts alone are put in, and cut off at the places where they were.
        std::str::from_utf8(&self.bytes[..self.length]).unwrap_or_default()
    }

    pub(super) fn len(&self) -> usize {
        self.length
    }

    /// Cuts off what came after the first `length` bytes.
    pub(super) fn truncate(&mut self, length: usize) {
        self.length = self.length.min(length);
    }
}

impl fmt::Write for Line {
    /// All of the text, or none where it does not fit.
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = self.length + text.len();
        let room = self.bytes.get_mut(self.length..end).ok_or(fmt::Error)?;
        room.copy_from_slice(text.as_bytes());
        self.length = end;
        Ok(())
    }
}
