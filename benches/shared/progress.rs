//! How far a long run is: a line on standard error where that is a terminal, else nothing.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

/// A line for so many steps. The caller clears it before it prints.
pub fn progress(what: &str, steps: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("{msg} [{bar:30}] {pos}/{len}, {elapsed}")
        .expect("a template of indicatif's");
    let bar = ProgressBar::new(steps)
        .with_style(style)
        .with_message(what.to_owned());
    if !bar.is_hidden() {
        // The time goes on where a step takes long.
        bar.enable_steady_tick(Duration::from_secs(1));
    }
    bar
}
