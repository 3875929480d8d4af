//! `sluice`: rate limiting from the command line.

mod bench;
mod cli;
mod error;
mod inspect;
mod output;
mod pages;
mod replay;
mod serve;
mod table;
mod text;

use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;

use crate::cli::{Cli, Command};
use crate::error::Failure;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

fn run() -> Result<(), Failure> {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return answer(&error),
    };
    match &cli.command {
        Command::Serve(options) => serve::run(options),
        Command::Replay(options) => replay::run(options),
        Command::Bench(options) => bench::run(options),
        Command::Inspect(options) => inspect::run(options),
        Command::Completions(options) => pages::completions(options),
        Command::Man(options) => pages::man(options),
    }
}

/// Help and version are answers; everything else is wrong usage.
fn answer(error: &clap::Error) -> Result<(), Failure> {
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => output::print(error.render().to_string()),
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            Err(Failure::Usage("no command given; try 'sluice --help'".to_owned()))
        }
        _ => Err(Failure::Usage(one_line(&error.render().to_string()))),
    }
}

/// Folds clap's paragraph into one line that ends in the way out.
fn one_line(paragraph: &str) -> String {
    let told: Vec<&str> = paragraph
        .lines()
        .map(str::trim)
        .take_while(|line| !line.starts_with("Usage:") && !line.starts_with("For more information"))
        .filter(|line| !line.is_empty())
        .collect();
    let told = told.join(" ");
    let told = told.strip_prefix("error: ").unwrap_or(&told);
    format!("{told}; try '--help'")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrong_usage_is_told_in_one_line() {
        let paragraph = "error: the following required arguments were not provided:\n  --policy <TEXT>\n\nUsage: sluice replay --policy <TEXT> [LOG]...\n\nFor more information, try '--help'.\n";
        assert_eq!(
            one_line(paragraph),
            "the following required arguments were not provided: --policy <TEXT>; try '--help'"
        );
    }
}
