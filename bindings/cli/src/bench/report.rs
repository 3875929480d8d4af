//! The figures, for people and for programs.

use serde::Serialize;

use super::Results;
use crate::error::Failure;
use crate::table;
use crate::text::counted;

#[derive(Serialize)]
struct Document {
    policy: String,
    keys: u64,
    figures: Vec<FigurePart>,
    capacity: u64,
    memory_bytes: u64,
    bytes_per_key: f64,
}

#[derive(Serialize)]
struct FigurePart {
    scenario: &'static str,
    threads: usize,
    ns_per_check: f64,
    checks_per_second: f64,
    admitted: f64,
}

/// The figures as a table.
pub fn text(results: &Results) -> String {
    let mut table = table::titled(&["checks", "threads", "ns per check", "million checks/s", "admitted"]);
    for figure in &results.figures {
        table.add_row([
            figure.scenario.name().to_owned(),
            figure.threads.to_string(),
            format!("{:.1}", figure.ns_per_check),
            format!("{:.1}", figure.checks_per_second / 1e6),
            format!("{:.0}%", figure.admitted * 100.0),
        ]);
    }
    format!(
        "{}, {} of 16 bytes; medians of {} rounds, ns as one thread sees them\n\n{table}\n\n\
         memory: {:.1} MiB for {} to be live at once, {:.1} bytes per key; it never grows\n",
        results.policy,
        counted(results.keys, "key"),
        super::ROUNDS,
        results.memory_bytes as f64 / (1024.0 * 1024.0),
        counted(results.keys, "key"),
        bytes_per_key(results),
    )
}

/// The figures as JSON.
pub fn json(results: &Results) -> Result<String, Failure> {
    let figures = results.figures.iter().map(|figure| FigurePart {
        scenario: figure.scenario.name(),
        threads: figure.threads,
        ns_per_check: figure.ns_per_check,
        checks_per_second: figure.checks_per_second,
        admitted: figure.admitted,
    });
    let document = Document {
        policy: results.policy.to_string(),
        keys: results.keys,
        figures: figures.collect(),
        capacity: results.capacity,
        memory_bytes: results.memory_bytes,
        bytes_per_key: bytes_per_key(results),
    };
    serde_json::to_string_pretty(&document)
        .map(|json| json + "\n")
        .map_err(|error| Failure::work(format!("cannot render JSON: {error}")))
}

/// What one key weighs: the table's bytes over the keys that are promised to fit.
fn bytes_per_key(results: &Results) -> f64 {
    results.memory_bytes as f64 / results.keys.max(1) as f64
}
