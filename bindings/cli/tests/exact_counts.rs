//! What `sluice replay` counts is what the exact model of the specification counts on the same log.

mod common;
#[path = "../../../tests/model/mod.rs"]
#[allow(dead_code, reason = "only whether a request is admitted is asked here")]
mod model;

use common::{real_log, run};
use model::{Kind, Model, Rule};
use std::collections::HashMap;
use std::path::{Path, PathBuf};

const KINDS: [(&str, Kind); 4] = [
    ("fixed-window", Kind::FixedWindow),
    ("sliding-window", Kind::SlidingWindow),
    ("token-bucket", Kind::TokenBucket),
    ("leaky-bucket", Kind::LeakyBucket),
];
const MINUTE_NS: u64 = 60_000_000_000;

/// The client and the time in ns of each line, read in another way than the program reads them.
fn requests(log: &Path) -> Vec<(String, i128)> {
    let text = std::fs::read(log).unwrap();
    let text = String::from_utf8_lossy(&text);
    text.lines()
        .map(|line| {
            let client = line.split(' ').next().unwrap().to_owned();
            let time = line.split(['[', ']']).nth(1).unwrap();
            let time = jiff::Timestamp::strptime("%d/%b/%Y:%H:%M:%S %z", time).unwrap();
            (client, time.as_nanosecond())
        })
        .collect()
}

/// How many of the requests the model admits and denies, in the order of the lines.
fn model_counts(rule: Rule, requests: &[(String, i128)]) -> (u64, u64) {
    let mut clients: HashMap<&str, Box<dyn Model>> = HashMap::new();
    let mut counts = (0, 0);
    for (client, now) in requests {
        let client = clients.entry(client).or_insert_with(|| rule.model());
        if client.admits(*now, 1) {
            client.consume(*now, 1);
            counts.0 += 1;
        } else {
            counts.1 += 1;
        }
    }
    counts
}

fn replay_counts_what_the_model_counts(log: &Path, limits: &[u64]) {
    let requests = requests(log);
    let rules: Vec<(String, Rule)> = KINDS
        .iter()
        .flat_map(|&(name, kind)| {
            limits.iter().map(move |&limit| (format!("{name} {limit}/min"), Rule::new(kind, limit, MINUTE_NS)))
        })
        .collect();
    // The model tells whole addresses apart.
    let mut arguments = vec!["replay", log.to_str().unwrap(), "--json", "--ipv6-prefix", "128"];
    arguments.extend(rules.iter().flat_map(|(policy, _)| ["--policy", policy]));
    let report = run(&arguments).json();
    for (index, (policy, rule)) in rules.iter().enumerate() {
        let counted = &report["policies"][index];
        let counted = (counted["admitted"].as_u64().unwrap(), counted["denied"].as_u64().unwrap());
        assert_eq!(counted, model_counts(*rule, &requests), "{policy}");
    }
}

#[test]
fn the_counts_on_the_real_log_are_the_models() {
    if let Some(log) = real_log() {
        replay_counts_what_the_model_counts(&log, &[10, 60, 7]);
    }
}

#[test]
fn the_counts_on_the_example_log_are_the_models() {
    let log = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/data/example_access.log"));
    replay_counts_what_the_model_counts(&log, &[10, 60, 7, 1]);
}
