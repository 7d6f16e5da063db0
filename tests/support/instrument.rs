//! Runs the C programs under AddressSanitizer, ThreadSanitizer or valgrind, with a matching build of the
//! library: `ITNIO_TEST_INSTRUMENT=asan|tsan|valgrind`. tests/instrumented.sh runs all tests that allow it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The tool that checks the programs while they run.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Instrument {
    /// AddressSanitizer, with LeakSanitizer.
    Address,
    /// ThreadSanitizer.
    Thread,
    /// valgrind's memcheck.
    Valgrind,
}

/// The sanitizers need nightly Rust, and a standard library built with them.
const TARGET: &str = "x86_64-unknown-linux-gnu";

/// The library that the programs are linked with: the build for the instrument, or the release build.
pub fn library() -> &'static Path {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    match Instrument::current() {
        Some(instrument) => PATH.get_or_init(|| super::library::build(&mut instrument.build())),
        None => super::library::path(),
    }
}

/// By which factor time limits are longer.
pub fn slowdown() -> u32 {
    Instrument::current().map_or(1, Instrument::slowdown)
}

impl Instrument {
    /// The one in ITNIO_TEST_INSTRUMENT.
    pub fn current() -> Option<Instrument> {
        let name = std::env::var("ITNIO_TEST_INSTRUMENT").ok()?;
        Some(match name.as_str() {
            "asan" => Instrument::Address,
            "tsan" => Instrument::Thread,
            "valgrind" => Instrument::Valgrind,
            _ => panic!("ITNIO_TEST_INSTRUMENT={name}: neither asan nor tsan nor valgrind"),
        })
    }

    fn name(self) -> &'static str {
        match self {
            Instrument::Address => "asan",
            Instrument::Thread => "tsan",
            Instrument::Valgrind => "valgrind",
        }
    }

    /// The exit status of a program in which an error was found.
    pub fn exit_code(self) -> i32 {
        match self {
            Instrument::Address => 97,
            Instrument::Thread => 98,
            Instrument::Valgrind => 99,
        }
    }

    fn slowdown(self) -> u32 {
        match self {
            Instrument::Address => 4,
            Instrument::Thread => 4,
            Instrument::Valgrind => 6,
        }
    }

    /// Flags for the compiler of the programs. The library is linked without a sanitizer runtime and uses that
    /// of the program. It has to be gcc's, a shared library: a host's own functions then come before it.
    pub fn flags(self) -> Vec<String> {
        match self {
            Instrument::Address => {
                vec![
                    "-fsanitize=address".into(),
                    "-fno-omit-frame-pointer".into(),
                ]
            }
            Instrument::Thread => {
                let memory = super::root().join("tests/c/tsan_memory.c");
                vec!["-fsanitize=thread".into(), memory.display().to_string()]
            }
            Instrument::Valgrind => vec!["-DHOST_VALGRIND".into()],
        }
    }

    /// `cargo build` of the library, in a directory of its own.
    fn build(self) -> Command {
        let mut cargo = match self {
            Instrument::Valgrind => {
                Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
            }
            Instrument::Address | Instrument::Thread => {
                let mut rustup = Command::new("rustup");
                rustup.args(["run", "nightly", "cargo"]);
                rustup.env_remove("CARGO").env_remove("RUSTC");
                rustup
            }
        };
        cargo
            .args(["build", "--locked", "--target-dir"])
            .arg(self.directory());
        // Reports should name functions and lines; link-time optimisation would inline most functions.
        cargo
            .env("CARGO_PROFILE_RELEASE_STRIP", "none")
            .env("CARGO_PROFILE_RELEASE_DEBUG", "line-tables-only")
            .env("CARGO_PROFILE_RELEASE_LTO", "off");
        let sanitizer = match self {
            Instrument::Valgrind => return cargo,
            Instrument::Address => "address",
            Instrument::Thread => "thread",
        };
        cargo
            .args(["-Zbuild-std", "--target", TARGET])
            .env(
                "RUSTFLAGS",
                // AddressSanitizer walks the stack by frame pointers.
                format!("-Zsanitizer={sanitizer} -Cforce-frame-pointers=yes"),
            )
            .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16");
        cargo
    }

    fn directory(self) -> PathBuf {
        Path::new(env!("CARGO_TARGET_TMPDIR")).join(self.name())
    }

    /// A command that runs a program under it.
    pub fn command(self, program: &Path) -> Command {
        let code = self.exit_code();
        let mut command = Command::new(program);
        match self {
            Instrument::Address => {
                command.env(
                    "ASAN_OPTIONS",
                    format!("exitcode={code}:detect_leaks=1:strict_string_checks=1:detect_stack_use_after_return=1"),
                );
                command.env("LSAN_OPTIONS", format!("exitcode={code}"));
            }
            Instrument::Thread => {
                command.env(
                    "TSAN_OPTIONS",
                    format!(
                        "exitcode={code}:die_after_fork=0:history_size=7:second_deadlock_stack=1"
                    ),
                );
            }
            Instrument::Valgrind => {
                command = Command::new("valgrind");
                command
                    .arg("--quiet")
                    .arg(format!("--error-exitcode={code}"))
                    .args([
                        "--leak-check=full",
                        "--show-leak-kinds=all",
                        "--errors-for-leak-kinds=all",
                        // ring's assembly works on whole blocks. valgrind takes its output for uninitialised
                        // where a block is only partly used: the tags, and all that is sent.
                        "--undef-value-errors=no",
                    ])
                    .arg(format!(
                        "--suppressions={}",
                        super::root().join("tests/valgrind.supp").display()
                    ))
                    .arg(program);
            }
        }
        command.env("HOST_SLOWDOWN", self.slowdown().to_string());
        command
    }
}
