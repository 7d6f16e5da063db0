//! Certificates are always verified: a wrong one is `ITNIO_TLS_FAILED`, and no request follows.

mod support;

use std::sync::Arc;

use rustls::ServerConfig;
use support::c::{self, Build};
use support::certs::{Authority, LOOPBACK, Validity};
use support::client::*;
use support::gateway::Gateway;
use support::response::recording_id_for;

/// Fails the test unless a server with this certificate gets no request.
#[track_caller]
fn check_not_trusted(name: &str, server: Arc<ServerConfig>, config: impl Fn(Config) -> Config) {
    let gateway = Gateway::tls().certificate(server).start();
    let client = Client::new(&config(gateway.config())).expect("a client");
    // Nor at the second attempt.
    for _ in 0..2 {
        let reply = client.call("7000001");
        assert_eq!(reply.result, TLS_FAILED, "{name}: {reply:?}");
        assert!(!reply.may_have_dialed());
        assert!(
            reply.reason().contains("127.0.0.1"),
            "{name}: the host is not named: {reply:?}"
        );
    }
    drop(client);
    assert_eq!(gateway.connections(), 2, "{name}: one handshake per call");
    assert!(
        gateway.finish().is_empty(),
        "{name}: bytes of a request arrived"
    );
}

#[test]
fn a_wrong_certificate_gets_no_request() {
    let authority = Authority::common();
    check_not_trusted(
        "unknown authority",
        Authority::new().server(LOOPBACK, Validity::Now),
        |c| c,
    );
    check_not_trusted(
        "another host's name",
        authority.server(&["other.example"], Validity::Now),
        |c| c,
    );
    check_not_trusted(
        "another address",
        authority.server(&["127.0.0.2"], Validity::Now),
        |c| c,
    );
    check_not_trusted(
        "the address as a name",
        authority.server(&["*.0.0.1"], Validity::Now),
        |c| c,
    );
    check_not_trusted(
        "expired",
        authority.server(LOOPBACK, Validity::Expired),
        |c| c,
    );
    check_not_trusted(
        "not valid yet",
        authority.server(LOOPBACK, Validity::NotYet),
        |c| c,
    );
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let server = Authority::new().server_with_versions(LOOPBACK, Validity::Now, &[version]);
        check_not_trusted("unknown authority, by version", server, |c| c);
    }
}

#[test]
fn a_private_authority_is_not_trusted_without_ca_file() {
    let server = Authority::common().server(LOOPBACK, Validity::Now);
    check_not_trusted("no ca_file", server, |config| Config {
        ca_file: None,
        ..config
    });
}

#[test]
fn ca_file_replaces_every_other_trusted_authority() {
    let other = Authority::new();
    let server = Authority::common().server(LOOPBACK, Validity::Now);
    check_not_trusted("another's ca_file", server, |config| {
        config.ca_file(other.file())
    });
}

#[test]
fn ca_file_may_be_a_bundle_with_comments() {
    let bundle = support::scratch().join("bundle.pem");
    let content = format!(
        "# The authorities of this company\n\n{}\nSubject: CN=another\n{}\n",
        Authority::new().pem(),
        Authority::common().pem().replace('\n', "\r\n"),
    );
    std::fs::write(&bundle, content).expect("a file");
    let gateway = Gateway::tls().start();
    let client = Client::new(&gateway.config().ca_file(&bundle)).expect("a client");
    // The library has read the file by now.
    std::fs::remove_file(&bundle).expect("the file");
    assert_eq!(
        client.call("7000001").accepted(),
        recording_id_for("7000001")
    );
}

#[test]
fn the_certificate_is_checked_against_the_host_in_the_url() {
    let named = Authority::common().server(&["localhost"], Validity::Now);
    let gateway = Gateway::tls().certificate(named).start();
    let with_host = |host: &str| Config {
        base_url: text(gateway.url_for(host)),
        ..gateway.config()
    };
    Client::new(&with_host("localhost"))
        .expect("a client")
        .call("7000001")
        .accepted();
    Client::new(&with_host("LocalHost"))
        .expect("a client")
        .call("7000002")
        .accepted();
    Client::new(&with_host("127.0.0.1"))
        .expect("a client")
        .call("7000003")
        .expect(TLS_FAILED);
    assert_eq!(gateway.deliveries().len(), 2);
}

#[test]
fn without_ca_file_the_systems_trust_store_decides() {
    // SSL_CERT_FILE says where it is, as for other programs.
    let program = Build::c().compile("call.c");
    let gateway = Gateway::tls().start();
    let other = Authority::new();
    for (store, line) in [
        (Authority::common().file(), "result=0 status=0 "),
        (other.file(), "result=5 "),
    ] {
        let mut command = c::command(&program);
        command
            .env("SSL_CERT_FILE", store)
            .env_remove("SSL_CERT_DIR");
        command.args(["--url", &gateway.url(), "--proxy", "", "7000001"]);
        let output = c::run(command, c::LIMIT);
        assert!(
            output.success().starts_with(line),
            "{}: {output:?}",
            store.display()
        );
    }
    assert_eq!(gateway.deliveries().len(), 1);
}
