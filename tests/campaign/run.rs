//! One campaign: the gateways, the groups' proxies, the callers; and what all of them wrote down.

use std::collections::HashMap;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use crate::support::certs::Authority;
use crate::support::client::{Client, Config, Request};
use crate::support::gateway::Gateway;

use super::behavior::{Arrival, ArrivalLog, gateway};
use super::connection_log::ConnectionRecord;
use super::group::{Group, Wire, rest};
use super::links::Links;
use super::proxy::Proxy;

/// What a campaign is made from.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    pub seed: u64,
    pub calls: u64,
    pub groups: u64,
    pub timeout_ms: u32,
    /// How long after a call was accepted its record appears.
    pub record_delay_ms: u32,
}

/// What was reported to a caller of one call.
#[derive(Clone, Debug)]
pub struct CallResult {
    pub result: i32,
    pub may_have_dialed: bool,
    pub status: i32,
    pub recording_id: Option<String>,
    pub reason: String,
    pub elapsed: Duration,
}

/// A line of the callers' diary.
#[derive(Clone, Debug)]
pub struct Line {
    pub group: u64,
    pub caller: u64,
    pub call: u64,
    pub callee: String,
    pub began: Instant,
    pub reported: CallResult,
}

/// Something that places calls for one group.
pub trait CallClient: Sync {
    fn call(&self, callee: &str, bulky: bool) -> CallResult;
}

/// The library.
impl CallClient for Client {
    fn call(&self, callee: &str, bulky: bool) -> CallResult {
        let reply = self.send(&if bulky {
            Request::large(callee)
        } else {
            Request::to(callee)
        });
        CallResult {
            result: reply.result,
            may_have_dialed: reply.may_have_dialed(),
            status: reply.status,
            reason: reply.reason().to_owned(),
            recording_id: reply.recording_id,
            elapsed: reply.elapsed,
        }
    }
}

/// A client of the library for this group.
pub fn library(setup: &Setup, group: &Group) -> Client {
    let mut config = Config::new(&setup.url(group)).timeout_ms(setup.settings.timeout_ms);
    if group.wire.is_tls() {
        config = config.ca_file(Authority::common().file());
    }
    Client::new(&config).expect("a client")
}

/// What the gateways and the proxies wrote down.
pub struct Evidence {
    pub settings: Settings,
    pub groups: Vec<Group>,
    /// What arrived whole, by callee.
    pub arrivals: HashMap<String, Vec<Arrival>>,
    /// The connections of each group.
    pub connection_records: Vec<Vec<ConnectionRecord>>,
    pub connections: usize,
    /// Requests that the gateways read whole beyond those that they had to answer, and those that were neither
    /// calls nor queries.
    pub unasked: usize,
    /// How often the gateways were asked for records.
    pub queries: usize,
}

impl Evidence {
    /// What arrived whole of the requests that dial this number.
    pub fn arrivals_of(&self, callee: &str) -> &[Arrival] {
        self.arrivals.get(callee).map_or(&[], Vec::as_slice)
    }
}

/// Gateways and proxies, ready for callers.
pub struct Setup {
    pub settings: Settings,
    pub groups: Vec<Group>,
    arrival_log: Arc<ArrivalLog>,
    links: Arc<Links>,
    gateways: HashMap<Wire, Gateway>,
    proxies: Vec<Proxy>,
}

impl Setup {
    pub fn new(settings: Settings) -> Setup {
        Setup::with(settings, Group::for_calls(settings.calls, settings.groups))
    }

    /// With these groups, the first of them number 0.
    pub fn with(settings: Settings, groups: Vec<Group>) -> Setup {
        let arrival_log = Arc::new(ArrivalLog::new(Duration::from_millis(
            settings.record_delay_ms.into(),
        )));
        let links = Arc::new(Links::default());
        let gateways: HashMap<Wire, Gateway> = Wire::ALL
            .into_iter()
            .map(|wire| {
                (
                    wire,
                    gateway(wire, settings.seed, &groups, &arrival_log, &links),
                )
            })
            .collect();
        let proxies = groups
            .iter()
            .map(|group| Proxy::start(settings, group, gateways[&group.wire].address(), &links))
            .collect();
        Setup {
            settings,
            groups,
            arrival_log,
            links,
            gateways,
            proxies,
        }
    }

    /// How many calls its groups make.
    pub fn calls(&self) -> u64 {
        let groups = self.groups.iter();
        groups
            .map(|group| group.callers * group.calls_per_caller)
            .sum()
    }

    fn proxy(&self, group: &Group) -> &Proxy {
        &self.proxies[usize::try_from(group.number).expect("a small number")]
    }

    /// The base URL of a group.
    pub fn url(&self, group: &Group) -> String {
        let scheme = if group.wire.is_tls() { "https" } else { "http" };
        format!("{scheme}://{}/voice", self.proxy(group).address())
    }

    /// Has each group's client make its calls, in threads of this process.
    pub fn call_all<P: CallClient>(&self, client: impl Fn(&Setup, &Group) -> P) -> Vec<Line> {
        let clients: Vec<P> = self
            .groups
            .iter()
            .map(|group| client(self, group))
            .collect();
        self.call_with(&clients)
    }

    /// The same with clients that stay, in the order of the groups.
    pub fn call_with<P: CallClient>(&self, clients: &[P]) -> Vec<Line> {
        thread::scope(|scope| {
            let callers: Vec<_> = self
                .groups
                .iter()
                .zip(clients)
                .flat_map(|(group, client)| {
                    (0..group.callers).map(move |caller| (group, client, caller))
                })
                .map(|(group, client, caller)| {
                    scope.spawn(move || self.call(group, client, caller))
                })
                .collect();
            callers
                .into_iter()
                .flat_map(|caller| caller.join().expect("a caller that does not panic"))
                .collect()
        })
    }

    fn call<P: CallClient>(&self, group: &Group, client: &P, caller: u64) -> Vec<Line> {
        let call_clock = (group.callers == 1).then(|| self.proxy(group).call_clock());
        (0..group.calls_per_caller)
            .map(|call| {
                thread::sleep(Duration::from_micros(rest(call)));
                self.links.await_unsolicited(group.number);
                let callee = group.callee(caller, call);
                call_clock.inspect(|call_clock| call_clock.enter(call));
                let began = Instant::now();
                let reported = client.call(&callee, group.bulky);
                call_clock.inspect(|call_clock| call_clock.leave(call));
                Line {
                    group: group.number,
                    caller,
                    call,
                    callee,
                    began,
                    reported,
                }
            })
            .collect()
    }

    /// Waits until all that was ever sent has arrived or is lost. The clients have to be freed before.
    pub fn finish(self) -> Evidence {
        let connection_records = self.proxies.into_iter().map(Proxy::finish).collect();
        let connections = self.gateways.values().map(Gateway::connections).sum();
        let read: usize = self
            .gateways
            .into_values()
            .map(Gateway::finish_and_count)
            .sum();
        let arrivals = self.arrival_log.all();
        let queries = self.arrival_log.queries();
        Evidence {
            settings: self.settings,
            groups: self.groups,
            unasked: read - queries - arrivals.values().map(Vec::len).sum::<usize>(),
            queries,
            arrivals,
            connection_records,
            connections,
        }
    }
}
