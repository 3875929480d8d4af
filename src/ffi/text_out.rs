//! Text written into a caller's buffer, and counted where it does not fit.

use super::call::{Call, Failed};
use super::status::SLUICE_ERR_BUFFER;
use std::ffi::c_char;
use std::fmt;
use std::ptr::NonNull;

/// A caller's buffer, and the place for the length.
pub(super) struct TextOut {
    buf: *mut u8,
    cap: usize,
    told: NonNull<usize>,
    length: usize,
}

impl TextOut {
    /// # Safety
    /// `buf` is NULL or good for writing `cap` bytes, and `length` is NULL or good for writing, as long as this lives.
    pub(super) unsafe fn new(
        call: Call,
        buf: *mut c_char,
        cap: usize,
        length: *mut usize,
    ) -> Result<Self, Failed> {
        let told = call.pointer("length", length)?;
        if cap > 0 {
            call.pointer("buf", buf)?;
        }
        if cap > isize::MAX as usize {
            return Err(call.bad(format_args!("cap is {cap}; the largest is {}", isize::MAX)));
        }
        Ok(Self { buf: buf.cast(), cap, told, length: 0 })
    }

    /// Writes bytes behind those written before, as far as there is room for all of them.
    pub(super) fn put(&mut self, bytes: &[u8]) {
        let end = self.length.saturating_add(bytes.len());
        if end <= self.cap && !bytes.is_empty() {
            // SAFETY: within the buffer, which is none of what we write.
            unsafe { self.buf.add(self.length).copy_from_nonoverlapping(bytes.as_ptr(), bytes.len()) };
        }
        self.length = end;
    }

    /// Tells the length and ends the text with a NUL, if it fits.
    pub(super) fn finish(&self, call: Call) -> Result<(), Failed> {
        self.tell(call, "text", self.length.saturating_add(1))?;
        // SAFETY: within the buffer.
        unsafe { self.buf.add(self.length).write(0) };
        Ok(())
    }

    /// Tells the length of bytes that no NUL ends, and what they are if they do not fit.
    pub(super) fn finish_bytes(&self, call: Call, what: &str) -> Result<(), Failed> {
        self.tell(call, what, self.length)
    }

    fn tell(&self, call: Call, what: &str, needed: usize) -> Result<(), Failed> {
        // SAFETY: not NULL, aligned, and `new`'s caller's promise holds.
        unsafe { self.told.write(self.length) };
        if needed > self.cap {
            let text = format_args!("cap is {}; the {what} needs {needed} bytes", self.cap);
            return Err(call.refuse(SLUICE_ERR_BUFFER, text));
        }
        Ok(())
    }
}

impl fmt::Write for TextOut {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.put(text.as_bytes());
        Ok(())
    }
}
