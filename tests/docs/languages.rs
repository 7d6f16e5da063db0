//! Code in the documentation: C and C++ compile against the headers, and what is in another language can be read
//! by its own tools.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use libtest_mimic::Trial;

use super::pages::{Block, Page, pages};
use crate::support::c::{self, Build, LIMIT};
use crate::support::require::{plain, trial};
use crate::support::{header, scratch};

/// What stands around a part of a program in C.
const AROUND_C: [&str; 2] = [
    "#include <itnio.h>\n#include <stdio.h>\n#include <time.h>\n\
     void part(itnio_client *given, itnio_sip_request request, itnio_result result);\n\
     void part(itnio_client *given, itnio_sip_request request, itnio_result result)\n{\n\
     char *given_id, *given_reason;\n(void)given, (void)request, (void)result;\n\
     (void)given_id, (void)given_reason;\n{\n",
    "\n}\n}\nint main(void) { return 0; }\n",
];

/// The names that a part of a program in C does not declare itself.
const NAMES_IN_C: [(&str, &str); 2] = [
    ("itnio_client *client", "itnio_client *client = given;\n"),
    (
        "char *id, *reason",
        "char *id = NULL, *reason = NULL;\n(void)id;\n",
    ),
];

/// The same for C++.
const AROUND_CPP: [&str; 2] = [
    "#include <cstdlib>\nstatic int fail(std::string_view) { return 1; }\n\
     static void placed(std::string_view) {}\nstatic void refused(std::optional<int>, std::string_view) {}\n\
     static void try_again(std::string_view) {}\nstatic void look_before_you_redial(std::string_view) {}\n\
     int main()\n{\n",
    "return 0;\n}\n",
];

pub fn trials() -> Vec<Trial> {
    vec![
        plain("every_block_in_c_compiles", c_blocks),
        plain("the_readmes_example_is_that_of_the_header", example),
        trial("every_block_in_cpp_compiles", &["c++"], cpp_blocks),
        trial("every_block_in_go_can_be_read", &["gofmt"], || {
            check_all("go", |block| {
                tool(
                    "gofmt",
                    &["-e"],
                    block,
                    "part.go",
                    "package part\n\nfunc part() {\n",
                    "}\n",
                )
            });
        }),
        trial("every_block_in_php_can_be_read", &["php"], || {
            check_all("php", |block| {
                tool("php", &["-l"], block, "part.php", "<?php\n", "")
            });
        }),
        trial("every_block_in_python_can_be_read", &["python3"], || {
            check_all("python", |block| {
                let parse = "import ast, sys; ast.parse(open(sys.argv[1]).read())";
                tool("python3", &["-c", parse], block, "part.py", "", "");
            });
        }),
    ]
}

/// Each block in this language, of all pages.
fn check_all(language: &str, check: impl Fn(&Block)) {
    let mut count = 0;
    for page in pages() {
        for block in page.blocks() {
            if block.language == language {
                println!("{}", page.name());
                check(&block);
                count += 1;
            }
        }
    }
    assert!(count > 0, "no block in {language}");
}

fn write(name: &str, text: &str) -> PathBuf {
    let folder = tempfile::Builder::new()
        .tempdir_in(scratch())
        .expect("a folder")
        .keep();
    let file = folder.join(name);
    fs::write(&file, text).expect("a file");
    file
}

fn tool(name: &str, arguments: &[&str], block: &Block, file: &str, before: &str, after: &str) {
    let file = write(file, &format!("{before}{}{after}", block.text));
    let mut command = Command::new(name);
    command.args(arguments).arg(file);
    let output = c::run(command, LIMIT);
    assert_eq!(
        output.code,
        Some(0),
        "{}\n{}{}",
        block.text,
        output.stdout,
        output.stderr
    );
}

fn c_blocks() {
    check_all("c", |block| {
        let text = if block.text.contains("int main(") {
            block.text.clone()
        } else {
            let [before, after] = AROUND_C;
            let missing: String = NAMES_IN_C
                .iter()
                .filter(|(declaration, _)| !block.text.contains(declaration))
                .map(|(_, names)| *names)
                .collect();
            format!("{before}{missing}{}{after}", block.text)
        };
        Build::c()
            .flag("-Wno-shadow")
            .compile_path(&write("part.c", &text));
    });
}

fn cpp_blocks() {
    check_all("cpp", |block| {
        let (include, rest) = block.text.split_once("\n\n").expect("an include first");
        let [before, after] = AROUND_CPP;
        let text = format!("{include}\n{before}{rest}{after}");
        Build::cpp().compile_path(&write("part.cpp", &text));
    });
}

/// The first thing that a C programmer reads, in both places.
fn example() {
    let readme = Page::read("README.md").blocks();
    let block = readme
        .iter()
        .find(|block| block.language == "c")
        .expect("an example");
    let header = header::text();
    let (_, example) = header
        .split_once("A call, in full:\n *\n")
        .expect("the header's example");
    let example: String = example
        .lines()
        .map_while(|line| line.strip_prefix(" *"))
        .take_while(|line| line.is_empty() || line.starts_with("     "))
        .map(|line| format!("{}\n", line.strip_prefix("     ").unwrap_or("")))
        .collect();
    assert_eq!(block.text.trim(), example.trim());
}
