//! `sluice replay`: what policies would have done to the traffic of an access log.

mod addresses;
mod demand;
mod engine;
mod input;
mod json;
mod keys;
mod lines;
pub mod log;
mod plot;
mod progress;
mod report;
mod series;
mod summary;
mod tally;

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use self::addresses::Addresses;
use self::engine::Replay;
use self::input::Source;
use self::lines::Lines;
use self::progress::Progress;
use self::summary::Summary;
use crate::error::Failure;
use crate::text::counted;
use crate::{cli, output};

/// Runs the logs through the policies and tells what came of it.
pub fn run(options: &cli::Replay) -> Result<(), Failure> {
    let sources = Source::all(&options.logs)?;
    let total = total_size(&sources)?;
    let addresses = Addresses::of(&options.key, options.ipv6_prefix);
    let addresses = addresses.map_err(|error| Failure::work(error.to_string()))?;
    let mut replay = Replay::new(&options.policies, &options.key, addresses, options.format, options.max_keys)?;
    let read = read_all(&mut replay, &sources, total);
    if replay.reading.span.is_none() {
        return Err(read.err().unwrap_or_else(|| nothing_readable(&replay)));
    }
    // A log that breaks off is still told up to there; the exit code says that it broke.
    tell(replay, options, &sources)?;
    read
}

fn read_all(replay: &mut Replay, sources: &[Source], total: Option<u64>) -> Result<(), Failure> {
    let consumed = Arc::new(AtomicU64::new(0));
    let progress = Progress::new(total, &consumed);
    let read = sources.iter().try_for_each(|source| {
        let name = source.name();
        let before = replay.reading.lines;
        let lines = Lines::new(source.open(&consumed)?);
        replay.run(&name, lines, &progress).map_err(|error| {
            let read = replay.reading.lines - before;
            Failure::work(format!("cannot read {name} beyond line {read}: {error}"))
        })
    });
    progress.finish();
    read
}

fn tell(replay: Replay, options: &cli::Replay, sources: &[Source]) -> Result<(), Failure> {
    let names: Vec<String> = sources.iter().map(Source::name).collect();
    let summary = Summary::new(replay, &options.key, options.top, options.max_keys, names);
    if let Some(path) = &options.plot {
        std::fs::write(path, plot::draw(&summary))
            .map_err(|error| Failure::work(format!("cannot write {}: {error}", path.display())))?;
    }
    let told = match options.json {
        true => json::render(&summary)?,
        false => report::render(&summary),
    };
    output::print(told)
}

/// The size of all sources together, if every one has a known size.
fn total_size(sources: &[Source]) -> Result<Option<u64>, Failure> {
    let sizes = sources.iter().map(Source::size).collect::<Result<Vec<_>, _>>()?;
    Ok(sizes.into_iter().sum())
}

fn nothing_readable(replay: &Replay) -> Failure {
    let reading = &replay.reading;
    let Some(first) = reading.damage.first() else {
        return Failure::work("the log is empty; expected common, combined or JSON access-log lines");
    };
    Failure::work(format!(
        "no readable line in {}; {} line {}: {}",
        counted(reading.lines, "line"),
        first.source,
        first.line,
        first.reason
    ))
}
