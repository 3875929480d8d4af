//! `sluice serve` as another process, and what it answers.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::sluice;

/// How long a test waits for what should come at once.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// A server that is stopped when dropped.
pub struct Server {
    pub child: Child,
    pub address: String,
    pub stderr: BufReader<std::process::ChildStderr>,
}

impl Server {
    pub fn start(arguments: &[&str]) -> Self {
        let mut child = sluice()
            .args(["serve", "--listen", "127.0.0.1:0"])
            .args(arguments)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        stderr.read_line(&mut line).unwrap();
        let address = line.trim_end().strip_prefix("listening on http://");
        let address = address.unwrap_or_else(|| panic!("{line:?}")).to_owned();
        Self { child, address, stderr }
    }

    pub fn connect(&self) -> TcpStream {
        connect_to(&self.address)
    }

    pub fn ask(&self, request: &str) -> Answer {
        answer_to(self.connect(), request.as_bytes())
    }

    pub fn get(&self, headers: &str) -> Answer {
        self.request("GET", "/any/path", headers)
    }

    pub fn request(&self, method: &str, path: &str, headers: &str) -> Answer {
        ask_at(&self.address, method, path, headers)
    }

    /// The next line of standard error.
    pub fn told(&mut self) -> String {
        let mut line = String::new();
        self.stderr.read_line(&mut line).unwrap();
        line
    }

    /// The rest of standard error, once the server has ended.
    pub fn all_told(&mut self) -> String {
        let mut rest = String::new();
        self.stderr.read_to_string(&mut rest).unwrap();
        rest
    }

    pub fn signal(&self, name: &str) {
        let process = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", name, &process]).status();
        assert!(sent.unwrap().success());
    }
}

/// A connection on which nobody is waited for in vain.
pub fn connect_to(address: &str) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// The answer to a request on a connection, up to its end.
pub fn answer_to(mut stream: impl Read + Write, request: &[u8]) -> Answer {
    stream.write_all(request).unwrap();
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    Answer(String::from_utf8(bytes).unwrap())
}

/// The answer to a request on a connection of its own.
pub fn ask_at(address: &str, method: &str, path: &str, headers: &str) -> Answer {
    let request = format!("{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n{headers}\r\n");
    answer_to(connect_to(address), request.as_bytes())
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An HTTP answer as text.
#[derive(Debug)]
pub struct Answer(pub String);

impl Answer {
    pub fn status(&self) -> u16 {
        self.0.get(9..12).unwrap_or_else(|| panic!("no answer: {self:?}")).parse().unwrap()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        let (head, _) = self.0.split_once("\r\n\r\n").unwrap();
        let mut lines = head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// The names of all header fields, in lower case.
    pub fn names(&self) -> Vec<String> {
        let (head, _) = self.0.split_once("\r\n\r\n").unwrap();
        head.lines().filter_map(|line| line.split_once(": ")).map(|(name, _)| name.to_ascii_lowercase()).collect()
    }

    pub fn number(&self, name: &str) -> u64 {
        self.header(name).unwrap().parse().unwrap()
    }

    pub fn body(&self) -> &str {
        self.0.split_once("\r\n\r\n").unwrap().1
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(self.body()).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}
