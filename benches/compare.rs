//! The library beside libcurl by hand and the floor, over TLS 1.3 to a local nginx; and its bindings beside what
//! people would pick in PHP and in Go:
//!
//! ```sh
//! cargo bench --bench compare                             # everything, some minutes
//! cargo bench --bench compare -- --quick                  # a minute, for a first look
//! cargo bench --bench compare -- --only threads,syscalls  # some sections; --help lists them
//! cargo bench --bench compare -- --write-docs             # everything, into docs/performance.md
//! ```

use std::error::Error;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, ValueEnum};

#[path = "compare/delay.rs"]
mod delay;
#[path = "compare/floor.rs"]
mod floor;
#[path = "compare/languages.rs"]
mod languages;
#[path = "../tests/support/library.rs"]
#[allow(dead_code, reason = "shared with the tests")]
mod library;
#[path = "compare/machine.rs"]
mod machine;
#[path = "compare/nginx.rs"]
mod nginx;
#[path = "shared/pages.rs"]
mod pages;
#[path = "../tests/support/platform.rs"]
#[allow(dead_code, reason = "shared with the tests")]
mod platform;
#[path = "compare/process.rs"]
mod process;
#[path = "shared/progress.rs"]
mod progress;
#[path = "compare/report.rs"]
mod report;
#[path = "../tests/support/require.rs"]
#[allow(dead_code, reason = "shared with the tests")]
mod require;
#[path = "compare/sections.rs"]
mod sections;
#[path = "compare/stats.rs"]
mod stats;
#[path = "compare/worker.rs"]
mod worker;

use nginx::Nginx;
use report::Report;
use sections::{Bench, Effort, Section};
use worker::{Contender, FLOOR_ARGUMENT, Workers};

/// Compares libitnio with libcurl and with the floor, and its bindings with ext-curl and with net/http.
#[derive(Parser)]
struct Options {
    /// A minute instead of several, and less to be relied on
    #[arg(long)]
    quick: bool,
    /// Only these sections
    #[arg(long, value_delimiter = ',')]
    only: Vec<Section>,
    /// Medians are over so many turns
    #[arg(long)]
    turns: Option<usize>,
    /// Write the tables into docs/performance.md
    #[arg(long)]
    write_docs: bool,
    /// cargo bench says so
    #[arg(long, hide = true)]
    bench: bool,
}

impl Options {
    fn effort(&self) -> Effort {
        let (turns, span, many_calls) = if self.quick {
            (3, Duration::from_millis(300), 50_000)
        } else {
            (7, Duration::from_secs(1), 1_000_000)
        };
        Effort {
            turns: self.turns.unwrap_or(turns).max(1),
            span,
            many_calls,
            connections: 1000,
        }
    }
}

/// The root of the repository.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().collect();
    if let [_, worker, library, base_url, ca_file] = arguments.as_slice()
        && worker == FLOOR_ARGUMENT
    {
        return match floor::work(library, base_url, ca_file) {
            Ok(0) => ExitCode::SUCCESS,
            Ok(_) => ExitCode::FAILURE,
            Err(error) => complain(&*error),
        };
    }
    let options = Options::parse_from(arguments);
    if !options.bench {
        println!("The benchmark is run by cargo bench.");
        return ExitCode::SUCCESS;
    }
    match compare(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => complain(&*error),
    }
}

fn complain(error: &dyn Error) -> ExitCode {
    eprintln!("{error}");
    ExitCode::FAILURE
}

fn compare(options: &Options) -> Result<(), Box<dyn Error>> {
    process::raise_descriptor_limit();
    let scratch = tempfile::Builder::new()
        .prefix("itnio-bench-")
        .tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let nginx = Nginx::start(scratch.path())?;
    let workers = Workers::build(scratch.path(), nginx.ca_file())?;
    let bench = Bench {
        workers,
        nginx,
        effort: options.effort(),
        scratch,
    };

    let mut report = Report::default();
    let watch = machine::Watch::start();
    let mut floor = None;
    let sections: Vec<_> = Section::value_variants()
        .iter()
        .filter(|section| options.only.is_empty() || options.only.contains(section))
        .collect();
    let progress = progress::progress("", sections.len() as u64);
    for section in sections {
        progress.set_message(format!("{section:?}"));
        floor = bench.measure(*section, &mut report).or(floor);
        progress.inc(1);
    }
    progress.finish_and_clear();
    report.notes = vec![
        format!("Measured on {}.", machine::description()),
        format!(
            "The server: {}, one worker process, bound to one core.",
            bench.nginx.version
        ),
        watch.tell(floor),
    ];
    report.clients = versions(&bench);
    for (name, text) in [
        ("bench", report.markdown()),
        ("compare-languages", report.languages_markdown()),
    ] {
        // What was not measured stays as it is.
        let Some(text) = text else { continue };
        println!("\n{text}");
        if options.write_docs {
            pages::write_between(&root().join("docs/performance.md"), name, &text)?;
        }
    }
    Ok(())
}

fn versions(bench: &Bench) -> String {
    let versions = Contender::ALL.map(|contender| {
        let version = bench.version(contender);
        format!(
            "{} ({})",
            contender.name(),
            version.unwrap_or_else(|why| why)
        )
    });
    versions.join(", ")
}
