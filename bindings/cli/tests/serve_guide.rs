//! The guide to `sluice serve`, its examples and the schema say what is so.

mod common;

use std::path::Path;

use common::{example, file, python, run};
use serde_json::{Value, json};

fn path_of(name: &str) -> String {
    format!("{}/{name}", env!("CARGO_MANIFEST_DIR"))
}

fn check(directory: &Path, text: &str) -> common::Ran {
    let config = file(directory, "serve.json", text);
    run(&["serve", "--config", &config, "--check-config"])
}

fn guide() -> String {
    std::fs::read_to_string(path_of("SERVE.md")).unwrap()
}

/// The guide's blocks of one language.
fn blocks(language: &str) -> Vec<String> {
    let fence = format!("```{language}\n");
    guide().split(&fence).skip(1).map(|rest| rest.split("```").next().unwrap().to_owned()).collect()
}

#[test]
fn every_option_in_the_guide_is_one() {
    let help = run(&["serve", "--help"]).out;
    let guide = guide();
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '-';
    let options: Vec<&str> =
        guide.split(|c| !is_part(c)).filter(|word| word.starts_with("--") && !word.starts_with("---")).collect();
    assert!(options.len() > 15, "{options:?}");
    for option in options {
        assert!(help.contains(&format!("{option} ")) || help.contains(&format!("{option}\n")), "{option}");
    }
}

#[test]
fn what_the_guide_shows_of_nginx_is_in_the_example_that_is_run() {
    let without_space = |text: &str| text.split_whitespace().collect::<String>();
    let example = without_space(&example("nginx.conf"));
    for line in blocks("nginx").concat().lines() {
        assert!(example.contains(&without_space(line)), "{line}");
    }
    let named = guide();
    let files = named.split("](").skip(1).map(|rest| rest.split(')').next().unwrap());
    files.for_each(|name| assert!(Path::new(&path_of(name)).exists(), "{name}"));
}

/// All configurations in the guide, and the example file.
fn examples() -> Vec<String> {
    blocks("json").into_iter().chain([example("serve.json")]).collect()
}

#[test]
fn every_example_is_right() {
    let directory = tempfile::tempdir().unwrap();
    let examples = examples();
    assert!(examples.len() >= 3);
    for example in examples {
        let ran = check(directory.path(), &example);
        assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{example}");
    }
}

/// Which of some documents the schema accepts, by a validator that is not ours.
fn accepted_by_schema(python: &str, documents: &[Value]) -> Vec<bool> {
    let program = "import json, sys, jsonschema; \
                   schema, documents = json.load(open(sys.argv[1])), json.load(open(sys.argv[2])); \
                   jsonschema.Draft202012Validator.check_schema(schema); \
                   validator = jsonschema.Draft202012Validator(schema); \
                   print(json.dumps([validator.is_valid(d) for d in documents]))";
    let directory = tempfile::tempdir().unwrap();
    let documents = file(directory.path(), "documents.json", serde_json::to_vec(documents).unwrap());
    let printed = common::python_prints(python, &["-c", program, &path_of("serve.schema.json"), &documents]);
    serde_json::from_str(&printed).unwrap()
}

/// Every document that comes of one by taking a value's place by another, leaving a member out or adding one.
fn spoiled(value: &Value) -> Vec<Value> {
    let others = [
        json!(null),
        json!(true),
        json!(-1),
        json!(0),
        json!(1.5),
        json!(7),
        json!(""),
        json!("x"),
        json!([]),
        json!({}),
    ];
    let mut all: Vec<Value> = others.to_vec();
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                let with = |new: Value| {
                    Value::Object(
                        members
                            .iter()
                            .map(|(n, v)| (n.clone(), if n == name { new.clone() } else { v.clone() }))
                            .collect(),
                    )
                };
                all.extend(spoiled(member).into_iter().map(with));
                all.push(Value::Object(
                    members.iter().filter(|(n, _)| *n != name).map(|(n, v)| (n.clone(), v.clone())).collect(),
                ));
            }
            let mut more = members.clone();
            more.insert("surplus".to_owned(), json!(1));
            all.push(Value::Object(more));
        }
        Value::Array(items) => {
            for at in 0..items.len() {
                all.extend(spoiled(&items[at]).into_iter().map(|new| {
                    let mut items = items.clone();
                    items[at] = new;
                    Value::Array(items)
                }));
            }
        }
        _ => {}
    }
    all
}

/// What no schema tells: errors of meaning.
const BEYOND_SCHEMAS: [&str; 4] =
    ["there is no limit ", ".policy: policy ", "no route has this limit", "\"replace\" is about a table"];

#[test]
fn the_schema_agrees_with_the_reader() {
    let Some(python) = python() else { return };
    let examples: Vec<Value> = examples().iter().map(|text| serde_json::from_str(text).unwrap()).collect();
    assert!(accepted_by_schema(&python, &examples).iter().all(|accepted| *accepted));
    // One of every kind of member, spoiled in every way.
    let whole = json!({
        "$schema": "s",
        "clients": {"trusted_proxies": ["unix"], "header": "forwarded", "ipv4_prefix": 24, "ipv6_prefix": 48},
        "answers": {"bodies": ["json"], "headers": ["ietf"], "retry_after": "date", "code": "c", "message": "m",
                    "problem_type": "about:blank", "burst_parameter": "a-b"},
        "limits": {"l": {"policy": "token-bucket 9/s", "key": "ip+header:X", "missing": "skip", "max_keys": 9,
                         "on_full": "deny", "table": "/not/there/t", "replace": true}},
        "routes": [{"name": "n", "path": "/a", "methods": ["GET"], "exempt": ["10.0.0.0/8"],
                    "limits": [{"limit": "l", "cost": 2}], "answers": {"code": "d"}}],
    });
    let documents: Vec<Value> = [whole.clone()].into_iter().chain(spoiled(&whole)).collect();
    let by_schema = accepted_by_schema(&python, &documents);
    let directory = tempfile::tempdir().unwrap();
    let (mut right, mut wrong) = (0, 0);
    for (document, accepted) in documents.iter().zip(by_schema) {
        let ran = check(directory.path(), &document.to_string());
        // What names a limit that is not there, or is no policy, no schema can tell.
        let is_beyond = BEYOND_SCHEMAS.iter().any(|told| ran.err.contains(told));
        match ran.code {
            0 => assert!(accepted, "the schema refuses {document}"),
            _ => assert!(!accepted || is_beyond, "the schema accepts {document}: {}", ran.err),
        }
        right += u32::from(ran.code == 0);
        wrong += u32::from(!accepted);
    }
    assert!(right > 10 && wrong > 200, "{right} {wrong}");
}
