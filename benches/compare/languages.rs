//! What people would pick in their own language: the PHP extension beside ext-curl, and the Go package beside
//! net/http.

use std::error::Error;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::report::{Measured, Report};
use crate::require::require;
use crate::sections::{Bench, apart, each, in_turns, ratio, summary};
use crate::worker::Start;

/// Goroutines.
const GOROUTINES: [usize; 2] = [1, 16];

/// A program, and what it is called in the tables.
struct Contender {
    name: &'static str,
    program: Start,
}

impl Bench {
    pub fn languages(&self, report: &mut Report) {
        let (itnio, curl, fresh) = self.php();
        let php = [
            ("PHP extension", itnio),
            ("ext-curl, one handle", curl),
            ("ext-curl, a new handle for each call", fresh),
        ];
        self.beside("PHP", 1, php, report);
        let go = self.go();
        for goroutines in GOROUTINES {
            let program = |client: &str| Ok(vec![go.clone()?.into(), client.into()]);
            let what = match goroutines {
                1 => "Go, 1 goroutine".to_owned(),
                many => format!("Go, {many} goroutines"),
            };
            let contenders = [
                ("Go package", program("itnio")),
                ("net/http", program("net/http")),
            ];
            self.beside(&what, goroutines, contenders, report);
        }
    }

    /// Measures the first contender beside each of the others.
    fn beside<const N: usize>(
        &self,
        what: &str,
        threads: usize,
        contenders: [(&'static str, Start); N],
        report: &mut Report,
    ) {
        let contenders = contenders.map(|(name, program)| Contender { name, program });
        let wrapper = match threads {
            1 => apart(),
            _ => Vec::new(),
        };
        let wrapper: Vec<_> = wrapper.iter().map(OsStr::new).collect();
        let mut workers = contenders.each_ref().map(|contender| {
            let url = self.base_url("voice");
            let program = &contender.program;
            let mut worker = self
                .workers
                .start_program(program, contender.name, &wrapper, &url)?;
            report.language_client(worker.version()?);
            worker.threads(threads)?;
            Ok(worker)
        });
        let rounds = in_turns(self.effort.turns, &mut workers, |worker| {
            worker.run(self.effort.span)
        });
        let medians = each(&rounds, |round| round.median * 1e6);
        let p99s = each(&rounds, |round| round.p99 * 1e6);
        let rates = each(&rounds, |round| round.calls_per_second / 1e3);
        for (index, other) in contenders.iter().enumerate().skip(1) {
            for (figure, digits, values) in [
                ("median, us", 0, &medians),
                ("p99, us", 0, &p99s),
                ("thousand calls/s", 1, &rates),
            ] {
                let measured: [Measured; 3] = [
                    summary(&values[0]),
                    summary(&values[index]),
                    ratio(values, 0, index),
                ];
                let name = format!("{what}, beside {}: {figure}", other.name);
                report.language(&name, digits, measured);
            }
        }
    }

    /// The worker in PHP: with the extension, with ext-curl, and with a handle for each call.
    fn php(&self) -> (Start, Start, Start) {
        let worker = crate::root().join("benches/php/worker.php");
        let arguments = |options: &[OsString], client: &str| {
            let worker = [worker.clone().into(), client.into()];
            [&["php".into()], options, &worker].concat()
        };
        let itnio = self.php_extension().map(|module| {
            let mut extension = OsString::from("extension=");
            extension.push(module);
            arguments(&["-d".into(), extension], "itnio")
        });
        let curl = |client| {
            require("php")?;
            let mut php = Command::new("php");
            php.args(["-r", "exit(extension_loaded('curl') ? 0 : 1);"]);
            run(&mut php)
                .map_err(|_| "ext-curl is not installed (in Debian: php-curl)".to_owned())?;
            Ok(arguments(&[], client))
        };
        (itnio, curl("curl"), curl("curl-new"))
    }

    /// Builds the extension as README.md says, from a copy of its sources.
    fn php_extension(&self) -> Result<PathBuf, String> {
        ["php", "phpize", "make", "autoconf"]
            .into_iter()
            .try_for_each(require)
            .map_err(|_| {
                "PHP's tools are not installed (in Debian: php-cli, php-dev)".to_owned()
            })?;
        let directory = self.scratch.path().join("php-ext");
        let copied = || -> Result<PathBuf, Box<dyn Error>> {
            // As if the library were installed under this prefix. It is loaded from there, too.
            let prefix = self.scratch.path().join("php-prefix");
            fs::create_dir(&prefix)?;
            std::os::unix::fs::symlink(crate::root().join("include"), prefix.join("include"))?;
            std::os::unix::fs::symlink(self.workers.libraries(), prefix.join("lib"))?;
            copy(&crate::root().join("examples/php/ext"), &directory)?;
            Ok(prefix)
        };
        let prefix = copied().map_err(|error| error.to_string())?;
        // Someone may have built it in place.
        let script = "phpize --clean && phpize && ./configure --with-itnio=\"$PREFIX\" && make";
        let mut build = Command::new("sh");
        build
            .args(["-c", script])
            .env("PREFIX", prefix)
            .env("CFLAGS", "-O2")
            .current_dir(&directory);
        run(&mut build).map_err(|_| "the extension cannot be built; see above".to_owned())?;
        Ok(directory.join("modules/itnio.so"))
    }

    /// Builds the worker in Go.
    fn go(&self) -> Result<PathBuf, String> {
        require("go").map_err(|_| "Go is not installed (in Debian: golang-go)".to_owned())?;
        let program = self.scratch.path().join("go-worker");
        let libraries = self.workers.libraries().display();
        let mut build = Command::new("go");
        build
            .args(["build", "-tags", "itnio_noflags", "-o"])
            .arg(&program)
            .arg(".")
            .current_dir(crate::root().join("benches/go"))
            // Nothing is downloaded.
            .env("GOPROXY", "off")
            .env("GOTOOLCHAIN", "local")
            .env(
                "CGO_CFLAGS",
                format!("-O2 -I{}", crate::root().join("include").display()),
            )
            .env(
                "CGO_LDFLAGS",
                format!("-L{libraries} -Wl,-rpath,{libraries}"),
            );
        run(&mut build).map_err(|_| "the Go package cannot be built; see above".to_owned())?;
        Ok(program)
    }
}

/// Runs a program to its end. What it says of a failure goes to the terminal.
fn run(command: &mut Command) -> Result<(), String> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("{}: {error}", command.get_program().display()))?;
    if output.status.success() {
        return Ok(());
    }
    eprint!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    Err(format!(
        "{} failed; see above",
        command.get_program().display()
    ))
}

/// Copies a directory of files and directories.
fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::create_dir(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
