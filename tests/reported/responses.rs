//! What servers respond, and what they want to be asked.

use std::time::{Duration, SystemTime};

use super::support::certs::{Authority, Validity};
use super::support::client::{
    BAD_RESPONSE, Client, Config, HTTP_ERROR, NO_STATUS, OK, Query, REJECTED, Reply, text, unix_now,
};
use super::support::gateway::{Gateway, Step};
use super::support::proxy::Proxy;
use super::support::response::{Response, recording_id_for, unique_id};

const CALLEE: &str = "4915112345678";

const ID: &str = "2203031113381000002";

/// The documented success.
fn success() -> String {
    format!(r#"{{"status":"0","reason":"success","data":"{ID}"}}"#)
}

/// HTTP 200 with these fields and this body, to the byte.
fn raw(fields: &str, body: &str) -> Vec<Step> {
    vec![
        Step::Send(format!("HTTP/1.1 200 OK\r\n{fields}\r\n{body}").into_bytes()),
        Step::Close,
    ]
}

/// Places a call that is answered with these steps; its request has to arrive once.
#[track_caller]
fn answered(name: &str, steps: impl Into<Vec<Step>>) -> Reply {
    let steps = steps.into();
    let gateway = Gateway::plain().answer(move |_| steps.clone()).start();
    let client = Client::new(&gateway.config().timeout_ms(10_000)).expect("a client");
    let reply = client.call(CALLEE);
    drop(client);
    assert_eq!(gateway.finish_and_count(), 1, "{name}: {reply:?}");
    reply
}

/// The call is accepted with [`ID`].
#[track_caller]
fn is_read(name: &str, steps: impl Into<Vec<Step>>) {
    let reply = answered(name, steps);
    assert_eq!(
        (reply.result, reply.recording_id.as_deref()),
        (OK, Some(ID)),
        "{name}: {reply:?}"
    );
}

/// The call is in doubt: what the server sent may not be the API's response.
#[track_caller]
fn is_in_doubt(name: &str, steps: impl Into<Vec<Step>>) -> Reply {
    let reply = answered(name, steps);
    assert_eq!(
        (reply.result, reply.status),
        (BAD_RESPONSE, NO_STATUS),
        "{name}: {reply:?}"
    );
    assert!(reply.may_have_dialed());
    reply
}

#[test]
fn a_byte_order_mark_before_the_json_is_passed_over() {
    let gateway = Gateway::plain()
        .answer(|request| {
            let now = rfc3339(unix_now());
            let record =
                format!(r#"{{"voiceId":"{ID}","callee":"{CALLEE}","submitTime":"{now}"}}"#);
            let data = match request.line().split(' ').nth(1) {
                Some("/voice/sendSip") => format!(r#""{ID}""#),
                Some("/voice/recordSipQuery") => {
                    format!(r#"{{"current":1,"size":100,"pages":1,"records":[{record}]}}"#)
                }
                _ => record,
            };
            Response::json(format!("\u{feff}{{\"status\":\"0\",\"data\":{data}}}"))
        })
        .start();
    let client = Client::new(&gateway.config()).expect("a client");
    assert_eq!(client.call(CALLEE).accepted(), ID);
    assert_eq!(client.get_record(ID).record().recording_id, ID);
    let found = client.find_records(&Query::to(CALLEE, unix_now() - 60));
    assert_eq!(found.recording_ids(), [ID]);

    let refused = answered(
        "a refusal",
        Response::json("\u{feff}{\"status\":\"-10\",\"reason\":\"no money\"}"),
    );
    refused.expect(REJECTED);
    assert_eq!((refused.status, refused.reason()), (-10, "no money"));
}

/// A time as records have it.
fn rfc3339(unix: i64) -> String {
    let time = time::OffsetDateTime::from_unix_timestamp(unix).expect("a time");
    let format = time::format_description::well_known::Rfc3339;
    time.format(&format).expect("a text")
}

#[test]
fn white_space_and_marks_around_the_json_and_a_nul_behind_it_say_nothing() {
    for (name, before, after) in [
        ("a mark of each of two files", "\u{feff}\u{feff}", ""),
        ("marks between empty lines", "\n\u{feff}\r\n\u{feff} \t", ""),
        ("empty lines behind it", "", "\r\n\r\n\t "),
        ("the end of a string of C", "", "\0"),
        ("a buffer of C", "", "\0\0\0\0\0"),
        ("a line, and the end of a string", "", "\n\0"),
    ] {
        is_read(
            name,
            Response::json(format!("{before}{}{after}", success())),
        );
    }
}

#[test]
fn other_text_around_the_json_leaves_the_call_in_doubt() {
    // Of two texts nobody can say which one is the API's.
    let notice = "<br />\n<b>Notice</b>:  Undefined index: x in <b>/srv/api.php</b> on line <b>7</b><br />\n";
    for (name, before, after) in [
        ("a notice of PHP", notice, ""),
        ("a notice of PHP behind it", "", notice),
        ("a debug print behind it", "", "Array\n(\n)\n"),
        ("JSONP", "callback(", ");"),
        ("a prefix against scripts", ")]}',\n", ""),
        ("another response", r#"{"status":"-10"}"#, ""),
        ("a NUL before it", "\0", ""),
        ("a mark behind it", "", "\u{feff}"),
        ("a no-break space before it", "\u{a0}", ""),
    ] {
        is_in_doubt(
            name,
            Response::json(format!("{before}{}{after}", success())),
        );
    }
}

#[test]
fn json_in_another_character_set_leaves_the_call_in_doubt() {
    let utf16 = |order: fn(u16) -> [u8; 2], mark: &str| {
        let text = format!("{mark}{}", success());
        text.encode_utf16().flat_map(order).collect::<Vec<u8>>()
    };
    let with_reason = |reason: &[u8]| {
        let rest = format!(r#"","data":"{ID}"}}"#);
        [br#"{"status":"0","reason":""#, reason, rest.as_bytes()].concat()
    };
    for (name, body) in [
        ("UTF-16 with a mark", utf16(u16::to_le_bytes, "\u{feff}")),
        ("UTF-16", utf16(u16::to_le_bytes, "")),
        (
            "UTF-16, the other way round",
            utf16(u16::to_be_bytes, "\u{feff}"),
        ),
        ("GBK", with_reason(b"\xb3\xc9\xb9\xa6")),
        // Its last byte is a backslash, which JSON reads as an escape of the quote.
        ("GBK with a backslash", with_reason(b"\xd5\x5c")),
        ("Latin-1", with_reason(b"tr\xe8s bien")),
    ] {
        is_in_doubt(name, Response::json(body));
    }
    // Escaped, each is read.
    is_read(
        "escaped",
        Response::json(success().replace("success", r"\u6210\u529f")),
    );
}

#[test]
fn a_response_that_is_compressed_although_nobody_asked_names_its_coding() {
    let zipped = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\xab\x56\x2a\x2e\x49\x2c".as_slice();
    for coding in ["gzip", "br", "deflate, gzip"] {
        let response = Response::json(zipped).header("Content-Encoding", coding);
        let expected = format!("Content-Encoding {coding}");
        is_in_doubt(coding, response.clone()).expect_reason(&expected);
        let error = answered(coding, response.code(403));
        error.expect(HTTP_ERROR).expect_reason(&expected);
        error.expect_reason("403");
        assert!(error.may_have_dialed());
    }
    // Some write the character set there, or the default; and send what it is without.
    for coding in ["utf-8", "UTF-8", "identity", "none", ""] {
        is_read(
            coding,
            Response::json(success()).header("Content-Encoding", coding),
        );
    }
}

#[test]
fn a_request_says_that_it_takes_no_coding_and_names_its_fields_as_documented() {
    let gateway = Gateway::plain()
        .answer(|request| match request.line().starts_with("GET") {
            true => Response::refused(-24, "none"),
            false => Response::ok(&recording_id_for(&request.callee())),
        })
        .start();
    let client = Client::new(&gateway.config()).expect("a client");
    client.call(CALLEE).accepted();
    client.get_record(ID).expect(REJECTED);
    drop(client);
    for request in gateway.finish() {
        let head = String::from_utf8(request.head.clone()).expect("a head in ASCII");
        let names = head
            .lines()
            .skip(1)
            .filter_map(|line| line.split_once(": "));
        let mut names: Vec<_> = names.map(|(name, _)| name).collect();
        let is_post = request.line().starts_with("POST");
        assert_eq!(is_post, names.last() == Some(&"Content-Length"), "{head}");
        names.truncate(8);
        let documented = [
            "Host",
            "User-Agent",
            "Accept",
            "Accept-Encoding",
            "Content-Type",
            "Api-Key",
            "Sign",
            "Timestamp",
        ];
        assert_eq!(names, documented, "{head}");
        assert_eq!(request.header("accept-encoding"), "identity");
    }
}

#[test]
fn a_request_for_a_tunnel_names_its_fields_likewise() {
    let gateway = Gateway::tls().start();
    let proxy = Proxy::with_password(gateway.address(), "dTpwYXNz");
    let by = proxy.url().replace("http://", "http://u:pass@");
    let client = Client::new(&gateway.config().proxy(&by)).expect("a client");
    client.call(CALLEE).accepted();
    let asked = proxy.asked();
    let head = String::from_utf8_lossy(&asked[0].head);
    for name in [
        "\r\nHost: ",
        "\r\nUser-Agent: ",
        "\r\nProxy-Authorization: ",
    ] {
        assert!(head.contains(name), "{head}");
    }
}

#[test]
fn each_brand_of_the_api_is_reached_by_its_base_url() {
    for (host, base) in [
        ("api.itniotech.com", "/voice"),
        ("api.onbuka.com", "/v3/voice"),
        ("api.laaffic.com", "/v3/voice"),
    ] {
        let gateway = Gateway::tls()
            .certificate(Authority::common().server(&[host], Validity::Now))
            .answer(|request| match request.line().starts_with("GET") {
                true => Response::refused(-24, "none"),
                false if request.line().contains("Query") => Response::refused(-24, "none"),
                false => Response::ok(&unique_id()),
            })
            .start();
        // The real name, by a tunnel that leads to this machine.
        let proxy = Proxy::to(gateway.address());
        for end in ["", "/"] {
            let config = Config {
                base_url: text(format!("https://{host}{base}{end}")),
                ..gateway.config().proxy(&proxy.url())
            };
            let client = Client::new(&config).expect("a client");
            client.call(CALLEE).accepted();
            client.get_record(ID).expect(REJECTED);
            client
                .find_records(&Query::since(unix_now() - 60))
                .expect(OK);
        }
        let deliveries = gateway.finish();
        let lines: Vec<_> = deliveries.iter().map(|request| request.line()).collect();
        let expected = [
            format!("POST {base}/sendSip HTTP/1.1"),
            format!("GET {base}/recordSip/{ID} HTTP/1.1"),
            format!("POST {base}/recordSipQuery HTTP/1.1"),
        ];
        assert_eq!(lines[..3], expected);
        assert_eq!(lines[3..], expected);
        for request in &deliveries {
            assert_eq!(request.header("host"), host);
        }
        for request in proxy.asked() {
            assert_eq!(request.line(), format!("CONNECT {host}:443 HTTP/1.1"));
        }
    }
}

#[test]
fn every_status_of_the_family_is_a_refusal_with_its_meaning() {
    for (status, meaning) in [
        (-15, "query too frequent"),
        (-20, "data exists already"),
        (-21, "data validation failed"),
        (-23, "data cap reached"),
        (-24, "data does not exist"),
        (-25, "out of the time range"),
        (-26, "getting fee failed"),
        (-27, "the period's send limit is reached"),
        (-28, "the number's send limit of the period is reached"),
    ] {
        let reply = answered(meaning, Response::refused(status, ""));
        reply.expect(REJECTED);
        assert_eq!((reply.status, reply.reason()), (status, meaning));
        assert!(!reply.may_have_dialed());
    }
}

#[test]
fn a_field_that_goes_on_in_the_next_line_and_a_space_before_a_colon_are_read() {
    let body = success();
    let length = body.len();
    for (name, fields) in [
        (
            "a policy of many lines",
            format!(
                "Content-Security-Policy:\r\n  default-src 'self';\r\n\tscript-src x: y\r\nContent-Length: {length}\r\n"
            ),
        ),
        (
            "a length in the next line",
            format!("Content-Length:\r\n {length}\r\n"),
        ),
        (
            "a space before the colon",
            format!("X-Allow : true\r\nContent-Length : {length}\r\n"),
        ),
        (
            "line feeds only",
            format!("X: y\nContent-Length: {length}\n"),
        ),
        (
            "no space behind the colon",
            format!("X:y\r\nContent-Length:{length}\r\n"),
        ),
        (
            "text that is not ASCII",
            format!("X: caf\u{e9}\r\nContent-Length: {length}\r\n"),
        ),
        (
            "the same length twice",
            format!("Content-Length: {length}\r\nContent-Length: {length}\r\n"),
        ),
        (
            "the same length twice in one",
            format!("Content-Length: {length}, {length}\r\n"),
        ),
    ] {
        is_read(name, raw(&fields, &body));
    }
    for (name, fields) in [
        (
            "another length in the next line",
            format!("Content-Length: {length}\r\n 1\r\n"),
        ),
        (
            "two lengths, one with a space",
            format!("Content-Length : 1\r\nContent-Length: {length}\r\n"),
        ),
        (
            "a field without a name",
            format!(": x\r\nContent-Length: {length}\r\n"),
        ),
        (
            "a first line that goes on",
            format!(" X: y\r\nContent-Length: {length}\r\n"),
        ),
    ] {
        is_in_doubt(name, raw(&fields, &body));
    }
}

#[test]
fn a_head_of_hundreds_of_fields_is_read() {
    for count in [101, 129, 257, 900] {
        let many = (0..count).fold(Response::json(success()), |response, number| {
            response.header("Set-Cookie", &format!("c{number}=v; Path=/"))
        });
        is_read(&format!("{count} fields"), many);
    }
    let large = format!("session={}; Path=/", "x".repeat(40_000));
    is_read(
        "a cookie of 40 KB",
        Response::json(success()).header("Set-Cookie", &large),
    );
}

#[test]
fn a_status_line_without_a_phrase_or_with_one_in_another_language_is_read() {
    let rest = format!("Content-Length: {}\r\n\r\n{}", success().len(), success());
    for line in [
        b"HTTP/1.1 200\r\n".as_slice(),
        b"HTTP/1.1 200 \r\n",
        b"HTTP/1.1 200 D'accord, tr\xe8s bien\r\n",
        "HTTP/1.1 200 \u{6210}\u{529f}\r\n".as_bytes(),
        b"HTTP/1.1 200 OK\n",
    ] {
        let bytes = [line, rest.as_bytes()].concat();
        let name = String::from_utf8_lossy(line).into_owned();
        is_read(&name, vec![Step::Send(bytes), Step::Close]);
    }
}

#[test]
fn chunks_are_read_however_their_sizes_are_written() {
    let body = success();
    let (first, second) = body.split_at(26);
    for (name, sizes) in [
        ("with zeros before them", ["00000001a", "0000024", "000"]),
        ("in capitals", ["1A", "24", "0"]),
        ("with spaces behind them", ["1a  ", "24 \t", "0 "]),
        (
            "with extensions",
            ["1a;name=value", "24 ; x=\"y;z\"", "0;last"],
        ),
    ] {
        let [one, two, last] = sizes;
        for trailer in ["", "X-Checksum: 7\r\nDate: x\r\n"] {
            let chunks =
                format!("{one}\r\n{first}\r\n{two}\r\n{second}\r\n{last}\r\n{trailer}\r\n");
            is_read(name, raw("Transfer-Encoding: chunked\r\n", &chunks));
        }
    }
    assert_eq!((first.len(), second.len()), (0x1a, 0x24));
}

#[test]
fn a_body_where_there_must_be_none_is_not_the_next_response() {
    // The body of a 204 would be read as the response to the next call.
    let gateway = Gateway::plain()
        .answer(|request| {
            let response = Response::ok(&unique_id()).bytes();
            let head = b"HTTP/1.1 204 No Content\r\nContent-Length: 60\r\n\r\n";
            match request.order {
                1 => vec![Step::Send([head.as_slice(), &response].concat())],
                _ => vec![Step::Send(response)],
            }
        })
        .start();
    let client = Client::new(&gateway.config()).expect("a client");
    client.call("7000001").expect(BAD_RESPONSE);
    client.call("7000002").accepted();
    drop(client);
    assert_eq!(gateway.connections(), 2);
    assert_eq!(gateway.finish_and_count(), 2);
}

#[test]
fn a_connection_is_used_again_only_where_the_server_keeps_it() {
    let body = |id: &str| format!(r#"{{"status":"0","data":"{id}"}}"#);
    for (version, fields, is_kept) in [
        ("1.1", "", true),
        (
            "1.1",
            "Connection: keep-alive\r\nKeep-Alive: timeout=5, max=100\r\n",
            true,
        ),
        ("1.1", "Connection: Close\r\n", false),
        ("1.1", "CONNECTION: Keep-Alive, CLOSE\r\n", false),
        ("1.1", "Connection: upgrade\r\nConnection: close\r\n", false),
        (
            "1.1",
            "Connection: keep-alive\r\nKeep-Alive: timeout=1\r\n",
            false,
        ),
        ("1.0", "", false),
        // It may mean that of a proxy between (RFC 9112, C.2.2).
        ("1.0", "Connection: keep-alive\r\n", false),
    ] {
        let gateway = Gateway::plain()
            .answer(move |_| {
                let body = body(&unique_id());
                let length = body.len();
                vec![Step::Send(
                    format!(
                        "HTTP/{version} 200 OK\r\n{fields}Content-Length: {length}\r\n\r\n{body}"
                    )
                    .into_bytes(),
                )]
            })
            .start();
        let client = Client::new(&gateway.config()).expect("a client");
        for callee in ["7000001", "7000002"] {
            client.call(callee).accepted();
        }
        drop(client);
        let connections = if is_kept { 1 } else { 2 };
        assert_eq!(
            gateway.connections(),
            connections,
            "HTTP/{version} {fields:?}"
        );
        assert_eq!(gateway.finish_and_count(), 2);
    }
}

#[test]
fn a_status_is_a_whole_number_however_it_is_written() {
    for status in [
        r#""0""#,
        "0",
        r#""0 ""#,
        r#"" 0""#,
        r#""00""#,
        r#""+0""#,
        r#""-0""#,
        "-0",
        r#""\u0030""#,
    ] {
        is_read(
            status,
            Response::json(format!(r#"{{"status":{status},"data":"{ID}"}}"#)),
        );
    }
    for status in [
        r#""0.0""#,
        "0.0",
        "0e0",
        "00",
        "true",
        "false",
        r#""""#,
        r#""0x0""#,
        r#""OK""#,
        "[0]",
        r#""\uff10""#,
    ] {
        is_in_doubt(
            status,
            Response::json(format!(r#"{{"status":{status},"data":"{ID}"}}"#)),
        );
    }
    // Two of them: a reader may take either.
    for fields in [
        r#""status":"-10","status":"0""#,
        r#""status":"0","status":"0""#,
        r#""status":"0","data":"1""#,
    ] {
        is_in_doubt(
            fields,
            Response::json(format!(r#"{{{fields},"data":"{ID}"}}"#)),
        );
    }
}

#[test]
fn a_date_is_read_in_each_form_of_http_and_in_no_other() {
    let hour_ahead = || SystemTime::now() + Duration::from_secs(3600);
    let formats = [
        (
            "RFC 9110",
            "[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT",
            true,
        ),
        (
            "RFC 850",
            "[weekday], [day]-[month repr:short]-[year repr:last_two] [hour]:[minute]:[second] GMT",
            true,
        ),
        (
            "asctime",
            "[weekday repr:short] [month repr:short] [day padding:space] [hour]:[minute]:[second] [year]",
            true,
        ),
        (
            "another zone",
            "[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] CST",
            false,
        ),
        (
            "an offset",
            "[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] +0800",
            false,
        ),
        (
            "ISO 8601",
            "[year]-[month]-[day]T[hour]:[minute]:[second]Z",
            false,
        ),
    ];
    for (name, format, is_read) in formats {
        let gateway = Gateway::plain()
            .answer(move |request| {
                let is_late = request.timestamp() < unix_now() + 1800;
                let format =
                    time::format_description::parse_borrowed::<2>(format).expect("a format");
                let date = time::OffsetDateTime::from(hour_ahead())
                    .format(&format)
                    .expect("a date");
                match is_late {
                    true => Response::refused(-16, "timestamp expires").header("Date", &date),
                    false => Response::ok(&unique_id()),
                }
            })
            .start();
        let client = Client::new(&gateway.config()).expect("a client");
        let reply = client.call(CALLEE);
        drop(client);
        let expected = if is_read { (OK, 2) } else { (REJECTED, 1) };
        assert_eq!(
            (reply.result, gateway.finish_and_count()),
            expected,
            "{name}: {reply:?}"
        );
    }
}
