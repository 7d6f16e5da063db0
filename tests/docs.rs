//! README.md, CONTRIBUTING.md and docs/: links lead somewhere, files and tests that are named exist, commands can
//! be run, code compiles, and each promise of the header has a test.
//!
//! Has a harness of its own, so that what needs an absent tool shows as ignored, with the reason.

#[path = "docs/commands.rs"]
mod commands;
#[path = "docs/languages.rs"]
mod languages;
#[path = "docs/names.rs"]
mod names;
#[path = "docs/pages.rs"]
mod pages;
#[path = "sandbox/process.rs"]
mod process;
#[path = "docs/promises.rs"]
mod promises;
mod support;

use libtest_mimic::Arguments;

fn main() {
    let mut trials = pages::trials();
    trials.extend(commands::trials());
    trials.extend(languages::trials());
    trials.extend(promises::trials());
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}
