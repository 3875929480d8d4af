//! Deciding for callers to whom each argument of a call is dear, such as Python's ctypes.

use super::call::{Call, Failed, call};
use super::check::{SLUICE_NEVER, SLUICE_REASON_NONE, sluice_decision};
use super::limiter::sluice_limiter;
use crate::limiter::Request;
use std::cell::Cell;
use std::ffi::c_void;

/// Decides on one permit for a key now, as `sluice_check` with a cost of 1 does, and returns the answer itself.
///
/// * `limiter`: not NULL
/// * `key`, `key_len`: as for `sluice_check`, the length in 32 bits
///
/// For bindings that make an object of what a call returns and pass numbers of 32 bits most cheaply. There is no
/// status: a NULL `limiter`, or a NULL `key` of a length above 0, gets a denial whose `limit` is 0, whose `reason` is
/// `SLUICE_REASON_NONE` and whose `retry_after_ns` is `SLUICE_NEVER`, which no key of a limiter gets, and
/// `sluice_last_error` says what was wrong. Safe from any number of threads at once. Since 0.1.0.
///
/// # Safety
/// As for `sluice_check`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sluice_check_by_value(
    limiter: *const sluice_limiter,
    key: *const c_void,
    key_len: u32,
) -> sluice_decision {
    let mut decision =
        sluice_decision { reason: SLUICE_REASON_NONE, retry_after_ns: SLUICE_NEVER, ..sluice_decision::default() };
    call("sluice_check_by_value", |call| {
        // SAFETY: the caller's promise is this function's.
        let (limiter, key) = unsafe { (call.limiter(limiter)?, call.key(key, key_len as usize)?) };
        decision = limiter.core.check_cost(key, 1).into();
        Ok(())
    });
    decision
}

/// Decides on a batch as `sluice_check_many` does, with all keys in one piece of memory.
///
/// * `limiter`: not NULL
/// * `keys`, `size`: the bytes of all keys, one behind the other; NULL only if `size` is 0
/// * `lengths`: the length of each key in bytes, `size` in all; or NULL where the keys have no zero byte in them and
///   one stands between each two
/// * `costs`: how many permits each request takes; NULL where each takes 1
/// * `n`: how many requests; 0 does nothing
/// * `out`: receives `n` answers in the same order; NULL only if `n` is 0; it must not overlap the rest
///
/// Returns `SLUICE_OK`, or `SLUICE_ERR_ARGUMENT` if the keys are not as many or as long as is said, and then none
/// is decided and `out` is left as it was. Safe from any number of threads at once. Since 0.1.0.
///
/// # Safety
/// `limiter` is NULL or a limiter that is not freed before this returns; `keys` is good for reading `size` bytes;
/// `lengths` and `costs` are NULL or good for reading `n` numbers each; `out` is NULL or good for writing `n`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sluice_check_packed(
    limiter: *const sluice_limiter,
    keys: *const c_void,
    size: usize,
    lengths: *const u64,
    costs: *const u64,
    n: usize,
    out: *mut sluice_decision,
) -> i32 {
    call("sluice_check_packed", |call| {
        // SAFETY: the caller's promise is this function's.
        let limiter = unsafe { call.limiter(limiter) }?;
        // SAFETY: as above.
        let batch = unsafe { Packed::new(call, keys, size, lengths, costs, n) }?;
        // SAFETY: as above.
        unsafe { batch.decide(call, limiter, out, || limiter.core.now()) }
    })
}

/// Decides on a batch as `sluice_check_packed` does, all of it at `now_unix_ns`, a time as for `sluice_check_at`.
/// Since 0.1.0.
///
/// # Safety
/// As for `sluice_check_packed`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sluice_check_packed_at(
    limiter: *const sluice_limiter,
    keys: *const c_void,
    size: usize,
    lengths: *const u64,
    costs: *const u64,
    n: usize,
    now_unix_ns: u64,
    out: *mut sluice_decision,
) -> i32 {
    call("sluice_check_packed_at", |call| {
        // SAFETY: the caller's promise is this function's.
        let limiter = unsafe { call.limiter(limiter) }?;
        // SAFETY: as above.
        let batch = unsafe { Packed::new(call, keys, size, lengths, costs, n) }?;
        // SAFETY: as above.
        unsafe { batch.decide(call, limiter, out, || now_unix_ns) }
    })
}

/// A batch whose keys are known to be as many and as long as is said.
struct Packed<'a> {
    keys: &'a [u8],
    lengths: Option<&'a [u64]>,
    costs: Option<&'a [u64]>,
    count: usize,
}

impl<'a> Packed<'a> {
    /// # Safety
    /// As for `sluice_check_packed`, during `'a`.
    unsafe fn new(
        call: Call,
        keys: *const c_void,
        size: usize,
        lengths: *const u64,
        costs: *const u64,
        n: usize,
    ) -> Result<Self, Failed> {
        // SAFETY: the caller's promise is this function's.
        let (keys, lengths, costs) = unsafe {
            (call.key(keys, size)?, numbers(call, "lengths", lengths, n)?, numbers(call, "costs", costs, n)?)
        };
        let fits = match lengths {
            Some(lengths) => {
                lengths.iter().try_fold(0, |sum: u64, &length| sum.checked_add(length)) == Some(size as u64)
            }
            None => n == 0 || keys.iter().filter(|&&byte| byte == 0).count() == n - 1,
        };
        if !fits {
            return Err(
                call.bad(format_args!("{size} bytes of keys are not the {n} keys that are said to be in them"))
            );
        }
        Ok(Self { keys, lengths, costs, count: n })
    }

    /// # Safety
    /// `out` is NULL or good for writing as many decisions as there are requests.
    unsafe fn decide(
        &self,
        call: Call,
        limiter: &sluice_limiter,
        out: *mut sluice_decision,
        now: impl FnOnce() -> u64,
    ) -> Result<(), Failed> {
        if self.count == 0 {
            return Ok(());
        }
        let out = call.pointer("out", out)?;
        call.fits::<sluice_decision>(self.count)?;
        // The requests are asked for in order, so where one ends, the next begins.
        let rest = Cell::new(self.keys);
        limiter.core.check_each(
            self.count,
            |n| {
                let (key, behind) = self.split(n, rest.get());
                rest.set(behind);
                Request { key, cost: self.costs.map_or(1, |costs| costs[n]) }
            },
            // SAFETY: `out` is good for writing as many as there are requests.
            |n, decision| unsafe { out.add(n).write(decision.into()) },
            now,
        );
        Ok(())
    }

    /// The `n`th key, which `rest` begins with, and what is behind it.
    #[inline(always)]
    fn split(&self, n: usize, rest: &'a [u8]) -> (&'a [u8], &'a [u8]) {
        match self.lengths {
            Some(lengths) => rest.split_at(lengths[n] as usize),
            None => match rest.iter().position(|&byte| byte == 0) {
                Some(end) => (&rest[..end], &rest[end + 1..]),
                None => (rest, &[]),
            },
        }
    }
}

/// One number for each request, or none for all.
///
/// # Safety
/// `numbers` is NULL or good for reading `n` during `'a`.
unsafe fn numbers<'a>(call: Call, name: &str, numbers: *const u64, n: usize) -> Result<Option<&'a [u64]>, Failed> {
    if numbers.is_null() {
        return Ok(None);
    }
    let numbers = call.pointer(name, numbers)?;
    call.fits::<u64>(n)?;
    // SAFETY: not NULL, aligned, of a size that fits an address space, and the caller's promise holds.
    Ok(Some(unsafe { std::slice::from_raw_parts(numbers.as_ptr(), n) }))
}
