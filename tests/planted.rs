//! Mistakes of a host, planted for the tests' instrument to find: only then does its silence over the
//! other tests mean anything. What it says has to name the library's own lines, in Rust, and the host's.

mod support;

use libtest_mimic::{Arguments, Completion, Failed, Trial};

use support::c::{Build, LIMIT, Output, command, run};
use support::instrument::Instrument::{self, Address, Thread, Valgrind};

/// A fault of tests/c/planted.c, and what each instrument that can see it has to say, in this order.
type Fault = (
    &'static str,
    &'static [(Instrument, &'static [&'static str])],
);

const FAULTS: &[Fault] = &[
    (
        "freed-client",
        &[
            (
                Address,
                &[
                    "heap-use-after-free",
                    "#0 ",
                    ".rs:",
                    "planted.c",
                    "freed by",
                    "planted.c",
                ],
            ),
            (Thread, &["heap-use-after-free", "#0 ", ".rs:", "planted.c"]),
            (
                Valgrind,
                &["Invalid read", ".rs:", "planted.c", "free'd", "planted.c"],
            ),
        ],
    ),
    (
        "twice-freed-client",
        &[
            (
                Address,
                &[
                    "heap-use-after-free",
                    ".rs:",
                    "planted.c",
                    "freed by",
                    "planted.c",
                ],
            ),
            (Thread, &["heap-use-after-free", ".rs:", "planted.c"]),
            (
                Valgrind,
                &["Invalid read", ".rs:", "planted.c", "free'd", "planted.c"],
            ),
        ],
    ),
    (
        "freed-string",
        &[
            (
                Address,
                &[
                    "heap-use-after-free",
                    "#0 ",
                    "planted.c",
                    "freed by",
                    "pointers.rs",
                    "planted.c",
                ],
            ),
            (
                Valgrind,
                &[
                    "Invalid read",
                    "planted.c",
                    "free'd",
                    "pointers.rs",
                    "planted.c",
                ],
            ),
        ],
    ),
    (
        "twice-freed-string",
        &[
            (
                Address,
                &[
                    "heap-use-after-free",
                    "pointers.rs",
                    "planted.c",
                    "freed by",
                    "planted.c",
                ],
            ),
            (
                Valgrind,
                &[
                    "Invalid read",
                    "pointers.rs",
                    "planted.c",
                    "free'd",
                    "planted.c",
                ],
            ),
        ],
    ),
    (
        "small-status",
        &[
            (
                Address,
                &[
                    "heap-buffer-overflow",
                    "WRITE of size 4",
                    "#0 ",
                    ".rs:",
                    "planted.c",
                ],
            ),
            (Valgrind, &["Invalid write of size 4", ".rs:", "planted.c"]),
        ],
    ),
    (
        "endless-string",
        &[
            (
                Address,
                &["heap-buffer-overflow", "pointers.rs", "planted.c"],
            ),
            (Valgrind, &["Invalid read", "pointers.rs", "planted.c"]),
        ],
    ),
    (
        "forgotten-string",
        &[
            (
                Address,
                &["detected memory leaks", "pointers.rs", "planted.c"],
            ),
            (Valgrind, &["definitely lost", "pointers.rs", "planted.c"]),
        ],
    ),
    (
        "forgotten-client",
        &[
            (
                Address,
                &["detected memory leaks", "pointers.rs", "planted.c"],
            ),
            (Valgrind, &["definitely lost", "pointers.rs", "planted.c"]),
        ],
    ),
    (
        "status-read-meanwhile",
        &[(Thread, &["data race", "pointers.rs", "planted.c"])],
    ),
    (
        "freed-meanwhile",
        &[(Thread, &["data race", ".rs:", "planted.c"])],
    ),
];

fn main() {
    let arguments = Arguments::from_args();
    let instrument = Instrument::current();
    let mut trials = vec![Trial::ignorable_test(
        "no_fault",
        move || match instrument {
            Some(_) => {
                let output = run_with("none");
                if output.code == Some(0) && output.stderr.is_empty() {
                    Ok(Completion::Completed)
                } else {
                    Err(Failed::from(output.stderr))
                }
            }
            None => Ok(not_here()),
        },
    )];
    trials.extend(FAULTS.iter().map(|(fault, reports)| {
        Trial::ignorable_test(fault.replace('-', "_"), move || {
            let Some(instrument) = instrument else {
                return Ok(not_here());
            };
            match reports.iter().find(|(by, _)| *by == instrument) {
                Some((_, words)) => found(instrument, run_with(fault), words),
                None => Ok(Completion::ignored_with("not for this instrument to find")),
            }
        })
    }));
    libtest_mimic::run(&arguments, trials).exit();
}

fn not_here() -> Completion {
    Completion::ignored_with("for an instrument to find: tests/instrumented.sh")
}

fn run_with(fault: &str) -> Output {
    // An instrument that sees nothing shows by a program that ends as if nothing had been wrong.
    let mut program = command(&Build::c().compile("planted.c"));
    program.arg(fault);
    run(program, LIMIT)
}

/// Whether the instrument has ended the program, and has said `words`.
fn found(instrument: Instrument, output: Output, words: &[&str]) -> Result<Completion, Failed> {
    let mut rest = output.stderr.as_str();
    for word in words {
        rest = match rest.split_once(word) {
            Some((_, rest)) => rest,
            None => {
                return Err(Failed::from(format!(
                    "no {word:?} (in this order) in: {output:?}"
                )));
            }
        };
    }
    if output.code != Some(instrument.exit_code()) {
        return Err(Failed::from(format!("ended well: {output:?}")));
    }
    Ok(Completion::Completed)
}
