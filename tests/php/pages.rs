//! Pages that place calls, in a real php-fpm.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use libtest_mimic::Trial;

use crate::fpm::{Builder, Fpm};
use crate::support::certs::Authority;
use crate::support::client::{CONNECTION_LOST, KEY, SECRET};
use crate::support::gateway::{Gateway, Step};
use crate::support::require::trial;
use crate::support::response::{Response, is_recording_id_for, recording_id_for};
use crate::support::root;
use crate::tools::{self, Way};

pub fn trials() -> Vec<Trial> {
    let fpm = tools::php_and_fpm();
    vec![
        trial(
            "a_hundred_requests_to_one_worker_open_one_connection",
            fpm,
            one_connection,
        ),
        trial("workers_under_load_open_one_connection_each", fpm, load),
        trial(
            "workers_forked_from_a_master_with_a_client_are_sound",
            fpm,
            preloaded_client,
        ),
        trial(
            "pages_that_crash_leave_nothing_in_their_worker",
            fpm,
            crashes,
        ),
        trial(
            "a_worker_that_ends_takes_its_connections_along",
            fpm,
            recycled,
        ),
        trial("a_graceful_stop_waits_for_the_call", fpm, graceful),
        trial(
            "a_worker_killed_in_a_call_has_placed_it_once",
            fpm,
            terminated,
        ),
        trial("ffi_works_in_fpm_preloaded_and_restricted", fpm, ffi_in_fpm),
    ]
}

/// What a client for this gateway is made from.
fn account(fpm: &Builder, gateway: &Gateway) -> [(&'static str, String); 5] {
    [
        ("itnio.api_key", KEY.to_owned()),
        ("itnio.api_secret", SECRET.to_owned()),
        ("itnio.base_url", gateway.url()),
        (
            "itnio.ca_file",
            fpm.copy(Authority::common().file(), "ca.pem"),
        ),
        ("itnio.proxy", String::new()),
    ]
}

/// A php-fpm with the extension; the account is the pool's.
fn pool(workers: usize, gateway: &Gateway) -> Builder {
    let builder = Builder::new(workers, Way::Extension);
    let account = account(&builder, gateway);
    account.iter().fold(builder, |builder, (name, value)| {
        builder.pool(&format!("php_admin_value[{name}]"), value)
    })
}

/// A php-fpm whose account is in php.ini, so that its master has it, too, and FFI.
fn ini_pool(workers: usize, way: Way, gateway: &Gateway) -> Builder {
    let builder = Builder::new(workers, way);
    let account = account(&builder, gateway);
    let builder = account
        .iter()
        .fold(builder, |builder, (name, value)| builder.ini(name, value));
    match way {
        Way::Extension => builder,
        // And without ffi.enable: FFI is for preloaded code only, as PHP has it by default.
        Way::Ffi => builder.preload(&tools::ffi_class()),
    }
}

/// Asks for a page that places a call, checks its recording ID, and gives the worker's process ID.
#[track_caller]
fn call(fpm: &Fpm, callee: &str) -> i64 {
    let page = fpm.ask(&format!("callee={callee}"));
    let id = page["id"].as_str().expect("a recording ID");
    assert!(is_recording_id_for(id, callee), "{page}");
    page["pid"].as_i64().expect("a process ID")
}

fn one_connection() {
    let gateway = Gateway::tls().start();
    let fpm = pool(1, &gateway).start();
    for number in 0..100 {
        call(&fpm, &format!("4900000{number:03}"));
    }
    assert_eq!(gateway.deliveries().len(), 100);
    assert_eq!(
        gateway.connections(),
        1,
        "one worker, one client, one connection"
    );
    drop(fpm);

    // The same without clients that persist: the figure above is theirs.
    let gateway = Gateway::tls().start();
    let fpm = pool(1, &gateway).ini("itnio.max_persistent", "0").start();
    for number in 0..10 {
        call(&fpm, &format!("4900000{number:03}"));
    }
    assert_eq!(gateway.connections(), 10);
    println!(
        "php-fpm, 1 worker: 100 requests, 1 connection (10 requests, 10, with max_persistent = 0)"
    );
}

/// Places `calls` calls from 8 threads at once, each to a number of its own; gives the workers' IDs.
#[track_caller]
fn storm(fpm: &Fpm, calls: usize) -> HashSet<i64> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut pids = HashSet::new();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= calls {
                return pids;
            }
            pids.insert(call(fpm, &format!("49{number:08}")));
        }
    };
    thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(work)).collect();
        threads
            .into_iter()
            .flat_map(|thread| thread.join().expect("pages that place calls"))
            .collect()
    })
}

/// Fails the test unless these calls reached the gateway once each.
#[track_caller]
fn once_each(gateway: &Gateway, calls: usize) {
    let deliveries = gateway.deliveries();
    let callees: HashSet<String> = deliveries
        .iter()
        .map(|delivery| delivery.callee())
        .collect();
    assert_eq!((deliveries.len(), callees.len()), (calls, calls));
}

fn load() {
    let gateway = Gateway::tls().start();
    let fpm = pool(4, &gateway).start();
    let workers = storm(&fpm, 1000);
    once_each(&gateway, 1000);
    assert_eq!(gateway.connections(), workers.len());
    println!(
        "php-fpm, {} workers under load: 1000 requests, {} connections",
        workers.len(),
        gateway.connections()
    );
}

fn preloaded_client() {
    let gateway = Gateway::tls().start();
    let fpm = ini_pool(4, Way::Extension, &gateway)
        .preload(&root().join("tests/php/preload.php"))
        // Otherwise workers may have another environment, and then they make a client of their own.
        .pool("clear_env", "no")
        .start();
    // The master's own call.
    gateway.wait_for_requests(1);
    assert_eq!(gateway.deliveries()[0].callee(), "4900000000");
    let workers = storm(&fpm, 400);
    let clients = &fpm.ask("")["clients"];
    assert_eq!(clients, 1, "the master's client is the workers'");
    let deliveries = gateway.deliveries();
    assert_eq!(deliveries.len(), 401);
    let on_the_masters = deliveries
        .iter()
        .filter(|delivery| delivery.connection == 1)
        .count();
    assert_eq!(
        on_the_masters, 1,
        "a worker has used its master's connection"
    );
    assert_eq!(gateway.connections(), 1 + workers.len());
    println!(
        "php-fpm, client made before the fork: {} workers, each with a connection of its own",
        workers.len()
    );
}

/// How many descriptors a process has open.
#[track_caller]
fn descriptors(pid: i64) -> usize {
    fs::read_dir(format!("/proc/{pid}/fd"))
        .expect("a process")
        .count()
}

fn crashes() {
    for way in Way::BOTH {
        let gateway = Gateway::tls().start();
        // Without clients that persist, one that a page has not let go shows.
        let fpm = ini_pool(1, way, &gateway)
            .ini("itnio.max_persistent", "0")
            .start();
        let pid = call(&fpm, "4900000001");
        let before = descriptors(pid);
        for crash in ["exception", "memory"] {
            for number in 0..50 {
                let query = format!("callee=4900000001&crash={crash}&timeout={}", 20 + number);
                let page = fpm.get(&query).expect("a page");
                assert!(page.text.starts_with("Status: 500"), "{page:?}");
            }
            assert_eq!(
                call(&fpm, "4900000002"),
                pid,
                "the worker is still the same"
            );
            // A worker closes a request's own connection a little after its response.
            let until = Instant::now() + Duration::from_secs(10);
            while descriptors(pid) > before && Instant::now() < until {
                thread::sleep(Duration::from_millis(10));
            }
            let after = descriptors(pid);
            println!(
                "php-fpm, {way:?}: {before} descriptors before 50 pages end by {crash}, {after} after"
            );
            assert!(
                after <= before,
                "{before} descriptors before, {after} after"
            );
        }
        assert_eq!(gateway.deliveries().len(), 103);
    }
}

fn recycled() {
    let gateway = Gateway::tls().start();
    let fpm = pool(1, &gateway).pool("pm.max_requests", "10").start();
    let mut calls: HashMap<i64, usize> = HashMap::new();
    for number in 0..30 {
        *calls
            .entry(call(&fpm, &format!("4900000{number:03}")))
            .or_default() += 1;
    }
    assert_eq!(calls.values().collect::<Vec<_>>(), [&10; 3], "{calls:?}");
    once_each(&gateway, 30);
    assert_eq!(gateway.connections(), 3);
    gateway.wait_for_ends(3);
}

/// A gateway that sends its responses this much later.
fn slow(pause: Duration) -> Gateway {
    Gateway::tls()
        .answer(move |request| {
            let response = Response::ok(&recording_id_for(&request.callee()));
            vec![Step::Pause(pause), Step::Send(response.bytes())]
        })
        .start()
}

fn graceful() {
    let gateway = slow(Duration::from_secs(2));
    let mut fpm = pool(1, &gateway)
        .global("process_control_timeout", "30s")
        .start();
    thread::scope(|scope| {
        let page = scope.spawn(|| fpm.get("callee=4900000001"));
        gateway.wait_for_requests(1);
        fpm.signal(libc::SIGQUIT);
        let page = page
            .join()
            .expect("a thread")
            .expect("a page, in spite of the stop");
        assert!(
            page.body().contains(&recording_id_for("4900000001")),
            "{page:?}"
        );
    });
    assert!(fpm.wait().success(), "{}", fpm.log());
    once_each(&gateway, 1);
}

fn terminated() {
    let gateway = slow(Duration::from_secs(30));
    let fpm = pool(1, &gateway)
        .pool("request_terminate_timeout", "1s")
        .start();
    let killed = fpm.get("callee=4900000001");
    assert!(killed.is_err(), "{killed:?}");
    drop(fpm);
    once_each(&gateway, 1);
}

fn ffi_in_fpm() {
    let gateway = Gateway::tls()
        .answer(|request| match &*request.callee() {
            "4900000666" => vec![Step::Close],
            callee => Response::ok(&recording_id_for(callee)).into(),
        })
        .start();
    let fpm = ini_pool(2, Way::Ffi, &gateway).start();
    let workers = storm(&fpm, 200);
    once_each(&gateway, 200);
    assert_eq!(
        gateway.connections(),
        200,
        "a client of FFI ends with its request"
    );
    let lost = fpm.ask("callee=4900000666");
    assert_eq!(
        (&lost["code"], &lost["may_have_dialed"]),
        (&CONNECTION_LOST.into(), &true.into())
    );
    println!(
        "php-fpm over FFI, {} workers: 200 requests, 200 connections",
        workers.len()
    );
}
