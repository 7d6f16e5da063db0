//! One campaign: the gateways, the lanes' proxies, the callers; and what all of them wrote down.

use std::collections::HashMap;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use crate::support::certs::Authority;
use crate::support::client::{Client, Config, Request};
use crate::support::gateway::Gateway;

use super::behavior::{Arrival, Book, gateway};
use super::connection_log::ConnectionRecord;
use super::lane::{Lane, Wire, rest};
use super::links::Links;
use super::proxy::Proxy;

/// What a campaign is made from.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    pub seed: u64,
    pub calls: u64,
    pub lanes: u64,
    pub timeout_ms: u32,
}

/// What a caller was told of one call.
#[derive(Clone, Debug)]
pub struct Said {
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
    pub lane: u64,
    pub caller: u64,
    pub call: u64,
    pub callee: String,
    pub began: Instant,
    pub said: Said,
}

/// Something that places calls on one lane.
pub trait Phone: Sync {
    fn call(&self, callee: &str, bulky: bool) -> Said;
}

/// The library, as a phone.
impl Phone for Client {
    fn call(&self, callee: &str, bulky: bool) -> Said {
        let reply = self.send(&if bulky {
            Request::large(callee)
        } else {
            Request::to(callee)
        });
        Said {
            result: reply.result,
            may_have_dialed: reply.may_have_dialed(),
            status: reply.status,
            reason: reply.reason().to_owned(),
            recording_id: reply.recording_id,
            elapsed: reply.elapsed,
        }
    }
}

/// A client of the library for this lane.
pub fn library(field: &Field, lane: &Lane) -> Client {
    let mut config = Config::new(&field.url(lane)).timeout_ms(field.terms.timeout_ms);
    if lane.wire.is_tls() {
        config = config.ca_file(Authority::common().file());
    }
    Client::new(&config).expect("a client")
}

/// What the gateways and the proxies wrote down.
pub struct Evidence {
    pub terms: Terms,
    pub lanes: Vec<Lane>,
    /// What arrived whole, by callee.
    pub arrivals: HashMap<String, Vec<Arrival>>,
    /// The connections of each lane.
    pub connection_records: Vec<Vec<ConnectionRecord>>,
    pub connections: usize,
    /// Requests that the gateways read whole behind the end of what they had to answer.
    pub unasked: usize,
}

impl Evidence {
    /// What arrived whole of the requests that dial this number.
    pub fn arrivals_of(&self, callee: &str) -> &[Arrival] {
        self.arrivals.get(callee).map_or(&[], Vec::as_slice)
    }
}

/// Gateways and proxies, ready for callers.
pub struct Field {
    pub terms: Terms,
    pub lanes: Vec<Lane>,
    book: Arc<Book>,
    links: Arc<Links>,
    gateways: HashMap<Wire, Gateway>,
    proxies: Vec<Proxy>,
}

impl Field {
    pub fn new(terms: Terms) -> Field {
        Field::with(terms, Lane::for_calls(terms.calls, terms.lanes))
    }

    /// With these lanes, the first of them number 0.
    pub fn with(terms: Terms, lanes: Vec<Lane>) -> Field {
        let book = Arc::new(Book::default());
        let links = Arc::new(Links::default());
        let gateways: HashMap<Wire, Gateway> = Wire::ALL
            .into_iter()
            .map(|wire| (wire, gateway(wire, terms.seed, &lanes, &book, &links)))
            .collect();
        let proxies = lanes
            .iter()
            .map(|lane| Proxy::start(terms, lane, gateways[&lane.wire].address(), &links))
            .collect();
        Field {
            terms,
            lanes,
            book,
            links,
            gateways,
            proxies,
        }
    }

    fn proxy(&self, lane: &Lane) -> &Proxy {
        &self.proxies[usize::try_from(lane.number).expect("a small number")]
    }

    /// The base URL of a lane.
    pub fn url(&self, lane: &Lane) -> String {
        let scheme = if lane.wire.is_tls() { "https" } else { "http" };
        format!("{scheme}://{}/voice", self.proxy(lane).address())
    }

    /// Has each lane's phone make its calls, in threads of this process.
    pub fn call_all<P: Phone>(&self, phone: impl Fn(&Field, &Lane) -> P) -> Vec<Line> {
        let phones: Vec<P> = self.lanes.iter().map(|lane| phone(self, lane)).collect();
        thread::scope(|scope| {
            let callers: Vec<_> = self
                .lanes
                .iter()
                .zip(&phones)
                .flat_map(|(lane, phone)| {
                    (0..lane.callers).map(move |caller| (lane, phone, caller))
                })
                .map(|(lane, phone, caller)| scope.spawn(move || self.call(lane, phone, caller)))
                .collect();
            callers
                .into_iter()
                .flat_map(|caller| caller.join().expect("a caller that does not panic"))
                .collect()
        })
    }

    fn call<P: Phone>(&self, lane: &Lane, phone: &P, caller: u64) -> Vec<Line> {
        let attendance = (lane.callers == 1).then(|| self.proxy(lane).attendance());
        (0..lane.calls_per_caller)
            .map(|call| {
                thread::sleep(Duration::from_micros(rest(call)));
                self.links.await_unsolicited(lane.number);
                let callee = lane.callee(caller, call);
                attendance.inspect(|attendance| attendance.enter(call));
                let began = Instant::now();
                let said = phone.call(&callee, lane.bulky);
                attendance.inspect(|attendance| attendance.leave(call));
                Line {
                    lane: lane.number,
                    caller,
                    call,
                    callee,
                    began,
                    said,
                }
            })
            .collect()
    }

    /// Waits until all that was ever sent has arrived or is lost. The phones have to be gone.
    pub fn finish(self) -> Evidence {
        let connection_records = self.proxies.into_iter().map(Proxy::finish).collect();
        let connections = self.gateways.values().map(Gateway::connections).sum();
        let read: usize = self
            .gateways
            .into_values()
            .map(Gateway::finish_and_count)
            .sum();
        let arrivals = self.book.pages();
        Evidence {
            terms: self.terms,
            lanes: self.lanes,
            unasked: read - arrivals.values().map(Vec::len).sum::<usize>(),
            arrivals,
            connection_records,
            connections,
        }
    }
}
