//! In a program with more rights than its caller the library ignores the environment. The test needs root, and
//! a file system that allows setuid.

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use libtest_mimic::Arguments;
use tempfile::TempDir;

use support::c::{self, Build, Output};
use support::certs::Authority;
use support::gateway::Gateway;
use support::proxy::Proxy;
use support::{library, require};

/// The user that runs the programs: nobody.
const CALLER: u32 = 65534;

fn main() {
    let trials = vec![require::trial_if(
        "a_setuid_program_takes_neither_proxy_nor_root_certificates_from_its_callers_environment",
        || Programs::new().map(drop),
        the_environment_is_ignored,
    )];
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}

fn the_environment_is_ignored() {
    let programs = Programs::new().expect("it worked a moment ago");
    let gateway = Gateway::tls().start();
    let file = programs.directory.path().join("authority.pem");
    fs::write(&file, Authority::common().pem()).expect("the authority's file");
    let directory = programs.directory.path().join("authorities");
    fs::create_dir(&directory).expect("a directory");
    fs::copy(&file, directory.join("authority.pem")).expect("the authority's file");
    for readable in [&directory, &file, &directory.join("authority.pem")] {
        let mode = if readable.is_dir() { 0o755 } else { 0o644 };
        set_mode(readable, mode).expect("its owner's right");
    }

    let no_environment = run(&programs.plain, &gateway, &[]);
    assert!(
        !no_environment.stdout.contains("call: 0"),
        "{no_environment:?}"
    );
    for (proxy_variable, store_variable, store) in [
        ("https_proxy", "SSL_CERT_FILE", &file),
        ("HTTPS_PROXY", "SSL_CERT_DIR", &directory),
        ("all_proxy", "SSL_CERT_FILE", &file),
        ("ALL_PROXY", "SSL_CERT_DIR", &directory),
    ] {
        let proxy = Proxy::to(gateway.address());
        let url = proxy.url();
        let store = store.to_str().expect("UTF-8");
        let environment = [(proxy_variable, url.as_str()), (store_variable, store)];

        let calls = gateway.deliveries().len();
        let output = run(&programs.setuid, &gateway, &environment);
        assert_eq!(output.stderr, "more rights\n");
        assert_eq!(output.stdout, no_environment.stdout, "{environment:?}");
        assert_eq!(proxy.connections(), 0, "{environment:?}");
        assert_eq!(gateway.deliveries().len(), calls, "{environment:?}");

        // Without more rights, the same program uses the environment.
        let output = run(&programs.plain, &gateway, &environment);
        assert_eq!(output.stderr, "the caller's rights\n");
        assert_eq!(output.stdout, "client: 0 \ncall: 0 \n", "{environment:?}");
        assert_eq!(proxy.asked().len(), 1, "{environment:?}");
        assert_eq!(gateway.deliveries().len(), calls + 1, "{environment:?}");
    }
}

#[track_caller]
fn run(program: &Path, gateway: &Gateway, environment: &[(&str, &str)]) -> Output {
    let mut command = run_by_nobody(program);
    command.arg(gateway.url()).envs(environment.iter().copied());
    let output = c::run(command, c::LIMIT);
    output.success();
    output
}

fn run_by_nobody(program: &Path) -> Command {
    let mut command = c::command(program);
    command
        .env_remove("SSL_CERT_FILE")
        .env_remove("SSL_CERT_DIR")
        .current_dir("/")
        .uid(CALLER)
        .gid(CALLER);
    command
}

/// Two copies of one program, with the library, in a directory that everybody can read.
struct Programs {
    directory: TempDir,
    plain: PathBuf,
    setuid: PathBuf,
}

impl Programs {
    /// Or the reason why it is not possible here.
    fn new() -> Result<Programs, String> {
        // SAFETY: geteuid takes nothing and cannot fail.
        if unsafe { libc::geteuid() } != 0 {
            return Err("needs root".to_owned());
        }
        let mut why = String::new();
        for base in [std::env::temp_dir(), PathBuf::from("/var/tmp")] {
            match Programs::below(&base) {
                Ok(programs) => return Ok(programs),
                Err(error) => why += &format!(" {}: {error}.", base.display()),
            }
        }
        Err(format!("needs a directory where setuid works.{why}"))
    }

    fn below(base: &Path) -> Result<Programs, String> {
        let text = |error: std::io::Error| error.to_string();
        let directory = tempfile::Builder::new()
            .prefix("itnio-tests-")
            .permissions(fs::Permissions::from_mode(0o755))
            .tempdir_in(base)
            .map_err(text)?;
        let there = |name: &str| directory.path().join(name);
        let library = there(&library::soname());
        fs::copy(library::path(), &library).map_err(text)?;
        set_mode(&library, 0o755).map_err(text)?;
        let built = Build::c()
            .flag(&format!("-Wl,-rpath,{}", directory.path().display()))
            .compile("setuid.c");
        let programs = Programs {
            plain: there("plain"),
            setuid: there("setuid"),
            directory,
        };
        for (program, mode) in [(&programs.plain, 0o755), (&programs.setuid, 0o4755)] {
            fs::copy(&built, program).map_err(text)?;
            set_mode(program, mode).map_err(text)?;
        }
        let output = run_by_nobody(&programs.setuid).output().map_err(text)?;
        match String::from_utf8_lossy(&output.stderr).trim() {
            "more rights" => Ok(programs),
            said => Err(format!(
                "a setuid program ends with {}: {said}",
                output.status
            )),
        }
    }
}

fn set_mode(path: &Path, mode: u32) -> std::io::Result<()> {
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
}
