//! Cached DNS for the one host that a client connects to.
//!
//! `getaddrinfo` knows no deadline and cannot be cancelled, so it runs in a thread of its own, one
//! at a time, which everybody waits for who needs the answer. It tells no time to live either:
//! addresses are looked up again after [`FRESH`], and where that fails the last known ones serve on.

use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::transport::{self, Wait};

/// How long a look-up's answer is used without asking again.
const FRESH: Duration = Duration::from_secs(60);

/// How long the last known addresses are used without asking again where a look-up failed or hung.
const RETRY: Duration = Duration::from_secs(5);

/// What `getaddrinfo` and the name service modules behind it get for a stack.
const STACK: usize = 256 * 1024;

/// Looks one host up, and remembers.
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
    running: bool,
    finished: u64,
    known: Vec<SocketAddr>,
    fresh_until: Option<Instant>,
    error: Option<String>,
}

/// Addresses, and where they are from.
#[derive(Debug)]
pub struct Found {
    /// At least one.
    pub addresses: Vec<SocketAddr>,
    /// Whether they were known before, so that asking again may give others.
    pub remembered: bool,
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

    /// The host's addresses.
    ///
    /// # Errors
    ///
    /// Where it has none, or none came in time and none was known before.
    pub fn find(&self, wait: &Wait<'_>) -> Result<Found, transport::Error> {
        let shared = &self.shared;
        if let Ok(address) = shared.host.parse::<IpAddr>() {
            return Ok(Found {
                addresses: vec![SocketAddr::new(address, shared.port)],
                remembered: false,
            });
        }
        let mut lookup = shared.lock();
        if lookup.is_fresh() {
            return Ok(lookup.remembered());
        }
        if !lookup.running {
            let worker = Arc::clone(shared);
            match transport::spawn_without_signals("itnio-dns", STACK, move || worker.look_up()) {
                Ok(()) => lookup.running = true,
                // A process may have as many threads as it is allowed (pthread_create(3), EAGAIN).
                Err(error) => return lookup.fall_back(error.into()),
            }
        }
        // With addresses to fall back on, half of the time is kept for them.
        let now = Instant::now();
        let left = wait.deadline.saturating_duration_since(now);
        let deadline = if lookup.known.is_empty() {
            wait.deadline
        } else {
            now + left / 2
        };
        let awaited = lookup.finished;
        while lookup.finished == awaited {
            if wait.stop.requested() {
                return Err(transport::Error::ShutDown);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return lookup.fall_back(transport::Error::TimedOut);
            }
            (lookup, _) = shared
                .changed
                .wait_timeout(lookup, left)
                .unwrap_or_else(PoisonError::into_inner);
        }
        match &lookup.error {
            Some(error) if lookup.known.is_empty() => {
                Err(transport::Error::Io(io::Error::other(error.clone())))
            }
            Some(_) => Ok(lookup.remembered()),
            None => Ok(Found {
                addresses: lookup.known.clone(),
                remembered: false,
            }),
        }
    }

    /// Has the next [`Resolver::find`] ask again: the addresses led nowhere.
    pub fn distrust(&self) {
        self.shared.lock().fresh_until = None;
    }

    /// Wakes those who wait, to see that the client was shut down.
    pub fn wake(&self) {
        // The lock makes sure that nobody is between looking and waiting.
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
        let answer = (self.host.as_str(), self.port).to_socket_addrs();
        let mut lookup = self.lock();
        let addresses: Vec<_> = answer.map_or_else(
            |error| {
                lookup.error = Some(error.to_string());
                Vec::new()
            },
            Iterator::collect,
        );
        if addresses.is_empty() {
            lookup.error.get_or_insert_with(|| "no address".to_owned());
            lookup.fresh_until = Some(Instant::now() + RETRY);
        } else {
            lookup.error = None;
            lookup.known = addresses;
            lookup.fresh_until = Some(Instant::now() + FRESH);
        }
        lookup.running = false;
        lookup.finished += 1;
        self.changed.notify_all();
    }
}

impl Lookup {
    fn is_fresh(&self) -> bool {
        !self.known.is_empty() && self.fresh_until.is_some_and(|until| Instant::now() < until)
    }

    /// The last known addresses, for a while without asking again; where there are none, `error`.
    fn fall_back(&mut self, error: transport::Error) -> Result<Found, transport::Error> {
        if self.known.is_empty() {
            return Err(error);
        }
        self.fresh_until = Some(Instant::now() + RETRY);
        Ok(self.remembered())
    }

    fn remembered(&self) -> Found {
        Found {
            addresses: self.known.clone(),
            remembered: true,
        }
    }
}
