//! `include/sluicegate.h` is what cbindgen makes of `src/ffi`.
#![cfg(all(feature = "capi", not(loom)))]

use std::path::Path;

/// The sources in the order in which the header tells of them.
const SOURCES: [&str; 19] = [
    "version",
    "status",
    "last_error",
    "limiter",
    "shared",
    "check",
    "check_all",
    "manage",
    "stats",
    "packed",
    "zone",
    "quota",
    "http_settings",
    "answer",
    "body",
    "identity",
    "networks",
    "retry",
    "advice",
];

#[test]
fn the_header_is_what_cbindgen_makes_of_the_source() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let config = cbindgen::Config::from_file(root.join("cbindgen.toml")).unwrap();
    let sources = SOURCES.iter().map(|name| root.join("src/ffi").join(name).with_extension("rs"));
    let builder = sources.fold(cbindgen::Builder::new().with_config(config), cbindgen::Builder::with_src);
    let mut generated = Vec::new();
    builder.generate().unwrap().write(&mut generated);
    let generated = String::from_utf8(generated).unwrap();
    let header = root.join("include/sluicegate.h");
    if std::env::var_os("UPDATE_HEADER").is_some() {
        std::fs::write(&header, &generated).unwrap();
    }
    let checked_in = std::fs::read_to_string(&header).unwrap_or_default();
    assert!(checked_in == generated, "run UPDATE_HEADER=1 cargo test --features capi --test header");
}
