//! Files of certificates, as people have them: PEM of many tools, DER, and what they take for it.
//!
//! Not `rustls_pki_types::pem`: it says nothing of the blocks that it does not know (OpenSSL's "TRUSTED
//! CERTIFICATE", PKCS#7), and a certificate that is cut off takes the next one with it.

use std::fmt;
use std::fs::OpenOptions;
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;

use super::der::{self, tag};

/// The largest file, in bytes; the bundles of the systems have some 200 KiB.
const MAX_FILE_SIZE: u64 = 16 * 1024 * 1024;

/// No certificate is that short.
const MIN_CERTIFICATE_LENGTH: usize = 128;

/// How a block of PEM (RFC 7468) begins.
const BEGIN: &[u8] = b"-----BEGIN ";

/// The base64 of PEM. Some tools leave out what fills it up.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// id-kp-serverAuth, and anyExtendedKeyUsage (RFC 5280, 4.2.1.12).
const FOR_SERVERS: [&[u8]; 2] = [&[0x2b, 6, 1, 5, 5, 7, 3, 1], &[0x55, 0x1d, 0x25, 0]];

/// What was in a file.
#[derive(Debug)]
pub struct Contents {
    /// The certificates that can be used, each as a trust anchor.
    pub roots: RootCertStore,
    /// How many others there are.
    pub unusable: usize,
    // Why the first of them cannot be used.
    mistake: Option<String>,
    // What is in it that is no certificate.
    other: Option<String>,
}

/// Reads a regular file with at least one certificate that can be used. Fails with what is wrong with it, and with
/// what to do.
pub fn read(path: &Path) -> Result<Contents, String> {
    parse(&read_bytes(path)?)
}

/// As [`read`], of what is in a file.
pub fn parse(bytes: &[u8]) -> Result<Contents, String> {
    let contents = Contents::parse(bytes);
    if contents.roots.is_empty() {
        return Err(contents.mistake(bytes));
    }
    Ok(contents)
}

/// The contents of a regular file: a FIFO could block for ever, and a device may have no end.
fn read_bytes(path: &Path) -> Result<Vec<u8>, String> {
    let failed = |error: std::io::Error| error.to_string();
    // Opening a FIFO waits for its writer otherwise (open(2)).
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NONBLOCK)
        .open(path)
        .map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    if metadata.is_dir() {
        return Err("a directory; one file with the certificates is needed".to_owned());
    }
    if !metadata.is_file() {
        return Err("not a regular file".to_owned());
    }
    let mut bytes = Vec::new();
    // The size of a file in /proc is 0, whatever is in it.
    file.take(MAX_FILE_SIZE + 1)
        .read_to_end(&mut bytes)
        .map_err(failed)?;
    if bytes.len() as u64 > MAX_FILE_SIZE {
        return Err("larger than 16 MiB".to_owned());
    }
    Ok(bytes)
}

impl Contents {
    fn parse(bytes: &[u8]) -> Contents {
        let mut contents = Contents {
            roots: RootCertStore::empty(),
            unusable: 0,
            mistake: None,
            other: None,
        };
        if find(bytes, BEGIN).is_none() {
            // Several may stand one behind the other.
            for element in der::elements(bytes).take_while(|element| element.tag == tag::SEQUENCE) {
                match kind_of_der(element.contents) {
                    Some(kind) => contents.other = contents.other.or(Some(kind.to_owned())),
                    None if element.contents.len() >= MIN_CERTIFICATE_LENGTH => {
                        contents.add(element.whole);
                    }
                    // Text may look like a short one.
                    None => break,
                }
            }
            return contents;
        }
        for block in Blocks(bytes) {
            let label = String::from_utf8_lossy(block.label);
            match label.as_ref() {
                "CERTIFICATE" | "X509 CERTIFICATE" | "TRUSTED CERTIFICATE" => {}
                _ => {
                    let kind = kind_of_block(&label);
                    contents.other = contents.other.or(Some(kind));
                    continue;
                }
            }
            if !block.has_end {
                contents.unusable(&"it is cut off: it has no -----END line");
                continue;
            }
            let Ok(der) = BASE64.decode(block.base64()) else {
                contents.unusable(&"it is not base64");
                continue;
            };
            // What OpenSSL writes with `x509 -trustout` has its own settings behind the certificate.
            match der::elements(&der).next() {
                Some(certificate) if label.starts_with("TRUSTED") => {
                    match der.get(certificate.whole.len()..) {
                        Some(settings) if !is_for_servers(settings) => {
                            contents.unusable(&"it is marked as not for servers");
                        }
                        _ => contents.add(certificate.whole),
                    }
                }
                _ => contents.add(&der),
            }
        }
        contents
    }

    fn add(&mut self, der: &[u8]) {
        let certificate = CertificateDer::from_slice(der).into_owned();
        let Err(error) = self.roots.add(certificate) else {
            return;
        };
        let kind = der::first(der, tag::SEQUENCE).and_then(|all| kind_of_der(all.contents));
        match (kind, error) {
            (Some(kind), _) => self.unusable(&format_args!("it is {kind}")),
            (None, rustls::Error::InvalidCertificate(error)) => {
                self.unusable(&format_args!("it is damaged ({error})"));
            }
            (None, error) => self.unusable(&error),
        }
    }

    fn unusable(&mut self, mistake: &dyn fmt::Display) {
        self.unusable += 1;
        if self.mistake.is_none() {
            self.mistake = Some(mistake.to_string());
        }
    }

    /// What is wrong with a file without one usable certificate.
    fn mistake(&self, bytes: &[u8]) -> String {
        match (&self.mistake, &self.other) {
            (Some(mistake), _) if self.unusable == 1 => {
                format!("the certificate in it cannot be used: {mistake}")
            }
            (Some(mistake), _) => format!(
                "none of the {} certificates in it can be used; the first: {mistake}",
                self.unusable
            ),
            (None, Some(other)) => format!("no certificate in it, but {other}"),
            (None, None) => format!("no certificate in it{}", what_else(bytes)),
        }
    }
}

/// A block of PEM, from its `-----BEGIN` to its `-----END`, or to the next one's beginning.
struct Block<'a> {
    label: &'a [u8],
    body: &'a [u8],
    has_end: bool,
}

impl Block<'_> {
    /// The body without what separates its lines: also where they were written as `\n`, as in JSON.
    fn base64(&self) -> Vec<u8> {
        let mut base64 = Vec::with_capacity(self.body.len());
        let mut bytes = self.body.iter();
        while let Some(byte) = bytes.next() {
            match byte {
                b'\\' => drop(bytes.next()),
                _ if byte.is_ascii_whitespace() => {}
                _ => base64.push(*byte),
            }
        }
        base64
    }
}

/// The blocks in a text, which may have anything around them, in any encoding that has ASCII in it.
struct Blocks<'a>(&'a [u8]);

impl<'a> Iterator for Blocks<'a> {
    type Item = Block<'a>;

    fn next(&mut self) -> Option<Block<'a>> {
        let start = find(self.0, BEGIN)?;
        let after = self.0.get(start + BEGIN.len()..)?;
        let label_length = after
            .iter()
            .position(|byte| matches!(byte, b'-' | b'\n' | b'\r'))
            .unwrap_or(after.len());
        let (label, after) = after.split_at_checked(label_length)?;
        let dashes = after.iter().take_while(|byte| **byte == b'-').count();
        let after = after.get(dashes..)?;
        let next = find(after, BEGIN).unwrap_or(after.len());
        let (upto_next, _) = after.split_at_checked(next)?;
        let end = find(upto_next, b"-----END ");
        let (body, rest) = after.split_at_checked(end.unwrap_or(next))?;
        self.0 = rest;
        Some(Block {
            label: label.trim_ascii(),
            body,
            has_end: end.is_some(),
        })
    }
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes
        .windows(wanted.len())
        .position(|window| window == wanted)
}

/// Whether OpenSSL's settings (X509_CERT_AUX) let a certificate vouch for servers: as OpenSSL reads them, which
/// refuses what is marked as rejected, and what is marked as trusted for other purposes only.
fn is_for_servers(settings: &[u8]) -> bool {
    if settings.is_empty() {
        return true;
    }
    let Some(settings) = der::first(settings, tag::SEQUENCE) else {
        return false;
    };
    let has_servers = |list: der::Element<'_>| {
        der::elements(list.contents).any(|purpose| FOR_SERVERS.contains(&purpose.contents))
    };
    der::is_whole(settings.contents)
        && der::elements(settings.contents).all(|list| match list.tag {
            tag::SEQUENCE => has_servers(list),
            tag::CONTEXT_0 => der::is_whole(list.contents) && !has_servers(list),
            _ => true,
        })
}

/// What a block of PEM without a certificate is, and what to do with it.
fn kind_of_block(label: &str) -> String {
    let kind = match label {
        _ if label.ends_with("PRIVATE KEY") => {
            "a private key; give the certificate, and keep the key secret"
        }
        "CERTIFICATE REQUEST" | "NEW CERTIFICATE REQUEST" => CERTIFICATE_REQUEST,
        "PKCS7" | "CMS" => PKCS7,
        "X509 CRL" => "a list of revoked certificates",
        _ if label.ends_with("PUBLIC KEY") => "a public key",
        _ => return der::quoted(label),
    };
    kind.to_owned()
}

const CERTIFICATE_REQUEST: &str =
    "a certificate request; give the certificate that an authority makes of it";
const PKCS7: &str = "PKCS#7 (.p7b); convert it: openssl pkcs7 -print_certs -in FILE -out ca.pem \
     (-inform DER where it is binary)";

/// What DER is, by what it begins with, where it is none of certificates.
fn kind_of_der(contents: &[u8]) -> Option<&'static str> {
    let mut fields = der::elements(contents);
    let first = fields.next()?;
    let second = fields.next();
    match (first.tag, second.map(|second| second.tag)) {
        // signedData (RFC 2315, 14).
        (tag::OID, _) => {
            (first.contents == [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 2]).then_some(PKCS7)
        }
        // Version 3, and a ContentInfo (RFC 7292, 4).
        (tag::INTEGER, Some(tag::SEQUENCE)) if first.contents == [3] => {
            Some("PKCS#12 (.p12, .pfx); convert it: openssl pkcs12 -in FILE -nokeys -out ca.pem")
        }
        // PKCS#8, PKCS#1, SEC 1, and an encrypted PKCS#8.
        (tag::INTEGER, Some(tag::SEQUENCE | tag::INTEGER | tag::OCTET_STRING))
        | (tag::SEQUENCE, Some(tag::OCTET_STRING)) => {
            Some("a private key; give the certificate, and keep the key secret")
        }
        // Version 0, and a name (RFC 2986, 4.2). A certificate of version 1 has an algorithm, and an issuer.
        (tag::SEQUENCE, Some(tag::SEQUENCE)) => {
            let mut fields = der::elements(first.contents);
            let is_version_0 = fields
                .next()
                .is_some_and(|field| field.tag == tag::INTEGER && field.contents == [0]);
            let has_name = fields
                .next()
                .and_then(|name| der::elements(name.contents).next());
            let is_request = is_version_0 && has_name.is_none_or(|part| part.tag == tag::SET);
            is_request.then_some(CERTIFICATE_REQUEST)
        }
        _ => None,
    }
}

/// What a file is, by what it begins with, where neither PEM nor DER is in it.
fn what_else(bytes: &[u8]) -> &'static str {
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let text = text.trim_ascii();
    match text {
        [] => ": it is empty",
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] | [b'-', 0, b'-', 0, ..] | [0, b'-', 0, b'-', ..] => {
            ": it is UTF-16; save it as UTF-8, as \"Set-Content -Encoding ascii\" of PowerShell does"
        }
        [b'<', ..] => ": it is a page of HTML or XML, such as the error of a download",
        [0xfe, 0xed, 0xfe, 0xed, ..] => {
            ": it is a Java keystore; convert it: keytool -exportcert -rfc -keystore FILE -alias NAME"
        }
        [b'M', b'I', b'I', ..] => {
            ": it is base64 without its lines -----BEGIN CERTIFICATE----- and -----END CERTIFICATE-----"
        }
        // A longer element of DER than what follows it.
        [0x30, 0x81..=0x84, ..] => ": it is damaged, or cut off",
        _ if text.starts_with(b"version https://git-lfs") => {
            ": it is a pointer of Git LFS; get the file itself: git lfs pull"
        }
        _ => ": it is neither PEM (-----BEGIN CERTIFICATE-----) nor DER",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn certificate() -> (Vec<u8>, String) {
        let key = rcgen::KeyPair::generate().unwrap();
        let params = rcgen::CertificateParams::default();
        let certificate = params.self_signed(&key).unwrap();
        (certificate.der().to_vec(), certificate.pem())
    }

    /// How many certificates of it can be used, and how many cannot.
    fn counts(bytes: &[u8]) -> (usize, usize) {
        let contents = Contents::parse(bytes);
        (contents.roots.len(), contents.unusable)
    }

    #[test]
    #[cfg_attr(miri, ignore = "ring, which makes the key, is not all Rust")]
    fn a_block_that_is_cut_off_does_not_take_the_next_one_with_it() {
        let (_, pem) = certificate();
        let cut = &pem[..pem.len() / 2];
        assert_eq!(counts(cut.as_bytes()), (0, 1));
        assert_eq!(counts(format!("{cut}\n{pem}").as_bytes()), (1, 1));
        assert_eq!(counts(format!("{pem}{cut}").as_bytes()), (1, 1));
    }

    #[test]
    #[cfg_attr(miri, ignore = "ring, which makes the key, is not all Rust")]
    fn every_beginning_of_a_file_is_read_without_a_panic() {
        let (der, pem) = certificate();
        for whole in [der, pem.into_bytes()] {
            for length in 0..whole.len() {
                let contents = Contents::parse(&whole[..length]);
                if contents.roots.is_empty() {
                    assert!(!contents.mistake(&whole[..length]).is_empty());
                }
            }
        }
    }

    #[test]
    fn settings_of_openssl_are_read_as_openssl_reads_them() {
        let oid = |purpose: &[u8]| [&[tag::OID, purpose.len() as u8], purpose].concat();
        let list = |tag: u8, purposes: &[&[u8]]| {
            let all: Vec<u8> = purposes.iter().flat_map(|purpose| oid(purpose)).collect();
            [&[tag, all.len() as u8], &all[..]].concat()
        };
        let settings = |lists: &[Vec<u8>]| {
            let all = lists.concat();
            [&[tag::SEQUENCE, all.len() as u8], &all[..]].concat()
        };
        let servers = FOR_SERVERS[0];
        let any = FOR_SERVERS[1];
        let mail: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 3, 4];
        let trusted = |purposes: &[&[u8]]| list(tag::SEQUENCE, purposes);
        let rejected = |purposes: &[&[u8]]| list(tag::CONTEXT_0, purposes);
        let alias = vec![0x0c, 1, b'x'];
        for (lists, expected) in [
            (vec![], true),
            (vec![alias.clone()], true),
            (vec![trusted(&[servers])], true),
            (vec![trusted(&[mail, servers]), alias], true),
            (vec![trusted(&[any])], true),
            (vec![trusted(&[mail])], false),
            (vec![trusted(&[])], false),
            (vec![rejected(&[servers])], false),
            (vec![rejected(&[any])], false),
            (vec![rejected(&[mail])], true),
            (vec![trusted(&[servers]), rejected(&[servers])], false),
            (vec![trusted(&[servers]), rejected(&[mail])], true),
        ] {
            assert_eq!(is_for_servers(&settings(&lists)), expected, "{lists:?}");
        }
        // What cannot be read to its end may hold a refusal.
        let rejects_mail = rejected(&[mail]);
        let cut = [&[tag::CONTEXT_0, 12], &rejects_mail[2..], &[tag::OID, 8]].concat();
        assert!(!is_for_servers(&settings(&[cut])));
        assert!(!is_for_servers(&settings(&[vec![0x0c, 1, b'x', 0x0c, 5]])));
        assert!(is_for_servers(&[]));
        assert!(!is_for_servers(&[tag::SEQUENCE, 9]));
        assert!(!is_for_servers(b"x"));
    }
}
