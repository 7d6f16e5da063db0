//! A gateway whose faults are exact to the byte: a TLS or plain HTTP/1.1 server that follows a script
//! and keeps a diary of every request that it received.
//!
//! ```ignore
//! let gateway = Gateway::tls()
//!     .opening(|connection| if connection == 1 { Opening::Serve } else { Opening::raw([Step::Reset]) })
//!     .answer(|request| vec![Step::Send(Response::ok("1").bytes()[..20].into()), Step::Reset])
//!     .start();
//! let client = Client::new(&gateway.config()).unwrap();
//! client.call("861234567").expect(client::CONNECTION_LOST);
//! drop(client);
//! assert_eq!(gateway.finish().len(), 1);
//! ```

use std::fmt;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::fd::AsRawFd;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use rustls::server::NoServerSessionStorage;
use rustls::{HandshakeKind, ProtocolVersion, ServerConfig, ServerConnection};

use super::certs::{Authority, LOOPBACK, Validity};
use super::client::Config;
use super::diary::{Delivery, whole_request};
use super::response::{RecordingIds, Response};
use super::sockets::{MAX_WAIT, Peer, Server};

/// One thing to do on a connection.
#[derive(Clone, Debug)]
pub enum Step {
    Send(Vec<u8>),
    /// Without TLS, even where the connection has it.
    SendRaw(Vec<u8>),
    /// The first as [`Step::Send`] does and the second as [`Step::SendRaw`], in one segment.
    SendThenRaw(Vec<u8>, Vec<u8>),
    /// One byte at a time, with this pause after each.
    Drip(Vec<u8>, Duration),
    /// The same bytes until the client has gone.
    Flood(Vec<u8>),
    /// Reads until this many bytes of the next request are there.
    Read(usize),
    Pause(Duration),
    /// Neither reads nor writes until the client has gone; then reads what it had sent.
    Stall,
    /// The orderly end: TLS close_notify, then FIN.
    Close,
    /// FIN without close_notify.
    Fin,
    /// FIN without close_notify; the connection stays open for the client to send.
    HalfClose,
    /// RST.
    Reset,
    /// Connects the two: bytes go both ways until either ends (for the proxy), inside TLS with the client where
    /// the connection has it.
    Tunnel(SocketAddr),
    /// The same, with what goes to the client in TLS records of so many bytes.
    TunnelInPieces(SocketAddr, usize),
    /// [`Step::Tunnel`] with TLS, and once nothing has come for this long, these bytes without TLS.
    TunnelThenRaw(SocketAddr, Duration, Vec<u8>),
    /// Reports how much has been sent so far.
    Report(Report),
}

/// A callback that gets the number of bytes sent on a connection, those of TLS itself included.
#[derive(Clone)]
pub struct Report(Arc<dyn Fn(u64) + Send + Sync>);

impl Report {
    pub fn to(callback: impl Fn(u64) + Send + Sync + 'static) -> Report {
        Report(Arc::new(callback))
    }
}

impl fmt::Debug for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Report")
    }
}

/// What a server sends before any request: in one write with the last of the handshake, so that it is
/// there before the client can have sent a request.
#[derive(Clone, Debug)]
pub struct Greeting {
    pub bytes: Vec<u8>,
    /// Whether no earlier session is resumed. In TLS 1.2 a resumed one leaves no place for a greeting:
    /// there the client sends the last message.
    pub new_session: bool,
    pub sent: Report,
}

/// What to do with a new connection, before any request.
#[derive(Clone, Debug)]
pub enum Opening {
    /// The TLS handshake, if any, and then requests.
    Serve,
    /// These steps on the bare socket, and no handshake.
    Raw(Vec<Step>),
    /// The ClientHello is read, half of the server's messages sent; then these steps on the bare socket.
    MidHandshake(Vec<Step>),
    /// The handshake, then these steps; then requests, if the connection is still there.
    AfterHandshake(Vec<Step>),
    /// [`Opening::Serve`], after this time.
    Delayed(Duration),
    /// These bytes together with the end of the server's part of the handshake, or at once without TLS;
    /// then requests.
    Greeting(Vec<u8>),
}

type OnOpening = Box<dyn Fn(usize) -> Opening + Send + Sync>;
type OnHello = Box<dyn Fn(SocketAddr) -> Option<Greeting> + Send + Sync>;
type OnRequest = Box<dyn Fn(&Delivery) -> Vec<Step> + Send + Sync>;

struct Script {
    tls: Option<Arc<ServerConfig>>,
    opening: OnOpening,
    greeting: Option<OnHello>,
    answer: OnRequest,
    receive_buffer: Option<usize>,
}

/// A gateway that has not started yet.
pub struct Builder {
    script: Script,
}

impl Builder {
    /// What to do with connection number n.
    pub fn opening(mut self, opening: impl Fn(usize) -> Opening + Send + Sync + 'static) -> Self {
        self.script.opening = Box::new(opening);
        self
    }

    /// What to send at the end of the TLS handshake with this peer, asked for once its ClientHello is here.
    pub fn greeting(
        mut self,
        greeting: impl Fn(SocketAddr) -> Option<Greeting> + Send + Sync + 'static,
    ) -> Self {
        self.script.greeting = Some(Box::new(greeting));
        self
    }

    /// How to answer a request. Without this, each is accepted with a recording ID of its own.
    pub fn answer<A: Into<Vec<Step>>>(
        mut self,
        answer: impl Fn(&Delivery) -> A + Send + Sync + 'static,
    ) -> Self {
        self.script.answer = Box::new(move |delivery| answer(delivery).into());
        self
    }

    /// Other certificates than [`Authority::common`]'s for [`LOOPBACK`].
    pub fn certificate(mut self, config: Arc<ServerConfig>) -> Self {
        self.script.tls = Some(config);
        self
    }

    /// A small SO_RCVBUF and small segments (the sender's kernel sizes its buffer by them), so that a large
    /// request does not fit into the kernels' buffers.
    pub fn receive_buffer(mut self, bytes: usize) -> Self {
        self.script.receive_buffer = Some(bytes);
        self
    }

    pub fn start(self) -> Gateway {
        let tls = self.script.tls.is_some();
        let diary = Arc::new(Diary::default());
        let receive_buffer = self.script.receive_buffer;
        let server = Server::start_with(receive_buffer, {
            let (script, diary) = (self.script, Arc::clone(&diary));
            move |number, peer| {
                diary.update(|entries| entries.opened += 1);
                Connection::new(number, peer, &script, &diary).run();
                diary.update(|entries| entries.ended += 1);
            }
        });
        Gateway { server, diary, tls }
    }
}

#[derive(Default)]
struct Entries {
    opened: usize,
    ended: usize,
    handshakes: Vec<Result<(), String>>,
    resumptions: usize,
    deliveries: Vec<Delivery>,
}

#[derive(Default)]
struct Diary {
    entries: Mutex<Entries>,
    changed: Condvar,
}

impl Diary {
    fn update(&self, change: impl FnOnce(&mut Entries)) {
        change(&mut self.entries.lock().unwrap_or_else(PoisonError::into_inner));
        self.changed.notify_all();
    }

    fn read<T>(&self, read: impl FnOnce(&Entries) -> T) -> T {
        read(&self.entries.lock().unwrap_or_else(PoisonError::into_inner))
    }

    #[track_caller]
    fn wait(&self, what: &str, reached: impl Fn(&Entries) -> bool) {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let (entries, timeout) = self
            .changed
            .wait_timeout_while(entries, Duration::from_secs(20), |entries| {
                !reached(entries)
            })
            .unwrap_or_else(PoisonError::into_inner);
        drop(entries);
        assert!(
            !timeout.timed_out(),
            "the gateway did not see {what} in time"
        );
    }
}

/// A running gateway; everything in it ends when it drops.
pub struct Gateway {
    server: Server,
    diary: Arc<Diary>,
    tls: bool,
}

impl Gateway {
    /// HTTPS, with a certificate of [`Authority::common`].
    pub fn tls() -> Builder {
        Gateway::plain().certificate(Authority::common().server(LOOPBACK, Validity::Now))
    }

    /// HTTP.
    pub fn plain() -> Builder {
        let ids = RecordingIds::default();
        let accept = move |delivery: &Delivery| Response::ok(&ids.next(&delivery.callee())).into();
        Builder {
            script: Script {
                tls: None,
                opening: Box::new(|_| Opening::Serve),
                greeting: None,
                answer: Box::new(accept),
                receive_buffer: None,
            },
        }
    }

    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// The base URL.
    pub fn url(&self) -> String {
        self.url_for("127.0.0.1")
    }

    /// The base URL with another name for the host.
    pub fn url_for(&self, host: &str) -> String {
        let scheme = if self.tls { "https" } else { "http" };
        format!("{scheme}://{host}:{}/voice", self.address().port())
    }

    /// A client's configuration for this gateway: trusts its authority, uses no proxy.
    pub fn config(&self) -> Config {
        let config = Config::new(&self.url());
        if self.tls {
            config.ca_file(Authority::common().file())
        } else {
            config
        }
    }

    /// Every request so far, incomplete ones included.
    pub fn deliveries(&self) -> Vec<Delivery> {
        self.diary.read(|entries| entries.deliveries.clone())
    }

    /// How many connections were opened so far.
    pub fn connections(&self) -> usize {
        self.diary.read(|entries| entries.opened)
    }

    /// How each TLS handshake so far ended.
    pub fn handshakes(&self) -> Vec<Result<(), String>> {
        self.diary.read(|entries| entries.handshakes.clone())
    }

    /// How many TLS handshakes so far resumed an earlier session.
    pub fn resumptions(&self) -> usize {
        self.diary.read(|entries| entries.resumptions)
    }

    /// Waits until this many complete requests have arrived.
    #[track_caller]
    pub fn wait_for_requests(&self, count: usize) {
        self.diary.wait(&format!("{count} requests"), |entries| {
            entries
                .deliveries
                .iter()
                .filter(|delivery| delivery.complete)
                .count()
                >= count
        });
    }

    /// Waits until this many connections have been opened.
    #[track_caller]
    pub fn wait_for_connections(&self, count: usize) {
        self.diary.wait(&format!("{count} connections"), |entries| {
            entries.opened >= count
        });
    }

    /// Waits until the gateway has ended this many connections.
    #[track_caller]
    pub fn wait_for_ends(&self, count: usize) {
        self.diary
            .wait(&format!("{count} ends"), |entries| entries.ended >= count);
    }

    /// Waits until every connection has ended, so that all that was ever sent is in the diary, and
    /// returns the diary. Free the clients first.
    #[track_caller]
    pub fn finish(self) -> Vec<Delivery> {
        assert!(
            self.server.wait_for_end(Duration::from_secs(20)),
            "a connection is still open: free the client before finish()"
        );
        self.deliveries()
    }

    /// [`Gateway::finish`], and how many complete requests there were.
    #[track_caller]
    pub fn finish_and_count(self) -> usize {
        self.finish()
            .iter()
            .filter(|delivery| delivery.complete)
            .count()
    }
}

/// Whether a connection goes on.
#[derive(PartialEq)]
enum Flow {
    On,
    Ended,
}

struct Connection<'a> {
    number: usize,
    peer: Peer,
    script: &'a Script,
    diary: &'a Diary,
    tls: Option<ServerConnection>,
    records: RecordCounter,
    sent: u64,
    /// What was read and is not yet a request.
    buffer: Vec<u8>,
    requests: usize,
    /// Segments and records at the end of the previous request.
    before: (u32, u32),
}

impl<'a> Connection<'a> {
    fn new(number: usize, peer: Peer, script: &'a Script, diary: &'a Diary) -> Connection<'a> {
        Connection {
            number,
            peer,
            script,
            diary,
            tls: None,
            records: RecordCounter::default(),
            sent: 0,
            buffer: Vec::new(),
            requests: 0,
            before: (0, 0),
        }
    }

    fn run(mut self) {
        let flow = match (self.script.opening)(self.number) {
            Opening::Serve => self.handshake(&[]),
            Opening::Delayed(time) => {
                self.peer.pause(time);
                self.handshake(&[])
            }
            Opening::Greeting(bytes) => match self.script.tls {
                Some(_) => self.handshake(&bytes),
                None => self.perform(vec![Step::Send(bytes)]),
            },
            Opening::Raw(steps) => {
                self.perform(steps);
                Flow::Ended
            }
            Opening::MidHandshake(steps) => {
                if self.half_of_handshake().is_ok() {
                    self.perform(steps);
                }
                Flow::Ended
            }
            Opening::AfterHandshake(steps) => match self.handshake(&[]) {
                Flow::On => self.perform(steps),
                Flow::Ended => Flow::Ended,
            },
        };
        if flow == Flow::On {
            while let Some(delivery) = self.next_request() {
                let steps = (self.script.answer)(&delivery);
                if self.perform(steps) == Flow::Ended {
                    break;
                }
            }
        }
        self.note_unfinished_request();
    }

    /// The whole handshake, where there is TLS, with this data as early as TLS allows.
    fn handshake(&mut self, early: &[u8]) -> Flow {
        let Some(config) = &self.script.tls else {
            return Flow::On;
        };
        let mut config = Arc::clone(config);
        let unreported = |bytes: &[u8]| Greeting {
            bytes: bytes.to_vec(),
            new_session: false,
            sent: Report::to(|_| ()),
        };
        let greeting = match &self.script.greeting {
            Some(greeting) => {
                // Until the ClientHello is here.
                let _ = self.peer.stream().peek(&mut [0]);
                greeting(self.peer.address())
            }
            None => (!early.is_empty()).then(|| unreported(early)),
        };
        if greeting
            .as_ref()
            .is_some_and(|greeting| greeting.new_session)
        {
            let mut new_session = ServerConfig::clone(&config);
            new_session.session_storage = Arc::new(NoServerSessionStorage {});
            config = Arc::new(new_session);
        }
        let mut tls = ServerConnection::new(config).expect("a server connection");
        let mut result = self.complete_handshake(&mut tls, greeting);
        self.before = (self.peer.segments(), self.records.count);
        // A replay of early data would be a second call.
        if tls.early_data().is_some() {
            result = Err(io::Error::other("early data was sent"));
        }
        let resumed = tls.handshake_kind() == Some(HandshakeKind::Resumed);
        self.diary
            .update(|entries| entries.resumptions += usize::from(resumed));
        let flow = if result.is_ok() {
            Flow::On
        } else {
            Flow::Ended
        };
        self.diary.update(|entries| {
            entries
                .handshakes
                .push(result.map_err(|error| error.to_string()))
        });
        self.tls = Some(tls);
        flow
    }

    fn complete_handshake(
        &mut self,
        tls: &mut ServerConnection,
        mut greeting: Option<Greeting>,
    ) -> io::Result<()> {
        while tls.is_handshaking() {
            match tls.read_tls(&mut self.counted_socket()) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                read => read?,
            };
            if let Err(error) = tls.process_new_packets() {
                // With the alert that gives the reason.
                let _ = flush_at_once(tls, &mut self.counted_socket());
                return Err(io::Error::other(error));
            }
            let may_send =
                !tls.is_handshaking() || tls.protocol_version() == Some(ProtocolVersion::TLSv1_3);
            match greeting.take_if(|_| may_send) {
                Some(Greeting { bytes, sent, .. }) => {
                    tls.writer().write_all(&bytes)?;
                    flush_at_once(tls, &mut self.counted_socket())?;
                    (sent.0)(self.sent);
                }
                None => flush_at_once(tls, &mut self.counted_socket())?,
            }
        }
        Ok(())
    }

    /// The socket, with what goes over it counted.
    fn counted_socket(&mut self) -> CountedSocket<'_> {
        CountedSocket {
            stream: self.peer.stream(),
            records: &mut self.records,
            sent: &mut self.sent,
        }
    }

    /// Reads the ClientHello and sends half of the server's messages.
    fn half_of_handshake(&mut self) -> io::Result<()> {
        let config = self.script.tls.clone().expect("a gateway with TLS");
        let mut tls = ServerConnection::new(config).expect("a server connection");
        while !tls.wants_write() {
            if tls.read_tls(&mut self.peer.stream())? == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
            tls.process_new_packets().map_err(io::Error::other)?;
        }
        let mut flight = Vec::new();
        flush_at_once(&mut tls, &mut flight)?;
        self.peer.stream().write_all(&flight[..flight.len() / 2])
    }

    /// The next whole request, or `None` at the end of the connection.
    fn next_request(&mut self) -> Option<Delivery> {
        loop {
            if let Some((head, body)) = whole_request(&mut self.buffer) {
                return Some(self.write_entry(head, body, true));
            }
            if self.read_some(64 * 1024).ok()? == 0 {
                return None;
            }
        }
    }

    fn write_entry(&mut self, head: Vec<u8>, body: Vec<u8>, complete: bool) -> Delivery {
        self.requests += 1;
        let now = (self.peer.segments(), self.records.count);
        let mut delivery = Delivery {
            connection: self.number,
            peer: self.peer.address(),
            number: self.requests,
            order: 0,
            at: Instant::now(),
            clock: SystemTime::now(),
            head,
            body,
            complete,
            segments: now.0 - self.before.0,
            records: now.1 - self.before.1,
        };
        self.before = now;
        self.diary.update(|entries| {
            delivery.order = entries.deliveries.len() + 1;
            entries.deliveries.push(delivery.clone());
        });
        delivery
    }

    /// Writes into the diary what had been read when the connection ended.
    fn note_unfinished_request(&mut self) {
        while let Some((head, body)) = whole_request(&mut self.buffer) {
            self.write_entry(head, body, true);
        }
        if !self.buffer.is_empty() {
            let part = std::mem::take(&mut self.buffer);
            self.write_entry(part, Vec::new(), false);
        }
    }

    /// Reads once, into the buffer.
    fn read_some(&mut self, most: usize) -> io::Result<usize> {
        let start = self.buffer.len();
        self.buffer.resize(start + most, 0);
        let into = &mut self.buffer[start..];
        let mut socket = CountedSocket {
            stream: self.peer.stream(),
            records: &mut self.records,
            sent: &mut self.sent,
        };
        let result = match &mut self.tls {
            Some(tls) => rustls::Stream::new(tls, &mut socket).read(into),
            None => socket.read(into),
        };
        self.buffer.truncate(start + *result.as_ref().unwrap_or(&0));
        result
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut socket = CountedSocket {
            stream: self.peer.stream(),
            records: &mut self.records,
            sent: &mut self.sent,
        };
        match &mut self.tls {
            Some(tls) => {
                let mut stream = rustls::Stream::new(tls, &mut socket);
                stream.write_all(bytes)?;
                stream.flush()
            }
            None => socket.write_all(bytes),
        }
    }

    fn perform(&mut self, steps: Vec<Step>) -> Flow {
        for step in steps {
            if self.peer.stopped() || self.perform_one(step).unwrap_or(Flow::Ended) == Flow::Ended {
                return Flow::Ended;
            }
        }
        Flow::On
    }

    fn perform_one(&mut self, step: Step) -> io::Result<Flow> {
        match step {
            Step::Send(bytes) => self.write(&bytes)?,
            Step::SendRaw(bytes) => self.peer.stream().write_all(&bytes)?,
            Step::SendThenRaw(bytes, bare) => {
                let mut segment = Vec::new();
                match &mut self.tls {
                    Some(tls) => {
                        tls.writer().write_all(&bytes)?;
                        flush_at_once(tls, &mut segment)?;
                    }
                    None => segment.extend(bytes),
                }
                segment.extend(bare);
                self.peer.stream().write_all(&segment)?;
            }
            Step::Drip(bytes, pause) => {
                for byte in bytes {
                    if self.peer.stopped() {
                        return Ok(Flow::Ended);
                    }
                    self.write(&[byte])?;
                    self.peer.pause(pause);
                }
            }
            Step::Flood(bytes) => {
                let until = Instant::now() + MAX_WAIT;
                while Instant::now() < until && !self.peer.stopped() {
                    self.write(&bytes)?;
                }
            }
            Step::Read(count) => {
                while self.buffer.len() < count {
                    if self.read_some((count - self.buffer.len()).min(64 * 1024))? == 0 {
                        return Ok(Flow::Ended);
                    }
                }
            }
            Step::Pause(duration) => self.peer.pause(duration),
            Step::Stall => {
                self.peer.stall();
                while self.read_some(64 * 1024)? > 0 {}
                return Ok(Flow::Ended);
            }
            Step::Close => {
                if let Some(tls) = &mut self.tls {
                    tls.send_close_notify();
                    while tls.wants_write() {
                        tls.write_tls(&mut self.peer.stream())?;
                    }
                }
                self.peer.stream().shutdown(Shutdown::Write)?;
                return Ok(Flow::Ended);
            }
            Step::Fin => {
                self.peer.stream().shutdown(Shutdown::Write)?;
                return Ok(Flow::Ended);
            }
            Step::HalfClose => self.peer.stream().shutdown(Shutdown::Write)?,
            Step::Reset => {
                self.peer.reset_when_dropped();
                return Ok(Flow::Ended);
            }
            Step::Tunnel(target) => {
                self.tunnel(target, MAX_PIECE, None)?;
                return Ok(Flow::Ended);
            }
            Step::TunnelInPieces(target, size) => {
                self.tunnel(target, size, None)?;
                return Ok(Flow::Ended);
            }
            Step::TunnelThenRaw(target, idle, bare) => {
                self.tunnel(target, MAX_PIECE, Some((idle, bare)))?;
                return Ok(Flow::Ended);
            }
            Step::Report(report) => (report.0)(self.sent),
        }
        Ok(Flow::On)
    }

    fn tunnel(
        &mut self,
        target: SocketAddr,
        piece: usize,
        bare: Option<(Duration, Vec<u8>)>,
    ) -> io::Result<()> {
        let near = self.peer.share();
        let far = self.peer.watch(TcpStream::connect(target)?);
        far.set_nodelay(true)?;
        if let Some(tls) = &mut self.tls {
            (&*far).write_all(&std::mem::take(&mut self.buffer))?;
            let result = relay_in_tls(tls, &near, &far, piece, bare);
            let _ = near.shutdown(Shutdown::Both);
            let _ = far.shutdown(Shutdown::Both);
            return result;
        }
        let back = thread::spawn({
            let (near, far) = (Arc::clone(&near), Arc::clone(&far));
            move || relay(&far, &near)
        });
        (&*far).write_all(&std::mem::take(&mut self.buffer))?;
        relay(&near, &far);
        let _ = back.join();
        Ok(())
    }
}

/// Writes all that TLS has ready, in one write.
fn flush_at_once(tls: &mut ServerConnection, to: &mut impl Write) -> io::Result<()> {
    let mut flight = Vec::new();
    while tls.wants_write() {
        tls.write_tls(&mut flight)?;
    }
    to.write_all(&flight)
}

/// The most that one read takes.
const MAX_PIECE: usize = 16 * 1024;

/// Copies both ways until either ends; `near` in TLS, `far` as it is. And sends `bare` once nothing has come for
/// its time.
fn relay_in_tls(
    tls: &mut ServerConnection,
    mut near: &TcpStream,
    mut far: &TcpStream,
    piece: usize,
    mut bare: Option<(Duration, Vec<u8>)>,
) -> io::Result<()> {
    tls.set_buffer_limit(None);
    let mut bytes = vec![0; MAX_PIECE];
    loop {
        loop {
            match tls.reader().read(&mut bytes) {
                Ok(0) => return Ok(()),
                Ok(read) => far.write_all(&bytes[..read])?,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        let entry = |stream: &TcpStream| libc::pollfd {
            fd: stream.as_raw_fd(),
            events: libc::POLLIN,
            revents: 0,
        };
        let mut entries = [entry(near), entry(far)];
        let timeout = bare
            .as_ref()
            .map_or(-1, |(idle, _)| idle.as_millis() as libc::c_int);
        // SAFETY: the pointer and the length are those of one live array.
        let polled = unsafe { libc::poll(entries.as_mut_ptr(), 2, timeout) };
        if let Some((_, bytes)) = bare.take_if(|_| polled == 0) {
            near.write_all(&bytes)?;
        }
        if polled < 0 && io::Error::last_os_error().kind() != ErrorKind::Interrupted {
            return Err(io::Error::last_os_error());
        }
        if entries[0].revents != 0 {
            if tls.read_tls(&mut near)? == 0 {
                return Ok(());
            }
            tls.process_new_packets().map_err(io::Error::other)?;
        }
        if entries[1].revents != 0 {
            let read = far.read(&mut bytes)?;
            for record in bytes[..read].chunks(piece) {
                tls.writer().write_all(record)?;
            }
            if read == 0 {
                tls.send_close_notify();
            }
            flush_at_once(tls, &mut near)?;
            if read == 0 {
                return Ok(());
            }
        }
    }
}

/// Copies until `from` ends, then ends both: no test needs a half-closed tunnel.
pub fn relay(mut from: &TcpStream, mut to: &TcpStream) {
    let _ = io::copy(&mut from, &mut to);
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}

/// Counts the TLS records with application data in a stream of bytes.
#[derive(Default)]
struct RecordCounter {
    count: u32,
    header: Vec<u8>,
    skip: usize,
}

impl RecordCounter {
    fn feed(&mut self, mut bytes: &[u8]) {
        const APPLICATION_DATA: u8 = 23;
        while !bytes.is_empty() {
            if self.skip > 0 {
                let skipped = self.skip.min(bytes.len());
                self.skip -= skipped;
                bytes = &bytes[skipped..];
                continue;
            }
            self.header.push(bytes[0]);
            bytes = &bytes[1..];
            if let [kind, _, _, high, low] = self.header[..] {
                self.count += u32::from(kind == APPLICATION_DATA);
                self.skip = usize::from(high) << 8 | usize::from(low);
                self.header.clear();
            }
        }
    }
}

/// The socket, with what goes over it counted.
struct CountedSocket<'a> {
    stream: &'a TcpStream,
    records: &'a mut RecordCounter,
    sent: &'a mut u64,
}

impl Read for CountedSocket<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.stream.read(buffer)?;
        self.records.feed(&buffer[..count]);
        Ok(count)
    }
}

impl Write for CountedSocket<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let sent = self.stream.write(bytes)?;
        *self.sent += sent as u64;
        Ok(sent)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
