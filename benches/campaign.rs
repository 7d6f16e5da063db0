//! The fault campaign in its long form, and the same campaign over libcurl by hand.
//!
//! ```sh
//! cargo bench --bench campaign -- --calls 100000
//! ```

#[path = "../tests/campaign/mod.rs"]
mod campaign;
#[path = "../tests/support/mod.rs"]
mod support;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::File;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use clap::{Parser, ValueEnum};

use campaign::compare::{Violation, rings, violations};
use campaign::figures::Figures;
use campaign::run::{Evidence, Settings, Setup, library};
use support::c::Build;
use support::certs::Authority;
use support::client::{KEY, MAX_ARGUMENT, SECRET};
use support::response::recording_id_for;

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Caller {
    /// libitnio.
    Library,
    /// libcurl, one reused easy handle per thread.
    Libcurl,
    /// libcurl with a new connection for each call.
    LibcurlFresh,
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
    /// Who calls; without it, all of them one after the other.
    #[arg(long)]
    only: Option<Caller>,
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
    };
    let wanted = |caller| options.only.is_none_or(|only| only == caller);
    let mut code = ExitCode::SUCCESS;
    if wanted(Caller::Library) && !run_library(settings) {
        code = ExitCode::FAILURE;
    }
    for (caller, fresh) in [(Caller::Libcurl, false), (Caller::LibcurlFresh, true)] {
        if wanted(caller) {
            run_libcurl(settings, fresh);
        }
    }
    code
}

/// Whether every promise was kept.
fn run_library(settings: Settings) -> bool {
    println!("== libitnio");
    let started = Instant::now();
    let setup = Setup::new(settings);
    let diary = setup.call_all(library);
    let evidence = setup.finish();
    let figures = Figures::of(&diary, &evidence);
    println!("{figures}");
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
    broken.is_empty() && evidence.unasked == 0
}

fn run_libcurl(settings: Settings, fresh: bool) {
    let how = if fresh {
        "a new connection for each call"
    } else {
        "one reused easy handle per thread"
    };
    println!("== libcurl by hand, {how}");
    let started = Instant::now();
    let setup = Setup::new(settings);
    let diary = call_by_hand(&setup, fresh);
    let evidence = setup.finish();
    print!("{}", Comparison::of(&diary, &evidence));
    println!("{} s\n", started.elapsed().as_secs());
}

/// One call of benches/c/campaign_curl.c.
struct Performed {
    callee: String,
    /// The CURLcode, and what it is in words.
    code: i32,
    words: String,
    http_status: u32,
    /// Of the response's JSON.
    status: Option<String>,
    recording_id: Option<String>,
}

impl Performed {
    fn read(line: &str) -> Performed {
        let fields: Vec<_> = line.splitn(6, '\t').collect();
        let [callee, code, http_status, _, words, response] = fields[..] else {
            panic!("not a line of the diary: {line:?}");
        };
        let response: Option<serde_json::Value> = serde_json::from_str(response).ok();
        let text = |name: &str| match &response.as_ref()?[name] {
            serde_json::Value::String(text) => Some(text.clone()),
            serde_json::Value::Number(number) => Some(number.to_string()),
            _ => None,
        };
        Performed {
            callee: callee.to_owned(),
            code: code.parse().expect("a CURLcode"),
            words: words.to_owned(),
            http_status: http_status.parse().expect("an HTTP status"),
            status: text("status"),
            recording_id: text("data"),
        }
    }

    /// What the programmer can see.
    fn says(&self) -> String {
        match &self.status {
            _ if self.code != 0 => format!("{:2} {}", self.code, self.words),
            Some(status) => format!("HTTP {}, status {status}", self.http_status),
            None => format!("HTTP {}, not the JSON", self.http_status),
        }
    }

    /// Whether the API itself said no: any other status is some page's.
    fn is_refusal(&self) -> bool {
        let negative = |status: &String| status.starts_with('-');
        self.code == 0 && self.status.as_ref().is_some_and(negative)
    }

    fn is_success(&self) -> bool {
        self.code == 0 && self.http_status == 200 && self.status.as_deref() == Some("0")
    }
}

/// Has libcurl make the calls of every group.
fn call_by_hand(setup: &Setup, fresh: bool) -> Vec<Performed> {
    let mut groups = String::new();
    for group in &setup.groups {
        for caller in 0..group.callers {
            let bulk = if group.bulky { MAX_ARGUMENT } else { 0 };
            let (url, prefix) = (setup.url(group), group.prefix(caller));
            writeln!(
                groups,
                "{url}/sendSip {prefix} {} {bulk}",
                group.calls_per_caller
            )
            .expect("room");
        }
    }
    let file = support::scratch().join("groups");
    std::fs::write(&file, groups).expect("the groups' file");

    let program = Build::with("cc", "c99")
        .flag("-O2")
        .flag("-Wl,--no-as-needed")
        .flag("-lcurl")
        .compile_path(&support::root().join("benches/c/campaign_curl.c"));
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("after 1970")
        .as_secs();
    let mut command = Command::new(program);
    command
        .arg(Authority::common().file())
        .arg(setup.settings.timeout_ms.to_string())
        .args([KEY, &now.to_string()])
        .arg(format!("{:x}", md5::compute(format!("{KEY}{SECRET}{now}"))))
        .args(fresh.then_some("fresh"))
        .stdin(File::open(file).expect("the groups' file"))
        .stderr(Stdio::inherit());
    let output = command.output().expect("the program runs");
    assert!(output.status.success(), "{command:?}: {}", output.status);
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .map(Performed::read)
        .collect()
}

/// The results of libcurl's calls.
struct Comparison {
    seed: u64,
    calls: usize,
    connections: usize,
    faults: usize,
    /// By what libcurl reported: calls that did not arrive, arrived once, rang more than once.
    reports: BTreeMap<String, [usize; 3]>,
    rang_twice: usize,
    rang_twice_and_success: usize,
    most_rings: usize,
    arrived: usize,
    refused_and_rang: usize,
    success_with_anothers_recording: usize,
    unsolicited: usize,
}

impl Comparison {
    fn of(diary: &[Performed], evidence: &Evidence) -> Comparison {
        let mut comparison = Comparison {
            seed: evidence.settings.seed,
            calls: diary.len(),
            connections: evidence.connections,
            faults: evidence
                .connection_records
                .iter()
                .flatten()
                .filter(|e| e.fault.is_some())
                .count(),
            reports: BTreeMap::new(),
            rang_twice: 0,
            rang_twice_and_success: 0,
            most_rings: 0,
            arrived: 0,
            refused_and_rang: 0,
            success_with_anothers_recording: 0,
            unsolicited: (evidence.connection_records.iter().flatten())
                .map(|record| record.unsolicited.len())
                .sum(),
        };
        for performed in diary {
            let arrivals = evidence.arrivals_of(&performed.callee);
            let rings = rings(arrivals);
            let column = if arrivals.is_empty() {
                0
            } else {
                1 + usize::from(rings > 1)
            };
            comparison.reports.entry(performed.says()).or_default()[column] += 1;
            comparison.arrived += usize::from(!arrivals.is_empty());
            comparison.most_rings = comparison.most_rings.max(rings);
            comparison.refused_and_rang += usize::from(performed.is_refusal() && rings > 0);
            let own = Some(recording_id_for(&performed.callee));
            comparison.success_with_anothers_recording +=
                usize::from(performed.is_success() && performed.recording_id != own);
            if rings > 1 {
                comparison.rang_twice += 1;
                comparison.rang_twice_and_success += usize::from(performed.is_success());
            }
        }
        comparison
    }
}

impl std::fmt::Display for Comparison {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(
            f,
            "seed {}: {} calls over {} connections; {} faults injected",
            self.seed, self.calls, self.connections, self.faults
        )?;
        writeln!(f, "not arrived   arrived    rang more than once")?;
        for (report, [not, once, more]) in &self.reports {
            writeln!(f, "{not:11}  {once:8}  {more:8}    {report}")?;
        }
        writeln!(
            f,
            "arrived: {}; rang more than once: {} (at most {} times), of those reported as success: {}",
            self.arrived, self.rang_twice, self.most_rings, self.rang_twice_and_success
        )?;
        writeln!(
            f,
            "unsolicited: {}; success with another call's recording ID: {}; refused (a negative status), and rang: {}",
            self.unsolicited, self.success_with_anothers_recording, self.refused_and_rang
        )
    }
}
