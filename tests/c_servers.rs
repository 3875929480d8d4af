//! The example servers in C and C++, asked by curl and by clients that mean no good.
#![cfg(not(loom))]

#[allow(dead_code, reason = "each test file uses its own part")]
mod c_support;

use c_support::{Program, at_home, prefix, succeeds, texts};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};

const SERVERS: [(&str, &str); 2] =
    [("server-c", "bindings/c/examples/server.c"), ("server-cpp", "bindings/c/examples/server.cpp")];

/// A server that is stopped at the end of its test.
struct Server {
    child: Child,
    url: String,
}

impl Server {
    /// Built with sanitizers, which end it at the first fault.
    fn started(test: &str, (name, source): (&str, &str), arguments: &[&str], prefix: &Path) -> Self {
        let flags = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"];
        let program = Program { sources: &[source], flags: &flags, libraries: &[] };
        let program = program.built(&format!("{test}-{name}"), prefix);
        let mut command = at_home(program, prefix);
        let mut child = command.arg("0").args(arguments).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let url = line.trim().strip_prefix("listening on ").expect("it says where it listens").to_owned();
        Self { child, url }
    }

    /// What curl reports of so many requests: a status and a Retry-After each.
    fn asked(&self, count: u32, options: &[&str]) -> Vec<(u32, Option<u64>)> {
        let format = "%{http_code} %header{retry-after}\n";
        let mut curl = Command::new("curl");
        curl.args(["-s", "-o", "/dev/null", "-w", format]).args(options);
        let printed = succeeds(curl.arg(format!("{}/[1-{count}]", self.url)));
        let answer = |line: &str| {
            let (status, retry_after) = line.split_once(' ').unwrap();
            (status.parse().unwrap(), retry_after.parse().ok())
        };
        printed.lines().map(answer).collect()
    }

    /// Sends bytes and reads what comes back until the server closes.
    fn told(&self, bytes: &[u8]) -> String {
        let mut stream = TcpStream::connect(self.url.strip_prefix("http://").unwrap()).unwrap();
        // The server may have answered and closed before all is sent.
        let _ = stream.write_all(bytes);
        let _ = stream.shutdown(Shutdown::Write);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// That it has not been ended by a fault.
    fn is_alive(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn allowed(answers: &[(u32, Option<u64>)]) -> usize {
    answers.iter().filter(|(status, _)| *status == 200).count()
}

#[test]
fn a_client_gets_the_limit_and_then_a_retry_after_that_works_when_obeyed() {
    let Some(prefix) = prefix() else { return };
    for server in SERVERS {
        let server = Server::started("obeyed", server, &["fixed-window 4/4s"], &prefix);
        // Until the window is used up, and then to its end, as the answer says.
        let wait = std::iter::repeat_with(|| server.asked(1, &[])[0]).find_map(|(_, wait)| wait).unwrap();
        std::thread::sleep(std::time::Duration::from_secs(wait));
        let answers = server.asked(6, &[]);
        assert_eq!(answers.iter().map(|(status, _)| *status).collect::<Vec<_>>(), [200, 200, 200, 200, 429, 429]);
        assert!(answers[..4].iter().all(|(_, wait)| wait.is_none()), "{answers:?}");
        assert!(answers[4..].iter().all(|(_, wait)| (1..=4).contains(&wait.unwrap())), "{answers:?}");
    }
}

#[test]
fn many_clients_at_once_get_exactly_the_limit() {
    let Some(prefix) = prefix() else { return };
    for server in SERVERS {
        let server = Server::started("storm", server, &["fixed-window 50/3653d"], &prefix);
        let answers = server.asked(150, &["--parallel", "--parallel-max", "30"]);
        assert_eq!((answers.len(), allowed(&answers)), (150, 50));
    }
}

#[test]
fn each_value_of_a_header_has_its_own_limit() {
    let Some(prefix) = prefix() else { return };
    for server in SERVERS {
        let server = Server::started("header", server, &["fixed-window 2/3653d", "X-Api-Key"], &prefix);
        for (header, expected) in [
            ("X-Api-Key: alice", [200, 200, 429]),
            ("x-api-key:\tbob ", [200, 200, 429]),
            ("X-API-KEY: bob", [429, 429, 429]),
            ("X-Api-Keys: alice", [401, 401, 401]),
        ] {
            let statuses: Vec<_> =
                server.asked(3, &["-H", header]).into_iter().map(|(status, _)| status).collect();
            assert_eq!(statuses, expected, "{header}");
        }
    }
}

#[test]
fn an_answer_says_what_a_client_needs_to_know() {
    let Some(prefix) = prefix() else { return };
    for server in SERVERS {
        let server = Server::started("headers", server, &["fixed-window 1/3653d"], &prefix);
        let allowed = succeeds(Command::new("curl").args(["-s", "-i", &server.url]));
        assert!(allowed.starts_with("HTTP/1.1 200 OK\r\n") && !allowed.contains("Retry-After"), "{allowed}");
        let denied = succeeds(Command::new("curl").args(["-s", "-i", &server.url]));
        // The windows of ten years count from 1970; the sixth ends at 6 * 3653 days.
        for expected in [
            "HTTP/1.1 429 Too Many Requests\r\n",
            "\r\nX-RateLimit-Limit: 1\r\n",
            "\r\nX-RateLimit-Remaining: 0\r\n",
            "\r\nX-RateLimit-Reset: 1893715200\r\n",
            "\r\nRetry-After: ",
            "\r\nRateLimit-Policy: \"api\";q=1;w=315619200\r\n",
            "\r\nRateLimit: \"api\";r=0;t=",
            "\r\nCache-Control: no-store\r\n",
            "\r\nContent-Type: application/json\r\n",
            r#""code":"rate_limit_exceeded""#,
        ] {
            assert!(denied.contains(expected), "{expected:?}: {denied}");
        }
        let browser = ["-s", "-i", "-H", "Accept: text/html,application/xhtml+xml,*/*;q=0.8", &server.url];
        let page = succeeds(Command::new("curl").args(browser));
        assert!(page.contains("\r\nContent-Type: text/html; charset=utf-8\r\n"), "{page}");
        assert!(page.contains("<h1>Too Many Requests</h1>") && page.contains("Try again in "), "{page}");
        let never = Server::started("never", SERVERS[0], &["fixed-window 0/s"], &prefix);
        assert_eq!(never.asked(1, &[]), [(429, None)]);
    }
}

#[test]
fn whatever_is_sent_the_server_answers_or_closes_and_goes_on() {
    let Some(prefix) = prefix() else { return };
    for server in SERVERS {
        let mut server = Server::started("hostile", server, &["fixed-window 1000/3653d", "X-Api-Key"], &prefix);
        let huge = [b"GET / HTTP/1.1\r\nX-Api-Key: ".as_slice(), &[b'k'; 1 << 20], b"\r\n\r\n"].concat();
        let lines = b"GET / HTTP/1.1\r\n".repeat(1 << 10);
        assert!(server.told(&huge).starts_with("HTTP/1.1 431 "));
        assert!(server.told(&lines).starts_with("HTTP/1.1 431 "));
        for half in [b"".as_slice(), b"G", b"GET / HTTP/1.1\r\nX-Api-Key", b"GET / HTTP/1.1\r\nX-Api-Key: k\r\n\r"]
        {
            assert_eq!(server.told(half), "");
        }
        for nonsense in [b"\r\n\r\n".as_slice(), b"\0\0\0\0\r\n\r\n", b"GET /\r\n\r\n"] {
            assert!(server.told(nonsense).starts_with("HTTP/1.1 400 "), "{nonsense:?}");
        }
        assert!(server.told(b"GET / HTTP/1.1\r\n:\r\nX-Api-Key\r\n\r\n").starts_with("HTTP/1.1 401 "));
        assert!(server.told(b"GET / HTTP/1.1\r\nX-Api-Key:\r\n\r\n").starts_with("HTTP/1.1 200 "));
        // Gone before the answer, and before the question.
        for _ in 0..50 {
            let mut stream = TcpStream::connect(server.url.strip_prefix("http://").unwrap()).unwrap();
            stream.write_all(b"GET / HTTP/1.1\r\nX-Api-Key: k\r\n\r\n").unwrap();
            drop(stream);
            drop(TcpStream::connect(server.url.strip_prefix("http://").unwrap()).unwrap());
        }
        assert_eq!(server.asked(1, &["-H", "X-Api-Key: k"])[0].0, 200);
        assert!(server.is_alive());
    }
}

#[test]
fn a_wrong_policy_or_port_is_told_and_nothing_is_started() {
    let Some(prefix) = prefix() else { return };
    for (name, source) in SERVERS {
        let program = Program { sources: &[source], flags: &[], libraries: &[] };
        let program = program.built(&format!("refused-{name}"), &prefix);
        for (port, policy, expected) in [
            ("0", "token-bucket 100 per s", "column 17"),
            ("65536", "token-bucket 1/s", "usage: "),
            ("http", "token-bucket 1/s", "usage: "),
            ("", "token-bucket 1/s", "usage: "),
        ] {
            let output = at_home(&program, &prefix).args([port, policy]).output().unwrap();
            let (_, err) = texts(&output);
            assert_eq!(output.status.code(), Some(2), "{port} {policy}");
            assert!(err.contains(expected), "{err}");
        }
    }
}
