//! What the shared library shows to the loader: its functions, its name, what it needs.

mod support;

use std::collections::{BTreeSet, HashMap};
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

/// pthread_cancel() of the asynchronous type unwinds from any instruction, which aborts the process in a
/// function with a table of what to catch and drop ("L" in its frames' augmentation).
#[test]
fn no_export_has_anything_to_catch_or_drop_itself() {
    let symbols = output("nm", &["-D", "--defined-only"]);
    let exports: HashMap<u64, &str> = symbols
        .lines()
        .map(|line| {
            let mut words = line.split_whitespace();
            let address = words.next().expect("an address");
            (hexadecimal(address), words.last().expect("a name"))
        })
        .collect();
    let frames = output("readelf", &["--debug-dump=frames", "-W"]);
    // Where each kind of frame is described, and how it is augmented.
    let mut kinds: HashMap<&str, &str> = HashMap::new();
    let mut seen = BTreeSet::new();
    let mut kind = "";
    for line in frames.lines() {
        let words: Vec<_> = line.split_whitespace().collect();
        match words[..] {
            [offset, _, _, "CIE", ..] => kind = offset,
            ["Augmentation:", augmentation] => _ = kinds.insert(kind, augmentation),
            [_, _, _, "FDE", cie, range, ..] => {
                let start = range.trim_start_matches("pc=").split("..").next();
                let start = hexadecimal(start.expect("a first address"));
                if let Some(export) = exports.get(&start) {
                    let cie = cie.trim_start_matches("cie=");
                    assert!(!kinds[cie].contains('L'), "{export}: {}", kinds[cie]);
                    seen.insert(*export);
                }
            }
            _ => {}
        }
    }
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), FUNCTIONS);
}

fn hexadecimal(digits: &str) -> u64 {
    u64::from_str_radix(digits, 16).expect("hexadecimal digits")
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
