//! Planted faults: mistakes of a host that the tests' instrument has to find. Only then is it evidence that
//! it finds nothing in the other tests. Its reports have to name lines of the library and of the host.

mod support;

use libtest_mimic::{Arguments, Completion, Failed, Trial};

use support::c::{Build, LIMIT, Output, command, run};
use support::instrument::Instrument::{self, Address, Thread, Valgrind};

/// A fault of tests/c/planted.c, and the words that the report of each instrument has to contain, in this
/// order. An instrument that cannot find it is not listed.
type Fault = (
    &'static str,
    &'static [(Instrument, &'static [&'static str])],
);

const FAULTS: &[Fault] = &[
    (
        "client-use-after-free",
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
        "client-double-free",
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
        "string-use-after-free",
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
        "string-double-free",
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
        "status-overflow",
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
        "unterminated-string",
        &[
            (
                Address,
                &["heap-buffer-overflow", "pointers.rs", "planted.c"],
            ),
            (Valgrind, &["Invalid read", "pointers.rs", "planted.c"]),
        ],
    ),
    (
        "string-leak",
        &[
            (
                Address,
                &["detected memory leaks", "pointers.rs", "planted.c"],
            ),
            (Valgrind, &["definitely lost", "pointers.rs", "planted.c"]),
        ],
    ),
    (
        "client-leak",
        &[
            (
                Address,
                &["detected memory leaks", "pointers.rs", "planted.c"],
            ),
            (Valgrind, &["definitely lost", "pointers.rs", "planted.c"]),
        ],
    ),
    (
        "status-data-race",
        &[(Thread, &["data race", "pointers.rs", "planted.c"])],
    ),
    (
        "free-data-race",
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
            None => Ok(no_instrument()),
        },
    )];
    trials.extend(FAULTS.iter().map(|(fault, reports)| {
        Trial::ignorable_test(fault.replace('-', "_"), move || {
            let Some(instrument) = instrument else {
                return Ok(no_instrument());
            };
            match reports.iter().find(|(by, _)| *by == instrument) {
                Some((_, words)) => found(instrument, run_with(fault), words),
                None => Ok(Completion::ignored_with("this instrument cannot find it")),
            }
        })
    }));
    libtest_mimic::run(&arguments, trials).exit();
}

fn no_instrument() -> Completion {
    Completion::ignored_with("needs an instrument: tests/instrumented.sh")
}

fn run_with(fault: &str) -> Output {
    let mut program = command(&Build::c().compile("planted.c"));
    program.arg(fault);
    run(program, LIMIT)
}

/// Whether the report has these words, and the program the exit status of the instrument.
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
        return Err(Failed::from(format!("no error status: {output:?}")));
    }
    Ok(Completion::Completed)
}
