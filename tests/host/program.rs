//! Runs a C host of tests/c, and reads its figures.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::process::Command;
use std::time::Duration;

use super::support::c::{self, Build};
use super::support::certs::Authority;
use super::support::diary::Delivery;
use super::support::gateway::Gateway;
use super::support::proxy::Proxy;

/// More than the hosts' own watchdogs.
const LIMIT: Duration = Duration::from_secs(120);

/// A host that has not run yet.
pub struct Host {
    command: Command,
}

impl Host {
    /// The program made of `source`, linked with the library.
    pub fn new(source: &str) -> Host {
        // So that the library calls functions of the host instead of the system's.
        Host::built(&Build::c().flag("-rdynamic"), source)
    }

    /// The program, built in another way.
    pub fn built(build: &Build, source: &str) -> Host {
        Host {
            command: c::command(&build.compile(source)),
        }
    }

    pub fn arg(mut self, argument: impl ToString) -> Host {
        self.command.arg(argument.to_string());
        self
    }

    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Host {
        self.command.env(name, value);
        self
    }

    /// Calls this gateway.
    pub fn calling(self, gateway: &Gateway) -> Host {
        self.calling_url(&gateway.url())
    }

    pub fn calling_url(self, url: &str) -> Host {
        let host = self.env("HOST_URL", url);
        if url.starts_with("https:") {
            host.env("HOST_CA", Authority::common().file())
        } else {
            host
        }
    }

    pub fn through(self, proxy: &Proxy) -> Host {
        self.env("HOST_PROXY", proxy.url())
    }

    /// Runs it; any exit status will do.
    #[track_caller]
    pub fn runs(self) -> c::Output {
        c::run(self.command, LIMIT)
    }

    /// Runs it. It has to end with 0, and to print nothing but its figures, which are printed with the
    /// promise.
    #[track_caller]
    pub fn keeps(self, promise: &str) -> Figures {
        let output = c::run(self.command, LIMIT);
        let line = output.success().trim();
        println!("{promise}: {line}");
        assert!(
            output.stderr.is_empty(),
            "a host that prints: {}",
            output.stderr
        );
        Figures::read(line)
    }
}

/// What a host tried and what the results were: `name=number ...`.
pub struct Figures(HashMap<String, f64>);

impl Figures {
    fn read(line: &str) -> Figures {
        let pairs = line.split_whitespace().map(|pair| {
            let (name, value) = pair.split_once('=').expect("name=number");
            (name.to_owned(), value.parse().expect("a number"))
        });
        Figures(pairs.collect())
    }

    #[track_caller]
    pub fn get(&self, name: &str) -> f64 {
        *self.0.get(name).expect("a figure of this name")
    }

    /// A figure that counts something.
    #[track_caller]
    pub fn count(&self, name: &str) -> usize {
        let value = self.get(name);
        assert!(value >= 0.0 && value.fract() == 0.0, "{name}={value}");
        value as usize
    }
}

/// The process that placed the call, by its called_info.
pub fn process_of(delivery: &Delivery) -> String {
    delivery.json()["calledInfo"]
        .as_str()
        .expect("a process")
        .to_owned()
}
