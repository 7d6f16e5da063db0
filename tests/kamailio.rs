//! examples/kamailio: Kamailio between sipp and the sandbox gateway, by the example's own tests.

#[path = "runner/make.rs"]
mod make;
mod support;

use std::fs;
use std::process::{Command, Stdio};

use libtest_mimic::Arguments;

fn main() {
    let tools: &[&str] = if lacks_python() {
        // A package's name, which is no program's: the reason is to name what is absent.
        &["kamailio-python3-modules"]
    } else {
        &["kamailio", "sipp", "python3", "make"]
    };
    let trials = vec![make::trial("kamailio", "test", tools)];
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}

/// Whether Kamailio is there, and its module that runs Python is not.
fn lacks_python() -> bool {
    let configuration = support::scratch().join("python.cfg");
    fs::write(
        &configuration,
        "listen=udp:127.0.0.1:5060\nloadmodule \"app_python3.so\"\nrequest_route { drop; }\n",
    )
    .expect("a configuration");
    // It checks the configuration, and ends.
    let checked = Command::new("kamailio")
        .arg("-c")
        .arg("-f")
        .arg(&configuration)
        .arg("-Y")
        .arg(support::scratch())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    checked.is_ok_and(|status| !status.success())
}
