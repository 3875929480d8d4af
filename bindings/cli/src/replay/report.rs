//! The replay as text, for people.

use std::fmt::Write;
use std::time::Duration;

use comfy_table::Table;

use super::summary::{KeyRow, Outcome, Summary};
use crate::table;
use crate::text::{counted, grouped, instant, lasting, percent, shortened, visible};

/// Keys are cut to this many characters in tables and sentences.
const KEY_WIDTH: usize = 60;

/// Renders the whole report.
pub fn render(summary: &Summary) -> String {
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _ = heading(&mut out, summary);
    let _ = writeln!(out, "\n{}", comparison(summary));
    for outcome in &summary.outcomes {
        let _ = details(&mut out, outcome);
    }
    let _ = caveats(&mut out, summary);
    out
}

fn heading(out: &mut String, summary: &Summary) -> std::fmt::Result {
    let reading = &summary.reading;
    let (from, to) = summary.span();
    let sources = match summary.sources.as_slice() {
        [one] => visible(one.as_bytes()),
        many => format!("{} logs", many.len()),
    };
    writeln!(
        out,
        "{sources}: {}, {} UTC to {} UTC ({})",
        counted(reading.lines, "line"),
        instant(from),
        instant(to),
        lasting(Duration::from_nanos(to - from))
    )?;
    let more = match summary.others() {
        0 => "",
        _ => "more than ",
    };
    write!(out, "limited by {}: {more}{}", visible(summary.key_field.as_bytes()), counted(summary.keys, "key"))?;
    if reading.unkeyed > 0 {
        write!(out, "; {} without a key, not limited (unkeyed)", counted(reading.unkeyed, "line"))?;
    }
    if reading.late > 0 {
        write!(out, "; {} earlier than one before, taken as they came", counted(reading.late, "line"))?;
    }
    writeln!(out)?;
    damage(out, summary)
}

fn damage(out: &mut String, summary: &Summary) -> std::fmt::Result {
    let reading = &summary.reading;
    if reading.skipped == 0 {
        return Ok(());
    }
    writeln!(out, "{} skipped as unreadable, the first of them:", counted(reading.skipped, "line"))?;
    for damage in &reading.damage {
        writeln!(
            out,
            "  {} line {}: {}",
            visible(damage.source.as_bytes()),
            damage.line,
            visible(damage.reason.as_bytes())
        )?;
    }
    Ok(())
}

/// All policies side by side.
fn comparison(summary: &Summary) -> Table {
    let mut table = table::titled(&[
        "policy",
        "admitted",
        "denied",
        "share denied",
        "keys denied",
        "peak of one key",
        "denies nobody",
        "longest wait",
    ]);
    for outcome in &summary.outcomes {
        let limit = outcome.policy.limit();
        table.add_row([
            outcome.policy.to_string(),
            grouped(outcome.admitted),
            grouped(outcome.denied),
            percent(outcome.denied, outcome.requests()),
            grouped(outcome.keys_denied),
            format!("{} of {}", grouped(outcome.peak.amount), grouped(limit)),
            denies_nobody(outcome),
            lasting(outcome.longest_wait),
        ]);
    }
    table
}

fn denies_nobody(outcome: &Outcome) -> String {
    let (name, _) = outcome.deciding_number();
    format!("{name} {}", grouped(outcome.needed.amount))
}

fn details(out: &mut String, outcome: &Outcome) -> std::fmt::Result {
    writeln!(out, "\n{}", outcome.policy)?;
    headroom(out, outcome)?;
    if outcome.denied == 0 {
        return writeln!(out, "  Nobody would have been denied.");
    }
    when(out, outcome)?;
    if outcome.worst.is_empty() {
        return Ok(());
    }
    let mut worst = table::titled(&["worst keys", "denied", "admitted", "share denied"]);
    for row in &outcome.worst {
        worst.add_row(key_row(row));
    }
    writeln!(out, "{worst}")
}

fn headroom(out: &mut String, outcome: &Outcome) -> std::fmt::Result {
    let (peak, needed) = (&outcome.peak, &outcome.needed);
    if peak.amount == 0 {
        return Ok(());
    }
    let period = lasting(outcome.policy.period());
    writeln!(
        out,
        "  Headroom: the busiest key made {} in one period of {period} (periods counted from the Unix epoch): {}, \
         from {} UTC; the limit is {}.",
        counted(peak.amount, "request"),
        name(&peak.key),
        instant(peak.since),
        grouped(outcome.policy.limit())
    )?;
    let (number, given) = outcome.deciding_number();
    writeln!(
        out,
        "  A {number} of {} would have denied nobody ({} needed the most, at {} UTC); given is {}.",
        grouped(needed.amount),
        name(&needed.key),
        instant(needed.since),
        grouped(given)
    )
}

fn when(out: &mut String, outcome: &Outcome) -> std::fmt::Result {
    if let (Some(minute), Some(hour)) = (outcome.busiest_minute, outcome.busiest_hour) {
        writeln!(
            out,
            "  Denials: at most {} in a minute ({} UTC) and {} in an hour ({} UTC).",
            grouped(minute.0),
            instant(minute.1),
            grouped(hour.0),
            instant(hour.1)
        )?;
    }
    let run = &outcome.longest_run;
    if run.amount > 0 {
        writeln!(
            out,
            "  Longest run of denials without an admission: {}, {} from {} UTC.",
            lasting(Duration::from_nanos(run.amount)),
            name(&run.key),
            instant(run.since)
        )?;
    }
    Ok(())
}

fn caveats(out: &mut String, summary: &Summary) -> std::fmt::Result {
    let others = summary.others();
    if others > 0 {
        writeln!(
            out,
            "\nMore keys than --max-keys {}: {} of further keys were limited but are counted together, so the numbers of \
             keys are lower bounds; raise --max-keys to tell them apart.",
            summary.max_keys,
            counted(others, "request")
        )?;
    }
    for outcome in summary.outcomes.iter().filter(|o| o.is_approximate()) {
        writeln!(
            out,
            "\n{}: the counts are approximate, as the limiter had to forget {}; raise --max-keys.",
            outcome.policy,
            counted(outcome.evicted, "live key")
        )?;
    }
    if summary.keys == 0 && summary.reading.unkeyed > 0 {
        writeln!(
            out,
            "\nNo line has a key for --key {}, so nothing was limited; try --key ip or --key field:NAME.",
            visible(summary.key_field.as_bytes())
        )?;
    }
    Ok(())
}

fn name(key: &[u8]) -> String {
    shortened(&visible(key), KEY_WIDTH)
}

fn key_row(row: &KeyRow) -> [String; 4] {
    [name(&row.key), grouped(row.denied), grouped(row.admitted), percent(row.denied, row.admitted + row.denied)]
}
