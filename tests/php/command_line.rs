//! By PHP's own test runner, and scripts on the command line.

use std::fs;
use std::path::Path;
use std::process::Command;

use libtest_mimic::Trial;

use crate::process::Sandbox;
use crate::support::c::{Output, command, run};
use crate::support::client::{KEY, SECRET};
use crate::support::require::trial;
use crate::support::{root, scratch};
use crate::tools::{self, LIMIT, PHP, PHP_AND_VALGRIND, Way};

pub fn trials() -> Vec<Trial> {
    vec![
        trial("the_extension_passes_its_own_tests", PHP, extension_tests),
        trial("the_class_over_ffi_passes_the_same_tests", PHP, ffi_tests),
        trial("stub_arginfo_and_header_say_the_same", PHP, generated),
        trial("send_sip_says_what_to_do_next", PHP, send_sip),
        trial("ten_thousand_calls_leave_no_memory_behind", PHP, many_calls),
        trial("nothing_leaks_for_valgrind", PHP_AND_VALGRIND, valgrind),
    ]
}

/// The faults that examples/php/ext/tests/common.inc asks for.
const FAULTS: &[&str] = &[
    "--on=91=drop",
    "--on=92=http-status:502",
    "--on=93=garbage",
    "--on=94=delay-ms:60000",
    "--on=95=delay-ms:2000",
    "--on=96=drop,record-delay-ms:600000",
    "--on=97=drop,record-delay-ms:1500",
];

/// Tells a program where the sandbox is, the way all examples read it.
pub fn against(command: &mut Command, sandbox: &Sandbox) {
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
    let mut command = command(Path::new("make"));
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
    let mut command = command(Path::new("php"));
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
    for way in Way::BOTH {
        let sandbox = Sandbox::start(FAULTS);
        let call_with = |options: &[&str], callee: &str, rest: &[&str]| {
            let mut command = command(Path::new("php"));
            against(&mut command, &sandbox);
            command.arg("-n");
            // The script loads the class over FFI by itself.
            for line in way.ini() {
                command.args(["-d", &line]);
            }
            command
                .arg(root().join("examples/php/send_sip.php"))
                .args(options)
                .arg(callee)
                .args(rest);
            run(command, LIMIT)
        };
        let call = |callee: &str, rest: &[&str]| call_with(&[], callee, rest);
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
        let found = call("8613800138091", &usual);
        let id = found.success().strip_prefix("recording_id=");
        assert!(id.is_some_and(|id| id.trim_end().len() == 19), "{found:?}");
        let placed = format!("placed after all, recording ID {}", id.unwrap_or_default());
        assert!(found.stderr.contains(&placed), "{found:?}");
        let lost = call_with(&["--patience", "0.1"], "8613800138096", &usual);
        assert_eq!((lost.code, &*lost.stdout), (Some(3), ""), "{lost:?}");
        let words = "no record after 0.1 s; look before you redial";
        assert!(lost.stderr.contains(words), "{lost:?}");
        let mistake = call("", &usual);
        assert_eq!(
            (mistake.code, &*mistake.stdout),
            (Some(2), ""),
            "{mistake:?}"
        );
        assert!(mistake.stderr.contains("callee: empty"), "{mistake:?}");
        assert_eq!(call("8613800138000", &[]).code, Some(64));
        let no_number = call_with(&["--patience", "-1"], "8613800138000", &usual);
        assert_eq!(no_number.code, Some(64), "{no_number:?}");
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
        let mut command = command(Path::new("valgrind"));
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
        // What the library keeps once for the process is one block of each kind; clients that were not freed
        // at the end would be several of each.
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
