//! examples/go: the Go package and its command, by Go's own tools.

#[path = "runner/make.rs"]
mod make;
mod support;

use libtest_mimic::Arguments;

fn main() {
    const TOOLS: &[&str] = &["go", "gofmt", "make", "pkg-config"];
    // `race` is `go test -race`; the others are vet, gofmt, a program of another module, and the other way to link.
    let trials = ["fmt", "vet", "module", "flags", "race"]
        .map(|target| make::trial("go", target, TOOLS))
        .into();
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}
