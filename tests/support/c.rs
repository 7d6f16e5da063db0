//! Programs in C and C++, compiled against the committed header and linked with the release library.

use std::collections::HashMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::instrument::{self, Instrument};
use super::{library, platform};

/// How long a program may run.
pub const LIMIT: Duration = Duration::from_secs(60);

/// Variables that would change what the library does.
const PROXY_VARIABLES: [&str; 8] = [
    "http_proxy",
    "HTTP_PROXY",
    "https_proxy",
    "HTTPS_PROXY",
    "all_proxy",
    "ALL_PROXY",
    "no_proxy",
    "NO_PROXY",
];

/// How a source file is compiled.
#[derive(Clone, Debug)]
pub struct Build {
    compiler: Vec<String>,
    flags: Vec<String>,
    linked: bool,
}

impl Build {
    /// C99, every warning an error, linked with the library, and built for the instrument, if any.
    pub fn c() -> Build {
        let mut build = Build::with_compiler(platform::c_compiler(), "c99").linked();
        if let Some(instrument) = Instrument::current() {
            build.flags.extend(instrument.flags());
        }
        build
    }

    /// The same for C++17, without an instrument.
    pub fn cpp() -> Build {
        Build::with(
            &std::env::var("CXX").unwrap_or_else(|_| "c++".to_owned()),
            "c++17",
        )
        .linked()
    }

    /// This compiler and standard; every warning an error, not linked with the library.
    pub fn with(compiler: &str, standard: &str) -> Build {
        Build::with_compiler(vec![compiler.to_owned()], standard)
    }

    fn with_compiler(compiler: Vec<String>, standard: &str) -> Build {
        let mut flags = vec![format!("-std={standard}")];
        flags.extend(
            ["-Wall", "-Wextra", "-pedantic", "-Werror", "-g", "-pthread"].map(str::to_owned),
        );
        flags.push(format!("-I{}", super::root().join("include").display()));
        Build {
            compiler,
            flags,
            linked: false,
        }
    }

    /// A library for LD_PRELOAD instead of a program.
    pub fn preload() -> Build {
        Build::with_compiler(platform::c_compiler(), "c99")
            .flag("-shared")
            .flag("-fPIC")
    }

    pub fn flag(mut self, flag: &str) -> Build {
        self.flags.push(flag.to_owned());
        self
    }

    /// Linked with the library.
    pub fn linked(mut self) -> Build {
        self.linked = true;
        self
    }

    /// Not linked with the library: the program loads it itself.
    pub fn unlinked(mut self) -> Build {
        self.linked = false;
        self
    }

    /// Compiles a file of tests/c. The same build is done once per process.
    pub fn compile(&self, source: &str) -> PathBuf {
        self.compile_path(&super::root().join("tests/c").join(source))
    }

    pub fn compile_path(&self, source: &Path) -> PathBuf {
        static BUILT: Mutex<Option<HashMap<String, PathBuf>>> = Mutex::new(None);
        let mut built = BUILT.lock().unwrap_or_else(PoisonError::into_inner);
        let built = built.get_or_insert_default();
        let key = format!("{self:?} {}", source.display());
        if let Some(program) = built.get(&key) {
            return program.clone();
        }
        let stem = source.file_stem().expect("a file").to_string_lossy();
        let program = super::scratch().join(format!("{stem}-{}", built.len()));
        let (compiler, arguments) = self.compiler.split_first().expect("a compiler");
        let mut command = Command::new(compiler);
        command
            .args(arguments)
            .args(&self.flags)
            .arg(source)
            .arg("-o")
            .arg(&program);
        if self.linked {
            command
                .arg(instrument::library())
                .arg(format!("-Wl,-rpath,{}", library_directory().display()));
        }
        command.arg("-ldl");
        let output = command.output().expect("the compiler runs");
        assert!(
            output.status.success(),
            "{command:?}:\n{}",
            String::from_utf8_lossy(&output.stderr)
        );
        built.insert(key, program.clone());
        program
    }
}

/// A directory in which the loader finds the library under its soname.
pub fn library_directory() -> &'static Path {
    static DIRECTORY: OnceLock<PathBuf> = OnceLock::new();
    DIRECTORY.get_or_init(|| {
        let directory = super::scratch().join("lib");
        std::fs::create_dir(&directory).expect("a directory");
        for name in [library::soname().as_str(), "libitnio.so"] {
            std::os::unix::fs::symlink(instrument::library(), directory.join(name))
                .expect("a link to the library");
        }
        directory
    })
}

/// How a program ended.
#[derive(Debug)]
pub struct Output {
    /// `None`: by a signal.
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
    pub elapsed: Duration,
}

impl Output {
    /// Fails the test unless the program ended with 0; returns what it printed.
    #[track_caller]
    pub fn success(&self) -> &str {
        assert_eq!(self.code, Some(0), "{}\n{}", self.stdout, self.stderr);
        &self.stdout
    }
}

/// A command for a program, without proxies in its environment. Programs compiled here run under the
/// instrument, if any.
pub fn command(program: &Path) -> Command {
    let mut command = match Instrument::current() {
        Some(instrument) if program.starts_with(super::scratch()) => instrument.command(program),
        _ if program.starts_with(super::scratch()) => platform::command(program),
        _ => Command::new(program),
    };
    for name in PROXY_VARIABLES {
        command.env_remove(name);
    }
    command
}

/// Runs a command. After `limit`, which is longer under an instrument, it is killed and the test fails.
#[track_caller]
pub fn run(mut command: Command, limit: Duration) -> Output {
    let limit = limit * instrument::slowdown();
    let started = Instant::now();
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let stdout = collect(child.stdout.take().expect("a pipe"));
    let stderr = collect(child.stderr.take().expect("a pipe"));
    let status = loop {
        if let Some(status) = child.try_wait().expect("a child to wait for") {
            break Some(status);
        }
        if started.elapsed() > limit {
            let _ = child.kill();
            let _ = child.wait();
            break None;
        }
        thread::sleep(Duration::from_millis(2));
    };
    let elapsed = started.elapsed();
    let stdout = stdout.join().expect("its output");
    let stderr = stderr.join().expect("its errors");
    let Some(status) = status else {
        panic!("{command:?} still ran after {limit:?}\n{stdout}\n{stderr}");
    };
    Output {
        code: status.code(),
        stdout,
        stderr,
        elapsed,
    }
}

fn collect(mut pipe: impl Read + Send + 'static) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = pipe.read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    })
}
