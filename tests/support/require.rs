//! Tools that some tests need and that may not be installed.

use std::process::{Command, Stdio};

use libtest_mimic::{Completion, Failed, Trial};

/// Whether the tool is installed; else why the test cannot run.
pub fn require(tool: &str) -> Result<(), String> {
    let found = Command::new(tool)
        .arg("--version")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    match found {
        Ok(_) => Ok(()),
        Err(error) => Err(format!("needs {tool}: {error}")),
    }
}

/// A test that needs no tool.
pub fn plain(name: &str, test: fn()) -> Trial {
    trial(name, &[], test)
}

/// A test that is ignored, with the reason, where a tool is not installed. With `ITNIO_REQUIRE_ALL=1`,
/// as in CI, it fails instead.
pub fn trial(
    name: impl Into<String>,
    tools: &'static [&'static str],
    test: impl FnOnce() + Send + 'static,
) -> Trial {
    let all_installed = move || tools.iter().try_for_each(|tool| require(tool));
    trial_if(name, all_installed, test)
}

/// The same for any condition.
pub fn trial_if(
    name: impl Into<String>,
    condition: impl FnOnce() -> Result<(), String> + Send + 'static,
    test: impl FnOnce() + Send + 'static,
) -> Trial {
    Trial::ignorable_test(name, move || match condition() {
        Ok(()) => {
            test();
            Ok(Completion::Completed)
        }
        Err(reason) if std::env::var("ITNIO_REQUIRE_ALL").is_ok_and(|value| value == "1") => {
            Err(Failed::from(reason))
        }
        Err(reason) => Ok(Completion::ignored_with(reason)),
    })
}
