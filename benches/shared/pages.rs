//! What a run writes into the pages that have its figures, and tables in Markdown.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::Path;

/// Replaces what is between `<!-- NAME:begin -->` and `<!-- NAME:end -->` in this file.
///
/// # Errors
///
/// Where the file has no such marks, or cannot be written.
pub fn write_between(file: &Path, name: &str, text: &str) -> io::Result<()> {
    let (begin, end) = (
        format!("<!-- {name}:begin -->"),
        format!("<!-- {name}:end -->"),
    );
    let replaced = fs::read_to_string(file)?
        .split_once(&begin)
        .and_then(|(before, rest)| Some((before, rest.split_once(&end)?.1)))
        .map(|(before, after)| format!("{before}{begin}\n{text}{end}{after}"))
        .ok_or_else(|| io::Error::other(format!("no {begin} and {end}")))?;
    fs::write(file, replaced)
}

/// A table in Markdown that can be read as it is, too. None where there are no rows.
pub fn table(head: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let rows: Vec<Vec<String>> = rows.collect();
    if rows.is_empty() {
        return String::new();
    }
    let head: Vec<String> = head.iter().map(|cell| (*cell).to_owned()).collect();
    let widths: Vec<usize> = (0..head.len())
        .map(|column| {
            let cells = rows.iter().chain([&head]).map(|row| row[column].len());
            cells.max().unwrap_or(0).max(3)
        })
        .collect();
    let rule: Vec<String> = widths.iter().map(|width| "-".repeat(*width)).collect();
    let mut text = String::new();
    for row in [&head, &rule].into_iter().chain(&rows) {
        for (cell, width) in row.iter().zip(&widths) {
            let _ = write!(text, "| {cell:width$} ");
        }
        text.push_str("|\n");
    }
    text
}
