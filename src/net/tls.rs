//! TLS settings: which certificates are trusted, and which sessions are resumed.

use std::env;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use rustls::client::Resumption;
use rustls::crypto::ring;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, RootCertStore};

use super::certificate_file;
use super::session::TlsSession;
use super::verifier::Verifier;
use crate::error::{Error, NotSent};
use crate::sys;

/// How many TLS sessions are remembered for resumption.
const SESSION_CACHE_SIZE: usize = 32;

/// Where OpenSSL, and others after it, look for the system's authorities instead.
const CERT_FILE_VARIABLE: &str = "SSL_CERT_FILE";
const CERT_DIR_VARIABLE: &str = "SSL_CERT_DIR";

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
        let failed = |error: &dyn fmt::Display| Error::new(NotSent::Tls, error.to_string());
        let (roots, source) = match ca_file {
            Some(path) => load_ca_file(path)?,
            None => load_system_roots()?,
        };
        let verifier =
            Verifier::new(roots, source, Arc::clone(&provider)).map_err(|error| failed(&error))?;
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| failed(&error))?
            // Not so: it decides as rustls's own does. This is how rustls calls any but that.
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier));
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

/// The authorities in `ca_file`, and how to call them.
fn load_ca_file(path: &str) -> Result<(RootCertStore, String), Error> {
    if path.is_empty() {
        return Err(Error::invalid("ca_file", "empty"));
    }
    let contents = certificate_file::read(Path::new(path))
        .map_err(|mistake| Error::invalid("ca_file", format_args!("{path}: {mistake}")))?;
    let mut source = format!("ca_file {path}");
    if contents.unusable > 0 {
        let count = contents.unusable + contents.roots.len();
        source += &format!(
            " ({} of its {count} certificates cannot be used)",
            contents.unusable
        );
    }
    Ok((contents.roots, source))
}

/// The system's authorities, and how to call them. The environment says where they are, as with OpenSSL; an
/// empty variable says nothing.
fn load_system_roots() -> Result<(RootCertStore, String), Error> {
    let mut roots = RootCertStore::empty();
    let mut places = Vec::new();
    let mut mistakes = Vec::new();
    if !sys::is_secure_execution() {
        let variable = |name| env::var_os(name).filter(|value| !value.is_empty());
        if let Some(file) = variable(CERT_FILE_VARIABLE) {
            let place = format!("{CERT_FILE_VARIABLE}={}", Path::new(&file).display());
            match certificate_file::read(Path::new(&file)) {
                Ok(contents) => roots = contents.roots,
                Err(mistake) => mistakes.push(format!("{place}: {mistake}")),
            }
            places.push(place);
        }
        if let Some(directories) = variable(CERT_DIR_VARIABLE) {
            let place = format!("{CERT_DIR_VARIABLE}={}", Path::new(&directories).display());
            add_directories(&mut roots, env::split_paths(&directories));
            mistakes.push(format!("{place}: no certificate in PEM in it"));
            places.push(place);
        }
    }
    let mut source = "the system's trust store".to_owned();
    if places.is_empty() {
        load_default_roots(&mut roots);
        mistakes.push(
            "no certificate found; install the system's package of them (ca-certificates), or set ca_file"
                .to_owned(),
        );
    } else {
        source += &format!(" ({})", places.join(", "));
    }
    if roots.is_empty() {
        let why = mistakes.join("; ");
        let reason = format!("the system's trust store cannot be used: {why}");
        return Err(Error::new(NotSent::Tls, reason));
    }
    Ok((roots, source))
}

/// All that is where systems keep their authorities.
fn load_default_roots(roots: &mut RootCertStore) {
    let is_set = |name| env::var_os(name).is_some();
    if sys::is_secure_execution() || is_set(CERT_FILE_VARIABLE) || is_set(CERT_DIR_VARIABLE) {
        add_directories(roots, openssl_probe::candidate_cert_dirs());
    } else {
        // It reads the environment, too, and takes an empty variable for a file.
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    }
}

/// A file that cannot be used does not keep the others from it.
fn add_directories(roots: &mut RootCertStore, directories: impl Iterator<Item = impl AsRef<Path>>) {
    for directory in directories.filter(|directory| !directory.as_ref().as_os_str().is_empty()) {
        let found = rustls_native_certs::load_certs_from_paths(None, Some(directory.as_ref()));
        roots.add_parsable_certificates(found.certs);
    }
}
