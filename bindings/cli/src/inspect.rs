//! `sluice inspect`: what a shared table holds.

use std::time::Duration;

use serde::Serialize;
use sluicegate::TableInfo;

use crate::error::Failure;
use crate::text::{grouped, instant, lasting, percent, rfc3339, visible};
use crate::{cli, output, table};

const NS: u64 = 1_000_000_000;

#[derive(Serialize)]
struct Document {
    path: String,
    policy: String,
    max_keys: u64,
    live_keys: u64,
    bytes: u64,
    bytes_per_key: f64,
    made: u64,
    made_time: String,
    last_used: Option<u64>,
    last_used_time: Option<String>,
    now: u64,
    now_time: String,
    age: u64,
    inserted: u64,
    evicted: u64,
    refused_full: u64,
    allowed_full: u64,
}

/// Looks at a table's file and prints what it holds.
pub fn run(options: &cli::Inspect) -> Result<(), Failure> {
    let info = TableInfo::read(&options.path).map_err(|error| Failure::work(error.to_string()))?;
    let path = visible(options.path.as_os_str().as_encoded_bytes());
    output::print(if options.json { json(path, &info)? } else { text(&path, &info) })
}

fn text(path: &str, info: &TableInfo) -> String {
    let ago = |then: u64| {
        let length = Duration::from_nanos(info.now_unix_ns.saturating_sub(then));
        format!("{}, {} ago", instant(then), lasting(Duration::from_secs(length.as_secs())))
    };
    let last_used = last_used(info).map_or("never".to_owned(), ago);
    let mut table = table::titled(&["shared table", path]);
    table.add_rows([
        ["policy", &info.policy.to_string()],
        ["live keys", &format!("{} ({})", grouped(info.live_keys), percent(info.live_keys, info.max_keys))],
        ["room for keys", &grouped(info.max_keys)],
        ["size", &format!("{}, {:.1} bytes per key", size(info.bytes), bytes_per_key(info))],
        ["made (UTC)", &ago(info.made_at_unix_ns)],
        ["last used (UTC)", &last_used],
        ["keys given a place", &grouped(info.inserted)],
        ["live keys evicted", &grouped(info.evicted)],
        ["denied, table full", &grouped(info.refused_full)],
        ["let through, table full", &grouped(info.allowed_full)],
    ]);
    format!("{table}\n")
}

fn json(path: String, info: &TableInfo) -> Result<String, Failure> {
    let document = Document {
        path,
        policy: info.policy.to_string(),
        max_keys: info.max_keys,
        live_keys: info.live_keys,
        bytes: info.bytes,
        bytes_per_key: bytes_per_key(info),
        made: info.made_at_unix_ns / NS,
        made_time: rfc3339(info.made_at_unix_ns),
        last_used: last_used(info).map(|then| then / NS),
        last_used_time: last_used(info).map(rfc3339),
        now: info.now_unix_ns / NS,
        now_time: rfc3339(info.now_unix_ns),
        age: info.now_unix_ns.saturating_sub(info.made_at_unix_ns) / NS,
        inserted: info.inserted,
        evicted: info.evicted,
        refused_full: info.refused_full,
        allowed_full: info.allowed_full,
    };
    serde_json::to_string_pretty(&document)
        .map(|json| json + "\n")
        .map_err(|error| Failure::work(format!("cannot render JSON: {error}")))
}

/// The latest time that anybody has used the table, if anybody has.
fn last_used(info: &TableInfo) -> Option<u64> {
    Some(info.last_used_unix_ns).filter(|&then| then > 0)
}

fn bytes_per_key(info: &TableInfo) -> f64 {
    info.bytes as f64 / info.max_keys as f64
}

/// Bytes in the largest unit of which there is one.
fn size(bytes: u64) -> String {
    let units = ["KiB", "MiB", "GiB", "TiB"];
    let mut size = bytes as f64 / 1024.0;
    let mut unit = 0;
    while size >= 1024.0 && unit + 1 < units.len() {
        size /= 1024.0;
        unit += 1;
    }
    format!("{size:.1} {}", units[unit])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_told_in_the_largest_unit_of_which_there_is_one() {
        assert_eq!(size(2_432), "2.4 KiB");
        assert_eq!(size(29_407_440), "28.0 MiB");
        assert_eq!(size(1 << 30), "1.0 GiB");
        assert_eq!(size(u64::MAX), "16777216.0 TiB");
    }
}
