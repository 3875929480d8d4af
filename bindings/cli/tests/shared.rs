//! One limit for several servers by a shared table, and what `sluice inspect` shows of it.
#![cfg(target_os = "linux")]

mod common;

use std::io::{BufRead, Read};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use common::server::Server;
use common::{file, run, sluice};

const TEN: &str = "token-bucket 1/365d burst=10";

/// A place for a table, and the arguments by which a server shares it.
fn place() -> (tempfile::TempDir, String) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("api.table").to_str().unwrap().to_owned();
    (directory, path)
}

fn server(table: &str, policy: &str, more: &[&str]) -> Server {
    Server::start(&[&["--table", table, "--policy", policy, "--max-keys", "1000"], more].concat())
}

fn admitted(server: &Server, requests: usize) -> usize {
    (0..requests).filter(|_| server.get("").status() == 200).count()
}

#[test]
fn servers_on_several_ports_enforce_one_limit_from_a_start_at_once() {
    let (_directory, table) = place();
    let counts: Vec<usize> = std::thread::scope(|scope| {
        let serve = || admitted(&server(&table, "token-bucket 1/365d burst=100", &[]), 60);
        let servers: Vec<_> = (0..5).map(|_| scope.spawn(serve)).collect();
        servers.into_iter().map(|server| server.join().unwrap()).collect()
    });
    assert_eq!(counts.iter().sum::<usize>(), 100, "{counts:?}");
}

#[test]
fn a_restart_keeps_the_state_however_the_server_ended() {
    let (_directory, table) = place();
    for signal in ["TERM", "KILL", "INT"] {
        let mut server = server(&table, TEN, &[]);
        assert_eq!(admitted(&server, 3), 3);
        server.signal(signal);
        server.child.wait().unwrap();
    }
    let server = server(&table, TEN, &[]);
    assert_eq!(admitted(&server, 3), 1);
    assert!(server.get("").number("retry-after") > 1_000_000);
}

#[test]
fn servers_that_are_killed_in_the_middle_of_the_load_leave_the_limit_to_the_others() {
    let (_directory, table) = place();
    let policy = "token-bucket 1/30d burst=300";
    let stays = server(&table, policy, &[]);
    let by_others: usize = std::thread::scope(|scope| {
        let come_and_go = || {
            let mut all = 0;
            for _ in 0..5 {
                let mut server = server(&table, policy, &[]);
                all += admitted(&server, 10);
                server.child.kill().unwrap();
            }
            all
        };
        let others: Vec<_> = (0..2).map(|_| scope.spawn(come_and_go)).collect();
        let by_itself = admitted(&stays, 100);
        assert_eq!(by_itself, 100);
        others.into_iter().map(|other| other.join().unwrap()).sum()
    });
    assert_eq!(by_others, 100);
    assert_eq!(admitted(&stays, 101), 100);
}

#[test]
fn another_policy_is_refused_and_takes_the_old_ones_place_when_asked_to() {
    let (_directory, table) = place();
    let mut old = server(&table, TEN, &[]);
    assert_eq!(admitted(&old, 4), 4);
    let arguments = ["serve", "--listen", "127.0.0.1:0", "--table", &table, "--max-keys", "1000", "--policy"];
    let refused = run(&[&arguments[..], &["token-bucket 1/365d burst=6"]].concat());
    assert_eq!(refused.code, 1);
    assert!(refused.only_error_line().contains("the policy of the table"), "{}", refused.err);
    let refused = run(&[&arguments[..5], &["--policy", TEN]].concat());
    assert_eq!(refused.code, 1);
    assert!(refused.only_error_line().contains("is 1000, not 1000000"), "{}", refused.err);

    let new = server(&table, "token-bucket 1/365d burst=6", &["--replace"]);
    assert_eq!(admitted(&new, 4), 2, "four were consumed before");
    let mut told = String::new();
    old.stderr.read_line(&mut told).unwrap();
    assert!(told.starts_with("warning: ") && told.contains("removed or replaced"), "{told}");
    old.signal("TERM");
    told.clear();
    old.stderr.read_to_string(&mut told).unwrap();
    assert_eq!(told, "", "it is said once");
}

#[test]
fn a_server_that_is_killed_while_it_makes_or_replaces_a_table_leaves_it_whole_and_nothing_beside_it() {
    let (directory, table) = place();
    for round in 0..100 {
        let policy = ["token-bucket 5/h", "token-bucket 6/h"][round % 2];
        let arguments = ["serve", "--listen", "127.0.0.1:0", "--table", &table, "--policy", policy, "--replace"];
        let mut server = sluice().args(arguments).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_micros(round as u64 * 150));
        server.kill().unwrap();
        server.wait().unwrap();
        if Path::new(&table).exists() {
            assert_eq!(run(&["inspect", &table]).code, 0);
        }
    }
    // There is an instant in which the new table has a name of its own already.
    assert!(std::fs::read_dir(directory.path()).unwrap().count() <= 2);
}

#[test]
fn wrong_usage_is_told_from_a_table_that_cannot_be_had() {
    let (directory, _) = place();
    for arguments in [
        &["serve", "--replace"][..],
        &["serve", "--table"],
        &["inspect"],
        &["inspect", ""],
        &["inspect", "a", "b"],
    ] {
        let ran = run(arguments);
        assert_eq!(ran.code, 2, "{arguments:?}");
        ran.only_error_line();
    }
    let nowhere = directory.path().join("not/there").to_str().unwrap().to_owned();
    let ran = run(&["serve", "--listen", "127.0.0.1:0", "--table", &nowhere]);
    assert_eq!(ran.code, 1);
    assert!(ran.only_error_line().contains("No such file"));
}

#[test]
fn inspect_shows_people_and_programs_what_a_table_holds() {
    let (_directory, table) = place();
    let server = server(&table, TEN, &["--key", "header:X-Api-Key"]);
    let unused = run(&["inspect", &table]);
    assert_eq!(unused.code, 0, "{}", unused.err);
    assert!(unused.out.contains("never") && unused.out.contains("0 (0%)"), "{}", unused.out);
    for key in 0..30 {
        assert_eq!(server.get(&format!("X-Api-Key: {key}\r\n")).status(), 200);
    }
    let before = std::fs::read(&table).unwrap();

    let ran = run(&["inspect", &table]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    for line in [&table[..], TEN, "30 (3.00%)", "1,000", "bytes per key", "s ago", "last used"] {
        assert!(ran.out.contains(line), "{line}: {}", ran.out);
    }
    let json = run(&["inspect", "--json", &table]).json();
    assert_eq!(json["path"], table);
    assert_eq!(json["policy"], TEN);
    let numbers = ["max_keys", "live_keys", "inserted", "evicted", "refused_full", "allowed_full"];
    assert_eq!(numbers.map(|name| json[name].as_u64().unwrap()), [1000, 30, 30, 0, 0, 0]);
    assert_eq!(json["bytes"], std::fs::metadata(&table).unwrap().len());
    let [made, used, now] = ["made", "last_used", "now"].map(|name| json[name].as_u64().unwrap());
    assert!(made <= used && used <= now && json["age"] == now - made, "{json}");
    assert_eq!(std::fs::read(&table).unwrap(), before, "a look changes nothing");
}

#[test]
fn what_is_no_table_is_one_error_line() {
    let (directory, table) = place();
    drop(server(&table, TEN, &[]));
    let whole = std::fs::read(&table).unwrap();
    let in_directory = |name: &str, bytes: &[u8]| file(directory.path(), name, bytes);
    let cases = [
        (in_directory("empty", b""), "0 bytes, fewer than any table"),
        (in_directory("zeros", &[0; 100_000]), "does not begin as a table"),
        (in_directory("cut", &whole[..whole.len() - 1]), "bytes where there should be"),
        (in_directory("\x1b[31mtwo\nlines", b"text"), "\\u{1b}[31mtwo\\nlines cannot be used as a table"),
        (directory.path().to_str().unwrap().to_owned(), "it is no regular file"),
        (directory.path().join("missing").to_str().unwrap().to_owned(), "No such file"),
        ("/dev/null".to_owned(), "it is no regular file"),
    ];
    for (path, problem) in cases {
        let ran = run(&["inspect", &path]);
        assert_eq!((ran.code, ran.out.as_str()), (1, ""), "{path:?}");
        assert!(ran.only_error_line().contains(problem), "{path:?}: {}", ran.err);
        // Where nothing is, a server makes a table.
        if problem != "No such file" {
            assert_eq!(run(&["serve", "--table", &path]).code, 1, "{path:?}");
        }
    }
}
