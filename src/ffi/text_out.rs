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

    /// Tells the length and ends the text with a NUL, if it fits.
    pub(super) fn finish(&self, call: Call) -> Result<(), Failed> {
        // SAFETY: not NULL, aligned, and `new`'s caller's promise holds.
        unsafe { self.told.write(self.length) };
        if self.length >= self.cap {
            let needed = self.length + 1;
            return Err(
                call.refuse(SLUICE_ERR_BUFFER, format_args!("cap is {}; the text needs {needed} bytes", self.cap))
            );
        }
        // SAFETY: within the buffer.
        unsafe { self.buf.add(self.length).write(0) };
        Ok(())
    }
}

impl fmt::Write for TextOut {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = self.length.saturating_add(text.len());
        if end <= self.cap {
            // SAFETY: within the buffer, which is none of the texts we write.
            unsafe { self.buf.add(self.length).copy_from_nonoverlapping(text.as_ptr(), text.len()) };
        }
        self.length = end;
        Ok(())
    }
}
