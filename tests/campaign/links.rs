//! The connections between proxies and gateways, as far as both and the callers have to agree on them:
//! an unsolicited response is to be in the caller's system before the next request is sent.

use std::collections::HashMap;
use std::net::{SocketAddr, TcpStream};
use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;
use std::time::{Duration, Instant};

use super::behavior::ResponseKind;
use super::group::Wire;
use super::unsolicited::{Copy, Timing, Unsolicited};

/// An unsolicited response on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sent {
    pub unsolicited: Unsolicited,
    pub timing: Timing,
    /// The call after which it came, on an idle connection.
    pub after: Option<u64>,
    /// How many bytes the gateway had sent with it.
    end: u64,
}

/// A connection of a proxy's to a gateway.
pub struct Link {
    pub group: u64,
    /// Its number in its group.
    pub connection: u64,
    /// What the plan has for it when it is new, and the number of that.
    pub greeting: Option<(Unsolicited, u64)>,
    near: Weak<TcpStream>,
    /// Bytes passed on to the caller, until a fault has kept some of them back.
    passed: AtomicU64,
    /// Nothing comes through to the caller any more, or only when its connection has ended.
    over: AtomicBool,
    unsolicited: Mutex<Vec<Sent>>,
    /// A response that is to come once more, with the next.
    copy: Mutex<Option<(ResponseKind, Vec<u8>)>>,
    /// The last response that came twice.
    copied: Mutex<Option<(ResponseKind, Copy)>>,
    /// The last of what comes through as a whole: how many bytes the gateway had sent before it, and with
    /// it, once it has.
    whole: Mutex<Option<(u64, Option<u64>)>>,
    /// When a true response that came later was known to be in the caller's system.
    true_response_at: Mutex<Option<Instant>>,
}

impl Link {
    pub fn new(
        group: u64,
        connection: u64,
        greeting: Option<(Unsolicited, u64)>,
        near: &Arc<TcpStream>,
    ) -> Link {
        Link {
            group,
            connection,
            greeting,
            near: Arc::downgrade(near),
            passed: AtomicU64::new(0),
            over: AtomicBool::new(false),
            unsolicited: Mutex::default(),
            copy: Mutex::default(),
            copied: Mutex::default(),
            whole: Mutex::default(),
            true_response_at: Mutex::default(),
        }
    }

    pub fn pass(&self, bytes: u64) {
        if !self.over.load(Ordering::SeqCst) {
            self.passed.fetch_add(bytes, Ordering::SeqCst);
        }
    }

    pub fn end(&self) {
        self.over.store(true, Ordering::SeqCst);
    }

    /// An unsolicited response has been sent, and with it so many bytes.
    pub fn note_unsolicited(
        &self,
        unsolicited: Unsolicited,
        timing: Timing,
        after: Option<u64>,
        end: u64,
    ) {
        lock(&self.unsolicited).push(Sent {
            unsolicited,
            timing,
            after,
            end,
        });
    }

    /// The unsolicited responses that have come through to the caller.
    pub fn unsolicited(&self) -> Vec<Sent> {
        let passed = self.passed.load(Ordering::SeqCst);
        let mut unsolicited = lock(&self.unsolicited).clone();
        unsolicited.retain(|sent| sent.end <= passed);
        unsolicited
    }

    /// Keeps a response that is to come once more, with the next one.
    pub fn keep_copy(&self, response_kind: ResponseKind, response: Vec<u8>) {
        *lock(&self.copy) = Some((response_kind, response));
    }

    /// The response of `keep_copy`, which then has come twice.
    pub fn take_copy(&self) -> Option<Vec<u8>> {
        let (response_kind, response) = lock(&self.copy).take()?;
        self.note_copy(response_kind, Copy::WithTheNext);
        Some(response)
    }

    /// Notes that a response comes twice.
    pub fn note_copy(&self, response_kind: ResponseKind, copy: Copy) {
        *lock(&self.copied) = Some((response_kind, copy));
    }

    pub fn copied(&self) -> Option<(ResponseKind, Copy)> {
        *lock(&self.copied)
    }

    /// What is sent from here on comes through as a whole.
    pub fn begin_whole(&self, sent: u64) {
        *lock(&self.whole) = Some((sent, None));
    }

    pub fn end_whole(&self, sent: u64) {
        if let Some((_, end)) = &mut *lock(&self.whole) {
            *end = Some(sent);
        }
    }

    /// The end of the whole that this byte stands in, be it not the first; `u64::MAX` as long as there
    /// is none.
    pub fn end_of_whole(&self, byte: u64) -> Option<u64> {
        let (begin, end) = (*lock(&self.whole))?;
        let end = end.unwrap_or(u64::MAX);
        (begin < byte && byte < end).then_some(end)
    }

    /// Whether what begins with this byte, or goes on with it, comes through as a whole.
    pub fn is_whole(&self, byte: u64) -> bool {
        self.end_of_whole(byte + 1).is_some()
    }

    /// Whether the true response that was announced last has come to the caller's system, or never will.
    fn is_true_response_settled(&self) -> bool {
        let end = lock(&self.whole).and_then(|(_, end)| end);
        let is_there = end.is_some_and(|end| end <= self.passed.load(Ordering::SeqCst))
            && (self.near.upgrade()).is_some_and(|near| is_acknowledged(&near));
        if is_there {
            *lock(&self.true_response_at) = Some(Instant::now());
        }
        is_there || self.over.load(Ordering::SeqCst)
    }

    /// When a true response that came later was known to be in the caller's system.
    pub fn true_response_at(&self) -> Option<Instant> {
        *lock(&self.true_response_at)
    }

    /// Whether the unsolicited response after this call has come to the caller's system, or never will.
    fn is_settled(&self, call: u64) -> bool {
        if self.over.load(Ordering::SeqCst) {
            return true;
        }
        let Some(near) = self.near.upgrade() else {
            return true;
        };
        self.unsolicited()
            .iter()
            .any(|sent| sent.after == Some(call))
            && is_acknowledged(&near)
    }
}

/// All of them.
#[derive(Default)]
pub struct Links {
    /// By gateway and the proxy's address, before it has passed anything on. What a gateway reads when
    /// the proxy has gone still finds its link.
    known: Mutex<HashMap<(Wire, SocketAddr), Arc<Link>>>,
    /// By group: the call after which an unsolicited response comes, and the connection.
    coming: Mutex<HashMap<u64, (u64, Arc<Link>)>>,
    /// By group: the connection by which the true response comes, later.
    true_responses: Mutex<HashMap<u64, Arc<Link>>>,
}

impl Links {
    /// `address` is the proxy's.
    pub fn add(&self, gateway: Wire, address: SocketAddr, link: &Arc<Link>) {
        lock(&self.known).insert((gateway, address), Arc::clone(link));
    }

    pub fn at(&self, gateway: Wire, address: SocketAddr) -> Option<Arc<Link>> {
        lock(&self.known).get(&(gateway, address)).cloned()
    }

    /// Announces an unsolicited response, before the response that it comes after.
    pub fn announce(&self, group: u64, call: u64, link: &Arc<Link>) {
        lock(&self.coming).insert(group, (call, Arc::clone(link)));
    }

    /// Announces a true response, before the refusal that it comes after.
    pub fn announce_true_response(&self, group: u64, link: &Arc<Link>) {
        lock(&self.true_responses).insert(group, Arc::clone(link));
    }

    /// Waits until the true response that was announced in this group has come, if there is one.
    pub fn await_true_response(&self, group: u64) {
        let true_response = lock(&self.true_responses).remove(&group);
        if let Some(link) = true_response {
            until(|| link.is_true_response_settled());
        }
    }

    /// Waits until the unsolicited response that was announced in this group has come, if there is one.
    pub fn await_unsolicited(&self, group: u64) {
        let Some((call, link)) = lock(&self.coming).remove(&group) else {
            return;
        };
        until(|| link.is_settled(call));
    }
}

fn until(come: impl Fn() -> bool) {
    let limit = Instant::now() + Duration::from_secs(20);
    while !come() {
        assert!(
            Instant::now() < limit,
            "an unsolicited or true response that never comes"
        );
        thread::sleep(Duration::from_micros(100));
    }
}

/// Whether the peer's system has acknowledged, and so has, all that was sent.
fn is_acknowledged(stream: &TcpStream) -> bool {
    let mut bytes: libc::c_int = 0;
    // SAFETY: TIOCOUTQ (tcp(7)) writes one int.
    let failed = unsafe { libc::ioctl(stream.as_raw_fd(), libc::TIOCOUTQ, &mut bytes) };
    failed == 0 && bytes == 0
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
