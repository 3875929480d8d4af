//! What every call does at the border: check what came in, keep the text of a failure, stop a panic.

use super::limiter::{ClockChoice, sluice_limiter};
use super::status::{SLUICE_ERR_ARGUMENT, SLUICE_ERR_INTERNAL, SLUICE_OK, status_of};
use super::{last_error, sluice_charge, sluice_request};
use crate::check_all::Charge;
use crate::error::Error;
use crate::limiter::Request;
use std::ffi::{CStr, c_char, c_void};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::NonNull;

/// A call of one of the functions, known by its name to the texts of its failures.
#[derive(Clone, Copy)]
pub(super) struct Call {
    function: &'static str,
}

/// The status of a call that failed. Its text has been kept.
pub(super) struct Failed {
    status: i32,
}

/// Carries a call out: its status, whatever happens.
#[inline(always)]
pub(super) fn call(function: &'static str, body: impl FnOnce(Call) -> Result<(), Failed>) -> i32 {
    let call = Call { function };
    // Unwind safety: after a panic nothing of the body is used but the limiter, whose table is one word at a time.
    match catch_unwind(AssertUnwindSafe(|| body(call))) {
        Ok(Ok(())) => SLUICE_OK,
        Ok(Err(failed)) => failed.status,
        Err(_) => call.panicked().status,
    }
}

/// Gives back what a call has made for the caller, in a call of its own. NULL is nothing.
///
/// # Safety
/// `made` is NULL, or came from `Box::into_raw`, was not freed before, and nobody uses it now or later.
pub(super) unsafe fn free<T>(function: &'static str, made: *mut T) {
    call(function, |_| {
        if !made.is_null() {
            // SAFETY: the caller's promise: it is owned by nobody else.
            drop(unsafe { Box::from_raw(made) });
        }
        Ok(())
    });
}

impl Call {
    /// Keeps a failure's text, which is for whoever runs the program.
    #[cold]
    #[inline(never)]
    pub(super) fn refuse(self, status: i32, text: fmt::Arguments<'_>) -> Failed {
        last_error::keep(text);
        Failed { status }
    }

    /// Refuses an argument; the text is for whoever wrote the program, so it names the function.
    #[cold]
    #[inline(never)]
    pub(super) fn bad(self, text: fmt::Arguments<'_>) -> Failed {
        self.refuse(SLUICE_ERR_ARGUMENT, format_args!("{}: {text}", self.function))
    }

    #[cold]
    #[inline(never)]
    fn panicked(self) -> Failed {
        self.refuse(SLUICE_ERR_INTERNAL, format_args!("a bug in sluicegate: {} panicked", self.function))
    }

    /// Passes on what the core says.
    #[cold]
    pub(super) fn error(self, error: &Error) -> Failed {
        self.refuse(status_of(error), format_args!("{error}"))
    }

    /// A pointer that must not be NULL and must be aligned for what it points to.
    #[inline(always)]
    pub(super) fn pointer<T>(self, name: impl fmt::Display, pointer: *const T) -> Result<NonNull<T>, Failed> {
        match NonNull::new(pointer.cast_mut()) {
            Some(pointer) if pointer.is_aligned() => Ok(pointer),
            _ => Err(self.bad_pointer(name, pointer.cast(), align_of::<T>())),
        }
    }

    /// Takes the name itself: a reference to it would have it written to memory before anything is known to be wrong.
    #[cold]
    #[inline(never)]
    fn bad_pointer(self, name: impl fmt::Display, pointer: *const c_void, align: usize) -> Failed {
        if pointer.is_null() {
            self.bad(format_args!("{name} is NULL"))
        } else {
            self.bad(format_args!("{name} is not aligned to {align} bytes"))
        }
    }

    /// # Safety
    /// `limiter` is NULL or a limiter that is not freed during `'a`.
    #[inline(always)]
    pub(super) unsafe fn limiter<'a>(self, limiter: *const sluice_limiter) -> Result<&'a sluice_limiter, Failed> {
        let limiter = self.pointer("limiter", limiter)?;
        // SAFETY: not NULL, so it is a live limiter, which is only ever shared.
        Ok(unsafe { limiter.as_ref() })
    }

    /// # Safety
    /// `key` is good for reading `key_len` bytes during `'a`, or it is NULL or `key_len` is absurd.
    #[inline(always)]
    pub(super) unsafe fn key<'a>(self, key: *const c_void, key_len: usize) -> Result<&'a [u8], Failed> {
        if !is_key(key, key_len) {
            return Err(self.bad_key("", key_len));
        }
        // SAFETY: it is a key, and the caller's promise holds.
        Ok(unsafe { bytes(key, key_len) })
    }

    #[cold]
    #[inline(never)]
    fn bad_key(self, of: &str, key_len: usize) -> Failed {
        if key_len > isize::MAX as usize {
            self.bad(format_args!("{of}key_len is {key_len}; the largest is {}", isize::MAX))
        } else {
            self.bad(format_args!("{of}key is NULL but key_len is {key_len}; (NULL, 0) is the empty key"))
        }
    }

    /// Bytes of any content; (NULL, 0) are none.
    ///
    /// # Safety
    /// `pointer` is good for reading `length` bytes during `'a`, or it is NULL or `length` is absurd.
    pub(super) unsafe fn bytes<'a>(
        self,
        name: impl fmt::Display,
        pointer: *const c_void,
        length: usize,
    ) -> Result<&'a [u8], Failed> {
        if length > isize::MAX as usize {
            return Err(self.bad(format_args!("{name}_len is {length}; the largest is {}", isize::MAX)));
        }
        if pointer.is_null() && length > 0 {
            return Err(self.bad(format_args!("{name} is NULL but {name}_len is {length}; (NULL, 0) is none")));
        }
        // SAFETY: as for a key, and the caller's promise holds.
        Ok(unsafe { bytes(pointer, length) })
    }

    /// The requests of a batch, each of them known to have a key.
    ///
    /// # Safety
    /// `requests` is good for reading `n` of them during `'a`, and so is each one's key, or they are NULL or
    /// absurd.
    pub(super) unsafe fn requests<'a>(
        self,
        requests: *const sluice_request,
        n: usize,
    ) -> Result<&'a [sluice_request], Failed> {
        // SAFETY: the caller's promise is this function's.
        let requests = unsafe { self.array("requests", requests, n) }?;
        match requests.iter().position(|request| !is_key(request.key, request.key_len)) {
            None => Ok(requests),
            Some(at) => Err(self.bad_key(&format!("requests[{at}]."), requests[at].key_len)),
        }
    }

    /// The charges of one request, each of them known to have a limiter and a key.
    ///
    /// # Safety
    /// `charges` is good for reading `n` of them during `'a`, so is each one's key, and each one's limiter is not freed
    /// during `'a`, or they are NULL or absurd.
    pub(super) unsafe fn charges<'a>(
        self,
        charges: *const sluice_charge,
        n: usize,
    ) -> Result<&'a [sluice_charge], Failed> {
        // SAFETY: the caller's promise is this function's.
        let charges = unsafe { self.array("charges", charges, n) }?;
        for (at, charge) in charges.iter().enumerate() {
            self.charge(at, ("limiter", charge.limiter), (charge.key, charge.key_len))?;
        }
        Ok(charges)
    }

    /// That one charge of several has somebody who decides, and a key.
    #[inline(always)]
    pub(super) fn charge<T>(
        self,
        at: usize,
        (name, decides): (&str, *const T),
        (key, key_len): (*const c_void, usize),
    ) -> Result<(), Failed> {
        self.pointer(format_args!("charges[{at}].{name}"), decides)?;
        if is_key(key, key_len) { Ok(()) } else { Err(self.bad_key(&format!("charges[{at}]."), key_len)) }
    }

    /// `n` of `T`, or none where `n` is 0, whatever the pointer.
    ///
    /// # Safety
    /// `array` is NULL or good for reading `n` of them during `'a`; any bytes are valid for a `T`.
    pub(super) unsafe fn array<'a, T>(self, name: &str, array: *const T, n: usize) -> Result<&'a [T], Failed> {
        if n == 0 {
            return Ok(&[]);
        }
        let array = self.pointer(name, array)?;
        self.fits::<T>(n)?;
        // SAFETY: not NULL, aligned, of a size that fits an address space, and the caller's promise holds.
        Ok(unsafe { std::slice::from_raw_parts(array.as_ptr(), n) })
    }

    /// That a field which is kept for later versions has nothing in it.
    pub(super) fn reserved(self, name: &str, number: u32) -> Result<(), Failed> {
        if number == 0 { Ok(()) } else { Err(self.bad(format_args!("{name} is {number}; it is 0"))) }
    }

    /// That an array of so many `T` is possible at all.
    pub(super) fn fits<T>(self, n: usize) -> Result<(), Failed> {
        let most = isize::MAX as usize / size_of::<T>();
        if n > most { Err(self.bad(format_args!("n is {n}; the largest is {most}"))) } else { Ok(()) }
    }

    /// A text that ends with a NUL.
    ///
    /// # Safety
    /// `text` is NULL or ends with a NUL, and is not changed during `'a`.
    pub(super) unsafe fn text<'a>(self, name: &str, text: *const c_char) -> Result<&'a CStr, Failed> {
        let text = self.pointer(name, text)?;
        // SAFETY: not NULL, and the caller's promise holds.
        Ok(unsafe { CStr::from_ptr(text.as_ptr()) })
    }

    /// A text in UTF-8 that ends with a NUL; NULL is none.
    ///
    /// # Safety
    /// As for `text`.
    pub(super) unsafe fn utf8<'a>(self, name: &str, text: *const c_char) -> Result<Option<&'a str>, Failed> {
        if text.is_null() {
            return Ok(None);
        }
        // SAFETY: the caller's promise is this function's.
        let text = unsafe { self.text(name, text) }?.to_str();
        text.map(Some).map_err(|error| {
            self.bad(format_args!("{name} is not UTF-8 after its first {} bytes", error.valid_up_to()))
        })
    }
}

impl sluice_request {
    /// The request as the core takes it.
    ///
    /// # Safety
    /// It is one of those that `Call::requests` has seen.
    #[inline(always)]
    pub(super) unsafe fn to_core<'a>(self) -> Request<'a> {
        // SAFETY: `Call::requests` has checked the key and relies on the same promise of the caller's.
        Request { key: unsafe { bytes(self.key, self.key_len) }, cost: self.cost }
    }
}

impl sluice_charge {
    /// The charge as the core takes it.
    ///
    /// # Safety
    /// It is one of those that `Call::charges` has seen.
    pub(super) unsafe fn to_core<'a>(self) -> Charge<'a, ClockChoice> {
        // SAFETY: `Call::charges` has checked both and relies on the same promise of the caller's.
        let (limiter, key) = unsafe { (&*self.limiter, bytes(self.key, self.key_len)) };
        Charge { limiter: &limiter.core, key, cost: self.cost }
    }
}

/// Whether this can be a key at all: C passes (NULL, 0) for the empty one.
#[inline(always)]
fn is_key(key: *const c_void, key_len: usize) -> bool {
    key_len == 0 || (!key.is_null() && key_len <= isize::MAX as usize)
}

/// # Safety
/// `is_key` holds, and `key` is good for reading `key_len` bytes during `'a`.
#[inline(always)]
pub(super) unsafe fn bytes<'a>(key: *const c_void, key_len: usize) -> &'a [u8] {
    if key_len == 0 {
        return &[];
    }
    // SAFETY: not NULL, at most isize::MAX bytes, and the caller's promise holds.
    unsafe { std::slice::from_raw_parts(key.cast(), key_len) }
}

/// Copies a text and a NUL into the caller's buffer, cut to what fits; the bytes that all of it needs.
///
/// # Safety
/// `buf` is NULL or good for writing `cap` bytes.
pub(super) unsafe fn copy_text(text: &str, buf: *mut c_char, cap: usize) -> usize {
    if !buf.is_null() && cap > 0 {
        let fits = last_error::fitting(text, cap - 1);
        // SAFETY: `fits` bytes and the NUL are at most `cap`, and a text of ours is not the caller's buffer.
        unsafe {
            std::ptr::copy_nonoverlapping(text.as_ptr(), buf.cast(), fits);
            buf.add(fits).write(0);
        }
    }
    text.len() + 1
}
