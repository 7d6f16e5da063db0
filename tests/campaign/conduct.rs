//! What the gateway does with a request, and its book of all of them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::support::answer::{Answer, recording_id_for};
use crate::support::client::{KEY, SECRET};
use crate::support::diary::Delivery;
use crate::support::gateway::{Builder, Gateway, Step};

use super::lane::{Wire, dice_for};
use crate::support::certs::{Authority, LOOPBACK, Validity};

/// What became of a request that arrived whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The phone rings.
    Accepted,
    /// It does not, for this status.
    Refused(i32),
}

/// The status that refuses a timestamp.
pub const EXPIRED: i32 = -16;

/// A request that arrived whole.
#[derive(Clone, Debug)]
pub struct Arrival {
    pub verdict: Verdict,
    /// The request's own timestamp.
    pub stamp: i64,
    /// The time that the gateway claimed when it refused the timestamp.
    pub told: Option<i64>,
    /// Whether key and signature are right.
    pub authentic: bool,
    /// Bytes of head and body.
    pub length: u64,
}

/// Each request that arrived whole, by the number that it dials, in the order of arrival.
#[derive(Debug, Default)]
pub struct Book(Mutex<HashMap<String, Vec<Arrival>>>);

impl Book {
    /// All of it.
    pub fn pages(&self) -> HashMap<String, Vec<Arrival>> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

/// How a request is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conduct {
    Accept,
    AcceptChunked,
    AcceptInPieces,
    /// Announces the end of the connection, and ends it.
    AcceptAndClose,
    /// Ends the connection without a word of warning, as servers do with idle ones.
    AcceptAndHangUp {
        after: Duration,
        reset: bool,
    },
    /// The phone rings, and the caller hears nothing of it.
    CutWithoutAnswer,
    ResetWithoutAnswer,
    NeverAnswer,
    /// The phone rings, and the answer is somebody's page.
    AcceptWithPage,
    Refuse(i32),
    /// Refused for its timestamp, and told a time that is so many seconds from ours.
    Expire(i64),
}

impl Conduct {
    /// For the first request with this number. Whatever follows it is accepted.
    pub fn of(seed: u64, callee: &str) -> Conduct {
        let mut dice = dice_for(seed, callee);
        let hang_up = |reset, micros| Conduct::AcceptAndHangUp {
            after: Duration::from_micros(micros),
            reset,
        };
        let pause = dice.below(2000);
        let hours = i64::try_from(dice.within(1..=12)).expect("a small number");
        let ahead = if dice.one_in(2) { hours } else { -hours };
        dice.pick(&[
            (800, Conduct::Accept),
            (30, Conduct::AcceptChunked),
            (30, Conduct::AcceptInPieces),
            (30, Conduct::AcceptAndClose),
            (20, hang_up(false, pause)),
            (10, hang_up(true, pause)),
            (8, Conduct::CutWithoutAnswer),
            (8, Conduct::ResetWithoutAnswer),
            (4, Conduct::NeverAnswer),
            (10, Conduct::AcceptWithPage),
            (20, Conduct::Refuse(-10)),
            (30, Conduct::Expire(ahead * 3600)),
        ])
    }

    pub fn verdict(self) -> Verdict {
        match self {
            Conduct::Refuse(status) => Verdict::Refused(status),
            Conduct::Expire(_) => Verdict::Refused(EXPIRED),
            _ => Verdict::Accepted,
        }
    }

    /// Whether it ends a connection in which the caller saw nothing wrong.
    pub fn hangs_up(self) -> bool {
        matches!(self, Conduct::AcceptAndHangUp { .. })
    }

    /// Whether the caller cannot have heard of what became of the request.
    pub fn is_silent(self) -> bool {
        matches!(
            self,
            Conduct::CutWithoutAnswer | Conduct::ResetWithoutAnswer | Conduct::NeverAnswer
        )
    }

    fn steps(self, callee: &str) -> Vec<Step> {
        let ok = Answer::ok(&recording_id_for(callee));
        match self {
            Conduct::Accept => ok.into(),
            Conduct::AcceptChunked => ok.chunked().into(),
            Conduct::AcceptInPieces => ok
                .bytes()
                .chunks(19)
                .flat_map(|piece| {
                    [
                        Step::Send(piece.to_vec()),
                        Step::Pause(Duration::from_micros(100)),
                    ]
                })
                .collect(),
            Conduct::AcceptAndClose => ok.until_close().into(),
            Conduct::AcceptAndHangUp { after, reset } => vec![
                Step::Send(ok.bytes()),
                Step::Pause(after),
                if reset { Step::Reset } else { Step::Close },
            ],
            Conduct::CutWithoutAnswer => vec![Step::Cut],
            Conduct::ResetWithoutAnswer => vec![Step::Reset],
            Conduct::NeverAnswer => vec![Step::Stall],
            Conduct::AcceptWithPage => Answer::new(502, "<html>Bad Gateway</html>").into(),
            Conduct::Refuse(status) => Answer::refused(status, "refused").into(),
            Conduct::Expire(ahead) => Answer::refused(EXPIRED, "timestamp expires")
                .date(clock(ahead))
                .into(),
        }
    }
}

/// A gateway of this campaign, which writes into `book`.
pub fn gateway(wire: Wire, seed: u64, book: &Arc<Book>) -> Gateway {
    let book = Arc::clone(book);
    builder(wire)
        .answer(move |delivery: &Delivery| {
            let callee = delivery.callee();
            let mut pages = book.0.lock().unwrap_or_else(PoisonError::into_inner);
            let arrivals = pages.entry(callee.clone()).or_default();
            let conduct = if arrivals.is_empty() {
                Conduct::of(seed, &callee)
            } else {
                Conduct::Accept
            };
            arrivals.push(Arrival {
                verdict: conduct.verdict(),
                stamp: delivery.timestamp(),
                told: match conduct {
                    Conduct::Expire(ahead) => Some(seconds(clock(ahead))),
                    _ => None,
                },
                authentic: is_authentic(delivery),
                length: (delivery.head.len() + delivery.body.len()) as u64,
            });
            drop(pages);
            conduct.steps(&callee)
        })
        .start()
}

fn builder(wire: Wire) -> Builder {
    let version = match wire {
        Wire::Plain => return Gateway::plain(),
        Wire::Tls12 => &rustls::version::TLS12,
        Wire::Tls13 => &rustls::version::TLS13,
    };
    Gateway::tls().certificate(Authority::common().server_speaking(
        LOOPBACK,
        Validity::Now,
        &[version],
    ))
}

fn clock(ahead: i64) -> SystemTime {
    let distance = Duration::from_secs(ahead.unsigned_abs());
    if ahead < 0 {
        SystemTime::now() - distance
    } else {
        SystemTime::now() + distance
    }
}

fn seconds(time: SystemTime) -> i64 {
    let since = time.duration_since(UNIX_EPOCH).expect("after 1970");
    i64::try_from(since.as_secs()).expect("a clock of this age")
}

fn is_authentic(delivery: &Delivery) -> bool {
    let signed = md5::compute(format!("{KEY}{SECRET}{}", delivery.timestamp()));
    delivery.header("api-key") == KEY && delivery.header("sign") == format!("{signed:x}")
}
