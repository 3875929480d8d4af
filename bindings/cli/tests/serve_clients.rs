//! Real clients of `sluice serve`: curl, and a loop of Python's requests that obeys `Retry-After`.
//!
//! `tests/run` installs them and says where by `SLUICE_TEST_PYTHON`; without that the tests say that they were
//! skipped.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

/// A server that is stopped at the end of its test.
struct Server {
    child: Child,
    url: String,
}

impl Server {
    fn with_policy(policy: &str) -> Self {
        Self::started(policy, &[])
    }

    fn started(policy: &str, more: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_sluice"))
            .args(["serve", "--listen", "127.0.0.1:0", "--policy", policy])
            .args(more)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stderr.take().unwrap()).read_line(&mut line).unwrap();
        let url = line.trim().strip_prefix("listening on ").expect("the server says where it listens").to_owned();
        Self { child, url }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn python() -> Option<String> {
    let python = std::env::var("SLUICE_TEST_PYTHON").ok();
    if python.is_none() {
        println!("skipped: run tests/run, which installs the clients");
    }
    python
}

/// Runs a client and gives what it printed.
fn output_of(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn curl_gets_exactly_the_limit_and_then_429_with_a_retry_after() {
    if python().is_none() {
        return;
    }
    let server = Server::with_policy("fixed-window 5/d");
    let url = format!("{}/[1-12]", server.url);
    let format = "%{http_code} %header{retry-after}\n";
    let printed = output_of(Command::new("curl").args(["-s", "-o", "/dev/null", "-w", format, &url]));
    let answers: Vec<&str> = printed.lines().map(str::trim).collect();
    assert_eq!(answers.iter().filter(|answer| **answer == "200").count(), 5, "{printed}");
    for denied in &answers[5..] {
        let (status, retry_after) = denied.split_once(' ').expect("a denial has a Retry-After");
        assert_eq!(status, "429");
        assert!((1..=86_400).contains(&retry_after.parse::<u32>().unwrap()), "{printed}");
    }
}

#[test]
fn curl_gets_exactly_the_limit_from_two_servers_that_share_a_table() {
    if python().is_none() {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let table = directory.path().join("api.table");
    let share = ["--table", table.to_str().unwrap()];
    let servers = [(); 2].map(|()| Server::started("fixed-window 5/3653d", &share));
    let urls = servers.each_ref().map(|server| format!("{}/[1-12]", server.url));
    let arguments = ["-s", "-Z", "-o", "/dev/null", "-o", "/dev/null", "-w", "%{http_code}\n"];
    let printed = output_of(Command::new("curl").args(arguments).args(&urls));
    let of = |status| printed.lines().filter(|line| *line == status).count();
    assert_eq!((of("200"), of("429")), (5, 19), "{printed}");
}

#[test]
fn a_requests_loop_that_obeys_retry_after_is_never_denied_twice() {
    let Some(python) = python() else { return };
    let server = Server::with_policy("token-bucket 3/s burst=4");
    let client = r#"
import sys, time, requests
session, allowed, denied, denied_twice = requests.Session(), 0, 0, 0
waited = False
while allowed < 16:
    response = session.get(sys.argv[1])
    if response.status_code == 200:
        allowed += 1
        waited = False
    else:
        assert response.status_code == 429, response.status_code
        denied += 1
        denied_twice += waited
        time.sleep(int(response.headers["Retry-After"]))
        waited = True
print(allowed, denied > 0, denied_twice)
"#;
    let printed = output_of(Command::new(python).args(["-c", client, &server.url]));
    assert_eq!(printed.trim(), "16 True 0");
}
