//! The clients beside libitnio: programs that make the calls of every group as a programmer would write them.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

use indicatif::ProgressBar;

use crate::campaign::run::Setup;
use crate::support::c::{Build, command};
use crate::support::certs::Authority;
use crate::support::client::{KEY, MAX_ARGUMENT, SECRET};
use crate::support::require::require;
use crate::support::{root, scratch};

#[derive(Clone, Copy, Debug)]
pub enum Program {
    /// One reused easy handle per thread.
    Libcurl,
    /// A new connection for each call.
    LibcurlFresh,
    /// `HttpURLConnection`, with the JDK's defaults.
    Java,
}

/// One call.
pub struct Performed {
    pub callee: String,
    /// What it failed with: the CURLcode or the exception, and what that is in words.
    pub error: Option<String>,
    pub http_status: u32,
    /// Of the response's JSON.
    pub status: Option<String>,
    pub recording_id: Option<String>,
    pub microseconds: u64,
}

/// What a program says of its calls, and that it is.
pub struct Diary {
    pub version: String,
    pub calls: Vec<Performed>,
}

impl Performed {
    fn read(line: &str) -> Performed {
        let fields: Vec<_> = line.splitn(6, '\t').collect();
        let [callee, error, http_status, microseconds, words, response] = fields[..] else {
            panic!("not a line of the diary: {line:?}");
        };
        let response: Option<serde_json::Value> = serde_json::from_str(response).ok();
        let text = |name: &str| match &response.as_ref()?[name] {
            serde_json::Value::String(text) => Some(text.clone()),
            serde_json::Value::Number(number) => Some(number.to_string()),
            _ => None,
        };
        Performed {
            callee: callee.to_owned(),
            error: (error != "0").then(|| format!("{error} {words}")),
            http_status: http_status.parse().expect("an HTTP status"),
            status: text("status"),
            recording_id: text("data"),
            microseconds: microseconds.parse().expect("a number of microseconds"),
        }
    }
}

impl Program {
    /// Whether it can run here; else why not.
    pub fn available(self) -> Result<(), String> {
        match self {
            Program::Java => ["java", "javac"]
                .into_iter()
                .try_for_each(require)
                .map_err(|why| format!("{why} (Debian's default-jdk-headless)")),
            _ => Ok(()),
        }
    }

    fn command(self) -> Command {
        match self {
            Program::Libcurl | Program::LibcurlFresh => {
                let program = Build::with("cc", "c99")
                    .flag("-O2")
                    .flag("-Wl,--no-as-needed")
                    .flag("-lcurl")
                    .compile_path(&root().join("benches/c/campaign_curl.c"));
                command(&program)
            }
            Program::Java => {
                let classes = compile_java(&root().join("benches/java/CampaignJava.java"));
                let mut java = command(Path::new("java"));
                java.arg("-cp").arg(classes).arg("CampaignJava");
                java
            }
        }
    }

    /// Has it make the calls of every group.
    pub fn call_all(self, setup: &Setup, progress: &ProgressBar) -> Diary {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .expect("after 1970")
            .as_secs();
        let mut command = self.command();
        command
            .arg(Authority::common().file())
            .arg(setup.settings.timeout_ms.to_string())
            .args([KEY, &now.to_string()])
            .arg(format!("{:x}", md5::compute(format!("{KEY}{SECRET}{now}"))))
            .args(matches!(self, Program::LibcurlFresh).then_some("fresh"))
            .stdin(File::open(groups_file(setup)).expect("the groups' file"))
            .stdout(Stdio::piped());
        let mut child = command.spawn().expect("the program runs");
        let mut lines = BufReader::new(child.stdout.take().expect("a pipe"))
            .lines()
            .map(|line| line.expect("a diary in UTF-8"));
        let version = lines.next().unwrap_or_default();
        let calls = lines
            .map(|line| Performed::read(&line))
            .inspect(|_| progress.inc(1))
            .collect();
        let status = child.wait().expect("a child to wait for");
        assert!(status.success(), "{command:?}: {status}");
        Diary { version, calls }
    }
}

/// A line for each thread of a program.
fn groups_file(setup: &Setup) -> PathBuf {
    let mut groups = String::new();
    for group in &setup.groups {
        for caller in 0..group.callers {
            let bulk = if group.bulky { MAX_ARGUMENT } else { 0 };
            let (url, prefix) = (setup.url(group), group.prefix(caller));
            writeln!(
                groups,
                "{url}/sendSip {prefix} {} {bulk}",
                group.calls_per_caller
            )
            .expect("room");
        }
    }
    let file = scratch().join("groups");
    std::fs::write(&file, groups).expect("the groups' file");
    file
}

/// Compiles a program in Java; returns the directory of its classes.
fn compile_java(source: &Path) -> PathBuf {
    let classes = scratch().join("classes");
    let status = Command::new("javac")
        .args(["-Xlint:all", "-Werror", "-d"])
        .arg(&classes)
        .arg(source)
        .status()
        .expect("javac runs");
    assert!(status.success(), "{}: {status}", source.display());
    classes
}
