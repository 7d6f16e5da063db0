//! The library as users get it: built once per test process with the release profile.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use super::platform;

/// The path of the release build's `libitnio.so`.
pub fn path() -> &'static Path {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut command = Command::new(cargo);
        command.arg("build");
        if platform::is_foreign() {
            command.args(["--target", platform::TARGET]);
        }
        build(&mut command)
    })
}

/// The name by which programs ask the loader for the library: it has the major version, before 1.0 the minor one,
/// too.
pub fn soname() -> String {
    match env!("CARGO_PKG_VERSION_MAJOR") {
        "0" => concat!("libitnio.so.0.", env!("CARGO_PKG_VERSION_MINOR")).to_owned(),
        major => format!("libitnio.so.{major}"),
    }
}

/// The directory of [`path`].
pub fn directory() -> &'static Path {
    path().parent().expect("a file in a directory")
}

/// Runs `cargo`, a `cargo build` of some kind, on the library; returns its path.
pub fn build(cargo: &mut Command) -> PathBuf {
    cargo
        .args([
            "--release",
            "--lib",
            "--message-format=json-render-diagnostics",
        ])
        .arg("--manifest-path")
        .arg(super::root().join("Cargo.toml"))
        .stdin(Stdio::null())
        .stderr(Stdio::inherit());
    remove_package_variables(cargo);
    let output = cargo.output().expect("cargo runs");
    assert!(
        output.status.success(),
        "the release library does not build"
    );
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter(|message| message["target"]["name"] == "itnio")
        .filter_map(|message| message["filenames"].as_array().cloned())
        .flatten()
        .filter_map(|name| name.as_str().map(PathBuf::from))
        .find(|name| name.extension().is_some_and(|extension| extension == "so"))
        .expect("cargo names the shared library that it built")
}

/// Removes from `command`'s environment what cargo sets for this test about its own package: build scripts
/// that watch the same variables would run again, here and at the next plain `cargo build`.
pub fn remove_package_variables(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy().into_owned();
        if [
            "CARGO_PKG_",
            "CARGO_MANIFEST_",
            "CARGO_BIN_",
            "CARGO_CRATE_",
            "CARGO_PRIMARY_",
            "OUT_DIR",
        ]
        .iter()
        .any(|prefix| name.starts_with(prefix))
        {
            command.env_remove(name);
        }
    }
}
