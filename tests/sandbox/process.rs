//! The sandbox gateway as a process: the example that cargo has compiled next to this test.
#![allow(dead_code, reason = "each test program uses a part of it")]

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Longer than anything here should take on a busy machine.
const LIMIT: Duration = Duration::from_secs(30);

/// A gateway that has not started yet.
pub fn gateway() -> Command {
    let test = std::env::current_exe().expect("the path of this test");
    // target/debug/deps/gateway-0123abcd -> target/debug/examples/gateway
    let profile = test
        .ancestors()
        .nth(2)
        .expect("a directory for the profile");
    let program = profile.join("examples/gateway");
    assert!(
        program.exists(),
        "{}: run `cargo build --examples` first",
        program.display()
    );
    crate::support::platform::command(&program)
}

/// The exit status of a gateway that refuses to start with these options, and its error message.
#[track_caller]
pub fn refusal_to_start(options: &[&str]) -> (Option<i32>, String) {
    let mut child = gateway()
        .args(options)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the gateway starts");
    let mut line = String::new();
    let stdout = child.stdout.as_mut().expect("a pipe");
    let _ = BufReader::new(stdout).read_line(&mut line);
    if !line.is_empty() {
        let _ = child.kill();
    }
    let output = child.wait_with_output().expect("a child");
    assert_eq!(line, "", "{options:?} is accepted");
    (
        output.status.code(),
        String::from_utf8(output.stderr).expect("UTF-8"),
    )
}

/// A running gateway; it is killed when this is dropped.
pub struct Sandbox {
    child: Child,
    lines: Receiver<String>,
    errors: Option<JoinHandle<String>>,
    /// As the gateway has printed it.
    pub base_url: String,
    /// Likewise; empty with `--plain`.
    pub ca_file: PathBuf,
    directory: tempfile::TempDir,
}

/// The exit status and output of a gateway that has ended.
pub struct Finished {
    pub status: ExitStatus,
    /// The lines about requests.
    pub log: Vec<String>,
    pub errors: String,
}

impl Sandbox {
    /// Starts a gateway on a free port and waits until it is ready.
    #[track_caller]
    pub fn start(options: &[&str]) -> Self {
        let directory = tempfile::tempdir().expect("a directory for the CA file");
        let mut command = gateway();
        command.args(["--port", "0"]).args(options);
        if !options.contains(&"--plain") && !options.contains(&"--ca-file") {
            command
                .arg("--ca-file")
                .arg(directory.path().join("ca.pem"));
        }
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the gateway starts");
        let stdout = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut stderr = child.stderr.take().expect("a pipe");
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || {
            stdout
                .lines()
                .map_while(Result::ok)
                .try_for_each(|l| sender.send(l))
        });
        let errors = thread::spawn(move || {
            let mut text = String::new();
            let _ = stderr.read_to_string(&mut text);
            text
        });
        let mut sandbox = Self {
            child,
            lines,
            errors: Some(errors),
            base_url: String::new(),
            ca_file: PathBuf::new(),
            directory,
        };
        loop {
            let line = sandbox.line();
            match line.split_once('=') {
                Some(("base_url", url)) => sandbox.base_url = url.to_owned(),
                Some(("ca_file", path)) => sandbox.ca_file = path.into(),
                _ if line == "ready" => return sandbox,
                _ => panic!("\"{line}\" is not what a gateway starts with"),
            }
        }
    }

    /// A directory of this gateway's own.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Address and port as in the base URL, such as `127.0.0.1:12345`.
    pub fn address(&self) -> &str {
        let (_, rest) = self.base_url.split_once("://").expect("a URL");
        rest.strip_suffix("/voice")
            .expect("a base URL that ends in /voice")
    }

    /// The next line that the gateway prints.
    #[track_caller]
    pub fn line(&self) -> String {
        self.lines
            .recv_timeout(LIMIT)
            .expect("a line from the gateway")
    }

    pub fn signal(&self, signal: libc::c_int) {
        let pid = libc::pid_t::try_from(self.child.id()).expect("a process ID");
        // SAFETY: it takes two numbers. The process has not been waited for: the ID is still its own.
        assert_eq!(unsafe { libc::kill(pid, signal) }, 0);
    }

    /// Sends SIGTERM and waits for the end.
    #[track_caller]
    pub fn finish(self) -> Finished {
        self.signal(libc::SIGTERM);
        self.wait()
    }

    /// Waits until the gateway ends by itself.
    #[track_caller]
    pub fn wait(mut self) -> Finished {
        let until = Instant::now() + LIMIT;
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("a child") {
                break status;
            }
            assert!(Instant::now() < until, "the gateway does not end");
            thread::sleep(Duration::from_millis(5));
        };
        let errors = self
            .errors
            .take()
            .expect("not waited for before")
            .join()
            .expect("a thread");
        // The channel ends with the process's output.
        Finished {
            status,
            log: self.lines.iter().collect(),
            errors,
        }
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        // Both do nothing to a process that has been waited for.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
