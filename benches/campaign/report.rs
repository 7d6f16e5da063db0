//! What the documentation says of a run, in Markdown.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::iter::repeat;

use crate::campaign::figures::{Figures, Loss};
use crate::campaign::look::{Finding, Findings};
use crate::campaign::run::Settings;
use crate::campaign::sum::Sum;
use crate::pages::table;
use crate::picture::{Bars, grouped};
use crate::tally::{Counts, Tally};

/// The picture, from the repository's root.
pub const PICTURE: &str = "benches/campaign.svg";

/// What a run came to.
pub struct Report {
    pub settings: Settings,
    pub library: Figures,
    pub findings: Findings,
    /// The library's first, before and after the look at the records.
    pub tallies: Vec<Tally>,
    /// Clients that were left out, and why.
    pub left_out: Vec<String>,
}

/// An error that fewer than one in so many calls ended with has no row of its own.
const RARE: usize = 1000;

type Row = (&'static str, fn(&Tally) -> String);

const ROWS: [Row; 16] = [
    ("connections", |tally| grouped(tally.connections)),
    ("faults injected", |tally| grouped(tally.faults)),
    ("calls that arrived", |tally| grouped(tally.arrived())),
    ("calls that rang twice", |tally| grouped(tally.rang_twice())),
    ("... and were reported as a success", |tally| {
        grouped(tally.accepted.rang_twice)
    }),
    ("... or as a failure", |tally| {
        grouped(tally.rang_twice() - tally.accepted.rang_twice)
    }),
    ("reported as a success", |tally| {
        grouped(tally.accepted.all())
    }),
    ("... with another call's recording ID", |tally| {
        grouped(tally.anothers_recording)
    }),
    ("reported as refused (a negative status)", |tally| {
        grouped(tally.refused.all())
    }),
    ("... but the phone rang", |tally| {
        grouped(tally.refused_and_rang)
    }),
    ("any other error", |tally| {
        grouped(tally.errors().map(Counts::all).sum())
    }),
    ("... reported not sent", |tally| {
        if tally.says_not_sent {
            grouped(tally.not_sent.all())
        } else {
            "cannot say".to_owned()
        }
    }),
    ("... reported not sent, but the phone rang", |tally| {
        if tally.says_not_sent {
            grouped(tally.not_sent_and_rang)
        } else {
            "cannot say".to_owned()
        }
    }),
    ("... not sent, by its words (see below)", |tally| {
        if tally.says_not_sent {
            "-".to_owned()
        } else {
            grouped(tally.not_sent_by_words())
        }
    }),
    ("... nobody knows whether it arrived", |tally| {
        grouped(tally.unknown())
    }),
    ("longest call", |tally| {
        format!("{} ms", grouped(tally.longest.as_millis() as usize))
    }),
];

/// Settings and headings stay the first one's. Both have the same columns.
impl Sum for Report {
    fn add(&mut self, other: Report) {
        self.library.add(other.library);
        self.findings.add(other.findings);
        for (tally, more) in self.tallies.iter_mut().zip(other.tallies) {
            tally.add(more);
        }
    }
}

impl Report {
    fn calls(&self) -> usize {
        self.tallies[0].calls
    }

    /// Which run it was, and its picture, for a page that reaches the repository's root by `to_root`.
    pub fn headline(&self, to_root: &str) -> String {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let mut text = format!(
            "{} calls with a deadline of {} ms, one run (seed {}, {cores} cores):\n\n",
            grouped(self.calls()),
            self.settings.timeout_ms,
            self.settings.seed
        );
        for why in &self.left_out {
            let _ = writeln!(text, "Left out: {why}.\n");
        }
        let _ = writeln!(text, "![{}]({to_root}{PICTURE})", self.description());
        text
    }

    /// The figures beside each other.
    pub fn comparison(&self) -> String {
        let mut text = self.headline("../");
        let head: Vec<&str> = [""]
            .into_iter()
            .chain(self.tallies.iter().map(|tally| tally.name.as_str()))
            .collect();
        let rows = ROWS.iter().map(|(what, count)| {
            [(*what).to_owned()]
                .into_iter()
                .chain(self.tallies.iter().map(count))
                .collect()
        });
        let _ = write!(text, "\n{}\n{}", table(&head, rows), self.library());
        text
    }

    /// What else is to be said of the library's run.
    fn library(&self) -> String {
        let figures = &self.library;
        format!(
            "{} of libitnio's calls met a fault while they ran, {} of them a page with a status, an unsolicited \
             response, a\nsecond response, or a refusal before the true response. (These are counted in the groups of \
             one thread, where it is known\nwhich call a fault met.) What the gateway refused with -16 was sent once \
             more, {} times, each time with the corrected time.\n",
            grouped(figures.hit),
            grouped(figures.hit_by_responses),
            grouped(figures.repeats)
        )
    }

    /// What the look at the records came to.
    pub fn looks(&self) -> String {
        let count = |finding| grouped(self.findings.count(finding));
        format!(
            "Of libitnio's {} calls with an unknown result, `itnio_find_call` found {} that had been placed, by their own \
             recording\nIDs, and no record of {}, which had not rung. For {} the records could not be read. It found {} \
             calls wrongly (another\ncall's recording ID, or a phone that did not ring), and missed {} whose record was \
             there; {} requests to the records in all.\n",
            grouped(self.findings.counts.values().sum()),
            count(Finding::Placed),
            count(Finding::NoRecord),
            count(Finding::NotRead),
            count(Finding::Wrong),
            count(Finding::Missed),
            grouped(self.findings.queries),
        )
    }

    /// What the others' errors say.
    pub fn words(&self) -> String {
        let others = || self.tallies.iter().filter(|tally| !tally.says_not_sent);
        let rows = others().flat_map(|tally| {
            let mut errors = BTreeMap::<&str, Counts>::new();
            for (words, counts) in &tally.failed {
                let words = match words.as_str() {
                    words if words.starts_with("HTTP ") => {
                        "an HTTP response that is none of the API's"
                    }
                    words if counts.all() * RARE >= tally.calls => words,
                    _ => "others",
                };
                errors.entry(words).or_default().add(*counts);
            }
            let names = [tally.name.as_str()].into_iter().chain(repeat(""));
            let rows: Vec<_> = names
                .zip(errors)
                .map(|(name, (words, counts))| {
                    vec![
                        name.to_owned(),
                        words.to_owned(),
                        grouped(counts.not_arrived),
                        grouped(counts.all_arrived()),
                        grouped(counts.rang_twice),
                    ]
                })
                .collect();
            rows
        });
        let head = [
            "client",
            "error",
            "did not arrive",
            "arrived",
            "of these, rang twice",
        ];
        table(&head, rows)
    }

    /// What the library could say of the calls that did not arrive.
    pub fn knowledge(&self) -> String {
        let figures = &self.library;
        let lost = figures.lost();
        let of_loss = |loss| figures.losses.get(&loss).copied().unwrap_or_default();
        let unknown: usize = figures.losses.values().sum();
        format!(
            "Of libitnio's {} calls {} did not arrive. It reported {} of them ({:.1} %) as not sent, and the other {} as \
             unknown. In the\ngroups of one thread, where it is known which call a connection's bytes belong to, these \
             are {}. Of them {} had arrived whole at\nthe peer's system, which then lost them; {} met a connection that \
             had ended a moment before; {}, each of 1.5 MiB, were in part still\non this machine, where no request of an \
             ordinary size stays; and {} are not explained.\n",
            grouped(self.calls()),
            grouped(lost),
            grouped(figures.known_not_sent),
            100.0 * figures.known_not_sent as f64 / lost.max(1) as f64,
            grouped(lost - figures.known_not_sent),
            grouped(unknown),
            grouped(of_loss(Loss::Dropped)),
            grouped(of_loss(Loss::Crossed)),
            grouped(of_loss(Loss::InTransit)),
            grouped(of_loss(Loss::Unexplained)),
        )
    }

    fn bars(&self) -> Vec<Bars> {
        let bars = self.tallies.iter().map(|tally| Bars {
            name: tally.name.clone(),
            counts: [tally.rang_twice(), tally.wrong(), tally.unknown()],
        });
        bars.collect()
    }

    /// The picture in words.
    fn description(&self) -> String {
        crate::picture::describe(&self.bars())
    }

    pub fn picture(&self) -> Result<String, Box<dyn std::error::Error>> {
        crate::picture::draw(self.calls(), &self.bars())
    }
}
