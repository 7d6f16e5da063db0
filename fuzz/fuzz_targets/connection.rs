//! Any bytes in place of a server, plain or where TLS is expected: no panic, no hang, and a result
//! that is true: accepted only with a recording ID that stands in the bytes, and said unsent only
//! where no whole request was received.
#![no_main]

mod peer;

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{LazyLock, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use itnio::capi::*;
use itnio::outcome::itnio_result::*;
use libfuzzer_sys::fuzz_target;

const TIMEOUT: Duration = Duration::from_millis(1500);

/// A server that says what it is given to whoever connects, and tells how much of a request it got.
struct Server {
    say: Sender<Vec<u8>>,
    heard: Receiver<bool>,
    port: u16,
}

fn serve(is_plain: bool) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a loopback port");
    let port = listener.local_addr().expect("an address").port();
    let (say, to_say) = channel::<Vec<u8>>();
    let (hear, heard) = channel();
    thread::spawn(move || {
        for bytes in to_say {
            let (mut stream, _) = listener.accept().expect("a connection");
            stream.set_read_timeout(Some(TIMEOUT)).expect("a time-out");
            let whole = is_plain && read_request(&mut stream);
            if !is_plain {
                let _ = stream.read(&mut [0; 1024]);
            }
            let _ = stream.write_all(&bytes);
            let _ = stream.shutdown(Shutdown::Write);
            // Until the client has closed, so that nothing that it sends is answered by a reset.
            while stream.read(&mut [0; 1024]).is_ok_and(|read| read > 0) {}
            let _ = hear.send(whole);
        }
    });
    Server { say, heard, port }
}

fn read_request(stream: &mut impl Read) -> bool {
    let mut request = Vec::new();
    let mut buffer = [0; 2048];
    loop {
        match stream.read(&mut buffer) {
            Ok(read) if read > 0 => request.extend_from_slice(&buffer[..read]),
            _ => return false,
        }
        // The body is one JSON object without another in it.
        if request.ends_with(b"}") {
            return true;
        }
    }
}

/// A server and a client of it. The client is freed with the process.
struct Line {
    server: Server,
    base_url: std::ffi::CString,
}

fn line(is_plain: bool) -> Mutex<Line> {
    let server = serve(is_plain);
    let scheme = if is_plain { "http" } else { "https" };
    let base_url = format!("{scheme}://127.0.0.1:{}", server.port);
    Mutex::new(Line {
        server,
        base_url: std::ffi::CString::new(base_url).expect("no NUL"),
    })
}

static PLAIN: LazyLock<Mutex<Line>> = LazyLock::new(|| line(true));
static TLS: LazyLock<Mutex<Line>> = LazyLock::new(|| line(false));
static CA_FILE: LazyLock<std::ffi::CString> = LazyLock::new(|| {
    let key = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    let path = std::env::temp_dir().join(format!("itnio-fuzz-{}.pem", std::process::id()));
    std::fs::write(&path, key.cert.pem()).expect("a file");
    std::ffi::CString::new(path.into_os_string().into_encoded_bytes()).expect("no NUL")
});

fuzz_target!(|input: &[u8]| {
    let Some((kind, bytes)) = input.split_first() else {
        return;
    };
    // One in 16 goes where TLS is expected: rustls has fuzz targets of its own.
    let is_plain = kind % 16 != 0;
    let line = if is_plain { &PLAIN } else { &TLS }
        .lock()
        .expect("no panic before");

    let config = itnio_config {
        api_key: c"bDqJFiq9".as_ptr(),
        api_secret: c"7bz1lzh9".as_ptr(),
        base_url: line.base_url.as_ptr(),
        ca_file: CA_FILE.as_ptr(),
        proxy: c"".as_ptr(),
        connect_timeout_ms: 0,
        timeout_ms: TIMEOUT.as_millis() as u32,
    };
    let request = itnio_sip_request {
        callee: c"4915112345678".as_ptr(),
        display_num: std::ptr::null(),
        account: c"1001".as_ptr(),
        app_id: c"app".as_ptr(),
        called_info: std::ptr::null(),
    };
    let client = peer::client(&config).expect("a client");
    line.server.say.send(bytes.to_vec()).expect("a server");
    let begun = Instant::now();
    let reply = peer::send(client, &request);
    let took = begun.elapsed();
    // SAFETY: nobody uses it any more.
    unsafe { itnio_client_free(client) };
    let received_whole = line.server.heard.recv().expect("a server");

    assert!(took < TIMEOUT + Duration::from_secs(2), "{took:?}");
    match reply.result {
        ITNIO_OK => {
            let id = reply.recording_id.expect("checked");
            assert!(received_whole);
            // Escapes in the JSON, and chunks, may stand between its characters.
            let first = id.as_bytes()[0];
            assert!(bytes.contains(&first) || bytes.contains(&b'\\'));
        }
        ITNIO_REJECTED => assert!(received_whole),
        result if !result.may_have_dialed() => assert!(!received_whole, "{result:?}"),
        _ => {}
    }
});
