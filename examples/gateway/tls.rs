//! The certificate authority that lives as long as the process, and the file it is handed out in.

use std::error::Error;
use std::fs::{self, File, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose,
};
use time::{Duration, OffsetDateTime};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

/// The names that the server's certificate holds for.
const NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// The first line of each CA file, by which the gateway knows its own.
const MARK: &str = "# The CA of an itnio sandbox gateway. Trust it for tests only.\n";

/// A server's certificate and the CA that signed it.
pub struct Identity {
    /// Speaks TLS as that server.
    pub acceptor: TlsAcceptor,
    /// What a client has to trust, as PEM.
    pub ca_pem: String,
}

impl Identity {
    /// Makes a new CA and has it sign one certificate. The CA's key is gone when this returns.
    pub fn generate() -> Result<Self, Box<dyn Error>> {
        let mut ca = lasting(CertificateParams::default(), "itnio sandbox CA");
        ca.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        ca.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let ca = CertifiedIssuer::self_signed(ca, KeyPair::generate()?)?;

        let key = KeyPair::generate()?;
        let mut server = lasting(
            CertificateParams::new(NAMES.map(String::from))?,
            "itnio sandbox",
        );
        server.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        server.use_authority_key_identifier_extension = true;
        let certificate = server.signed_by(&key, &ca)?;

        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let mut config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self {
            acceptor: TlsAcceptor::from(Arc::new(config)),
            ca_pem: format!("{MARK}{}", ca.pem()),
        })
    }
}

/// Valid from two days ago, for clients with a slow clock, and for a year.
fn lasting(mut params: CertificateParams, name: &str) -> CertificateParams {
    let now = OffsetDateTime::now_utc();
    params.not_before = now - Duration::days(2);
    params.not_after = now + Duration::days(365);
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params
}

/// The CA's certificate in a file, removed again when this is dropped.
pub struct CaFile {
    path: PathBuf,
    pem: String,
}

impl CaFile {
    /// Writes `pem` to `path`, in place of an empty file or of another gateway's, and of nothing
    /// else: a wrong path must not overwrite somebody's key.
    pub fn write(path: &Path, pem: String) -> Result<Self, String> {
        let fail = |error: &dyn std::fmt::Display| {
            format!(
                "cannot write the CA file {}: {error}; see --ca-file",
                path.display()
            )
        };
        let path = std::path::absolute(path).map_err(|error| fail(&error))?;
        if !may_replace(&path).map_err(|error| fail(&error))? {
            return Err(fail(&"it exists and is not a sandbox's CA"));
        }
        replace(&path, &pem).map_err(|error| fail(&error))?;
        Ok(Self { path, pem })
    }

    /// Where it is, as an absolute path.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for CaFile {
    fn drop(&mut self) {
        // Another gateway may have written its own there since; that one stays.
        if fs::read_to_string(&self.path).is_ok_and(|pem| pem == self.pem) {
            // A file that cannot be removed does no harm: its key exists no more.
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn may_replace(path: &Path) -> io::Result<bool> {
    match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
        Err(error) => Err(error),
        Ok(metadata) if !metadata.is_file() => Ok(false),
        Ok(_) => {
            let mut start = Vec::new();
            File::open(path)?
                .take(MARK.len() as u64)
                .read_to_end(&mut start)?;
            Ok(start.is_empty() || start == MARK.as_bytes())
        }
    }
}

/// Puts the file there in one step, so that half of it can never be read.
fn replace(path: &Path, pem: &str) -> io::Result<()> {
    let directory = path.parent().unwrap_or(Path::new("/"));
    let mut file = tempfile::Builder::new()
        .permissions(Permissions::from_mode(0o644))
        .tempfile_in(directory)
        // The whole error would name a temporary file, which the user does not know.
        .map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => io::Error::other("its directory does not exist"),
            kind => kind.into(),
        })?;
    file.write_all(pem.as_bytes())?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}
