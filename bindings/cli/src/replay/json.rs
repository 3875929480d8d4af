//! The replay as JSON, for programs.

use std::time::Duration;

use serde::Serialize;

use super::summary::{Extreme, KeyRow, Outcome, Summary};
use crate::error::Failure;
use crate::text::rfc3339;

const NS: u64 = 1_000_000_000;

#[derive(Serialize)]
struct Document {
    lines: u64,
    skipped: u64,
    from: u64,
    to: u64,
    policies: Vec<PolicyPart>,
    unkeyed: u64,
    late: u64,
    from_time: String,
    to_time: String,
    key: String,
    unreadable: Vec<DamagePart>,
}

#[derive(Serialize)]
struct DamagePart {
    source: String,
    line: u64,
    reason: String,
}

#[derive(Serialize)]
struct PolicyPart {
    policy: String,
    admitted: u64,
    denied: u64,
    keys: u64,
    keys_denied: u64,
    worst: Vec<KeyPart>,
    share_denied: f64,
    keys_are_lower_bounds: bool,
    other_keys: Counts,
    evicted: u64,
    approximate: bool,
    busiest_minute: Option<SpanPart>,
    busiest_hour: Option<SpanPart>,
    peak: Option<PeakPart>,
    denies_nobody: Option<NeedPart>,
    longest_run: Option<RunPart>,
    longest_retry_after: f64,
}

#[derive(Serialize)]
struct KeyPart {
    key: String,
    admitted: u64,
    denied: u64,
}

#[derive(Serialize)]
struct Counts {
    admitted: u64,
    denied: u64,
}

#[derive(Serialize)]
struct SpanPart {
    from: u64,
    denied: u64,
}

/// Most requests of one key in one period, of periods counted from the Unix epoch.
#[derive(Serialize)]
struct PeakPart {
    key: String,
    requests: u64,
    limit: u64,
    from: u64,
    period: f64,
}

/// The limit or burst that would have denied nobody.
#[derive(Serialize)]
struct NeedPart {
    limit: Option<u64>,
    burst: Option<u64>,
    key: String,
    at: u64,
}

#[derive(Serialize)]
struct RunPart {
    key: String,
    from: u64,
    seconds: f64,
}

/// Renders the summary as one JSON document with a line feed at its end.
pub fn render(summary: &Summary) -> Result<String, Failure> {
    let json = serde_json::to_string_pretty(&document(summary))
        .map_err(|error| Failure::work(format!("cannot render JSON: {error}")))?;
    Ok(json + "\n")
}

fn document(summary: &Summary) -> Document {
    let reading = &summary.reading;
    let (from, to) = summary.span();
    let damage = reading.damage.iter().map(|damage| DamagePart {
        source: damage.source.clone(),
        line: damage.line,
        reason: damage.reason.clone(),
    });
    Document {
        lines: reading.lines,
        skipped: reading.skipped,
        from: from / NS,
        to: to / NS,
        policies: summary.outcomes.iter().map(|outcome| policy_part(summary, outcome)).collect(),
        unkeyed: reading.unkeyed,
        late: reading.late,
        from_time: rfc3339(from),
        to_time: rfc3339(to),
        key: summary.key_field.clone(),
        unreadable: damage.collect(),
    }
}

fn policy_part(summary: &Summary, outcome: &Outcome) -> PolicyPart {
    PolicyPart {
        policy: outcome.policy.to_string(),
        admitted: outcome.admitted,
        denied: outcome.denied,
        keys: summary.keys,
        keys_denied: outcome.keys_denied,
        worst: outcome.worst.iter().map(key_part).collect(),
        share_denied: match outcome.requests() {
            0 => 0.0,
            requests => outcome.denied as f64 / requests as f64,
        },
        keys_are_lower_bounds: summary.others() > 0,
        other_keys: Counts { admitted: outcome.others.0, denied: outcome.others.1 },
        evicted: outcome.evicted,
        approximate: outcome.is_approximate(),
        busiest_minute: outcome.busiest_minute.map(span_part),
        busiest_hour: outcome.busiest_hour.map(span_part),
        peak: known(&outcome.peak).map(|peak| peak_part(outcome, peak)),
        denies_nobody: known(&outcome.needed).map(|needed| need_part(outcome, needed)),
        longest_run: known(&outcome.longest_run).map(run_part),
        longest_retry_after: outcome.longest_wait.as_secs_f64(),
    }
}

fn known(extreme: &Extreme) -> Option<&Extreme> {
    (extreme.amount > 0).then_some(extreme)
}

fn text(key: &[u8]) -> String {
    String::from_utf8_lossy(key).into_owned()
}

fn key_part(row: &KeyRow) -> KeyPart {
    KeyPart { key: text(&row.key), admitted: row.admitted, denied: row.denied }
}

fn span_part((denied, from): (u64, u64)) -> SpanPart {
    SpanPart { from: from / NS, denied }
}

fn peak_part(outcome: &Outcome, peak: &Extreme) -> PeakPart {
    PeakPart {
        key: text(&peak.key),
        requests: peak.amount,
        limit: outcome.policy.limit(),
        from: peak.since / NS,
        period: outcome.policy.period().as_secs_f64(),
    }
}

fn need_part(outcome: &Outcome, needed: &Extreme) -> NeedPart {
    let of = |name: &str| (outcome.deciding_number().0 == name).then_some(needed.amount);
    NeedPart { limit: of("limit"), burst: of("burst"), key: text(&needed.key), at: needed.since / NS }
}

fn run_part(run: &Extreme) -> RunPart {
    RunPart { key: text(&run.key), from: run.since / NS, seconds: Duration::from_nanos(run.amount).as_secs_f64() }
}
