//! Admitted and denied requests over time, stacked.

use super::axis::{count_marks, time_marks, unit};
use super::svg::{Anchor, Svg, Text};
use super::{ADMITTED, Area, DENIED, FAINT_INK, GRID, INK};
use crate::replay::series::Series;
use crate::text::grouped;

/// A short log is drawn in the middle of a span of this many buckets, so that one second does not fill the picture.
const FEWEST_BUCKETS: u64 = 24;
const MOST_TIME_MARKS: u64 = 8;

/// What the horizontal axis spans, in Unix nanoseconds.
struct Span {
    from: u64,
    to: u64,
}

/// Draws one policy's series into `area`.
pub fn draw(svg: &mut Svg, series: &Series, area: Area) {
    let title = format!("Requests per {}", unit(series.width()));
    svg.text(&Text::new(area.left - 48.0, area.top - 16.0, 13.0).bold(), &title);
    let buckets = series.buckets();
    let highest = buckets.iter().map(|b| b.admitted + b.denied).max();
    let marks = count_marks(highest.unwrap_or(0));
    let top = marks.last().copied().unwrap_or(1).max(1);
    count_axis(svg, area, &marks, top);
    if buckets.is_empty() {
        let middle = Text::new(area.left + area.width / 2.0, area.top + 100.0, 13.0);
        svg.text(&middle.anchor(Anchor::Middle).colour(FAINT_INK), "No line had a key: nothing was limited");
        return;
    }
    let span = span_of(series);
    time_axis(svg, area, &span);
    bars(svg, series, area, &span, top);
    svg.line(area.left, area.bottom(), area.right(), area.bottom(), FAINT_INK);
}

fn span_of(series: &Series) -> Span {
    let count = series.buckets().len() as u64;
    let missing = FEWEST_BUCKETS.saturating_sub(count);
    let from = series.start().saturating_sub(missing / 2 * series.width());
    let length = count.max(FEWEST_BUCKETS).saturating_mul(series.width());
    Span { from, to: from.saturating_add(length) }
}

fn x_of(area: Area, span: &Span, at: u64) -> f64 {
    let share = at.saturating_sub(span.from) as f64 / (span.to - span.from) as f64;
    area.left + share * area.width
}

fn count_axis(svg: &mut Svg, area: Area, marks: &[u64], top: u64) {
    for mark in marks {
        let y = area.bottom() - *mark as f64 / top as f64 * area.height;
        svg.line(area.left, y, area.right(), y, GRID);
        svg.text(
            &Text::new(area.left - 8.0, y + 4.0, 11.5).anchor(Anchor::End).colour(FAINT_INK),
            &short_count(*mark),
        );
    }
}

/// Counts that are too long for the axis are told in thousands, millions or billions.
fn short_count(count: u64) -> String {
    match count {
        0..100_000 => grouped(count),
        100_000..10_000_000 => format!("{}k", grouped(count / 1_000)),
        10_000_000..10_000_000_000 => format!("{}M", grouped(count / 1_000_000)),
        _ => format!("{}G", grouped(count / 1_000_000_000)),
    }
}

fn time_axis(svg: &mut Svg, area: Area, span: &Span) {
    for mark in time_marks(span.from, span.to, MOST_TIME_MARKS) {
        let x = x_of(area, span, mark.at);
        svg.line(x, area.bottom(), x, area.bottom() + 5.0, FAINT_INK);
        let label = Text::new(x, area.bottom() + 19.0, 11.5).anchor(Anchor::Middle);
        svg.text(&label.colour(INK), &mark.label);
        if let Some(below) = mark.below {
            let label = Text::new(x, area.bottom() + 34.0, 11.5).anchor(Anchor::Middle);
            svg.text(&label.colour(FAINT_INK), &format!("{below} UTC"));
        }
    }
}

fn bars(svg: &mut Svg, series: &Series, area: Area, span: &Span, top: u64) {
    let slot = series.width() as f64 / (span.to - span.from) as f64 * area.width;
    let width = if slot > 4.0 { slot - 1.0 } else { slot };
    let height_of = |count: u64| count as f64 / top as f64 * area.height;
    let (mut admitted, mut denied) = (Vec::new(), Vec::new());
    for (at, bucket) in (0_u64..).zip(series.buckets()) {
        let begin = series.start().saturating_add(at * series.width());
        let x = x_of(area, span, begin);
        let (low, high) = (height_of(bucket.admitted), height_of(bucket.denied));
        if bucket.admitted > 0 {
            admitted.push((x, area.bottom() - low, width, low));
        }
        if bucket.denied > 0 {
            denied.push((x, area.bottom() - low - high, width, high));
        }
    }
    svg.rects(&admitted, ADMITTED);
    svg.rects(&denied, DENIED);
}
