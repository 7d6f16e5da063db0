//! A php-fpm of the test's own: one pool, behind a socket in a directory that goes with it.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::fastcgi::{self, Page};
use crate::support::{c, library, root};
use crate::tools::{self, Way};

/// Longer than a start or an end takes on a busy machine.
const LIMIT: Duration = Duration::from_secs(30);

/// The user that it runs as where the tests run as root: root's php-fpm is a special case.
const NOBODY: u32 = 65534;

/// A php-fpm that has not started yet, with the files that it reads in a directory of its own.
pub struct Builder {
    directory: TempDir,
    workers: usize,
    global: Vec<String>,
    pool: Vec<String>,
    ini: Vec<String>,
}

impl Builder {
    /// Exactly this many workers, with the classes at hand; but for FFI, `preload` is still to load
    /// Itnio.php.
    #[track_caller]
    pub fn new(workers: usize, way: Way) -> Builder {
        let builder = Builder {
            // The path of a socket has to be short.
            directory: tempfile::tempdir().expect("a directory for php-fpm"),
            workers,
            global: Vec::new(),
            pool: Vec::new(),
            ini: Vec::new(),
        };
        builder.copy(&root().join("tests/php/page.php"), "page.php");
        let library = builder.copy(library::path(), &library::soname());
        // A page that crashes is a 500.
        let builder = builder.ini("display_errors", "Off");
        match way {
            Way::Extension => {
                let module = tools::extension().join("modules/itnio.so");
                let module = builder.copy(&module, "itnio.so");
                builder.ini("extension", &module)
            }
            Way::Ffi => {
                let header = builder.copy(&root().join("include/itnio.h"), "itnio.h");
                tools::ffi_module()
                    .into_iter()
                    .fold(builder, |builder, module| builder.ini("extension", module))
                    .ini("itnio.library", &library)
                    .ini("itnio.header", &header)
            }
        }
    }

    /// Copies a file to where php-fpm may read it; gives its new path.
    #[track_caller]
    pub fn copy(&self, file: &Path, name: &str) -> String {
        let copy = self.directory.path().join(name);
        fs::copy(file, &copy).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        fs::set_permissions(&copy, Permissions::from_mode(0o755)).expect("a file of this test");
        copy.to_str().expect("a UTF-8 path").to_owned()
    }

    /// A setting for the section `[global]`.
    pub fn global(mut self, name: &str, value: &str) -> Builder {
        self.global.push(format!("{name} = \"{value}\""));
        self
    }

    /// A setting for the pool.
    pub fn pool(mut self, name: &str, value: &str) -> Builder {
        self.pool.push(format!("{name} = \"{value}\""));
        self
    }

    /// A setting for php.ini.
    pub fn ini(mut self, name: &str, value: &str) -> Builder {
        self.ini.push(format!("{name} = \"{value}\""));
        self
    }

    /// A script for the master to run before it forks.
    pub fn preload(self, script: &Path) -> Builder {
        let script = self.copy(script, "preloaded.php");
        self.ini("zend_extension", "opcache")
            .ini("opcache.preload", &script)
    }

    #[track_caller]
    pub fn start(self) -> Fpm {
        let file = |name: &str| self.directory.path().join(name);
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

        let mut command = c::command(Path::new(tools::fpm()));
        // SAFETY: it takes nothing.
        if unsafe { libc::geteuid() } == 0 {
            chown(self.directory.path(), Some(NOBODY), Some(NOBODY)).expect("root may do that");
            command.uid(NOBODY).gid(NOBODY);
        }
        let child = command
            .arg("--nodaemonize")
            .arg("--fpm-config")
            .arg(file("fpm.conf"))
            .arg("--php-ini")
            .arg(file("php.ini"))
            // Nothing of the machine's own configuration.
            .env("PHP_INI_SCAN_DIR", "")
            // The extension's own path to the library may be one that nobody else may read.
            .env("LD_LIBRARY_PATH", self.directory.path())
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("php-fpm starts");
        let (log, page) = (file("log"), file("page.php"));
        let mut fpm = Fpm {
            child,
            socket,
            log,
            page,
            ended: false,
            _directory: self.directory,
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
    page: PathBuf,
    ended: bool,
    _directory: TempDir,
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
        fastcgi::get(&self.socket, &self.page, query)
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
