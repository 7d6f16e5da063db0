//! What `cargo cinstall` installs is what a C programmer is used to: programs in C and C++ build with
//! nothing but pkg-config, and place calls; and `man` shows the manual pages.
//!
//! The commands are those of docs/install.md.

#[path = "sandbox/process.rs"]
mod process;
mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use libtest_mimic::Arguments;
use process::Sandbox;
use support::c::{self, LIMIT};
use support::library;
use support::prefix::{
    CARGO_C, PREFIX, copy, files, in_docs, installed, libdir, only_archive, path,
};
use support::require::trial;
use support::{elf, header, root, scratch};

// The commands of docs/install.md; their prefix becomes the test's.
const SHARED: &str = "cc program.c $(pkg-config --cflags --libs itnio)";
const ARCHIVE: &str = "cc program.c $(pkg-config --cflags itnio) \
                       -Wl,-Bstatic $(pkg-config --libs itnio) -Wl,-Bdynamic -lm";
const ONLY_ARCHIVE: &str = "cc program.c $(pkg-config --static --cflags --libs itnio)";
const STATIC: &str =
    "cc -static program.c $(pkg-config --static --cflags --libs itnio | sed 's/-lgcc_s//')";
const REMOVE: &str = "libdir=$(pkg-config --variable=libdir itnio) && \
                      rm -r $libdir/libitnio.* $libdir/pkgconfig/itnio.pc \
                      /usr/local/include/itnio.h* /usr/local/share/cmake/itnio \
                      /usr/local/share/man/man3/itnio*.3";

fn main() {
    let trials = vec![
        trial("every_file_is_installed", &[CARGO_C], every_file),
        trial(
            "pkg_config_has_the_version",
            &[CARGO_C, "pkg-config"],
            || {
                let version = sh("pkg-config --modversion itnio", installed());
                assert_eq!(version.trim(), env!("CARGO_PKG_VERSION"));
            },
        ),
        trial(
            "the_library_is_that_of_cargo_build",
            &[CARGO_C, "readelf", "nm"],
            same_as_cargo_build,
        ),
        trial(
            "c_with_the_shared_library",
            &[CARGO_C, "pkg-config", "cc", "readelf"],
            || places_a_call(SHARED, C, installed(), &[&library::soname(), "libc.so.6"]),
        ),
        trial(
            "cpp_with_the_shared_library",
            &[CARGO_C, "pkg-config", "c++", "readelf"],
            || places_a_call(SHARED, CPP, installed(), &[&library::soname(), "libc.so.6"]),
        ),
        trial(
            "c_with_the_archive",
            &[CARGO_C, "pkg-config", "cc", "readelf"],
            || places_a_call(ARCHIVE, C, installed(), &["libc.so.6"]),
        ),
        trial(
            "cpp_with_the_archive",
            &[CARGO_C, "pkg-config", "c++", "readelf"],
            || places_a_call(ARCHIVE, CPP, installed(), &["libc.so.6"]),
        ),
        trial(
            "c_where_there_is_only_the_archive",
            &[CARGO_C, "pkg-config", "cc", "readelf"],
            || places_a_call(ONLY_ARCHIVE, C, &only_archive(), &["libc.so.6"]),
        ),
        trial(
            "c_static_with_libc",
            &[CARGO_C, "pkg-config", "cc", "readelf"],
            || places_a_call(STATIC, C, installed(), &[]),
        ),
        trial(
            "cpp_static_with_libc",
            &[CARGO_C, "pkg-config", "c++", "readelf"],
            || places_a_call(STATIC, CPP, installed(), &[]),
        ),
        trial(
            "man_shows_a_page_for_every_function",
            &[CARGO_C, "man"],
            man,
        ),
        trial(
            "manual_pages_are_clean",
            &[CARGO_C, "mandoc"],
            pages_are_clean,
        ),
        trial(
            "the_documented_command_removes_all_of_it",
            &[CARGO_C, "pkg-config"],
            || {
                let copy = copy("removed");
                sh(&in_docs(REMOVE), &copy);
                assert_eq!(files(&copy), BTreeMap::new());
            },
        ),
    ];
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}

/// Runs a command of docs/install.md against this prefix; gives its output.
#[track_caller]
fn sh(command: &str, prefix: &Path) -> String {
    let mut shell = Command::new("sh");
    shell
        .arg("-euc")
        .arg(command.replace(PREFIX, path(prefix)))
        // Whatever else is installed is not found.
        .env("PKG_CONFIG_LIBDIR", libdir(prefix).join("pkgconfig"))
        .env_remove("PKG_CONFIG_PATH");
    if prefix != installed() {
        // A copy; the file says where the original is.
        let original = fs::read_to_string(libdir(prefix).join("pkgconfig/itnio.pc"));
        let moved = original
            .expect("a pkg-config file")
            .replace(path(installed()), path(prefix));
        fs::write(libdir(prefix).join("pkgconfig/itnio.pc"), moved).expect("a file");
    }
    c::run(shell, LIMIT).success().to_owned()
}

// What is installed

fn every_file() {
    let version = env!("CARGO_PKG_VERSION");
    let lib = libdir(installed());
    let lib = path(lib.strip_prefix(installed()).expect("within it"));
    let mut expected: BTreeMap<String, Option<PathBuf>> = BTreeMap::new();
    for file in [
        format!("{lib}/libitnio.so.{version}"),
        format!("{lib}/libitnio.a"),
        format!("{lib}/pkgconfig/itnio.pc"),
        "include/itnio.h".to_owned(),
        "include/itnio.hpp".to_owned(),
        "share/cmake/itnio/itnio-config.cmake".to_owned(),
        "share/cmake/itnio/itnio-config-version.cmake".to_owned(),
        "share/man/man3/itnio.3".to_owned(),
    ] {
        expected.insert(file, None);
    }
    for name in header::functions() {
        expected.insert(format!("share/man/man3/{name}.3"), None);
    }
    for link in ["libitnio.so".to_owned(), library::soname()] {
        let target = format!("libitnio.so.{version}");
        expected.insert(format!("{lib}/{link}"), Some(target.into()));
    }
    assert_eq!(files(installed()), expected);

    for header in ["include/itnio.h", "include/itnio.hpp"] {
        let read = |folder: &Path| fs::read(folder.join(header)).expect("a header");
        assert!(
            read(installed()) == read(root()),
            "{header} differs from the repository's"
        );
    }
}

fn same_as_cargo_build() {
    let ours = libdir(installed()).join("libitnio.so");
    let symbols = elf::exports(&ours);
    assert_eq!(symbols, elf::exports(library::path()));
    let names: BTreeSet<String> = symbols.into_iter().map(|(_, name)| name).collect();
    assert_eq!(names, header::functions());
    let kinds = ["SONAME", "NEEDED", "FLAGS", "FLAGS_1", "RPATH", "RUNPATH"];
    let entries = elf::dynamic(&ours, &kinds);
    assert_eq!(entries, elf::dynamic(library::path(), &kinds));
    let has = |what: &str| entries.iter().any(|entry| entry.contains(what));
    assert!(has("SONAME") && has("NODELETE"), "{entries:?}");
}

// Programs

/// A source, and how it changes the command for C.
type Source = (&'static str, &'static str);
const C: Source = ("examples/c/send_sip.c", "cc ");
const CPP: Source = ("tests/c/installed.cpp", "c++ -std=c++17 ");

/// Builds the program by the command of docs/install.md, and calls the sandbox by it. `needed` are the libraries
/// that have to be there when it runs, besides the compiler's own.
#[track_caller]
fn places_a_call(command: &str, (source, compiler): Source, prefix: &Path, needed: &[&str]) {
    let program = tempfile::Builder::new()
        .tempdir_in(scratch())
        .expect("a folder")
        .keep()
        .join("program");
    let command = in_docs(command)
        .replacen("cc ", compiler, 1)
        .replace("program.c", path(&root().join(source)));
    sh(&format!("{command} -o {}", program.display()), prefix);

    let companions = ["libgcc_s.so", "libstdc++.so", "libm.so", "ld-linux"];
    let mut found = elf::dynamic(&program, &["NEEDED"]);
    found.retain(|entry| !companions.iter().any(|name| entry.contains(name)));
    let expected: Vec<String> = needed
        .iter()
        .map(|name| format!("(NEEDED) Shared library: [{name}]"))
        .collect();
    found.sort_by_key(|entry| expected.iter().position(|one| one == entry));
    assert_eq!(found, expected);

    let sandbox = Sandbox::start(&[]);
    let mut call = c::command(&program);
    call.args(["4915112345678", "1001", "my-app"])
        .env("ITNIO_API_KEY", "bDqJFiq9")
        .env("ITNIO_API_SECRET", "7bz1lzh9")
        .env("ITNIO_BASE_URL", &sandbox.base_url)
        .env("ITNIO_CA_FILE", &sandbox.ca_file)
        .env("LD_LIBRARY_PATH", libdir(prefix));
    let output = c::run(call, LIMIT);
    let id = output
        .success()
        .lines()
        .find_map(|line| line.strip_prefix("recording_id="))
        .expect("a recording ID");
    assert!(sandbox.line().ends_with(id), "the sandbox's call");
    assert!(sandbox.finish().log.is_empty(), "one request");
}

// Manual pages

/// A page as `man` shows it, by section.
fn page(name: &str) -> BTreeMap<String, String> {
    let mut man = Command::new("man");
    man.arg("-M")
        .arg(installed().join("share/man"))
        .arg(name)
        .env("LC_ALL", "C")
        .env("MANWIDTH", "100")
        .env("MANPAGER", "cat");
    let shown = c::run(man, LIMIT).success().to_owned();
    let mut sections = BTreeMap::new();
    let mut heading = String::new();
    for line in shown.lines() {
        if line.starts_with(|first: char| first.is_ascii_uppercase()) {
            heading = line.trim().to_owned();
        } else {
            let text: &mut String = sections.entry(heading.clone()).or_default();
            // One space between words, however it is laid out.
            for word in line.split_whitespace() {
                *text += word;
                text.push(' ');
            }
        }
    }
    sections
}

fn man() {
    let all = header::functions();
    for name in &all {
        let page = page(name);
        let section = |heading: &str| {
            page.get(heading)
                .unwrap_or_else(|| panic!("{name}(3) has no {heading}"))
        };
        assert!(section("NAME").starts_with(&format!("{name} - ")), "{name}");
        let synopsis = section("SYNOPSIS");
        for part in ["#include <itnio.h>", &format!("{name}("), "-litnio"] {
            assert!(synopsis.contains(part), "{name}: {synopsis}");
        }
        section("THREADS");
        for other in all.iter().filter(|other| *other != name) {
            assert!(section("SEE ALSO").contains(&format!("{other}(3)")));
        }
    }
    let page = page("itnio_send_sip");
    for (heading, parts) in [
        // Arguments, who owns them, and who frees what comes out of it.
        (
            "ARGUMENTS",
            &[
                "client",
                "request",
                "read during the call only",
                "*status",
                "*recording_id",
                "*reason",
                "may be NULL",
                "freed with itnio_free_string()",
            ][..],
        ),
        ("RETURN VALUE", &["ITNIO_OK", "itnio_may_have_dialed()"]),
        ("THREADS", &["any number of threads"]),
        (
            "EXAMPLES",
            &[
                "itnio_client_new(&config, &client, &reason)",
                "itnio_send_sip(client, &request, NULL, &id, &reason)",
                "itnio_free_string(id)",
            ],
        ),
    ] {
        let text = page.get(heading).unwrap_or_else(|| panic!("no {heading}"));
        for part in parts {
            assert!(text.contains(part), "{heading} without {part}: {text}");
        }
    }
}

fn pages_are_clean() {
    let folder = installed().join("share/man/man3");
    let mut mandoc = Command::new("mandoc");
    mandoc.args(["-Tlint", "-W", "warning"]);
    mandoc.args(files(&folder).keys().map(|name| folder.join(name)));
    let output = c::run(mandoc, LIMIT);
    assert_eq!((output.code, output.stdout.as_str()), (Some(0), ""));
}
