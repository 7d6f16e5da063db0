//! One connection: bytes are passed on between a caller and the gateway until the planned fault.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use socket2::SockRef;

use crate::support::sockets::{MAX_WAIT, Peer};

use super::connection_log::{Burst, ConnectionRecord, InjectedFault, Moment, taken_of};
use super::links::Link;
use super::plan::{Direction, FaultKind, FaultPosition, Plan};
use super::unsolicited::Timing;

/// One direction of a relay.
#[derive(Default)]
struct Flow {
    /// Its source has ended.
    ended: bool,
    /// What comes is read and lost.
    lost: bool,
    /// Nothing is read until the caller's connection has ended.
    held: bool,
    passed: u64,
    bursts: u64,
    /// How much had passed before this burst.
    before: u64,
    /// Read, and not passed on yet.
    pending: Vec<u8>,
}

/// Whether a relay goes on.
#[derive(PartialEq)]
enum Next {
    Go,
    Stop,
}

/// A connection of a caller's, and that to the gateway which belongs to it.
pub struct Relay<Clock> {
    peer: Peer,
    near: Arc<TcpStream>,
    far: Arc<TcpStream>,
    plan: Plan,
    clock: Clock,
    opened: Moment,
    up: Flow,
    down: Flow,
    last: Option<(Direction, Instant)>,
    bursts: Vec<Burst>,
    held_back: Option<u64>,
    injected: Option<InjectedFault>,
    stall_until: Option<Instant>,
    longest_stall: Duration,
    link: Arc<Link>,
}

impl<Clock: Fn() -> Moment> Relay<Clock> {
    /// `clock` gives the group's current call. No stall is longer than `longest_stall`.
    pub fn new(
        peer: Peer,
        far: Arc<TcpStream>,
        plan: Plan,
        clock: Clock,
        longest_stall: Duration,
        link: Arc<Link>,
    ) -> Self {
        for stream in [peer.stream(), &far] {
            // A peer that reads so slowly has lost its connection.
            let _ = stream.set_write_timeout(Some(Duration::from_secs(5)));
        }
        Relay {
            near: peer.share(),
            peer,
            far,
            plan,
            opened: clock(),
            clock,
            up: Flow::default(),
            down: Flow::default(),
            last: None,
            bursts: Vec::new(),
            held_back: None,
            injected: None,
            stall_until: None,
            longest_stall,
            link,
        }
    }

    fn flow(&self, direction: Direction) -> &Flow {
        match direction {
            Direction::Up => &self.up,
            Direction::Down => &self.down,
        }
    }

    fn flow_mut(&mut self, direction: Direction) -> &mut Flow {
        match direction {
            Direction::Up => &mut self.up,
            Direction::Down => &mut self.down,
        }
    }

    fn source(&self, direction: Direction) -> &TcpStream {
        match direction {
            Direction::Up => &self.near,
            Direction::Down => &self.far,
        }
    }

    fn sink(&self, direction: Direction) -> &TcpStream {
        self.source(direction.other())
    }

    /// Passes bytes on until both sides have ended, or a fault has ended them.
    pub fn run(mut self) -> ConnectionRecord {
        let until = Instant::now() + MAX_WAIT;
        while !(self.up.ended && self.down.ended) && Instant::now() < until {
            if self.peer.stopped() || self.go_on() == Next::Stop {
                break;
            }
            if self.down.ended || self.down.held || self.down.lost {
                self.link.end();
            }
        }
        self.link.end();
        ConnectionRecord {
            connection: self.link.connection,
            unsolicited: self.link.unsolicited(),
            opened: self.opened,
            fault: self.injected,
            bursts: self.bursts,
            held: self.held_back,
            true_response_at: self.link.true_response_at(),
        }
    }

    fn go_on(&mut self) -> Next {
        if self.patience() == Some(Duration::ZERO) && self.inject() == Next::Stop {
            return Next::Stop;
        }
        let (near, far) = self.wait();
        // Where the caller's last bytes are held back as well, its end does not come through.
        let late = self.stall_until.is_some_and(|until| until < Instant::now());
        if (self.up.held || self.down.held) && (near.hung_up || late) {
            return self.end_stall();
        }
        for (direction, event) in [(Direction::Up, near), (Direction::Down, far)] {
            if event.readable && self.step(direction) == Next::Stop {
                return Next::Stop;
            }
        }
        Next::Go
    }

    /// How much longer nothing may move until the fault is injected into an idle connection.
    fn patience(&self) -> Option<Duration> {
        let (Some(fault), Some((Direction::Down, at)), None) =
            (self.plan.fault, self.last, self.injected)
        else {
            return None;
        };
        match fault.position {
            FaultPosition::Idle(bursts, after)
                if self.down.bursts == bursts
                    && self.link.end_of_whole(self.down.passed).is_none() =>
            {
                Some(after.saturating_sub(at.elapsed()))
            }
            _ => None,
        }
    }

    /// Waits for either side, or until the next look whether to stop.
    fn wait(&self) -> (Event, Event) {
        let limit = self
            .patience()
            .map_or(STOP_CHECK_INTERVAL, |left| left.min(STOP_CHECK_INTERVAL));
        // The caller's end is of interest as long as something waits for it.
        let near_events = match (self.up.held, self.up.ended, self.down.held) {
            (true, _, _) => libc::POLLRDHUP,
            (false, false, _) => libc::POLLIN | libc::POLLRDHUP,
            (false, true, true) => libc::POLLRDHUP,
            (false, true, false) => 0,
        };
        let far_events = if self.down.held || self.down.ended {
            0
        } else {
            libc::POLLIN
        };
        let mut polls =
            [(&self.near, near_events), (&self.far, far_events)].map(|(stream, events)| {
                libc::pollfd {
                    // poll reports errors even where no event is asked for; a negative number it skips.
                    fd: if events == 0 { -1 } else { stream.as_raw_fd() },
                    events,
                    revents: 0,
                }
            });
        let timeout = libc::timespec {
            tv_sec: 0,
            tv_nsec: i64::from(limit.subsec_nanos()),
        };
        // SAFETY: the array and the time live through the call; no signal mask is given.
        unsafe { libc::ppoll(polls.as_mut_ptr(), 2, &timeout, std::ptr::null()) };
        let broken = libc::POLLHUP | libc::POLLERR;
        let [near, far] = polls.map(|poll| Event {
            readable: poll.revents & (libc::POLLIN | broken) != 0,
            hung_up: poll.revents & (libc::POLLRDHUP | broken) != 0,
        });
        (near, far)
    }

    /// Takes what there is in this direction, and passes it on, or injects the fault.
    fn step(&mut self, direction: Direction) -> Next {
        if self.flow(direction).ended || self.flow(direction).held {
            return Next::Go;
        }
        match self.source(direction).peek(&mut [0]) {
            Ok(0) => {
                self.flow_mut(direction).ended = true;
                let _ = self.sink(direction).shutdown(Shutdown::Write);
                return Next::Go;
            }
            Ok(_) => self.note_burst(direction),
            Err(_) => return self.reset(),
        }
        let allowed = self.allowed(direction);
        if allowed == 0 && self.plan.leave_unread {
            return self.inject();
        }
        let mut bytes = vec![0; 64 * 1024];
        if self.plan.leave_unread {
            bytes.truncate(allowed.min(bytes.len()));
        }
        match self.source(direction).read(&mut bytes) {
            Ok(count) => bytes.truncate(count),
            Err(_) => return self.reset(),
        }
        if direction == Direction::Up {
            self.note_taken(bytes.len() as u64);
        }
        if self.flow(direction).lost {
            return Next::Go;
        }
        let rest = bytes.split_off(allowed.min(bytes.len()));
        self.pass(direction, &bytes);
        if rest.is_empty() {
            return Next::Go;
        }
        self.flow_mut(direction).pending = rest;
        self.inject()
    }

    /// Notes which side is sending. After a fault no burst is over, unless the connection was idle:
    /// then what comes is the next call's.
    fn note_burst(&mut self, direction: Direction) {
        let changed =
            self.injected.is_none() && self.last.is_none_or(|(last, _)| last != direction);
        self.last = Some((direction, Instant::now()));
        if changed {
            let flow = self.flow_mut(direction);
            flow.bursts += 1;
            flow.before = flow.passed;
        }
        if direction == Direction::Up {
            let call = (self.clock)().call();
            let last = self.bursts.last().and_then(|burst| burst.call);
            let next = call.is_some()
                && call != last
                && self.injected.is_none_or(|injected| injected.idle);
            if changed || next || self.bursts.is_empty() {
                self.bursts.push(Burst { call, taken: 0 });
            }
        }
    }

    fn note_taken(&mut self, bytes: u64) {
        if let Some(burst) = self.bursts.last_mut() {
            burst.taken += bytes;
        }
    }

    /// How many bytes may pass before the fault.
    fn allowed(&self, direction: Direction) -> usize {
        let flow = self.flow(direction);
        let fault = self
            .plan
            .fault
            .filter(|fault| fault.direction == direction && self.injected.is_none());
        let distance =
            |at: u64| usize::try_from(at.saturating_sub(flow.passed)).unwrap_or(usize::MAX);
        match fault.map(|fault| fault.position) {
            Some(FaultPosition::Byte(at)) => distance(self.after_whole(direction, at)),
            Some(FaultPosition::InBurst(burst, at)) if flow.bursts == burst => {
                distance(flow.before + at)
            }
            Some(FaultPosition::Burst(burst)) if flow.bursts >= burst => {
                distance(self.after_whole(direction, flow.passed))
            }
            _ => usize::MAX,
        }
    }

    /// Where a fault that is due there is injected: not in the middle of what comes through as a whole.
    fn after_whole(&self, direction: Direction, at: u64) -> u64 {
        match direction {
            Direction::Up => at,
            Direction::Down => self.link.end_of_whole(at).unwrap_or(at),
        }
    }

    fn pass(&mut self, direction: Direction, bytes: &[u8]) {
        let is_whole = direction == Direction::Down && self.link.is_whole(self.down.passed);
        let pieces = self.plan.pieces.filter(|_| !is_whole);
        for piece in bytes.chunks(pieces.map_or(usize::MAX, |pieces| pieces.most)) {
            let mut sink = self.sink(direction);
            if sink.write_all(piece).is_err() {
                // The receiving side has ended. What it has sent still counts.
                self.flow_mut(direction).lost = true;
                return;
            }
            self.flow_mut(direction).passed += piece.len() as u64;
            if direction == Direction::Down {
                self.link.pass(piece.len() as u64);
            }
            if let Some(pieces) = pieces {
                thread::sleep(pieces.pause);
            }
        }
    }

    fn inject(&mut self) -> Next {
        let Some(fault) = self.plan.fault.filter(|_| self.injected.is_none()) else {
            return Next::Go;
        };
        self.injected = Some(InjectedFault {
            direction: fault.direction,
            kind: fault.kind,
            at: (self.clock)(),
            idle: matches!(fault.position, FaultPosition::Idle(..)),
        });
        if fault.kind.is_stall() {
            self.stall_until = Some(Instant::now() + self.longest_stall);
        }
        match fault.kind {
            FaultKind::Fin => {
                self.send_fin(Direction::Up);
                self.send_fin(Direction::Down);
            }
            FaultKind::HalfFin => self.send_fin(fault.direction),
            FaultKind::Reset => return self.reset(),
            FaultKind::RespondAndHold(unsolicited) => {
                let response = unsolicited.bytes(Timing::MidRequest, self.link.connection);
                let _ = self.sink(Direction::Down).write_all(&response);
                self.up.held = true;
                self.down.held = true;
            }
            FaultKind::StallAndRelease | FaultKind::StallAndDrop => {
                self.up.held = true;
                self.down.held = true;
            }
            FaultKind::HalfStall => self.flow_mut(fault.direction).held = true,
            FaultKind::FinAndHold => {
                self.send_fin(Direction::Down);
                self.up.held = true;
            }
        }
        Next::Go
    }

    fn send_fin(&mut self, direction: Direction) {
        let _ = self.sink(direction).shutdown(Shutdown::Write);
        self.flow_mut(direction).lost = true;
    }

    fn reset(&mut self) -> Next {
        self.note_taken(unread(&self.near));
        self.peer.reset_when_dropped();
        let _ = SockRef::from(&*self.far).set_linger(Some(Duration::ZERO));
        Next::Stop
    }

    /// The caller has given up: what was held comes through, late, or never.
    fn end_stall(&mut self) -> Next {
        let left_unread = if self.up.held { unread(&self.near) } else { 0 };
        if self.up.held {
            let call = self.bursts.last().and_then(|burst| burst.call);
            self.held_back = Some(taken_of(&self.bursts, call) + left_unread);
        }
        if self
            .injected
            .is_some_and(|fault| fault.kind == FaultKind::StallAndDrop)
        {
            self.note_taken(left_unread);
            return Next::Stop;
        }
        for direction in [Direction::Up, Direction::Down] {
            self.flow_mut(direction).held = false;
            let held = std::mem::take(&mut self.flow_mut(direction).pending);
            self.pass(direction, &held);
        }
        Next::Go
    }
}

/// How often a relay looks whether it is still wanted.
const STOP_CHECK_INTERVAL: Duration = Duration::from_millis(50);

#[derive(Clone, Copy)]
struct Event {
    readable: bool,
    hung_up: bool,
}

/// Bytes that have arrived and that have not been read.
fn unread(stream: &TcpStream) -> u64 {
    let mut count: libc::c_int = 0;
    // SAFETY: FIONREAD writes one int.
    unsafe { libc::ioctl(stream.as_raw_fd(), libc::FIONREAD, &mut count) };
    u64::try_from(count).unwrap_or(0)
}
