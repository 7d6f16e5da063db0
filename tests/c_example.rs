//! examples/c/send_sip.c and `make -C examples run`: what a C user tries first, for real.

#[path = "sandbox/process.rs"]
mod process;
mod support;

use std::fs::{self, Permissions};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use process::{Sandbox, gateway};
use support::c::{Build, LIMIT, Output, command, run};
use support::library::remove_package_variables;
use support::{root, scratch};

const KEY: &str = "bDqJFiq9";
const SECRET: &str = "7bz1lzh9";

/// The variables that the example reads.
const VARIABLES: [&str; 4] = [
    "ITNIO_API_KEY",
    "ITNIO_API_SECRET",
    "ITNIO_BASE_URL",
    "ITNIO_CA_FILE",
];

/// A cold release build and a debug build, on a slow machine that does other things, too.
const BUILD_LIMIT: Duration = Duration::from_secs(1200);

/// A URL on which nothing listens.
fn closed_port_url() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    format!(
        "http://{}/voice",
        listener.local_addr().expect("an address")
    )
}

/// The example, against this sandbox and with these arguments.
fn example(base_url: &str, ca_file: &Path, arguments: &[&str]) -> Command {
    let mut command = command(&Build::c().compile_path(&root().join("examples/c/send_sip.c")));
    command
        .args(arguments)
        .env("ITNIO_API_KEY", KEY)
        .env("ITNIO_API_SECRET", SECRET)
        .env("ITNIO_BASE_URL", base_url)
        .env_remove("ITNIO_CA_FILE");
    if !ca_file.as_os_str().is_empty() {
        command.env("ITNIO_CA_FILE", ca_file);
    }
    command
}

fn send_sip(sandbox: &Sandbox, arguments: &[&str]) -> Output {
    run(
        example(&sandbox.base_url, &sandbox.ca_file, arguments),
        LIMIT,
    )
}

/// The one line of `text` that is `name=...`.
#[track_caller]
fn value<'a>(text: &'a str, name: &str) -> &'a str {
    let mut values = text
        .lines()
        .filter_map(|line| line.strip_prefix(name)?.strip_prefix('='));
    let value = values
        .next()
        .unwrap_or_else(|| panic!("no {name} in: {text}"));
    assert_eq!(values.next(), None, "{text}");
    value
}

#[track_caller]
fn assert_recording_id(id: &str) {
    assert!(
        id.len() == 19 && id.bytes().all(|byte| byte.is_ascii_digit()),
        "{id}"
    );
}

// The program

#[test]
fn exit_0_an_accepted_call_prints_its_status_and_recording_id() {
    let sandbox = Sandbox::start(&[]);
    let optional = ["8613800138000", "1001", "app", "861065551234", "hello"];
    for arguments in [&optional[..3], &optional[..4], &optional[..]] {
        let output = send_sip(&sandbox, arguments);
        assert_eq!(
            (output.code, output.stderr.as_str()),
            (Some(0), ""),
            "{output:?}"
        );
        assert_eq!(value(&output.stdout, "status"), "0");
        let id = value(&output.stdout, "recording_id");
        assert_recording_id(id);
        assert!(sandbox.line().ends_with(id));
    }
    assert!(sandbox.finish().log.is_empty(), "one request per call");
}

#[test]
fn the_optional_arguments_reach_the_api_and_empty_ones_are_left_out() {
    let sandbox = Sandbox::start(&[]);
    let long = "x".repeat(1001);
    let cases = [
        (["", ""], None),
        (["12", ""], Some("displayNum")),
        (["", long.as_str()], Some("calledInfo")),
    ];
    for ([display_num, called_info], refused) in cases {
        let arguments = ["8613800138000", "1001", "app", display_num, called_info];
        let output = send_sip(&sandbox, &arguments);
        match refused {
            None => assert_eq!(output.code, Some(0), "{output:?}"),
            Some(field) => assert!(output.stderr.contains(field), "{output:?}"),
        }
    }
}

#[test]
fn exit_1_a_refused_call_prints_the_status_and_its_meaning_and_no_recording_id() {
    let sandbox = Sandbox::start(&[]);
    let refusals = [
        ("01", "-1", "authentication error"),
        ("10", "-10", "balance is insufficient"),
        ("16", "-16", "timestamp expires"),
        ("22", "-22", "parameter exception"),
    ];
    for (suffix, status, meaning) in refusals {
        let callee = format!("86138001380{suffix}");
        let output = send_sip(&sandbox, &[&callee, "1001", "app"]);
        assert_eq!(output.code, Some(1), "{output:?}");
        assert_eq!(output.stdout, format!("status={status}\n"));
        assert!(output.stderr.contains(meaning), "{output:?}");
    }
    assert_eq!(sandbox.finish().log.len(), refusals.len());
}

#[test]
fn exit_2_nothing_was_sent_and_it_says_whether_to_try_again() {
    let sandbox = Sandbox::start(&[]);
    let other = Sandbox::start(&[]);
    let good = ["8613800138000", "1001", "app"];
    let again = "safe to try again";

    // No server; a server that cannot prove who it is: it may be better next time.
    for command in [
        example(&closed_port_url(), Path::new(""), &good),
        example(&sandbox.base_url, &other.ca_file, &good),
    ] {
        let output = run(command, LIMIT);
        assert_eq!(
            (output.code, output.stdout.as_str()),
            (Some(2), ""),
            "{output:?}"
        );
        assert!(output.stderr.contains(again), "{output:?}");
    }
    // A mistake: it will not.
    for command in [
        example(&sandbox.base_url, &sandbox.ca_file, &["", "1001", "app"]),
        example("http://api.itniotech.com/voice", Path::new(""), &good),
        example(&sandbox.base_url, Path::new("/nowhere/ca.pem"), &good),
    ] {
        let output = run(command, LIMIT);
        assert_eq!(
            (output.code, output.stdout.as_str()),
            (Some(2), ""),
            "{output:?}"
        );
        assert!(!output.stderr.contains(again), "{output:?}");
    }
    assert!(sandbox.finish().log.is_empty(), "nothing was sent");
}

#[test]
fn exit_3_a_call_that_may_have_been_placed_says_to_look_first() {
    let sandbox = Sandbox::start(&[
        "--on=91=drop,record-delay-ms:600000",
        "--on=92=http-status:502,record-delay-ms:600000",
        "--on=93=garbage,record-delay-ms:600000",
    ]);
    for suffix in ["91", "92", "93"] {
        let callee = format!("86138001380{suffix}");
        let began = Instant::now();
        let output = send_sip(&sandbox, &["--patience", "1", &callee, "1001", "app"]);
        assert_eq!(
            (output.code, output.stdout.as_str()),
            (Some(3), ""),
            "{output:?}"
        );
        assert!(
            output
                .stderr
                .ends_with("no record after 1 s; look before you redial\n"),
            "{output:?}"
        );
        assert!(began.elapsed() >= Duration::from_secs(1));
    }
    assert_eq!(calls(sandbox.finish().log).len(), 3, "one request per call");
}

#[test]
fn exit_0_a_call_whose_response_is_lost_is_found_in_the_records() {
    let sandbox = Sandbox::start(&["--on=92=http-status:502", "--on=93=garbage"]);
    // The sandbox loses the response to 91 by itself; of 94, too, and its record comes late.
    let late = Sandbox::start(&["--on=94=drop,record-delay-ms:2000"]);
    let optional = ["1001", "app", "861065551234", "hello"];
    let mut found = Vec::new();
    for (sandbox, suffix, optional) in [
        (&sandbox, "91", &optional[..2]),
        (&sandbox, "92", &optional[..3]),
        (&sandbox, "93", &optional[..]),
        (&late, "94", &optional[..]),
    ] {
        let callee = format!("86138001380{suffix}");
        let arguments = [&[callee.as_str()], optional].concat();
        let output = send_sip(sandbox, &arguments);
        let id = value(output.success(), "recording_id");
        assert_recording_id(id);
        assert_eq!(output.stdout, format!("recording_id={id}\n"));
        let words = format!("placed after all, recording ID {id}\n");
        assert!(output.stderr.ends_with(&words), "{output:?}");
        found.push((callee, format!(", record {id}")));
    }
    let calls = calls([sandbox.finish().log, late.finish().log].concat());
    assert_eq!(calls.len(), found.len(), "one request per call: {calls:?}");
    for (line, (callee, record)) in calls.iter().zip(&found) {
        assert!(line.contains(callee) && line.ends_with(record), "{line}");
    }
}

#[test]
fn exit_3_also_where_the_records_cannot_say_which_call_it_was() {
    let sandbox = Sandbox::start(&["--on=91=drop"]);
    let arguments = ["--patience", "0", "8613800138091", "1001", "app"];
    let first = send_sip(&sandbox, &arguments);
    let id = value(first.success(), "recording_id");
    // Another process, right after: the first call may be its own, too.
    let second = send_sip(&sandbox, &arguments);
    assert_eq!(
        (second.code, second.stdout.as_str()),
        (Some(3), ""),
        "{second:?}"
    );
    assert!(second.stderr.contains(id), "{second:?}");
    assert!(
        second.stderr.ends_with("; look before you redial\n"),
        "{second:?}"
    );
    assert_eq!(calls(sandbox.finish().log).len(), 2, "one request per call");
}

/// Those lines of a gateway's log that are of calls, not of looks at the records.
fn calls(mut log: Vec<String>) -> Vec<String> {
    log.retain(|line| !line.contains(" recordSip"));
    log
}

#[test]
fn a_wrong_clock_is_put_right_within_the_call() {
    let sandbox = Sandbox::start(&["--clock-offset", "3600"]);
    let output = send_sip(&sandbox, &["8613800138000", "1001", "app"]);
    assert_recording_id(value(output.success(), "recording_id"));
    let log = sandbox.finish().log;
    assert!(log.len() == 2 && log[0].contains("status -16"), "{log:?}");
}

#[test]
fn exit_64_wrong_use_is_told_apart_and_sends_nothing() {
    let sandbox = Sandbox::start(&[]);
    let wrong: [&[&str]; 8] = [
        &[],
        &["8613800138000", "1001"],
        &["1", "2", "3", "4", "5", "6"],
        &["--patience", "8613800138000", "1001", "app"],
        &["--patience", "-1", "8613800138000", "1001", "app"],
        &["--patience", "86401", "8613800138000", "1001", "app"],
        &["--patience", "", "8613800138000", "1001", "app"],
        &["--patience", "5", "8613800138000", "1001"],
    ];
    for arguments in wrong {
        let output = send_sip(&sandbox, arguments);
        assert_eq!(
            (output.code, output.stdout.as_str()),
            (Some(64), ""),
            "{output:?}"
        );
        assert!(
            output
                .stderr
                .starts_with("usage: send_sip CALLEE ACCOUNT APP_ID"),
            "{output:?}"
        );
    }
    for missing in ["ITNIO_API_KEY", "ITNIO_API_SECRET"] {
        let good = ["8613800138000", "1001", "app"];
        let mut command = example(&sandbox.base_url, &sandbox.ca_file, &good);
        command.env_remove(missing);
        let output = run(command, LIMIT);
        assert_eq!(output.code, Some(64), "{output:?}");
        assert!(output.stderr.contains(missing), "{output:?}");
    }
    assert!(sandbox.finish().log.is_empty(), "nothing was sent");
}

// make -C examples run

/// `make -C examples` with these arguments and a build directory of its own.
fn make(build: &Path, arguments: &[&str]) -> Command {
    let mut make = command(Path::new("make"));
    make.arg("-C").arg(root().join("examples"));
    make.arg(format!("BUILD={}", build.display()))
        .args(arguments);
    for variable in VARIABLES {
        make.env_remove(variable);
    }
    remove_package_variables(&mut make);
    make
}

/// The command lines of all processes that have to do with a path.
fn processes(path: &Path) -> Vec<String> {
    let path = path.to_str().expect("UTF-8");
    fs::read_dir("/proc")
        .expect("a list of processes")
        .filter_map(|entry| fs::read_to_string(entry.ok()?.path().join("cmdline")).ok())
        .filter(|line| line.contains(path))
        .collect()
}

/// What is in a directory.
fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).expect("a directory");
    let name = |entry: std::io::Result<fs::DirEntry>| entry.expect("a file").file_name();
    entries
        .map(name)
        .map(|name| name.into_string().expect("UTF-8"))
        .collect()
}

#[test]
fn make_run_prints_a_recording_id_whatever_the_proxy_and_leaves_nothing_behind() {
    let build = scratch().join("make-run");
    let mut make = make(&build, &["run"]);
    make.env("HTTPS_PROXY", closed_port_url())
        .env("ALL_PROXY", closed_port_url());
    let output = run(make, BUILD_LIMIT);
    let printed = output.success();
    assert_eq!(value(printed, "status"), "0");
    assert_recording_id(value(printed, "recording_id"));
    // It is the last line, but for those of make itself.
    let last = printed.lines().rfind(|line| !line.starts_with("make"));
    assert!(
        last.is_some_and(|line| line.starts_with("recording_id=")),
        "{printed}"
    );

    assert_eq!(processes(&build), [""; 0]);
    let mut left = names(&build);
    left.retain(|name| name.starts_with("itnio-sandbox"));
    assert_eq!(left, [""; 0]);
}

#[test]
fn make_run_fails_as_the_example_does_and_shows_what_the_gateway_saw() {
    let build = scratch().join("make-refused");
    let output = run(make(&build, &["run", "CALLEE=8613800138010"]), BUILD_LIMIT);
    // 2 is make's own, for any failure.
    assert_eq!(output.code, Some(2), "{output:?}");
    assert_eq!(value(&output.stdout, "status"), "-10");
    assert!(
        output.stderr.contains("8613800138010 status -10"),
        "{output:?}"
    );
    assert!(output.stderr.contains("Error 1"), "{output:?}");
    assert_eq!(processes(&build), [""; 0]);
}

#[test]
fn make_run_of_a_call_whose_response_is_lost_says_that_it_was_placed() {
    let build = scratch().join("make-lost");
    let output = run(make(&build, &["run", "CALLEE=8613800138091"]), BUILD_LIMIT);
    let id = value(output.success(), "recording_id");
    assert_recording_id(id);
    let words = format!("placed after all, recording ID {id}\n");
    assert!(output.stderr.ends_with(&words), "{output:?}");

    // Its record comes after 3 seconds.
    let arguments = ["run", "CALLEE=8613800138092", "PATIENCE=0"];
    let output = run(make(&build, &arguments), BUILD_LIMIT);
    assert_eq!(output.code, Some(2), "{output:?}");
    let words = "no record after 0 s; look before you redial\n";
    assert!(output.stderr.contains(words), "{output:?}");
    assert!(output.stderr.contains("Error 3"), "{output:?}");
}

#[test]
fn make_run_with_credentials_goes_where_they_belong_and_never_to_a_default_number() {
    let build = scratch().join("make-real");
    let api = Sandbox::start(&["--key", "my-key", "--secret", "my-secret"]);
    let with = |key: &str, secret: &str, arguments: &[&str]| {
        let mut make = make(&build, arguments);
        make.env("ITNIO_API_KEY", key)
            .env("ITNIO_API_SECRET", secret)
            .env("ITNIO_BASE_URL", &api.base_url)
            .env("ITNIO_CA_FILE", &api.ca_file);
        run(make, BUILD_LIMIT)
    };
    let call = ["run", "CALLEE=8613800138000", "ACCOUNT=1001", "APP_ID=app"];
    let incomplete = [
        ("my-key", "my-secret", &call[..1], "CALLEE is not set"),
        ("my-key", "my-secret", &call[..2], "ACCOUNT is not set"),
        ("my-key", "my-secret", &call[..3], "APP_ID is not set"),
        ("my-key", "", &call[..], "ITNIO_API_SECRET is not set"),
        ("", "my-secret", &call[..], "ITNIO_API_KEY is not set"),
    ];
    for (key, secret, arguments, complaint) in incomplete {
        let output = with(key, secret, arguments);
        assert_eq!(output.code, Some(2), "{output:?}");
        assert!(output.stderr.contains(complaint), "{output:?}");
    }
    let output = with("my-key", "my-secret", &call);
    let id = value(output.success(), "recording_id").to_owned();
    let log = api.finish().log;
    assert!(log.len() == 1 && log[0].ends_with(&id), "{log:?}");
}

#[test]
fn make_clean_removes_what_make_has_built() {
    let build = scratch().join("make-clean");
    run(make(&build, &[]), BUILD_LIMIT).success();
    assert!(build.join("send_sip").exists() && build.join("gateway").exists());
    run(make(&build, &["clean"]), LIMIT).success();
    assert!(!build.exists());
}

// with-sandbox.sh

fn with_sandbox(directory: &Path, gateway: &Path, arguments: &[&str]) -> Command {
    fs::create_dir_all(directory).expect("a directory");
    let mut shell = command(Path::new("sh"));
    shell
        .arg(root().join("examples/with-sandbox.sh"))
        .arg(gateway)
        .args(arguments);
    shell.env("TMPDIR", directory);
    shell
}

#[test]
fn with_sandbox_ends_with_the_status_of_its_command() {
    let directory = scratch().join("with-status");
    let script = "[ -s \"$ITNIO_CA_FILE\" ] && [ -n \"$ITNIO_BASE_URL\" ] && exit 7";
    let program = gateway();
    let shell = with_sandbox(
        &directory,
        program.get_program().as_ref(),
        &["sh", "-c", script],
    );
    let output = run(shell, LIMIT);
    assert_eq!(output.code, Some(7), "{output:?}");
    assert_eq!(processes(&directory), [""; 0]);
}

#[test]
fn with_sandbox_says_why_when_the_gateway_does_not_start() {
    let directory = scratch().join("with-none");
    let program = scratch().join("no-gateway");
    let output = run(with_sandbox(&directory, &program, &["true"]), LIMIT);
    assert_eq!(output.code, Some(70), "{output:?}");
    assert!(output.stderr.contains("no-gateway"), "{output:?}");
}

/// A process and its group, which does not outlive a test that fails.
struct Group(Child);

impl Group {
    /// Sends a signal to the process alone.
    fn signal(&self, signal: i32) {
        self.kill(1, signal);
    }

    /// Sends a signal to the whole group.
    fn signal_all(&self, signal: i32) {
        self.kill(-1, signal);
    }

    fn kill(&self, sign: i32, signal: i32) {
        let pid = libc::pid_t::try_from(self.0.id()).expect("a process ID");
        // SAFETY: it takes two numbers. A number that is no longer in use is an error, and no harm.
        unsafe { libc::kill(sign * pid, signal) };
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if thread::panicking() {
            self.signal_all(libc::SIGKILL);
        }
    }
}

/// Runs with-sandbox.sh with a command that never ends, and gives it time to start that.
fn interruptible(directory: &Path, gateway: &Path) -> Group {
    let path = directory.join("x");
    fs::create_dir_all(directory).expect("a directory");
    fs::write(&path, "").expect("a file");
    let command = ["tail", "-f", path.to_str().expect("UTF-8")];
    let mut shell = with_sandbox(directory, gateway, &command);
    shell
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(Stdio::null());
    // A shell cannot catch what was ignored when it started, as SIGINT is in a background job.
    // SAFETY: between fork and exec it makes one call, which is safe in a signal handler, too.
    unsafe {
        shell.pre_exec(|| {
            libc::signal(libc::SIGINT, libc::SIG_DFL);
            Ok(())
        })
    };
    let shell = Group(shell.spawn().expect("a shell"));
    wait_until("the command runs", || {
        processes(directory)
            .iter()
            .any(|line| line.starts_with("tail\0"))
    });
    shell
}

#[track_caller]
fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let until = Instant::now() + LIMIT;
    while !holds() {
        assert!(
            Instant::now() < until,
            "it does not come to pass that {what}"
        );
        thread::sleep(Duration::from_millis(2));
    }
}

#[track_caller]
fn assert_ends(mut shell: Group, code: i32, directory: &Path) {
    let mut status = None;
    wait_until("the shell ends", || {
        status = shell.0.try_wait().expect("a child");
        status.is_some()
    });
    assert_eq!(status.and_then(|status| status.code()), Some(code));
    assert_eq!(processes(directory), [""; 0]);
    let mut left = names(directory);
    left.retain(|name| name.starts_with("itnio-sandbox"));
    assert_eq!(left, [""; 0]);
}

#[test]
fn with_sandbox_leaves_nothing_behind_when_it_is_interrupted() {
    // Ctrl-C goes to the whole group; a supervisor's SIGTERM to the shell alone.
    type Interrupt = fn(&Group);
    let ways: [(Interrupt, i32); 2] = [
        (|shell| shell.signal_all(libc::SIGINT), 130),
        (|shell| shell.signal(libc::SIGTERM), 143),
    ];
    for (interrupt, code) in ways {
        let directory = scratch().join(format!("with-{code}"));
        let shell = interruptible(&directory, gateway().get_program().as_ref());
        interrupt(&shell);
        assert_ends(shell, code, &directory);
    }
}

#[test]
fn with_sandbox_leaves_nothing_behind_when_it_is_interrupted_again() {
    let directory = scratch().join("with-again");
    fs::create_dir_all(&directory).expect("a directory");
    // A gateway that takes its time to end, and says when that begins.
    let slow = directory.join("slow");
    let script = "#!/bin/sh\n\
        trap ': >\"$TMPDIR/ending\"; sleep 0.5; exit' TERM\n\
        echo ready\n\
        while :; do sleep 0.05; done\n";
    fs::write(&slow, script).expect("a script");
    fs::set_permissions(&slow, Permissions::from_mode(0o755)).expect("a program");
    let shell = interruptible(&directory, &slow);
    shell.signal(libc::SIGTERM);
    wait_until("the gateway ends", || directory.join("ending").exists());
    shell.signal(libc::SIGTERM);
    shell.signal(libc::SIGINT);
    assert_ends(shell, 143, &directory);
}
