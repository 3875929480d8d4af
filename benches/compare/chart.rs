//! The chart: a panel for each of the workloads that most programs have, a bar for each contender.

use crate::contenders::Who;
use crate::report::{Measured, Report};
use clap::ValueEnum;
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use std::error::Error;

const PANELS: [&str; 8] = [
    "uniform-1m",
    "uniform-1m-isolated",
    "uniform-1m-default",
    "batch-32-default",
    "str-uniform-1m",
    "hot",
    "deny-hot",
    "new-1m",
];
const SIZE: (u32, u32) = (1200, 1040);
const OURS: RGBColor = RGBColor(0x1f, 0x6f, 0xb4);
const OTHERS: RGBColor = RGBColor(0x9a, 0xa5, 0xb1);
const FLOOR: RGBColor = RGBColor(0x45, 0x4d, 0x57);
const FONT: &str = "sans-serif";

/// The chart as SVG.
pub fn svg(report: &Report) -> Result<String, Box<dyn Error>> {
    let mut text = String::new();
    {
        let area = SVGBackend::with_string(&mut text, SIZE).into_drawing_area();
        area.fill(&WHITE)?;
        let area = area.titled("ns per check: less is better", (FONT, 22))?;
        let panels = area.split_evenly((4, 2));
        for (panel, name) in panels.iter().zip(PANELS) {
            if let Some(measured) = report.workload(name) {
                draw(panel, measured)?;
            }
        }
        area.present()?;
    }
    Ok(text)
}

fn draw(panel: &DrawingArea<SVGBackend<'_>, Shift>, measured: &Measured) -> Result<(), Box<dyn Error>> {
    let bars: Vec<(Who, f64)> = Who::value_variants()
        .iter()
        .filter_map(|&who| Some((who, measured.figure(who)?.spread().median)))
        .collect();
    let longest = bars.iter().map(|(_, ns)| *ns).fold(0.0, f64::max);
    let count = bars.len() as f64;
    let mut chart = ChartBuilder::on(panel)
        .caption(&measured.about, (FONT, 16))
        .margin_right(60)
        .margin_bottom(8)
        .set_label_area_size(LabelAreaPosition::Left, 130)
        .build_cartesian_2d(0.0..longest, 0.0..count)?;
    let name = (FONT, 13).into_font().color(&BLACK).pos(Pos::new(HPos::Right, VPos::Center));
    let number = (FONT, 12).into_font().color(&BLACK).pos(Pos::new(HPos::Left, VPos::Center));
    for (row, &(who, ns)) in bars.iter().enumerate() {
        // From the top down.
        let middle = count - row as f64 - 0.5;
        chart.draw_series([Rectangle::new([(0.0, middle - 0.38), (ns, middle + 0.38)], color(who).filled())])?;
        chart.draw_series([EmptyElement::at((0.0, middle)) + Text::new(who.name(), (-6, 0), name.clone())])?;
        chart.draw_series([
            EmptyElement::at((ns, middle)) + Text::new(format!("{ns:.0}"), (5, 0), number.clone())
        ])?;
    }
    Ok(())
}

fn color(who: Who) -> RGBColor {
    match who {
        Who::Floor => FLOOR,
        who if who.is_ours() => OURS,
        _ => OTHERS,
    }
}
