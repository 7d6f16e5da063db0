//! What the figures were measured on, and how quiet it was there.

use std::fs;
use std::thread;

use crate::stats::Summary;

/// Time of all processors since the start, in ticks, and how much of it the machine did not have.
struct Ticks {
    all: f64,
    stolen: f64,
}

impl Ticks {
    fn now() -> Option<Ticks> {
        let stat = fs::read_to_string("/proc/stat").ok()?;
        let fields: Vec<f64> = stat
            .lines()
            .next()?
            .split_whitespace()
            .filter_map(|field| field.parse().ok())
            .collect();
        // Guests' time, which comes after, is in the users' already.
        Some(Ticks {
            all: fields.iter().take(8).sum(),
            stolen: *fields.get(7)?,
        })
    }
}

/// Watches how quiet the machine is during a run.
pub struct Watch {
    load: String,
    ticks: Option<Ticks>,
}

impl Watch {
    pub fn start() -> Watch {
        let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
        Watch {
            load: load.split(' ').next().unwrap_or("unknown").to_owned(),
            ticks: Ticks::now(),
        }
    }

    /// A sentence on it; `floor` is the floor's median with one thread.
    pub fn tell(&self, floor: Option<Summary>) -> String {
        let mut text = format!(
            "Noise: the load was {} before the run, which has two processes busy itself",
            self.load
        );
        if let (Some(before), Some(after)) = (&self.ticks, Ticks::now()) {
            let share = (after.stolen - before.stolen) / (after.all - before.all).max(1.0);
            text += &format!(
                "; the hypervisor withheld {:.1} % of the time",
                share * 100.0
            );
        }
        if let Some(Summary { median, low, high }) = floor {
            text += &format!(
                "; the floor's own median, turn by turn, lay between {:.0} and {:+.0} % of its middle",
                (low / median - 1.0) * 100.0,
                (high / median - 1.0) * 100.0
            );
        }
        text + "."
    }
}

/// The processor, how many of it, and the kernel.
pub fn description() -> String {
    let cpu_info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu_info
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split(": ").nth(1))
        .unwrap_or("unknown processor");
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let cores = thread::available_parallelism().map_or(1, usize::from);
    format!("{cores} cores ({model}), Linux {}", kernel.trim())
}
