//! A php-fpm of the test's own: one pool, behind a socket in a directory that goes with it.

use std::fs;
use std::io;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::fastcgi::{self, Page};
use crate::support::{c, root};
use crate::tools;

/// Longer than a start or an end takes on a busy machine.
const LIMIT: Duration = Duration::from_secs(30);

/// A php-fpm that has not started yet.
#[derive(Default)]
pub struct Builder {
    workers: usize,
    global: Vec<String>,
    pool: Vec<String>,
    ini: Vec<String>,
}

impl Builder {
    /// Exactly this many workers.
    pub fn workers(workers: usize) -> Builder {
        Builder {
            workers,
            ..Builder::default()
        }
        // A page that crashes is a 500.
        .ini("display_errors = Off")
    }

    /// A line for the section `[global]`.
    pub fn global(mut self, line: &str) -> Builder {
        self.global.push(line.to_owned());
        self
    }

    /// A line for the pool.
    pub fn pool(mut self, line: &str) -> Builder {
        self.pool.push(line.to_owned());
        self
    }

    /// A line for php.ini.
    pub fn ini(mut self, line: &str) -> Builder {
        self.ini.push(line.to_owned());
        self
    }

    #[track_caller]
    pub fn start(self) -> Fpm {
        // The path of a socket has to be short.
        let directory = tempfile::tempdir().expect("a directory for php-fpm");
        let file = |name: &str| directory.path().join(name);
        let socket = file("socket");
        fs::write(file("php.ini"), self.ini.join("\n") + "\n").expect("php.ini");
        let (global, pool) = (self.global.join("\n"), self.pool.join("\n"));
        let configuration = format!(
            "[global]\nerror_log = {log}\ndaemonize = no\n{global}\n\
             [www]\nlisten = {socket}\npm = static\npm.max_children = {workers}\n\
             catch_workers_output = yes\n{pool}\n",
            log = file("log").display(),
            socket = socket.display(),
            workers = self.workers,
        );
        fs::write(file("fpm.conf"), configuration).expect("php-fpm's configuration");

        let child = c::command(Path::new(tools::fpm()))
            .arg("--nodaemonize")
            // Containers run tests as root.
            .arg("--allow-to-run-as-root")
            .arg("--fpm-config")
            .arg(file("fpm.conf"))
            .arg("--php-ini")
            .arg(file("php.ini"))
            // Nothing of the machine's own configuration.
            .env("PHP_INI_SCAN_DIR", "")
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("php-fpm starts");
        let mut fpm = Fpm {
            child,
            socket,
            log: file("log"),
            ended: false,
            _directory: directory,
        };
        fpm.wait_until_ready();
        fpm
    }
}

/// A running php-fpm, which ends with this, its workers included.
pub struct Fpm {
    child: Child,
    socket: PathBuf,
    log: PathBuf,
    ended: bool,
    _directory: tempfile::TempDir,
}

impl Fpm {
    #[track_caller]
    fn wait_until_ready(&mut self) {
        let until = Instant::now() + LIMIT;
        while UnixStream::connect(&self.socket).is_err() {
            let ended = self.child.try_wait().expect("a child");
            self.ended = ended.is_some();
            assert!(
                ended.is_none() && Instant::now() < until,
                "php-fpm does not start: {}",
                self.log()
            );
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// Asks tests/php/page.php.
    pub fn get(&self, query: &str) -> io::Result<Page> {
        fastcgi::get(&self.socket, &root().join("tests/php/page.php"), query)
    }

    /// What page.php says, which has to be JSON.
    #[track_caller]
    pub fn ask(&self, query: &str) -> Value {
        let page = self.get(query).expect("a page");
        serde_json::from_str(page.body())
            .unwrap_or_else(|error| panic!("{error}: {page:?}\n{}", self.log()))
    }

    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// A signal to the master.
    pub fn signal(&self, signal: libc::c_int) {
        kill(self.pid(), signal);
    }

    #[track_caller]
    pub fn wait(&mut self) -> ExitStatus {
        let until = Instant::now() + LIMIT;
        loop {
            if let Some(status) = self.child.try_wait().expect("a child") {
                self.ended = true;
                return status;
            }
            assert!(
                Instant::now() < until,
                "php-fpm does not end: {}",
                self.log()
            );
            thread::sleep(Duration::from_millis(10));
        }
    }

    fn pid(&self) -> libc::pid_t {
        libc::pid_t::try_from(self.child.id()).expect("a process ID")
    }
}

impl Drop for Fpm {
    fn drop(&mut self) {
        if !self.ended {
            // The master and its workers: the group that was made for them.
            kill(-self.pid(), libc::SIGKILL);
            let _ = self.child.wait();
        }
    }
}

fn kill(pid: libc::pid_t, signal: libc::c_int) {
    // SAFETY: it takes two numbers. The child has not been waited for: the ID is still its own.
    unsafe { libc::kill(pid, signal) };
}
