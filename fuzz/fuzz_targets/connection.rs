//! Any bytes in place of a server, for some calls of one client in turn: no panic, no hang, and results
//! that are true. What the result of a call may be is worked out beside the library: how often its request
//! arrived and over which connection, what a second reader of HTTP makes of the bytes that answered it, and
//! which recording IDs this client has handed out.
//!
//! An input is a byte that chooses the kind of server, and what it says to each call:
//!
//! | byte | in its place |
//! | --- | --- |
//! | 0xff | the end of what is said to this call |
//! | 0xfe | the end of a write |
//! | 0xfd | a recording ID of this call's own |
//! | 0xfc | first in a call: said before the request, on every connection, so that the client can see it |
//! | 0xfa | first in a call: said as soon as the client connects, while it may be sending its request |
//! | 0xfb | last in a call: the connection is left open |
#![no_main]

mod meaning;
mod peer;
mod second_reading;
mod unicode;

use std::cell::Cell;
use std::collections::{HashMap, HashSet};
use std::ffi::{CString, c_int, c_void};
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::fd::RawFd;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Condvar, LazyLock, Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant};

use itnio::ffi::exports::*;
use itnio::ffi::result::itnio_result::*;
use libfuzzer_sys::fuzz_target;
use meaning::Meaning;

/// Far more than any call here may take: the server leaves none waiting.
const TIMEOUT: Duration = Duration::from_secs(10);
/// How long the server leaves a call waiting.
const PATIENCE: Duration = Duration::from_millis(20);
/// What is between two writes: enough for the first to be read alone, mostly.
const PAUSE: Duration = Duration::from_micros(500);
const CALLS: usize = 4;

/// When the server says its turn.
#[derive(Clone, Copy, Default, PartialEq)]
enum Moment {
    /// Once the request has arrived.
    #[default]
    Asked,
    /// Before the request, on every connection: it has arrived when the client checks the connection.
    Early,
    /// Once the client has connected; the request may be on its way.
    Racing,
}

/// What the server says to one call.
#[derive(Clone, Default)]
struct Turn {
    number: String,
    writes: Vec<Vec<u8>>,
    moment: Moment,
    stays_open: bool,
}

impl Turn {
    fn new(mut script: &[u8], number: &str) -> Turn {
        let mut turn = Turn {
            number: number.to_owned(),
            ..Turn::default()
        };
        if let [first @ (0xfc | 0xfa), rest @ ..] = script {
            turn.moment = if *first == 0xfc {
                Moment::Early
            } else {
                Moment::Racing
            };
            script = rest;
        }
        if let [rest @ .., 0xfb] = script {
            turn.stays_open = true;
            script = rest;
        }
        turn.writes = script
            .split(|byte| *byte == 0xfe)
            .map(|write| {
                let mut said = Vec::new();
                for byte in write {
                    match byte {
                        0xfd => said.extend_from_slice(number.as_bytes()),
                        byte => said.push(*byte),
                    }
                }
                said
            })
            .collect();
        if turn.stays_open && turn.writes.concat().is_empty() {
            // Nothing that could be seen.
            turn.moment = Moment::Asked;
        }
        turn
    }

    fn say(&self, stream: &mut TcpStream) {
        for (number, write) in self.writes.iter().enumerate() {
            if number > 0 {
                thread::sleep(PAUSE);
            }
            let _ = stream.write_all(write);
        }
        if !self.stays_open {
            let _ = stream.shutdown(Shutdown::Write);
        }
    }
}

/// What goes on, for the connections and the caller to see.
#[derive(Default)]
struct Stage {
    is_tls: bool,
    /// For the next who asks.
    turn: Option<Turn>,
    /// How many connections have something to say.
    saying: usize,
    /// Whether a call waits.
    is_calling: bool,
    /// Those that are open.
    connections: HashMap<usize, TcpStream>,
    /// Whether this call's turn is an early one, and whether it has been said on a new connection.
    early: bool,
    greeted: bool,
    /// The client's end of its last connection, and whether it was held there until the early turn had come.
    client: Option<RawFd>,
    was_held: bool,
    /// The numbers of the calls whose whole request has arrived, and the connections.
    arrived: Vec<(String, usize)>,
}

struct Server {
    base_url: [CString; 2],
    stage: Mutex<Stage>,
    changed: Condvar,
}

impl Server {
    fn stage(&self) -> MutexGuard<'_, Stage> {
        self.stage.lock().expect("no panic under the lock")
    }

    fn change(&self, change: impl FnOnce(&mut Stage)) {
        change(&mut self.stage());
        self.changed.notify_all();
    }

    /// Waits until `holds`, which has to come about.
    fn wait_until(&self, what: &str, holds: impl Fn(&Stage) -> bool) {
        let (stage, timed_out) = self
            .changed
            .wait_timeout_while(self.stage(), TIMEOUT, |stage| !holds(stage))
            .expect("no panic under the lock");
        drop(stage);
        assert!(!timed_out.timed_out(), "never: {what}");
    }

    fn serve(&self, connection: usize, mut stream: TcpStream) {
        let (is_tls, early) = {
            let mut stage = self.stage();
            let is_tls = stage.is_tls;
            let is_early = |turn: &mut Turn| !is_tls && turn.moment != Moment::Asked;
            (is_tls, stage.turn.take_if(is_early))
        };
        if is_tls {
            let _ = stream.set_read_timeout(Some(TIMEOUT));
            let _ = stream.read(&mut [0; 1024]);
            let turn = self.stage().turn.take();
            self.say(&mut stream, turn.unwrap_or_default());
            let _ = stream.shutdown(Shutdown::Write);
            while stream.read(&mut [0; 1024]).is_ok_and(|read| read > 0) {}
            return;
        }
        // What goes with a request that is on its way is to be said before the next call begins.
        let mut owes = early.is_some();
        if let Some(turn) = early {
            self.change(|stage| stage.saying += 1);
            self.say(&mut stream, turn);
            self.change(|stage| stage.greeted = true);
        }
        while let Some(number) = self.read_request(&mut stream) {
            let turn = {
                let mut stage = self.stage();
                let turn = stage.turn.take_if(|turn| turn.number == number);
                stage.arrived.push((number, connection));
                turn
            };
            match turn {
                Some(turn) => self.say(&mut stream, turn),
                // Asked once more, within the same call.
                None => {
                    let _ = stream.write_all(
                        b"HTTP/1.1 200 OK\r\nContent-Length: 16\r\n\r\n{\"status\":\"-22\"}",
                    );
                }
            }
            if std::mem::take(&mut owes) {
                self.change(|stage| stage.saying -= 1);
            }
        }
        if owes {
            self.change(|stage| stage.saying -= 1);
        }
    }

    fn say(&self, stream: &mut TcpStream, turn: Turn) {
        self.change(|stage| stage.saying += 1);
        turn.say(stream);
        self.change(|stage| stage.saying -= 1);
    }

    /// Says an early turn on connections that may be idle at the client, and waits until it has arrived.
    fn say_to_idle(&self, turn: &Turn) {
        let (streams, client) = {
            let stage = self.stage();
            let open = stage.connections.values();
            let streams: Vec<_> = open
                .map(|stream| stream.try_clone().expect("a copy"))
                .collect();
            (streams, stage.client)
        };
        if streams.is_empty() {
            return;
        }
        for mut stream in streams {
            turn.say(&mut stream);
        }
        // One that the client has closed is no descriptor any more: the wait then ends at once.
        if let Some(client) = client {
            until_readable(client);
        }
    }

    /// The number that is called, once all of the request has arrived. A call that waits too long for
    /// more of a response than there is finds the connection closed.
    fn read_request(&self, stream: &mut TcpStream) -> Option<String> {
        stream.set_read_timeout(Some(PATIENCE)).expect("a time-out");
        let mut request = Vec::new();
        let mut buffer = [0; 2048];
        loop {
            match stream.read(&mut buffer) {
                Ok(0) => return None,
                Ok(read) => request.extend_from_slice(&buffer[..read]),
                Err(error)
                    if [ErrorKind::WouldBlock, ErrorKind::TimedOut].contains(&error.kind()) =>
                {
                    if self.stage().is_calling {
                        let _ = stream.shutdown(Shutdown::Write);
                    }
                }
                Err(_) => return None,
            }
            // The body is one JSON object without another in it.
            if request.ends_with(b"}") {
                let text = String::from_utf8(request).expect("a request in UTF-8");
                let (_, number) = text.split_once(r#""callee":""#).expect("a callee");
                let (number, _) = number.split_once('"').expect("all of it");
                return Some(number.to_owned());
            }
        }
    }
}

static SERVER: LazyLock<Arc<Server>> = LazyLock::new(|| {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a loopback port");
    let address = listener.local_addr().expect("an address");
    let base_url = ["http", "https"]
        .map(|scheme| CString::new(format!("{scheme}://{address}")).expect("no NUL"));
    let server = Arc::new(Server {
        base_url,
        stage: Mutex::default(),
        changed: Condvar::new(),
    });
    // As many threads as connections may be open at once; one that ended would look like a leak.
    let (accepted, connections) = channel::<(usize, TcpStream)>();
    let connections = Arc::new(Mutex::new(connections));
    for _ in 0..4 * CALLS {
        let server = Arc::clone(&server);
        let connections = Arc::clone(&connections);
        thread::spawn(move || {
            loop {
                let next = connections.lock().expect("no panic under the lock").recv();
                let (connection, stream) = next.expect("a server for ever");
                server.serve(connection, stream);
                server.change(|stage| drop(stage.connections.remove(&connection)));
            }
        });
    }
    let accepting = Arc::clone(&server);
    thread::spawn(move || {
        for (connection, stream) in listener.incoming().enumerate() {
            let stream = stream.expect("a connection");
            // What has been written is there.
            stream.set_nodelay(true).expect("an option");
            let copy = stream.try_clone().expect("a copy");
            accepting.change(|stage| drop(stage.connections.insert(connection, copy)));
            accepted
                .send((connection, stream))
                .expect("a server for ever");
        }
    });
    server
});

static CA_FILE: LazyLock<CString> = LazyLock::new(|| {
    let key = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    let path = std::env::temp_dir().join(format!("itnio-fuzz-{}.pem", std::process::id()));
    std::fs::write(&path, key.cert.pem()).expect("a file");
    CString::new(path.into_os_string().into_encoded_bytes()).expect("no NUL")
});

thread_local! {
    /// Whether this thread is inside the library.
    static IS_CALLING: Cell<bool> = const { Cell::new(false) };
}

/// The linker takes this in place of the system's. The library sets an option of a new connection before it
/// checks that no data has arrived on it: there it waits for what is said early.
///
/// # Safety
///
/// As for the system's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn setsockopt(
    fd: c_int,
    level: c_int,
    name: c_int,
    value: *const c_void,
    length: libc::socklen_t,
) -> c_int {
    if IS_CALLING.get() {
        let server = &**SERVER;
        let is_early = {
            let mut stage = server.stage();
            stage.client = Some(fd);
            stage.early
        };
        if is_early {
            server.wait_until("the early turn is said", |stage| stage.greeted);
            until_readable(fd);
            server.change(|stage| stage.was_held = true);
        }
    }
    // SAFETY: the caller's promise.
    unsafe { libc::syscall(libc::SYS_setsockopt, fd, level, name, value, length) as c_int }
}

/// Waits until there is something to read, if only the end.
fn until_readable(fd: RawFd) {
    let mut event = libc::pollfd {
        fd,
        events: libc::POLLIN,
        revents: 0,
    };
    // SAFETY: one live event.
    unsafe { libc::poll(&raw mut event, 1, TIMEOUT.as_millis() as c_int) };
}

/// A call's number, which is also the recording ID that is its own.
fn number() -> String {
    static CALLED: AtomicU32 = AtomicU32::new(0);
    format!("49{:010}", CALLED.fetch_add(1, Ordering::Relaxed))
}

fuzz_target!(|input: &[u8]| {
    let Some((kind, script)) = input.split_first() else {
        return;
    };
    // One in 16 goes where TLS is expected: rustls has fuzz targets of its own.
    let is_tls = kind % 16 == 0;
    let server = &**SERVER;
    server.change(|stage| {
        *stage = Stage {
            is_tls,
            ..Stage::default()
        }
    });
    let config = itnio_config {
        api_key: c"bDqJFiq9".as_ptr(),
        api_secret: c"7bz1lzh9".as_ptr(),
        base_url: server.base_url[usize::from(is_tls)].as_ptr(),
        ca_file: CA_FILE.as_ptr(),
        proxy: c"".as_ptr(),
        connect_timeout_ms: 0,
        timeout_ms: TIMEOUT.as_millis() as u32,
        reserved: [std::ptr::null(); 4],
    };
    let client = peer::client(&config).expect("a client");
    let calls: Vec<_> = script
        .split(|byte| *byte == 0xff)
        .take(CALLS)
        .map(|script| {
            let number = number();
            let turn = Turn::new(script, &number);
            let is_early = !is_tls && turn.moment == Moment::Early;
            if is_early {
                server.say_to_idle(&turn);
            }
            server.change(|stage| {
                stage.turn = Some(turn.clone());
                stage.is_calling = true;
                stage.early = is_early;
                stage.greeted = false;
                stage.was_held = false;
            });
            let reply = place(client, &number);
            assert_eq!(server.stage().was_held, is_early, "{reply:?}");
            // What is said beyond the response has to arrive before the next call begins.
            server.wait_until("all is said", |stage| stage.saying == 0);
            server.change(|stage| stage.is_calling = false);
            (number, turn, reply)
        })
        .collect();
    // SAFETY: it is not used any more.
    unsafe { itnio_client_free(client) };
    server.wait_until("its connections are closed", |stage| {
        stage.connections.is_empty()
    });

    let arrived = std::mem::take(&mut server.stage().arrived);
    let mut handed_out = HashSet::new();
    for (number, turn, reply) in &calls {
        let arrived = arrived
            .iter()
            .filter(|(callee, _)| callee == number)
            .count();
        // No handshake succeeds here, and that is known.
        assert!(!is_tls || !reply.result.may_have_dialed(), "{reply:?}");
        check(number, turn, arrived, reply, &handed_out);
        if let Some(id) = &reply.recording_id {
            assert!(handed_out.insert(id), "{id}, another call's");
        }
    }
    // Only an accepted call leaves its connection for another; a refused timestamp not even for its own
    // second request.
    let mut served = HashMap::new();
    for (number, connection) in &arrived {
        if let Some(before) = served.insert(connection, number) {
            let is_ok = calls
                .iter()
                .any(|(callee, _, reply)| callee == before && reply.result == ITNIO_OK);
            assert!(is_ok && before != number, "{number} after {before}");
        }
    }
});

fn place(client: *const itnio_client, number: &str) -> peer::Reply {
    let callee = CString::new(number).expect("no NUL");
    let request = itnio_sip_request {
        callee: callee.as_ptr(),
        display_num: std::ptr::null(),
        account: c"1001".as_ptr(),
        app_id: c"app".as_ptr(),
        called_info: std::ptr::null(),
        timeout_ms: 0,
        reserved: [std::ptr::null(); 4],
    };
    let begun = Instant::now();
    IS_CALLING.set(true);
    let reply = peer::send(client, &request);
    IS_CALLING.set(false);
    let took = begun.elapsed();
    assert!(took < TIMEOUT / 2, "{took:?}: {reply:?}");
    reply
}

/// The result of a call has to be true.
fn check(
    number: &str,
    turn: &Turn,
    arrived: usize,
    reply: &peer::Reply,
    handed_out: &HashSet<&String>,
) {
    let response = second_reading::read(&turn.writes.concat());
    let said = || format!("{number}, arrived {arrived} times: {reply:?}\n{response:?}");
    let is_success = |response: &second_reading::Response| (200..300).contains(&response.status);
    let meaning = response.as_ref().and_then(|response| {
        let meaning = meaning::of(&response.body)?;
        (is_success(response) || matches!(meaning, Meaning::Refused(_))).then_some(meaning)
    });
    if arrived == 2 {
        // A refused timestamp, with something to correct it by.
        let is_dated = response.as_ref().is_some_and(|response| response.is_dated);
        assert!(
            is_dated && matches!(meaning, Some(Meaning::Refused(-16))),
            "{}",
            said()
        );
        assert_eq!(reply.status, Some(-22), "{}", said());
        return;
    }
    assert!(arrived < 2, "{}", said());
    match turn.moment {
        Moment::Asked => {}
        // Not even a request is sent.
        Moment::Early => {
            let is_not_sent = reply.result == ITNIO_CONNECT_FAILED && arrived == 0;
            assert!(
                is_not_sent || reply.result == ITNIO_TLS_FAILED,
                "{}",
                said()
            );
            return;
        }
        // A server that answers at once may lose the request with the connection, or have sent its response
        // over a connection that was never used. Then only a call that was reported as not sent can be checked.
        Moment::Racing => {
            let is_not_sent = !reply.result.may_have_dialed() && reply.result != ITNIO_REJECTED;
            assert!(!is_not_sent || arrived == 0, "{}", said());
            return;
        }
    }
    match reply.result {
        ITNIO_OK => {
            assert_eq!(arrived, 1, "{}", said());
            let id = reply.recording_id.as_ref().expect("checked");
            let is_so = matches!(&meaning, Some(Meaning::Accepted(meant)) if meant == id);
            assert!(is_so && !handed_out.contains(id), "{}", said());
        }
        ITNIO_REJECTED => {
            assert_eq!(arrived, 1, "{}", said());
            let is_so =
                matches!(&meaning, Some(Meaning::Refused(status)) if reply.status == Some(*status));
            assert!(is_so, "{}", said());
        }
        result => {
            assert!(result.may_have_dialed() || arrived == 0, "{}", said());
            // A response that is sent once the request has arrived acknowledges it, so that none here is taken
            // for one that came before.
            let reason = reply.reason.as_deref().expect("checked");
            assert!(!reason.contains("before the request"), "{}", said());
        }
    }
    // A response that has only one meaning is understood.
    if let Some(response) = response
        .as_ref()
        .filter(|response| response.is_plain && arrived == 1)
    {
        let unusable = if is_success(response) {
            ITNIO_BAD_RESPONSE
        } else {
            ITNIO_HTTP_ERROR
        };
        let expected = match meaning::of(&response.body) {
            Some(Meaning::Refused(status)) => (ITNIO_REJECTED, Some(status)),
            Some(Meaning::Accepted(id)) if is_success(response) && !handed_out.contains(&id) => {
                (ITNIO_OK, Some(0))
            }
            Some(Meaning::Accepted(_) | Meaning::NoRecording) => (unusable, Some(0)),
            Some(Meaning::NotTheApis(status)) => (unusable, Some(status)),
            None => (unusable, None),
        };
        assert_eq!((reply.result, reply.status), expected, "{}", said());
    }
}
