//! Reading the configuration again: what stays keeps what it knows, and what is wrong changes nothing.

mod common;

use std::sync::atomic::{AtomicBool, Ordering};

use common::file;
use common::server::Server;

/// A server with a configuration, and the place of that.
struct Configured {
    server: Server,
    directory: tempfile::TempDir,
}

/// Two limits, of which the first is as given.
fn config(first: &str, more: &str) -> String {
    format!(
        r#"{{"limits": {{"first": {first}, "second": {{"policy": "token-bucket 2/d"}}}},
             "routes": [{more}{{"path": "/first", "limits": ["first"]}}, {{"path": "/second", "limits": ["second"]}}]}}"#
    )
}

const FIRST: &str = r#"{"policy": "token-bucket 5/d"}"#;

impl Configured {
    fn start(text: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = file(directory.path(), "serve.json", text);
        Self { server: Server::start(&["--config", &path]), directory }
    }

    /// Has another configuration read, and gives what is said of it.
    fn reload(&mut self, text: &str) -> String {
        file(self.directory.path(), "serve.json", text);
        self.server.signal("HUP");
        self.told()
    }

    /// What is said beside the lines of denied keys.
    fn told(&mut self) -> String {
        loop {
            let line = self.server.told();
            if !line.starts_with('{') {
                return line;
            }
        }
    }

    fn get(&self, path: &str) -> u16 {
        self.server.request("GET", path, "").status()
    }
}

#[test]
fn limits_that_stay_keep_what_they_know() {
    let mut server = Configured::start(&config(FIRST, ""));
    assert_eq!([server.get("/first"), server.get("/second"), server.get("/second")], [200; 3]);
    let told = server.reload(&config(
        r#"{"policy": "token-bucket 5/d", "key": "ip+path"}"#,
        r#"{"path": "/", "limits": []}, "#,
    ));
    assert!(told.contains("serve.json again: 2 limits, 3 routes"), "{told}");
    assert_eq!([server.get("/second"), server.get("/")], [429, 200]);
    let told = server.reload(&config(r#"{"policy": "token-bucket 1/d"}"#, ""));
    assert!(told.contains("2 limits, 2 routes"), "{told}");
    assert_eq!([server.get("/first"), server.get("/first"), server.get("/second")], [200, 429, 429]);
}

#[test]
fn a_wrong_configuration_is_refused_and_the_old_one_goes_on() {
    let mut server = Configured::start(&config(FIRST, ""));
    let directory = server.directory.path().to_owned();
    assert_eq!([server.get("/second"), server.get("/second")], [200; 2]);
    let foreign = file(&directory, "foreign", b"no table");
    for (text, told) in [
        ("{", "this is no JSON"),
        (&config(r#"{"policy": "token-bucket"}"#, ""), "limits.first.policy: "),
        (&config(FIRST, r#"{"path": "/x", "limits": ["third"]}, "#), "there is no limit"),
        (
            &config(&format!(r#"{{"policy": "token-bucket 5/d", "table": {foreign:?}}}"#), ""),
            "cannot be used as a table",
        ),
    ] {
        let line = server.reload(text);
        assert!(line.starts_with("warning: ") && line.contains(told), "{line}");
        assert!(line.ends_with("; the old configuration goes on\n"), "{line}");
        assert_eq!([server.get("/second"), server.get("/first")], [429, 200]);
    }
    std::fs::remove_file(directory.join("serve.json")).unwrap();
    server.server.signal("HUP");
    assert!(server.told().contains("cannot read"));
    assert!(server.reload(&config(FIRST, "")).contains("again: "));
    assert_eq!([server.get("/first"), server.get("/first")], [200, 429], "four were consumed before all that");
}

#[test]
fn a_limit_moves_into_a_table_and_the_table_is_kept_through_another_policy() {
    let mut server = Configured::start(&config(FIRST, ""));
    let table = server.directory.path().join("t").to_str().unwrap().to_owned();
    let with_table = |policy: &str, more: &str| {
        config(
            &format!(r#"{{"policy": "token-bucket {policy}", "table": {table:?}, "max_keys": 1000{more}}}"#),
            "",
        )
    };
    server.reload(&with_table("5/d", ""));
    assert_eq!([(); 4].map(|()| server.get("/first")), [200; 4]);
    let told = server.reload(&with_table("6/d", ""));
    assert!(told.contains("to replace it"), "{told}");
    server.reload(&with_table("6/d", r#", "replace": true"#));
    assert_eq!([(); 3].map(|()| server.get("/first")), [200, 200, 429], "four were consumed before");

    std::fs::remove_file(&table).unwrap();
    let told = server.told();
    assert!(told.contains("the table of the limit \"first\" was removed or replaced"), "{told}");
    server.reload(&with_table("6/d", r#", "replace": true"#));
    assert!(std::path::Path::new(&table).exists(), "it is made anew");
    assert_eq!(server.get("/first"), 200);
}

#[test]
fn nothing_is_lost_or_forgotten_by_reading_it_again_and_again_in_load() {
    let text = |n: usize| {
        let more = format!(r#"{{"path": "/{n}", "limits": []}}, "#);
        config(r#"{"policy": "token-bucket 100/d"}"#, &more)
    };
    let mut server = Configured::start(&text(0));
    let address = server.server.address.clone();
    let stop = AtomicBool::new(false);
    let admitted: usize = std::thread::scope(|scope| {
        let ask = || {
            let mut admitted = 0;
            while !stop.load(Ordering::Relaxed) {
                admitted += usize::from(common::server::ask_at(&address, "GET", "/first", "").status() == 200);
            }
            admitted
        };
        let clients: Vec<_> = (0..3).map(|_| scope.spawn(ask)).collect();
        for n in 0..20 {
            let told = server.reload(&if n % 3 == 2 { "{".to_owned() } else { text(n) });
            assert_eq!(told.starts_with("warning"), n % 3 == 2, "{told}");
        }
        stop.store(true, Ordering::Relaxed);
        clients.into_iter().map(|client| client.join().unwrap()).sum()
    });
    let rest = (0..200).filter(|_| server.get("/first") == 200).count();
    assert_eq!(admitted + rest, 100);
}

#[test]
fn without_a_configuration_file_the_signal_harms_nobody() {
    let mut server = Server::start(&["--policy", "token-bucket 1/d"]);
    assert_eq!(server.get("").status(), 200);
    server.signal("HUP");
    assert_eq!(server.get("").status(), 429);
    server.signal("TERM");
    assert_eq!(server.child.wait().unwrap().code(), Some(0));
}
