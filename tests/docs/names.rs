//! The names of the tests, as they stand in the source.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use regex::Regex;

use crate::support::root;

/// `FILE::NAME` or `FILE::MODULE::NAME` for tests/FILE.rs, `src/PATH.rs::NAME` for unit tests.
pub fn tests() -> &'static BTreeSet<String> {
    static TESTS: OnceLock<BTreeSet<String>> = OnceLock::new();
    TESTS.get_or_init(|| {
        let mut tests = BTreeSet::new();
        for program in rust_files(&root().join("tests"), false) {
            let name = stem(&program);
            of_program(&program, &name, &mut tests);
        }
        for file in rust_files(&root().join("src"), true) {
            let path = file
                .strip_prefix(root())
                .expect("within it")
                .display()
                .to_string();
            let names = of_file(&fs::read_to_string(&file).expect("a source"));
            tests.extend(names.into_iter().map(|name| format!("{path}::{name}")));
        }
        assert!(tests.len() > 400, "only {} tests", tests.len());
        tests
    })
}

/// The tests of a file of tests/, and of its modules. Those of modules that several programs share count for
/// each of them.
fn of_program(file: &Path, name: &str, tests: &mut BTreeSet<String>) {
    let module =
        Regex::new(r#"#\[path = "([^"]+)"\]\s*(?:#\[[^\]]*\]\s*)*mod (\w+);"#).expect("a pattern");
    let text = fs::read_to_string(file).expect("a test");
    // A program with a harness of its own names its tests without their modules.
    let own_harness = text.contains("libtest_mimic::run(");
    let names = of_file(&text);
    tests.extend(names.into_iter().map(|test| format!("{name}::{test}")));
    for found in module.captures_iter(&text) {
        let path = root().join("tests").join(&found[1]);
        let text = fs::read_to_string(&path).expect("a module");
        for test in of_file(&text) {
            match own_harness {
                true => tests.insert(format!("{name}::{test}")),
                false => tests.insert(format!("{name}::{}::{test}", &found[2])),
            };
        }
    }
}

/// The names of the tests in a source: functions, rows of a table of tests, and trials.
fn of_file(text: &str) -> Vec<String> {
    let mut names = Vec::new();
    for pattern in [
        r"#\[test\]\s*(?:#\[[^\]]*\]\s*)*fn (\w+)\(",
        r#"\b(?:plain|trial|trial_if)\(\s*"(\w+)""#,
    ] {
        let pattern = Regex::new(pattern).expect("a pattern");
        names.extend(pattern.captures_iter(text).map(|found| found[1].to_owned()));
    }
    if let Some((_, rows)) = text.split_once("\nrows! {") {
        let row = Regex::new(r"(?m)^    (\w+):[\s]").expect("a pattern");
        let rows = rows.split("\n}").next().unwrap_or(rows);
        names.extend(row.captures_iter(rows).map(|found| found[1].to_owned()));
    }
    names
}

/// The Rust files in a folder.
fn rust_files(folder: &Path, and_below: bool) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() && and_below {
            files.extend(rust_files(&path, true));
        } else if path.extension().is_some_and(|end| end == "rs") {
            files.push(path);
        }
    }
    files
}

fn stem(path: &Path) -> String {
    path.file_stem()
        .expect("a name")
        .to_string_lossy()
        .into_owned()
}
