//! rustls's own check of certificates, with words for what it refuses.

use std::cell::Cell;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{DigitallySignedStruct, Error, RootCertStore, SignatureScheme};

use super::tls_reasons::{self, Presented};

thread_local! {
    // rustls's errors have no room for it, and an error of another kind would send the server another alert.
    static REFUSAL: Cell<Option<String>> = const { Cell::new(None) };
}

/// Why this thread's handshake has just refused a certificate.
pub fn take_refusal() -> Option<String> {
    // A call from the destructor of one of the host's own thread locals may come after the end of this one.
    REFUSAL.try_with(Cell::take).ok().flatten()
}

fn note_refusal(reason: String) {
    // Where it is gone by now, the reason is rustls's own.
    let _ = REFUSAL.try_with(|refusal| refusal.set(Some(reason)));
}

/// Accepts and refuses as [`WebPkiServerVerifier`] does, and makes a sentence for [`take_refusal`] of what it
/// refuses.
#[derive(Debug)]
pub struct Verifier {
    webpki: Arc<WebPkiServerVerifier>,
    roots: Arc<RootCertStore>,
    source: String,
}

impl Verifier {
    /// Trusts `roots`, which come from `source`, and are some.
    pub fn new(
        roots: RootCertStore,
        source: String,
        provider: Arc<CryptoProvider>,
    ) -> Result<Verifier, rustls::client::VerifierBuilderError> {
        let roots = Arc::new(roots);
        let webpki =
            WebPkiServerVerifier::builder_with_provider(Arc::clone(&roots), provider).build()?;
        Ok(Verifier {
            webpki,
            roots,
            source,
        })
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verified = self.webpki.verify_server_cert(
            end_entity,
            intermediates,
            server_name,
            ocsp_response,
            now,
        );
        if let Err(Error::InvalidCertificate(error)) = &verified {
            let presented = Presented {
                end_entity,
                intermediates,
                name: server_name,
                source: &self.source,
                is_trusted_key: &|key| {
                    let mut roots = self.roots.roots.iter();
                    roots.any(|root| root.subject_public_key_info.as_ref() == key)
                },
            };
            note_refusal(tls_reasons::certificate(error, &presented));
        }
        verified
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.webpki
            .verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.webpki
            .verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.webpki.supported_verify_schemes()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Sender, channel};
    use std::{panic, thread};

    use super::*;

    /// What a host has in a thread: its destructor places a call.
    struct CallsAtEnd(Sender<bool>);

    impl Drop for CallsAtEnd {
        fn drop(&mut self) {
            let refused = panic::catch_unwind(|| {
                note_refusal("another".to_owned());
                take_refusal()
            });
            let _ = self.0.send(refused.is_ok());
        }
    }

    thread_local! {
        static HOSTS: Cell<Option<CallsAtEnd>> = const { Cell::new(None) };
    }

    #[test]
    fn a_call_at_the_very_end_of_a_thread_does_not_panic() {
        let (sender, receiver) = channel();
        let ended = thread::spawn(move || {
            // Destroyed in reverse order.
            HOSTS.set(Some(CallsAtEnd(sender)));
            note_refusal("one".to_owned());
        });
        ended.join().unwrap();
        assert!(receiver.recv().unwrap());
    }
}
