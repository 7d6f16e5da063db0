//! What a proxy does to a connection.

use std::time::Duration;

use super::group::{BULK, Group, Wire};
use super::rng::Rng;
use super::unsolicited::Unsolicited;

/// A direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Direction {
    /// To the gateway.
    Up,
    /// To the caller.
    Down,
}

impl Direction {
    pub fn other(self) -> Direction {
        match self {
            Direction::Up => Direction::Down,
            Direction::Down => Direction::Up,
        }
    }
}

/// Where a fault is injected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultPosition {
    /// Between this many bytes of its direction and the next one.
    Byte(u64),
    /// As many bytes after this burst of this direction has begun.
    InBurst(u64, u64),
    /// Before the first byte of this direction's burst: one more each time that the peer has sent
    /// in between. The first is 1.
    Burst(u64),
    /// When nothing has moved for so long after this burst of the gateway's.
    Idle(u64, Duration),
}

/// What a fault is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FaultKind {
    /// FIN to both sides; what comes later is read and lost.
    Fin,
    /// FIN in this direction only. The other goes on.
    HalfFin,
    /// RST to both sides.
    Reset,
    /// Nothing moves until the caller has given up. Then all of it arrives, late.
    StallAndRelease,
    /// Nothing moves until the caller has given up. Then it is lost.
    StallAndDrop,
    /// As [`FaultKind::StallAndRelease`], in this direction only.
    HalfStall,
    /// FIN to the caller; what it has sent moves only when its connection has ended, and then arrives.
    FinAndHold,
    /// As [`FaultKind::StallAndRelease`], and an unsolicited response comes. Only near the end of a
    /// bulky request over plain HTTP, the rest of which is then in the caller's system.
    RespondAndHold(Unsolicited),
}

impl FaultKind {
    /// Those that are injected anywhere.
    pub const ANYWHERE: [FaultKind; 7] = [
        FaultKind::Fin,
        FaultKind::HalfFin,
        FaultKind::Reset,
        FaultKind::StallAndRelease,
        FaultKind::StallAndDrop,
        FaultKind::HalfStall,
        FaultKind::FinAndHold,
    ];

    pub fn is_stall(self) -> bool {
        matches!(
            self,
            FaultKind::StallAndRelease
                | FaultKind::StallAndDrop
                | FaultKind::HalfStall
                | FaultKind::FinAndHold
                | FaultKind::RespondAndHold(_)
        )
    }
}

/// One fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    pub direction: Direction,
    pub position: FaultPosition,
    pub kind: FaultKind,
}

/// How bytes are passed on where it is not all at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pieces {
    pub most: usize,
    pub pause: Duration,
}

/// What happens to one connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    pub fault: Option<Fault>,
    pub pieces: Option<Pieces>,
    /// What the gateway sends before the first request.
    pub greeting: Option<Unsolicited>,
    /// Whether what follows the fault stays in the kernel's buffer. Else the proxy has read it.
    pub leave_unread: bool,
}

impl Plan {
    /// The plan for a group's connection with this number.
    pub fn of(seed: u64, group: &Group, connection: u64) -> Plan {
        let mut rng = Rng::named(&[seed, group.number, connection]);
        let unsolicited = Unsolicited::of(&mut rng);
        let greeting = (group.wire.is_tls() && rng.one_in(8)).then_some(unsolicited);
        // What is left then is more than the proxy's system takes, and less than the caller's.
        let at = BULK as u64 - rng.within(16 << 10..=40 << 10);
        let early = Fault {
            direction: Direction::Up,
            // In a connection's second request, or in its first.
            position: FaultPosition::InBurst(if connection % 4 == 2 { 1 } else { 2 }, at),
            kind: FaultKind::RespondAndHold(if rng.one_in(2) {
                Unsolicited::Accepted
            } else {
                unsolicited
            }),
        };
        let is_early = group.bulky && group.wire == Wire::Plain && connection % 4 != 3;
        Plan {
            greeting,
            fault: if is_early {
                Some(early)
            } else {
                (!rng.one_in(6)).then(|| fault(&mut rng, group))
            },
            // A greeting has to come together with what goes before it.
            pieces: (!group.bulky && rng.one_in(4) && greeting.is_none()).then(|| Pieces {
                most: usize::try_from(rng.within(8..=600)).expect("a small number"),
                pause: Duration::from_micros(rng.below(200)),
            }),
            leave_unread: rng.one_in(2),
        }
    }
}

fn fault(rng: &mut Rng, group: &Group) -> Fault {
    // A bulky request is for stalls while it goes out.
    let (up, stall) = if group.bulky { (3, 6) } else { (1, 2) };
    let direction = rng.pick(&[(up, Direction::Up), (1, Direction::Down)]);
    let kind = rng.pick(&[
        (6, FaultKind::Fin),
        (3, FaultKind::HalfFin),
        (6, FaultKind::Reset),
        (stall, FaultKind::StallAndRelease),
        (2, FaultKind::StallAndDrop),
        (stall, FaultKind::HalfStall),
        (stall, FaultKind::FinAndHold),
    ]);
    // A handshake takes one burst of each side, at least.
    let bursts = 1 + u64::from(group.wire.is_tls()) + rng.below(5);
    let position = match rng.below(10) {
        0..3 if !group.bulky => FaultPosition::Byte(rng.below(first_span(group, direction))),
        0..6 => FaultPosition::Byte(rng.below(span(group, direction))),
        6..8 => FaultPosition::Burst(bursts),
        _ => FaultPosition::Idle(bursts, Duration::from_micros(rng.below(3000))),
    };
    Fault {
        direction,
        position,
        kind,
    }
}

/// About how many bytes go this way in a handshake and the first call.
fn first_span(group: &Group, direction: Direction) -> u64 {
    match (direction, group.wire) {
        (Direction::Up, Wire::Plain) => 350,
        (Direction::Up, _) => 900,
        (Direction::Down, Wire::Plain) => 200,
        (Direction::Down, _) => 1500,
    }
}

/// The same for some four calls, or a little more than one bulky one.
fn span(group: &Group, direction: Direction) -> u64 {
    match (direction, group.bulky, group.wire) {
        (Direction::Up, true, _) => BULK as u64 * 5 / 4,
        (Direction::Up, false, Wire::Plain) => 1400,
        (Direction::Up, false, _) => 2200,
        (Direction::Down, _, Wire::Plain) => 800,
        (Direction::Down, _, _) => 2200,
    }
}
