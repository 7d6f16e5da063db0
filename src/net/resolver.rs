//! Cached DNS for the one host that a client connects to.
//!
//! `getaddrinfo` knows no deadline and cannot be cancelled, so it runs in a thread of its own, one
//! at a time, and all calls that need addresses wait for it. It tells no time to live either: addresses are
//! looked up again after [`CACHE_TTL`]; where that fails, the last ones are used.

use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::io::{Deadline, IoContext, IoError};
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
    fresh_until: Option<Instant>,
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
        if lookup.cache.is_fresh(Instant::now()) {
            return Ok(lookup.cache.resolved());
        }
        if !lookup.is_running {
            let worker = Arc::clone(shared);
            match sys::spawn_without_signals("itnio-dns", STACK_SIZE, move || worker.look_up()) {
                Ok(()) => lookup.is_running = true,
                // A process may have as many threads as it is allowed (pthread_create(3), EAGAIN).
                Err(error) => return lookup.cache.fall_back(error.into(), Instant::now()),
            }
        }
        let deadline = lookup
            .cache
            .lookup_deadline(context.deadline, Instant::now());
        let finished = lookup.finished;
        while lookup.finished == finished {
            if context.cancellation.is_canceled() {
                return Err(IoError::Canceled);
            }
            let now = Instant::now();
            if deadline.has_passed(now) {
                return lookup.cache.fall_back(IoError::TimedOut, now);
            }
            (lookup, _) = shared
                .changed
                .wait_timeout(lookup, deadline.remaining(now))
                .unwrap_or_else(PoisonError::into_inner);
        }
        lookup.cache.looked_up()
    }

    /// Has the next [`Resolver::resolve`] look up again: nothing could be reached at these addresses.
    pub fn invalidate(&self) {
        self.shared.lock().cache.fresh_until = None;
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
            .store(found.map(Iterator::collect), Instant::now());
        lookup.is_running = false;
        lookup.finished += 1;
        self.changed.notify_all();
    }
}

impl Cache {
    fn is_fresh(&self, now: Instant) -> bool {
        !self.addresses.is_empty() && self.fresh_until.is_some_and(|until| now < until)
    }

    /// Takes in what a lookup found. One that failed leaves the last addresses.
    fn store(&mut self, found: io::Result<Vec<SocketAddr>>, now: Instant) {
        let error = match found {
            Ok(addresses) if !addresses.is_empty() => {
                self.addresses = addresses;
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

    /// How long a call waits for a lookup: with addresses to fall back on, half of its time is left for
    /// them.
    fn lookup_deadline(&self, deadline: Deadline, now: Instant) -> Deadline {
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
    fn fall_back(&mut self, error: IoError, now: Instant) -> Result<Resolved, IoError> {
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

    fn cache_of(last: u8, now: Instant) -> Cache {
        let mut cache = Cache::default();
        cache.store(Ok(addresses(last)), now);
        cache
    }

    #[test]
    fn addresses_are_used_for_their_time_to_live_and_not_longer() {
        let now = Instant::now();
        let cache = cache_of(1, now);
        let resolved = cache.looked_up().unwrap();
        assert_eq!(
            (resolved.addresses, resolved.from_cache),
            (addresses(1), false)
        );
        assert!(cache.is_fresh(now + CACHE_TTL - MOMENT));
        assert!(cache.resolved().from_cache);
        assert!(!cache.is_fresh(now + CACHE_TTL));
    }

    #[test]
    fn the_last_addresses_are_used_where_a_lookup_fails() {
        let now = Instant::now();
        for found in [failed(), Ok(Vec::new())] {
            let mut cache = cache_of(1, now);
            let later = now + CACHE_TTL;
            cache.store(found, later);
            let resolved = cache.looked_up().unwrap();
            assert_eq!(
                (resolved.addresses, resolved.from_cache),
                (addresses(1), true)
            );
            assert!(cache.is_fresh(later + RETRY_INTERVAL - MOMENT));
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
        let now = Instant::now();
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
        let now = Instant::now();
        let mut cache = cache_of(1, now);
        let later = now + CACHE_TTL;
        let resolved = cache.fall_back(IoError::TimedOut, later).unwrap();
        assert!(resolved.from_cache);
        assert!(cache.is_fresh(later + RETRY_INTERVAL - MOMENT));
        assert!(!cache.is_fresh(later + RETRY_INTERVAL));
    }

    #[test]
    fn half_of_a_calls_time_is_left_for_the_last_addresses() {
        let now = Instant::now();
        let deadline = Deadline::after(now, Duration::from_secs(4));
        assert_eq!(Cache::default().lookup_deadline(deadline, now), deadline);
        assert_eq!(
            cache_of(1, now).lookup_deadline(deadline, now),
            Deadline::after(now, Duration::from_secs(2))
        );
    }
}
