//! What the README tells a newcomer to type is there and works. Its Rust examples run as documentation tests.
#![cfg(not(loom))]

use std::path::Path;
use std::process::Command;

/// The commands of the README's shell examples.
fn commands() -> Vec<String> {
    let readme = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    let blocks = readme.split("```sh\n").skip(1).map(|rest| rest.split("```").next().unwrap().to_owned());
    blocks.flat_map(|block| block.lines().map(str::to_owned).collect::<Vec<_>>()).collect()
}

#[test]
fn the_main_command_replays_the_example_log_and_plots_it() {
    let command = commands().into_iter().find(|command| command.contains(" replay ")).unwrap();
    let plot = std::env::temp_dir().join(format!("sluicegate-readme-{}.svg", std::process::id()));
    // The same command with the plot elsewhere, and without an optimised build of its own.
    let command = command.replace("--release ", "").replace("replay.svg", plot.to_str().unwrap());
    let output =
        Command::new("sh").args(["-c", &command]).current_dir(env!("CARGO_MANIFEST_DIR")).output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{err}");
    assert!(out.contains("token-bucket 10/m") && out.contains("203.0.113.77"), "{out}");
    let svg = std::fs::read_to_string(&plot).unwrap();
    std::fs::remove_file(&plot).unwrap();
    assert!(svg.contains("<svg") && svg.contains("203.0.113.77"));
}

#[test]
fn the_test_command_and_every_named_file_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    assert!(commands().iter().any(|command| command == "tests/run"));
    let readme = std::fs::read_to_string(root.join("README.md")).unwrap();
    let named = readme.split('`').skip(1).step_by(2).filter(|text| text.ends_with(".rs"));
    for file in named.chain(["tests/run"]) {
        assert!(root.join(file).exists(), "{file}");
    }
}
