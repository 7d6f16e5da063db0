//! The fault campaign in its long form, and the same campaign over libcurl by hand and Java.
//!
//! ```sh
//! cargo bench --bench campaign -- --calls 100000
//! cargo bench --bench campaign -- --calls 100000 --write-docs  # into docs/reliability.md, README.md, benches/campaign.svg
//! ```

#[path = "../tests/campaign/mod.rs"]
mod campaign;
#[path = "shared/pages.rs"]
mod pages;
#[path = "campaign/picture.rs"]
mod picture;
#[path = "campaign/programs.rs"]
mod programs;
#[path = "shared/progress.rs"]
mod progress;
#[path = "campaign/report.rs"]
mod report;
#[path = "../tests/support/mod.rs"]
mod support;
#[path = "campaign/tally.rs"]
mod tally;

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::process::ExitCode;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use clap::{Parser, ValueEnum};
use indicatif::ProgressBar;

use campaign::compare::{Violation, violations};
use campaign::figures::Figures;
use campaign::look::{Findings, diary_after, is_unknown};
use campaign::run::{CallClient, CallResult, Settings, Setup, library};
use campaign::sum::Sum;
use programs::Program;
use progress::progress;
use report::Report;
use support::client::Client;
use tally::Tally;

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Caller {
    /// libitnio.
    Library,
    /// libcurl, one reused easy handle per thread.
    Libcurl,
    /// libcurl with a new connection for each call.
    LibcurlFresh,
    /// HttpURLConnection in Java.
    Java,
}

impl Caller {
    fn title(self) -> &'static str {
        match self {
            Caller::Library => "libitnio",
            Caller::Libcurl => "libcurl by hand, one reused easy handle per thread",
            Caller::LibcurlFresh => "libcurl by hand, a new connection for each call",
            Caller::Java => "HttpURLConnection in Java",
        }
    }

    /// The client with its version, for the head of a column.
    fn heading(self, version: &str) -> String {
        let number = version.split(['/', ' ']).nth(1).unwrap_or_default();
        match self {
            Caller::Library => "libitnio".to_owned(),
            Caller::Libcurl => format!("libcurl {number}, reused handle"),
            Caller::LibcurlFresh => format!("libcurl {number}, new connections"),
            Caller::Java => format!("Java {number}, HttpURLConnection"),
        }
    }

    fn program(self) -> Option<Program> {
        match self {
            Caller::Library => None,
            Caller::Libcurl => Some(Program::Libcurl),
            Caller::LibcurlFresh => Some(Program::LibcurlFresh),
            Caller::Java => Some(Program::Java),
        }
    }
}

/// Calls through a proxy that closes, resets and stalls connections at random bytes; then the callers'
/// diary is compared with the gateway's. Ends with 1 where libitnio broke a promise.
#[derive(Parser)]
struct Options {
    #[arg(long, default_value_t = 100_000)]
    calls: u64,
    /// Replays the faults of the run that printed it.
    #[arg(long)]
    seed: Option<u64>,
    #[arg(long, default_value_t = 64)]
    groups: u64,
    #[arg(long, default_value_t = 300)]
    timeout_ms: u32,
    /// How long after a call was accepted its record appears.
    #[arg(long, default_value_t = 500)]
    record_delay_ms: u32,
    /// Who calls; without it, all of them one after the other.
    #[arg(long)]
    only: Option<Caller>,
    /// Write the figures into docs/reliability.md, and the picture of them, also into README.md
    #[arg(long, conflicts_with = "only")]
    write_docs: bool,
    /// Cargo's.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> ExitCode {
    let options = Options::parse();
    let settings = Settings {
        seed: options.seed.unwrap_or_else(|| {
            let now = SystemTime::now().duration_since(UNIX_EPOCH);
            now.expect("after 1970").as_secs()
        }),
        calls: options.calls,
        groups: options.groups,
        timeout_ms: options.timeout_ms,
        record_delay_ms: options.record_delay_ms,
    };
    let mut code = ExitCode::SUCCESS;
    let mut report = None;
    for caller in Caller::value_variants() {
        if options.only.is_some_and(|only| only != *caller) {
            continue;
        }
        match caller.program() {
            None => {
                let (of_library, kept) = sum(rounds(settings).map(run_library));
                if !kept {
                    code = ExitCode::FAILURE;
                }
                report = Some(of_library);
            }
            Some(program) => match program.available() {
                Ok(()) => {
                    let tally =
                        sum(rounds(settings).map(|round| run_program(round, *caller, program)));
                    if let Some(report) = &mut report {
                        report.tallies.push(tally);
                    }
                }
                Err(why) => {
                    println!("== {}\nleft out: {why}\n", caller.title());
                    if let Some(report) = &mut report {
                        report.left_out.push(format!("{}, {why}", caller.title()));
                    }
                }
            },
        }
    }
    if let (true, Some(report)) = (options.write_docs, report)
        && let Err(error) = write_docs(&report)
    {
        eprintln!("{error}");
        code = ExitCode::FAILURE;
    }
    code
}

/// A campaign in parts of this many calls at most, each with gateways of its own: the look for a call reads all
/// records of the calls after it, so that its cost would grow with the square of the calls.
const ROUND: u64 = 10_000;

fn rounds(settings: Settings) -> impl Iterator<Item = Settings> {
    let count = settings.calls.div_ceil(ROUND);
    (0..count).map(move |round| Settings {
        seed: settings.seed.wrapping_add(round),
        calls: settings.calls / count,
        ..settings
    })
}

fn sum<T: Sum>(of_rounds: impl Iterator<Item = T>) -> T {
    let sum = of_rounds.reduce(|mut sum, round| {
        sum.add(round);
        sum
    });
    sum.expect("a round")
}

fn write_docs(report: &Report) -> Result<(), Box<dyn Error>> {
    let page = support::root().join("docs/reliability.md");
    for (name, text) in [
        ("campaign", report.comparison()),
        ("campaign-errors", report.words()),
        ("campaign-knowledge", report.knowledge()),
        ("campaign-looks", report.looks()),
    ] {
        pages::write_between(&page, name, &text)?;
    }
    let readme = support::root().join("README.md");
    pages::write_between(&readme, "campaign-picture", &report.headline(""))?;
    fs::write(support::root().join(report::PICTURE), report.picture()?)?;
    Ok(())
}

/// Counts the calls for whoever looks.
struct Counted<'a> {
    client: &'a Client,
    progress: &'a ProgressBar,
}

impl CallClient for Counted<'_> {
    fn call(&self, callee: &str, bulky: bool) -> CallResult {
        let result = CallClient::call(self.client, callee, bulky);
        self.progress.inc(1);
        result
    }
}

impl Sum for bool {
    fn add(&mut self, other: bool) {
        *self &= other;
    }
}

/// What the library's calls came to, and whether every promise was kept.
fn run_library(settings: Settings) -> (Report, bool) {
    println!("== libitnio");
    let started = Instant::now();
    let setup = Setup::new(settings);
    let progress = progress("libitnio", setup.calls());
    let clients: Vec<Client> = (setup.groups.iter())
        .map(|group| library(&setup, group))
        .collect();
    let counted: Vec<_> = (clients.iter())
        .map(|client| Counted {
            client,
            progress: &progress,
        })
        .collect();
    let diary = setup.call_with(&counted);
    progress.set_message("itnio_find_call");
    progress.set_position(0);
    progress.set_length(diary.iter().filter(|line| is_unknown(line)).count() as u64);
    let looks = setup.look(&clients, &diary, || progress.inc(1));
    drop(counted);
    drop(clients);
    progress.finish_and_clear();
    let evidence = setup.finish();
    let figures = Figures::of(&diary, &evidence);
    let tally = Tally::of_library(&Caller::Library.heading(""), &diary, &evidence);
    let diary_after = diary_after(&diary, &looks);
    let after = Tally::of_library("libitnio, then itnio_find_call", &diary_after, &evidence);
    println!("{figures}\n{tally}\n== after itnio_find_call\n{after}");
    let findings = Findings::of(&looks, &evidence);
    println!("{findings}");
    for unexplained in figures.unexplained.iter().take(5) {
        println!("unexplained: {unexplained}");
    }
    let broken = violations(&diary, &evidence);
    let mut kinds = BTreeMap::<String, Vec<&Violation>>::new();
    for violation in &broken {
        let kind = (
            violation.promise,
            violation.wrong_result(),
            violation.true_response(),
        );
        kinds
            .entry(format!("{kind:?}"))
            .or_default()
            .push(violation);
    }
    for (kind, of_it) in kinds {
        println!("{kind}: {}", of_it.len());
        for violation in of_it.iter().take(5) {
            println!("    {violation}");
        }
    }
    println!(
        "{} violations, {} requests that no call made; {} s\n",
        broken.len(),
        evidence.unasked,
        started.elapsed().as_secs()
    );
    let kept = broken.is_empty() && evidence.unasked == 0 && findings.untrue.is_empty();
    let report = Report {
        settings,
        library: figures,
        findings,
        tallies: vec![tally, after],
        left_out: Vec::new(),
    };
    (report, kept)
}

/// What a program's calls came to.
fn run_program(settings: Settings, caller: Caller, program: Program) -> Tally {
    println!("== {}", caller.title());
    let started = Instant::now();
    let setup = Setup::new(settings);
    let progress = progress(caller.title(), setup.calls());
    let diary = program.call_all(&setup, &progress);
    progress.finish_and_clear();
    let evidence = setup.finish();
    let tally = Tally::of_program(&caller.heading(&diary.version), &diary.calls, &evidence);
    assert_eq!(tally.calls as u64, progress.length().unwrap_or_default());
    println!("{}; seed {}", tally.name, settings.seed);
    print!("{tally}");
    println!("{} s\n", started.elapsed().as_secs());
    tally
}
