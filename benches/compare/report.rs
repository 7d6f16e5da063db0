//! What was measured, as tables in Markdown.

use std::fmt::Write as _;

use crate::pages::table;
use crate::stats::Summary;
use crate::worker::Contender;

/// A figure over several turns; or why there is none.
pub type Measured = Result<Summary, String>;

/// What a ratio is to be.
#[derive(Clone, Copy, Debug)]
pub enum Target {
    AtMost(f64),
    AtLeast(f64),
    /// It is only told.
    None,
}

struct Row {
    what: String,
    target: Target,
    digits: usize,
    measured: Measured,
    /// What the floor comes to in the library's place.
    floor: Option<Measured>,
}

impl Row {
    fn verdict(&self) -> &'static str {
        let Ok(summary) = &self.measured else {
            return "";
        };
        // As it is shown: the noise is larger than what is rounded away.
        let scale = 10_f64.powi(self.digits.try_into().unwrap_or(0));
        let shown = (summary.median * scale).round() / scale;
        match self.target {
            Target::AtMost(limit) if shown <= limit => "met",
            Target::AtLeast(limit) if shown >= limit => "met",
            Target::None => "",
            _ => "**not met**",
        }
    }
}

struct Figure {
    what: String,
    digits: usize,
    measured: [Measured; Contender::ALL.len()],
}

/// A figure of the library in another language, of what is beside it there, and the ratio.
struct InLanguage {
    what: String,
    digits: usize,
    measured: [Measured; 3],
}

/// Everything that was measured.
#[derive(Default)]
pub struct Report {
    /// Sentences about the machine and the run.
    pub notes: Vec<String>,
    /// What was measured in C and in Rust.
    pub clients: String,
    language_clients: Vec<String>,
    languages: Vec<InLanguage>,
    rows: Vec<Row>,
    figures: Vec<Figure>,
}

impl Report {
    /// A ratio, or another figure of the library's, to be held against a target.
    pub fn row(&mut self, what: &str, target: Target, digits: usize, measured: Measured) {
        self.rows.push(Row {
            what: what.to_owned(),
            target,
            digits,
            measured,
            floor: None,
        });
    }

    /// What the floor comes to in the last row.
    pub fn beside_floor(&mut self, measured: Measured) {
        if let Some(row) = self.rows.last_mut() {
            row.floor = Some(measured);
        }
    }

    /// A figure of each contender, in the order of [`Contender::ALL`].
    pub fn figure(&mut self, what: &str, digits: usize, measured: [Measured; 3]) {
        self.figures.push(Figure {
            what: what.to_owned(),
            digits,
            measured,
        });
    }

    /// A client that was measured in another language.
    pub fn language_client(&mut self, version: String) {
        if !self.language_clients.contains(&version) {
            self.language_clients.push(version);
        }
    }

    /// A figure of the library in another language, of what is beside it there, and the ratio.
    pub fn language(&mut self, what: &str, digits: usize, measured: [Measured; 3]) {
        self.languages.push(InLanguage {
            what: what.to_owned(),
            digits,
            measured,
        });
    }

    /// What was measured in other languages. None where nothing was.
    pub fn languages_markdown(&self) -> Option<String> {
        let rows = self.languages.iter().map(|row| {
            let [itnio, other, ratio] = &row.measured;
            vec![
                row.what.clone(),
                // The figures beside it say why there is none.
                ratio
                    .as_ref()
                    .map(|ratio| format!("{ratio:.2}"))
                    .unwrap_or_default(),
                show(itnio, row.digits),
                show(other, row.digits),
            ]
        });
        let head = ["", "ratio", "libitnio", "the other"];
        let heading = self.heading(&self.language_clients.join("; "));
        (!self.languages.is_empty()).then(|| format!("{heading}\n{}", table(&head, rows)))
    }

    /// The sentences above a table.
    fn heading(&self, clients: &str) -> String {
        let mut text = String::new();
        for note in &self.notes {
            let _ = writeln!(text, "{note}");
        }
        let _ = writeln!(text, "The clients: {clients}.");
        text
    }

    /// What was measured in C and in Rust. None where nothing was.
    pub fn markdown(&self) -> Option<String> {
        if self.rows.is_empty() && self.figures.is_empty() {
            return None;
        }
        let rows = self.rows.iter().map(|row| {
            let target = match row.target {
                Target::AtMost(limit) => format!("at most {limit}"),
                Target::AtLeast(limit) => format!("at least {limit}"),
                Target::None => String::new(),
            };
            vec![
                row.what.clone(),
                target,
                show(&row.measured, row.digits),
                row.verdict().to_owned(),
                match &row.floor {
                    Some(Ok(floor)) => format!("{:.1$}", floor.median, row.digits),
                    _ => String::new(),
                },
            ]
        });
        let figures = self.figures.iter().map(|figure| {
            let measured = figure.measured.iter();
            [figure.what.clone()]
                .into_iter()
                .chain(measured.map(|measured| show(measured, figure.digits)))
                .collect()
        });
        let names = Contender::ALL.map(Contender::name);
        let text = format!(
            "{}\n{}\n{}",
            self.heading(&self.clients),
            table(&["libitnio", "target", "measured", "", "the floor's"], rows),
            table(&["", names[0], names[1], names[2]], figures),
        );
        Some(text)
    }
}

fn show(measured: &Measured, digits: usize) -> String {
    match measured {
        Ok(summary) => format!("{summary:.digits$}"),
        Err(why) => format!("not measured: {why}"),
    }
}
