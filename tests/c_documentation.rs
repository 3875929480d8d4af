//! Every example in C and C++ that a user reads is compiled and run as it stands.
#![cfg(not(loom))]

#[allow(dead_code, reason = "each test file uses its own part")]
mod c_support;

use c_support::{at_home, directory, file, prefix, succeeds};
use std::path::Path;

/// The part of a text between two marks.
fn between<'a>(text: &'a str, start: &str, end: &str) -> &'a str {
    let from = text.find(start).unwrap_or_else(|| panic!("{start:?} is missing")) + start.len();
    text[from..].split(end).next().unwrap()
}

/// The example in a header's first comment: the lines that are set in by four blanks.
fn header_example(name: &str) -> Vec<String> {
    let header = std::fs::read_to_string(file("include").join(name)).unwrap();
    let comment = between(&header, "/*", "*/").to_owned();
    let lines = comment.lines().map(|line| line.trim_start_matches(" *"));
    lines
        .skip_while(|line| !line.starts_with("     "))
        .map(|line| line.get(5..).unwrap_or("").to_owned())
        .collect()
}

/// Builds a program by a command of the documentation and runs it.
fn runs(name: &str, source: (&str, &str), command: &str, prefix: &Path) -> String {
    let directory = directory(name);
    std::fs::write(directory.join(source.0), source.1).unwrap();
    succeeds(at_home("sh", prefix).args(["-c", command]).current_dir(&directory));
    let built = if command.contains("-o program") { "program" } else { "a.out" };
    succeeds(&mut at_home(directory.join(built), prefix))
}

#[test]
fn the_example_in_the_c_header_runs_shared_and_static_by_the_command_below_it() {
    let Some(prefix) = prefix() else { return };
    let lines = header_example("sluicegate.h");
    let command = lines.iter().find(|line| line.starts_with("cc program.c ")).unwrap();
    let program = between(&lines.join("\n"), "", "\ncc program.c").to_owned();
    for (name, command) in [
        ("header-shared", command.clone()),
        ("header-static", command.replace("cc ", "cc -static ").replace("pkg-config ", "pkg-config --static ")),
    ] {
        assert_eq!(runs(name, ("program.c", &program), &command, &prefix), "200 OK, 199 left\n", "{command}");
    }
}

#[test]
fn the_examples_in_the_cpp_headers_run_by_the_commands_below_them() {
    let Some(prefix) = prefix() else { return };
    for (header, printed) in [
        ("sluicegate.hpp", "200 OK, 199 left\n"),
        ("sluicegate_identity.hpp", "2001:db8::/64 1\n1\n"),
        ("sluicegate_retry.hpp", "come back in 3600 s\n"),
    ] {
        let lines = header_example(header);
        let command = lines.iter().find(|line| line.starts_with("c++ ")).unwrap();
        let program = between(&lines.join("\n"), "", "\nc++ ").to_owned();
        assert_eq!(runs(header, ("program.cpp", &program), command, &prefix), printed);
    }
}

#[test]
fn the_example_in_the_header_of_http_answers_runs_by_the_command_below_it() {
    let Some(prefix) = prefix() else { return };
    let lines = header_example("sluicegate_http.hpp");
    let command = lines.iter().find(|line| line.starts_with("c++ ")).unwrap();
    let program = between(&lines.join("\n"), "", "\nc++ ").to_owned();
    let printed = runs("http-hpp", ("program.cpp", &program), command, &prefix);
    assert!(printed.starts_with("429 Too Many Requests\nRetry-After: "), "{printed}");
    assert!(printed.contains("Content-Type: application/json\n\n{\"status\":429,"), "{printed}");
}

#[test]
fn the_readmes_programs_run() {
    let Some(prefix) = prefix() else { return };
    let readme = std::fs::read_to_string(file("README.md")).unwrap();
    let command = readme.lines().find(|line| line.starts_with("cc program.c ")).unwrap();
    let printed = runs("readme-c", ("program.c", between(&readme, "```c\n", "```")), command, &prefix);
    assert_eq!(printed, "200 OK, 4999 left\nbob asks for more than there is\n");
    let shares = readme.split("```c\n").nth(2).unwrap().split("```").next().unwrap();
    let shares =
        shares.replace("/dev/shm/api.table", directory("readme-table").join("api.table").to_str().unwrap());
    let printed = runs("readme-shared", ("program.c", &shares), command, &prefix);
    assert_eq!((printed.matches("200 OK").count(), printed.matches("429 Too").count()), (10, 10), "{printed}");
    let answers = readme.split("```c\n").nth(3).unwrap().split("```").next().unwrap();
    let printed = runs("readme-http", ("program.c", answers), command, &prefix);
    assert!(printed.starts_with("429 Too Many Requests\nRetry-After: "), "{printed}");
    assert!(printed.contains("\"code\":\"rate_limit_exceeded\",\"retryAfter\":"), "{printed}");
    let identity = readme.split("```c\n").nth(4).unwrap().split("```").next().unwrap();
    assert_eq!(runs("readme-identity", ("program.c", identity), command, &prefix), "203.0.113.10\n");
    let command = command.replace("cc program.c", "c++ -std=c++17 program.cpp");
    let printed = runs("readme-cpp", ("program.cpp", between(&readme, "```cpp\n", "```")), &command, &prefix);
    assert_eq!(printed, "200 OK after 0 ns, 19 left\n");
}

#[test]
fn every_file_that_the_readme_links_to_exists() {
    let readme = std::fs::read_to_string(file("README.md")).unwrap();
    let targets = readme.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    for target in targets.filter(|target| !target.starts_with("http")) {
        assert!(file(target).exists(), "{target}");
    }
    assert!(readme.contains("\nbindings/c/install ") && file("bindings/c/install").exists());
}
