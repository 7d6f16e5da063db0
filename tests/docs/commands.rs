//! Commands in the documentation: what they name exists, and a shell can read them. The cheap ones are run.

use std::fs;
use std::path::Path;
use std::process::Command;

use libtest_mimic::Trial;
use regex::Regex;

use super::names;
use super::pages::{Page, pages};
use super::process::gateway;
use crate::support::c::{self, LIMIT};
use crate::support::require::{plain, trial};
use crate::support::{library, root, scratch};

pub fn trials() -> Vec<Trial> {
    let mut trials = vec![
        plain("every_command_names_what_there_is", commands_name_what_is),
        plain("every_row_of_the_table_of_hosts_names_a_test", hosts),
        trial(
            "every_shell_block_can_be_read_by_a_shell",
            &["sh"],
            shell_blocks,
        ),
    ];
    // The pages whose first program runs as it stands.
    for (name, path, tools) in [
        ("c", "docs/c.md", &["cc", "sh"][..]),
        ("php", "docs/php.md", &["php", "sh"]),
        ("python", "docs/python.md", &["python3", "sh"]),
    ] {
        let name = format!("the_first_program_in_{name}_places_a_call_as_the_page_says");
        trials.push(trial(name, tools, move || runs(path)));
    }
    trials
}

/// Lines of commands: of shell blocks, indented ones, and between backticks.
fn command_lines(page: &Page) -> Vec<String> {
    let blocks = page.blocks();
    let shell = blocks.iter().filter(|block| block.language == "sh");
    let mut lines: Vec<String> = shell
        .flat_map(|block| block.text.lines())
        .map(str::to_owned)
        .collect();
    let prose = page.prose();
    lines.extend(
        prose
            .lines()
            .filter_map(|line| line.strip_prefix("    "))
            .map(str::to_owned),
    );
    lines.extend(page.code_spans());
    lines
}

fn commands_name_what_is() {
    let cargo_test = Regex::new(r"cargo test --test (\w+)([^#;&`]*)").expect("a pattern");
    let cargo_bench = Regex::new(r"cargo bench --bench (\w+)([^#;&`]*)").expect("a pattern");
    let cargo_example = Regex::new(r"cargo run --example (\w+)").expect("a pattern");
    let make = Regex::new(r"make -C ([\w/.]+)([^#;&`]*)").expect("a pattern");
    let mut wrong = Vec::new();
    let mut count = 0;
    for page in pages() {
        let mut check = |line: &str, good: bool| {
            count += 1;
            if !good {
                wrong.push(format!("{}: {line}", page.name()));
            }
        };
        for line in command_lines(&page) {
            if line.contains("NAME") {
                continue;
            }
            for found in cargo_test.captures_iter(&line) {
                let prefix = format!("{}::", &found[1]);
                let mut tests = names::tests()
                    .iter()
                    .filter(|test| test.starts_with(&prefix))
                    .peekable();
                let is_there = root()
                    .join("tests")
                    .join(format!("{}.rs", &found[1]))
                    .exists();
                let filters: Vec<_> = found[2]
                    .split_whitespace()
                    .filter(|word| !word.starts_with('-') && *word != "...")
                    .collect();
                let matches = filters.is_empty()
                    || tests.any(|test| {
                        filters
                            .iter()
                            .any(|filter| test[prefix.len()..].contains(filter))
                    });
                check(&line, is_there && matches);
            }
            for found in cargo_bench.captures_iter(&line) {
                let source =
                    fs::read_to_string(root().join("benches").join(format!("{}.rs", &found[1])));
                let options = found[2]
                    .split_whitespace()
                    .filter_map(|word| word.strip_prefix("--"));
                let known = |source: &str| {
                    options
                        .filter(|option| !option.is_empty() && *option != "help")
                        .all(|option| {
                            source.contains(&format!("    {}:", option.replace('-', "_")))
                        })
                };
                check(&line, source.is_ok_and(|source| known(&source)));
            }
            for found in cargo_example.captures_iter(&line) {
                let file = root().join("examples").join(&found[1]).join("main.rs");
                check(&line, file.exists());
            }
            for found in make.captures_iter(&line) {
                let makefile = fs::read_to_string(root().join(&found[1]).join("Makefile"));
                let target = found[2]
                    .split_whitespace()
                    .find(|word| !word.contains('=') && *word != "\\")
                    .unwrap_or("all");
                let rule = Regex::new(&format!(r"(?m)^{}(?: [^:=]*)?:", regex::escape(target)));
                let rule = rule.expect("a pattern");
                check(
                    &line,
                    makefile.is_ok_and(|makefile| rule.is_match(&makefile)),
                );
            }
        }
    }
    assert!(wrong.is_empty(), "commands that cannot be run: {wrong:#?}");
    assert!(count > 40, "only {count} commands");
}

/// In the table of "In a host" a filter of tests stands last in each row.
fn hosts() {
    let page = Page::read("docs/reliability.md");
    let (_, table) = page
        .text
        .split_once("\n## In a host\n")
        .expect("the section");
    let table = table.split("\n## ").next().unwrap_or(table);
    let mut count = 0;
    for row in table.lines().filter(|line| line.starts_with("| ")).skip(2) {
        let filter = row.trim_end_matches(" |").rsplit_once("| `").expect(row).1;
        let filter = filter.trim_end_matches('`');
        let found = names::tests().iter().any(|test| {
            test.strip_prefix("host::")
                .is_some_and(|test| test.contains(filter))
        });
        assert!(found, "no test for {filter}: {row}");
        count += 1;
    }
    assert!(count > 20, "only {count} rows");
}

fn shell_blocks() {
    let mut count = 0;
    for page in pages() {
        for block in page.blocks() {
            if block.language != "sh" {
                continue;
            }
            let mut shell = Command::new("sh");
            shell.args(["-n", "-c", &block.text]);
            let output = c::run(shell, LIMIT);
            assert_eq!(
                output.code,
                Some(0),
                "{}: {}\n{}",
                page.name(),
                block.text,
                output.stderr
            );
            count += 1;
        }
    }
    assert!(count > 15, "only {count} blocks");
}

/// Does what a page says, in a folder that looks like the repository after `make -C examples`: writes the
/// programs of blocks that are marked `file: NAME`, and runs the blocks that are marked `run`.
fn runs(path: &str) {
    let folder = tempfile::Builder::new()
        .tempdir_in(scratch())
        .expect("a folder")
        .keep();
    let built = folder.join("target/c-example");
    fs::create_dir_all(&built).expect("a folder");
    let link = |to: &Path, name: &Path| {
        std::os::unix::fs::symlink(to, name)
            .unwrap_or_else(|error| panic!("{}: {error}", name.display()));
    };
    for name in ["examples", "include"] {
        link(&root().join(name), &folder.join(name));
    }
    for name in ["libitnio.so", &library::soname()] {
        link(library::path(), &built.join(name));
    }
    link(Path::new(gateway().get_program()), &built.join("gateway"));
    // A recording ID of the sandbox.
    let id = Regex::new(r"\b\d{19}\b").expect("a pattern");
    let mut calls = 0;
    for block in Page::read(path).blocks() {
        let Some(mark) = &block.mark else { continue };
        if let Some(name) = mark.strip_prefix("file: ") {
            fs::write(folder.join(name), &block.text).expect("a file");
        } else if mark == "run" {
            let mut shell = Command::new("sh");
            shell.args(["-euc", &block.text]).current_dir(&folder);
            for name in [
                "ITNIO_API_KEY",
                "ITNIO_API_SECRET",
                "ITNIO_BASE_URL",
                "ITNIO_CA_FILE",
            ] {
                shell.env_remove(name);
            }
            let output = c::run(shell, LIMIT);
            let printed = output.success();
            assert!(
                id.is_match(printed),
                "{}\n{printed}\n{}",
                block.text,
                output.stderr
            );
            calls += 1;
        }
    }
    assert!(calls > 0, "{path}: nothing to run");
}
