//! The C library as installed: the programs of `tests/c` built against it and run, as they are, under valgrind and
//! with sanitizers.
#![cfg(not(loom))]

#[allow(dead_code, reason = "each test file uses its own part")]
mod c_support;

use c_support::{Program, at_home, file, prefix, succeeds};
use std::path::Path;
use std::process::Command;

const VECTORS: &str = "tests/data/vectors.json";
const HTTP_VECTORS: &str = "tests/data/http_vectors.json";
const PROGRAMS: [(&str, Program<'static>); 15] = [
    ("header", Program { sources: &["tests/c/header.c"], flags: &[], libraries: &[] }),
    ("arguments", Program { sources: &["tests/c/arguments.c"], flags: &[], libraries: &[] }),
    ("client-c", Program { sources: &["tests/c/client.c"], flags: &[], libraries: &[] }),
    ("client", Program { sources: &CLIENT, flags: &[], libraries: &[] }),
    ("client-bare", Program { sources: &CLIENT, flags: &BARE, libraries: &[] }),
    ("threads", Program { sources: &["tests/c/threads.c"], flags: &[], libraries: &[] }),
    ("processes", Program { sources: &["tests/c/processes.c"], flags: &[], libraries: &[] }),
    ("vectors-c", Program { sources: &["tests/c/vectors.c"], flags: &[], libraries: &["-ljansson"] }),
    ("vectors-cpp", Program { sources: &["tests/c/vectors.cpp"], flags: &[], libraries: &[] }),
    ("http", Program { sources: &["tests/c/http.c"], flags: &[], libraries: &[] }),
    ("http-vectors", Program { sources: &["tests/c/http_vectors.c"], flags: &[], libraries: &["-ljansson"] }),
    ("http-cpp", Program { sources: &["tests/c/http.cpp"], flags: &[], libraries: &[] }),
    ("http-cpp-bare", Program { sources: &["tests/c/http.cpp"], flags: &BARE, libraries: &[] }),
    ("wrapper", Program { sources: &WRAPPER, flags: &[], libraries: &[] }),
    ("wrapper-bare", Program { sources: &WRAPPER, flags: &BARE, libraries: &[] }),
];
const BARE: [&str; 2] = ["-fno-exceptions", "-fno-rtti"];
const CLIENT: [&str; 2] = ["tests/c/client.cpp", "tests/c/other_unit.cpp"];
const WRAPPER: [&str; 2] = ["tests/c/wrapper.cpp", "tests/c/other_unit.cpp"];

/// What a program is told.
fn arguments(name: &str, threads_limit: &str) -> Vec<String> {
    match name {
        "vectors-c" | "vectors-cpp" => vec![file(VECTORS).to_str().unwrap().to_owned()],
        "http-vectors" => vec![file(HTTP_VECTORS).to_str().unwrap().to_owned()],
        "threads" | "processes" => vec![threads_limit.to_owned()],
        _ => vec![],
    }
}

/// Builds every program with more flags and runs it by way of `runner`.
fn all_pass(prefix: &Path, way: &str, flags: &[&str], runner: &[&str], threads_limit: &str) {
    for (name, program) in &PROGRAMS {
        let flags: Vec<&str> = program.flags.iter().chain(flags).copied().collect();
        let built = Program { flags: &flags, ..*program }.built(&format!("{way}-{name}"), prefix);
        let mut command = match runner {
            [] => at_home(&built, prefix),
            [runner, options @ ..] => {
                let mut command = at_home(runner, prefix);
                command.args(options).arg(&built);
                command
            }
        };
        // Tables that no machine has room for are asked for, and must be refused by the library.
        command.env("ASAN_OPTIONS", "allocator_may_return_null=1").env("UBSAN_OPTIONS", "halt_on_error=1");
        let printed = succeeds(command.args(arguments(name, threads_limit)));
        assert!(*name != "http-vectors" || printed.trim() == "134 answers", "{printed}");
        assert!(!name.starts_with("vectors") || printed.trim() == "1259 answers", "{printed}");
        if flags.contains(&"-fsanitize=address,undefined") {
            let symbols = succeeds(Command::new("nm").arg(&built));
            assert!(symbols.contains("__asan_init") && symbols.contains("__ubsan_handle"), "{name}: {symbols}");
        }
    }
}

#[test]
fn every_program_passes_with_the_shared_library() {
    let Some(prefix) = prefix() else { return };
    all_pass(&prefix, "shared", &[], &[], "1000000");
}

#[test]
fn every_program_passes_with_the_static_library() {
    let Some(prefix) = prefix() else { return };
    all_pass(&prefix, "static", &["-static"], &[], "1000000");
}

#[test]
fn every_program_passes_with_address_and_undefined_behaviour_sanitizers() {
    let Some(prefix) = prefix() else { return };
    all_pass(&prefix, "sanitized", &["-fsanitize=address,undefined"], &[], "100000");
}

#[test]
fn every_program_passes_under_valgrind_and_loses_no_memory() {
    let Some(prefix) = prefix() else { return };
    let options = ["valgrind", "-q", "--error-exitcode=9", "--leak-check=full", "--errors-for-leak-kinds=all"];
    all_pass(&prefix, "valgrind", &[], &options, "2000");
}

#[test]
fn the_library_can_be_loaded_and_unloaded_over_and_over() {
    let Some(prefix) = prefix() else { return };
    let program = Program { sources: &["tests/c/reload.c"], flags: &["-std=gnu11"], libraries: &[] };
    let built = program.built("reload", &prefix);
    let library = prefix.join("lib/libsluicegate.so");
    succeeds(at_home(&built, &prefix).arg(&library));
    succeeds(at_home("valgrind", &prefix).args(["-q", "--error-exitcode=9"]).arg(&built).arg(&library));
}

#[test]
fn the_headers_compile_alone_in_every_standard_with_all_warnings() {
    let Some(prefix) = prefix() else { return };
    let cases = [
        ("c", "-std=c99", "sluicegate.h"),
        ("c", "-std=c11", "sluicegate.h"),
        ("c", "-std=c17", "sluicegate.h"),
        ("c++", "-std=c++11", "sluicegate.h"),
        ("c++", "-std=c++17", "sluicegate.h"),
        ("c++", "-std=c++17", "sluicegate.hpp"),
        ("c++", "-std=c++20", "sluicegate.hpp"),
        ("c++", "-std=c++17", "sluicegate_http.hpp"),
        ("c++", "-std=c++20", "sluicegate_http.hpp"),
        ("c++", "-std=c++17", "sluicegate_identity.hpp"),
        ("c++", "-std=c++20", "sluicegate_retry.hpp"),
    ];
    for (language, standard, header) in cases {
        let compilers = if language == "c" { ["gcc", "clang"] } else { ["g++", "clang++"] };
        for compiler in compilers {
            let mut command = Command::new(compiler);
            command.args(["-fsyntax-only", standard, "-x", language]).args(c_support::WARNINGS);
            succeeds(command.arg("-I").arg(prefix.join("include")).arg(prefix.join("include").join(header)));
        }
    }
}

/// The functions that the header declares.
fn declared() -> Vec<String> {
    let header = std::fs::read_to_string(file("include/sluicegate.h")).unwrap();
    // Outside of comments, a function's name is what stands before a parenthesis.
    let code: String = header.split("/*").flat_map(|part| part.split("*/").nth(1)).collect();
    let before_parentheses = code.split('(').filter_map(|part| part.rsplit([' ', '*', '\n']).next());
    // The type of a function that the caller gives stands in parentheses of its own.
    let is_function = |name: &&str| name.starts_with("sluice_") && !name.ends_with(')');
    let mut functions: Vec<_> = before_parentheses.filter(is_function).map(str::to_owned).collect();
    functions.sort_unstable();
    functions.dedup();
    functions
}

/// The global symbols that `nm` shows for a library.
fn symbols(nm: &mut Command) -> Vec<String> {
    let printed = succeeds(nm);
    let mut names: Vec<_> = printed
        .lines()
        .filter_map(|line| line.split(' ').nth(2))
        .filter(|name| !name.starts_with("sluice_private_"))
        .map(str::to_owned)
        .collect();
    names.sort_unstable();
    names
}

#[test]
fn the_libraries_export_the_functions_of_the_header_and_no_others() {
    let Some(prefix) = prefix() else { return };
    let lib = prefix.join("lib");
    assert!(declared().len() >= 18, "{:?}", declared());
    assert_eq!(
        symbols(Command::new("nm").args(["-D", "--defined-only"]).arg(lib.join("libsluicegate.so"))),
        declared()
    );
    assert_eq!(
        symbols(Command::new("nm").args(["-g", "--defined-only"]).arg(lib.join("libsluicegate.a"))),
        declared()
    );
}

#[test]
fn the_shared_library_says_which_interface_it_has() {
    let Some(prefix) = prefix() else { return };
    let shown = succeeds(Command::new("readelf").arg("-d").arg(prefix.join("lib/libsluicegate.so")));
    assert!(shown.contains("Library soname: [libsluicegate.so.0.1]"), "{shown}");
    assert!(prefix.join("lib/libsluicegate.so.0.1").exists());
}

#[test]
fn two_static_libraries_of_rust_fit_into_one_program() {
    let Some(prefix) = prefix() else { return };
    let other = c_support::directory("another").join("libanother.a");
    let rustc = std::env::var_os("RUSTC").unwrap_or("rustc".into());
    let options = ["--edition=2024", "--crate-type=staticlib", "-O", "-Clto=fat", "-o"];
    succeeds(Command::new(rustc).args(options).arg(&other).arg(file("tests/c/another.rs")));
    let program = Program {
        sources: &["tests/c/beside_another.c"],
        flags: &["-static"],
        libraries: &[other.to_str().unwrap()],
    };
    succeeds(&mut at_home(program.built("beside-another", &prefix), &prefix));
}

#[test]
fn cmake_finds_both_libraries_and_their_version() {
    let Some(prefix) = prefix() else { return };
    let build = c_support::directory("cmake");
    let mut configure = Command::new("cmake");
    configure.arg("-S").arg(file("tests/c/cmake")).arg("-B").arg(&build);
    let printed = succeeds(configure.arg(format!("-DCMAKE_PREFIX_PATH={}", prefix.display())));
    assert!(printed.contains("found sluicegate 0.1.0"), "{printed}");
    succeeds(Command::new("cmake").arg("--build").arg(&build));
    succeeds(Command::new("ctest").arg("--output-on-failure").current_dir(&build));
}
