//! examples/python: the package is built as for publishing, installed from its wheel in a virtual environment
//! without a network, and tested from there; and its types are what mypy finds in it.

#[path = "runner/make.rs"]
mod make;
mod support;

use std::path::Path;

use libtest_mimic::Arguments;
use support::c::{LIMIT, command, run};
use support::{require, root};

fn main() {
    let trials = vec![
        make::trial_if("python", "test", || {
            require::require("make").and_then(|()| python())
        }),
        make::trial_if("python", "types", || {
            require::require("make")
                .and_then(|()| require::require("mypy"))
                .and_then(|()| python())
        }),
    ];
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}

/// Whether there is a Python with what builds a package.
fn python() -> Result<(), String> {
    let mut make = command(Path::new("make"));
    make.args(["--silent", "tools", "-C"])
        .arg(root().join("examples/python"));
    let output = run(make, LIMIT);
    match output.code {
        Some(0) => Ok(()),
        _ => Err(output.stdout.trim().to_owned()),
    }
}
