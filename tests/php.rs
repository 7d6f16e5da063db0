//! examples/php: the extension and the class over FFI, by PHP's own test runner, on the command line,
//! and in a real php-fpm. Prints the figures of the README's table with `--nocapture`.

mod support;

#[path = "php/fastcgi.rs"]
mod fastcgi;
#[path = "php/fpm.rs"]
mod fpm;
#[path = "sandbox/process.rs"]
mod process;
#[path = "php/tools.rs"]
mod tools;

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use libtest_mimic::Arguments;
use process::Sandbox;
use support::answer::{Answer, recording_id_for};
use support::c::{Output, run};
use support::certs::Authority;
use support::client::{CONNECTION_LOST, KEY, SECRET};
use support::gateway::{Gateway, Step};
use support::require::trial;
use support::{root, scratch};
use tools::{LIMIT, PHP, PHP_AND_VALGRIND, Way};

fn main() {
    let fpm = tools::php_and_fpm();
    let trials = vec![
        trial("the_extension_passes_its_own_tests", PHP, extension_tests),
        trial("the_class_over_ffi_passes_the_same_tests", PHP, ffi_tests),
        trial("stub_arginfo_and_header_say_the_same", PHP, generated),
        trial("send_sip_says_what_to_do_next", PHP, send_sip),
        trial("ten_thousand_calls_leave_no_memory_behind", PHP, many_calls),
        trial("nothing_leaks_for_valgrind", PHP_AND_VALGRIND, valgrind),
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
    ];
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}

/// The faults that examples/php/ext/tests/common.inc asks for.
const FAULTS: &[&str] = &[
    "--on=91=drop",
    "--on=92=http-status:502",
    "--on=93=garbage",
    "--on=94=delay-ms:60000",
    "--on=95=delay-ms:2000",
];

/// Tells a program where the sandbox is, the way all examples read it.
fn against(command: &mut Command, sandbox: &Sandbox) {
    command
        .env("ITNIO_BASE_URL", &sandbox.base_url)
        .env("ITNIO_CA_FILE", &sandbox.ca_file)
        .env("ITNIO_API_KEY", KEY)
        .env("ITNIO_API_SECRET", SECRET);
}

/// The settings for a sandbox, as options of php.
fn settings(command: &mut Command, sandbox: &Sandbox) {
    for line in [
        format!("itnio.api_key={KEY}"),
        format!("itnio.api_secret={SECRET}"),
        format!("itnio.base_url={}", sandbox.base_url),
        format!("itnio.ca_file={}", sandbox.ca_file.display()),
        "itnio.proxy=".to_owned(),
    ] {
        command.args(["-d", &line]);
    }
}

/// The number in a line of PHP's test runner such as `Tests passed    :   15 (100.0%)`.
#[track_caller]
fn count(output: &Output, what: &str) -> usize {
    let number = output.stdout.lines().find_map(|line| {
        let (_, rest) = line.strip_prefix(what)?.split_once(':')?;
        rest.split_whitespace().next()?.parse().ok()
    });
    number.unwrap_or_else(|| panic!("no \"{what}\" in {output:?}"))
}

/// How many tests there are.
fn tests() -> usize {
    fs::read_dir(root().join("examples/php/ext/tests"))
        .expect("the tests")
        .filter(|entry| {
            let path = entry.as_ref().expect("an entry").path();
            path.extension()
                .is_some_and(|extension| extension == "phpt")
        })
        .count()
}

fn extension_tests() {
    let sandbox = Sandbox::start(FAULTS);
    let mut command = support::c::command(Path::new("make"));
    against(&mut command, &sandbox);
    command
        .arg("test")
        .current_dir(tools::extension())
        .env("NO_INTERACTION", "1")
        .env("REPORT_EXIT_STATUS", "1");
    let output = run(command, LIMIT);
    output.success();
    assert_eq!(count(&output, "Tests passed"), tests(), "{}", output.stdout);
    println!("make test: {} tests passed", tests());
}

fn ffi_tests() {
    let sandbox = Sandbox::start(FAULTS);
    let directory = scratch().join("php-ffi");
    fs::create_dir(&directory).expect("a directory");
    tools::copy(
        &root().join("examples/php/ext/tests"),
        &directory.join("tests"),
    );
    let mut command = support::c::command(Path::new("php"));
    against(&mut command, &sandbox);
    command
        .arg("-n")
        .arg(tools::extension().join("run-tests.php"));
    // The options are for the tests.
    command.args(Way::Ffi.php().get_args());
    command
        .arg("tests")
        .current_dir(&directory)
        .env("NO_INTERACTION", "1")
        .env("REPORT_EXIT_STATUS", "1")
        .env("TEST_PHP_EXECUTABLE", php_binary());
    let output = run(command, LIMIT);
    output.success();
    let skipped = output
        .stdout
        .matches("reason: for the extension only")
        .count();
    assert_eq!(
        count(&output, "Tests skipped"),
        skipped,
        "{}",
        output.stdout
    );
    assert_eq!(count(&output, "Tests passed") + skipped, tests());
    assert!(skipped <= 3, "{}", output.stdout);
    println!(
        "over FFI: {} tests passed, {skipped} are for the extension only",
        tests() - skipped
    );
}

/// The full path of php, which the runner asks for.
fn php_binary() -> String {
    let mut command = Command::new("php");
    command.args(["-n", "-r", "echo PHP_BINARY;"]);
    run(command, LIMIT).success().to_owned()
}

fn generated() {
    let ext = root().join("examples/php/ext");
    let read = |path: &Path| fs::read_to_string(path).expect("a file of the repository");
    // PHP's gen_stub.php notes what it has generated from.
    let mut command = Command::new("php");
    command
        .args(["-n", "-r", "echo sha1_file($argv[1]);"])
        .arg(ext.join("itnio.stub.php"));
    let hash = run(command, LIMIT).success().to_owned();
    let arginfo = read(&ext.join("itnio_arginfo.h"));
    assert!(
        arginfo.contains(&format!("Stub hash: {hash} ")),
        "itnio_arginfo.h is not what gen_stub.php makes of itnio.stub.php ({hash})"
    );

    let header = read(&root().join("include/itnio.h"));
    let results: Vec<(&str, &str)> = header
        .lines()
        .filter_map(|line| {
            line.strip_prefix("  ITNIO_")?
                .strip_suffix(',')?
                .split_once(" = ")
        })
        // An accepted call is a recording, and a mistake in an argument PHP's own ValueError.
        .filter(|(name, _)| !["OK", "INVALID_ARGUMENT"].contains(name))
        .collect();
    assert!(results.len() >= 11, "{results:?}");
    for file in [ext.join("itnio.stub.php"), tools::ffi_class()] {
        let text = read(&file);
        for (name, number) in &results {
            let constant = format!("public const {name} = {number};");
            assert!(
                text.contains(&constant),
                "no {constant} in {}",
                file.display()
            );
        }
        assert_eq!(text.matches("public const").count(), results.len());
    }

    let version = env!("CARGO_PKG_VERSION");
    assert!(read(&ext.join("php_itnio.h")).contains(&format!("PHP_ITNIO_VERSION \"{version}\"")));
}

fn send_sip() {
    let sandbox = Sandbox::start(FAULTS);
    for way in Way::BOTH {
        let call = |callee: &str, rest: &[&str]| {
            let mut command = support::c::command(Path::new("php"));
            against(&mut command, &sandbox);
            command.arg("-n");
            // The script loads the class over FFI by itself.
            for line in way.ini() {
                command.args(["-d", &line]);
            }
            command
                .arg(root().join("examples/php/send_sip.php"))
                .arg(callee)
                .args(rest);
            run(command, LIMIT)
        };
        let usual = ["1001", "my-app"];
        let accepted = call("8613800138000", &usual);
        let id = accepted.success().strip_prefix("status=0\nrecording_id=");
        assert!(
            id.is_some_and(|id| id.trim_end().len() == 19),
            "{accepted:?}"
        );
        call("8613800138000", &["1001", "my-app", "", "text"]).success();

        let refused = call("8613800138010", &usual);
        assert_eq!(
            (refused.code, &*refused.stdout),
            (Some(1), "status=-10\n"),
            "{refused:?}"
        );
        let lost = call("8613800138091", &usual);
        assert_eq!((lost.code, &*lost.stdout), (Some(3), ""), "{lost:?}");
        assert!(lost.stderr.contains("look before you redial"), "{lost:?}");
        let mistake = call("", &usual);
        assert_eq!(
            (mistake.code, &*mistake.stdout),
            (Some(2), ""),
            "{mistake:?}"
        );
        assert!(mistake.stderr.contains("callee: empty"), "{mistake:?}");
        assert_eq!(call("8613800138000", &[]).code, Some(64));
    }
}

fn many_calls() {
    const CALLS: usize = 10_000;
    let sandbox = Sandbox::start(FAULTS);
    for way in Way::BOTH {
        let mut command = way.php();
        settings(&mut command, &sandbox);
        command
            .arg(root().join("tests/php/many_calls.php"))
            .arg(CALLS.to_string());
        let output = run(command, LIMIT);
        let grown: Vec<i64> = output
            .success()
            .split_whitespace()
            .map(|number| number.parse().expect("a number"))
            .collect();
        let [bytes, resident_kib] = grown[..] else {
            panic!("{output:?}")
        };
        println!(
            "{way:?}: {CALLS} calls, {bytes} bytes of PHP's memory and {resident_kib} KiB of RSS more"
        );
        // Half a byte per call, and 50 for what malloc makes of a hundred clients that come and go.
        assert!(bytes < 5_000, "{bytes} bytes of PHP's memory");
        assert!(resident_kib < 512, "{resident_kib} KiB of RSS");
    }
}

fn valgrind() {
    let sandbox = Sandbox::start(FAULTS);
    for way in Way::BOTH {
        let mut php = way.php();
        settings(&mut php, &sandbox);
        let mut command = support::c::command(Path::new("valgrind"));
        command
            // Values that were never written are the cryptography's, which is in assembly.
            .args([
                "--undef-value-errors=no",
                "--leak-check=full",
                "--show-leak-kinds=all",
            ])
            .args(["--num-callers=40", "--error-exitcode=9", "php"])
            .args(php.get_args())
            .arg(root().join("tests/php/leaks.php"))
            .env("USE_ZEND_ALLOC", "0")
            .env("ZEND_DONT_UNLOAD_MODULES", "1");
        let output = run(command, LIMIT);
        assert_eq!(output.success(), "done\n", "{output:?}");
        let report = output.stderr;
        for kind in ["definitely", "indirectly", "possibly"] {
            let none = format!("{kind} lost: 0 bytes in 0 blocks");
            assert!(report.contains(&none), "{report}");
        }
        // What the library keeps once for the process is one block of each kind; the clients that are
        // kept until the end, had they been forgotten then, would be several of each.
        let mut once = 0;
        for (head, stack) in records(&report) {
            if stack.contains("libitnio.so") {
                let one = head.contains(" in 1 blocks are still reachable");
                assert!(one, "{head}\n{stack}");
                once += 1;
            }
        }
        println!(
            "valgrind, {way:?}: nothing lost; {once} blocks that the library keeps for the process"
        );
    }
}

/// The loss records of a report: what was lost, and where it was allocated.
fn records(report: &str) -> Vec<(&str, String)> {
    let mut records: Vec<(&str, String)> = Vec::new();
    for line in report.lines() {
        if line.contains(" in loss record ") {
            records.push((line, String::new()));
        } else if let Some((_, stack)) = records.last_mut() {
            stack.push_str(line);
            stack.push('\n');
        }
    }
    records
}

/// What a client for this gateway is made from.
fn account(fpm: &fpm::Builder, gateway: &Gateway) -> [(&'static str, String); 5] {
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
fn pool(workers: usize, gateway: &Gateway) -> fpm::Builder {
    let builder = fpm::Builder::new(workers, Way::Extension);
    let account = account(&builder, gateway);
    account.iter().fold(builder, |builder, (name, value)| {
        builder.pool(&format!("php_admin_value[{name}]"), value)
    })
}

/// A php-fpm whose account is in php.ini, so that its master has it, too, and FFI.
fn ini_pool(workers: usize, way: Way, gateway: &Gateway) -> fpm::Builder {
    let builder = fpm::Builder::new(workers, way);
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
fn call(fpm: &fpm::Fpm, callee: &str) -> i64 {
    let answer = fpm.ask(&format!("callee={callee}"));
    assert_eq!(answer["id"], recording_id_for(callee), "{answer}");
    answer["pid"].as_i64().expect("a process ID")
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
fn storm(fpm: &fpm::Fpm, calls: usize) -> HashSet<i64> {
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
            // A worker closes a request's own connection a little after its answer.
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

/// A gateway that takes this long to answer.
fn slow(pause: Duration) -> Gateway {
    Gateway::tls()
        .answer(move |request| {
            let answer = Answer::ok(&recording_id_for(&request.callee()));
            vec![Step::Pause(pause), Step::Send(answer.bytes())]
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
            callee => Answer::ok(&recording_id_for(callee)).into(),
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
