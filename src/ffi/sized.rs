//! Structs that carry their size, and grow at their end from one release to the next.

use super::call::{Call, Failed};
use std::ptr::NonNull;

/// More than any version of a struct that carries its size will have: whoever says more has not set it.
const LARGEST_STRUCT: usize = 1024;

/// A struct that begins with its size in bytes.
///
/// # Safety
/// The struct is `repr(C)`, begins with a `usize`, and is made of numbers and raw pointers alone, for which any bytes are
/// valid.
pub(super) unsafe trait SizedStruct: Copy {
    /// What calls name the argument.
    const NAME: &'static str;
    /// The macro that one begins with.
    const INIT: &'static str;
    /// The struct's name in C.
    const TYPE: &'static str;
    /// Where the fields after the first begin: an older struct ends at one of these.
    const FIELDS: &'static [usize];

    /// What is meant where the caller says nothing.
    fn defaults() -> Self;
}

/// A caller's place for a struct that begins with its size, which the caller has set.
pub(super) struct SizedOut<T> {
    out: NonNull<T>,
    pub(super) struct_size: usize,
}

impl<T> SizedOut<T> {
    /// For a `T` made of fields of `step` bytes or more, which is called `name` in C, that one begins with the macro `init`.
    ///
    /// # Safety
    /// `out` is NULL or good for reading and writing its `struct_size` bytes, as long as this lives.
    pub(super) unsafe fn new(
        call: Call,
        out: *mut T,
        step: usize,
        (init, name): (&str, &str),
    ) -> Result<Self, Failed> {
        let out = call.pointer("out", out)?;
        // SAFETY: not NULL, aligned, and every version of the struct begins with its size.
        let struct_size = unsafe { out.cast::<usize>().read() };
        if struct_size < size_of::<usize>() || !struct_size.is_multiple_of(step) || struct_size > LARGEST_STRUCT {
            return Err(call.bad(format_args!(
                "out->struct_size is {struct_size}; begin with {init}, which sets it to sizeof({name})"
            )));
        }
        Ok(Self { out, struct_size })
    }

    /// Writes as much of `known` as there is room for, and zeros over what a newer struct has more.
    ///
    /// # Safety
    /// `T` is `repr(C)` and without padding.
    pub(super) unsafe fn fill(self, known: &T) {
        let (out, filled) = (self.out.cast::<u8>(), self.struct_size.min(size_of::<T>()));
        // SAFETY: `new`'s caller's promise makes `struct_size` bytes writable: some of ours, and zeros to the end.
        unsafe {
            NonNull::from(known).cast::<u8>().copy_to_nonoverlapping(out, filled);
            out.add(filled).write_bytes(0, self.struct_size - filled);
        }
    }
}

/// The struct of a caller that was compiled with this header, an older or a newer one.
///
/// # Safety
/// `given` is not NULL, and good for reading its `struct_size` bytes.
pub(super) unsafe fn read<T: SizedStruct>(call: Call, given: *const T) -> Result<T, Failed> {
    let given = call.pointer(T::NAME, given)?;
    let mut known = T::defaults();
    // SAFETY: not NULL, aligned, and every version of the struct begins with its size.
    let struct_size = unsafe { given.cast::<usize>().read() };
    let own_size = size_of::<T>();
    if struct_size < own_size && !T::FIELDS.contains(&struct_size) || struct_size > LARGEST_STRUCT {
        return Err(call.bad(format_args!(
            "{}.struct_size is {struct_size}; begin with {}, which sets it to sizeof({})",
            T::NAME,
            T::INIT,
            T::TYPE
        )));
    }
    let bytes = given.cast::<u8>();
    // SAFETY: the caller's promise makes `struct_size` bytes readable; what is known here of them goes over a struct for
    // which any bytes are valid.
    unsafe { bytes.copy_to_nonoverlapping(NonNull::from(&mut known).cast(), struct_size.min(own_size)) };
    // SAFETY: as above, one byte at a time.
    if let Some(at) = (own_size..struct_size).find(|&at| unsafe { bytes.add(at).read() } != 0) {
        return Err(call.bad(format_args!(
            "{} has a value at byte {at} that this library (version {}) does not know; it knows the first \
             {own_size} bytes",
            T::NAME,
            env!("CARGO_PKG_VERSION")
        )));
    }
    Ok(known)
}
