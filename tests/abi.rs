//! The ABI is kept: what was compiled against a released header runs on with this build.
//!
//! abidw cannot read Rust's debug information, and what C programs are compiled against is the
//! header. So the header's declarations are given empty bodies and compiled as C, and *that*
//! library's ABI is compared. That the real one has the same symbols is tested beside it, and that
//! it has the same layout in src/ffi/exports.rs.

mod support;

use std::ffi::CStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use libtest_mimic::Arguments;
use support::require::{trial, trial_if};
use support::{c, elf, header};

fn main() {
    let trials = vec![
        trial(
            "this_build_keeps_the_abi_of_the_newest_release",
            &["abidiff", "abidw"],
            || {
                let stub = stub("committed", &header::text());
                if std::env::var("ITNIO_WRITE_ABI").is_ok_and(|value| value == "1") {
                    let release = dumps().join(format!("{}.abi", env!("CARGO_PKG_VERSION")));
                    assert!(!release.exists(), "{} is never changed", release.display());
                    dump(&stub, &release);
                }
                diff(&newest_release(), &stub).expect("a compatible ABI");
            },
        ),
        trial(
            "a_new_function_and_a_new_result_are_compatible",
            &["abidiff", "abidw"],
            || {
                for (addition, from, to) in [
                    (
                        "itnio_new_function",
                        "const char *itnio_version(void);",
                        "const char *itnio_version(void);\n\nint32_t itnio_new_function(int32_t x);",
                    ),
                    (
                        "ITNIO_NEW_RESULT",
                        "  ITNIO_INTERNAL_ERROR = 14,",
                        "  ITNIO_INTERNAL_ERROR = 14,\n  ITNIO_NEW_RESULT = 15,",
                    ),
                ] {
                    let changed = planted(addition, from, to);
                    // It is there for abidiff to see.
                    let seen = abidiff(&["--harmless"], &newest_release(), &changed);
                    let seen = seen.expect_err("a difference");
                    assert!(seen.contains(addition), "{seen}");
                    diff(&newest_release(), &changed).expect("a compatible ABI");
                }
            },
        ),
        trial(
            "incompatible_changes_are_caught",
            &["abidiff", "abidw"],
            || {
                for (change, from, to) in [
                    ("a_function_removed", "const char *itnio_version(void);", ""),
                    (
                        "a_parameter_changed",
                        "bool itnio_may_have_dialed(int32_t result);",
                        "bool itnio_may_have_dialed(int64_t result);",
                    ),
                    (
                        "a_field_changed",
                        "  uint32_t timeout_ms;",
                        "  uint64_t timeout_ms;",
                    ),
                    (
                        "a_field_added",
                        "  uint32_t timeout_ms;",
                        "  uint32_t timeout_ms;\n  uint32_t more_ms;",
                    ),
                    (
                        "a_result_renumbered",
                        "ITNIO_TIMED_OUT = 10,",
                        "ITNIO_TIMED_OUT = 9,",
                    ),
                    ("a_result_removed", "  ITNIO_TIMED_OUT = 10,\n", ""),
                ] {
                    let caught = diff(&newest_release(), &planted(change, from, to));
                    assert!(caught.is_err(), "{change} was not caught");
                }
            },
        ),
        trial("the_library_has_the_symbols_of_the_header", &["nm"], || {
            let symbols = |library: &Path| {
                let mut exports = elf::exports(library);
                exports.retain(|(_, name)| !name.starts_with('_'));
                exports
            };
            let stub = stub("symbols", &header::text());
            assert_eq!(symbols(support::library::path()), symbols(&stub));
        }),
        trial("all_say_the_same_version", &[], versions),
        trial_if(
            "the_debian_package_has_the_same_version",
            || match support::root().join("debian").exists() {
                true => Ok(()),
                false => Err("needs debian/, which the crate is without".to_owned()),
            },
            || {
                let newest = first_word_in_brackets("debian/changelog", "libitnio (", ')');
                assert_eq!(newest, env!("CARGO_PKG_VERSION"));
            },
        ),
    ];
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}

/// The [`stub`] of the header with a change in it.
fn planted(name: &str, from: &str, to: &str) -> PathBuf {
    let changed = header::text().replace(from, to);
    assert_ne!(changed, header::text(), "nothing to change: {from}");
    stub(name, &changed)
}

fn dumps() -> PathBuf {
    support::root().join("tests/abi")
}

fn newest_release() -> PathBuf {
    let version = |path: &PathBuf| {
        let stem = path.file_stem()?.to_str()?.to_owned();
        let numbers: Option<Vec<u32>> = stem.split('.').map(|part| part.parse().ok()).collect();
        numbers
    };
    fs::read_dir(dumps())
        .expect("the releases' ABIs")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "abi"))
        .max_by_key(version)
        .expect("a release")
}

/// A library in C with the header's declarations, and nothing in them.
fn stub(name: &str, header: &str) -> PathBuf {
    let folder = support::scratch().join(format!("abi-{name}"));
    fs::create_dir_all(&folder).expect("a folder");
    fs::write(folder.join("itnio.h"), header).expect("a header");
    let bodies = header
        .split("\n\n")
        .filter_map(|block| {
            let declaration = block
                .rsplit_once("*/\n")
                .map_or(block, |(_, rest)| rest)
                .trim();
            let function = declaration.strip_suffix(");")?;
            (function.contains("itnio_") && function.contains('('))
                .then(|| format!("{function}) {{ __builtin_trap(); }}\n"))
        })
        .collect::<String>();
    let source = folder.join("stub.c");
    fs::write(&source, format!("#include \"itnio.h\"\n{bodies}")).expect("a source");
    let library = folder.join("libitnio.so");
    let mut cc = Command::new("cc");
    cc.args(["-g", "-shared", "-fPIC", "-Wl,-soname,libitnio.so.0", "-o"])
        .args([&library, &source]);
    c::run(cc, c::LIMIT).success();
    library
}

fn dump(library: &Path, to: &Path) {
    let mut abidw = Command::new("abidw");
    abidw
        .args([
            "--no-corpus-path",
            "--no-comp-dir-path",
            "--no-show-locs",
            "--out-file",
        ])
        .args([to, library]);
    c::run(abidw, c::LIMIT).success();
}

/// Whether the ABI of `new` is that of `old`, but for additions.
fn diff(old: &Path, new: &Path) -> Result<(), String> {
    abidiff(&["--no-added-syms"], old, new)
}

fn abidiff(options: &[&str], old: &Path, new: &Path) -> Result<(), String> {
    let mut abidiff = Command::new("abidiff");
    abidiff.args(options).arg("--no-show-locs").args([old, new]);
    let output = c::run(abidiff, c::LIMIT);
    match output.code {
        Some(0) => Ok(()),
        _ => Err(format!("{}\n{}", output.stdout, output.stderr)),
    }
}

/// The version of Cargo.toml is that of the header, the library, the changelog, and the README.
fn versions() {
    let version = env!("CARGO_PKG_VERSION");
    for (name, value) in [
        ("ITNIO_VERSION_MAJOR", env!("CARGO_PKG_VERSION_MAJOR")),
        ("ITNIO_VERSION_MINOR", env!("CARGO_PKG_VERSION_MINOR")),
        ("ITNIO_VERSION_PATCH", env!("CARGO_PKG_VERSION_PATCH")),
        ("ITNIO_VERSION", &format!("\"{version}\"")),
    ] {
        let line = format!("#define {name} {value}");
        assert!(
            header::text().lines().any(|one| one == line),
            "no line: {line}"
        );
    }
    // SAFETY: it takes nothing, and its text is static.
    let in_library = unsafe { CStr::from_ptr((support::client::api().version)()) };
    assert_eq!(in_library.to_str(), Ok(version));
    // The first release in it, after what is not released yet.
    let changelog = first_word_in_brackets("CHANGELOG.md", "## [", ']');
    assert_eq!(changelog, version);
    let readme = fs::read_to_string(support::root().join("README.md")).expect("the README");
    let name = format!("`libitnio.so.{version}`");
    assert!(readme.contains(&name), "the README does not name {name}");
}

/// What stands between `start`, at the beginning of a line, and `end`; not "Unreleased".
fn first_word_in_brackets(file: &str, start: &str, end: char) -> String {
    fs::read_to_string(support::root().join(file))
        .expect(file)
        .lines()
        .filter_map(|line| line.strip_prefix(start)?.split_once(end))
        .map(|(word, _)| word.to_owned())
        .find(|word| word != "Unreleased")
        .expect("a version")
}
