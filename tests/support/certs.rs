//! Certificates made for the tests: an authority, and servers whose certificates are valid or
//! wrong in one respect.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose,
};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use time::{Duration, OffsetDateTime};

/// The names of a server on loopback.
pub const LOOPBACK: &[&str] = &["localhost", "127.0.0.1", "::1", "gateway.test"];

/// When a certificate is valid.
#[derive(Clone, Copy, Debug)]
pub enum Validity {
    Now,
    Expired,
    NotYet,
}

impl Validity {
    fn window(self) -> (OffsetDateTime, OffsetDateTime) {
        let now = OffsetDateTime::now_utc();
        match self {
            Validity::Now => (now - Duration::days(1), now + Duration::days(1)),
            Validity::Expired => (now - Duration::days(3), now - Duration::days(1)),
            Validity::NotYet => (now + Duration::days(1), now + Duration::days(3)),
        }
    }
}

/// A certificate authority, with its certificate in a PEM file.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    file: PathBuf,
}

impl Authority {
    pub fn new() -> Authority {
        static NUMBER: AtomicUsize = AtomicUsize::new(1);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let mut params = CertificateParams::default();
        params
            .distinguished_name
            .push(DnType::CommonName, format!("Test authority {number}"));
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![
            KeyUsagePurpose::KeyCertSign,
            KeyUsagePurpose::DigitalSignature,
        ];
        let key = KeyPair::generate().expect("a key");
        let issuer = CertifiedIssuer::self_signed(params, key).expect("an authority");
        let file = super::scratch().join(format!("authority-{number}.pem"));
        std::fs::write(&file, issuer.pem()).expect("the authority's file");
        Authority { issuer, file }
    }

    /// The one that the gateways use unless told otherwise.
    pub fn common() -> &'static Authority {
        static COMMON: OnceLock<Authority> = OnceLock::new();
        COMMON.get_or_init(Authority::new)
    }

    /// For `ca_file`.
    pub fn file(&self) -> &Path {
        &self.file
    }

    pub fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// A TLS server with a certificate for these names.
    pub fn server(&self, names: &[&str], validity: Validity) -> Arc<ServerConfig> {
        self.server_with_versions(names, validity, rustls::ALL_VERSIONS)
    }

    /// The same, with these versions of TLS only.
    pub fn server_with_versions(
        &self,
        names: &[&str],
        validity: Validity,
        versions: &[&'static rustls::SupportedProtocolVersion],
    ) -> Arc<ServerConfig> {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).expect("names");
        (params.not_before, params.not_after) = validity.window();
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)
            .expect("versions that ring supports")
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivateKeyDer::Pkcs8(key.serialize_der().into()),
            )
            .expect("a key that fits");
        // A server may send data before the handshake is over (RFC 8446, 4.4.4).
        config.send_half_rtt_data = true;
        Arc::new(config)
    }
}
