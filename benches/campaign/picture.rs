//! The campaign as a picture for README.md and docs/reliability.md: a row of bars for each client.

use std::error::Error;

use plotters::coord::ranged1d::SegmentValue;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

/// What is drawn of a client.
#[derive(Clone, Debug)]
pub struct Bars {
    pub name: String,
    /// One for each of [`PANELS`].
    pub counts: [usize; PANELS.len()],
}

/// What is counted, and its colour: each has enough contrast on white and on near black.
pub const PANELS: [(&str, RGBColor); 3] = [
    ("rang twice", RGBColor(0xd5, 0x5e, 0x00)),
    ("wrong result", RGBColor(0xb0, 0x6a, 0xb3)),
    ("result unknown", RGBColor(0x3b, 0x82, 0xc4)),
];

const NAMES: u32 = 270;
const PANEL: u32 = 200;
const ROW: u32 = 34;
const HEAD: u32 = 40;
/// plotters writes four fifths of it into the file.
const TEXT: i32 = 17;

/// What plotters cannot say: text takes the reader's colour, also where the page is dark.
const STYLE: &str = "text{fill:#1f2328}\
    @media (prefers-color-scheme:dark){text{fill:#e6edf3}}";

/// An SVG. The same figures give the same bytes.
///
/// # Errors
///
/// Those of plotters.
pub fn draw(calls: usize, clients: &[Bars]) -> Result<String, Box<dyn Error>> {
    let mut svg = String::new();
    let rows = u32::try_from(clients.len())?;
    let size = (
        NAMES + PANEL * u32::try_from(PANELS.len())?,
        2 * HEAD + ROW * rows,
    );
    {
        let root = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        let (head, body) = root.split_vertically(HEAD);
        let title = ("sans-serif", TEXT + 3).into_font().into_text_style(&head);
        head.draw_text(&title_of(calls), &title, (8, 12))?;
        let mut left = 0;
        for (panel, (what, color)) in PANELS.into_iter().enumerate() {
            let names = if panel == 0 { NAMES } else { 8 };
            let width = PANEL + if panel == 0 { NAMES } else { 0 };
            let area = body.clone().shrink((left, 0), (width, HEAD + ROW * rows));
            left += width;
            draw_panel(&area, names, what, color, &count(clients, panel), clients)?;
        }
        root.present()?;
    }
    let (open, rest) = svg.split_once('>').ok_or("no element")?;
    let title = escape(&title_of(calls));
    let text = escape(&describe(clients));
    Ok(format!(
        "{open} role=\"img\">\n<title>{title}</title>\n<desc>{text}</desc>\n<style>{STYLE}</style>{rest}"
    ))
}

/// The title, which is also what a reader hears who does not see the picture.
pub fn title_of(calls: usize) -> String {
    format!(
        "Of {} calls through a faulty network, with each client",
        grouped(calls)
    )
}

/// The same as the picture in words.
pub fn describe(clients: &[Bars]) -> String {
    let of_each = clients.iter().map(|client| {
        let counts = PANELS.iter().zip(client.counts);
        let counts: Vec<_> = counts
            .map(|((what, _), count)| format!("{what} {}", grouped(count)))
            .collect();
        format!("{}: {}.", client.name, counts.join(", "))
    });
    of_each.collect::<Vec<_>>().join(" ")
}

/// With commas between the thousands.
pub fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn count(clients: &[Bars], panel: usize) -> Vec<usize> {
    clients.iter().map(|client| client.counts[panel]).collect()
}

type Area<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;

fn draw_panel(
    area: &Area<'_>,
    names: u32,
    what: &str,
    color: RGBColor,
    counts: &[usize],
    clients: &[Bars],
) -> Result<(), Box<dyn Error>> {
    let most = counts.iter().copied().max().unwrap_or(0).max(1);
    // Room for the number at the end of the longest bar.
    let width = most as f64 * 1.6;
    // The axis goes up, and the first client stands on top.
    let rows = counts.len();
    let row = |client: usize| rows - 1 - client;
    let caption = ("sans-serif", TEXT).into_text_style(area);
    area.draw_text(what, &caption, (i32::try_from(names)?, 8))?;
    let mut chart = ChartBuilder::on(area)
        .y_label_area_size(names)
        .margin_top(HEAD - 8)
        .margin_bottom(8)
        .build_cartesian_2d(0.0..width, (0..rows - 1).into_segmented())?;
    let name = |place: &SegmentValue<usize>| match place {
        SegmentValue::CenterOf(place) => clients[row(*place)].name.clone(),
        _ => String::new(),
    };
    if names == NAMES {
        chart
            .configure_mesh()
            .disable_mesh()
            .disable_x_axis()
            .axis_style(TRANSPARENT)
            .y_labels(rows)
            .y_label_formatter(&name)
            .label_style(("sans-serif", TEXT))
            .draw()?;
    }
    let bar = |(client, count): (usize, &usize)| {
        let (low, high) = (row(client), row(client) + 1);
        let corners = [
            (0.0, SegmentValue::Exact(low)),
            (*count as f64, SegmentValue::Exact(high)),
        ];
        let mut bar = Rectangle::new(corners, color.filled());
        bar.set_margin(6, 6, 0, 0);
        bar
    };
    chart.draw_series(counts.iter().enumerate().map(bar))?;
    let style = ("sans-serif", TEXT)
        .into_text_style(area)
        .pos(Pos::new(HPos::Left, VPos::Center));
    let number = |(client, count): (usize, &usize)| {
        let at = (
            *count as f64 + width / 40.0,
            SegmentValue::CenterOf(row(client)),
        );
        Text::new(grouped(*count), at, style.clone())
    };
    chart.draw_series(counts.iter().enumerate().map(number))?;
    Ok(())
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
