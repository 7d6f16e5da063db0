//! What the shared library shows to the loader: its functions, its name, what it needs.

mod support;

use std::collections::{BTreeSet, HashMap};

use support::{elf, header, library};

/// The library's entries of one kind of the dynamic section.
fn dynamic(kind: &str) -> Vec<String> {
    elf::dynamic(library::path(), &[kind])
}

#[test]
fn the_header_declares_exactly_what_is_exported() {
    let expected: BTreeSet<_> = header::functions()
        .into_iter()
        .map(|name| ("T".to_owned(), name))
        .collect();
    assert_eq!(elf::exports(library::path()), expected);
}

#[test]
fn every_function_of_a_release_is_still_there() {
    let functions = header::functions();
    let dumps = std::fs::read_dir(support::root().join("tests/abi")).expect("the releases' ABIs");
    let dumps: Vec<_> = dumps
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "abi"))
        .collect();
    assert!(!dumps.is_empty(), "no release");
    for dump in dumps {
        let text = std::fs::read_to_string(&dump).expect("a release's ABI");
        let released: BTreeSet<_> = text
            .lines()
            .filter_map(|line| line.trim().strip_prefix("<elf-symbol name='"))
            .filter_map(|symbol| Some(symbol.split_once('\'')?.0.to_owned()))
            .collect();
        assert!(!released.is_empty(), "no symbol in {}", dump.display());
        let removed: Vec<_> = released.difference(&functions).collect();
        assert!(
            removed.is_empty(),
            "{}: removed {removed:?}",
            dump.display()
        );
    }
}

/// pthread_cancel() of the asynchronous type unwinds from any instruction, which aborts the process in a
/// function with a table of what to catch and drop ("L" in its frames' augmentation).
#[test]
fn no_export_has_anything_to_catch_or_drop_itself() {
    let symbols = elf::output("nm", &["-D", "--defined-only"], library::path());
    let exports: HashMap<u64, &str> = symbols
        .lines()
        .map(|line| {
            let mut words = line.split_whitespace();
            let address = words.next().expect("an address");
            (hexadecimal(address), words.last().expect("a name"))
        })
        .collect();
    let frames = elf::output("readelf", &["--debug-dump=frames", "-W"], library::path());
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
                    seen.insert((*export).to_owned());
                }
            }
            _ => {}
        }
    }
    assert_eq!(seen, header::functions());
}

fn hexadecimal(digits: &str) -> u64 {
    u64::from_str_radix(digits, 16).expect("hexadecimal digits")
}

#[test]
fn the_soname_has_the_major_version_and_before_1_0_the_minor_one() {
    assert_eq!(
        dynamic("SONAME"),
        [format!("(SONAME) Library soname: [{}]", library::soname())]
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
    let sections = elf::output("readelf", &["-SW"], library::path());
    for section in [".symtab", ".debug_info"] {
        assert!(!sections.contains(section), "not stripped: {section}");
    }
    assert_eq!(dynamic("RUNPATH"), Vec::<String>::new());
    assert_eq!(dynamic("RPATH"), Vec::<String>::new());
}

#[test]
fn it_asks_for_no_executable_stack() {
    let segments = elf::output("readelf", &["-lW"], library::path());
    let stack = segments
        .lines()
        .find(|line| line.contains("GNU_STACK"))
        .expect("a stack's flags");
    assert!(!stack.contains("RWE"), "{stack}");
}
