//! Writing SVG: a few shapes and texts, always well-formed.

use std::fmt::{Display, Write};

/// Where a text stands relative to its x.
#[derive(Debug, Clone, Copy)]
pub enum Anchor {
    /// Begins there.
    Start,
    /// Is centred there.
    Middle,
    /// Ends there.
    End,
}

/// Place and looks of a text.
#[derive(Debug, Clone)]
pub struct Text {
    x: f64,
    y: f64,
    size: f64,
    anchor: Anchor,
    colour: &'static str,
    bold: bool,
    fixed_width: bool,
}

impl Text {
    /// A plain text that begins at `x` with its base line at `y`.
    pub fn new(x: f64, y: f64, size: f64) -> Self {
        Self { x, y, size, anchor: Anchor::Start, colour: super::INK, bold: false, fixed_width: false }
    }

    /// In bold.
    pub fn bold(mut self) -> Self {
        self.bold = true;
        self
    }

    /// In letters of equal width.
    pub fn fixed_width(mut self) -> Self {
        self.fixed_width = true;
        self
    }

    /// In this colour.
    pub fn colour(mut self, colour: &'static str) -> Self {
        self.colour = colour;
        self
    }

    /// Anchored elsewhere than at its start.
    pub fn anchor(mut self, anchor: Anchor) -> Self {
        self.anchor = anchor;
        self
    }
}

/// A picture under construction.
#[derive(Debug)]
pub struct Svg {
    out: String,
}

impl Svg {
    /// An empty picture on a light ground.
    pub fn new(width: f64, height: f64) -> Self {
        let mut svg = Self { out: String::new() };
        svg.add(format_args!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" \
             font-family=\"'Segoe UI', 'Helvetica Neue', 'DejaVu Sans', Arial, sans-serif\">"
        ));
        svg.rect(0.0, 0.0, width, height, "#ffffff");
        svg
    }

    /// A filled rectangle.
    pub fn rect(&mut self, x: f64, y: f64, width: f64, height: f64, colour: &str) {
        self.add(format_args!(
            "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" fill=\"{colour}\"/>"
        ));
    }

    /// Many filled rectangles (x, y, width, height) of one colour, as one shape.
    pub fn rects(&mut self, shapes: &[(f64, f64, f64, f64)], colour: &str) {
        let mut path = String::new();
        for (x, y, width, height) in shapes {
            let _ = write!(path, "M{x:.2} {y:.2}h{width:.2}v{height:.2}h-{width:.2}z");
        }
        if !path.is_empty() {
            self.add(format_args!("<path d=\"{path}\" fill=\"{colour}\"/>"));
        }
    }

    /// A thin line.
    pub fn line(&mut self, x1: f64, y1: f64, x2: f64, y2: f64, colour: &str) {
        self.add(format_args!(
            "<line x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\" stroke=\"{colour}\"/>"
        ));
    }

    /// A text; whatever characters it holds, the picture stays well-formed.
    pub fn text(&mut self, style: &Text, text: &str) {
        self.titled_text(style, text, None);
    }

    /// A text that shows `title` when pointed at.
    pub fn titled_text(&mut self, style: &Text, text: &str, title: Option<&str>) {
        let anchor = match style.anchor {
            Anchor::Start => "",
            Anchor::Middle => " text-anchor=\"middle\"",
            Anchor::End => " text-anchor=\"end\"",
        };
        let weight = if style.bold { " font-weight=\"600\"" } else { "" };
        let family = match style.fixed_width {
            true => " font-family=\"'SF Mono', Menlo, Consolas, 'DejaVu Sans Mono', monospace\"",
            false => "",
        };
        let title = title.map_or(String::new(), |title| format!("<title>{}</title>", escaped(title)));
        self.add(format_args!(
            "<text x=\"{:.1}\" y=\"{:.1}\" font-size=\"{}\" fill=\"{}\"{anchor}{weight}{family} xml:space=\"preserve\">{}{title}</text>",
            style.x,
            style.y,
            style.size,
            style.colour,
            escaped(text),
        ));
    }

    /// The finished document.
    pub fn finish(mut self) -> String {
        self.out.push_str("</svg>\n");
        self.out
    }

    fn add(&mut self, element: impl Display) {
        let _ = writeln!(self.out, "{element}");
    }
}

/// Text for XML: markup escaped, and characters that XML forbids replaced.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}
