//! Which library this is.

use std::ffi::c_char;

/// The release of this header, of which `sluice_version` is the text for the library that was linked.
pub const SLUICE_VERSION_MAJOR: u32 = 0;
/// See `SLUICE_VERSION_MAJOR`.
pub const SLUICE_VERSION_MINOR: u32 = 1;
/// See `SLUICE_VERSION_MAJOR`.
pub const SLUICE_VERSION_PATCH: u32 = 0;
/// The release as one number for `#if`: 1000000 × major + 1000 × minor + patch, 1000 for 0.1.0.
pub const SLUICE_VERSION_NUMBER: u32 =
    SLUICE_VERSION_MAJOR * 1000000 + SLUICE_VERSION_MINOR * 1000 + SLUICE_VERSION_PATCH;
/// The binary interface of this header. A program may run with any library whose `sluice_abi_version` is the same.
pub const SLUICE_ABI_VERSION: u32 = 1;

const _: () = {
    assert!(
        SLUICE_VERSION_MAJOR == decimal(env!("CARGO_PKG_VERSION_MAJOR")),
        "the header's version is the crate's"
    );
    assert!(
        SLUICE_VERSION_MINOR == decimal(env!("CARGO_PKG_VERSION_MINOR")),
        "the header's version is the crate's"
    );
    assert!(
        SLUICE_VERSION_PATCH == decimal(env!("CARGO_PKG_VERSION_PATCH")),
        "the header's version is the crate's"
    );
};

/// The number that digits of Cargo's say, at compile time.
const fn decimal(digits: &str) -> u32 {
    let (digits, mut number, mut at) = (digits.as_bytes(), 0, 0);
    while at < digits.len() {
        number = number * 10 + (digits[at] - b'0') as u32;
        at += 1;
    }
    number
}

/// The release of the library that was linked, such as "0.1.0".
///
/// Never NULL, valid for ever, nothing to free. Safe from any thread. Since 0.1.0.
#[unsafe(no_mangle)]
pub extern "C" fn sluice_version() -> *const c_char {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
}

/// The binary interface of the library that was linked: see `SLUICE_ABI_VERSION`.
///
/// It is raised when a program compiled with an older header would no longer work. Safe from any thread. Since
/// 0.1.0.
#[unsafe(no_mangle)]
pub extern "C" fn sluice_abi_version() -> u32 {
    SLUICE_ABI_VERSION
}
