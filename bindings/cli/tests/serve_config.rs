//! The configuration of `sluice serve`: strict, with errors that name the place.

mod common;

use std::path::Path;

use common::server::Server;
use common::{file, run};
use serde_json::json;

/// Something that is right, for others to be made wrong of.
const RIGHT: &str = r#"{
  "clients": {"trusted_proxies": 1},
  "answers": {"code": "a"},
  "limits": {
    "one": {"policy": "token-bucket 1/d"},
    "two": {"policy": "fixed-window 2/d", "key": "header:X-Api-Key"}
  },
  "routes": [
    {"path": "/a", "methods": ["POST"], "limits": ["one", {"limit": "two", "cost": 2}]},
    {"path": "/**", "limits": ["one"]}
  ]
}"#;

fn check(directory: &Path, text: &str) -> common::Ran {
    let config = file(directory, "serve.json", text);
    run(&["serve", "--config", &config, "--check-config"])
}

#[test]
fn what_is_right_is_said_to_be_and_nothing_is_made() {
    let directory = tempfile::tempdir().unwrap();
    let table = directory.path().join("t.table");
    let text = RIGHT.replace("1/d\"", &format!("1/d\", \"table\": {table:?}"));
    let ran = check(directory.path(), &text);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    assert_eq!(ran.out, "the configuration is right: 2 limits, 2 routes\n");
    assert!(!table.exists());
}

#[test]
fn what_is_wrong_is_told_with_its_place_and_what_would_be_right() {
    let directory = tempfile::tempdir().unwrap();
    for (right, wrong, place, told) in [
        ("\"clients\"", "\"client\"", "2:3: ", r#"expected "clients", "answers", "limits" or "routes""#),
        (
            "\"trusted_proxies\": 1",
            "\"trusted_proxies\": -1",
            "2:34: clients.trusted_proxies: ",
            "from 0 to 100, not -1",
        ),
        (
            "\"trusted_proxies\": 1",
            "\"trusted_proxies\": [\"10.0.0/8\"]",
            "2:35: clients.trusted_proxies[0]: ",
            "10.0.0.0/8",
        ),
        ("\"trusted_proxies\": 1", "\"header\": \"a b\"", "2:25: clients.header: ", "X-Forwarded-For"),
        ("\"trusted_proxies\": 1", "\"ipv6_prefix\": 129", "clients.ipv6_prefix: ", "from 1 to 128, not 129"),
        ("\"code\": \"a\"", "\"code\": 7", "3:23: answers.code: ", "expected a string, not 7"),
        ("\"code\": \"a\"", "\"code\": \"\\r\\n\"", "answers.code: ", "printable ASCII"),
        (
            "\"code\": \"a\"",
            "\"bodies\": [\"xml\"]",
            "3:26: answers.bodies[0]: ",
            r#""html" or "text", not "xml""#,
        ),
        ("\"code\": \"a\"", "\"bodies\": []", "answers.bodies: ", "there is no body"),
        ("\"code\": \"a\"", "\"headers\": [\"ietf\", \"draft-07\"]", "answers.headers: ", "choose one"),
        (
            "\"code\": \"a\"",
            "\"retry_after\": \"soon\"",
            "answers.retry_after: ",
            r#"expected "seconds" or "date""#,
        ),
        ("token-bucket 1/d", "tokn-bucket 1/d", "5:23: limits.one.policy: ", "token-bucket 100/s burst=200"),
        ("\"one\": {", "\"\": {", "5:5: limits: ", "it is empty"),
        ("\"two\": {", "\"one\": {", "6:5: limits: ", "\"one\" is there twice"),
        ("\"key\": \"header:X-Api-Key\"", "\"key\": \"header:\"", "limits.two.key: ", "X-Api-Key"),
        (
            "\"key\": \"header:X-Api-Key\"",
            "\"kye\": \"ip\"",
            "6:43: limits.two: ",
            "\"kye\" is not known here; expected \"policy\"",
        ),
        ("\"key\": \"header:X-Api-Key\"", "\"max_keys\": 0", "limits.two.max_keys: ", "from 1 to"),
        (
            "\"key\": \"header:X-Api-Key\"",
            "\"max_keys\": 9999999999999999",
            "limits.two.max_keys: ",
            "it must be from 1 to",
        ),
        (
            "\"key\": \"header:X-Api-Key\"",
            "\"on_full\": \"explode\"",
            "limits.two.on_full: ",
            "\"evict\", \"deny\" or \"allow\"",
        ),
        ("\"key\": \"header:X-Api-Key\"", "\"missing\": 1", "limits.two.missing: ", "expected a string"),
        ("\"key\": \"header:X-Api-Key\"", "\"replace\": true", "limits.two: ", "give \"table\" or leave it out"),
        ("\"key\": \"header:X-Api-Key\"", "\"table\": \"\"", "limits.two.table: ", "/dev/shm/api.table"),
        ("\"policy\": \"fixed-window 2/d\", ", "", "limits.two: ", "\"policy\" is missing; give, for example"),
        ("\"path\": \"/a\"", "\"path\": \"a\"", "9:14: routes[0].path: ", "/users/*/posts"),
        ("\"path\": \"/a\"", "\"name\": \"a\"", "routes[0]: ", "\"path\" is missing"),
        ("\"path\": \"/a\"", "\"path\": \"/**/a\"", "routes[0].path: ", "** may stand at the end alone"),
        ("\"methods\": [\"POST\"]", "\"methods\": [\"post\"]", "routes[0].methods[0]: ", "in capital letters"),
        ("\"methods\": [\"POST\"]", "\"methods\": []", "routes[0].methods: ", "leave it out for all"),
        ("\"methods\": [\"POST\"]", "\"exempt\": [\"somewhere\"]", "routes[0].exempt[0]: ", "10.0.0.0/8"),
        ("\"methods\": [\"POST\"]", "\"name\": \"\\n\"", "routes[0].name: ", "printable ASCII"),
        ("\"methods\": [\"POST\"]", "\"name\": \"/**\"", "routes[1]: ", "routes[0] has the name \"/**\" too"),
        (
            "\"limits\": [\"one\", {",
            "\"limits\": [\"onee\", {",
            "routes[0].limits[0]: ",
            r#"those of "limits" are "one", "two""#,
        ),
        (
            "[\"one\", {\"limit\": \"two\", ",
            "[\"one\", {\"limit\": \"one\", ",
            "routes[0].limits[1]: ",
            "a cost of 2 never fits",
        ),
        ("\"cost\": 2", "\"cost\": 3", "routes[0].limits[1]: ", "a cost of 3 never fits fixed-window 2/d"),
        ("\"cost\": 2", "\"cost\": 1.5", "routes[0].limits[1].cost: ", "expected a whole number from 0"),
        (
            "{\"limit\": \"two\", \"cost\": 2}",
            "\"one\"",
            "9:59: routes[0].limits[1]: ",
            "this limit is there twice",
        ),
        (", {\"limit\": \"two\", \"cost\": 2}", "", "6:5: limits: ", "no route has this limit"),
        ("\"methods\": [\"POST\"]", "\"answers\": {\"codes\": \"\"}", "routes[0].answers: ", "\"code\""),
        (
            "\"path\": \"/a\", \"methods\": [\"POST\"]",
            "\"path\": \"/**\", \"name\": \"a\"",
            "10:5: routes[1]: ",
            "routes[0] takes every request",
        ),
        ("\"answers\": {\"code\": \"a\"}", "\"answers\": []", "3:14: answers: ", "expected an object, not []"),
        ("  ]\n}", "  ],\n}", "12:1: ", "this is no JSON: trailing comma"),
        ("  ]\n}", "  ]", "11:3: ", "this is no JSON: EOF"),
    ] {
        assert!(RIGHT.contains(right), "{right}");
        let ran = check(directory.path(), &RIGHT.replacen(right, wrong, 1));
        assert_eq!((ran.code, ran.out.as_str()), (1, ""), "{wrong}");
        let line = ran.only_error_line();
        let (_, after) = line.split_once("serve.json:").unwrap_or_else(|| panic!("{line}"));
        assert!(after.contains(place) && after.contains(told), "{wrong}: {line}");
    }
}

#[test]
fn a_file_that_cannot_be_read_is_one_error_line() {
    let directory = tempfile::tempdir().unwrap();
    let binary = file(directory.path(), "binary", b"\xff\xfe");
    for path in ["/not/there", &binary, directory.path().to_str().unwrap()] {
        let ran = run(&["serve", "--config", path]);
        assert_eq!(ran.code, 1);
        assert!(ran.only_error_line().contains("cannot read"), "{}", ran.err);
    }
    let empty = check(directory.path(), "{}");
    assert!(empty.only_error_line().contains("\"limits\" is missing; give, for example"), "{}", empty.err);
}

#[test]
fn tables_that_differ_are_found_without_serving() {
    let directory = tempfile::tempdir().unwrap();
    let table = directory.path().join("t.table");
    let table = table.to_str().unwrap();
    drop(Server::start(&["--table", table, "--policy", "token-bucket 2/d", "--max-keys", "1000"]));
    let with = |more: &str| {
        let text = json!({
            "limits": {"a": {"policy": "token-bucket 1/d", "table": table}},
            "routes": [{"path": "/**", "limits": ["a"]}],
        });
        check(directory.path(), &text.to_string().replacen("\"table\"", &format!("{more}\"table\""), 1))
    };
    let ran = with("");
    assert_eq!(ran.code, 1);
    assert!(
        ran.only_error_line().contains("the limit \"a\": ") && ran.err.contains("is 1000, not 1000000"),
        "{}",
        ran.err
    );
    let ran = with("\"max_keys\": 1000, ");
    assert!(
        ran.only_error_line()
            .contains("is token-bucket 2/d, not token-bucket 1/d; ask for the same, or, of a file, to replace it"),
        "{}",
        ran.err
    );
    assert_eq!(with("\"max_keys\": 1000, \"replace\": true, ").code, 0);
}
