//! The replay as an SVG picture: for each policy what happened over time, and to whom.

mod axis;
mod over_time;
mod svg;
mod worst;

use self::svg::{Anchor, Svg, Text};
use super::summary::{Outcome, Summary};
use crate::text::{counted, grouped, instant, percent, shortened, visible};

/// Blue and vermilion of Okabe and Ito's palette: told apart with every kind of colour blindness, and in grey.
const ADMITTED: &str = "#7fb2d6";
const DENIED: &str = "#d55e00";
const INK: &str = "#1f2933";
const FAINT_INK: &str = "#5c6773";
const GRID: &str = "#e3e7eb";

const WIDTH: f64 = 1200.0;
const MARGIN: f64 = 32.0;
const HEAD: f64 = 84.0;
const PANEL: f64 = 366.0;

/// A rectangle to draw into.
#[derive(Debug, Clone, Copy)]
struct Area {
    left: f64,
    top: f64,
    width: f64,
    height: f64,
}

impl Area {
    fn right(&self) -> f64 {
        self.left + self.width
    }

    fn bottom(&self) -> f64 {
        self.top + self.height
    }
}

/// Draws the whole picture.
pub fn draw(summary: &Summary) -> String {
    let height = HEAD + PANEL * summary.outcomes.len() as f64 + 8.0;
    let mut svg = Svg::new(WIDTH, height);
    head(&mut svg, summary);
    for (at, outcome) in summary.outcomes.iter().enumerate() {
        panel(&mut svg, summary, outcome, HEAD + PANEL * at as f64);
    }
    svg.finish()
}

fn head(svg: &mut Svg, summary: &Summary) {
    let sources = match summary.sources.as_slice() {
        [one] => shortened(&visible(one.as_bytes()), 80),
        many => format!("{} logs", many.len()),
    };
    let (from, to) = summary.span();
    svg.text(&Text::new(MARGIN, 40.0, 20.0).bold(), &format!("Replay of {sources}"));
    let mut line = format!(
        "{} from {} to {} UTC, limited by {}: {}",
        counted(summary.reading.lines, "line"),
        instant(from),
        instant(to),
        shortened(&visible(summary.key_field.as_bytes()), 40),
        counted(summary.keys, "key")
    );
    for (count, what) in [(summary.reading.skipped, "skipped"), (summary.reading.unkeyed, "unkeyed")] {
        if count > 0 {
            line += &format!(", {} {what}", grouped(count));
        }
    }
    svg.text(&Text::new(MARGIN, 63.0, 13.0).colour(FAINT_INK), &line);
}

fn panel(svg: &mut Svg, summary: &Summary, outcome: &Outcome, top: f64) {
    svg.line(MARGIN, top, WIDTH - MARGIN, top, GRID);
    svg.text(&Text::new(MARGIN, top + 32.0, 16.0).bold(), &outcome.policy.to_string());
    let verdict = format!(
        "{} admitted, {} denied ({}); {} of {} denied at least once",
        grouped(outcome.admitted),
        grouped(outcome.denied),
        percent(outcome.denied, outcome.requests()),
        grouped(outcome.keys_denied),
        counted(summary.keys, "key")
    );
    svg.text(&Text::new(MARGIN, top + 53.0, 13.0).colour(FAINT_INK), &verdict);
    legend(svg, top + 31.0);
    let body = Area { left: MARGIN + 48.0, top: top + 92.0, width: 600.0, height: 214.0 };
    over_time::draw(svg, &outcome.series, body);
    let beside = Area { left: body.right() + 48.0, width: WIDTH - MARGIN - body.right() - 48.0, ..body };
    worst::draw(svg, outcome, beside);
}

fn legend(svg: &mut Svg, y: f64) {
    let mut x = WIDTH - MARGIN;
    for (name, colour) in [("denied", DENIED), ("admitted", ADMITTED)] {
        svg.text(&Text::new(x, y, 13.0).anchor(Anchor::End).colour(INK), name);
        x -= 7.4 * name.len() as f64 + 20.0;
        svg.rect(x, y - 11.0, 12.0, 12.0, colour);
        x -= 18.0;
    }
}

#[cfg(test)]
mod tests;
