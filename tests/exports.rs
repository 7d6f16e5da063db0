//! What the shared library shows to the loader: its functions, its name, what it needs.

mod support;

use std::collections::BTreeSet;
use std::process::Command;

use support::library;

/// The functions of section 3 of the contract.
const FUNCTIONS: [&str; 9] = [
    "itnio_client_free",
    "itnio_client_new",
    "itnio_client_shutdown",
    "itnio_free_string",
    "itnio_may_have_dialed",
    "itnio_result_message",
    "itnio_send_sip",
    "itnio_status_message",
    "itnio_version",
];

fn output(tool: &str, arguments: &[&str]) -> String {
    let output = Command::new(tool)
        .args(arguments)
        .arg(library::path())
        .env("LC_ALL", "C")
        .output()
        .unwrap_or_else(|error| panic!("{tool}: {error}"));
    assert!(
        output.status.success(),
        "{tool}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).expect("text")
}

/// The values of one kind of entry of the dynamic section.
fn dynamic(kind: &str) -> Vec<String> {
    output("readelf", &["-dW"])
        .lines()
        .filter(|line| line.contains(&format!("({kind})")))
        .map(|line| line.rsplit_once(')').expect("a kind").1.trim().to_owned())
        .collect()
}

#[test]
fn exactly_the_nine_functions_are_exported() {
    let listed = output("nm", &["-D", "--defined-only"]);
    let symbols: Vec<_> = listed
        .lines()
        .map(|line| {
            let mut words = line.split_whitespace().skip(1);
            (words.next().expect("a type"), words.next().expect("a name"))
        })
        .collect();
    let expected: Vec<_> = FUNCTIONS.iter().map(|name| ("T", *name)).collect();
    let symbols: BTreeSet<_> = symbols.into_iter().collect();
    assert_eq!(symbols.into_iter().collect::<Vec<_>>(), expected);
}

#[test]
fn the_header_declares_exactly_what_is_exported() {
    let header =
        std::fs::read_to_string(support::root().join("include/itnio.h")).expect("the header");
    let code: String = without_comments(&header);
    let declared: BTreeSet<_> = code
        .match_indices('(')
        .filter_map(|(at, _)| {
            code[..at]
                .rsplit(|c: char| !c.is_alphanumeric() && c != '_')
                .next()
        })
        .filter(|name| name.starts_with("itnio_"))
        .collect();
    assert_eq!(declared.into_iter().collect::<Vec<_>>(), FUNCTIONS);
}

fn without_comments(header: &str) -> String {
    let mut code = String::new();
    let mut rest = header;
    while let Some((before, comment)) = rest.split_once("/*") {
        code.push_str(before);
        rest = comment.split_once("*/").expect("the end of a comment").1;
    }
    code + rest
}

#[test]
fn the_soname_has_the_major_version() {
    let major = env!("CARGO_PKG_VERSION_MAJOR");
    assert_eq!(
        dynamic("SONAME"),
        [format!("Library soname: [libitnio.so.{major}]")]
    );
}

#[test]
fn dlclose_never_unmaps_it() {
    let flags = dynamic("FLAGS_1").concat();
    assert!(
        flags.split_whitespace().any(|flag| flag == "NODELETE"),
        "{flags}"
    );
}

#[test]
fn it_needs_libc_and_its_companions_only() {
    for needed in dynamic("NEEDED") {
        let name = needed.split(['[', ']']).nth(1).expect("a name").to_owned();
        let companion = [
            "libc.so",
            "libgcc_s.so",
            "libm.so",
            "libpthread.so",
            "libdl.so",
            "librt.so",
            "ld-linux",
        ]
        .iter()
        .any(|prefix| name.starts_with(prefix));
        assert!(companion, "the library needs {name}");
    }
}

#[test]
fn it_is_stripped_and_has_no_search_path_of_its_own() {
    let sections = output("readelf", &["-SW"]);
    for section in [".symtab", ".debug_info"] {
        assert!(!sections.contains(section), "not stripped: {section}");
    }
    assert_eq!(dynamic("RUNPATH"), Vec::<String>::new());
    assert_eq!(dynamic("RPATH"), Vec::<String>::new());
}

#[test]
fn it_asks_for_no_executable_stack() {
    let segments = output("readelf", &["-lW"]);
    let stack = segments
        .lines()
        .find(|line| line.contains("GNU_STACK"))
        .expect("a stack's flags");
    assert!(!stack.contains("RWE"), "{stack}");
}
