//! Every mistake in an argument is `ITNIO_INVALID_ARGUMENT`, with a reason that names the field;
//! nothing crashes, and nothing is sent. (NULL for the pointers themselves: c_api.rs.)

mod support;

use std::ffi::CString;
use std::process::Command;

use support::certs::Authority;
use support::client::*;
use support::gateway::Gateway;
use support::response::{Response, unique_id};

const BAD_UTF8: [&[u8]; 6] = [
    b"\xff",
    b"a\xc3",
    b"\xc0\x80",
    b"\xed\xa0\x80",
    b"ok\x80",
    b"\xf8\x88\x80\x80\x80",
];

/// A string in a struct: the field's name, and how to set it.
type StringField<T> = (&'static str, fn(&mut T, Option<CString>));

macro_rules! string_fields {
    ($($field:ident),*) => {
        [$((stringify!($field), |fields, value| fields.$field = value)),*]
    };
}

const CONFIG_STRINGS: [StringField<Config>; 5] =
    string_fields!(api_key, api_secret, base_url, ca_file, proxy);
const REQUEST_STRINGS: [StringField<Request>; 5] =
    string_fields!(callee, display_num, account, app_id, called_info);

/// Fails the test unless no client can be made, for a reason that names the field.
#[track_caller]
fn check_refused(config: &Config, field: &str) -> String {
    let failure = match Client::new(config) {
        Ok(_) => panic!("{field}: a client of {config:?}"),
        Err(failure) => failure,
    };
    assert_eq!(failure.result, INVALID_ARGUMENT, "{config:?}: {failure:?}");
    assert!(
        failure.reason.contains(field),
        "{field} is not named: {failure:?}"
    );
    failure.reason
}

/// [`check_refused`] for each of these values; reports all that are accepted.
#[track_caller]
fn check_all_refused(field: &str, values: &[&str], set: fn(&mut Config, Option<CString>)) {
    let accepted: Vec<_> = values
        .iter()
        .filter(|value| {
            let config = config(|config| set(config, text(**value)));
            Client::new(&config).is_ok() || check_refused(&config, field).is_empty()
        })
        .collect();
    assert!(
        accepted.is_empty(),
        "{field}: a client was made with {accepted:#?}"
    );
}

/// A valid configuration, with this change.
fn config(change: impl FnOnce(&mut Config)) -> Config {
    let mut config = Config::new("https://127.0.0.1:1/voice").ca_file(Authority::common().file());
    change(&mut config);
    config
}

#[test]
fn a_required_field_that_is_null_or_empty_is_named() {
    for value in [None, text("")] {
        check_refused(&config(|config| config.api_key = value.clone()), "api_key");
        check_refused(
            &config(|config| config.api_secret = value.clone()),
            "api_secret",
        );
    }
    // The same for an entirely empty configuration.
    check_refused(&Config::default(), "api_key");

    let gateway = Gateway::plain().start();
    let client = Client::new(&gateway.config()).expect("a client");
    let required: [StringField<Request>; 3] = string_fields!(callee, account, app_id);
    for value in [None, text("")] {
        for (field, set) in required {
            let mut request = Request::to("7000001");
            set(&mut request, value.clone());
            let reply = client.send(&request);
            reply.expect(INVALID_ARGUMENT);
            reply.expect_reason(field);
            assert!(!reply.may_have_dialed());
        }
    }
    client.send(&Request::default()).expect(INVALID_ARGUMENT);
    drop(client);
    assert_eq!(gateway.connections(), 0, "nothing was sent");
}

#[test]
fn a_string_of_more_than_64_kib_is_named() {
    for length in [MAX_ARGUMENT + 1, 100_000_000] {
        let long = text("x".repeat(length));
        for (field, set) in CONFIG_STRINGS {
            let reason = check_refused(&config(|config| set(config, long.clone())), field);
            assert!(reason.contains("64 KiB"), "{reason}");
        }
    }
    // Strings of the greatest length are accepted, the secret included.
    let longest = text("x".repeat(MAX_ARGUMENT));
    let gateway = Gateway::plain()
        .answer(|_| Response::ok(&unique_id()))
        .start();
    let client = Client::new(&Config {
        api_secret: longest.clone(),
        ..gateway.config()
    });
    let client = client.expect("a client");
    for (number, (field, set)) in REQUEST_STRINGS.into_iter().enumerate() {
        for length in [MAX_ARGUMENT + 1, 100_000_000] {
            let mut request = Request::to("7000001");
            set(&mut request, text("x".repeat(length)));
            let reply = client.send(&request);
            reply.expect(INVALID_ARGUMENT);
            assert!(
                reply.reason().contains(field) && reply.reason().contains("64 KiB"),
                "{reply:?}"
            );
        }
        assert_eq!(gateway.deliveries().len(), number, "nothing was sent");
        let mut request = Request::to(&format!("700000{number}"));
        set(&mut request, longest.clone());
        client.send(&request).accepted();
    }
}

#[test]
fn a_string_that_is_not_utf_8_is_named() {
    for (field, set) in CONFIG_STRINGS {
        for bytes in BAD_UTF8 {
            check_refused(&config(|config| set(config, text(bytes))), field);
        }
    }

    let gateway = Gateway::plain().start();
    let client = Client::new(&gateway.config()).expect("a client");
    for (field, set) in REQUEST_STRINGS {
        for bytes in BAD_UTF8 {
            let mut request = Request::to("7000001");
            set(&mut request, text(bytes));
            let reply = client.send(&request);
            reply.expect(INVALID_ARGUMENT);
            reply.expect_reason(field);
        }
    }
    client.call("7000001").accepted();
    drop(client);
    assert_eq!(gateway.finish_and_count(), 1, "only the good one was sent");
}

#[test]
fn a_key_or_secret_with_a_control_character_is_named() {
    for value in [
        "\n",
        "a\r\nX-Evil: 1",
        "tab\there",
        "\u{1}",
        "\u{7f}",
        "nel\u{85}",
        "\u{1b}[31m",
        "bDqJFiq9\n",
    ] {
        check_refused(&config(|config| config.api_key = text(value)), "api_key");
        check_refused(
            &config(|config| config.api_secret = text(value)),
            "api_secret",
        );
    }
}

#[test]
fn a_key_and_a_secret_beyond_ascii_are_used_as_they_are() {
    let gateway = Gateway::plain().start();
    let mut config = gateway.config();
    config.api_key = text("key with spaces");
    config.api_secret = text("geheim ü \u{1f511}");
    let client = Client::new(&config).expect("a client");
    client.call("7000001").accepted();
    drop(client);
    gateway.finish()[0].check_signature("key with spaces", "geheim ü \u{1f511}");
}

#[test]
fn an_unusable_url_of_any_kind_is_named() {
    let urls = [
        "",
        " ",
        "/",
        "voice",
        "api.itniotech.com",
        "api.itniotech.com/voice",
        "//127.0.0.1/voice",
        "https:",
        "https:/",
        "https://",
        "https:///voice",
        "https://:443/voice",
        "https:127.0.0.1",
        "ftp://127.0.0.1/voice",
        "file:///etc/passwd",
        "ws://127.0.0.1",
        "httpsx://127.0.0.1",
        "javascript:1",
        // Never unencrypted, except to this machine.
        "http://api.itniotech.com/voice",
        "http://192.0.2.1/voice",
        "http://10.0.0.1",
        "http://0.0.0.0/",
        "http://localhost.example.com/",
        "http://127.0.0.1.example.com/",
        "http://[2001:db8::1]/voice",
        "http://127.0.0.1@example.com/",
        "http://example.com#@127.0.0.1/",
        "http://8.8.8.8\\@127.0.0.1/",
        // Parts that a base URL cannot have.
        "https://user@127.0.0.1/voice",
        "https://user:hunter22@127.0.0.1/voice",
        "https://:hunter22@127.0.0.1/",
        "https://127.0.0.1/voice?x=1",
        "https://127.0.0.1/voice?",
        "https://127.0.0.1/voice#here",
        // Invalid ports and hosts.
        "https://127.0.0.1:0/voice",
        "https://127.0.0.1:65536/voice",
        "https://127.0.0.1:-1/voice",
        "https://127.0.0.1:port/voice",
        "https://127.0.0.1:/voice:",
        "https://127.0.0.1:1:2/voice",
        "https://[::1/voice",
        "https://::1/voice",
        "https://[nonsense]/voice",
        "https://a b/voice",
        "https://exa mple.com/voice",
        "https://<>/voice",
        "https://a\u{e4}\u{202e}/voice",
        "https://127.0.0.1/a b",
        "https://127.0.0.1/\r\nX-Evil: 1",
        "https://127.0.0.1/\u{7f}",
    ];
    check_all_refused("base_url", &urls, |config, value| config.base_url = value);
}

#[test]
fn a_long_unusable_url_is_named() {
    for url in [
        format!("https://{}/voice", "a".repeat(100_000)),
        format!("https://{}.example/voice", "a.".repeat(1000)),
        format!("{}://127.0.0.1/voice", "x".repeat(100_000)),
    ] {
        check_refused(
            &config(|config| config.base_url = text(url.as_str())),
            "base_url",
        );
    }
}

#[test]
fn an_unusable_ca_file_is_named() {
    let write = |name: &str, content: &[u8]| {
        let path = support::scratch().join(name);
        std::fs::write(&path, content).expect("a file");
        path.to_str().expect("a UTF-8 path").to_owned()
    };
    let pem = Authority::common().pem();
    let cut = &pem[..pem.len() / 2];
    let directory = support::scratch()
        .to_str()
        .expect("a UTF-8 path")
        .to_owned();
    let garbage = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let key = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
    let fifo = support::scratch().join("fifo.pem");
    let made = Command::new("mkfifo").arg(&fifo).status();
    assert!(made.expect("mkfifo").success());
    for path in [
        String::new(),
        "/nonexistent/authorities.pem".to_owned(),
        directory,
        write("empty.pem", b""),
        write("text.pem", b"no certificate here\n"),
        write("der.pem", &[0x30, 0x82, 0x01, 0x00, 0xff, 0x00]),
        write("cut.pem", cut.as_bytes()),
        write("garbage.pem", garbage.as_bytes()),
        write("key.pem", key.as_bytes()),
        write("two-bad.pem", garbage.repeat(2).as_bytes()),
        // Files whose opening or reading never ends.
        fifo.to_str().expect("a UTF-8 path").to_owned(),
        "/dev/zero".to_owned(),
        write(
            "large.pem",
            format!("{pem}{}", " ".repeat(16 * 1024 * 1024)).as_bytes(),
        ),
    ] {
        let reason = check_refused(
            &config(|config| config.ca_file = text(path.as_str())),
            "ca_file",
        );
        assert!(
            reason.contains(&path),
            "the file {path} is not named: {reason}"
        );
    }
}

#[test]
fn an_unusable_proxy_is_named_and_its_password_is_not_shown() {
    let proxies = [
        " ",
        ":",
        "http://",
        "http://:3128",
        "://proxy",
        "http://proxy:port",
        "http://proxy:65536",
        "ftp://proxy:3128",
        "gopher://user:hunter22@proxy",
        "http://user:hunter22@",
        "http://a b:1",
        "http://user:hunter22@proxy:port",
        "http://proxy:3128\r\nX: y",
        "/etc/passwd",
    ];
    check_all_refused("proxy", &proxies, |config, value| config.proxy = value);
}

#[test]
fn with_two_mistakes_no_client_is_made_and_nothing_is_sent() {
    let gateway = Gateway::plain().start();
    let mut config = gateway.config();
    config.api_key = None;
    config.base_url = text(
        gateway
            .url()
            .replace("http://127.0.0.1", "http://u:hunter22@127.0.0.1"),
    );
    assert_eq!(
        Client::new(&config).err().map(|failure| failure.result),
        Some(INVALID_ARGUMENT)
    );
    assert_eq!(gateway.connections(), 0);
}

#[test]
fn making_a_client_connects_to_nothing() {
    let gateway = Gateway::tls().start();
    let client = Client::new(&gateway.config()).expect("a client");
    client.shutdown();
    drop(client);
    assert_eq!(gateway.connections(), 0);
}

#[test]
fn the_default_url_is_the_documented_one() {
    // Nothing is sent to it: the proxy that the call goes through is asked, and refuses.
    use support::proxy::{Proxy, refusal};
    let proxy = Proxy::answering(|_| refusal("403 Forbidden"));
    let config = Config {
        base_url: None,
        ..Config::new("")
    }
    .proxy(&proxy.url());
    let client = Client::new(&config).expect("a client");
    client.call("7000001").expect(PROXY_FAILED);
    assert_eq!(
        proxy.asked()[0].line(),
        "CONNECT api.itniotech.com:443 HTTP/1.1"
    );
}
