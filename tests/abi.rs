//! The ABI is kept: what was compiled against a released header runs on with this build.
//!
//! abidw cannot read Rust's debug information, and what C programs are compiled against is the
//! header. So the header's declarations are given empty bodies and compiled as C, and *that*
//! library's ABI is compared. That the real one has the same symbols is tested beside it, and that
//! it has the same layout in src/ffi/exports.rs.

mod support;

use std::collections::BTreeSet;
use std::ffi::CStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use libtest_mimic::Arguments;
use regex::Regex;
use support::library::soname;
use support::require::{plain, trial, trial_if};
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
                        "  ITNIO_RECORDS_FAILED = 17,",
                        "  ITNIO_RECORDS_FAILED = 17,\n  ITNIO_NEW_RESULT = 18,",
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
                    (
                        "a_reserved_field_removed",
                        "  const void *reserved[4];",
                        "  const void *reserved[3];",
                    ),
                    (
                        "a_field_of_a_record_added_before_others",
                        "  const char *region;",
                        "  const char *region;\n  const char *more;",
                    ),
                ] {
                    let caught = diff(&newest_release(), &planted(change, from, to));
                    assert!(caught.is_err(), "{change} was not caught");
                }
            },
        ),
        trial(
            "version_0_2_0_changed_what_was_meant_and_nothing_else",
            &["abidiff"],
            changed_in_0_2_0,
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
            has_debian,
            || {
                let newest = first_word_in_brackets("debian/changelog", "libitnio (", ')');
                assert_eq!(newest, env!("CARGO_PKG_VERSION"));
            },
        ),
        trial_if(
            "the_debian_package_has_the_name_of_the_soname_and_all_functions",
            has_debian,
            || {
                let package = soname().replace(".so.", "");
                let read = |file: &str| fs::read_to_string(support::root().join(file)).expect(file);
                let control = read("debian/control");
                assert!(control.contains(&format!("\nPackage: {package}\n")));
                let symbols = read(&format!("debian/{package}.symbols"));
                let start = format!("{} {package} #MINVER#\n", soname());
                assert!(symbols.starts_with(&start), "{symbols}");
                let functions = symbols
                    .lines()
                    .filter_map(|line| line.trim().split_once("@Base "))
                    .map(|(name, _)| name.to_owned());
                assert_eq!(functions.collect::<BTreeSet<_>>(), header::functions());
            },
        ),
        plain("all_name_the_same_soname", sonames),
    ];
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}

fn changed_in_0_2_0() {
    let release = |version: &str| dumps().join(format!("{version}.abi"));
    let options = ["--harmless", "--leaf-changes-only"];
    let report = abidiff(&options, &release("0.1.0"), &release("0.2.0"));
    let report = report.expect_err("differences");
    // Without the counts: each change has its line.
    let (_, changes) = report.split_once("SONAME changed from").expect("a soname");
    let changes: Vec<_> = changes
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    let expected = [
        "'libitnio.so.0' to 'libitnio.so.0.2'",
        "6 Added functions:",
        "[A] 'function itnio_result itnio_find_call(const itnio_client*, const itnio_sip_request*, int64_t, \
         uint32_t, int32_t*, char**, char**)'    {itnio_find_call}",
        "[A] 'function itnio_result itnio_find_records(const itnio_client*, const itnio_record_query*, int32_t*, \
         itnio_records**, char**)'    {itnio_find_records}",
        "[A] 'function itnio_result itnio_get_record(const itnio_client*, const char*, int32_t*, \
         itnio_records**, char**)'    {itnio_get_record}",
        "[A] 'function size_t itnio_records_count(const itnio_records*)'    {itnio_records_count}",
        "[A] 'function void itnio_records_free(itnio_records*)'    {itnio_records_free}",
        "[A] 'function const itnio_record* itnio_records_get(const itnio_records*, size_t)'    \
         {itnio_records_get}",
        "'enum itnio_result' changed:",
        "type size hasn't changed",
        "3 enumerator insertions:",
        "'itnio_result::ITNIO_NO_RECORD' value '15'",
        "'itnio_result::ITNIO_SEVERAL_RECORDS' value '16'",
        "'itnio_result::ITNIO_RECORDS_FAILED' value '17'",
        "'struct itnio_config' changed:",
        "type size changed from 384 to 640 (in bits)",
        "1 data member insertion:",
        "'void* reserved[4]', at offset 384 (in bits)",
        "'struct itnio_sip_request' changed:",
        "type size changed from 320 to 640 (in bits)",
        "2 data member insertions:",
        "'uint32_t timeout_ms', at offset 320 (in bits)",
        "'void* reserved[4]', at offset 384 (in bits)",
    ];
    assert_eq!(changes, expected);
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
    fs::write(
        folder.join("stub.c"),
        format!("#include \"itnio.h\"\n{bodies}"),
    )
    .expect("a source");
    let library = folder.join("libitnio.so");
    let mut cc = Command::new("cc");
    // From its folder, whose name is of no concern to a dump.
    cc.current_dir(&folder)
        .args(["-g", "-shared", "-fPIC", "-o", "libitnio.so", "stub.c"])
        .arg(format!("-Wl,-soname,{}", soname()));
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

fn has_debian() -> Result<(), String> {
    match support::root().join("debian").exists() {
        true => Ok(()),
        false => Err("needs debian/, which the crate is without".to_owned()),
    }
}

/// What cannot ask the library for its soname.
fn sonames() {
    let pattern = Regex::new(r"libitnio\.so\.[0-9.]*[0-9]").expect("a pattern");
    for file in ["examples/Makefile", "examples/python/src/itnio/__init__.py"] {
        let text = fs::read_to_string(support::root().join(file)).expect(file);
        let named: BTreeSet<_> = pattern.find_iter(&text).map(|name| name.as_str()).collect();
        assert_eq!(named, BTreeSet::from([soname().as_str()]), "{file}");
    }
    // That has those of other versions, too.
    let page = fs::read_to_string(support::root().join("docs/abi.md")).expect("docs/abi.md");
    assert!(page.contains(&format!(
        "The soname is what a program asks the loader for: `{}`",
        soname()
    )));
}

/// The version of Cargo.toml is that of the header, the library, the changelog, and docs/install.md.
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
    let page =
        fs::read_to_string(support::root().join("docs/install.md")).expect("docs/install.md");
    let name = format!("`libitnio.so.{version}`");
    assert!(page.contains(&name), "docs/install.md does not name {name}");
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
