//! The keys hit most, as horizontal bars.

use super::svg::{Anchor, Svg, Text};
use super::{ADMITTED, Area, DENIED, FAINT_INK};
use crate::replay::summary::{KeyRow, Outcome};
use crate::text::{grouped, shortened, visible};

const MOST_ROWS: usize = 10;
const ROW: f64 = 22.0;
const LABEL_CHARACTERS: usize = 26;
/// Width of a character of the labels, in the widest of the usual fonts.
const CHARACTER_WIDTH: f64 = 7.2;
const COUNT_WIDTH: f64 = 112.0;
const TITLE_CHARACTERS: usize = 300;

/// Draws the keys of one policy into `area`: those denied most, or, if none was, those that asked most.
pub fn draw(svg: &mut Svg, outcome: &Outcome, area: Area) {
    let nobody = outcome.worst.is_empty();
    let (title, rows) = match nobody {
        true => ("Busiest keys (none was denied)", &outcome.busiest),
        false => ("Worst keys: denied of all requests", &outcome.worst),
    };
    let left_edge = area.left;
    svg.text(&Text::new(left_edge, area.top - 16.0, 13.0).bold(), title);
    let shown = &rows[..rows.len().min(MOST_ROWS)];
    let most = shown.iter().map(|row| row.admitted + row.denied).max();
    let longest = shown.iter().map(|row| visible(&row.key).chars().count());
    let labels = longest.max().unwrap_or(0).min(LABEL_CHARACTERS) as f64 * CHARACTER_WIDTH;
    for (at, row) in shown.iter().enumerate() {
        let place = Area {
            top: area.top + ROW * at as f64,
            left: area.left + labels,
            width: area.width - labels,
            height: ROW,
        };
        draw_row(svg, row, place, most.unwrap_or(1).max(1));
    }
}

/// Draws one key: its name to the left of `area`, its bar and counts inside.
fn draw_row(svg: &mut Svg, row: &KeyRow, area: Area, most: u64) {
    let y = area.top;
    let name = visible(&row.key);
    let label = Text::new(area.left, y + 13.5, 11.5);
    svg.titled_text(
        &label.anchor(Anchor::End).fixed_width(),
        &shortened(&name, LABEL_CHARACTERS),
        Some(&shortened(&name, TITLE_CHARACTERS)),
    );
    let bar = area.left + 10.0;
    let room = area.width - 10.0 - COUNT_WIDTH;
    let length_of = |count: u64| count as f64 / most as f64 * room;
    let (admitted, denied) = (length_of(row.admitted), length_of(row.denied));
    if row.admitted > 0 {
        svg.rect(bar, y + 2.0, admitted, ROW - 7.0, ADMITTED);
    }
    if row.denied > 0 {
        // However few were denied, the row is here for them.
        svg.rect(bar + admitted, y + 2.0, denied.max(1.5), ROW - 7.0, DENIED);
    }
    let all = grouped(row.admitted + row.denied);
    let count = match row.denied {
        0 => all,
        denied => format!("{} of {all}", grouped(denied)),
    };
    let place = Text::new(bar + admitted + denied.max(1.5) + 7.0, y + 13.5, 11.5);
    svg.text(&place.colour(FAINT_INK), &count);
}
