//! Help, completions and manual pages, and the bench.

mod common;

use common::run;

const COMMANDS: [&str; 6] = ["serve", "replay", "bench", "inspect", "completions", "man"];

#[test]
fn every_shell_gets_completions_for_every_command() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let ran = run(&["completions", shell]);
        assert_eq!(ran.code, 0, "{}", ran.err);
        for command in COMMANDS {
            assert!(ran.out.contains(command), "{command} for {shell}");
        }
    }
    assert_eq!(run(&["completions", "tcsh"]).code, 2);
}

#[test]
fn the_manual_page_names_every_command() {
    let ran = run(&["man"]);
    assert_eq!(ran.code, 0);
    assert!(ran.out.contains(".TH"));
    for command in COMMANDS {
        assert!(ran.out.contains(&format!("sluice\\-{command}(1)")), "{command}");
    }
}

#[test]
fn all_manual_pages_are_written_into_a_directory() {
    let directory = tempfile::tempdir().unwrap();
    let out = directory.path().join("man1");
    let ran = run(&["man", "--out", out.to_str().unwrap()]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(out.join("sluice.1").exists());
    for command in COMMANDS {
        let page = std::fs::read_to_string(out.join(format!("sluice-{command}.1"))).unwrap();
        assert!(page.contains(&format!("sluice {command}")), "{page}");
    }
}

#[test]
fn help_shows_examples_and_version_the_version() {
    for command in COMMANDS {
        let ran = run(&[command, "--help"]);
        assert_eq!(ran.code, 0);
        assert!(ran.out.contains("Examples:"), "{command}");
    }
    let version = run(&["--version"]);
    let expected = concat!("sluice ", env!("CARGO_PKG_VERSION"), "\n");
    assert_eq!((version.code, version.out.as_str()), (0, expected));
}

#[test]
fn the_bench_measures_every_situation_with_one_and_several_threads() {
    let arguments = ["bench", "--keys", "1000", "--seconds", "0.2", "--threads", "2"];
    let json = run(&[&arguments[..], &["--json"]].concat()).json();
    let figures = json["figures"].as_array().unwrap();
    assert_eq!(figures.len(), 10);
    for figure in figures {
        assert!(figure["ns_per_check"].as_f64().unwrap() > 0.0, "{figure}");
        let denied = figure["scenario"].as_str().unwrap().contains("denials");
        assert_eq!(figure["admitted"].as_f64(), Some(f64::from(u8::from(!denied))), "{figure}");
    }
    assert!(json["bytes_per_key"].as_f64().unwrap() > 0.0);
    let ran = run(&arguments);
    assert!(ran.out.contains("bytes per key"), "{}", ran.out);
}
