//! The tests of an example, by its own Makefile.

use std::path::Path;
use std::time::Duration;

use libtest_mimic::Trial;

use crate::support::c::{command, run};
use crate::support::{require, root, scratch};

/// A cold release build, a debug build and a language's standard library, on a slow machine that does
/// other things, too.
const LIMIT: Duration = Duration::from_secs(1800);

/// `make -C examples/EXAMPLE TARGET`, in a build directory of its own; see [`require::trial`] for the
/// tools.
pub fn trial(example: &'static str, target: &'static str, tools: &'static [&'static str]) -> Trial {
    require::trial(format!("make_{target}"), tools, move || {
        let mut make = command(Path::new("make"));
        make.arg("-C")
            .arg(root().join("examples").join(example))
            .arg(format!("OUT={}", scratch().join(target).display()))
            .arg(target);
        // For Go, and kept between runs.
        let go_cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("go-cache");
        make.env("GOCACHE", go_cache);
        // What cargo says about this package would make it build anew what depends on that.
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy().into_owned();
            if name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") {
                make.env_remove(name);
            }
        }
        println!("{}", run(make, LIMIT).success());
    })
}
