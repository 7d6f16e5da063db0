//! The fault campaign: thousands of calls through a proxy that cuts, resets, stalls and dawdles at
//! random bytes, to a gateway that misbehaves as well: it says what nobody asked for, and says it
//! twice. Afterwards the caller's diary is held against
//! the gateway's.
//!
//! Every fault is a pure function of the seed and of the group's, connection's or call's number, so
//! that a seed replays a run, as far as the machine's timing does.
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
pub mod naive_client;
pub mod plan;
pub mod proxy;
pub mod relay;
pub mod rng;
pub mod run;
pub mod tcp_view;
pub mod unsolicited;
