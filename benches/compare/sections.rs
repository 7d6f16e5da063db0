//! What is measured, section by section. Within a section the contenders take turns, so that what
//! else the machine does hits all alike.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::thread;
use std::time::Duration;

use clap::ValueEnum;

use crate::delay::Proxy;
use crate::nginx::Nginx;
use crate::report::{Measured, Report, Target};
use crate::require::require;
use crate::stats::Summary;
use crate::worker::{Contender, Round, Worker, Workers};

/// A part of the benchmark.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Section {
    /// 1, 16, 64 and 256 threads: median, p99, calls per second, CPU per call.
    Threads,
    /// System calls per call over a reused connection, by strace.
    Syscalls,
    /// Instructions per call over a reused connection, by callgrind.
    Instructions,
    /// Memory per idle connection.
    Memory,
    /// A new process to its first and to its second response.
    Fresh,
    /// Cost per call after many calls, and with many idle connections.
    Growth,
    /// Round trips, behind a proxy that delays.
    RoundTrips,
    /// The PHP extension beside ext-curl, and the Go package beside net/http.
    Languages,
}

/// How much is measured.
pub struct Effort {
    /// Medians are over so many turns.
    pub turns: usize,
    /// A turn's length, with threads.
    pub span: Duration,
    /// The calls that a client has made when it counts as old.
    pub many_calls: u64,
    /// Idle connections.
    pub connections: usize,
}

/// What every section works with.
pub struct Bench {
    pub workers: Workers,
    pub nginx: Nginx,
    pub effort: Effort,
    pub scratch: tempfile::TempDir,
}

/// One value per contender; of three, in the order of [`Contender::ALL`].
pub type Each<T, const N: usize = 3> = [Result<T, String>; N];

const FLOOR: usize = 0;
const ITNIO: usize = 1;
const CURL: usize = 2;

const THREADS: [usize; 4] = [1, 16, 64, 256];

/// A figure of a round with threads.
enum Of {
    Median,
    P99,
    Rate,
}

/// What a round with so many threads has to come to, over another contender's.
fn targets(threads: usize) -> &'static [(Of, Target, usize)] {
    use Target::{AtLeast, AtMost};
    match threads {
        1 => &[
            (Of::Median, AtMost(1.15), FLOOR),
            (Of::Median, AtMost(0.8), CURL),
        ],
        16 => &[
            (Of::Rate, AtLeast(1.5), CURL),
            (Of::Rate, AtLeast(0.75), FLOOR),
            (Of::P99, AtMost(0.8), CURL),
        ],
        64 => &[
            (Of::Rate, AtLeast(1.8), CURL),
            (Of::Rate, AtLeast(0.75), FLOOR),
            (Of::P99, AtMost(0.6), CURL),
        ],
        _ => &[
            (Of::Rate, AtLeast(1.8), CURL),
            (Of::Rate, Target::None, FLOOR),
            (Of::P99, Target::None, CURL),
        ],
    }
}

/// The clients that age do it with so many threads.
const AGEING_THREADS: u64 = 16;

/// Calls of one thread between the looks at strace's and callgrind's counts.
const TRACED_CALLS: u64 = 500;

/// Calls of one thread that make a thousand's cost.
const THOUSAND: u64 = 1000;

/// How often a turn compares two thousands.
const PAIRS_A_TURN: usize = 3;

/// What the proxy holds back in each direction, and so half of a round trip.
const DELAY: Duration = Duration::from_millis(50);

impl Bench {
    /// Measures a section. Gives the floor's median with one thread, where that is in it.
    pub fn measure(&self, section: Section, report: &mut Report) -> Option<Summary> {
        match section {
            Section::Threads => return self.threads(report),
            Section::Syscalls => self.syscalls(report),
            Section::Instructions => self.instructions(report),
            Section::Memory => self.memory(report),
            Section::Fresh => self.fresh(report),
            Section::Growth => self.growth(report),
            Section::RoundTrips => self.round_trips(report),
            Section::Languages => self.languages(report),
        }
        None
    }

    /// What a contender says that it is.
    pub fn version(&self, contender: Contender) -> Result<String, String> {
        self.start(contender, "voice")?.version()
    }

    pub fn base_url(&self, path: &str) -> String {
        base_url(self.nginx.port(), path)
    }

    fn start(&self, contender: Contender, path: &str) -> Result<Worker, String> {
        self.workers.start(contender, &[], &self.base_url(path))
    }

    /// The same, for calls one after the other: kept off the server's processor. On one and the
    /// same, and that is up to the scheduler, a call takes half of the time.
    fn start_apart(&self, contender: Contender, path: &str) -> Result<Worker, String> {
        let wrapper = apart();
        let wrapper: Vec<_> = wrapper.iter().map(OsStr::new).collect();
        self.workers
            .start(contender, &wrapper, &self.base_url(path))
    }

    fn threads(&self, report: &mut Report) -> Option<Summary> {
        let mut floor = None;
        for threads in THREADS {
            let mut workers = Contender::ALL.map(|contender| {
                let mut worker = match threads {
                    1 => self.start_apart(contender, "voice")?,
                    _ => self.start(contender, "voice")?,
                };
                worker.threads(threads)?;
                Ok(worker)
            });
            let rounds = in_turns(self.effort.turns, &mut workers, |worker| {
                worker.run(self.effort.span)
            });
            let medians = each(&rounds, |round| round.median * 1e6);
            let p99s = each(&rounds, |round| round.p99 * 1e6);
            let rates = each(&rounds, |round| round.calls_per_second / 1e3);
            let cpu = each(&rounds, |round| round.cpu_per_call * 1e6);

            let name = match threads {
                1 => "1 thread".to_owned(),
                threads => format!("{threads} threads"),
            };
            figure(report, &format!("{name}: median, us"), 0, &medians);
            figure(report, &format!("{name}: p99, us"), 0, &p99s);
            figure(report, &format!("{name}: thousand calls/s"), 1, &rates);
            figure(report, &format!("{name}: CPU per call, us"), 1, &cpu);

            for (of, target, under) in targets(threads) {
                let (what, values) = match of {
                    Of::Median => ("median / that of", &medians),
                    Of::P99 => ("p99 / that of", &p99s),
                    Of::Rate => ("calls/s / those of", &rates),
                };
                compare(report, &format!("{name}: {what}"), *target, values, *under);
            }
            if threads == 1 {
                floor = medians[FLOOR].as_deref().ok().map(Summary::of);
            }
        }
        floor
    }

    fn syscalls(&self, report: &mut Report) {
        let output = self.scratch.path().join("strace");
        let path = output.to_string_lossy();
        let wrapper = ["strace", "-f", "-c", "-o", &path].map(OsStr::new);
        // How often libcurl polls depends on who is faster.
        let turns = self.effort.turns;
        let counts = self.traced("strace", turns, &wrapper, &output, |text| {
            // % time, seconds, usecs/call, calls, errors or nothing, "total".
            let total = text.lines().find(|line| line.ends_with(" total"))?;
            total.split_whitespace().nth(3)?.parse().ok()
        });
        figure(
            report,
            "system calls per call, reused connection",
            1,
            &counts,
        );
        let itnio = summary(&counts[ITNIO]);
        report.row(
            "system calls per call, reused connection",
            Target::AtMost(4.0),
            1,
            itnio,
        );
    }

    fn instructions(&self, report: &mut Report) {
        let output = self.scratch.path().join("callgrind");
        let option = format!("--callgrind-out-file={}", output.display());
        let wrapper = ["valgrind", "-q", "--tool=callgrind", &option].map(OsStr::new);
        let counts = self.traced("valgrind", 1, &wrapper, &output, |text| {
            let totals = text.lines().find_map(|line| line.strip_prefix("totals: "));
            totals?.trim().parse().ok()
        });
        let thousands = each(&counts, |count| count / 1e3);
        figure(
            report,
            "thousand instructions per call, reused connection",
            1,
            &thousands,
        );
        for under in [FLOOR, CURL] {
            let what = "instructions per call, reused connection / those of";
            compare(report, what, Target::None, &counts, under);
        }
    }

    /// What a tool counts for one call over a reused connection: the difference between two lengths of a run.
    fn traced(
        &self,
        tool: &str,
        turns: usize,
        wrapper: &[&OsStr],
        output: &Path,
        read: impl Fn(&str) -> Option<f64>,
    ) -> Each<Vec<f64>> {
        let count = |contender, calls| {
            let url = self.base_url("voice");
            let mut worker = self.workers.start(contender, wrapper, &url)?;
            worker.threads(1)?;
            worker.calls(calls)?;
            worker.finish()?;
            let text = fs::read_to_string(output).map_err(|error| error.to_string())?;
            read(&text).ok_or_else(|| format!("{tool} wrote no count"))
        };
        let mut contenders = Contender::ALL.map(|contender| require(tool).map(|()| contender));
        in_turns(turns, &mut contenders, |contender| {
            let once = count(*contender, TRACED_CALLS)?;
            let twice = count(*contender, 2 * TRACED_CALLS)?;
            Ok((twice - once) / TRACED_CALLS as f64)
        })
    }

    fn memory(&self, report: &mut Report) {
        let connections = self.effort.connections;
        // As many threads in both, so that what they leave behind is in both.
        let look = |contender, handles| {
            let mut worker = self.start(contender, "slow")?;
            worker.keep(handles, connections)?;
            worker.sockets_and_memory()
        };
        let mut contenders = Contender::ALL.map(Ok);
        let memory = in_turns(self.effort.turns, &mut contenders, |contender| {
            let (few, memory_of_few) = look(*contender, 1)?;
            let (many, memory_of_many) = self.while_slow(|| look(*contender, connections))?;
            if many < few + connections - 1 {
                return Err(format!("only {many} connections are idle"));
            }
            Ok((memory_of_many - memory_of_few) / (many - few) as f64 / 1024.0)
        });
        let what = format!("memory per idle connection ({connections} of them), KiB");
        figure(report, &what, 1, &memory);
        for (under, target) in [(FLOOR, Target::AtMost(1.2)), (CURL, Target::None)] {
            let what = "memory per idle connection / that of";
            compare(report, what, target, &memory, under);
        }
    }

    fn while_slow<T>(&self, work: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
        let set = |slow| self.nginx.set_slow(slow).map_err(|error| error.to_string());
        set(true)?;
        let result = work();
        set(false)?;
        result
    }

    fn fresh(&self, report: &mut Report) {
        let mut contenders = Contender::ALL.map(Ok);
        let times = in_turns(3 * self.effort.turns, &mut contenders, |contender| {
            let mut worker = self.start(*contender, "voice")?;
            let [_, first, second] = worker.fresh()?;
            Ok((first - worker.started, second - worker.started))
        });
        let first = each(&times, |(first, _)| first * 1e3);
        let second = each(&times, |(_, second)| second * 1e3);
        figure(report, "fresh process to its first response, ms", 2, &first);
        figure(
            report,
            "fresh process to its second response, ms",
            2,
            &second,
        );
        for (name, values, target) in [
            ("first", &first, Target::None),
            ("second", &second, Target::AtMost(0.5)),
        ] {
            let what = format!("fresh process to its {name} response / that of");
            compare(report, &what, target, values, CURL);
        }
    }

    fn growth(&self, report: &mut Report) {
        let many = self.effort.many_calls;
        let connections = self.effort.connections;
        for (when, rounds) in [
            (
                format!("after {many} calls / in the first thousands"),
                self.age(many),
            ),
            (
                format!("with {connections} idle connections / with 1"),
                self.hoard(connections),
            ),
        ] {
            grown(report, &when, &rounds);
        }
    }

    /// Pairs of rounds of a thousand calls: of a process that has made many calls, and of a new one.
    /// Each turn has processes of its own.
    fn age(&self, many: u64) -> Result<Vec<(Round, Round)>, String> {
        self.pairs("voice", |mut old| {
            old.threads(AGEING_THREADS as usize)?;
            old.calls(many / AGEING_THREADS)?;
            old.threads(1)?;
            Ok(old)
        })
    }

    /// The same, of a process with many idle connections and of one with a single one.
    fn hoard(&self, connections: usize) -> Result<Vec<(Round, Round)>, String> {
        self.pairs("slow", |mut rich| {
            self.while_slow(|| rich.keep(connections, connections))?;
            rich.threads(1)?;
            let (sockets, _) = rich.sockets_and_memory()?;
            if sockets < connections {
                return Err(format!("only {sockets} connections are idle"));
            }
            Ok(rich)
        })
    }

    fn pairs(
        &self,
        path: &str,
        live: impl Fn(Worker) -> Result<Worker, String>,
    ) -> Result<Vec<(Round, Round)>, String> {
        let mut pairs = Vec::new();
        for _ in 0..self.effort.turns {
            let mut worker = live(self.start_apart(Contender::Itnio, path)?)?;
            for _ in 0..PAIRS_A_TURN {
                let mut new = self.start_apart(Contender::Itnio, path)?;
                new.threads(1)?;
                // Not measured: who has just been started is faster by a tenth, whoever it is.
                new.calls(THOUSAND)?;
                worker.calls(THOUSAND)?;
                let few = new.calls(THOUSAND)?;
                pairs.push((worker.calls(THOUSAND)?, few));
            }
        }
        Ok(pairs)
    }

    fn round_trips(&self, report: &mut Report) {
        let round_trip = 2.0 * DELAY.as_secs_f64();
        let mut contenders = Contender::ALL.map(Ok);
        let trips = in_turns(self.effort.turns, &mut contenders, |contender| {
            let proxy =
                Proxy::start(self.nginx.port(), DELAY).map_err(|error| error.to_string())?;
            let url = base_url(proxy.port(), "voice");
            let mut worker = self.workers.start(*contender, &[], &url)?;
            let [before, first, second] = worker.fresh()?;
            match proxy.connections() {
                1 => Ok(((first - before) / round_trip, (second - first) / round_trip)),
                more => Err(format!("{more} connections instead of one")),
            }
        });
        // The proxy's kernel accepts at once, however far away the server is made to look.
        let first = each(&trips, |(first, _)| first + 1.0);
        let reused = each(&trips, |(_, reused)| *reused);
        figure(
            report,
            "round trips, first call (TCP's one added)",
            2,
            &first,
        );
        figure(report, "round trips, reused connection", 2, &reused);
        for (what, values, target) in [
            (
                "round trips, reused connection",
                &reused,
                Target::AtMost(1.0),
            ),
            (
                "round trips, first call: TCP, TLS 1.3, request",
                &first,
                Target::AtMost(3.0),
            ),
        ] {
            report.row(what, target, 1, summary(&values[ITNIO]));
        }
    }
}

fn base_url(port: u16, path: &str) -> String {
    format!("https://127.0.0.1:{port}/{path}")
}

/// What keeps a program that is its argument off the server's processor, where there is another one.
pub fn apart() -> Vec<String> {
    match thread::available_parallelism().map_or(1, usize::from) {
        1 => Vec::new(),
        processors => ["taskset", "-c", &format!("0-{}", processors - 2)]
            .map(str::to_owned)
            .to_vec(),
    }
}

/// One turn after the other, each contender in each, and another first each time. What fails is out.
pub fn in_turns<S, T, const N: usize>(
    turns: usize,
    contenders: &mut Each<S, N>,
    mut turn: impl FnMut(&mut S) -> Result<T, String>,
) -> Each<Vec<T>, N> {
    let mut results: Each<Vec<T>, N> = [const { Ok(Vec::new()) }; N];
    for number in 0..turns {
        for index in (0..N).map(|offset| (number + offset) % N) {
            let result = match &mut contenders[index] {
                Ok(contender) => turn(contender),
                Err(why) => Err(why.clone()),
            };
            if let Ok(values) = &mut results[index] {
                match result {
                    Ok(value) => values.push(value),
                    Err(why) => results[index] = Err(why),
                }
            }
        }
    }
    results
}

pub fn each<T, U, const N: usize>(
    values: &Each<Vec<T>, N>,
    map: impl Fn(&T) -> U,
) -> Each<Vec<U>, N> {
    values.each_ref().map(|values| match values {
        Ok(values) => Ok(values.iter().map(&map).collect()),
        Err(why) => Err(why.clone()),
    })
}

pub fn summary(values: &Result<Vec<f64>, String>) -> Measured {
    values.as_deref().map(Summary::of).map_err(String::clone)
}

pub fn ratio<const N: usize>(values: &Each<Vec<f64>, N>, over: usize, under: usize) -> Measured {
    let values = values.each_ref().map(|values| values.as_deref());
    match (values[over], values[under]) {
        (Ok(over), Ok(under)) => Ok(Summary::of_ratios(over, under)),
        (Err(why), _) | (_, Err(why)) => Err(why.clone()),
    }
}

/// The library's ratio to another contender; to libcurl beside the floor's own, which no client can
/// better.
fn compare(report: &mut Report, what: &str, target: Target, values: &Each<Vec<f64>>, under: usize) {
    let what = format!("{what} {}", Contender::ALL[under].name());
    report.row(&what, target, 2, ratio(values, ITNIO, under));
    if under == CURL {
        report.beside_floor(ratio(values, FLOOR, CURL));
    }
}

fn figure(report: &mut Report, what: &str, digits: usize, values: &Each<Vec<f64>>) {
    report.figure(what, digits, values.each_ref().map(summary));
}

/// The cost of a call `when`, in time and in CPU, over that of the other round.
fn grown(report: &mut Report, when: &str, pairs: &Result<Vec<(Round, Round)>, String>) {
    for (name, value) in [
        ("time", (|round| round.time_per_call) as fn(&Round) -> f64),
        ("CPU", |round| round.cpu_per_call),
    ] {
        let ratios = pairs.as_ref().map(|pairs| {
            let ratios: Vec<f64> = pairs
                .iter()
                .map(|(later, first)| value(later) / value(first))
                .collect();
            Summary::of(&ratios)
        });
        let what = format!("{name} per call {when}");
        report.row(
            &what,
            Target::AtMost(1.05),
            2,
            ratios.map_err(String::clone),
        );
    }
}
