//! Shell completions and manual pages, made from the command line's own definitions.

use std::path::Path;

use clap::CommandFactory;
use clap_mangen::Man;

use crate::cli::{self, Cli};
use crate::error::Failure;
use crate::output;

/// Prints the completion script of one shell.
pub fn completions(options: &cli::Completions) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(options.shell, &mut Cli::command(), "sluice", &mut script);
    output::print(script)
}

/// Prints the manual page of `sluice`, or writes the pages of all commands into a directory.
pub fn man(options: &cli::Man) -> Result<(), Failure> {
    match &options.out {
        Some(directory) => write_all(Path::new(directory)),
        None => output::print(page(Cli::command())?),
    }
}

fn write_all(directory: &Path) -> Result<(), Failure> {
    let failed =
        |path: &Path, error: std::io::Error| Failure::work(format!("cannot write {}: {error}", path.display()));
    std::fs::create_dir_all(directory).map_err(|error| failed(directory, error))?;
    let mut root = Cli::command();
    root.build();
    let mut pages = vec![("sluice".to_owned(), page(Cli::command())?)];
    for command in root.get_subcommands().filter(|c| c.get_name() != "help") {
        let name = format!("sluice-{}", command.get_name());
        let titled = command.clone().name(name.clone()).bin_name(format!("sluice {}", command.get_name()));
        pages.push((name, page(titled)?));
    }
    for (name, text) in pages {
        let path = directory.join(format!("{name}.1"));
        std::fs::write(&path, text).map_err(|error| failed(&path, error))?;
    }
    Ok(())
}

fn page(command: clap::Command) -> Result<Vec<u8>, Failure> {
    let mut text = Vec::new();
    Man::new(command)
        .render(&mut text)
        .map_err(|error| Failure::work(format!("cannot render the manual page: {error}")))?;
    Ok(text)
}
