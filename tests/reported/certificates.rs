//! Certificates and the files that hold them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, GeneralSubtree, IsCa, KeyPair, NameConstraints,
};
use rustls::ServerConfig;
use rustls::pki_types::CertificateDer;
use rustls::server::WebPkiClientVerifier;
use time::{Duration, OffsetDateTime};

use crate::support::c::{self, Build};
use crate::support::certs::{self, Authority, LOOPBACK, Validity};
use crate::support::client::*;
use crate::support::gateway::{Gateway, Opening, Step};
use crate::support::scratch;

/// The longest reason, in characters, without the file and the host that it names.
const MAX_REASON: usize = 250;

/// A file of its own, whatever other tests write.
fn write(name: &str, content: impl AsRef<[u8]>) -> PathBuf {
    static NUMBER: AtomicUsize = AtomicUsize::new(1);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let path = scratch().join(format!("{number}-{name}"));
    fs::write(&path, content).expect("a file");
    path
}

fn common_name(name: &str) -> DistinguishedName {
    let mut names = DistinguishedName::new();
    names.push(DnType::CommonName, name);
    names
}

/// A certificate as OpenSSL's command-line tool shows and writes it, without its lines' ends.
fn base64_of(der: &[u8]) -> String {
    BASE64_STANDARD.encode(der)
}

fn pem(label: &str, der: &[u8]) -> String {
    let base64 = base64_of(der);
    let lines: Vec<_> = base64
        .as_bytes()
        .chunks(64)
        .map(|line| String::from_utf8_lossy(line))
        .collect();
    format!(
        "-----BEGIN {label}-----\n{}\n-----END {label}-----\n",
        lines.join("\n")
    )
}

/// An element of DER.
fn der(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let contents = parts.concat();
    let length = u16::try_from(contents.len()).expect("a short element");
    let [high, low] = length.to_be_bytes();
    let header = match length {
        0..0x80 => vec![tag, low],
        0x80..0x100 => vec![tag, 0x81, low],
        _ => vec![tag, 0x82, high, low],
    };
    [header, contents].concat()
}

/// The elements in an element.
fn children(der: &[u8]) -> Vec<&[u8]> {
    let header = |der: &[u8]| match der[1] {
        0x81 => (3, usize::from(der[2])),
        0x82 => (4, usize::from(der[2]) << 8 | usize::from(der[3])),
        length => (2, usize::from(length)),
    };
    let mut rest = &der[header(der).0..];
    let mut children = Vec::new();
    while !rest.is_empty() {
        let (start, length) = header(rest);
        children.push(&rest[..start + length]);
        rest = &rest[start + length..];
    }
    children
}

/// The certificate as one of version 1, which has neither a version nor extensions.
fn version_1(certificate: &[u8]) -> Vec<u8> {
    let parts = children(certificate);
    let fields: Vec<_> = children(parts[0])
        .into_iter()
        .filter(|field| !matches!(field[0], 0xa0 | 0xa3))
        .collect();
    der(0x30, &[&der(0x30, &fields), parts[1], parts[2]])
}

/// The bytes with each `from` in them changed.
fn replaced(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let mut changed = bytes.to_vec();
    let mut found = 0;
    for at in 0..=bytes.len() - from.len() {
        if bytes[at..].starts_with(from) {
            changed[at..at + to.len()].copy_from_slice(to);
            found += 1;
        }
    }
    assert!(found > 0);
    changed
}

/// What OpenSSL writes behind a certificate with `x509 -trustout -addtrust` or `-addreject`.
fn with_settings(certificate: &[u8], tag: u8, purpose: u8) -> Vec<u8> {
    let purpose = der(6, &[&[0x2b, 6, 1, 5, 5, 7, 3, purpose]]);
    let settings = der(0x30, &[&der(tag, &[&purpose]), &der(0x0c, &[b"an alias"])]);
    [certificate, &settings].concat()
}

const SERVER_AUTH: u8 = 1;
const EMAIL_PROTECTION: u8 = 4;
const TRUSTED: u8 = 0x30;
const REJECTED: u8 = 0xa0;

/// A call to a server with this certificate.
fn call(server: &Arc<ServerConfig>, ca_file: &Path) -> Reply {
    let gateway = Gateway::tls().certificate(Arc::clone(server)).start();
    let client = Client::new(&gateway.config().ca_file(ca_file)).expect("a client");
    let reply = client.call("7000001");
    drop(client);
    let requests = gateway.finish().len();
    assert_eq!(requests, usize::from(reply.result == OK), "{reply:?}");
    reply
}

/// The same by a program that trusts what SSL_CERT_FILE names; its line.
fn call_with_system_store(server: &Arc<ServerConfig>, environment: &[(&str, &Path)]) -> String {
    let gateway = Gateway::tls().certificate(Arc::clone(server)).start();
    let mut command = c::command(&Build::c().compile("call.c"));
    command
        .env_remove("SSL_CERT_FILE")
        .env_remove("SSL_CERT_DIR");
    command.envs(environment.iter().copied());
    command.args(["--url", &gateway.url(), "--proxy", "", "7000001"]);
    let output = c::run(command, c::LIMIT);
    let line = output.success().to_owned();
    let requests = gateway.finish().len();
    assert_eq!(
        requests,
        usize::from(line.starts_with("result=0 ")),
        "{line}"
    );
    line
}

/// Fails the test unless the reason says all of `says`, and is short and names host and source.
#[track_caller]
fn check_reason(what: &str, reason: &str, source: &str, says: &[&str]) {
    for part in says {
        assert!(reason.contains(part), "{what}: no {part:?} in {reason:?}");
    }
    assert!(reason.starts_with("127.0.0.1:"), "{what}: {reason:?}");
    let own = reason.replace(source, "");
    assert!(
        own.chars().count() <= MAX_REASON,
        "{what}: {} characters: {reason:?}",
        own.len()
    );
    for debug in ["Error(", "InvalidCertificate", "{", "UnknownIssuer"] {
        assert!(!reason.contains(debug), "{what}: {reason:?}");
    }
}

struct Wrong {
    what: &'static str,
    server: Arc<ServerConfig>,
    ca_file: PathBuf,
    says: Vec<String>,
}

fn day(time: OffsetDateTime) -> String {
    time.date().to_string()
}

/// Servers whose certificates are wrong, each in one respect.
fn wrong_certificates() -> Vec<Wrong> {
    let authority = Authority::new();
    let now = OffsetDateTime::now_utc();
    let mut wrong = Vec::new();
    let mut add = |what, server, ca_file: &Path, says: &[&str]| {
        wrong.push(Wrong {
            what,
            server,
            ca_file: ca_file.to_owned(),
            says: says.iter().map(|part| (*part).to_owned()).collect(),
        });
    };
    let by = |change: fn(&mut CertificateParams)| {
        let (certificate, key) = authority.certificate(LOOPBACK, change);
        certs::serve(vec![certificate], &key)
    };
    let file = authority.file();

    // Whom they come from.
    let root = Authority::with(|params| {
        params.distinguished_name = common_name("Corp \"Root\" \u{202e}1\n")
    });
    let middle = root.below(|params| params.distinguished_name = common_name("Corp Middle"));
    let (certificate, key) = middle.certificate(LOOPBACK, |_| ());
    let alone = certs::serve(vec![certificate.clone()], &key);
    let chain = certs::serve(vec![certificate.clone(), middle.der()], &key);
    let whole = certs::serve(vec![certificate.clone(), middle.der(), root.der()], &key);
    add(
        "no intermediate",
        Arc::clone(&alone),
        root.file(),
        &[
            "from \"Corp Middle\", which is not in",
            "has to send its intermediate certificates",
        ],
    );
    let hint = "a proxy that inspects TLS";
    add(
        "another authority",
        chain,
        file,
        &["leads to \"Corp 'Root' 1\", which is not in", hint],
    );
    add(
        "another root, sent too",
        whole,
        file,
        &["leads to \"Corp 'Root' 1\", which is not in", hint],
    );
    add(
        "the certificate itself",
        alone,
        &write("itself.pem", pem("CERTIFICATE", &certificate)),
        &[
            "has the server's own certificate",
            "of \"Corp Middle\", who issued it",
        ],
    );
    let (own, key) = certs::self_signed(LOOPBACK, |_| ());
    let server = certs::serve(vec![own.der().clone()], &key);
    add(
        "self-signed",
        Arc::clone(&server),
        file,
        &["is self-signed, and not in"],
    );
    // As `openssl req -x509` makes it.
    let (own, key) = certs::self_signed(LOOPBACK, |params| {
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    });
    let server = certs::serve(vec![own.der().clone()], &key);
    add(
        "openssl req -x509",
        server,
        &write("req-x509.pem", own.pem()),
        &[
            "is an authority's (CA:TRUE)",
            "-addext basicConstraints=critical,CA:FALSE",
        ],
    );
    let same_name =
        |params: &mut CertificateParams| params.distinguished_name = common_name("Same");
    let (old, new) = (Authority::with(same_name), Authority::with(same_name));
    add(
        "a renewed authority",
        new.server(LOOPBACK, Validity::Now),
        old.file(),
        &["does not fit", "another authority of the same name"],
    );
    let own = |params: &mut CertificateParams| {
        params.distinguished_name = common_name("host.test");
        params.is_ca = IsCa::ExplicitNoCa;
    };
    let (old, _) = certs::self_signed(LOOPBACK, own);
    let (new, key) = certs::self_signed(LOOPBACK, own);
    add(
        "a renewed self-signed one",
        certs::serve(vec![new.der().clone()], &key),
        &write("old.pem", old.pem()),
        &[
            "\"host.test\" is self-signed, and ",
            "has another one of this name",
        ],
    );
    let ordinary = authority.below(|params| params.is_ca = IsCa::ExplicitNoCa);
    let (certificate, key) = ordinary.certificate(LOOPBACK, |_| ());
    add(
        "issued by a server",
        certs::serve(vec![certificate, ordinary.der()], &key),
        file,
        &["issued by one that is no authority's (CA:FALSE)"],
    );
    let last = authority.below(|params| params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0)));
    let below = last.below(|_| ());
    let (certificate, key) = below.certificate(LOOPBACK, |_| ());
    add(
        "too many below",
        certs::serve(vec![certificate, below.der(), last.der()], &key),
        file,
        &["pathLenConstraint"],
    );
    let mut longest = vec![authority.below(|_| ())];
    for _ in 0..7 {
        longest.push(longest[longest.len() - 1].below(|_| ()));
    }
    let (certificate, key) = longest[longest.len() - 1].certificate(LOOPBACK, |_| ());
    let mut chain: Vec<_> = longest.iter().rev().map(Authority::der).collect();
    chain.insert(0, certificate);
    add(
        "a long chain",
        certs::serve(chain, &key),
        file,
        &["more than 6 intermediate certificates"],
    );
    let limited = authority.below(|params| {
        params.name_constraints = Some(NameConstraints {
            permitted_subtrees: vec![GeneralSubtree::DnsName("example.com".to_owned())],
            excluded_subtrees: Vec::new(),
        });
    });
    let (certificate, key) = limited.certificate(&["localhost"], |_| ());
    add(
        "name constraints",
        certs::serve(vec![certificate, limited.der()], &key),
        file,
        &["nameConstraints"],
    );

    // When they are valid.
    let expired = authority.server(LOOPBACK, Validity::Expired);
    let yesterday = day(now - Duration::days(1));
    add(
        "expired",
        expired,
        file,
        &[
            &format!("TLS: the certificate expired on {yesterday} (notAfter)"),
            &format!("this machine's clock ({}) is wrong", day(now)),
        ],
    );
    let not_yet = authority.server(LOOPBACK, Validity::NotYet);
    let tomorrow = day(now + Duration::days(1));
    add(
        "not valid yet",
        not_yet,
        file,
        &[
            &format!("TLS: the certificate is valid from {tomorrow} "),
            &format!("this machine's clock says {} ", day(now)),
        ],
    );
    let old = authority.below(|params| {
        params.not_after = now - Duration::days(400);
        params.distinguished_name = common_name("Old Middle");
    });
    let (certificate, key) = old.certificate(LOOPBACK, |_| ());
    let long_ago = day(now - Duration::days(400));
    add(
        "an expired intermediate",
        certs::serve(vec![certificate, old.der()], &key),
        file,
        &[&format!(
            "the intermediate certificate \"Old Middle\" expired on {long_ago}"
        )],
    );
    add(
        "never valid",
        by(|params| std::mem::swap(&mut params.not_before, &mut params.not_after)),
        file,
        &["ends before it begins"],
    );

    // What they are for.
    let names = [
        "a.example",
        "*.b.example",
        "192.0.2.1",
        "c.example",
        "d.example",
    ];
    let (certificate, key) = authority.certificate(&names, |_| ());
    add(
        "another name",
        certs::serve(vec![certificate], &key),
        file,
        &["for \"a.example\", \"*.b.example\", \"192.0.2.1\", 2 more, and not for 127.0.0.1"],
    );
    let (certificate, key) = authority.certificate(&[], |params| {
        params.distinguished_name = common_name("127.0.0.1");
    });
    add(
        "a common name only",
        certs::serve(vec![certificate], &key),
        file,
        &["names no host, and so not 127.0.0.1", "subjectAltName"],
    );
    let purpose = |params: &mut CertificateParams| {
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    };
    add(
        "for clients only",
        by(purpose),
        file,
        &["not for servers", "serverAuth"],
    );

    // How they are made.
    let critical = |params: &mut CertificateParams| {
        let any_policy = der(0x30, &[&der(0x30, &[&der(6, &[&[0x55, 0x1d, 0x20, 0]])])]);
        let mut policies = CustomExtension::from_oid_content(&[2, 5, 29, 32], any_policy);
        policies.set_criticality(true);
        params.custom_extensions.push(policies);
    };
    add(
        "a critical extension",
        by(critical),
        file,
        &["critical extension 2.5.29.32"],
    );
    let inspecting = authority.below(critical);
    let (certificate, key) = inspecting.certificate(LOOPBACK, |_| ());
    add(
        "one in the chain",
        certs::serve(vec![certificate, inspecting.der()], &key),
        file,
        &["critical extension 2.5.29.32"],
    );
    let (certificate, key) = authority.certificate(LOOPBACK, |_| ());
    let old: CertificateDer<'_> = version_1(&certificate).into();
    add(
        "version 1",
        certs::serve(vec![old], &key),
        file,
        &["X.509 version 1", "version 3 is needed"],
    );
    let sha256 = [6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2];
    let sha512 = [6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 4];
    let unsupported: CertificateDer<'_> = replaced(&certificate, &sha256, &sha512).into();
    add(
        "SHA-512 with ECDSA",
        certs::serve(vec![unsupported], &key),
        file,
        &["a signature that is not supported (SHA-512 with ECDSA)"],
    );
    let cut: CertificateDer<'_> = certificate[..certificate.len() - 9].to_vec().into();
    add("damaged", certs::serve(vec![cut], &key), file, &["damaged"]);
    wrong
}

#[test]
fn what_is_wrong_with_a_certificate_is_said_in_a_sentence() {
    for Wrong {
        what,
        server,
        ca_file,
        says,
    } in wrong_certificates()
    {
        let says: Vec<&str> = says.iter().map(String::as_str).collect();
        let reply = call(&server, &ca_file);
        assert_eq!(reply.result, TLS_FAILED, "{what}: {reply:?}");
        assert!(!reply.may_have_dialed());
        let source = format!("ca_file {}", ca_file.display());
        check_reason(what, reply.reason(), &source, &says);
        eprintln!("{what}: {}", reply.reason());
    }
}

#[test]
fn the_systems_trust_store_gives_the_same_sentences() {
    for Wrong {
        what,
        server,
        ca_file,
        says,
    } in wrong_certificates()
    {
        let says: Vec<&str> = says.iter().map(String::as_str).collect();
        let line = call_with_system_store(&server, &[("SSL_CERT_FILE", &ca_file)]);
        assert!(line.starts_with("result=5 "), "{what}: {line}");
        let (_, reason) = line.trim_end().split_once("reason=").expect("a reason");
        let source = format!(
            "the system's trust store (SSL_CERT_FILE={})",
            ca_file.display()
        );
        check_reason(what, reason, &source, &says);
        if says.iter().any(|part| part.ends_with("not in")) {
            assert!(reason.contains(&source), "{what}: {reason}");
        }
    }
}

#[test]
fn a_self_signed_certificate_that_is_no_authority_serves_and_is_trusted() {
    let (own, key) = certs::self_signed(LOOPBACK, |params| params.is_ca = IsCa::ExplicitNoCa);
    let server = certs::serve(vec![own.der().clone()], &key);
    call(&server, &write("own.pem", own.pem())).accepted();
    // Trusting it, one trusts nothing else: it cannot issue another.
    let (other, other_key) =
        certs::self_signed(LOOPBACK, |params| params.is_ca = IsCa::ExplicitNoCa);
    let server = certs::serve(vec![other.der().clone()], &other_key);
    call(&server, &write("own.pem", own.pem())).expect(TLS_FAILED);
}

#[test]
fn openssl_req_x509_works_as_the_reason_says() {
    if let Err(missing) = crate::support::require::require("openssl") {
        assert!(std::env::var_os("ITNIO_REQUIRE_ALL").is_none(), "{missing}");
        return;
    }
    // As OpenSSL's own configuration has it, whatever this machine's says.
    let config = write(
        "openssl.cnf",
        "[req]\ndistinguished_name = dn\nx509_extensions = v3_ca\n[dn]\n\
         [v3_ca]\nbasicConstraints = critical,CA:true\n",
    );
    let config = config.to_str().expect("UTF-8");
    let at = |name: &str| scratch().join(name).to_str().expect("UTF-8").to_owned();
    let (key_file, file) = (at("x509.key"), at("x509.pem"));
    let mut arguments = vec![
        "req",
        "-x509",
        "-config",
        config,
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-days",
        "2",
        "-subj",
        "/CN=localhost",
        "-addext",
        "subjectAltName=IP:127.0.0.1",
        "-keyout",
        &key_file,
        "-out",
        &file,
    ];
    for (added, expected) in [(false, TLS_FAILED), (true, OK)] {
        if added {
            arguments.extend(["-addext", "basicConstraints=critical,CA:FALSE"]);
        }
        assert!(openssl(&arguments));
        let key = KeyPair::from_pem(&fs::read_to_string(&key_file).expect("a key")).expect("a key");
        let text = fs::read_to_string(&file).expect("a certificate");
        let base64: String = text.lines().filter(|line| !line.starts_with('-')).collect();
        let certificate = BASE64_STANDARD.decode(base64).expect("base64");
        let server = certs::serve(vec![certificate.into()], &key);
        let reply = call(&server, Path::new(&file));
        reply.expect(expected);
        if !added {
            reply.expect_reason("-addext basicConstraints=critical,CA:FALSE");
        }
    }
}

/// Runs OpenSSL's command-line tool; false where it refuses.
fn openssl(arguments: &[&str]) -> bool {
    let made = Command::new("openssl").args(arguments).output();
    made.expect("openssl").status.success()
}

#[test]
fn authorities_with_keys_and_signatures_that_are_not_supported_are_named_as_such() {
    let requires_all = std::env::var_os("ITNIO_REQUIRE_ALL").is_some();
    if let Err(missing) = crate::support::require::require("openssl") {
        assert!(!requires_all, "{missing}");
        return;
    }
    let at = |name: &str| scratch().join(name).to_str().expect("UTF-8").to_owned();
    let (ca, ca_key, request, leaf) = (at("k.pem"), at("k.key"), at("k.csr"), at("k.der"));
    let key = KeyPair::generate().expect("a key");
    let params = CertificateParams::new([]).expect("no names");
    let csr = params.serialize_request(&key).expect("a request");
    fs::write(&request, csr.pem().expect("PEM")).expect("a file");
    let extensions = write("k.cnf", "subjectAltName = IP:127.0.0.1\n");
    let extensions = extensions.to_str().expect("UTF-8");
    for (kind, option, digest, result, says) in [
        ("rsa:2048", "rsa_keygen_bits:2048", "-sha256", OK, ""),
        ("ec", "ec_paramgen_curve:P-384", "-sha384", OK, ""),
        (
            "rsa:1024",
            "rsa_keygen_bits:1024",
            "-sha256",
            TLS_FAILED,
            "an RSA key has less than 2048 bits",
        ),
        (
            "rsa:2048",
            "rsa_keygen_bits:2048",
            "-sha1",
            TLS_FAILED,
            "a signature that is not supported (SHA-1 with RSA)",
        ),
        (
            "ec",
            "ec_paramgen_curve:P-521",
            "-sha256",
            TLS_FAILED,
            "a key that is not supported (ECDSA P-521)",
        ),
        (
            "ec",
            "ec_paramgen_curve:P-521",
            "-sha512",
            TLS_FAILED,
            "a signature that is not supported (SHA-512 with ECDSA)",
        ),
    ] {
        let made = openssl(&[
            "req",
            "-x509",
            "-newkey",
            kind,
            "-pkeyopt",
            option,
            "-nodes",
            "-days",
            "2",
            "-subj",
            "/CN=Kinds",
            "-keyout",
            &ca_key,
            "-out",
            &ca,
        ]) && openssl(&[
            "x509",
            "-req",
            "-in",
            &request,
            "-CA",
            &ca,
            "-CAkey",
            &ca_key,
            "-set_serial",
            "7",
            "-days",
            "2",
            digest,
            "-extfile",
            extensions,
            "-outform",
            "DER",
            "-out",
            &leaf,
        ]);
        if !made {
            // Some systems have forbidden it what is old.
            assert!(!requires_all, "openssl makes no {option} {digest}");
            continue;
        }
        let certificate = fs::read(&leaf).expect("a certificate").into();
        let reply = call(&certs::serve(vec![certificate], &key), Path::new(&ca));
        assert_eq!(reply.result, result, "{option} {digest}: {reply:?}");
        reply.expect_reason(says);
    }
}

#[test]
fn chains_in_any_order_with_too_much_in_them_are_accepted() {
    let root = Authority::new();
    let other = Authority::new();
    let first = root.below(|_| ());
    let second = first.below(|_| ());
    let third = second.below(|_| ());
    let (certificate, key) = third.certificate(LOOPBACK, |_| ());
    // An authority that another one, which has expired, has signed, too, and that is trusted itself.
    let now = OffsetDateTime::now_utc();
    let expired = Authority::with(|params| params.not_after = now - Duration::days(400));
    let (third, second, first) = (third.der(), second.der(), first.der());
    for chain in [
        vec![third.clone(), second.clone(), first.clone()],
        vec![third.clone(), second.clone(), first.clone(), root.der()],
        vec![first.clone(), second.clone(), third.clone()],
        vec![
            root.der(),
            first.clone(),
            other.der(),
            third.clone(),
            second.clone(),
        ],
        vec![
            third.clone(),
            third.clone(),
            second.clone(),
            first.clone(),
            first.clone(),
        ],
        vec![third.clone(), second.clone(), first.clone(), expired.der()],
    ] {
        let chain = [vec![certificate.clone()], chain].concat();
        call(&certs::serve(chain, &key), root.file()).accepted();
    }
}

#[test]
fn an_expired_root_beside_the_one_that_is_needed_does_not_matter() {
    let now = OffsetDateTime::now_utc();
    let name = |params: &mut CertificateParams| params.distinguished_name = common_name("Root X1");
    let root = Authority::with(name);
    let expired = Authority::with(|params| params.not_after = now - Duration::days(400));
    let old = Authority::with(|params| {
        name(params);
        params.not_after = now - Duration::days(400);
    });
    // Not its key: only its name and its signature.
    let crossed = expired.below(|params| {
        name(params);
        params.not_after = now - Duration::days(400);
    });
    let (certificate, key) = root.certificate(LOOPBACK, |_| ());
    let server = certs::serve(vec![certificate, crossed.der()], &key);
    let all = [&old, &expired, &root, &root, &root].map(Authority::pem);
    call(&server, &write("expired-too.pem", all.concat())).accepted();
}

#[test]
fn keys_of_the_common_kinds_are_accepted() {
    let authority = Authority::new();
    for kind in [
        &rcgen::PKCS_ED25519,
        &rcgen::PKCS_ECDSA_P256_SHA256,
        &rcgen::PKCS_ECDSA_P384_SHA384,
    ] {
        let key = KeyPair::generate_for(kind).expect("a key");
        let certificate = authority.sign(LOOPBACK, &key);
        call(&certs::serve(vec![certificate], &key), authority.file()).accepted();
    }
}

#[test]
fn names_as_people_have_them_are_matched() {
    let authority = Authority::new();
    let names = [
        "*.wild.test",
        "under_score.test",
        "xn--bcher-kva.test",
        "plain.test",
    ];
    let (certificate, key) = authority.certificate(&names, |_| ());
    let server = certs::serve(vec![certificate], &key);
    for (host, result) in [
        ("plain.test", 0),
        ("PLAIN.test", 0),
        ("plain.test.", 0),
        ("a.wild.test", 0),
        ("under_score.test", 0),
        ("xn--bcher-kva.test", 0),
        // One label for a star, and none for none.
        ("a.b.wild.test", 5),
        ("wild.test", 5),
        ("other.test", 5),
    ] {
        let gateway = Gateway::tls().certificate(Arc::clone(&server)).start();
        let mut command = c::command(&Build::c().compile("call.c"));
        command.env("LD_PRELOAD", Build::preload().compile("preload_names.c"));
        command.arg("--ca").arg(authority.file());
        command.args(["--url", &gateway.url_for(host), "--proxy", "", "7000001"]);
        let line = c::run(command, c::LIMIT).success().to_owned();
        assert!(
            line.starts_with(&format!("result={result} ")),
            "{host}: {line}"
        );
        if result != 0 {
            let port = gateway.address().port();
            let begins =
                format!("reason={host}:{port}: TLS: the certificate is for \"*.wild.test\", ");
            assert!(line.contains(&begins), "{line}");
            assert!(line.contains(&format!("and not for {host};")), "{line}");
        }
    }
}

#[test]
fn ca_files_of_many_tools_are_read() {
    let authority = Authority::common();
    let (certificate, text) = (authority.der(), authority.pem());
    let other = Authority::new();
    let garbage = pem("CERTIFICATE", &[0x30, 3, 2, 1, 5]);
    let cut = &other.pem()[..other.pem().len() / 2];
    let base64 = base64_of(&certificate);
    let key = KeyPair::generate().expect("a key").serialize_pem();
    let trusted = with_settings(&certificate, TRUSTED, SERVER_AUTH);
    let no_mail = with_settings(&certificate, REJECTED, EMAIL_PROTECTION);
    let server = authority.server(LOOPBACK, Validity::Now);
    let files: Vec<(&str, Vec<u8>)> = vec![
        (
            "a byte order mark",
            [b"\xef\xbb\xbf", text.as_bytes()].concat(),
        ),
        ("CRLF", text.replace('\n', "\r\n").into()),
        ("CR", text.replace('\n', "\r").into()),
        (
            "a byte order mark and CRLF",
            [b"\xef\xbb\xbf", text.replace('\n', "\r\n").as_bytes()].concat(),
        ),
        ("no end of the last line", text.trim_end().into()),
        ("spaces around lines", text.replace('\n', "  \n\t ").into()),
        ("empty lines", text.replace('\n', "\n\n").into()),
        ("one line", text.replace('\n', " ").into()),
        (
            "one line of base64",
            format!("-----BEGIN CERTIFICATE-----\n{base64}\n-----END CERTIFICATE-----").into(),
        ),
        (
            "no padding",
            format!(
                "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----",
                base64.trim_end_matches('=')
            )
            .into(),
        ),
        ("line ends as in JSON", text.replace('\n', "\\n").into()),
        (
            "four dashes",
            text.replace("CERTIFICATE-----", "CERTIFICATE----").into(),
        ),
        (
            "a comment in Windows-1252",
            [
                b"# Zertifizierungsstelle f\xfcr alle \x80\r\n",
                text.as_bytes(),
            ]
            .concat(),
        ),
        (
            "a comment of OpenSSL",
            format!("0 s:CN = x\n   i:CN = x\n{text}---\nServer certificate\n").into(),
        ),
        ("a key behind it", format!("{text}{key}").into()),
        ("a key before it", format!("{key}{text}").into()),
        ("twice the same", text.repeat(2).into()),
        (
            "X509 CERTIFICATE",
            pem("X509 CERTIFICATE", &certificate).into(),
        ),
        (
            "TRUSTED CERTIFICATE",
            pem("TRUSTED CERTIFICATE", &trusted).into(),
        ),
        (
            "TRUSTED CERTIFICATE without settings",
            pem("TRUSTED CERTIFICATE", &certificate).into(),
        ),
        (
            "TRUSTED CERTIFICATE, not for mail",
            pem("TRUSTED CERTIFICATE", &no_mail).into(),
        ),
        ("DER", certificate.to_vec()),
        ("DER of two", [&other.der()[..], &certificate].concat()),
        (
            "one that cannot be read before it",
            format!("{garbage}{text}").into(),
        ),
        (
            "one that cannot be read behind it",
            format!("{text}{garbage}").into(),
        ),
        (
            "one that is not base64",
            format!("-----BEGIN CERTIFICATE-----\n???\n-----END CERTIFICATE-----\n{text}").into(),
        ),
        (
            "one that is cut off before it",
            format!("{cut}\n{text}").into(),
        ),
        (
            "one that is cut off behind it",
            format!("{text}{cut}").into(),
        ),
        (
            "a request and a revocation list",
            format!(
                "{}{}{text}",
                pem("CERTIFICATE REQUEST", b"x"),
                pem("X509 CRL", b"x")
            )
            .into(),
        ),
        (
            "hundreds of others",
            format!("{}{text}", other.pem().repeat(500)).into(),
        ),
    ];
    let gateway = Gateway::tls().certificate(server).start();
    let path = scratch().join("as-it-comes.pem");
    let link = scratch().join("link.pem");
    std::os::unix::fs::symlink(&path, &link).expect("a link");
    for (number, (what, content)) in files.iter().enumerate() {
        fs::write(&path, content).expect("a file");
        for path in [&path, &link] {
            let client = Client::new(&gateway.config().ca_file(path));
            let client = client.unwrap_or_else(|failure| panic!("{what}: {failure:?}"));
            let reply = client.call(&format!("{}", 7_000_000 + number));
            assert_eq!(reply.result, OK, "{what}: {reply:?}");
        }
    }
}

#[test]
fn a_ca_file_without_a_usable_certificate_is_refused_with_what_it_is() {
    let authority = Authority::new();
    let (certificate, text) = (authority.der(), authority.pem());
    let utf16 = |bom: &[u8], unit: fn(u16) -> [u8; 2]| {
        let units: Vec<u8> = text.encode_utf16().flat_map(unit).collect();
        [bom, &units].concat()
    };
    let (sequence, octets, number) = (0x30, 4, 2);
    let content = [7; 200];
    let integer = |value: u8| der(number, &[&[value]]);
    let algorithm = der(sequence, &[&der(6, &[&[0x2a, 3]])]);
    let pkcs7 = der(
        sequence,
        &[
            &der(6, &[&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 2]]),
            &der(0xa0, &[&content]),
        ],
    );
    let pkcs12 = der(
        sequence,
        &[&integer(3), &der(sequence, &[&der(octets, &[&content])])],
    );
    let pkcs8 = der(
        sequence,
        &[&integer(0), &algorithm, &der(octets, &[&content])],
    );
    let sec1 = der(sequence, &[&integer(1), &der(octets, &[&[7; 32]])]);
    let name = der(
        sequence,
        &[&der(
            0x31,
            &[&der(
                sequence,
                &[&der(6, &[&[0x55, 4, 3]]), &der(0x0c, &[b"x"])],
            )],
        )],
    );
    let request = der(
        sequence,
        &[
            &der(sequence, &[&integer(0), &name, &der(sequence, &[&content])]),
            &algorithm,
            &der(3, &[&content]),
        ],
    );
    let not_servers = pem(
        "TRUSTED CERTIFICATE",
        &with_settings(&certificate, TRUSTED, EMAIL_PROTECTION),
    );
    let rejected = pem(
        "TRUSTED CERTIFICATE",
        &with_settings(&certificate, REJECTED, SERVER_AUTH),
    );
    let key = KeyPair::generate().expect("a key").serialize_pem();
    let cut = &text[..text.len() / 2];
    let garbage = pem("CERTIFICATE", &[0x30, 3, 2, 1, 5]);
    for (content, says) in [
        (Vec::new(), "it is empty"),
        (b" \r\n\n".to_vec(), "it is empty"),
        (b"\xef\xbb\xbf".to_vec(), "it is empty"),
        (
            utf16(&[0xff, 0xfe], u16::to_le_bytes),
            "it is UTF-16; save it as UTF-8",
        ),
        (
            utf16(&[0xfe, 0xff], u16::to_be_bytes),
            "it is UTF-16; save it as UTF-8",
        ),
        (
            utf16(&[], u16::to_le_bytes),
            "it is UTF-16; save it as UTF-8",
        ),
        (
            b"<!DOCTYPE html><html><title>404</title></html>".to_vec(),
            "a page of HTML",
        ),
        (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:4d\nsize 9\n".to_vec(),
            "git lfs pull",
        ),
        (
            b"no certificate here\n".to_vec(),
            "neither PEM (-----BEGIN CERTIFICATE-----) nor DER",
        ),
        (
            b"0 is where this text begins, and it is one of more than some fifty characters"
                .to_vec(),
            "neither PEM",
        ),
        (
            base64_of(&certificate).into(),
            "base64 without its lines -----BEGIN CERTIFICATE-----",
        ),
        (
            vec![0xfe, 0xed, 0xfe, 0xed, 0, 0, 0, 2],
            "a Java keystore; convert it: keytool",
        ),
        (
            pkcs7.clone(),
            "PKCS#7 (.p7b); convert it: openssl pkcs7 -print_certs",
        ),
        (
            pem("PKCS7", &pkcs7).into(),
            "PKCS#7 (.p7b); convert it: openssl pkcs7 -print_certs",
        ),
        (
            pem("CERTIFICATE", &pkcs7).into(),
            "PKCS#7 (.p7b); convert it: openssl pkcs7 -print_certs",
        ),
        (pkcs12, "PKCS#12 (.p12, .pfx); convert it: openssl pkcs12"),
        (pkcs8, "a private key; give the certificate"),
        (sec1, "a private key; give the certificate"),
        (key.into(), "a private key; give the certificate"),
        (
            pem("ENCRYPTED PRIVATE KEY", b"x").into(),
            "a private key; give the certificate",
        ),
        (
            request.clone(),
            "a certificate request; give the certificate",
        ),
        (
            pem("NEW CERTIFICATE REQUEST", &request).into(),
            "a certificate request; give the certificate",
        ),
        (
            pem("X509 CRL", b"x").into(),
            "a list of revoked certificates",
        ),
        (pem("PUBLIC KEY", b"x").into(), "a public key"),
        (pem("PGP MESSAGE", b"x").into(), "but \"PGP MESSAGE\""),
        (cut.into(), "it is cut off: it has no -----END line"),
        (
            certificate[..certificate.len() / 2].to_vec(),
            "it is damaged, or cut off",
        ),
        (
            garbage.clone().into(),
            "the certificate in it cannot be used: it is damaged",
        ),
        (
            format!("{garbage}{cut}{garbage}").into(),
            "none of the 3 certificates in it can be used; the first: it is damaged",
        ),
        (not_servers.into(), "it is marked as not for servers"),
        (rejected.into(), "it is marked as not for servers"),
    ] {
        let path = write("refused.pem", &content);
        let failure = Client::new(&Config::new("https://127.0.0.1:1").ca_file(&path)).err();
        let failure = failure.unwrap_or_else(|| panic!("accepted: {says}"));
        assert_eq!(failure.result, INVALID_ARGUMENT);
        let reason = failure.reason;
        let begins = format!("ca_file: {}: ", path.display());
        assert!(reason.starts_with(&begins), "{reason}");
        assert!(reason.contains(says), "no {says:?} in {reason:?}");
        assert!(reason.len() - begins.len() <= MAX_REASON, "{reason}");
    }
    let failure = Client::new(&Config::new("https://127.0.0.1:1").ca_file(scratch())).err();
    let reason = failure.expect("a refusal").reason;
    assert!(reason.contains("a directory; one file"), "{reason}");
}

#[test]
fn a_certificate_that_the_file_marks_as_not_for_servers_is_not_trusted_beside_others() {
    let authority = Authority::common();
    let server = authority.server(LOOPBACK, Validity::Now);
    let rejected = pem(
        "TRUSTED CERTIFICATE",
        &with_settings(&authority.der(), REJECTED, SERVER_AUTH),
    );
    let other = Authority::new();
    let path = write("rejected.pem", format!("{rejected}{}", other.pem()));
    let reply = call(&server, &path);
    reply.expect(TLS_FAILED);
    // What was passed over may be the reason.
    reply.expect_reason("(1 of its 2 certificates cannot be used)");
}

#[test]
fn ssl_cert_file_and_ssl_cert_dir_are_used_as_openssl_uses_them() {
    let authority = Authority::common();
    let server = authority.server(LOOPBACK, Validity::Now);
    let directory = |name: &str| {
        let path = scratch().join(name);
        fs::create_dir_all(&path).expect("a directory");
        path
    };
    let hashed = directory("hashed");
    let empty = directory("empty");
    let others = directory("others");
    let target = write("target.pem", authority.pem());
    // As c_rehash makes them, beside links that lead nowhere, and what is no certificate.
    let _ = std::os::unix::fs::symlink(&target, hashed.join("5ad8a5d6.0"));
    let _ = std::os::unix::fs::symlink(&target, hashed.join("company.pem"));
    let _ = std::os::unix::fs::symlink("/nonexistent", hashed.join("b1159c4c.0"));
    fs::write(hashed.join("README"), "no certificate").expect("a file");
    fs::write(others.join("other.pem"), Authority::new().pem()).expect("a file");
    fs::create_dir_all(hashed.join("java")).expect("a directory");
    let nowhere = Path::new("/nonexistent/ca.pem");
    let nothing = Path::new("");
    let several = format!(
        "{}:{}::{}",
        empty.display(),
        others.display(),
        hashed.display()
    );
    let several = Path::new(&several);
    let binary = write("system.der", authority.der());
    for (what, environment) in [
        ("a directory", vec![("SSL_CERT_DIR", hashed.as_path())]),
        ("several directories", vec![("SSL_CERT_DIR", several)]),
        (
            "a file that is not there",
            vec![("SSL_CERT_FILE", nowhere), ("SSL_CERT_DIR", &hashed)],
        ),
        (
            "a directory that is not there",
            vec![("SSL_CERT_FILE", &target), ("SSL_CERT_DIR", nowhere)],
        ),
        (
            "an empty file variable",
            vec![("SSL_CERT_FILE", nothing), ("SSL_CERT_DIR", &hashed)],
        ),
        (
            "an empty directory variable",
            vec![("SSL_CERT_FILE", &target), ("SSL_CERT_DIR", nothing)],
        ),
        ("a binary file", vec![("SSL_CERT_FILE", &binary)]),
    ] {
        let line = call_with_system_store(&server, &environment);
        assert!(line.starts_with("result=0 "), "{what}: {line}");
    }
    for (environment, says) in [
        (
            vec![("SSL_CERT_FILE", nowhere)],
            "the system's trust store cannot be used: SSL_CERT_FILE=/nonexistent/ca.pem: No such file",
        ),
        (
            vec![("SSL_CERT_FILE", hashed.as_path())],
            ": a directory; one file",
        ),
        (
            vec![("SSL_CERT_DIR", empty.as_path())],
            ": no certificate in PEM in it",
        ),
    ] {
        let line = call_with_system_store(&server, &environment);
        assert!(line.starts_with("result=5 "), "{line}");
        assert!(line.contains(says), "no {says:?} in {line}");
    }
}

/// The reason of a call to a server that sends this on the bare connection, once a ClientHello is here.
#[track_caller]
fn after_client_hello(bytes: &[u8]) -> String {
    let bytes = bytes.to_vec();
    let gateway = Gateway::tls()
        .opening(move |_| {
            Opening::Raw(vec![
                Step::Read(1),
                Step::SendRaw(bytes.clone()),
                Step::Stall,
            ])
        })
        .start();
    let client = Client::new(&gateway.config()).expect("a client");
    let reply = client.call("7000001");
    reply.expect(TLS_FAILED);
    assert!(!reply.may_have_dialed());
    reply.reason().to_owned()
}

#[test]
fn a_server_that_does_not_speak_tls_is_named_as_such() {
    for (bytes, says) in [
        (
            &b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"[..],
            "plain HTTP, and not with TLS",
        ),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "begins with \"SSH-2\""),
        (b"220 mail.example.com ESMTP\r\n", "begins with \"220 m\""),
        (
            b"<html><body>Welcome to the hotel</body></html>",
            "does not speak TLS on this port",
        ),
    ] {
        check_reason(says, &after_client_hello(bytes), "", &[says]);
    }
}

#[test]
fn what_a_server_refuses_is_said_in_a_sentence() {
    // TLS 1.1, with a cipher suite of its time.
    let hello = [&[2, 0, 0, 38, 3, 2][..], &[7; 32], &[0, 0xc0, 0x13, 0]].concat();
    let hello = [&[22, 3, 2, 0, 42][..], &hello].concat();
    check_reason(
        "TLS 1.1",
        &after_client_hello(&hello),
        "",
        &["neither TLS 1.2 nor TLS 1.3"],
    );
    for (alert, says) in [
        (40, "alert handshake_failure"),
        (42, "it may want a client certificate"),
        (48, "it may want a client certificate"),
        (70, "neither TLS 1.2 nor TLS 1.3 (alert protocol_version)"),
        (71, "other cipher suites"),
        (80, "alert internal_error"),
        (90, "ended the session"),
        (
            112,
            "does not know the host of this name (alert unrecognized_name)",
        ),
        (
            116,
            "wants a client certificate (alert certificate_required)",
        ),
    ] {
        let reason = after_client_hello(&[21, 3, 3, 0, 2, 2, alert]);
        check_reason(says, &reason, "", &[says]);
    }
}

#[test]
fn a_server_that_wants_a_client_certificate_is_named_as_such() {
    let authority = Authority::common();
    let (certificate, key) = authority.certificate(LOOPBACK, |_| ());
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut roots = rustls::RootCertStore::empty();
        roots.add(authority.der()).expect("an authority");
        let clients =
            WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
        let server = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[version])
            .expect("a version")
            .with_client_cert_verifier(clients.build().expect("a verifier"))
            .with_single_cert(
                vec![certificate.clone()],
                rustls::pki_types::PrivateKeyDer::Pkcs8(key.serialize_der().into()),
            )
            .expect("a server");
        let gateway = Gateway::tls().certificate(Arc::new(server)).start();
        let client = Client::new(&gateway.config()).expect("a client");
        let reply = client.call("7000001");
        if version.version == rustls::ProtocolVersion::TLSv1_2 {
            reply.expect(TLS_FAILED);
            assert!(!reply.may_have_dialed());
        } else {
            // There, the client's part of the handshake is over before the server says so, and the request may
            // have followed it.
            assert!(
                [CONNECT_FAILED, CONNECTION_LOST].contains(&reply.result),
                "{reply:?}"
            );
        }
        reply.expect_reason("client certificate");
        drop(client);
        assert!(gateway.finish().is_empty());
    }
}
