//! The text behind the last failure of each thread.

use super::call::copy_text;
use std::cell::RefCell;
use std::ffi::c_char;
use std::fmt::{self, Write};

/// A buffer of so many bytes holds the text of any failure, its NUL included.
pub const SLUICE_ERROR_TEXT_MAX: usize = 1024;

/// Longer texts are cut. The longest there are repeat a policy's text, cut to 60 characters, twice.
const CAPACITY: usize = SLUICE_ERROR_TEXT_MAX - 1;

/// A text in a place of its own, so that keeping one needs neither memory nor a destructor at the thread's end.
struct Text {
    bytes: [u8; CAPACITY],
    length: usize,
}

thread_local! {
    static LAST: RefCell<Text> = const { RefCell::new(Text { bytes: [0; CAPACITY], length: 0 }) };
}

impl Write for Text {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let fits = fitting(text, CAPACITY - self.length);
        self.bytes[self.length..self.length + fits].copy_from_slice(&text.as_bytes()[..fits]);
        self.length += fits;
        if fits == text.len() { Ok(()) } else { Err(fmt::Error) }
    }
}

/// How much of a text fits into so many bytes without cutting a character in two.
pub(super) fn fitting(text: &str, bytes: usize) -> usize {
    (0..=bytes.min(text.len())).rev().find(|&end| text.is_char_boundary(end)).unwrap_or(0)
}

/// Keeps the text of a failure for the thread that met it.
pub(super) fn keep(text: fmt::Arguments<'_>) {
    LAST.with_borrow_mut(|last| {
        last.length = 0;
        // An error says that the text was cut, which is all that can be done about it.
        let _ = last.write_fmt(text);
    });
}

/// Copies the text of this thread's last failure, as UTF-8 and ended by a NUL, into the caller's buffer.
///
/// * `buf`: where to; may be NULL, to ask for the size alone
/// * `cap`: the bytes at `buf`, of which `SLUICE_ERROR_TEXT_MAX` are always enough; where they are too few, the
///   text is cut, and ended by a NUL still
///
/// Returns the bytes that the whole text needs with its NUL: at most `SLUICE_ERROR_TEXT_MAX`, and 1 (an empty
/// text) where no call on this thread has failed. Each failure replaces the text; success leaves it as it is, so
/// read it right after a status below 0. One line, no newline at its end. Other threads' failures are never seen
/// here. Since 0.1.0.
///
/// # Safety
/// `buf` is NULL or good for writing `cap` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sluice_last_error(buf: *mut c_char, cap: usize) -> usize {
    LAST.with_borrow(|last| {
        // What was cut, was cut between characters.
        let text = std::str::from_utf8(&last.bytes[..last.length]).unwrap_or_default();
        // SAFETY: the caller's promise is this function's.
        unsafe { copy_text(text, buf, cap) }
    })
}
