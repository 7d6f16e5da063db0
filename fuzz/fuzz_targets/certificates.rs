//! Any bytes as a file of certificates: no panic; a certificate that a second reader finds in it is found, and is
//! found behind anything else, too; and a file without one is refused with a plain sentence.
//!
//! An input is a byte that says what the rest is, and the rest:
//!
//! | byte modulo 4 | the rest |
//! | --- | --- |
//! | 0, 1 | the file |
//! | 2 | a certificate in DER, which is put into a block of PEM |
//! | 3 | the same, in a block of OpenSSL's: with settings behind the certificate |
#![no_main]

mod unicode;

use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use itnio::net::certificate_file::{Contents, parse};
use libfuzzer_sys::fuzz_target;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, TrustAnchor};
use unicode::has_hidden;
use webpki::anchor_from_trusted_cert;

/// A certificate that can be used, of whoever.
const KNOWN: &str = "\
-----BEGIN CERTIFICATE-----
MIIBcTCCARegAwIBAgIUBIbrCa5F/XCK4yrnoR0p1PTu4XAwCgYIKoZIzj0EAwIw
DTELMAkGA1UEAwwCY2EwIBcNMjYxMTI1MTgzOTU3WhgPMjEyNjExMDExODM5NTda
MA0xCzAJBgNVBAMMAmNhMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAErRnoB0Al
0ns47zQ3/CDsU4OGMIvNWagr8bceJPPR4sYfaFiWFqt+KdvKmAHdkOSJZnLOfE2E
YGLgi+xdQOW1n6NTMFEwHQYDVR0OBBYEFNJOTHWdIGM/ijLQXvgCNTzGoBCCMB8G
A1UdIwQYMBaAFNJOTHWdIGM/ijLQXvgCNTzGoBCCMA8GA1UdEwEB/wQFMAMBAf8w
CgYIKoZIzj0EAwIDSAAwRQIgVjTyqENnzMYwG+VElcre2HO4VBGXaumlGhRJTq/X
mVkCIQC3QOrIKGUPcEKtn+seLvUlrCtcOEHxgOnHdgsmoEVQmQ==
-----END CERTIFICATE-----
";

static KNOWN_ANCHOR: LazyLock<TrustAnchor<'static>> = LazyLock::new(|| {
    let certificate = CertificateDer::from_pem_slice(KNOWN.as_bytes()).expect("PEM");
    anchor_of(&certificate).expect("a certificate")
});

/// What a certificate is as a trust anchor, if it is one.
fn anchor_of(der: &[u8]) -> Option<TrustAnchor<'static>> {
    let certificate = CertificateDer::from_slice(der);
    let anchor = anchor_from_trusted_cert(&certificate).ok()?;
    Some(anchor.to_owned())
}

fn block(label: &str, der: &[u8]) -> Vec<u8> {
    let base64 = STANDARD.encode(der);
    format!("-----BEGIN {label}-----\n{base64}\n-----END {label}-----\n").into_bytes()
}

fuzz_target!(|input: &[u8]| {
    let Some((kind, rest)) = input.split_first() else {
        return;
    };
    match kind % 4 {
        0 | 1 => check_file(rest),
        2 => {
            let roots = check(&block("CERTIFICATE", rest));
            assert_eq!(roots, Vec::from_iter(anchor_of(rest)));
        }
        _ => {
            let roots = check(&block("TRUSTED CERTIFICATE", rest));
            assert!(roots.len() <= 1);
            // The settings can only take away.
            if let Some(anchor) = anchor_of(rest) {
                assert_eq!(roots, [anchor]);
            }
        }
    }
});

fn check_file(file: &[u8]) {
    let roots = check(file);
    let certificates = CertificateDer::pem_slice_iter(file).map_while(Result::ok);
    for anchor in certificates.filter_map(|der| anchor_of(&der)) {
        assert!(roots.contains(&anchor), "{anchor:?} is not among {roots:?}");
    }
    let known_behind = [file, b"\n", KNOWN.as_bytes()].concat();
    assert_eq!(check(&known_behind).last(), Some(&*KNOWN_ANCHOR));
    let known_before = [KNOWN.as_bytes(), file].concat();
    assert_eq!(check(&known_before).first(), Some(&*KNOWN_ANCHOR));
}

/// Checks what holds for every file, and gives its certificates.
fn check(file: &[u8]) -> Vec<TrustAnchor<'static>> {
    match parse(file) {
        Ok(Contents { roots, .. }) => {
            assert!(!roots.is_empty());
            roots.roots
        }
        Err(sentence) => {
            assert!(!sentence.is_empty());
            assert!(sentence.len() < 512, "{sentence}");
            assert!(!has_hidden(&sentence), "{sentence:?}");
            Vec::new()
        }
    }
}
