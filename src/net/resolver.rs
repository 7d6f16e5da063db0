//! Cached DNS for the one host that a client connects to.
//!
//! `getaddrinfo` knows no deadline and cannot be cancelled, so it runs in a thread of its own, one
//! at a time, and all calls that need addresses wait for it. It tells no time to live either: addresses are
//! looked up again after [`CACHE_TTL`]; where that fails, the last ones are used.

use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::boot_time::BootTime;
use super::io::{CHECK_INTERVAL, Deadline, IoContext, IoError};
use crate::sys;

/// How long a lookup's addresses are used without another lookup.
const CACHE_TTL: Duration = Duration::from_secs(60);

/// How long the last addresses are used without another lookup where one failed or timed out.
const RETRY_INTERVAL: Duration = Duration::from_secs(5);

/// The stack for `getaddrinfo` and the name service modules behind it.
const STACK_SIZE: usize = 256 * 1024;

/// Looks one host up, and remembers its addresses.
#[derive(Debug)]
pub struct Resolver {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    host: String,
    port: u16,
    lookup: Mutex<Lookup>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Lookup {
    is_running: bool,
    // How many lookups have ended.
    finished: u64,
    cache: Cache,
}

/// What is known of the host.
#[derive(Debug, Default)]
struct Cache {
    // Of the last lookup that found any.
    addresses: Vec<SocketAddr>,
    fresh_until: Option<BootTime>,
    // Of the last lookup, where it failed.
    error: Option<String>,
}

/// A host's addresses.
#[derive(Debug)]
pub struct Resolved {
    /// At least one.
    pub addresses: Vec<SocketAddr>,
    /// Whether they were known before, so that another lookup may find others.
    pub from_cache: bool,
}

impl Resolver {
    /// For `host`, a name or an address without brackets.
    pub fn new(host: &str, port: u16) -> Resolver {
        Resolver {
            shared: Arc::new(Shared {
                host: host.to_owned(),
                port,
                lookup: Mutex::default(),
                changed: Condvar::new(),
            }),
        }
    }

    /// The host's addresses. Fails where it has none, or none was found in time and none was known before.
    pub fn resolve(&self, context: &IoContext<'_>) -> Result<Resolved, IoError> {
        let shared = &self.shared;
        if let Ok(address) = shared.host.parse::<IpAddr>() {
            return Ok(Resolved {
                addresses: vec![SocketAddr::new(address, shared.port)],
                from_cache: false,
            });
        }
        let mut lookup = shared.lock();
        if lookup.cache.is_fresh(BootTime::now()) {
            return Ok(lookup.cache.resolved());
        }
        if !lookup.is_running {
            let worker = Arc::clone(shared);
            match sys::spawn_without_signals("itnio-dns", STACK_SIZE, move || worker.look_up()) {
                Ok(()) => lookup.is_running = true,
                // A process may have as many threads as it is allowed (pthread_create(3), EAGAIN).
                Err(error) => return lookup.cache.fall_back(error.into(), BootTime::now()),
            }
        }
        let deadline = lookup
            .cache
            .lookup_deadline(context.deadline, BootTime::now());
        let finished = lookup.finished;
        while lookup.finished == finished {
            if context.cancellation.is_canceled() {
                return Err(IoError::Canceled);
            }
            let now = BootTime::now();
            if deadline.has_passed(now) {
                return lookup.cache.fall_back(IoError::TimedOut, now);
            }
            (lookup, _) = shared
                .changed
                .wait_timeout(lookup, deadline.remaining(now).min(CHECK_INTERVAL))
                .unwrap_or_else(PoisonError::into_inner);
        }
        lookup.cache.looked_up()
    }

    /// Has the next [`Resolver::resolve`] look up again: nothing could be reached at these addresses.
    pub fn invalidate(&self) {
        self.shared.lock().cache.fresh_until = None;
    }

    /// Has later connections go to `address` first, until the next lookup: those before it did not accept.
    pub fn prefer(&self, address: SocketAddr) {
        self.shared.lock().cache.prefer(address);
    }

    /// Wakes the calls that wait, to see that the client was shut down.
    pub fn wake(&self) {
        // With the lock, no call is between its check and its wait.
        let _lookup = self.shared.lock();
        self.shared.changed.notify_all();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Lookup> {
        // What the lock guards is whole at every step, so a panic elsewhere does not spoil it.
        self.lookup.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn look_up(&self) {
        let found = (self.host.as_str(), self.port).to_socket_addrs();
        let mut lookup = self.lock();
        lookup
            .cache
            .store(found.map(Iterator::collect), BootTime::now());
        lookup.is_running = false;
        lookup.finished += 1;
        self.changed.notify_all();
    }
}

impl Cache {
    fn is_fresh(&self, now: BootTime) -> bool {
        !self.addresses.is_empty() && self.fresh_until.is_some_and(|until| now < until)
    }

    /// Takes in what a lookup found. One that failed leaves the last addresses.
    fn store(&mut self, found: io::Result<Vec<SocketAddr>>, now: BootTime) {
        let error = match found {
            Ok(addresses) if !addresses.is_empty() => {
                self.addresses = alternate_families(addresses);
                self.fresh_until = Some(now + CACHE_TTL);
                self.error = None;
                return;
            }
            Ok(_) => "no address".to_owned(),
            Err(error) => error.to_string(),
        };
        self.error = Some(error);
        self.fresh_until = Some(now + RETRY_INTERVAL);
    }

    fn prefer(&mut self, address: SocketAddr) {
        if let Some(at) = self.addresses.iter().position(|known| *known == address)
            && let Some(before) = self.addresses.get_mut(..=at)
        {
            before.rotate_right(1);
        }
    }

    /// How long a call waits for a lookup: with addresses to fall back on, half of its time is left for
    /// them.
    fn lookup_deadline(&self, deadline: Deadline, now: BootTime) -> Deadline {
        if self.addresses.is_empty() {
            deadline
        } else {
            Deadline::after(now, deadline.remaining(now) / 2)
        }
    }

    /// What a call gets that has waited for a lookup.
    fn looked_up(&self) -> Result<Resolved, IoError> {
        match &self.error {
            Some(error) if self.addresses.is_empty() => {
                Err(IoError::Io(io::Error::other(error.clone())))
            }
            error => Ok(Resolved {
                from_cache: error.is_some(),
                ..self.resolved()
            }),
        }
    }

    /// The last addresses, for [`RETRY_INTERVAL`] without another lookup; where there are none, `error`.
    fn fall_back(&mut self, error: IoError, now: BootTime) -> Result<Resolved, IoError> {
        if self.addresses.is_empty() {
            return Err(error);
        }
        self.fresh_until = Some(now + RETRY_INTERVAL);
        Ok(self.resolved())
    }

    fn resolved(&self) -> Resolved {
        Resolved {
            addresses: self.addresses.clone(),
            from_cache: true,
        }
    }
}

/// The addresses in their order, but with the families of IP in turns (RFC 8305, 4): where all of one do not
/// answer, as where IPv6 is set up and leads nowhere, the other is tried second, and not last.
fn alternate_families(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let first_is_ipv6 = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let (first, second): (Vec<_>, Vec<_>) = addresses
        .into_iter()
        .partition(|address| address.is_ipv6() == first_is_ipv6);
    let (mut first, mut second) = (first.into_iter(), second.into_iter());
    let mut in_turns = Vec::new();
    loop {
        let pair = [first.next(), second.next()];
        if pair == [None, None] {
            return in_turns;
        }
        in_turns.extend(pair.into_iter().flatten());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOMENT: Duration = Duration::from_nanos(1);

    fn addresses(last: u8) -> Vec<SocketAddr> {
        vec![SocketAddr::from(([192, 0, 2, last], 443))]
    }

    fn failed() -> io::Result<Vec<SocketAddr>> {
        Err(io::Error::other("no server"))
    }

    fn cache_of(last: u8, now: BootTime) -> Cache {
        let mut cache = Cache::default();
        cache.store(Ok(addresses(last)), now);
        cache
    }

    #[test]
    fn addresses_are_used_for_their_time_to_live_and_not_longer() {
        let now = BootTime::now();
        let cache = cache_of(1, now);
        let resolved = cache.looked_up().unwrap();
        assert_eq!(
            (resolved.addresses, resolved.from_cache),
            (addresses(1), false)
        );
        assert!(cache.is_fresh(now + (CACHE_TTL - MOMENT)));
        assert!(cache.resolved().from_cache);
        assert!(!cache.is_fresh(now + CACHE_TTL));
    }

    #[test]
    fn the_last_addresses_are_used_where_a_lookup_fails() {
        let now = BootTime::now();
        for found in [failed(), Ok(Vec::new())] {
            let mut cache = cache_of(1, now);
            let later = now + CACHE_TTL;
            cache.store(found, later);
            let resolved = cache.looked_up().unwrap();
            assert_eq!(
                (resolved.addresses, resolved.from_cache),
                (addresses(1), true)
            );
            assert!(cache.is_fresh(later + (RETRY_INTERVAL - MOMENT)));
            assert!(!cache.is_fresh(later + RETRY_INTERVAL));
            // A lookup that finds others ends that.
            cache.store(Ok(addresses(2)), later);
            let resolved = cache.looked_up().unwrap();
            assert_eq!(
                (resolved.addresses, resolved.from_cache),
                (addresses(2), false)
            );
        }
    }

    #[test]
    fn a_host_that_never_had_an_address_is_an_error_with_its_cause() {
        let now = BootTime::now();
        for (found, reason) in [(failed(), "no server"), (Ok(Vec::new()), "no address")] {
            let mut cache = Cache::default();
            cache.store(found, now);
            assert_eq!(cache.looked_up().unwrap_err().to_string(), reason);
            assert!(!cache.is_fresh(now));
            let error = cache.fall_back(IoError::TimedOut, now).unwrap_err();
            assert_eq!(error.to_string(), "timed out");
        }
    }

    #[test]
    fn a_lookup_that_times_out_is_not_waited_for_again_at_once() {
        let now = BootTime::now();
        let mut cache = cache_of(1, now);
        let later = now + CACHE_TTL;
        let resolved = cache.fall_back(IoError::TimedOut, later).unwrap();
        assert!(resolved.from_cache);
        assert!(cache.is_fresh(later + (RETRY_INTERVAL - MOMENT)));
        assert!(!cache.is_fresh(later + RETRY_INTERVAL));
    }

    #[test]
    fn the_families_of_ip_are_tried_in_turns() {
        let ipv4 = |last| SocketAddr::from(([192, 0, 2, last], 443));
        let ipv6 = |last| SocketAddr::from(([0x2001, 0xdb8, 0, 0, 0, 0, 0, last], 443));
        for (found, tried) in [
            (
                vec![ipv6(1), ipv6(2), ipv6(3), ipv4(1)],
                vec![ipv6(1), ipv4(1), ipv6(2), ipv6(3)],
            ),
            (
                vec![ipv4(1), ipv4(2), ipv6(1), ipv6(2), ipv6(3)],
                vec![ipv4(1), ipv6(1), ipv4(2), ipv6(2), ipv6(3)],
            ),
            (vec![ipv4(2), ipv4(1)], vec![ipv4(2), ipv4(1)]),
            (vec![], vec![]),
        ] {
            assert_eq!(alternate_families(found), tried);
        }
    }

    #[test]
    fn the_address_that_accepted_is_the_first_until_the_next_lookup() {
        let [first, second, third] = [1, 2, 3].map(|last| addresses(last).remove(0));
        let found = || Ok(vec![first, second, third]);
        let mut cache = Cache::default();
        cache.store(found(), BootTime::now());
        cache.prefer(third);
        assert_eq!(cache.resolved().addresses, [third, first, second]);
        cache.prefer(third);
        cache.prefer(addresses(4).remove(0));
        assert_eq!(cache.resolved().addresses, [third, first, second]);
        cache.store(found(), BootTime::now());
        assert_eq!(cache.resolved().addresses, [first, second, third]);
    }

    #[test]
    fn half_of_a_calls_time_is_left_for_the_last_addresses() {
        let now = BootTime::now();
        let deadline = Deadline::after(now, Duration::from_secs(4));
        assert_eq!(Cache::default().lookup_deadline(deadline, now), deadline);
        assert_eq!(
            cache_of(1, now).lookup_deadline(deadline, now),
            Deadline::after(now, Duration::from_secs(2))
        );
    }
}
