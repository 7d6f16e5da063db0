//! What a library or a program shows to the loader.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use super::c;

/// What a tool of binutils says of a file.
#[track_caller]
pub fn output(tool: &str, arguments: &[&str], file: &Path) -> String {
    let mut command = Command::new(tool);
    command.args(arguments).arg(file).env("LC_ALL", "C");
    c::run(command, c::LIMIT).success().to_owned()
}

/// The types ("T" for a function) and names of the exported symbols.
#[track_caller]
pub fn exports(library: &Path) -> BTreeSet<(String, String)> {
    output("nm", &["-D", "--defined-only"], library)
        .lines()
        .map(|line| {
            let mut words = line.split_whitespace().skip(1).map(str::to_owned);
            (words.next().expect("a type"), words.next().expect("a name"))
        })
        .collect()
}

/// The entries of the dynamic section of one of these kinds, sorted, such as "(NEEDED) Shared library: [libc.so.6]".
#[track_caller]
pub fn dynamic(file: &Path, kinds: &[&str]) -> Vec<String> {
    let mut entries: Vec<String> = output("readelf", &["-dW"], file)
        .lines()
        .filter(|line| kinds.iter().any(|kind| line.contains(&format!("({kind})"))))
        .map(|line| {
            line.split_whitespace()
                .skip(1)
                .collect::<Vec<_>>()
                .join(" ")
        })
        .collect();
    entries.sort();
    entries
}
