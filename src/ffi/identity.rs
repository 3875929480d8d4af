//! Who is asking.

use super::call::{Call, Failed, bytes, call, free};
use super::sized::{self, SizedStruct};
use super::text_out::TextOut;
use crate::identity::{AddressKey, Client, Embedded, ForwardingHeader, Identity, Part, Proxies, Source};
use std::ffi::{c_char, c_void};
use std::fmt::Write;
use std::mem::offset_of;
use std::net::IpAddr;
use std::ptr;

/// NAT64's addresses in 64:ff9b::/96 count as the IPv4 address in them.
pub const SLUICE_EMBEDDED_NAT64: u32 = 1;
/// 6to4's addresses in 2002::/16 count as the IPv4 address in them.
pub const SLUICE_EMBEDDED_6TO4: u32 = 2;
/// Teredo's addresses in 2001::/32 count as the client's IPv4 address in them.
pub const SLUICE_EMBEDDED_TEREDO: u32 = 4;

/// The client's address is the peer's: there is no proxy in front, none that is trusted, or it has sent no header.
pub const SLUICE_SOURCE_PEER: u32 = 0;
/// The client's address is from the header.
pub const SLUICE_SOURCE_HEADER: u32 = 1;
/// The header has no address where the client's would be, so it is that of the last good hop: a sign of a proxy that is set
/// up otherwise than was said.
pub const SLUICE_SOURCE_FALLBACK: u32 = 2;

/// A part of a key: a client's address, as `sluice_client` has it in `key`.
pub const SLUICE_PART_ADDRESS: u32 = 0;
/// A part of a key: a user, who has proved to be one.
pub const SLUICE_PART_USER: u32 = 1;
/// A part of a key: a header's name and its value.
pub const SLUICE_PART_HEADER: u32 = 2;
/// A part of a key: something else, under a name.
pub const SLUICE_PART_NAMED: u32 = 3;

/// The longest key of an address, in bytes.
pub const SLUICE_CLIENT_KEY_MAX: usize = 18;
/// A buffer of so many bytes holds the text of any client, its NUL included.
pub const SLUICE_CLIENT_TEXT_MAX: usize = 64;

/// How clients are told apart, checked once: made by `sluice_identity_new`, given back by `sluice_identity_free`. It never
/// changes, so one serves any number of threads at once.
#[allow(non_camel_case_types, reason = "the name that C knows")]
pub struct sluice_identity {
    core: Identity,
}

/// How clients may be told apart. Begin with `SLUICE_IDENTITY_OPTIONS_INIT`, then set what should differ; 0 or NULL stands
/// for the default in every field but the first. Texts end with a NUL and are read during the call only.
///
/// It grows as `sluice_options` does.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(non_camel_case_types, reason = "the name that C knows")]
pub struct sluice_identity_options {
    /// sizeof(sluice_identity_options), as the caller was compiled.
    pub struct_size: usize,
    /// The one header that names clients; NULL for "X-Forwarded-For". "Forwarded" has the grammar of RFC 7239, every
    /// other is a list of addresses.
    pub header: *const c_char,
    /// The proxies that are trusted: "none", a number of hops such as "2", or networks and addresses with commas between
    /// them, such as "10.0.0.0/8, 2001:db8::/32", also "loopback", "private" and "unix". NULL for none.
    pub proxies: *const c_char,
    /// How many bits of an IPv6 address count, from 1 to 128; 0 for 64.
    pub ipv6_prefix: u32,
    /// How many bits of an IPv4 address count, from 1 to 32; 0 for 32.
    pub ipv4_prefix: u32,
    /// Some of `SLUICE_EMBEDDED_*`, combined by `|`. IPv4-mapped addresses always count as IPv4.
    pub embedded: u32,
    /// 0.
    pub reserved: u32,
}

// SAFETY: `repr(C)`, and numbers and raw pointers alone, of which the first is a `usize`.
unsafe impl SizedStruct for sluice_identity_options {
    const NAME: &'static str = "options";
    const INIT: &'static str = "SLUICE_IDENTITY_OPTIONS_INIT";
    const TYPE: &'static str = "sluice_identity_options";
    const FIELDS: &'static [usize] = &[
        offset_of!(sluice_identity_options, header),
        offset_of!(sluice_identity_options, proxies),
        offset_of!(sluice_identity_options, ipv6_prefix),
        offset_of!(sluice_identity_options, ipv4_prefix),
        offset_of!(sluice_identity_options, embedded),
        offset_of!(sluice_identity_options, reserved),
    ];

    fn defaults() -> Self {
        Self {
            struct_size: size_of::<Self>(),
            header: ptr::null(),
            proxies: ptr::null(),
            ipv6_prefix: 0,
            ipv4_prefix: 0,
            embedded: 0,
            reserved: 0,
        }
    }
}

/// Bytes of any content, which are read during a call only.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
#[allow(non_camel_case_types, reason = "the name that C knows")]
pub struct sluice_bytes {
    /// `len` bytes. May be NULL if `len` is 0.
    pub data: *const c_void,
    /// How many.
    pub len: usize,
}

/// Who a request comes from.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(non_camel_case_types, reason = "the name that C knows")]
pub struct sluice_client {
    /// What the client is counted by: the key for `sluice_check`, of which the first `key_len` bytes count. The others
    /// are 0.
    pub key: [u8; 24],
    /// At most `SLUICE_CLIENT_KEY_MAX`.
    pub key_len: u32,
    /// One of `SLUICE_SOURCE_*`: how the address was found.
    pub source: u32,
    /// The client's whole address in network byte order, of which the first `address_len` bytes count. The others are 0.
    pub address: [u8; 16],
    /// 4, 16, or 0 for a client that has none. An IPv4-mapped IPv6 address is one of IPv4.
    pub address_len: u32,
    /// 0.
    pub reserved: u32,
}

/// One part of a key.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
#[allow(non_camel_case_types, reason = "the name that C knows")]
pub struct sluice_key_part {
    /// One of `SLUICE_PART_*`.
    pub kind: u32,
    /// 0.
    pub reserved: u32,
    /// The name of a header or of a named part; (NULL, 0) for the others. A header's is the same in upper and lower case.
    pub name: *const c_void,
    /// The length of the name in bytes.
    pub name_len: usize,
    /// The part's value, bytes of any content and length. May be NULL if `value_len` is 0.
    pub value: *const c_void,
    /// The length of the value in bytes.
    pub value_len: usize,
}

/// Checks how clients are to be told apart, and keeps it.
///
/// * `options`: not NULL; read during the call only
/// * `out`: receives the identity, the caller's to free; left as it was on an error
///
/// Returns `SLUICE_OK` or `SLUICE_ERR_ARGUMENT`; `sluice_last_error` says which option is wrong, and what would be right.
/// Safe from any thread. Since 0.1.0.
///
/// # Safety
/// `options` is NULL or good for reading its `struct_size` bytes, and its texts are NULL or end with a NUL; `out` is NULL
/// or good for writing a pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sluice_identity_new(
    options: *const sluice_identity_options,
    out: *mut *mut sluice_identity,
) -> i32 {
    call("sluice_identity_new", |call| {
        let out = call.pointer("out", out)?;
        // SAFETY: the caller's promise is this function's.
        let options = unsafe { sized::read(call, options) }?;
        // SAFETY: as above.
        let core = unsafe { identity(call, &options) }?;
        // SAFETY: not NULL, aligned, and the caller's promise holds.
        unsafe { out.write(Box::into_raw(Box::new(sluice_identity { core }))) };
        Ok(())
    })
}

/// # Safety
/// The texts of `options` are NULL or end with a NUL.
unsafe fn identity(call: Call, options: &sluice_identity_options) -> Result<Identity, Failed> {
    call.reserved("options.reserved", options.reserved)?;
    // SAFETY: the caller's promise is this function's.
    let (header, proxies) =
        unsafe { (call.utf8("options.header", options.header)?, call.utf8("options.proxies", options.proxies)?) };
    let header = header.map_or(Ok(ForwardingHeader::X_FORWARDED_FOR), str::parse);
    let proxies = proxies.map_or(Ok(Proxies::NONE), str::parse);
    let bits = |number: u32, default| if number == 0 { default } else { u8::try_from(number).unwrap_or(u8::MAX) };
    let made = header.and_then(|header| {
        Identity::behind(header, proxies?)
            .ipv6_prefix(bits(options.ipv6_prefix, 64))?
            .ipv4_prefix(bits(options.ipv4_prefix, 32))
    });
    let identity = made.map_err(|error| call.error(&error))?;
    Ok(identity.embedded(embedded(call, options.embedded)?))
}

fn embedded(call: Call, number: u32) -> Result<Embedded, Failed> {
    let known = [
        (SLUICE_EMBEDDED_NAT64, Embedded::NAT64),
        (SLUICE_EMBEDDED_6TO4, Embedded::SIX_TO_FOUR),
        (SLUICE_EMBEDDED_TEREDO, Embedded::TEREDO),
    ];
    let all = known.iter().fold(0, |all, (bit, _)| all | bit);
    if number & !all != 0 {
        return Err(
            call.bad(format_args!("options.embedded is {number}; it is a sum of some of SLUICE_EMBEDDED_*"))
        );
    }
    let chosen = known.iter().filter(|(bit, _)| number & bit != 0);
    Ok(chosen.fold(Embedded::NONE, |all, (_, one)| all.or(*one)))
}

/// Frees an identity. NULL is none, and nothing happens.
///
/// * `identity`: from `sluice_identity_new`; no other thread may be using it, and nobody may afterwards
///
/// Since 0.1.0.
///
/// # Safety
/// `identity` is NULL or an identity that was not freed before and that nobody uses now or later.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sluice_identity_free(identity: *mut sluice_identity) {
    // SAFETY: the caller's promise is this function's.
    unsafe { free("sluice_identity_free", identity) }
}

/// Finds who a request comes from, and the key by which to count it.
///
/// * `identity`: NULL for the default: the peer is the client, whatever it sends
/// * `peer`, `peer_len`: the address at the other end of the connection in network byte order: 4 bytes of IPv4 (`sin_addr`),
///   16 of IPv6 (`sin6_addr`), or (NULL, 0) for a peer that has none (a Unix socket)
/// * `lines`: the values of all lines of the identity's header, in the order in which they came; none is too long or too
///   strange. NULL only if `n` is 0
/// * `n`: how many; 0 where the request has no such header
/// * `out`: receives the client, not NULL; left as it was on an error
///
/// The header is looked at only where the peer is trusted, from the right, and up to the first address that is none of a
/// trusted proxy. An entry that is no address ends the way at the last good hop: never at one that anybody could have
/// written. An IPv6 address is cut to the identity's prefix, an IPv4-mapped one is IPv4; ports and zone ids are dropped.
///
/// Returns `SLUICE_OK` or `SLUICE_ERR_ARGUMENT`. Safe from any number of threads at once; it takes no lock and allocates
/// nothing. Since 0.1.0.
///
/// # Safety
/// `identity` is NULL or an identity that is not freed before this returns; `peer` is good for reading `peer_len` bytes,
/// `lines` for reading `n` of them, and each for its length; `out` is NULL or good for writing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sluice_client_key(
    identity: *const sluice_identity,
    peer: *const c_void,
    peer_len: usize,
    lines: *const sluice_bytes,
    n: usize,
    out: *mut sluice_client,
) -> i32 {
    call("sluice_client_key", |call| {
        let out = call.pointer("out", out)?;
        // SAFETY: the caller's promise is this function's.
        let peer = address(call, "peer", unsafe { call.bytes("peer", peer, peer_len) }?)?;
        // SAFETY: as above.
        let lines = unsafe { lines_of(call, lines, n) }?;
        let of = |identity: &Identity| sluice_client::from(identity.client(peer, lines));
        let client = if identity.is_null() {
            of(&Identity::default())
        } else {
            let identity = call.pointer("identity", identity)?;
            // SAFETY: not NULL, so it is a live identity, which is only ever shared.
            of(&unsafe { identity.as_ref() }.core)
        };
        // SAFETY: not NULL, aligned, and the caller's promise holds.
        unsafe { out.write(client) };
        Ok(())
    })
}

pub(super) fn address(call: Call, name: &str, bytes: &[u8]) -> Result<Option<IpAddr>, Failed> {
    if bytes.is_empty() {
        return Ok(None);
    }
    let ipv4 = <[u8; 4]>::try_from(bytes).map(IpAddr::from);
    let address = ipv4.or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from));
    address.map(Some).map_err(|_| {
        call.bad(format_args!("{name}_len is {}; it is 4 (IPv4), 16 (IPv6) or 0 (a Unix socket)", bytes.len()))
    })
}

/// A line that is known to be good for reading.
#[derive(Clone, Copy)]
struct Line<'a>(&'a sluice_bytes);

impl AsRef<[u8]> for Line<'_> {
    fn as_ref(&self) -> &[u8] {
        // SAFETY: `lines_of` has checked it and relies on its caller's promise, which outlives this.
        unsafe { bytes(self.0.data, self.0.len) }
    }
}

/// # Safety
/// `lines` is NULL or good for reading `n` of them during `'a`, and so is each for its length.
unsafe fn lines_of<'a>(
    call: Call,
    lines: *const sluice_bytes,
    n: usize,
) -> Result<impl DoubleEndedIterator<Item = Line<'a>> + Clone, Failed> {
    // SAFETY: the caller's promise is this function's.
    let lines = unsafe { call.array("lines", lines, n) }?;
    for (at, line) in lines.iter().enumerate() {
        // SAFETY: as above; the name is put together only for the error.
        unsafe { call.bytes(format_args!("lines[{at}].data"), line.data, line.len) }?;
    }
    Ok(lines.iter().map(Line))
}

impl From<Client> for sluice_client {
    fn from(client: Client) -> Self {
        let (mut key, mut address) = ([0; 24], [0; 16]);
        let (key_bytes, address_len) = (client.key(), copy_address(client.address(), &mut address));
        let key_bytes = key_bytes.as_ref();
        key[..key_bytes.len()].copy_from_slice(key_bytes);
        let source = match client.source() {
            Source::Peer => SLUICE_SOURCE_PEER,
            Source::Header => SLUICE_SOURCE_HEADER,
            Source::Fallback => SLUICE_SOURCE_FALLBACK,
        };
        Self { key, key_len: key_bytes.len() as u32, source, address, address_len, reserved: 0 }
    }
}

fn copy_address(address: Option<IpAddr>, into: &mut [u8; 16]) -> u32 {
    match address {
        Some(IpAddr::V4(address)) => {
            into[..4].copy_from_slice(&address.octets());
            4
        }
        Some(IpAddr::V6(address)) => {
            *into = address.octets();
            16
        }
        None => 0,
    }
}

/// Writes what a client is counted by as text, ended by a NUL, for logs: "203.0.113.10", "2001:db8::/64", or "local" for all
/// that have no address.
///
/// * `client`: as `sluice_client_key` has filled it, not NULL
/// * `buf`: where to; NULL only if `cap` is 0
/// * `cap`: the bytes at `buf`; `SLUICE_CLIENT_TEXT_MAX` are always enough
/// * `length`: receives the bytes of the text without its NUL, also on `SLUICE_ERR_BUFFER`; not NULL
///
/// Returns `SLUICE_OK`, `SLUICE_ERR_ARGUMENT`, or `SLUICE_ERR_BUFFER` where the text and its NUL do not fit, and then what is
/// at `buf` is of no use. Safe from any thread. Since 0.1.0.
///
/// # Safety
/// `client` is NULL or good for reading; `buf` is NULL or good for writing `cap` bytes; `length` is NULL or good for
/// writing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sluice_client_text(
    client: *const sluice_client,
    buf: *mut c_char,
    cap: usize,
    length: *mut usize,
) -> i32 {
    call("sluice_client_text", |call| {
        let client = call.pointer("client", client)?;
        // SAFETY: not NULL, aligned, and the caller's promise holds.
        let client = unsafe { client.as_ref() };
        let key = usize::try_from(client.key_len).ok().and_then(|length| client.key.get(..length));
        let key = key.and_then(AddressKey::from_bytes).ok_or_else(|| {
            call.bad(format_args!("client->key is no address's; it is what sluice_client_key fills"))
        })?;
        // SAFETY: the caller's promise is this function's.
        let mut out = unsafe { TextOut::new(call, buf, cap, length) }?;
        // What does not fit is counted, and told in the end.
        let _ = write!(out, "{key}");
        out.finish(call)
    })
}

/// Puts a key together from parts, none of which can pass for another or for two, whatever it holds.
///
/// * `parts`: `n` of them; NULL only if `n` is 0
/// * `n`: how many; 0 is the empty key
/// * `buf`: where to; NULL only if `cap` is 0. It gets the bytes of the key alone, without a NUL
/// * `cap`: the bytes at `buf`; for each part its name, its value and 21 more are always enough
/// * `length`: receives the bytes of the key, also on `SLUICE_ERR_BUFFER`; not NULL
///
/// Returns `SLUICE_OK`, `SLUICE_ERR_ARGUMENT`, or `SLUICE_ERR_BUFFER` where the key does not fit, and then what is at `buf` is of
/// no use. A key of one address is that address's own. Safe from any thread; it allocates nothing. Since 0.1.0.
///
/// # Safety
/// `parts` is NULL or good for reading `n` of them, and each one's name and value for its length; `buf` is NULL or good for
/// writing `cap` bytes and none of those; `length` is NULL or good for writing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sluice_key_join(
    parts: *const sluice_key_part,
    n: usize,
    buf: *mut c_void,
    cap: usize,
    length: *mut usize,
) -> i32 {
    call("sluice_key_join", |call| {
        // SAFETY: the caller's promise is this function's.
        let given = unsafe { call.array("parts", parts, n) }?;
        for (at, given) in given.iter().enumerate() {
            // SAFETY: as above.
            unsafe { part(call, at, given) }?;
        }
        // SAFETY: as above.
        let mut out = unsafe { TextOut::new(call, buf.cast(), cap, length) }?;
        for (at, given) in given.iter().enumerate() {
            // SAFETY: as above.
            unsafe { part(call, at, given) }?.write(&mut |bytes| out.put(bytes));
        }
        out.finish_bytes(call, "key")
    })
}

/// # Safety
/// The part's name and value are good for reading during `'a`, or NULL or absurd.
unsafe fn part<'a>(call: Call, at: usize, given: &sluice_key_part) -> Result<Part<'a>, Failed> {
    // SAFETY: the caller's promise is this function's.
    let (name, value) = unsafe {
        (
            call.bytes(format_args!("parts[{at}].name"), given.name, given.name_len)?,
            call.bytes(format_args!("parts[{at}].value"), given.value, given.value_len)?,
        )
    };
    let bad = |what: &str| call.bad(format_args!("parts[{at}]{what}"));
    if given.reserved != 0 {
        return Err(bad(".reserved is not 0"));
    }
    let has_name = matches!(given.kind, SLUICE_PART_HEADER | SLUICE_PART_NAMED);
    if !has_name && !name.is_empty() {
        return Err(bad(".name is for headers and named parts alone; (NULL, 0) is none"));
    }
    match given.kind {
        SLUICE_PART_ADDRESS => AddressKey::from_bytes(value)
            .map(Part::Address)
            .ok_or_else(|| bad(".value is no address's key; it is what sluice_client_key fills")),
        SLUICE_PART_USER => Ok(Part::User(value)),
        SLUICE_PART_HEADER => Ok(Part::Header(name, value)),
        SLUICE_PART_NAMED => Ok(Part::Named(name, value)),
        _ => Err(bad(".kind is none of SLUICE_PART_*")),
    }
}
