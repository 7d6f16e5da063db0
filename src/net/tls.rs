//! TLS settings: which certificates are trusted, and which sessions are resumed.

use std::fmt;
use std::fs::OpenOptions;
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::sync::Arc;

use rustls::client::Resumption;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore};

use super::session::TlsSession;
use crate::error::{Error, NotSent};
use crate::sys;

/// How many TLS sessions are remembered for resumption.
const SESSION_CACHE_SIZE: usize = 32;

/// The largest `ca_file`, in bytes; the bundles of the systems have some 200 KiB.
const MAX_CA_FILE_SIZE: u64 = 16 * 1024 * 1024;

/// TLS to one host.
#[derive(Clone)]
pub struct TlsConfig {
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
}

impl TlsConfig {
    /// For `host`, whose certificate has to come from an authority in `ca_file`, or in the system's trust
    /// store.
    /// Errors: a host that no certificate can name; a `ca_file` that cannot be read or holds no
    /// certificate; a system without a trust store.
    pub fn new(host: &str, ca_file: Option<&str>) -> Result<TlsConfig, Error> {
        let name = ServerName::try_from(host.to_owned())
            .map_err(|_| Error::invalid("base_url", "the host is no valid name"))?;
        let provider = Arc::new(ring::default_provider());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| Error::new(NotSent::Tls, error.to_string()))?;
        let config = match ca_file {
            Some(path) => builder.with_root_certificates(load_root_certs(path)?),
            // The verifier below reads the environment.
            None if sys::is_secure_execution() => {
                builder.with_root_certificates(load_system_root_certs()?)
            }
            None => {
                let verifier = rustls_platform_verifier::Verifier::new(provider)
                    .map_err(|error| no_trust_store(&error))?;
                builder
                    // Not so: this is how rustls calls any verifier but its own.
                    .dangerous()
                    .with_custom_certificate_verifier(Arc::new(verifier))
            }
        };
        Ok(TlsConfig {
            config: Arc::new(config.with_no_client_auth()),
            name,
        }
        .with_new_session_cache())
    }

    /// For tests that make no connection.
    #[cfg(test)]
    pub fn without_authorities(host: &str) -> TlsConfig {
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(RootCertStore::empty())
            .with_no_client_auth();
        TlsConfig {
            config: Arc::new(config),
            name: ServerName::try_from(host.to_owned()).unwrap(),
        }
    }

    /// The same authorities, for another host; `None` where no certificate can name it.
    pub fn for_host(&self, host: &str) -> Option<TlsConfig> {
        let name = ServerName::try_from(host.to_owned()).ok()?;
        let config = Arc::clone(&self.config);
        Some(TlsConfig { config, name }.with_new_session_cache())
    }

    /// The same, without the sessions remembered so far and without the lock that guards them: what
    /// a forked child needs.
    pub fn with_new_session_cache(&self) -> TlsConfig {
        let mut config = ClientConfig::clone(&self.config);
        config.resumption = Resumption::in_memory_sessions(SESSION_CACHE_SIZE);
        TlsConfig {
            config: Arc::new(config),
            name: self.name.clone(),
        }
    }

    /// A new TLS session, before its handshake.
    pub fn start_session(&self) -> Result<TlsSession, Error> {
        let mut session = ClientConnection::new(Arc::clone(&self.config), self.name.clone())
            .map_err(|error| Error::new(NotSent::Tls, error.to_string()))?;
        // A request goes out in one write, however long it is.
        session.set_buffer_limit(None);
        Ok(TlsSession::new(session))
    }
}

fn load_root_certs(path: &str) -> Result<RootCertStore, Error> {
    if path.is_empty() {
        return Err(Error::invalid("ca_file", "empty"));
    }
    let invalid =
        |mistake: &dyn fmt::Display| Error::invalid("ca_file", format_args!("{path}: {mistake}"));
    let pem = read_ca_file(path).map_err(|error| invalid(&error))?;
    let mut store = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&pem) {
        let certificate = certificate.map_err(|error| invalid(&error))?;
        store
            .add(certificate)
            .map_err(|error| invalid(&format_args!("not a CA certificate: {error}")))?;
    }
    if store.is_empty() {
        return Err(invalid(&"no certificate in PEM in it"));
    }
    Ok(store)
}

/// The contents of a regular file: a FIFO could block for ever, and a device may have no end.
fn read_ca_file(path: &str) -> io::Result<Vec<u8>> {
    // Opening a FIFO waits for its writer otherwise (open(2)).
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NONBLOCK)
        .open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("not a regular file"));
    }
    let mut contents = Vec::new();
    // The size of a file in /proc is 0, whatever is in it.
    file.take(MAX_CA_FILE_SIZE + 1).read_to_end(&mut contents)?;
    if contents.len() as u64 > MAX_CA_FILE_SIZE {
        return Err(io::Error::other("larger than 16 MiB"));
    }
    Ok(contents)
}

/// The system's, whatever the environment says: all that is in the directories where systems keep them.
fn load_system_root_certs() -> Result<RootCertStore, Error> {
    let mut store = RootCertStore::empty();
    for directory in openssl_probe::candidate_cert_dirs() {
        let found = rustls_native_certs::load_certs_from_paths(None, Some(directory));
        // A file that cannot be used does not keep the others from it.
        store.add_parsable_certificates(found.certs);
    }
    if store.is_empty() {
        return Err(no_trust_store(&"no certificate found"));
    }
    Ok(store)
}

fn no_trust_store(why: &dyn fmt::Display) -> Error {
    let reason = format!("the system's trust store cannot be used: {why}");
    Error::new(NotSent::Tls, reason)
}
