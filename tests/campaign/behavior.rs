//! What the gateway does with a request, and its log of all that arrived.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::support::certs::{Authority, LOOPBACK, Validity};
use crate::support::client::{KEY, SECRET};
use crate::support::diary::Delivery;
use crate::support::gateway::{Builder, Gateway, Greeting, Report, Step};
use crate::support::response::{Response, recording_id_for};

use super::group::{Group, Wire, group_and_call, rng_for};
use super::links::{Link, Links, Sent};
use super::records::Records;
use super::rng::Rng;
use super::unsolicited::{Copy, Timing, TrueResponse, Unsolicited, WRONG_CLOCK};

/// What the gateway decided on a request that arrived whole.
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
    pub claimed_time: Option<i64>,
    /// Whether key and signature are right.
    pub authentic: bool,
    /// Bytes of head and body.
    pub length: u64,
    /// The connection of the group's that it came by.
    pub connection: u64,
    /// When it came, by our clock.
    pub came: i64,
    /// The unsolicited response that had come to the caller's system on this connection before it was sent.
    pub unsolicited: Option<Sent>,
    /// The response that had been sent twice on this connection, or was when this request had been read.
    pub copy: Option<(ResponseKind, Copy)>,
    /// A refusal came first, and then the true response.
    pub true_response: Option<TrueResponse>,
}

/// What all gateways of a campaign have received.
pub struct ArrivalLog {
    /// Each request for a call that arrived whole, by the number that it dials, in the order of arrival.
    arrivals: Mutex<HashMap<String, Vec<Arrival>>>,
    records: Records,
    queries: AtomicUsize,
}

impl ArrivalLog {
    /// An empty one, whose records appear so long after a call was accepted.
    pub fn new(record_delay: Duration) -> ArrivalLog {
        ArrivalLog {
            arrivals: Mutex::default(),
            records: Records::new(record_delay),
            queries: AtomicUsize::new(0),
        }
    }

    /// All requests for calls.
    pub fn all(&self) -> HashMap<String, Vec<Arrival>> {
        self.arrivals
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// How often records were asked for.
    pub fn queries(&self) -> usize {
        self.queries.load(Ordering::Relaxed)
    }
}

/// How a request is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Behavior {
    Accept,
    AcceptChunked,
    AcceptInPieces,
    /// Announces the end of the connection, and ends it.
    AcceptAndClose,
    /// Ends the connection without announcing it, as servers do with idle ones.
    AcceptAndHangUp {
        after: Duration,
        reset: bool,
    },
    /// The phone rings, and the caller receives no response.
    CloseWithoutResponse,
    ResetWithoutResponse,
    NeverAnswer,
    /// The phone rings, and the response is another program's page.
    AcceptWithPage(Page),
    Refuse(i32),
    /// Refused for its timestamp, with a `Date` that is so many seconds from our clock.
    Expire(i64),
    /// The response comes twice.
    Twice(ResponseKind, Copy),
    /// Before the caller's next call there comes an unsolicited response.
    AcceptThenUnsolicited(Unsolicited),
    /// The phone rings, and the response is a refusal, with the true response behind it in one write.
    RefuseAndAccept(ResponseKind),
    /// The phone rings, and the timestamp is refused; the true response comes so much later.
    ExpireThenAccept(Duration),
    /// With a line end behind the response, as old servers have it.
    LineEnd(ResponseKind),
}

/// What the response to a request says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResponseKind {
    Accepted,
    Page(Page),
    Refused(i32),
    Expired(i64),
}

impl ResponseKind {
    fn of(rng: &mut Rng, ahead: i64) -> ResponseKind {
        let page = Page::of(rng);
        rng.pick(&[
            (3, ResponseKind::Accepted),
            (1, ResponseKind::Page(page)),
            (1, ResponseKind::Refused(-10)),
            (1, ResponseKind::Expired(ahead)),
        ])
    }

    fn response(self, callee: &str) -> Response {
        match self {
            ResponseKind::Accepted => Response::ok(&recording_id_for(callee)),
            ResponseKind::Page(page) => page.response(),
            ResponseKind::Refused(status) => Response::refused(status, "refused"),
            ResponseKind::Expired(ahead) => {
                Response::refused(EXPIRED, "timestamp expires").date(clock(ahead))
            }
        }
    }

    fn verdict(self) -> Verdict {
        match self {
            ResponseKind::Accepted | ResponseKind::Page(_) => Verdict::Accepted,
            ResponseKind::Refused(status) => Verdict::Refused(status),
            ResponseKind::Expired(_) => Verdict::Refused(EXPIRED),
        }
    }

    /// For figures.
    pub fn name(self) -> &'static str {
        match self {
            ResponseKind::Accepted => "accepted",
            ResponseKind::Page(_) => "page",
            ResponseKind::Refused(_) => "refused",
            ResponseKind::Expired(_) => "expired",
        }
    }
}

/// What stands between the caller and the API says when it has trouble. All but the first have a
/// `status` that is not the API's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Page {
    Html,
    /// Spring Boot's, as it comes.
    Framework,
    /// RFC 9457.
    Problem,
    Text,
    Redirect,
    /// HTTP 200.
    Fine,
}

impl Page {
    pub const WITH_STATUS: [Page; 5] = [
        Page::Framework,
        Page::Problem,
        Page::Text,
        Page::Redirect,
        Page::Fine,
    ];

    /// Whether there is a `status` in it.
    pub fn has_status(self) -> bool {
        self != Page::Html
    }

    fn of(rng: &mut Rng) -> Page {
        Page::WITH_STATUS[usize::try_from(rng.below(5)).expect("a small number")]
    }

    fn response(self) -> Response {
        match self {
            Page::Html => Response::new(502, "<html>Bad Gateway</html>"),
            Page::Framework => Response::new(
                500,
                r#"{"timestamp":"2026-11-25T08:00:00.000+00:00","status":500,"error":"Internal Server Error","path":"/voice/sendSip"}"#,
            ),
            Page::Problem => Response::new(504, r#"{"title":"Gateway Timeout","status":504}"#),
            Page::Text => Response::new(502, r#"{"status":"502","error":"Bad Gateway"}"#),
            Page::Redirect => {
                Response::new(302, r#"{"status":302}"#).header("Location", "/voice/login")
            }
            Page::Fine => Response::new(200, r#"{"code":0,"status":200,"data":"1"}"#),
        }
    }
}

impl Behavior {
    /// For the first request with this number. Whatever follows it is accepted.
    pub fn of(seed: u64, groups: &[Group], callee: &str) -> Behavior {
        let behavior = Behavior::random(seed, callee);
        let group = || {
            let (group, call) = group_and_call(callee)?;
            Some((groups.get(usize::try_from(group).ok()?)?, call))
        };
        let idles = || group().map(|(group, call)| group.is_idle_before(call + 1));
        let can_wait = || group().map(|(group, _)| group.can_hold_back_a_connection());
        match behavior {
            Behavior::AcceptThenUnsolicited(_) if idles() != Some(true) => Behavior::Accept,
            Behavior::ExpireThenAccept(_) if can_wait() != Some(true) => Behavior::Accept,
            _ => behavior,
        }
    }

    fn random(seed: u64, callee: &str) -> Behavior {
        let mut rng = rng_for(seed, callee);
        let hang_up = |reset, micros| Behavior::AcceptAndHangUp {
            after: Duration::from_micros(micros),
            reset,
        };
        let pause = rng.below(2000);
        let hours = i64::try_from(rng.within(1..=12)).expect("a small number");
        let ahead = if rng.one_in(2) { hours } else { -hours };
        let page = Page::of(&mut rng);
        let twice = Behavior::Twice(ResponseKind::of(&mut rng, ahead * 3600), Copy::of(&mut rng));
        let unsolicited = Unsolicited::of(&mut rng);
        let refusal = rng.pick(&[
            (1, ResponseKind::Refused(-10)),
            (1, ResponseKind::Expired(WRONG_CLOCK)),
        ]);
        let later = Duration::from_micros(rng.within(200..=3000));
        let ended = rng.pick(&[
            (2, ResponseKind::Accepted),
            (1, ResponseKind::Refused(-10)),
            (1, ResponseKind::Expired(ahead * 3600)),
        ]);
        rng.pick(&[
            (435, Behavior::Accept),
            (30, Behavior::AcceptChunked),
            (30, Behavior::AcceptInPieces),
            (30, Behavior::AcceptAndClose),
            (20, hang_up(false, pause)),
            (10, hang_up(true, pause)),
            (8, Behavior::CloseWithoutResponse),
            (8, Behavior::ResetWithoutResponse),
            (4, Behavior::NeverAnswer),
            (10, Behavior::AcceptWithPage(Page::Html)),
            (15, Behavior::AcceptWithPage(page)),
            (20, Behavior::Refuse(-10)),
            (30, Behavior::Expire(ahead * 3600)),
            (50, twice),
            // One call in six has a place for it.
            (200, Behavior::AcceptThenUnsolicited(unsolicited)),
            (30, Behavior::RefuseAndAccept(refusal)),
            (40, Behavior::ExpireThenAccept(later)),
            (30, Behavior::LineEnd(ended)),
        ])
    }

    pub fn verdict(self) -> Verdict {
        match self {
            Behavior::Refuse(status) => Verdict::Refused(status),
            Behavior::Expire(_) => Verdict::Refused(EXPIRED),
            Behavior::Twice(response_kind, _) | Behavior::LineEnd(response_kind) => {
                response_kind.verdict()
            }
            _ => Verdict::Accepted,
        }
    }

    /// Whether it ends a connection in which the caller saw nothing wrong.
    pub fn hangs_up(self) -> bool {
        matches!(self, Behavior::AcceptAndHangUp { .. })
    }

    /// Whether the caller cannot have received a response.
    pub fn is_silent(self) -> bool {
        matches!(
            self,
            Behavior::CloseWithoutResponse | Behavior::ResetWithoutResponse | Behavior::NeverAnswer
        )
    }

    /// The page that it answers with.
    pub fn page(self) -> Option<Page> {
        match self {
            Behavior::AcceptWithPage(page) | Behavior::Twice(ResponseKind::Page(page), _) => {
                Some(page)
            }
            _ => None,
        }
    }

    /// When the true response comes, where it is not the first one.
    pub fn true_response(self) -> Option<TrueResponse> {
        match self {
            Behavior::RefuseAndAccept(_) => Some(TrueResponse::SameWrite),
            Behavior::ExpireThenAccept(_) => Some(TrueResponse::Later),
            _ => None,
        }
    }

    /// The time that its refusal claims, in seconds from ours.
    fn claimed_offset(self) -> Option<i64> {
        match self {
            Behavior::Expire(ahead)
            | Behavior::Twice(ResponseKind::Expired(ahead), _)
            | Behavior::LineEnd(ResponseKind::Expired(ahead)) => Some(ahead),
            _ => None,
        }
    }

    fn steps(self, callee: &str, links: &Links, link: &Arc<Link>) -> Vec<Step> {
        let ok = ResponseKind::Accepted.response(callee);
        match self {
            Behavior::Accept => ok.into(),
            Behavior::AcceptChunked => ok.chunked().into(),
            Behavior::AcceptInPieces => ok
                .bytes()
                .chunks(19)
                .flat_map(|piece| {
                    [
                        Step::Send(piece.to_vec()),
                        Step::Pause(Duration::from_micros(100)),
                    ]
                })
                .collect(),
            Behavior::AcceptAndClose => ok.until_close().into(),
            Behavior::AcceptAndHangUp { after, reset } => vec![
                Step::Send(ok.bytes()),
                Step::Pause(after),
                if reset { Step::Reset } else { Step::Close },
            ],
            Behavior::CloseWithoutResponse => vec![Step::Fin],
            Behavior::ResetWithoutResponse => vec![Step::Reset],
            Behavior::NeverAnswer => vec![Step::Stall],
            Behavior::AcceptWithPage(page) => page.response().into(),
            Behavior::Refuse(status) => ResponseKind::Refused(status).response(callee).into(),
            Behavior::Expire(ahead) => ResponseKind::Expired(ahead).response(callee).into(),
            Behavior::Twice(response_kind, copy) => {
                let response = response_kind.response(callee).bytes();
                match copy {
                    Copy::AtOnce => {
                        link.note_copy(response_kind, copy);
                        vec![Step::Send([response.clone(), response].concat())]
                    }
                    Copy::After(pause) => {
                        link.note_copy(response_kind, copy);
                        vec![
                            Step::Send(response.clone()),
                            Step::Pause(pause),
                            Step::Send(response),
                        ]
                    }
                    Copy::WithTheNext => {
                        link.keep_copy(response_kind, response.clone());
                        vec![Step::Send(response)]
                    }
                }
            }
            Behavior::RefuseAndAccept(response_kind) => {
                let responses = [response_kind.response(callee).bytes(), ok.bytes()].concat();
                whole(link, vec![Step::Send(responses)])
            }
            Behavior::ExpireThenAccept(pause) => {
                if let Some((group, _)) = group_and_call(callee) {
                    links.announce_true_response(group, link);
                }
                let refusal = ResponseKind::Expired(WRONG_CLOCK).response(callee);
                let steps = vec![
                    Step::Send(refusal.bytes()),
                    Step::Pause(pause),
                    Step::Send(ok.bytes()),
                ];
                whole(link, steps)
            }
            Behavior::LineEnd(response_kind) => {
                let response = [response_kind.response(callee).bytes(), b"\r\n".to_vec()].concat();
                whole(link, vec![Step::Send(response)])
            }
            Behavior::AcceptThenUnsolicited(unsolicited) => {
                let Some((group, call)) = group_and_call(callee) else {
                    return ok.into();
                };
                links.announce(group, call, link);
                let number = callee.parse().expect("a number");
                let link = Arc::clone(link);
                vec![
                    Step::Send(ok.bytes()),
                    Step::Pause(Duration::from_micros(100)),
                    Step::Send(unsolicited.bytes(Timing::Idle, number)),
                    Step::Report(Report::to(move |sent| {
                        link.note_unsolicited(unsolicited, Timing::Idle, Some(call), sent);
                    })),
                ]
            }
        }
    }
}

/// The same, of which all comes through to the caller or nothing: one who sees a refusal alone cannot know
/// better.
fn whole(link: &Arc<Link>, mut steps: Vec<Step>) -> Vec<Step> {
    let (begin, end) = (Arc::clone(link), Arc::clone(link));
    let begin = Report::to(move |sent| begin.begin_whole(sent));
    steps.insert(0, Step::Report(begin));
    let end = Report::to(move |sent| end.end_whole(sent));
    steps.push(Step::Report(end));
    steps
}

/// A gateway of this campaign, which writes into `arrival_log`.
pub fn gateway(
    wire: Wire,
    seed: u64,
    groups: &[Group],
    arrival_log: &Arc<ArrivalLog>,
    links: &Arc<Links>,
) -> Gateway {
    let (groups, arrival_log, links) =
        (groups.to_vec(), Arc::clone(arrival_log), Arc::clone(links));
    let known = Arc::clone(&links);
    builder(wire)
        .greeting(move |proxy| greeting(wire, &known.at(wire, proxy)?))
        .answer(move |delivery: &Delivery| {
            let link = links
                .at(wire, delivery.peer)
                .expect("a proxy's connection is known while it lasts");
            let line = delivery.line();
            if line.starts_with("POST /voice/recordSipQuery ") {
                arrival_log.queries.fetch_add(1, Ordering::Relaxed);
                return (arrival_log.records)
                    .query(link.group, &delivery.body, delivery.clock)
                    .into();
            }
            if !line.starts_with("POST /voice/sendSip ") {
                // A caller that has followed a redirection.
                return Response::new(404, "<html>Not Found</html>").into();
            }
            let callee = delivery.callee();
            let unsolicited = link.unsolicited().first().copied();
            let copy = link.take_copy();
            let mut by_callee = arrival_log
                .arrivals
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            let arrivals = by_callee.entry(callee.clone()).or_default();
            let behavior = if arrivals.is_empty() {
                Behavior::of(seed, &groups, &callee)
            } else {
                Behavior::Accept
            };
            arrivals.push(Arrival {
                verdict: behavior.verdict(),
                stamp: delivery.timestamp(),
                claimed_time: behavior.claimed_offset().map(|ahead| seconds(clock(ahead))),
                authentic: is_authentic(delivery),
                length: (delivery.head.len() + delivery.body.len()) as u64,
                connection: link.connection,
                came: seconds(delivery.clock),
                unsolicited,
                copy: link.copied(),
                true_response: behavior.true_response(),
            });
            drop(by_callee);
            if behavior.verdict() == Verdict::Accepted {
                (arrival_log.records).add(link.group, &delivery.body, delivery.clock);
            }
            let mut steps: Vec<_> = copy.map(Step::Send).into_iter().collect();
            steps.extend(behavior.steps(&callee, &links, &link));
            steps
        })
        .start()
}

/// What is sent first on a new connection, by its plan.
fn greeting(wire: Wire, link: &Arc<Link>) -> Option<Greeting> {
    let (unsolicited, number) = link.greeting?;
    let link = Arc::clone(link);
    Some(Greeting {
        bytes: unsolicited.bytes(Timing::Handshake, number),
        new_session: wire == Wire::Tls12,
        sent: Report::to(move |sent| {
            link.note_unsolicited(unsolicited, Timing::Handshake, None, sent)
        }),
    })
}

fn builder(wire: Wire) -> Builder {
    let version = match wire {
        Wire::Plain => return Gateway::plain(),
        Wire::Tls12 => &rustls::version::TLS12,
        Wire::Tls13 => &rustls::version::TLS13,
    };
    Gateway::tls().certificate(Authority::common().server_with_versions(
        LOOPBACK,
        Validity::Now,
        &[version],
    ))
}

/// A clock that is so many seconds from ours.
pub fn clock(ahead: i64) -> SystemTime {
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
