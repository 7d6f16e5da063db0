//! The workers: one small program per contender, with the same loop (c/worker.c), driven by lines.

use std::error::Error;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use crate::{library, process};

/// The argument that makes this executable the floor's worker.
pub const FLOOR_ARGUMENT: &str = "--floor-worker";

/// What is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contender {
    Floor,
    Itnio,
    Curl,
}

impl Contender {
    pub const ALL: [Contender; 3] = [Contender::Floor, Contender::Itnio, Contender::Curl];

    pub fn name(self) -> &'static str {
        match self {
            Contender::Floor => "floor",
            Contender::Itnio => "libitnio",
            Contender::Curl => "libcurl",
        }
    }
}

/// How to start a contender's worker; or why it cannot be.
pub type Start = Result<Vec<OsString>, String>;

/// The compiled workers.
pub struct Workers {
    floor: Start,
    itnio: Start,
    curl: Start,
    libraries: PathBuf,
    ca_file: PathBuf,
}

impl Workers {
    /// Builds them in `directory`, and the library's release build with them.
    ///
    /// # Errors
    ///
    /// Where the floor or the library cannot be built. libcurl may be missing.
    pub fn build(directory: &Path, ca_file: &Path) -> Result<Workers, Box<dyn Error>> {
        let loadable = directory.join("lib");
        fs::create_dir(&loadable)?;
        for name in [library::soname().as_str(), "libitnio.so"] {
            std::os::unix::fs::symlink(library::path(), loadable.join(name))?;
        }
        let worker = compile(directory, "worker.so", &["worker.c"], &["-shared", "-fPIC"])?;
        let itnio = compile(
            directory,
            "itnio",
            &["itnio.c", "worker.c"],
            &[
                &format!("-I{}", crate::root().join("include").display()),
                &format!("-L{}", loadable.display()),
                &format!("-Wl,-rpath,{}", loadable.display()),
                "-litnio",
            ],
        )?;
        let curl = compile(
            directory,
            "curl",
            &["curl.c", "worker.c"],
            &["-lcurl", "-lcrypto"],
        );
        Ok(Workers {
            floor: Ok(vec![
                std::env::current_exe()?.into(),
                FLOOR_ARGUMENT.into(),
                worker.into(),
            ]),
            itnio: Ok(vec![itnio.into()]),
            curl: curl.map(|program| vec![program.into()]).map_err(|error| {
                eprintln!("{error}");
                "libcurl's headers are not installed (in Debian: libcurl4-openssl-dev, libssl-dev)"
                    .to_owned()
            }),
            libraries: loadable,
            ca_file: ca_file.to_owned(),
        })
    }

    /// The directory that has the library, under the names by which it is linked and loaded.
    pub fn libraries(&self) -> &Path {
        &self.libraries
    }

    /// Starts one, as an argument of `wrapper` where there is one, with this base URL.
    ///
    /// # Errors
    ///
    /// Why it cannot be measured.
    pub fn start(
        &self,
        contender: Contender,
        wrapper: &[&OsStr],
        base_url: &str,
    ) -> Result<Worker, String> {
        let program = match contender {
            Contender::Floor => &self.floor,
            Contender::Itnio => &self.itnio,
            Contender::Curl => &self.curl,
        };
        self.start_program(program, contender.name(), wrapper, base_url)
    }

    /// The same, for any program that is driven by the workers' lines.
    ///
    /// # Errors
    ///
    /// Why it cannot be measured.
    pub fn start_program(
        &self,
        program: &Start,
        name: &'static str,
        wrapper: &[&OsStr],
        base_url: &str,
    ) -> Result<Worker, String> {
        let program = program.as_ref().map_err(String::clone)?;
        let mut arguments = wrapper
            .iter()
            .copied()
            .chain(program.iter().map(OsString::as_os_str));
        let mut command = Command::new(arguments.next().ok_or("no program")?);
        command.args(arguments).arg(base_url).arg(&self.ca_file);
        Worker::start(command, name).map_err(|error| format!("{name}: {error}"))
    }
}

fn compile(
    directory: &Path,
    name: &str,
    sources: &[&str],
    flags: &[&str],
) -> Result<PathBuf, Box<dyn Error>> {
    let program = directory.join(name);
    let folder = crate::root().join("benches/c");
    let mut command = Command::new(std::env::var_os("CC").unwrap_or_else(|| "cc".into()));
    command
        .args([
            "-std=c11",
            "-O2",
            "-Wall",
            "-Wextra",
            "-pedantic",
            "-pthread",
            "-o",
        ])
        .arg(&program)
        .args(sources.iter().map(|source| folder.join(source)))
        .args(flags);
    let output = command
        .output()
        .map_err(|error| format!("no C compiler: {error}"))?;
    if output.status.success() {
        Ok(program)
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into())
    }
}

/// What a measured round came to, in seconds.
#[derive(Clone, Copy, Debug)]
pub struct Round {
    pub calls_per_second: f64,
    pub time_per_call: f64,
    pub cpu_per_call: f64,
    pub median: f64,
    pub p99: f64,
}

/// A running worker. It ends with this.
pub struct Worker {
    name: &'static str,
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    /// When it was started, on the clock of [`process::monotonic_seconds`].
    pub started: f64,
}

impl Worker {
    fn start(mut command: Command, name: &'static str) -> Result<Worker, Box<dyn Error>> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let started = process::monotonic_seconds();
        let mut child = process::spawn_bound(&mut command)?;
        let input = child.stdin.take();
        let output = BufReader::new(child.stdout.take().ok_or("no pipe")?);
        Ok(Worker {
            name,
            child,
            input,
            output,
            started,
        })
    }

    fn command(&mut self, command: &str) -> Result<String, String> {
        let mut talk = || -> Result<String, Box<dyn Error>> {
            writeln!(self.input.as_mut().ok_or("no pipe")?, "{command}")?;
            let mut line = String::new();
            if self.output.read_line(&mut line)? == 0 {
                return Err("it ended; see above".into());
            }
            Ok(line.trim().to_owned())
        };
        talk().map_err(|error| format!("{}: {command}: {error}", self.name))
    }

    fn numbers<const N: usize>(&mut self, command: &str) -> Result<[f64; N], String> {
        let line = self.command(command)?;
        let numbers: Result<Vec<f64>, _> = line.split(' ').map(str::parse).collect();
        numbers
            .ok()
            .and_then(|numbers| numbers.try_into().ok())
            .ok_or_else(|| format!("{}: {command}: {line}", self.name))
    }

    /// What it is.
    pub fn version(&mut self) -> Result<String, String> {
        self.command("version")
    }

    /// From now on it measures with so many threads, each of which has placed a call.
    pub fn threads(&mut self, count: usize) -> Result<(), String> {
        self.command(&format!("threads {count}")).map(drop)
    }

    /// All threads place calls for so long.
    pub fn run(&mut self, duration: Duration) -> Result<Round, String> {
        self.round(&format!("run {}", duration.as_millis()))
    }

    /// Each thread places so many calls.
    pub fn calls(&mut self, count: u64) -> Result<Round, String> {
        self.round(&format!("calls {count}"))
    }

    fn round(&mut self, command: &str) -> Result<Round, String> {
        let [calls, elapsed, cpu, median, p99] = self.numbers(command)?;
        Ok(Round {
            calls_per_second: calls / (elapsed / 1e9),
            time_per_call: elapsed / calls / 1e9,
            cpu_per_call: cpu / calls / 1e9,
            median: median / 1e9,
            p99: p99 / 1e9,
        })
    }

    /// Two calls on a new handle: the clock before, after the first, and after the second.
    pub fn fresh(&mut self) -> Result<[f64; 3], String> {
        Ok(self.numbers("fresh")?.map(|time: f64| time / 1e9))
    }

    /// So many threads at once place a call over so many handles, which stay open.
    pub fn keep(&mut self, handles: usize, threads: usize) -> Result<(), String> {
        self.command(&format!("keep {handles} {threads}")).map(drop)
    }

    /// How many sockets it has open, and its resident memory in bytes.
    pub fn sockets_and_memory(&self) -> Result<(usize, f64), String> {
        let look = || -> Result<(usize, f64), Box<dyn Error>> {
            let folder = PathBuf::from(format!("/proc/{}", self.child.id()));
            let sockets = fs::read_dir(folder.join("fd"))?
                .filter_map(|entry| fs::read_link(entry.ok()?.path()).ok())
                .filter(|target| target.to_string_lossy().starts_with("socket:"))
                .count();
            let status = fs::read_to_string(folder.join("status"))?;
            let kibibytes: f64 = status
                .lines()
                .find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB"))
                .ok_or("no VmRSS")?
                .parse()?;
            Ok((sockets, kibibytes * 1024.0))
        };
        look().map_err(|error| format!("{}: {error}", self.name))
    }

    /// Ends it, and waits until it has ended, and its wrapper has written what it has to say.
    pub fn finish(mut self) -> Result<(), String> {
        self.input = None;
        let status = self.child.wait().map_err(|error| error.to_string())?;
        if status.success() {
            Ok(())
        } else {
            Err(format!("{}: ended with {status}", self.name))
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // The end of its input ends it, unless it is in the middle of something.
        self.input = None;
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
