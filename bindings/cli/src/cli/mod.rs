//! The command line: every option, its default and its help text.

mod clients;
mod serve;

use std::path::PathBuf;

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;
use sluicegate::Policy;

pub use self::clients::Clients;
pub use self::serve::{Answers, Check, KeysShown, Serve, Watch, WhenFull};
use crate::replay::log::{Format, KeyField};

/// Rate limiting from the command line: serve, replay, bench, inspect.
#[derive(Debug, Parser)]
#[command(name = "sluice", version, propagate_version = true, after_help = TOP_EXAMPLES)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The things `sluice` does.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Answer HTTP requests with 200 or 429, as the policies say; for proxies too
    Serve(Box<Serve>),
    /// Run access logs through policies: who would have been limited, when, and by how much
    Replay(Replay),
    /// Measure this machine: checks per second and bytes per key
    Bench(Bench),
    /// Show what a shared table holds: policy, live keys, counters, age
    Inspect(Inspect),
    /// Print a shell's completion script
    Completions(Completions),
    /// Print the manual page, or write all of them into a directory
    Man(Man),
}

/// Options of `sluice replay`.
#[derive(Debug, Args)]
#[command(after_help = REPLAY_EXAMPLES)]
pub struct Replay {
    /// Access logs, plain or gzip, in the order given; `-` or none reads standard input
    #[arg(value_name = "LOG")]
    pub logs: Vec<PathBuf>,

    /// A policy to try: ALGORITHM LIMIT/PERIOD [burst=N]; give it several times to compare
    #[arg(long = "policy", value_name = "TEXT", required = true, value_parser = parse_policy)]
    pub policies: Vec<Policy>,

    /// What to limit by: `ip`, `user`, `path` or `field:NAME`
    ///
    /// `path` leaves the query out. NAME is any field of a JSON line (a dotted path reaches inside: request.host); of
    /// common and combined lines it is host, user, method, path, status, referer or agent. Lines without a key (a user
    /// `-`, an absent field) are not limited, and counted as unkeyed.
    #[arg(long, value_name = "KEY", default_value = "ip", value_parser = KeyField::parse)]
    pub key: KeyField,

    /// How many bits of an IPv6 address count, with `--key ip`; 128 keeps addresses whole
    ///
    /// An IPv4-mapped IPv6 address counts as IPv4, as it does in `sluice serve`.
    #[arg(long, value_name = "BITS", default_value_t = 64, value_parser = clap::value_parser!(u8).range(1..=128))]
    pub ipv6_prefix: u8,

    /// Format of the lines; `auto` tells it for each line
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = Format::Auto)]
    pub format: Format,

    /// How many keys are told apart; further ones are limited as well, but counted together
    #[arg(long, value_name = "N", default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1..=u64::from(u32::MAX)))]
    pub max_keys: u64,

    /// How many of the worst keys to show
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub top: usize,

    /// Draw the replay as an SVG picture
    #[arg(long, value_name = "OUT.svg")]
    pub plot: Option<PathBuf>,

    /// Print the report as JSON
    #[arg(long)]
    pub json: bool,
}

/// Options of `sluice bench`.
#[derive(Debug, Args)]
#[command(after_help = BENCH_EXAMPLES)]
pub struct Bench {
    /// How many keys the spread-out checks are spread over
    #[arg(long, value_name = "N", default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1..=100_000_000))]
    pub keys: u64,

    /// How long to measure in all, about
    #[arg(long, value_name = "S", default_value_t = 10.0, value_parser = parse_seconds)]
    pub seconds: f64,

    /// How many threads to measure beside the single one [default: one for each core]
    #[arg(long, value_name = "T", value_parser = clap::value_parser!(u64).range(1..=1024))]
    pub threads: Option<u64>,

    /// The policy to measure: ALGORITHM LIMIT/PERIOD [burst=N]
    ///
    /// The default refills slowly, so that known keys stay live, and has room for all the checks of a round.
    #[arg(long, value_name = "TEXT", default_value = "token-bucket 1/10s burst=100000000", value_parser = parse_policy)]
    pub policy: Policy,

    /// Print the figures as JSON
    #[arg(long)]
    pub json: bool,
}

/// Options of `sluice inspect`.
#[derive(Debug, Args)]
#[command(after_help = INSPECT_EXAMPLES)]
pub struct Inspect {
    /// The table's file, which is only looked at
    pub path: PathBuf,

    /// Print what it holds as JSON
    #[arg(long)]
    pub json: bool,
}

/// Options of `sluice completions`.
#[derive(Debug, Args)]
#[command(after_help = COMPLETIONS_EXAMPLES)]
pub struct Completions {
    /// The shell to complete for
    pub shell: Shell,
}

/// Options of `sluice man`.
#[derive(Debug, Args)]
#[command(after_help = MAN_EXAMPLES)]
pub struct Man {
    /// Write sluice.1 and one page for each command into this directory
    #[arg(long, value_name = "DIR", value_parser = NonEmptyStringValueParser::new())]
    pub out: Option<String>,
}

/// Reads a policy text; the core's own error says what a right one looks like.
fn parse_policy(text: &str) -> Result<Policy, String> {
    text.parse().map_err(|error: sluicegate::Error| error.to_string())
}

fn parse_seconds(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(seconds) if (0.1..=3600.0).contains(&seconds) => Ok(seconds),
        _ => Err("expected a number of seconds from 0.1 to 3600".to_owned()),
    }
}

const TOP_EXAMPLES: &str = "\
Examples:
  sluice replay access.log --policy \"token-bucket 10/s burst=20\"
  sluice serve --policy \"sliding-window 100/60m\" --key header:X-Api-Key
  sluice bench

Policies:
  ALGORITHM LIMIT/PERIOD [burst=N], with units ns us ms s m h d, for example
    token-bucket 100/s burst=200     100 a second, up to 200 at once
    leaky-bucket 10/s burst=20       queued to leave at a constant rate
    fixed-window 5000/1h             resets at the top of the hour
    sliding-window 100/60m           over the last 60 minutes, by estimate

Exit codes: 0 done, 1 failed, 2 wrong usage.";

const REPLAY_EXAMPLES: &str = "\
Examples:
  sluice replay access.log --policy \"token-bucket 10/s burst=20\"
  sluice replay access.log.2.gz access.log.1 access.log \\
      --policy \"fixed-window 100/1m\" --policy \"sliding-window 100/1m\"
  zcat old.gz | sluice replay --policy \"leaky-bucket 5/s\" --key user --json
  sluice replay api.json --key field:request.headers.X-Api-Key \\
      --policy \"fixed-window 5000/1h\" --plot replay.svg

Lines are taken in file order, each at its own time. Common, combined and JSON
lines are read; a JSON line's time is looked for under names such as time,
timestamp, @timestamp, ts, msec or time_iso8601, and may be RFC 3339, Unix
seconds, ms, us or ns, or in the common log's form.";

const BENCH_EXAMPLES: &str = "\
Examples:
  sluice bench
  sluice bench --keys 10000000 --threads 4 --policy \"sliding-window 100/1m\"
  sluice bench --seconds 3 --json";

const INSPECT_EXAMPLES: &str = "\
Examples:
  sluice inspect /dev/shm/api.table
  sluice inspect /dev/shm/api.table --json

Times are UTC; the last use is known to a second. Keys themselves are not in a
table, only hashes of them.";

const COMPLETIONS_EXAMPLES: &str = "\
Examples:
  sluice completions bash > /etc/bash_completion.d/sluice
  sluice completions zsh > ~/.zfunc/_sluice
  sluice completions fish > ~/.config/fish/completions/sluice.fish";

const MAN_EXAMPLES: &str = "\
Examples:
  sluice man | man -l -
  sluice man --out /usr/local/share/man/man1";

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_definitions_are_consistent() {
        Cli::command().debug_assert();
    }
}
