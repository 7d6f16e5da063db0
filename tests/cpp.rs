//! include/itnio.hpp and examples/cpp: the header with each compiler, the wrapper, the dialer's journal,
//! and the dialer, killed at any moment and started again. With `--nocapture` they say what they tried.

#[path = "runner/make.rs"]
mod make;
mod support;

use libtest_mimic::Arguments;

fn main() {
    const GCC: &[&str] = &["g++", "make"];
    const CLANG: &[&str] = &["clang++", "make"];
    let trials = [
        ("test-header-g++", GCC),
        ("test-header-clang++", CLANG),
        ("test-wrapper", GCC),
        ("test-journal", GCC),
        ("test-dialer", GCC),
    ]
    .map(|(target, tools)| make::trial("cpp", target, tools))
    .into();
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}
