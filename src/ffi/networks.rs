//! Lists of networks, and keys as people may see them.

use super::call::{call, free};
use super::identity::address;
use super::text_out::TextOut;
use crate::identity::{Networks, Shown};
use std::ffi::{c_char, c_void};
use std::fmt::Write;

/// A list of networks, checked once: made by `sluice_networks_new`, given back by `sluice_networks_free`. It never changes,
/// so one serves any number of threads at once.
#[allow(non_camel_case_types, reason = "the name that C knows")]
pub struct sluice_networks {
    core: Networks,
}

/// Checks a list of networks, such as those of clients that no limit holds, and keeps it.
///
/// * `text`: networks and addresses with commas or blanks between them, such as "10.0.0.0/8, 2001:db8::/32"; "loopback"
///   and "private" are short for several, "unix" stands for peers that have no address. Ends with a NUL, not NULL
/// * `out`: receives the list, the caller's to free; left as it was on an error
///
/// Returns `SLUICE_OK` or `SLUICE_ERR_ARGUMENT`; `sluice_last_error` says which of them is none. Safe from any thread. Since
/// 0.1.0.
///
/// # Safety
/// `text` is NULL or ends with a NUL; `out` is NULL or good for writing a pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sluice_networks_new(text: *const c_char, out: *mut *mut sluice_networks) -> i32 {
    call("sluice_networks_new", |call| {
        let out = call.pointer("out", out)?;
        // SAFETY: the caller's promise is this function's.
        let text = unsafe { call.utf8("text", call.pointer("text", text)?.as_ptr()) }?.unwrap_or_default();
        let core = text.parse().map_err(|error: crate::Error| call.error(&error))?;
        // SAFETY: not NULL, aligned, and the caller's promise holds.
        unsafe { out.write(Box::into_raw(Box::new(sluice_networks { core }))) };
        Ok(())
    })
}

/// Tells whether an address is in one of the networks.
///
/// * `networks`: not NULL
/// * `address`, `address_len`: in network byte order as of `sluice_client`: 4 bytes of IPv4, 16 of IPv6, of which an
///   IPv4-mapped one is IPv4; or (NULL, 0) for a client that has none
/// * `out`: receives 1 or 0; not NULL, left as it was on an error
///
/// Returns `SLUICE_OK` or `SLUICE_ERR_ARGUMENT`. Safe from any number of threads at once. Since 0.1.0.
///
/// # Safety
/// `networks` is NULL or a list that is not freed before this returns; `address` is good for reading `address_len` bytes;
/// `out` is NULL or good for writing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sluice_networks_contain(
    networks: *const sluice_networks,
    address: *const c_void,
    address_len: usize,
    out: *mut u32,
) -> i32 {
    call("sluice_networks_contain", |call| {
        let (networks, out) = (call.pointer("networks", networks)?, call.pointer("out", out)?);
        // SAFETY: the caller's promise is this function's.
        let address = self::address(call, "address", unsafe { call.bytes("address", address, address_len) }?)?;
        // SAFETY: not NULL, so it is a live list, which is only ever shared.
        let contains = unsafe { networks.as_ref() }.core.contains(address);
        // SAFETY: not NULL, aligned, and the caller's promise holds.
        unsafe { out.write(contains.into()) };
        Ok(())
    })
}

/// Frees a list of networks. NULL is none, and nothing happens.
///
/// * `networks`: from `sluice_networks_new`; no other thread may be using it, and nobody may afterwards
///
/// Since 0.1.0.
///
/// # Safety
/// `networks` is NULL or a list that was not freed before and that nobody uses now or later.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sluice_networks_free(networks: *mut sluice_networks) {
    // SAFETY: the caller's promise is this function's.
    unsafe { free("sluice_networks_free", networks) }
}

/// Writes a key that `sluice_key_join` or `sluice_client_key` has made as one line of printable ASCII, ended by a NUL, for
/// logs: "203.0.113.10,user=ann".
///
/// Of a header's value, which may be a secret, there is nothing but a hash that is the same as long as the process runs.
/// What is not printable is escaped, and what is long is cut. Other keys are shown as bytes are, escaped and cut.
///
/// * `key`, `key_len`: as for `sluice_check`
/// * `buf`: where to; NULL only if `cap` is 0
/// * `cap`: the bytes at `buf`
/// * `length`: receives the bytes of the text without its NUL, also on `SLUICE_ERR_BUFFER`; not NULL
///
/// Returns `SLUICE_OK`, `SLUICE_ERR_ARGUMENT`, or `SLUICE_ERR_BUFFER` where the text and its NUL do not fit, and then what is
/// at `buf` is of no use. Safe from any thread. Since 0.1.0.
///
/// # Safety
/// `key` is good for reading `key_len` bytes; `buf` is NULL or good for writing `cap` bytes; `length` is NULL or good for
/// writing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sluice_key_text(
    key: *const c_void,
    key_len: usize,
    buf: *mut c_char,
    cap: usize,
    length: *mut usize,
) -> i32 {
    call("sluice_key_text", |call| {
        // SAFETY: the caller's promise is this function's.
        let (key, mut out) = unsafe { (call.key(key, key_len)?, TextOut::new(call, buf, cap, length)?) };
        // What does not fit is counted, and told in the end.
        let _ = write!(out, "{}", Shown(key));
        out.finish(call)
    })
}
