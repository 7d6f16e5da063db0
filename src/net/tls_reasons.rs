//! Why TLS failed, in words: what is wrong, and what to do.
//!
//! What stands in a certificate is a stranger's text: it is shown as [`der::quoted`] does.

use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{AlertDescription, CertificateError, InvalidMessage, OtherError, PeerIncompatible};
use time::OffsetDateTime;

use super::der::{self, Certificate};

/// How many of a certificate's names are shown.
const MAX_NAMES: usize = 3;

/// What a server has sent, and what it was compared with.
pub struct Presented<'a> {
    /// Its own certificate.
    pub end_entity: &'a CertificateDer<'a>,
    /// The others that it has sent.
    pub intermediates: &'a [CertificateDer<'a>],
    /// Whom the certificate has to name.
    pub name: &'a ServerName<'a>,
    /// Where the trusted authorities come from, such as `ca_file /etc/ca.pem`.
    pub source: &'a str,
    /// Whether one of the trusted authorities has this key.
    pub is_trusted_key: &'a dyn Fn(&[u8]) -> bool,
}

/// Why a certificate is refused.
pub fn certificate(error: &CertificateError, presented: &Presented<'_>) -> String {
    match error {
        CertificateError::UnknownIssuer => unknown_issuer(presented),
        CertificateError::ExpiredContext { time, not_after } => {
            let whose = presented.with_time(*not_after);
            format!(
                "{whose} expired on {} (notAfter); the server needs a new one, or this machine's clock ({}) is wrong",
                date(*not_after),
                date(*time),
            )
        }
        CertificateError::NotValidYetContext { time, not_before } => {
            let whose = presented.with_time(*not_before);
            format!(
                "{whose} is valid from {} on (notBefore), and this machine's clock says {}: is it right?",
                moment(*not_before),
                moment(*time),
            )
        }
        CertificateError::Expired => {
            "the certificate ends before it begins (notAfter, notBefore); the server needs a new one".to_owned()
        }
        CertificateError::NotValidForNameContext {
            presented: names, ..
        } => other_name(names, &presented.name.to_str()),
        CertificateError::InvalidPurposeContext { .. } | CertificateError::InvalidPurpose => {
            "the certificate is not for servers (extendedKeyUsage has no serverAuth); the server needs another one"
                .to_owned()
        }
        CertificateError::Revoked => "the certificate is revoked; the server needs a new one".to_owned(),
        CertificateError::BadSignature => bad_signature(presented),
        CertificateError::UnsupportedSignatureAlgorithmContext {
            signature_algorithm_id,
            ..
        } => unsupported_algorithm("signature", signature_algorithm_id),
        CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext {
            public_key_algorithm_id,
            ..
        } => unsupported_algorithm("key", public_key_algorithm_id),
        CertificateError::BadEncoding => {
            "a certificate of the server is damaged (no valid DER); the server needs a new one".to_owned()
        }
        CertificateError::Other(OtherError(other)) => {
            match other.downcast_ref::<webpki::Error>() {
                Some(error) => certificate_rule(error, presented),
                None => format!("the certificate is refused: {other}"),
            }
        }
        error => format!("the certificate is refused: {error}"),
    }
}

/// Which rule of X.509 a certificate breaks, where rustls has no error of its own for it.
fn certificate_rule(error: &webpki::Error, presented: &Presented<'_>) -> String {
    use webpki::Error;
    let reason = match error {
        Error::CaUsedAsEndEntity => {
            "the server's certificate is an authority's (CA:TRUE), which cannot serve: with openssl req -x509, add \
             -addext basicConstraints=critical,CA:FALSE"
        }
        Error::EndEntityUsedAsCa => {
            "the certificate is issued by one that is no authority's (CA:FALSE); the server needs another one"
        }
        Error::NameConstraintViolation => {
            "an authority in the chain may not issue certificates for this name (nameConstraints); the server needs \
             another one"
        }
        Error::PathLenConstraintViolated => {
            "an authority in the chain may not have others below it (pathLenConstraint); the server needs another \
             certificate"
        }
        Error::UnsupportedCertVersion => {
            "a certificate of the server is X.509 version 1; version 3 is needed, with subjectAltName \
             (openssl x509 -req: add -extfile)"
        }
        Error::UnsupportedCriticalExtension => {
            return critical_extension(presented);
        }
        Error::EmptyEkuExtension => {
            "the certificate is for nothing (extendedKeyUsage is empty); the server needs another one"
        }
        Error::SignatureAlgorithmMismatch => {
            "a certificate of the server names two different signature algorithms; the server needs a new one"
        }
        Error::MaximumPathDepthExceeded => {
            "the certificate chain has more than 6 intermediate certificates; the server needs a shorter one"
        }
        Error::MaximumSignatureChecksExceeded
        | Error::MaximumPathBuildCallsExceeded
        | Error::MaximumNameConstraintComparisonsExceeded => {
            "the certificate chain takes too long to check: too many certificates have the same names"
        }
        error => {
            return format!(
                "a certificate of the server breaks the rules of X.509 ({error:?}); it needs a new one"
            );
        }
    };
    reason.to_owned()
}

impl Presented<'_> {
    /// Which of the certificates has this time in it.
    fn with_time(&self, time: UnixTime) -> String {
        // UTCTime, and the end of GeneralizedTime (RFC 5280, 4.1.2.5).
        let encoded = utc(time).map(|time| {
            let (year, month, day) = (time.year() % 100, u8::from(time.month()), time.day());
            let (hour, minute, second) = time.to_hms();
            format!("{year:02}{month:02}{day:02}{hour:02}{minute:02}{second:02}Z")
        });
        let has_time = |certificate: &CertificateDer<'_>| {
            encoded.as_ref().is_none_or(|time| {
                certificate
                    .windows(time.len())
                    .any(|window| window == time.as_bytes())
            })
        };
        if has_time(self.end_entity) {
            return "the certificate".to_owned();
        }
        let other = self.intermediates.iter().find(|other| has_time(other));
        match other.and_then(|other| Certificate::parse(other)) {
            Some(other) => format!(
                "the intermediate certificate {}",
                der::name_text(other.subject)
            ),
            None => "an intermediate certificate".to_owned(),
        }
    }
}

fn unknown_issuer(presented: &Presented<'_>) -> String {
    let source = presented.source;
    let Some(server) = Certificate::parse(presented.end_entity) else {
        return format!("the certificate is from an authority that is not in {source}");
    };
    if (presented.is_trusted_key)(server.public_key) {
        return format!(
            "{source} has the server's own certificate; it has to have the certificate of {}, who issued it",
            der::name_text(server.issuer)
        );
    }
    if server.is_self_issued() {
        return format!(
            "the server's certificate {} is self-signed, and not in {source}; if it is the right one, put it there",
            der::name_text(server.subject)
        );
    }
    // Up to the one whose issuer the server has not sent. Each is looked for once: there may be a circle.
    let others: Vec<Certificate<'_>> = presented
        .intermediates
        .iter()
        .filter_map(|der| Certificate::parse(der))
        .collect();
    let mut top = server;
    for _ in &others {
        let issuer = others.iter().find(|other| other.subject == top.issuer);
        match issuer.filter(|_| !top.is_self_issued()) {
            Some(issuer) => top = *issuer,
            None => break,
        }
    }
    let name = der::name_text(top.issuer);
    if others.is_empty() {
        return format!(
            "the certificate is from {name}, which is not in {source}: the server has to send its intermediate \
             certificates, or {name} has to be there"
        );
    }
    format!(
        "the certificate chain leads to {name}, which is not in {source}; if it is the right one (such as that of a \
         proxy that inspects TLS), put it there"
    )
}

fn bad_signature(presented: &Presented<'_>) -> String {
    let source = presented.source;
    match Certificate::parse(presented.end_entity) {
        Some(server)
            if server.is_self_issued() && !(presented.is_trusted_key)(server.public_key) =>
        {
            format!(
                "the server's certificate {} is self-signed, and {source} has another one of this name; if it is the \
                 right one, put it there",
                der::name_text(server.subject)
            )
        }
        _ => format!(
            "a signature in the certificate chain does not fit; {source} may have another authority of the same \
             name, such as an older one, or an RSA key has less than 2048 bits"
        ),
    }
}

fn other_name(names: &[String], host: &str) -> String {
    // As webpki writes them: DnsName("host"), IpAddress(127.0.0.1).
    let mut names: Vec<&str> = names
        .iter()
        .filter_map(|name| {
            let (kind, rest) = name.split_once('(')?;
            let name = rest.strip_suffix(')')?.trim_matches('"');
            matches!(kind, "DnsName" | "IpAddress").then_some(name)
        })
        .collect();
    if names.is_empty() {
        return format!(
            "the certificate names no host, and so not {host}: it needs a subjectAltName (a common name does not \
             count)"
        );
    }
    let more = names.len().saturating_sub(MAX_NAMES);
    names.truncate(MAX_NAMES);
    let mut list: Vec<String> = names.into_iter().map(der::quoted).collect();
    if more > 0 {
        list.push(format!("{more} more"));
    }
    format!(
        "the certificate is for {}, and not for {host}; is that the right host, and the right name for it?",
        list.join(", ")
    )
}

fn unsupported_algorithm(what: &str, algorithm: &[u8]) -> String {
    // The last one of a key is its curve.
    let id = der::elements(algorithm)
        .filter(|part| part.tag == der::tag::OID)
        .last();
    let id = der::oid_text(id.map_or(&[], |id| id.contents));
    let name = match id.as_str() {
        "1.2.840.113549.1.1.4" => "MD5 with RSA",
        "1.2.840.113549.1.1.5" => "SHA-1 with RSA",
        "1.2.840.10045.4.1" => "SHA-1 with ECDSA",
        "1.2.840.10045.4.3.1" => "SHA-224 with ECDSA",
        "1.2.840.10045.4.3.4" => "SHA-512 with ECDSA",
        "1.2.840.10040.4.3" => "SHA-1 with DSA",
        "1.3.101.113" => "Ed448",
        "1.3.132.0.10" => "ECDSA secp256k1",
        "1.3.132.0.33" => "ECDSA P-224",
        "1.3.132.0.35" => "ECDSA P-521",
        id => id,
    };
    format!(
        "a certificate in the chain has a {what} that is not supported ({name}); supported are RSA (2048 bits and \
         more, SHA-256 and up), ECDSA P-256 and P-384, Ed25519"
    )
}

fn critical_extension(presented: &Presented<'_>) -> String {
    // Those that webpki knows: keyUsage, subjectAltName, basicConstraints, nameConstraints,
    // cRLDistributionPoints, extKeyUsage.
    let is_known = |id: &&[u8]| matches!(id, [0x55, 0x1d, 15 | 17 | 19 | 30 | 31 | 37]);
    let unknown = std::iter::once(presented.end_entity)
        .chain(presented.intermediates)
        .filter_map(|der| Certificate::parse(der))
        .flat_map(|certificate| certificate.critical_extensions())
        .find(|id| !is_known(id))
        .map_or_else(String::new, |id| format!(" {}", der::oid_text(id)));
    format!(
        "a certificate of the server has the critical extension{unknown}, which cannot be checked; the server needs \
         one where it is not critical"
    )
}

/// Why a handshake failed, or a session after it, where it was not for the certificate. `header`: the first
/// bytes of the last record.
pub fn session(error: &rustls::Error, header: &[u8]) -> String {
    use rustls::Error;
    match error {
        Error::AlertReceived(alert) => alert_received(*alert),
        Error::InvalidMessage(message) => invalid_message(message, header),
        Error::InvalidCertificate(CertificateError::BadSignature) => {
            "the server has not proved that it has the key of its certificate".to_owned()
        }
        Error::PeerIncompatible(
            PeerIncompatible::ServerDoesNotSupportTls12Or13
            | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig
            | PeerIncompatible::Tls12NotOffered
            | PeerIncompatible::Tls12NotOfferedOrEnabled,
        ) => TOO_OLD.to_owned(),
        Error::PeerIncompatible(what) => {
            format!(
                "the server and this library have no way of TLS in common ({what:?}); update the server"
            )
        }
        Error::PeerMisbehaved(what) => {
            format!("the server breaks the rules of TLS ({what:?})")
        }
        Error::NoCertificatesPresented => "the server has sent no certificate".to_owned(),
        Error::DecryptError | Error::PeerSentOversizedRecord => {
            "what came was changed on its way, or is damaged".to_owned()
        }
        error => error.to_string(),
    }
}

const TOO_OLD: &str = "the server speaks neither TLS 1.2 nor TLS 1.3, and older ones are not secure; update the server";

fn invalid_message(message: &InvalidMessage, header: &[u8]) -> String {
    match header {
        // ChangeCipherSpec to Heartbeat (RFC 8446, 5.1).
        [20..=24, ..] => match message {
            InvalidMessage::CertificatePayloadTooLarge | InvalidMessage::HandshakePayloadTooLarge => {
                "the server's certificate chain is too long (64 KiB); it has to send fewer certificates".to_owned()
            }
            InvalidMessage::UnknownProtocolVersion => TOO_OLD.to_owned(),
            message => format!("the server has sent an invalid TLS message ({message:?})"),
        },
        b"HTTP/" => {
            "the server responded with plain HTTP, and not with TLS; is the port that of https?".to_owned()
        }
        other => format!(
            "the server does not speak TLS on this port: what it sends begins with {}",
            der::quoted(&String::from_utf8_lossy(other))
        ),
    }
}

fn alert_received(alert: AlertDescription) -> String {
    let reason = match alert {
        AlertDescription::HandshakeFailure => {
            "the server refused the handshake (alert handshake_failure): it has no cipher suite of TLS 1.2 or 1.3 in \
             common with this library, or wants a client certificate"
        }
        AlertDescription::InsufficientSecurity => {
            "the server wants other cipher suites than this library has (alert insufficient_security)"
        }
        AlertDescription::ProtocolVersion => {
            "the server speaks neither TLS 1.2 nor TLS 1.3 (alert protocol_version), and older ones are not secure; \
             update the server"
        }
        AlertDescription::UnrecognisedName => {
            "the server does not know the host of this name (alert unrecognized_name); is it the right one?"
        }
        AlertDescription::CertificateRequired | AlertDescription::NoCertificate => {
            "the server wants a client certificate (alert certificate_required), which this library cannot send"
        }
        AlertDescription::BadCertificate
        | AlertDescription::UnsupportedCertificate
        | AlertDescription::CertificateUnknown
        | AlertDescription::UnknownCA
        | AlertDescription::AccessDenied => {
            return format!(
                "the server refused this client (alert {alert:?}); it may want a client certificate, which this \
                 library cannot send"
            );
        }
        AlertDescription::InternalError => {
            "the server failed (alert internal_error); it may not know the host of this name"
        }
        alert => return format!("the server ended the session (alert {alert:?})"),
    };
    reason.to_owned()
}

fn utc(time: UnixTime) -> Option<OffsetDateTime> {
    let seconds = i64::try_from(time.as_secs()).ok()?;
    OffsetDateTime::from_unix_timestamp(seconds).ok()
}

fn date(time: UnixTime) -> String {
    utc(time).map_or_else(|| "(no date)".to_owned(), |time| time.date().to_string())
}

/// A date, and a time of day.
fn moment(time: UnixTime) -> String {
    utc(time).map_or_else(
        || "(no date)".to_owned(),
        |time| {
            format!(
                "{} {:02}:{:02} UTC",
                time.date(),
                time.hour(),
                time.minute()
            )
        },
    )
}
