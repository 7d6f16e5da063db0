//! A group's proxy: a relay for each connection, and the records of them.

use std::mem;
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::support::sockets::Server;

use super::connection_log::{CallClock, ConnectionRecord};
use super::group::Group;
use super::links::{Link, Links};
use super::plan::Plan;
use super::relay::Relay;
use super::run::Settings;

/// Of a proxy for bulky requests, in bytes: most of one stays in the caller's system while the proxy does not read.
const RECEIVE_BUFFER: usize = 4 << 10;

/// A group's proxy.
pub struct Proxy {
    server: Server,
    connection_records: Arc<Mutex<Vec<ConnectionRecord>>>,
    call_clock: Arc<CallClock>,
}

impl Proxy {
    pub fn start(
        settings: Settings,
        group: &Group,
        gateway: SocketAddr,
        links: &Arc<Links>,
    ) -> Proxy {
        let connection_records = Arc::new(Mutex::new(Vec::new()));
        let call_clock = Arc::new(CallClock::default());
        // Past every call's deadline.
        let longest_stall = Duration::from_millis(u64::from(settings.timeout_ms) * 3);
        let server = Server::start_with(group.bulky.then_some(RECEIVE_BUFFER), {
            let (group, links) = (group.clone(), Arc::clone(links));
            let (connection_records, call_clock) =
                (Arc::clone(&connection_records), Arc::clone(&call_clock));
            move |number, peer| {
                let connection = number as u64;
                // Its handshake goes on when the true response to the call before has come by another connection.
                links.await_true_response(group.number);
                let Ok(far) = TcpStream::connect(gateway) else {
                    return;
                };
                let Ok(address) = far.local_addr() else {
                    return;
                };
                let _ = far.set_nodelay(true);
                let far = peer.watch(far);
                let plan = Plan::of(settings.seed, &group, connection);
                // Seven digits are the connection's, more than a group has calls.
                let greeting = plan
                    .greeting
                    .map(|unsolicited| (unsolicited, group.number * 10_000_000 + connection));
                let link = Arc::new(Link::new(group.number, connection, greeting, &peer.share()));
                links.add(group.wire, address, &link);
                let clock = || call_clock.now();
                let relay = Relay::new(peer, far, plan, clock, longest_stall, link);
                let record = relay.run();
                let mut connection_records = connection_records
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner);
                connection_records.push(record);
            }
        });
        Proxy {
            server,
            connection_records,
            call_clock,
        }
    }

    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    pub fn call_clock(&self) -> &CallClock {
        &self.call_clock
    }

    /// Waits until all that it had has arrived or is lost. The callers' connections have to be closed.
    #[track_caller]
    pub fn finish(self) -> Vec<ConnectionRecord> {
        assert!(
            self.server.wait_for_end(Duration::from_secs(20)),
            "a connection through the proxy is still open"
        );
        mem::take(
            &mut *self
                .connection_records
                .lock()
                .unwrap_or_else(PoisonError::into_inner),
        )
    }
}
