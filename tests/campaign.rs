//! The fault campaign: what the library promises holds at whatever byte a connection fails.
//!
//! Each run has a seed of its own; `ITNIO_CAMPAIGN_SEED` replays one. `cargo bench --bench campaign`
//! is the long form.

mod support;

#[path = "campaign/mod.rs"]
mod campaign;
#[path = "../benches/shared/pages.rs"]
#[allow(dead_code, reason = "shared with the benches")]
mod pages;
#[path = "../benches/campaign/picture.rs"]
mod picture;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use campaign::behavior::{Behavior, Page};
use campaign::compare::{Promise, Violation, WrongResult, violations};
use campaign::connection_log::Age;
use campaign::figures::{Figures, Loss};
use campaign::group::{Group, Wire};
use campaign::look::{Finding, Findings};
use campaign::naive_client::NaiveClient;
use campaign::plan::{Direction, FaultKind, Plan};
use campaign::run::{CallClient, Evidence, Settings, Setup, library};
use campaign::tcp_view::{ServerAction, observe};
use campaign::unsolicited::{Timing, TrueResponse, Unsolicited};
use picture::Bars;
use support::client;
use support::response::recording_id_for;

fn seed() -> u64 {
    static SEED: OnceLock<u64> = OnceLock::new();
    *SEED.get_or_init(|| match std::env::var("ITNIO_CAMPAIGN_SEED") {
        Ok(seed) => seed.parse().expect("ITNIO_CAMPAIGN_SEED: a number"),
        Err(_) => {
            let now = SystemTime::now().duration_since(UNIX_EPOCH);
            now.expect("after 1970").as_secs()
        }
    })
}

/// Some thousand calls, and what came of them.
struct Outcome {
    evidence: Evidence,
    violations: Vec<Violation>,
    figures: Figures,
    findings: Findings,
}

fn outcome() -> &'static Outcome {
    static OUTCOME: OnceLock<Outcome> = OnceLock::new();
    OUTCOME.get_or_init(|| {
        let setup = Setup::new(Settings {
            seed: seed(),
            calls: 4000,
            groups: 48,
            timeout_ms: 300,
            record_delay_ms: 500,
        });
        let clients: Vec<_> = (setup.groups.iter())
            .map(|group| library(&setup, group))
            .collect();
        let diary = setup.call_with(&clients);
        let looks = setup.look(&clients, &diary, || ());
        drop(clients);
        let evidence = setup.finish();
        let figures = Figures::of(&diary, &evidence);
        let findings = Findings::of(&looks, &evidence);
        println!("{figures}\n{findings}");
        Outcome {
            violations: violations(&diary, &evidence),
            evidence,
            figures,
            findings,
        }
    })
}

#[track_caller]
fn assert_kept(promise: Promise) {
    let broken: Vec<_> = outcome()
        .violations
        .iter()
        .filter(|violation| violation.promise == promise)
        .map(ToString::to_string)
        .collect();
    assert!(
        broken.is_empty(),
        "{} of {} calls; ITNIO_CAMPAIGN_SEED={} replays them; the first of them:\n{}",
        broken.len(),
        outcome().figures.calls,
        seed(),
        broken[..broken.len().min(10)].join("\n")
    );
}

#[test]
fn no_request_arrives_twice() {
    assert_kept(Promise::Once);
    assert_eq!(
        outcome().evidence.unasked,
        0,
        "requests that came before the response to the one before them"
    );
}

#[test]
fn what_is_reported_not_sent_never_arrives() {
    assert_kept(Promise::NotSentMeansNotArrived);
}

#[test]
fn accepted_comes_with_the_recording_id_of_that_very_call() {
    assert_kept(Promise::OwnRecording);
}

#[test]
fn refused_means_refused() {
    assert_kept(Promise::RefusalIsTrue);
}

#[test]
fn no_request_is_sent_over_a_connection_with_an_unsolicited_response() {
    assert_kept(Promise::NoUnsolicited);
}

#[test]
fn an_unsolicited_response_corrects_no_clock() {
    assert_kept(Promise::OwnClock);
}

#[test]
fn nothing_of_a_request_is_sent_once_its_call_has_returned() {
    assert_kept(Promise::OverWhenReturned);
}

#[test]
fn no_call_outlives_its_deadline() {
    assert_kept(Promise::InTime);
}

#[test]
fn what_arrives_whole_is_what_was_sent() {
    assert_kept(Promise::Authentic);
}

#[test]
fn what_did_not_arrive_is_reported_not_sent_unless_the_peer_had_it() {
    let figures = &outcome().figures;
    assert!(figures.known_not_sent > 0, "{figures}");
    // The order of events in three threads shows which call a fault met: a few may be mixed up.
    let unexplained = figures.losses.get(&Loss::Unexplained).copied().unwrap_or(0);
    assert!(
        unexplained * 20 <= figures.lost(),
        "ITNIO_CAMPAIGN_SEED={}\n{figures}\n{}",
        seed(),
        figures.unexplained.join("\n")
    );
}

#[test]
fn the_records_tell_which_calls_in_doubt_were_placed() {
    let findings = &outcome().findings;
    assert!(
        findings.untrue.is_empty(),
        "ITNIO_CAMPAIGN_SEED={}\n{findings}",
        seed()
    );
    let looks: usize = findings.counts.values().sum();
    // Faults keep a few from being read.
    assert!(findings.count(Finding::NotRead) * 50 <= looks, "{findings}");
    for finding in [Finding::Placed, Finding::NoRecord] {
        assert!(findings.count(finding) * 10 >= looks, "{findings}");
    }
}

#[test]
fn a_response_with_a_line_end_behind_it_is_what_it_is() {
    let figures = &outcome().figures;
    assert!(
        figures.false_alarms.is_empty(),
        "ITNIO_CAMPAIGN_SEED={}\n{figures}\n{}",
        seed(),
        figures.false_alarms.join("\n")
    );
}

/// Why the rest of the losses are reported as unknown: to the caller's system, a request that was read and
/// one that was not may look the same, so that nothing in it could prove the one or the other.
#[test]
fn tcp_does_not_tell_a_request_that_was_read_from_one_that_was_not() {
    for (read, unread) in [
        (ServerAction::ReadAndReset, ServerAction::ResetUnread),
        (ServerAction::ReadAndClosed, ServerAction::ClosedUnread),
    ] {
        // A busy system acknowledges early now and then.
        let alike = (0..100).any(|_| observe(read) == observe(unread));
        assert!(
            alike,
            "{:?} and {:?} never looked alike",
            observe(read),
            observe(unread)
        );
    }
}

/// A campaign without faults would prove nothing.
#[test]
fn every_kind_of_fault_is_injected_in_both_directions_on_new_and_on_reused_connections() {
    let figures = &outcome().figures;
    let faults: Vec<_> = figures.faults.keys().copied().collect();
    for direction in [Direction::Up, Direction::Down] {
        for kind in FaultKind::ANYWHERE {
            let injected = faults.iter().any(|(k, w, _)| (*k, *w) == (kind, direction));
            assert!(injected, "no {kind:?} {direction:?}: {figures}");
        }
        for age in [Age::New, Age::Reused] {
            let injected = faults
                .iter()
                .any(|(_, w, a)| (*w, *a) == (direction, Some(age)));
            assert!(
                injected,
                "nothing {direction:?} on a connection that is {age:?}: {figures}"
            );
        }
    }
    for age in [Age::New, Age::Reused] {
        let early = |kind: &FaultKind| matches!(kind, FaultKind::RespondAndHold(_));
        assert!(
            (faults.iter()).any(|(kind, _, a)| early(kind) && *a == Some(age)),
            "no response before the end of a bulky request on a connection that is {age:?}: {figures}"
        );
    }
    for kind in [
        ("refused", TrueResponse::SameWrite),
        ("expired", TrueResponse::SameWrite),
        ("expired", TrueResponse::Later),
    ] {
        let (_, seen) = figures
            .true_responses
            .get(&kind)
            .copied()
            .unwrap_or_default();
        assert!(seen > 0, "no true response behind {kind:?}: {figures}");
    }
    for response_kind in ["accepted", "refused", "expired"] {
        let (_, reported) = figures
            .line_ends
            .get(response_kind)
            .copied()
            .unwrap_or_default();
        assert!(
            reported > 0,
            "no {response_kind} with a line end: {figures}"
        );
    }
    for page in Page::WITH_STATUS {
        assert!(figures.pages.contains_key(&page), "no {page:?}: {figures}");
    }
    for timing in [Timing::Handshake, Timing::Idle] {
        for unsolicited in Unsolicited::ALL {
            let came = figures.unsolicited.contains_key(&(timing, unsolicited));
            assert!(came, "no unsolicited {unsolicited:?} {timing:?}: {figures}");
        }
    }
    for response_kind in ["accepted", "page", "refused", "expired"] {
        let sent = figures.copies.keys().any(|(w, _)| *w == response_kind);
        assert!(sent, "no {response_kind} twice: {figures}");
    }
    let behind_copies: usize = figures.copies.values().map(|(_, met)| met).sum();
    assert!(
        behind_copies > 0,
        "no request met another call's response: {figures}"
    );
    assert!(figures.hit_by_responses * 40 >= figures.calls, "{figures}");
    assert!(
        figures.held_back > 0,
        "no part of a bulky request stayed in the caller's system: {figures}"
    );
    assert!(figures.hit * 20 >= figures.calls, "{figures}");
    assert!(figures.repeats > 0, "no timestamp was corrected: {figures}");
}

/// The checks above can fail: a client that repeats, guesses and believes everything is caught.
#[test]
fn a_naive_client_is_caught() {
    let settings = Settings {
        seed: seed(),
        calls: 3000,
        groups: 32,
        timeout_ms: 300,
        record_delay_ms: 500,
    };
    let setup = Setup::new(settings);
    let diary = setup.call_all(NaiveClient::new);
    let evidence = setup.finish();
    let violations = violations(&diary, &evidence);
    for promise in [
        Promise::Once,
        Promise::NotSentMeansNotArrived,
        Promise::NoUnsolicited,
    ] {
        let caught = violations.iter().filter(|v| v.promise == promise).count();
        println!("a naive client breaks {promise:?} {caught} times");
        assert!(caught > 0, "{promise:?}: ITNIO_CAMPAIGN_SEED={}", seed());
    }
    for wrong_result in [
        WrongResult::UnsolicitedRecording(Timing::Handshake),
        WrongResult::UnsolicitedRecording(Timing::Idle),
        WrongResult::UnsolicitedRecording(Timing::MidRequest),
        WrongResult::OtherCallsRecording,
        WrongResult::PageAsRefusal,
        WrongResult::OtherRefusal,
        WrongResult::RefusalBefore(TrueResponse::SameWrite),
        WrongResult::RefusalBefore(TrueResponse::Later),
    ] {
        let count = violations
            .iter()
            .filter(|v| v.wrong_result() == Some(wrong_result))
            .count();
        println!("a naive client reports {wrong_result:?} {count} times");
        assert!(
            count > 0,
            "{wrong_result:?}: ITNIO_CAMPAIGN_SEED={}",
            seed()
        );
    }
}

#[test]
fn a_seed_gives_the_same_faults_again() {
    let groups = Group::for_calls(4000, 48);
    let plans = |seed| -> Vec<Plan> {
        groups
            .iter()
            .flat_map(|group| (1..=20).map(move |connection| Plan::of(seed, group, connection)))
            .collect()
    };
    assert_eq!(plans(7), plans(7));
    assert_ne!(plans(7), plans(8));
    let behaviors = |seed| -> Vec<Behavior> {
        let callees = groups
            .iter()
            .flat_map(|group| (0..20).map(move |call| group.callee(0, call)));
        callees
            .map(|callee| Behavior::of(seed, &groups, &callee))
            .collect()
    };
    assert_eq!(behaviors(7), behaviors(7));
    assert_ne!(behaviors(7), behaviors(8));
}

/// The gateway's records of the calls of this group, asked for until no fault comes in between.
fn records_of(setup: &Setup, group: &Group) -> Vec<String> {
    let url = setup.url(group);
    let address = url.trim_start_matches("http://").trim_end_matches("/voice");
    let body = r#"{"current":1,"size":100,"params":{"strTime":"FROM","endTime":"TO"}}"#;
    let time = |offset: time::Duration| (OffsetDateTime::now_utc() + offset).format(&Rfc3339);
    let hour = time::Duration::HOUR;
    let body = body
        .replace("FROM", &time(-hour).expect("a time"))
        .replace("TO", &time(hour).expect("a time"));
    let request = format!(
        "POST /voice/recordSipQuery HTTP/1.1\r\nHost: {address}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let ask = || -> Option<Vec<String>> {
        let mut stream = TcpStream::connect(address).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(1))).ok()?;
        stream.write_all(request.as_bytes()).ok()?;
        let mut response = Vec::new();
        let mut more = [0; 4096];
        while !response.ends_with(b"}") {
            let count = stream.read(&mut more).ok().filter(|count| *count > 0)?;
            response.extend(&more[..count]);
        }
        let text = String::from_utf8(response).ok()?;
        let (_, json) = text.split_once("\r\n\r\n")?;
        let json: serde_json::Value = serde_json::from_str(json).ok()?;
        let records = json["data"]["records"].as_array()?.iter();
        records
            .map(|record| record["voiceId"].as_str().map(str::to_owned))
            .collect()
    };
    (0..100)
        .find_map(|_| ask())
        .expect("a connection that serves")
}

/// What a later look at the records goes by.
#[test]
fn a_call_whose_response_was_lost_is_in_the_records_of_its_group() {
    let groups: Vec<Group> = (0..2)
        .map(|number| Group {
            number,
            wire: Wire::Plain,
            callers: 1,
            calls_per_caller: 1,
            bulky: false,
        })
        .collect();
    let callee = groups[0].callee(0, 0);
    let is_wanted = |seed: &u64| {
        Behavior::of(*seed, &groups, &callee) == Behavior::CloseWithoutResponse
            && Plan::of(*seed, &groups[0], 1).fault.is_none()
    };
    let settings = Settings {
        seed: (0..).find(is_wanted).expect("a seed of many"),
        calls: 1,
        groups: 2,
        timeout_ms: 300,
        record_delay_ms: 100,
    };
    let setup = Setup::with(settings, groups.clone());
    let client = library(&setup, &groups[0]);
    let reported = CallClient::call(&client, &callee, false);
    assert!(reported.may_have_dialed, "{reported:?}");
    assert_ne!(reported.result, client::OK, "{reported:?}");
    drop(client);
    thread::sleep(Duration::from_millis(settings.record_delay_ms.into()));
    assert_eq!(records_of(&setup, &groups[0]), [recording_id_for(&callee)]);
    assert_eq!(records_of(&setup, &groups[1]), [""; 0]);
    let evidence = setup.finish();
    assert_eq!(evidence.arrivals_of(&callee).len(), 1);
    assert!(evidence.queries >= 2, "{}", evidence.queries);
    assert_eq!(evidence.unasked, 0, "a query is none of these");
}

/// The bars of the campaign's picture: the last client has a name that XML has to escape.
fn bars() -> Vec<Bars> {
    [("libitnio", [0, 0, 1123]), ("curl <&>", [1993, 30601, 687])]
        .map(|(name, counts)| Bars {
            name: name.to_owned(),
            counts,
        })
        .into()
}

#[test]
fn the_picture_says_its_figures_as_text() {
    let svg = picture::draw(100_256, &bars()).expect("a picture");
    // Each of these is the whole text of an element.
    for text in [
        "Of 100,256 calls through a faulty network, with each client",
        "rang twice",
        "wrong result",
        "result unknown",
        "libitnio",
        "curl &lt;&amp;&gt;",
        "1,123",
        "1,993",
        "30,601",
        "687",
    ] {
        let element = format!(">\n{text}\n</text>");
        assert!(svg.contains(&element), "no {text:?} in {svg}");
    }
    let again = picture::draw(100_256, &bars()).expect("a picture");
    assert_eq!(svg, again, "the same figures, and another picture");
}

#[test]
fn a_bar_is_as_long_as_its_count() {
    let svg = picture::draw(100_256, &bars()).expect("a picture");
    for ((what, color), counts) in
        picture::PANELS
            .into_iter()
            .zip([[0, 1993], [0, 30601], [1123, 687]])
    {
        let fill = format!("fill=\"#{:02X}{:02X}{:02X}\"", color.0, color.1, color.2);
        let widths: Vec<f64> = svg
            .lines()
            .filter(|line| line.starts_with("<rect ") && line.contains(&fill))
            .map(|line| {
                let (_, rest) = line.split_once("width=\"").expect("a width");
                let (width, _) = rest.split_once('"').expect("its end");
                width.parse().expect("a number")
            })
            .collect();
        let longest = widths.iter().copied().fold(0.0, f64::max);
        let most = counts.iter().copied().max().expect("two") as f64;
        for (width, count) in widths.iter().zip(counts) {
            let expected = longest * f64::from(count) / most;
            assert!(
                (width - expected).abs() <= 1.0,
                "{what}: {widths:?} for {counts:?}"
            );
        }
        assert_eq!(widths.len(), 2, "{what}: {svg}");
        assert!(longest > 100.0, "{what}: {widths:?}");
    }
}

#[test]
fn only_what_is_between_the_marks_is_written_anew() {
    let file = support::scratch().join("between");
    let around = |figures: &str| {
        format!(
            "a\n<!-- x:begin -->\n{figures}<!-- x:end -->\nb\n<!-- y:begin -->\nc\n<!-- y:end -->\n"
        )
    };
    std::fs::write(&file, around("old\n")).expect("a file");
    pages::write_between(&file, "x", "new\n").expect("marks");
    let text = std::fs::read_to_string(&file).expect("the file");
    assert_eq!(text, around("new\n"));
    pages::write_between(&file, "z", "new\n").expect_err("no such marks");
    assert_eq!(std::fs::read_to_string(&file).expect("the file"), text);
}
