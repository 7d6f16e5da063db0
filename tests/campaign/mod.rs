//! The fault campaign: thousands of calls through proxies with faults, to gateways with faults.
//!
//! - `run` sets up the gateways, the proxies and the callers, and collects the evidence.
//! - `group` is one proxy and its callers; `rng` gives random numbers by seed and number, so that a seed
//!   replays the faults of a run, as far as the machine's timing does.
//! - `plan` chooses each connection's fault; `relay` passes its bytes on and injects the fault; `proxy` runs
//!   the relays of a group; `connection_log` is what they record.
//! - `behavior` chooses the response to each call and logs the arrivals; `unsolicited` has the responses that
//!   belong to no request; `records` shows the accepted calls; `links` tells proxies, gateways and callers of
//!   each other's connections.
//! - `compare` compares the callers' diary with that evidence: the promises; `figures` counts both, and `sum` adds
//!   several campaigns up.
//! - `look` looks for the calls whose result is unknown in the records.
//! - `naive_client` makes the usual mistakes, which have to be caught; `tcp_view`: what TCP shows a caller.
//!
//! Data: seed -> plans and behaviors -> calls -> diary (callers), arrivals (gateways), connection records
//! (proxies) -> violations and figures.
#![allow(
    dead_code,
    reason = "shared by a test and a bench, each of which uses a part of it"
)]

pub mod behavior;
pub mod compare;
pub mod connection_log;
pub mod figures;
pub mod group;
pub mod links;
pub mod look;
pub mod naive_client;
pub mod plan;
pub mod proxy;
pub mod records;
pub mod relay;
pub mod rng;
pub mod run;
pub mod sum;
pub mod tcp_view;
pub mod unsolicited;
