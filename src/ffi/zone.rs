//! Zones: limiters in shared memory whose policy can be replaced, and several of them for one request.

use super::call::{Call, Failed, bytes, call, free};
use super::check::{refuse_overlap, sluice_decision};
use super::limiter::{ClockChoice, clock, copy_policy, on_full, parse, read_options, sluice_options};
use super::stats::{fill, sluice_limiter_stats};
use crate::check_all::check_in_turn;
use crate::limiter::Limiter;
use crate::zone::{Zone, ZoneCharge};
use std::ffi::{c_char, c_void};

/// A limiter in memory that processes share, whose policy can be replaced while all of them use it. Made by
/// `sluice_zone_attach`, given back by `sluice_zone_free`.
///
/// For a server that forks its workers, and new ones when its configuration changes, which share the memory with the
/// old ones for a while. Threads and processes may use it as they may a `sluice_limiter`, and it inherited by fork() is the
/// same zone.
#[allow(non_camel_case_types, reason = "the name that C knows")]
pub struct sluice_zone {
    core: Zone<ClockChoice>,
}

/// What one zone is asked for: permits for a key.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
#[allow(non_camel_case_types, reason = "the name that C knows")]
pub struct sluice_zone_charge {
    /// Who decides; not NULL.
    pub zone: *const sluice_zone,
    /// `key_len` bytes of any content: who asks. May be NULL if `key_len` is 0.
    pub key: *const c_void,
    /// The length of the key in bytes.
    pub key_len: usize,
    /// How many permits the request takes; 1 for an ordinary one.
    pub cost: u64,
}

/// How many keys a table of so many bytes has room for: the largest `max_keys` for which `sluice_region_size` is no
/// more. 0 where the bytes are too few for any table. Safe from any thread. Since 0.1.0.
#[unsafe(no_mangle)]
pub extern "C" fn sluice_region_keys(size: usize) -> u64 {
    Limiter::region_keys(size as u64).unwrap_or(0)
}

/// How many bytes of memory a zone takes in which `max_keys` keys can be live at once: twice a table's, and a page.
///
/// Half of it takes no memory of the system's but while a policy is being replaced. Returns the bytes, or 0 for a number
/// out of range (`sluice_last_error` says which is in it). Safe from any thread. Since 0.1.0.
#[unsafe(no_mangle)]
pub extern "C" fn sluice_zone_size(max_keys: u64) -> usize {
    let mut bytes = 0;
    call("sluice_zone_size", |call| {
        bytes = Zone::bytes_for(max_keys).map_err(|error| call.error(&error))?;
        Ok(())
    });
    bytes
}

/// Makes a zone in memory of the caller's, which several processes may share, if the memory is all zero; joins the one
/// that is there else, whatever its policy (see `sluice_zone_policy`, `sluice_zone_replace`).
///
/// * `memory`: `size` bytes, aligned to 128, readable and writable as long as the zone lives, mapped with MAP_SHARED and
///   MAP_ANONYMOUS; only zones may touch them from the first attach on. The zone is for as many keys as fit (see
///   `sluice_zone_size`).
/// * `policy`: as for `sluice_limiter_new`
/// * `options`: read during the call only; NULL for all defaults. `max_keys` and `replace` have no meaning here.
/// * `out`: receives the zone, the caller's to free (which leaves the memory as it is); left as it was on an error
///
/// Returns `SLUICE_OK`; `SLUICE_ERR_FORMAT` for memory that is too small, not aligned, or neither zero nor a zone of this
/// size; or as `sluice_limiter_new_with` does. Safe from any thread and any process at once. Since 0.1.0.
///
/// # Safety
/// `memory` is NULL or as above; `policy` is NULL or ends with a NUL; `options` is NULL or good for reading its
/// `struct_size` bytes; `out` is NULL or good for writing a pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sluice_zone_attach(
    memory: *mut c_void,
    size: usize,
    policy: *const c_char,
    options: *const sluice_options,
    out: *mut *mut sluice_zone,
) -> i32 {
    call("sluice_zone_attach", |call| {
        let out = call.pointer("out", out)?;
        // SAFETY: the caller's promise is this function's.
        let (policy, options) = unsafe { (call.text("policy", policy)?, read_options(call, options)?) };
        let (policy, on_full) = (parse(call, policy)?, on_full(call, options.on_full)?);
        let clock = clock(call, options.clock, &policy)?;
        // SAFETY: as above; a NULL is refused.
        let core = unsafe { Zone::attach_with(memory.cast(), size, policy, on_full, clock) };
        let zone = sluice_zone { core: core.map_err(|error| call.error(&error))? };
        // SAFETY: not NULL, aligned, and the caller's promise holds.
        unsafe { out.write(Box::into_raw(Box::new(zone))) };
        Ok(())
    })
}

/// Frees a zone, and leaves the memory as it is. NULL is none, and nothing happens.
///
/// * `zone`: from `sluice_zone_attach`; no other thread may be using it, and nobody may afterwards
///
/// The memory may be gone already. Since 0.1.0.
///
/// # Safety
/// `zone` is NULL or a zone that was not freed before and that nobody uses now or later.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sluice_zone_free(zone: *mut sluice_zone) {
    // SAFETY: the caller's promise is this function's.
    unsafe { free("sluice_zone_free", zone) }
}

/// Replaces the zone's policy, for all processes at one instant. What each key has consumed stays consumed: as many permits,
/// rounded up, up to all that the new policy allows.
///
/// * `zone`: not NULL
/// * `policy`: as for `sluice_limiter_new`; nothing happens where it is the same
///
/// Takes as long as a pass over the table; others go on meanwhile. Only one thread of one process may do this at a time, or
/// what keys have consumed may be forgotten. A process that is killed meanwhile has replaced the policy or has not.
/// Returns `SLUICE_OK`, `SLUICE_ERR_ARGUMENT`, `SLUICE_ERR_POLICY`, or `SLUICE_ERR_FORMAT` where somebody else writes to
/// the memory. Since 0.1.0.
///
/// # Safety
/// `zone` is NULL or a zone that is not freed before this returns; `policy` is NULL or ends with a NUL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sluice_zone_replace(zone: *const sluice_zone, policy: *const c_char) -> i32 {
    call("sluice_zone_replace", |call| {
        // SAFETY: the caller's promise is this function's.
        let (zone, policy) = unsafe { (call.zone(zone)?, call.text("policy", policy)?) };
        zone.core.replace(parse(call, policy)?).map_err(|error| call.error(&error))
    })
}

/// Copies the text of the policy that is in force, ended by a NUL, into the caller's buffer, as `sluice_limiter_policy`
/// does. Since 0.1.0.
///
/// # Safety
/// `zone` is NULL or a zone that is not freed before this returns; `buf` is NULL or good for writing `cap` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sluice_zone_policy(zone: *const sluice_zone, buf: *mut c_char, cap: usize) -> i32 {
    call("sluice_zone_policy", |call| {
        // SAFETY: the caller's promise is this function's.
        let zone = unsafe { call.zone(zone) }?;
        // SAFETY: as above.
        unsafe { copy_policy(call, &zone.core.policy(), buf, cap) }
    })
}

/// Decides on `cost` permits for a key now, as `sluice_check` does, and tells the time of the decision.
///
/// * `zone`: not NULL
/// * `key`, `key_len`, `cost`: as for `sluice_check`
/// * `out`: receives the answer, not NULL
/// * `now_unix_ns`: receives its time, by the zone's clock; not NULL
///
/// Returns `SLUICE_OK` whether the request is allowed or not, or `SLUICE_ERR_ARGUMENT`, and then nothing is written. Safe
/// from any number of threads and processes at once. It takes no lock, waits for nobody, and allocates nothing but after the
/// zone's policy was replaced. Since 0.1.0.
///
/// # Safety
/// `zone` is NULL or a zone that is not freed before this returns; `key` is good for reading `key_len` bytes; `out` and
/// `now_unix_ns` are NULL or good for writing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sluice_zone_check(
    zone: *const sluice_zone,
    key: *const c_void,
    key_len: usize,
    cost: u64,
    out: *mut sluice_decision,
    now_unix_ns: *mut u64,
) -> i32 {
    call("sluice_zone_check", |call| {
        // SAFETY: the caller's promise is this function's.
        let (zone, key) = unsafe { (call.zone(zone)?, call.key(key, key_len)?) };
        let (out, time) = (call.pointer("out", out)?, call.pointer("now_unix_ns", now_unix_ns)?);
        let (decision, now) = zone.core.check_now(key, cost);
        // SAFETY: not NULL, aligned, and the caller's promise holds.
        unsafe {
            out.write(decision.into());
            time.write(now);
        }
        Ok(())
    })
}

/// Decides on one request that several zones hold, as `sluice_check_all` does for limiters: charged to all of them if all
/// allow it, else to none.
///
/// * `charges`: `n` of them, not changed during the call; NULL only if `n` is 0. Let their order be the same wherever two
///   zones hold a request together, or two requests may deny each other.
/// * `n`: how many; 0 is a request that nothing limits
/// * `out`: receives `n` answers in the same order; NULL only if `n` is 0; it must not overlap the rest
/// * `now_unix_ns`: receives the time of each answer, by the zone's clock; NULL only if `n` is 0
/// * `allowed`: receives 1 if all allow, else 0; not NULL
///
/// Returns `SLUICE_OK` whether the request is allowed or not, or `SLUICE_ERR_ARGUMENT` if anything is wrong with any of
/// the charges, and then none is decided and nothing is written. Safe from any number of threads and processes at once. It
/// takes no lock and waits for nobody, and allocates nothing for up to 8 charges but after a zone's policy was replaced.
/// Since 0.1.0.
///
/// # Safety
/// `charges` is NULL or good for reading `n` of them, each one's key for its length, and each one's zone is not freed
/// before this returns; `out` and `now_unix_ns` are NULL or good for writing `n`; `allowed` is NULL or good for writing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sluice_zone_check_all(
    charges: *const sluice_zone_charge,
    n: usize,
    out: *mut sluice_decision,
    now_unix_ns: *mut u64,
    allowed: *mut u32,
) -> i32 {
    call("sluice_zone_check_all", |call| {
        let allowed = call.pointer("allowed", allowed)?;
        let mut all_allow = true;
        if n > 0 {
            // SAFETY: the caller's promise is this function's.
            let charges = unsafe { zone_charges(call, charges, n) }?;
            let (out, times) = (call.pointer("out", out)?, call.pointer("now_unix_ns", now_unix_ns)?);
            call.fits::<sluice_decision>(n)?;
            refuse_overlap(call, ("charges", charges), out)?;
            all_allow = check_in_turn(
                n,
                // SAFETY: `zone_charges` has seen it.
                |n| unsafe { charges[n].to_core() },
                // SAFETY: both are good for writing as many as there are charges, and overlap none of them.
                |n, decision, now| unsafe {
                    out.add(n).write(decision.into());
                    times.add(n).write(now);
                },
                |charge| charge.zone.now(),
            );
        }
        // SAFETY: not NULL, aligned, and the caller's promise holds.
        unsafe { allowed.write(all_allow.into()) };
        Ok(())
    })
}

/// Answers as `sluice_zone_check` would, and consumes nothing. With a cost of 0 it tells how the
/// key stands. Arguments, statuses and threads as for `sluice_peek`. Since 0.1.0.
///
/// # Safety
/// `zone` is NULL or a zone that is not freed before this returns; `key` is good for reading `key_len` bytes; `out` is NULL
/// or good for writing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sluice_zone_peek(
    zone: *const sluice_zone,
    key: *const c_void,
    key_len: usize,
    cost: u64,
    out: *mut sluice_decision,
) -> i32 {
    call("sluice_zone_peek", |call| {
        // SAFETY: the caller's promise is this function's.
        let (zone, key) = unsafe { (call.zone(zone)?, call.key(key, key_len)?) };
        let out = call.pointer("out", out)?;
        // SAFETY: not NULL, aligned, and the caller's promise holds.
        unsafe { out.write(zone.core.peek(key, cost).into()) };
        Ok(())
    })
}

/// Gives `cost` permits back to a key, as `sluice_refund` does. Since 0.1.0.
///
/// # Safety
/// `zone` is NULL or a zone that is not freed before this returns; `key` is good for reading `key_len` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sluice_zone_refund(
    zone: *const sluice_zone,
    key: *const c_void,
    key_len: usize,
    cost: u64,
) -> i32 {
    call("sluice_zone_refund", |call| {
        // SAFETY: the caller's promise is this function's.
        let (zone, key) = unsafe { (call.zone(zone)?, call.key(key, key_len)?) };
        zone.core.refund(key, cost);
        Ok(())
    })
}

/// Tells what a zone holds and has done since its policy was replaced, as `sluice_stats` does. Since 0.1.0.
///
/// # Safety
/// `zone` is NULL or a zone that is not freed before this returns; `out` is NULL or good for reading and writing its
/// `struct_size` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sluice_zone_stats(zone: *const sluice_zone, out: *mut sluice_limiter_stats) -> i32 {
    call("sluice_zone_stats", |call| {
        // SAFETY: the caller's promise is this function's.
        let zone = unsafe { call.zone(zone) }?;
        // SAFETY: as above.
        unsafe { fill(call, out, || zone.core.stats()) }
    })
}

impl Call {
    /// # Safety
    /// `zone` is NULL or a zone that is not freed during `'a`.
    unsafe fn zone<'a>(self, zone: *const sluice_zone) -> Result<&'a sluice_zone, Failed> {
        let zone = self.pointer("zone", zone)?;
        // SAFETY: not NULL, so it is a live zone, which is only ever shared.
        Ok(unsafe { zone.as_ref() })
    }
}

/// The charges of one request, each of them known to have a zone and a key.
///
/// # Safety
/// As for `sluice_zone_check_all`, during `'a`.
unsafe fn zone_charges<'a>(
    call: Call,
    charges: *const sluice_zone_charge,
    n: usize,
) -> Result<&'a [sluice_zone_charge], Failed> {
    // SAFETY: the caller's promise is this function's.
    let charges = unsafe { call.array("charges", charges, n) }?;
    for (at, charge) in charges.iter().enumerate() {
        call.charge(at, ("zone", charge.zone), (charge.key, charge.key_len))?;
    }
    Ok(charges)
}

impl sluice_zone_charge {
    /// The charge as the core takes it.
    ///
    /// # Safety
    /// It is one of those that `zone_charges` has seen.
    #[inline(always)]
    unsafe fn to_core<'a>(self) -> ZoneCharge<'a, ClockChoice> {
        // SAFETY: `zone_charges` has checked both and relies on the same promise of the caller's.
        let (zone, key) = unsafe { (&*self.zone, bytes(self.key, self.key_len)) };
        ZoneCharge { zone: &zone.core, key, cost: self.cost }
    }
}
