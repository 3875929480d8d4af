//! Real proxies that ask `sluice serve`, and the application behind them.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::server::{Answer, PATIENCE, ask_at};
use super::{example, file};

/// An application that answers 200, and 403 below `/forbidden`.
pub struct Application {
    pub address: String,
    asked: Arc<AtomicUsize>,
}

impl Application {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let asked = Arc::new(AtomicUsize::new(0));
        let count = asked.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let count = count.clone();
                std::thread::spawn(move || answer(stream.unwrap(), &count));
            }
        });
        Self { address, asked }
    }

    /// How many requests have come through.
    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

fn answer(mut stream: TcpStream, count: &AtomicUsize) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut request = String::new();
    while !request.ends_with("\r\n\r\n") {
        if reader.read_line(&mut request).unwrap_or(0) == 0 {
            return;
        }
    }
    count.fetch_add(1, Ordering::SeqCst);
    let is_forbidden = request.split(' ').nth(1).unwrap().starts_with("/forbidden");
    let status = if is_forbidden { "403 Forbidden" } else { "200 OK" };
    let body = "the application's own\n";
    let length = body.len();
    let _ = write!(stream, "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}");
}

/// A proxy as another process, stopped when dropped.
pub struct Proxy {
    child: Child,
    pub address: String,
    directory: tempfile::TempDir,
}

/// An address of this machine that nobody listens on.
pub fn free_address() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

/// An example's configuration with the addresses that this test has.
fn configuration(name: &str, own: &str, sluice: &str, application: &str) -> String {
    let text = example(name);
    for address in ["127.0.0.1:8000", "127.0.0.1:8080", "127.0.0.1:8001"] {
        assert!(text.contains(address), "{name} has {address}");
    }
    // The comment at the top says how sluice is started.
    text.replace("127.0.0.1:8000", own).replace("127.0.0.1:8080", sluice).replace("127.0.0.1:8001", application)
}

impl Proxy {
    /// nginx by the example's configuration, as `changed`.
    pub fn nginx(sluice: &str, application: &Application, changed: impl Fn(String) -> String) -> Option<Self> {
        let is_there = Command::new("nginx").arg("-v").stderr(Stdio::null()).status().is_ok();
        if !is_there {
            println!("skipped: tests/run installs nginx");
            return None;
        }
        let (directory, address) = (tempfile::tempdir().unwrap(), free_address());
        let text = changed(configuration("nginx.conf", &address, sluice, &application.address));
        let path = file(directory.path(), "nginx.conf", text);
        let settings = "daemon off; worker_processes 2; user root; error_log error.log; pid nginx.pid;";
        let prefix = directory.path().to_str().unwrap();
        let mut nginx = Command::new("nginx");
        nginx.args(["-e", "error.log", "-p", prefix, "-c", &path, "-g", settings]);
        Some(Self::start(nginx, address, directory))
    }

    /// Caddy by the example's configuration.
    pub fn caddy(sluice: &str, application: &Application) -> Option<Self> {
        let is_there = Command::new("caddy").arg("version").stdout(Stdio::null()).status().is_ok();
        if !is_there {
            println!("skipped: tests/run installs caddy");
            return None;
        }
        let (directory, address) = (tempfile::tempdir().unwrap(), free_address());
        let text = configuration("Caddyfile", &address, sluice, &application.address);
        let path = file(directory.path(), "Caddyfile", format!("{{\n\tadmin off\n}}\n{text}"));
        let mut caddy = Command::new("caddy");
        caddy.args(["run", "--adapter", "caddyfile", "--config", &path]);
        let home = directory.path();
        caddy.env("HOME", home).env("XDG_DATA_HOME", home).env("XDG_CONFIG_HOME", home);
        Some(Self::start(caddy, address, directory))
    }

    fn start(mut command: Command, address: String, directory: tempfile::TempDir) -> Self {
        let log = std::fs::File::create(directory.path().join("output.log")).unwrap();
        let child = command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap();
        let proxy = Self { child, address, directory };
        let began = Instant::now();
        while TcpStream::connect(&proxy.address).is_err() {
            assert!(began.elapsed() < PATIENCE, "it does not listen: {}", proxy.log());
            std::thread::sleep(Duration::from_millis(20));
        }
        proxy
    }

    pub fn ask(&self, method: &str, path: &str, headers: &str) -> Answer {
        ask_at(&self.address, method, path, headers)
    }

    pub fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, "")
    }

    /// What it has logged.
    pub fn log(&self) -> String {
        let read = |name: &str| std::fs::read_to_string(self.directory.path().join(name)).unwrap_or_default();
        read("error.log") + &read("output.log")
    }

    /// A place for files beside its own.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // nginx has workers, which it ends when it is asked to itself.
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        let _ = self.child.wait();
    }
}
