//! The figures that are checked in: what was measured, and the chart and tables made from it.

use crate::chart;
use crate::report::{Machine, Report};
use crate::tables;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

/// A file of this package.
fn here(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// Writes the figures, the chart, and the tables into the READMEs.
pub fn publish(report: &Report) -> Result<(), Box<dyn Error>> {
    fs::write(here("figures.json"), json(report)?)?;
    for (file, text) in made_from(report)? {
        fs::write(file, text)?;
    }
    Ok(())
}

/// The figures as JSON.
pub fn json(report: &Report) -> Result<String, serde_json::Error> {
    // A line for each workload and each process: what changes between two runs can be read.
    let line = |value: serde_json::Value| format!("  {value}");
    let list = |values: Vec<String>| values.join(",\n");
    let lines = |values: serde_json::Value| match values {
        serde_json::Value::Array(values) => list(values.into_iter().map(line).collect()),
        other => other.to_string(),
    };
    Ok(format!(
        "{{\n\"effort\": {},\n\"machine\": {},\n\"workloads\": [\n{}\n],\n\"memory\": [\n{}\n]\n}}\n",
        serde_json::to_string(&report.effort)?,
        serde_json::to_string(&report.machine)?,
        lines(serde_json::to_value(&report.workloads)?),
        lines(serde_json::to_value(&report.memory)?),
    ))
}

/// What is checked in and made from figures, as it would be made from these.
fn made_from(report: &Report) -> Result<Vec<(PathBuf, String)>, Box<dyn Error>> {
    let Machine { processor, threads, system, huge_pages } = &report.machine;
    let machine =
        format!("A {} run on {processor}, {threads} threads, {system}, huge pages: {huge_pages}", report.effort);
    let with = |file: PathBuf, chart: &str, text: String| -> Result<(PathBuf, String), Box<dyn Error>> {
        let whole = fs::read_to_string(&file)?;
        let text = format!("![ns per check of each contender in eight workloads]({chart})\n\n{text}");
        Ok((file, replaced(&whole, &format!("{machine}:\n\n{text}"))?))
    };
    Ok(vec![
        (here("figures.svg"), chart::svg(report)?),
        with(here("README.md"), "figures.svg", tables::all(report))?,
        with(here("../README.md"), "benches/figures.svg", tables::summary(report))?,
    ])
}

const BEGIN: &str =
    "<!-- figures: written by `cargo bench --package sluicegate-bench --bench compare -- --publish` -->\n";
const END: &str = "<!-- end of the figures -->\n";
/// What is between them before the first run.
const NONE: &str = "There are no figures yet.";

/// The text with other figures between the two marks.
fn replaced(text: &str, figures: &str) -> Result<String, Box<dyn Error>> {
    let (before, rest) = text.split_once(BEGIN).ok_or("no mark where the figures begin")?;
    let (_, after) = rest.split_once(END).ok_or("no mark where the figures end")?;
    Ok(format!("{before}{BEGIN}{figures}\n{END}{after}"))
}

/// Nothing that was made from the figures has been changed by hand.
pub fn check() -> Result<(), Box<dyn Error>> {
    if !here("figures.json").exists() {
        let made = [here("README.md"), here("../README.md")];
        let has_none = |file: &PathBuf| fs::read_to_string(file).is_ok_and(|text| text.contains(NONE));
        return if made.iter().all(has_none) {
            Ok(())
        } else {
            Err("there are tables, but no figures.json".into())
        };
    }
    let figures: Report = serde_json::from_str(&fs::read_to_string(here("figures.json"))?)?;
    for (file, text) in made_from(&figures)? {
        if fs::read_to_string(&file)? != text {
            let name = file.display();
            return Err(format!("{name} is not what figures.json makes: run the bench with `--redraw`").into());
        }
    }
    Ok(())
}

/// Makes all that is made from the figures from those that are checked in.
pub fn redraw() -> Result<(), Box<dyn Error>> {
    publish(&serde_json::from_str(&fs::read_to_string(here("figures.json"))?)?)
}
