//! The tests of an example, by its own Makefile.
#![allow(dead_code, reason = "each test program uses one of the two")]

use std::path::Path;
use std::time::Duration;

use libtest_mimic::Trial;

use crate::support::c::{command, run};
use crate::support::library::remove_package_variables;
use crate::support::{require, root};

/// Enough for a release build from nothing, a debug build and a language's standard library, on a slow and
/// busy machine.
const LIMIT: Duration = Duration::from_secs(1800);

/// `make -C examples/EXAMPLE TARGET`, in a build directory of its own; see [`require::trial`] for the
/// tools. The directory is the same in every run: Go's cache stores what pkg-config printed for it.
pub fn trial(example: &'static str, target: &'static str, tools: &'static [&'static str]) -> Trial {
    let all_installed = move || tools.iter().try_for_each(|tool| require::require(tool));
    trial_if(example, target, all_installed)
}

/// The same for any condition.
pub fn trial_if(
    example: &'static str,
    target: &'static str,
    condition: impl FnOnce() -> Result<(), String> + Send + 'static,
) -> Trial {
    require::trial_if(format!("make_{target}"), condition, move || {
        let outputs = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let mut make = command(Path::new("make"));
        make.arg("-C")
            .arg(root().join("examples").join(example))
            .arg(format!(
                "OUT={}",
                outputs.join(example).join(target).display()
            ))
            .arg(target);
        // Go's build cache, reused by later runs.
        make.env("GOCACHE", outputs.join("go-cache"));
        remove_package_variables(&mut make);
        println!("{}", run(make, LIMIT).success());
    })
}
