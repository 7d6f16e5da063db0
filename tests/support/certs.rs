//! Certificates made for the tests: an authority, and servers whose certificates are valid or
//! wrong in one respect.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, IsCa, KeyPair,
    KeyUsagePurpose,
};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
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
        Authority::with(|_| ())
    }

    /// With something else than usual in its certificate, which it has signed itself.
    pub fn with(change: impl FnOnce(&mut CertificateParams)) -> Authority {
        Authority::make(change, |params, key| {
            CertifiedIssuer::self_signed(params, key).expect("an authority")
        })
    }

    /// An intermediate authority, whose certificate this one has signed.
    pub fn below(&self, change: impl FnOnce(&mut CertificateParams)) -> Authority {
        Authority::make(change, |params, key| {
            CertifiedIssuer::signed_by(params, key, &self.issuer).expect("an authority")
        })
    }

    fn make(
        change: impl FnOnce(&mut CertificateParams),
        sign: impl FnOnce(CertificateParams, KeyPair) -> CertifiedIssuer<'static, KeyPair>,
    ) -> Authority {
        static NUMBER: AtomicUsize = AtomicUsize::new(1);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params
            .distinguished_name
            .push(DnType::CommonName, format!("Test authority {number}"));
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![
            KeyUsagePurpose::KeyCertSign,
            KeyUsagePurpose::DigitalSignature,
        ];
        change(&mut params);
        let issuer = sign(params, KeyPair::generate().expect("a key"));
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

    pub fn der(&self) -> CertificateDer<'static> {
        self.issuer.der().clone()
    }

    /// A certificate for these names, with something else than usual in it, and its key.
    pub fn certificate(
        &self,
        names: &[&str],
        change: impl FnOnce(&mut CertificateParams),
    ) -> (CertificateDer<'static>, KeyPair) {
        let params = end_entity(names, change);
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        (certificate.der().clone(), key)
    }

    /// A certificate for these names and this key.
    pub fn sign(&self, names: &[&str], key: &KeyPair) -> CertificateDer<'static> {
        let certificate = end_entity(names, |_| ()).signed_by(key, &self.issuer);
        certificate.expect("a certificate").der().clone()
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
        let mut params = end_entity(names, |_| ());
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

fn end_entity(names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> CertificateParams {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names).expect("names");
    change(&mut params);
    params
}

/// A certificate that its own key has signed, and that key.
pub fn self_signed(
    names: &[&str],
    change: impl FnOnce(&mut CertificateParams),
) -> (rcgen::Certificate, KeyPair) {
    let key = KeyPair::generate().expect("a key");
    let certificate = end_entity(names, change).self_signed(&key);
    (certificate.expect("a certificate"), key)
}

/// A TLS server that sends these certificates, whatever is wrong with them.
pub fn serve(chain: Vec<CertificateDer<'static>>, key: &KeyPair) -> Arc<ServerConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
    let key = provider.key_provider.load_private_key(key).expect("a key");
    let certified = rustls::sign::CertifiedKey::new(chain, key);
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions that ring supports")
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(rustls::sign::SingleCertAndKey::from(certified)));
    Arc::new(config)
}
