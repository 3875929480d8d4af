//! `tests/data/vectors.json`: calls and the exact model's answers to them, for every language.
//!
//! The file is made here, by the model alone, and compared with a fresh run. Then the crate goes through it as the
//! tests in C, C++ and Python do: read the file, make a limiter for each policy, ask each call in order, compare each
//! field of each answer. To make it anew: `UPDATE_VECTORS=1 cargo test --test vectors`.
#![cfg(not(loom))]

#[allow(dead_code, reason = "each test file uses its own part")]
mod common;
#[allow(dead_code, reason = "each test file uses its own part")]
mod model;
#[path = "vectors/recorder.rs"]
mod recorder;
#[path = "vectors/stories.rs"]
mod stories;

use common::ns;
use serde_json::Value;
use sluicegate::{Decision, Limiter, Request};
use std::path::PathBuf;

fn file() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/vectors.json")
}

#[test]
fn the_vectors_are_what_the_exact_model_answers() {
    let fresh = stories::all();
    if std::env::var_os("UPDATE_VECTORS").is_some() {
        std::fs::write(file(), &fresh).unwrap();
    }
    let kept = std::fs::read_to_string(file()).unwrap();
    assert!(kept == fresh, "run UPDATE_VECTORS=1 cargo test --test vectors");
}

#[test]
fn the_crate_answers_every_vector_to_the_bit() {
    let vectors: Value = serde_json::from_str(&std::fs::read_to_string(file()).unwrap()).unwrap();
    let mut answers = 0;
    for story in vectors.as_array().unwrap() {
        let policy = story["policy"].as_str().unwrap();
        let limiter = Limiter::new(policy, 100).unwrap();
        for (number, call) in story["calls"].as_array().unwrap().iter().enumerate() {
            let told = ask(&limiter, call);
            assert_eq!(told, call["expect"], "{policy}, call {number}: {call}");
            answers += told.as_array().map_or(usize::from(told.is_object()), Vec::len);
        }
    }
    assert!(answers > 500, "{answers}");
}

/// Asks one call, and gives what the vectors would say to it.
fn ask(limiter: &Limiter, call: &Value) -> Value {
    let number = |name: &str| call[name].as_u64().unwrap();
    let key = || call["key"].as_str().unwrap();
    match call["op"].as_str().unwrap() {
        "check" => said(limiter.check_at(key(), number("cost"), number("at"))),
        "peek" => said(limiter.peek_at(key(), number("cost"), number("at"))),
        "refund" => {
            limiter.refund_at(key(), number("cost"), number("at"));
            Value::Null
        }
        "reset" => {
            limiter.reset(key());
            Value::Null
        }
        "check_many" => {
            let request =
                |request: &'_ Value| (request["key"].as_str().unwrap().to_owned(), request["cost"].as_u64());
            let requests: Vec<_> = call["requests"].as_array().unwrap().iter().map(request).collect();
            let requests: Vec<_> =
                requests.iter().map(|(key, cost)| Request::new(key).cost(cost.unwrap())).collect();
            let mut decisions = vec![Decision::default(); requests.len()];
            limiter.check_many_at(&requests, &mut decisions, number("at"));
            decisions.into_iter().map(said).collect()
        }
        other => panic!("{other} is no call"),
    }
}

fn said(decision: Decision) -> Value {
    serde_json::json!({
        "allowed": decision.allowed(),
        "reason": decision.reason().to_string(),
        "limit": decision.limit(),
        "remaining": decision.remaining(),
        "retry_after_ns": if decision.allowed() { Some(0) } else { decision.retry_after().map(ns) },
        "reset_after_ns": ns(decision.reset_after()),
        "delay_ns": ns(decision.delay()),
    })
}
