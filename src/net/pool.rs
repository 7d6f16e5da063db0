//! The idle connections: those that a request may reuse.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::boot_time::BootTime;

/// How long a connection may be idle, be it that the machine slept meanwhile. Less than what servers and load balancers allow (from 60 s up): one
/// that the server closes while the request is on its way leaves it open whether the request arrived.
const MAX_IDLE_AGE: Duration = Duration::from_secs(30);

/// How much less than what the server says: for the way there.
const SERVER_LIMIT_MARGIN: Duration = Duration::from_secs(1);

/// Idle connections, the last one used at the back. No lock is held while a connection is used, checked or
/// closed.
pub struct ConnectionPool<C> {
    // Each with the time until which it may be reused. None once the pool is closed.
    idle: Mutex<Option<VecDeque<(C, BootTime)>>>,
}

impl<C> Default for ConnectionPool<C> {
    fn default() -> ConnectionPool<C> {
        let idle = Mutex::new(Some(VecDeque::new()));
        ConnectionPool { idle }
    }
}

impl<C> ConnectionPool<C> {
    /// The connection last used that may still be reused at `now`, if there is one. Nobody has checked that it
    /// is still open.
    pub fn acquire(&self, now: BootTime) -> Option<C> {
        loop {
            let (connection, until) = self.lock().as_mut()?.pop_back()?;
            if now < until {
                return Some(connection);
            }
        }
    }

    /// Keeps a connection whose response was read to its end: for [`MAX_IDLE_AGE`], or for as long as the
    /// server says that it keeps it, where that is less.
    pub fn release(&self, connection: C, server_limit: Option<Duration>, now: BootTime) {
        // What it returns is closed here, without the lock.
        drop(self.insert(connection, server_limit, now));
    }

    /// Closes the idle connections, and keeps no more.
    pub fn close(&self) {
        let connections = self.lock().take();
        // Without the lock.
        drop(connections);
    }

    /// Returns what is to be closed: this connection where it cannot be kept, or else one that has expired.
    fn insert(&self, connection: C, server_limit: Option<Duration>, now: BootTime) -> Option<C> {
        let age = server_limit.map_or(MAX_IDLE_AGE, |limit| {
            limit.saturating_sub(SERVER_LIMIT_MARGIN).min(MAX_IDLE_AGE)
        });
        let mut idle = self.lock();
        let Some(connections) = idle.as_mut().filter(|_| !age.is_zero()) else {
            return Some(connection);
        };
        connections.push_back((connection, now + age));
        let (_, until) = connections.front()?;
        let has_expired = *until <= now;
        has_expired
            .then(|| connections.pop_front())?
            .map(|(expired, _)| expired)
    }

    fn lock(&self) -> MutexGuard<'_, Option<VecDeque<(C, BootTime)>>> {
        // A queue of connections is whole at every step, so a panic elsewhere does not spoil it.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(count: u64) -> Duration {
        Duration::from_secs(count)
    }

    #[test]
    fn the_connection_last_used_is_reused_first() {
        let (pool, now) = (ConnectionPool::default(), BootTime::now());
        pool.release('a', None, now);
        pool.release('b', None, now);
        assert_eq!(pool.acquire(now), Some('b'));
        pool.release('c', None, now);
        assert_eq!(pool.acquire(now), Some('c'));
        assert_eq!(pool.acquire(now), Some('a'));
        assert_eq!(pool.acquire(now), None);
    }

    #[test]
    fn a_connection_is_idle_for_its_age_and_no_longer() {
        for (server_limit, age) in [
            (None, MAX_IDLE_AGE),
            (Some(seconds(3600)), MAX_IDLE_AGE),
            (Some(seconds(5)), seconds(4)),
            (Some(Duration::from_millis(1001)), Duration::from_millis(1)),
        ] {
            let (pool, now) = (ConnectionPool::default(), BootTime::now());
            pool.release('a', server_limit, now);
            let last = now + (age - Duration::from_nanos(1));
            assert_eq!(pool.acquire(last), Some('a'), "{server_limit:?}");
            pool.release('a', server_limit, now);
            assert_eq!(pool.acquire(now + age), None, "{server_limit:?}");
        }
    }

    #[test]
    fn a_connection_that_the_server_closes_at_once_is_not_kept() {
        let (pool, now) = (ConnectionPool::default(), BootTime::now());
        for server_limit in [seconds(0), seconds(1)] {
            assert_eq!(pool.insert('a', Some(server_limit), now), Some('a'));
        }
        assert_eq!(pool.acquire(now), None);
    }

    #[test]
    fn a_release_closes_a_connection_that_has_expired() {
        let (pool, now) = (ConnectionPool::default(), BootTime::now());
        assert_eq!(pool.insert('a', None, now), None);
        assert_eq!(pool.insert('b', None, now + seconds(1)), None);
        assert_eq!(pool.insert('c', None, now + MAX_IDLE_AGE), Some('a'));
        assert_eq!(pool.insert('d', None, now + MAX_IDLE_AGE), None);
    }

    #[test]
    fn a_closed_pool_keeps_nothing() {
        let (pool, now) = (ConnectionPool::default(), BootTime::now());
        pool.release('a', None, now);
        pool.close();
        assert_eq!(pool.acquire(now), None);
        assert_eq!(pool.insert('b', None, now), Some('b'));
        assert_eq!(pool.acquire(now), None);
    }
}
