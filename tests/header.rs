//! The committed header: it compiles alone in every C and C++ that a user may have, it is what the
//! source gives, and it is written so that simple parsers can read it.
//!
//! Has a harness of its own, so that what needs an absent compiler shows as ignored, with the reason.

mod support;

use std::process::Command;

use libtest_mimic::Arguments;
use support::c::{self, Build};
use support::header;
use support::require::{plain, require, trial, trial_if};

const COMPILERS: [(&[&str], &[&str]); 4] = [
    (&["gcc"], &["c99", "c11", "c17"]),
    (&["clang"], &["c99", "c11", "c17"]),
    (&["g++"], &["c++11", "c++14", "c++17", "c++20"]),
    (&["clang++"], &["c++11", "c++14", "c++17", "c++20"]),
];

fn main() {
    let mut trials = Vec::new();
    for (tools, standards) in COMPILERS {
        for standard in standards {
            let name = format!("the_header_compiles_alone_with_{}_as_{standard}", tools[0]);
            trials.push(trial(name, tools, || compiles_alone(tools[0], standard)));
        }
        if tools[0].ends_with("++") {
            let name = format!("a_program_in_cpp_links_with_{}", tools[0]);
            trials.push(trial(name, tools, || links_from_cpp(tools[0])));
        }
    }
    trials.extend([
        trial_if(
            "the_committed_header_is_what_the_source_gives",
            in_a_repository,
            is_fresh,
        ),
        plain(
            "every_result_has_its_number_in_the_header",
            results_are_numbered,
        ),
        plain("every_field_has_a_line_of_its_own", fields_have_lines),
        plain("every_item_is_explained", items_are_explained),
    ]);
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}

fn compiles_alone(compiler: &str, standard: &str) {
    let language = if standard.starts_with("c++") {
        "c++"
    } else {
        "c"
    };
    let twice = support::scratch().join(format!(
        "twice-{compiler}-{standard}.{}",
        language.replace("++", "c")
    ));
    std::fs::write(&twice, "#include <itnio.h>\n#include <itnio.h>\n").expect("a file");
    // Alone as the main file, and included twice with nothing before it.
    for source in [header::path(), twice] {
        let mut command = Command::new(compiler);
        command
            .args([
                &format!("-std={standard}"),
                "-Wall",
                "-Wextra",
                "-pedantic",
                "-Werror",
            ])
            .args(["-Wundef", "-Wshadow", "-fsyntax-only", "-x", language])
            .arg("-I")
            .arg(support::root().join("include"))
            .arg(&source);
        let output = command.output().expect("a compiler");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success() && errors.is_empty(),
            "{command:?}\n{errors}"
        );
    }
}

fn links_from_cpp(compiler: &str) {
    let program = Build::with(compiler, "c++17").linked().compile("user.cpp");
    c::run(c::command(&program), c::LIMIT).success();
}

/// In a source archive there is nothing to compare with.
fn in_a_repository() -> Result<(), String> {
    require("git")?;
    match support::root().join(".git").exists() {
        true => Ok(()),
        false => Err("needs the git repository".to_owned()),
    }
}

/// A build writes the header, so by now the working tree's is what the source gives. What is
/// committed (or staged to be) has to be the same.
fn is_fresh() {
    support::library::path();
    let git = |arguments: &[&str]| {
        let mut command = Command::new("git");
        command.arg("-C").arg(support::root()).args(arguments);
        command.output().expect("git")
    };
    let committed = git(&["show", ":include/itnio.h"]);
    assert!(
        committed.status.success(),
        "{}",
        String::from_utf8_lossy(&committed.stderr)
    );
    let committed = String::from_utf8(committed.stdout).expect("UTF-8");
    let header = header::text();
    let different = header
        .lines()
        .zip(committed.lines())
        .position(|(made, kept)| made != kept);
    assert!(
        header == committed,
        "include/itnio.h in git is not what the source gives (first in line {}): build, and commit it",
        different.map_or("at the end".to_owned(), |line| (line + 1).to_string()),
    );
}

/// The lines between the braces of the item that begins so, comments left out.
fn body(beginning: &str) -> Vec<String> {
    let header = header::text();
    let (_, rest) = header.split_once(beginning).expect(beginning);
    let (body, _) = rest.split_once('}').expect("the end of it");
    body.lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with(['/', '*']))
        .map(str::to_owned)
        .collect()
}

fn results_are_numbered() {
    let expected = [
        "ITNIO_OK = 0,",
        "ITNIO_REJECTED = 1,",
        "ITNIO_INVALID_ARGUMENT = 2,",
        "ITNIO_RESOLVE_FAILED = 3,",
        "ITNIO_CONNECT_FAILED = 4,",
        "ITNIO_TLS_FAILED = 5,",
        "ITNIO_PROXY_FAILED = 6,",
        "ITNIO_SHUT_DOWN = 7,",
        "ITNIO_TIMED_OUT = 10,",
        "ITNIO_CONNECTION_LOST = 11,",
        "ITNIO_HTTP_ERROR = 12,",
        "ITNIO_BAD_RESPONSE = 13,",
        "ITNIO_INTERNAL_ERROR = 14,",
        "ITNIO_NO_RECORD = 15,",
        "ITNIO_SEVERAL_RECORDS = 16,",
        "ITNIO_RECORDS_FAILED = 17,",
    ];
    assert_eq!(body("typedef enum itnio_result {"), expected);
}

fn fields_have_lines() {
    let config = [
        "const char *api_key;",
        "const char *api_secret;",
        "const char *base_url;",
        "const char *ca_file;",
        "const char *proxy;",
        "uint32_t connect_timeout_ms;",
        "uint32_t timeout_ms;",
        "const void *reserved[4];",
    ];
    assert_eq!(body("typedef struct itnio_config {"), config);
    let request = [
        "const char *callee;",
        "const char *display_num;",
        "const char *account;",
        "const char *app_id;",
        "const char *called_info;",
        "uint32_t timeout_ms;",
        "const void *reserved[4];",
    ];
    assert_eq!(body("typedef struct itnio_sip_request {"), request);
    let query = [
        "int64_t since;",
        "int64_t until;",
        "const char *callee;",
        "const char *display_num;",
        "const char *phone_name;",
        "const char *phone_group;",
        "uint32_t max_records;",
        "uint32_t timeout_ms;",
        "const void *reserved[4];",
    ];
    assert_eq!(body("typedef struct itnio_record_query {"), query);
    let record = [
        "const char *recording_id;",
        "const char *callee;",
        "const char *display_num;",
        "const char *phone_name;",
        "const char *phone_group;",
        "const char *region;",
        "const char *submit_time;",
        "const char *call_time;",
        "const char *ringing_time;",
        "const char *answer_time;",
        "const char *hangup_time;",
        "int64_t submitted_at;",
        "int64_t called_at;",
        "int64_t ringing_at;",
        "int64_t answered_at;",
        "int64_t hung_up_at;",
        "int32_t call_duration_s;",
        "int32_t charged_duration_s;",
        "const char *termination_code;",
        "const char *termination_reason;",
        "const char *cost;",
        "const char *rate;",
        "const char *billing_period;",
        "const char *currency;",
        "const char *recording_file_id;",
    ];
    assert_eq!(body("typedef struct itnio_record {"), record);
}

/// What a C programmer looks up is right above it.
fn items_are_explained() {
    let header = header::text();
    let mut before = "";
    let mut bare = Vec::new();
    let mut items = 0;
    for line in header.lines() {
        let code = !line.trim_start().starts_with(['/', '*', '#', '}']) && !line.starts_with("   ");
        let declares = |start: &str| line.contains(&format!("{start}itnio_"));
        // A field or an enumerator; a type, or the first line of a function.
        let item = code && (line.starts_with("  ") || declares(" ") || declares("*"));
        items += usize::from(item);
        if item && before.trim() != "*/" {
            bare.push(line);
        }
        before = line;
    }
    assert!(bare.is_empty(), "without a comment: {bare:#?}");
    // Counted another way: the types, the lines between their braces, and the functions.
    let types = header.lines().filter(|line| line.starts_with("typedef "));
    let lines: usize = types
        .map(|line| {
            1 + if line.ends_with('{') {
                body(line).len()
            } else {
                0
            }
        })
        .sum();
    assert_eq!(
        items,
        lines + header::functions().len(),
        "items in the header"
    );
    // Version 0.2.0 has 7 types, 16 results, 49 fields and 15 functions.
    assert!(items >= 87, "only {items} items in the header");
}
