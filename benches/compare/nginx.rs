//! The server: Debian's nginx on a free port of the loopback, which answers every call as documented.

use std::error::Error;
use std::fs;
use std::io::ErrorKind;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, IsCa, KeyPair,
};

use crate::process;

/// The documentation's own response, with a recording ID that no other request gets.
const RESPONSE: &str = r#"{"status":"0","reason":"success","data":"$request_id"}"#;

/// How many bytes of a response a second, while the server is slow: it then takes a few seconds.
const SLOW_RATE: u32 = 100;

/// The running server. It ends with this.
pub struct Nginx {
    child: Child,
    port: u16,
    ca_file: PathBuf,
    slow_file: PathBuf,
    pub version: String,
}

impl Nginx {
    /// Starts it in `directory`, and waits until it listens.
    ///
    /// # Errors
    ///
    /// What is missing, in words for the user.
    pub fn start(directory: &Path) -> Result<Nginx, Box<dyn Error>> {
        let program = find()?;
        let ca_file = make_certificates(directory)?;
        let port = free_port()?;
        let slow_file = directory.join("slow");
        let config = directory.join("nginx.conf");
        fs::write(&config, configuration(directory, port, &slow_file))?;
        let mut command = Command::new(program);
        command
            .args(["-e", "stderr", "-p"])
            .arg(directory)
            .arg("-c")
            .arg(&config)
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        let mut nginx = Nginx {
            version: version(program)?,
            child: process::spawn_bound(&mut command)?,
            port,
            ca_file,
            slow_file,
        };
        nginx.await_listening()?;
        Ok(nginx)
    }

    fn await_listening(&mut self) -> Result<(), Box<dyn Error>> {
        let started = Instant::now();
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            if let Some(status) = self.child.try_wait()? {
                return Err(format!("nginx ended at once: {status}").into());
            }
            if started.elapsed() > Duration::from_secs(10) {
                return Err("nginx does not listen".into());
            }
            thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn ca_file(&self) -> &Path {
        &self.ca_file
    }

    /// Responses that arrive at once, or (`true`) slowly, so that calls overlap.
    pub fn set_slow(&self, slow: bool) -> std::io::Result<()> {
        if slow {
            fs::write(&self.slow_file, "")
        } else {
            fs::remove_file(&self.slow_file)
        }
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // Not SIGKILL: the master process takes its worker with it.
        process::terminate(&mut self.child);
    }
}

fn find() -> Result<&'static str, Box<dyn Error>> {
    // The second is not in everybody's PATH.
    for program in ["nginx", "/usr/sbin/nginx"] {
        match version(program) {
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            found => return Ok(found.map(|_| program)?),
        }
    }
    Err("nginx is not installed (in Debian: nginx-light)".into())
}

fn version(program: &str) -> std::io::Result<String> {
    let output = Command::new(program).arg("-v").output()?;
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    Ok(text.trim().trim_start_matches("nginx version: ").to_owned())
}

fn free_port() -> std::io::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// An authority, and a certificate of its for the server; gives the authority's file.
fn make_certificates(directory: &Path) -> Result<PathBuf, Box<dyn Error>> {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::new(["127.0.0.1".to_owned()])?;
    // OpenSSL takes a certificate whose issuer has its own name for self-signed.
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, "server");
    let server = params.signed_by(&key, &authority)?;
    let ca_file = directory.join("ca.pem");
    fs::write(&ca_file, authority.pem())?;
    fs::write(directory.join("server.pem"), server.pem())?;
    fs::write(directory.join("server.key"), key.serialize_pem())?;
    Ok(ca_file)
}

fn configuration(directory: &Path, port: u16, slow_file: &Path) -> String {
    let directory = directory.display();
    let slow_file = slow_file.display();
    // SAFETY: geteuid takes and touches no memory.
    let is_root = unsafe { libc::geteuid() } == 0;
    // Root's workers would give root up, and then could not look into the directory.
    let user = if is_root { "user root;" } else { "" };
    // One worker, bound to the last processor: on two of them the client always has one for itself.
    let others = thread::available_parallelism().map_or(1, usize::from) - 1;
    let processor = format!("1{}", "0".repeat(others));
    format!(
        r"
daemon off;
{user}
worker_processes 1;
worker_cpu_affinity {processor};
worker_rlimit_nofile 8192;
pid {directory}/nginx.pid;
error_log stderr error;
events {{
    worker_connections 4096;
}}
http {{
    access_log off;
    client_body_temp_path {directory}/body;
    proxy_temp_path {directory}/proxy;
    fastcgi_temp_path {directory}/fastcgi;
    uwsgi_temp_path {directory}/uwsgi;
    scgi_temp_path {directory}/scgi;
    keepalive_requests 1000000000;
    keepalive_timeout 600s;
    server {{
        listen 127.0.0.1:{port} ssl backlog=4096;
        ssl_certificate {directory}/server.pem;
        ssl_certificate_key {directory}/server.key;
        ssl_protocols TLSv1.3;
        default_type 'application/json;charset=UTF-8';
        location = /voice/sendSip {{
            return 200 '{RESPONSE}';
        }}
        # The same, slow while a file is there.
        location = /slow/sendSip {{
            if (-f {slow_file}) {{
                set $limit_rate {SLOW_RATE};
            }}
            return 200 '{RESPONSE}';
        }}
    }}
}}
"
    )
}
