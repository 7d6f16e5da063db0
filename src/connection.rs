//! A connection to the API: a socket, TLS over it, and the pool that keeps it between calls.
//!
//! TLS is rustls over our own socket, without a stream in between: one that retries or puts off a
//! failed write (as rustls's own `complete_io` does with the next read) could not say whether a
//! request is out.

use std::collections::VecDeque;
use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustls::client::Resumption;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore};

use crate::outcome::itnio_result::{ITNIO_CONNECT_FAILED, ITNIO_SHUT_DOWN, ITNIO_TLS_FAILED};
use crate::outcome::{Failure, itnio_result};
use crate::transport::{self, Error, Socket, Wait, is_transient};

/// How long a connection is kept without a call. Less than what servers and load balancers allow
/// (from 60 s up), since one that the server closes as the request goes out leaves the call's fate open.
const IDLE_LIMIT: Duration = Duration::from_secs(30);

/// How many TLS sessions are remembered for resumption.
const SESSIONS: usize = 32;

/// How many reads, of 4 KiB, a connection may take to be found quiet. A server has a few session
/// tickets to say before a request; one that never stops is not waited for.
const SMALL_TALK: usize = 16;

/// The largest `ca_file`, in bytes; the bundles of the systems have some 200 KiB.
const MAX_CA_FILE_SIZE: u64 = 16 * 1024 * 1024;

/// TLS to one host.
#[derive(Clone)]
pub struct Tls {
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
}

impl Tls {
    /// For `host`, whose certificate is to come from `ca_file`'s authorities, or from the system's.
    ///
    /// # Errors
    ///
    /// A host that no certificate can name; a `ca_file` that cannot be read or holds no
    /// certificate; a system without a trust store.
    pub fn new(host: &str, ca_file: Option<&str>) -> Result<Tls, Failure> {
        let name = ServerName::try_from(host.to_owned())
            .map_err(|_| Failure::invalid("base_url", "the host is no valid name"))?;
        let provider = Arc::new(ring::default_provider());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| Failure::new(ITNIO_TLS_FAILED, error.to_string()))?;
        let config = match ca_file {
            Some(path) => builder.with_root_certificates(authorities(path)?),
            // The verifier below reads the environment.
            None if transport::is_secure_execution() => {
                builder.with_root_certificates(system_authorities()?)
            }
            None => {
                let verifier =
                    rustls_platform_verifier::Verifier::new(provider).map_err(|error| {
                        let text = format!("the system's trust store cannot be used: {error}");
                        Failure::new(ITNIO_TLS_FAILED, text)
                    })?;
                builder
                    // Not so: this is how rustls calls any verifier but its own.
                    .dangerous()
                    .with_custom_certificate_verifier(Arc::new(verifier))
            }
        };
        Ok(Tls {
            config: Arc::new(config.with_no_client_auth()),
            name,
        }
        .afresh())
    }

    /// The same, without the sessions remembered so far and without the lock that guards them: what
    /// a forked child needs.
    pub fn afresh(&self) -> Tls {
        let mut config = ClientConfig::clone(&self.config);
        config.resumption = Resumption::in_memory_sessions(SESSIONS);
        Tls {
            config: Arc::new(config),
            name: self.name.clone(),
        }
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tls({:?})", self.name)
    }
}

fn authorities(path: &str) -> Result<RootCertStore, Failure> {
    if path.is_empty() {
        return Err(Failure::invalid("ca_file", "empty"));
    }
    let unreadable =
        |error: &dyn fmt::Display| Failure::invalid("ca_file", format_args!("{path}: {error}"));
    let pem = read_ca_file(path).map_err(|error| unreadable(&error))?;
    let mut store = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&pem) {
        let certificate = certificate.map_err(|error| unreadable(&error))?;
        store.add(certificate).map_err(|error| {
            Failure::invalid(
                "ca_file",
                format_args!("{path}: not a CA certificate: {error}"),
            )
        })?;
    }
    if store.is_empty() {
        return Err(Failure::invalid(
            "ca_file",
            format_args!("{path}: no certificate in PEM in it"),
        ));
    }
    Ok(store)
}

/// The contents of a regular file: a FIFO could block for ever, and a device may have no end.
fn read_ca_file(path: &str) -> io::Result<Vec<u8>> {
    // Opening a FIFO waits for its writer otherwise (open(2)).
    let file: File = OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NONBLOCK)
        .open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("not a regular file"));
    }
    let mut contents = Vec::new();
    // The size of a file in /proc is 0, whatever is in it.
    file.take(MAX_CA_FILE_SIZE + 1).read_to_end(&mut contents)?;
    if contents.len() as u64 > MAX_CA_FILE_SIZE {
        return Err(io::Error::other("larger than 16 MiB"));
    }
    Ok(contents)
}

/// The system's, whatever the environment says: all that is in the directories where systems keep them.
fn system_authorities() -> Result<RootCertStore, Failure> {
    let mut store = RootCertStore::empty();
    for directory in openssl_probe::candidate_cert_dirs() {
        let found = rustls_native_certs::load_certs_from_paths(None, Some(directory));
        // A file that cannot be used does not keep the others from it.
        store.add_parsable_certificates(found.certs);
    }
    if store.is_empty() {
        return Err(Failure::new(
            ITNIO_TLS_FAILED,
            "the system's trust store cannot be used: no certificate found",
        ));
    }
    Ok(store)
}

/// A connection, ready for requests.
pub struct Connection {
    socket: Socket,
    tls: Option<Box<ClientConnection>>,
    heard: Records,
    round_trip: Duration,
    is_fresh: bool,
    // Whether a write was cut, or the other side has gone: not even a good-bye may follow.
    cut: bool,
}

impl Connection {
    /// Makes one of a socket, with a handshake where there is `tls`.
    ///
    /// # Errors
    ///
    /// The handshake's: `ITNIO_TLS_FAILED` where one side refused it, else what happened to the
    /// connection.
    pub fn open(socket: Socket, tls: Option<&Tls>, wait: &Wait<'_>) -> Result<Connection, Failure> {
        let mut connection = Connection {
            round_trip: socket.round_trip(),
            is_fresh: true,
            socket,
            tls: None,
            heard: Records::default(),
            cut: true,
        };
        if let Some(tls) = tls {
            let mut session = ClientConnection::new(Arc::clone(&tls.config), tls.name.clone())
                .map_err(|error| Failure::new(ITNIO_TLS_FAILED, error.to_string()))?;
            // A request goes out in one write, however long it is.
            session.set_buffer_limit(None);
            connection.tls = Some(Box::new(session));
            connection.handshake(wait)?;
        }
        connection.cut = false;
        Ok(connection)
    }

    fn handshake(&mut self, wait: &Wait<'_>) -> Result<(), Failure> {
        let Connection {
            socket, tls, heard, ..
        } = self;
        let Some(tls) = tls else { return Ok(()) };
        let cut = |error: Error| unsent(ITNIO_CONNECT_FAILED, "TLS handshake", &error);
        loop {
            flush(tls, socket, wait).map_err(cut)?;
            if !tls.is_handshaking() {
                return Ok(());
            }
            let received = fill(tls, socket, heard, wait).map_err(cut)?;
            if let Err(error) = tls.process_new_packets() {
                // The alert that tells the other side why.
                say_last_words(tls, socket);
                return Err(Failure::new(
                    ITNIO_TLS_FAILED,
                    format!("TLS handshake: {error}"),
                ));
            }
            if received == 0 {
                return Err(cut(Error::Closed));
            }
        }
    }

    /// Hands a whole request to the system, in one write where the system takes it.
    ///
    /// # Errors
    ///
    /// Where the last byte was not handed over. Nothing more can be sent then.
    pub fn send(&mut self, request: &[u8], wait: &Wait<'_>) -> Result<(), Error> {
        // Until the write has succeeded.
        self.cut = true;
        match &mut self.tls {
            None => self.socket.send_all(request, wait)?,
            Some(tls) => {
                tls.writer().write_all(request)?;
                flush(tls, &self.socket, wait)?;
            }
        }
        self.cut = false;
        Ok(())
    }

    /// Waits for a part of the answer; 0 where the other side has closed.
    ///
    /// # Errors
    ///
    /// The connection's, or the end of the wait.
    pub fn receive(&mut self, buffer: &mut [u8], wait: &Wait<'_>) -> Result<usize, Error> {
        let Some(tls) = &mut self.tls else {
            return self.socket.receive(buffer, wait);
        };
        loop {
            match tls.reader().read(buffer) {
                Ok(read) => return Ok(read),
                // The end without a good-bye is an end: whether the answer is whole, its own
                // length or its JSON tells.
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(0),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(Error::Io(error)),
            }
            // rustls repeats what it found wrong behind the data that has been read by now.
            tls.process_new_packets().map_err(io::Error::other)?;
            // Such as that it does not renegotiate; the answer to a key update goes with a request.
            flush(tls, &self.socket, wait)?;
            fill(tls, &self.socket, &mut self.heard, wait)?;
            // Data counts whatever comes behind it.
            let _ = tls.process_new_packets();
        }
    }

    /// Whether it has not been kept for another request yet.
    pub fn is_fresh(&self) -> bool {
        self.is_fresh
    }

    /// How long an answer takes at least, as far as is known.
    pub fn round_trip(&self) -> Duration {
        self.round_trip
    }

    /// How many of the bytes that were sent the other side's system has not acknowledged.
    ///
    /// # Errors
    ///
    /// Where this system cannot tell.
    pub fn unacknowledged(&self) -> io::Result<usize> {
        self.socket.unacknowledged()
    }

    /// Ends it in the middle of an exchange: once a call has returned, nothing more of its request
    /// leaves this machine.
    pub fn abandon(mut self) {
        self.cut = true;
        self.socket.abandon();
    }

    /// Looks, before a request, whether the connection is quiet: the other side has neither closed it
    /// nor said anything, since what it says before a request is not the answer to it. TLS may have
    /// had something to say below that, such as a new session ticket.
    ///
    /// # Errors
    ///
    /// Where it is not, and no request may be sent; or the end of the wait.
    pub fn expect_quiet(&mut self, wait: &Wait<'_>) -> Result<(), Error> {
        let quiet = match self.look(Some(wait)) {
            Ok(Seen::Nothing) => Ok(()),
            Ok(Seen::End) => Err(Error::Closed),
            Ok(Seen::Data) => Err(unasked()),
            Err(error) => Err(error),
        };
        // Where it is not, there is nobody to say good-bye to.
        self.cut = quiet.is_err();
        quiet
    }

    /// Whether the other side has said something that nobody has asked for. Takes no time, and so looks
    /// also where none is left.
    pub fn has_data(&mut self) -> bool {
        matches!(self.look(None), Ok(Seen::Data))
    }

    fn look(&mut self, wait: Option<&Wait<'_>>) -> Result<Seen, Error> {
        for _ in 0..SMALL_TALK {
            if let Some(wait) = wait {
                wait.check()?;
            }
            if let Some(tls) = &mut self.tls {
                let state = tls.process_new_packets().map_err(io::Error::other)?;
                if state.plaintext_bytes_to_read() > 0 {
                    return Ok(Seen::Data);
                }
                if state.peer_has_closed() {
                    return Ok(Seen::End);
                }
            }
            // Without taking it: should the descriptor be the host's by now, so is what can be read.
            match self.socket.peek(&mut [0]) {
                Ok(0) => return Ok(Seen::End),
                Ok(_) => {}
                // What has begun may be an answer, and then not to the next request.
                Err(error) if is_transient(&error) && !self.heard.are_whole() => {
                    return Ok(Seen::Data);
                }
                Err(error) if is_transient(&error) => return Ok(Seen::Nothing),
                Err(error) => return Err(Error::Io(error)),
            }
            let Some(tls) = &mut self.tls else {
                return Ok(Seen::Data);
            };
            if !self.socket.is_ours() {
                return Err(Error::Io(io::Error::other("the descriptor was closed")));
            }
            match tls.read_tls(&mut Ear(&self.socket, &mut self.heard)) {
                Ok(_) => {}
                Err(error) if is_transient(&error) => {}
                Err(error) => return Err(Error::Io(error)),
            }
        }
        Ok(Seen::Data)
    }
}

/// What a look at a connection has found.
enum Seen {
    Nothing,
    End,
    Data,
}

/// What is said before a request.
fn unasked() -> Error {
    Error::Io(io::Error::other(
        "the server sent something before the request",
    ))
}

impl Drop for Connection {
    fn drop(&mut self) {
        if self.cut || !self.socket.is_ours() {
            return;
        }
        if self.unacknowledged().map_or(true, |bytes| bytes > 0) {
            // What has not arrived is not to arrive later.
            self.socket.abandon();
        } else if let Some(tls) = &mut self.tls {
            // RFC 8446, 6.1.
            tls.send_close_notify();
            say_last_words(tls, &self.socket);
        }
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Connection({:?})", self.socket)
    }
}

/// A failure of `what` before the request was out.
pub fn unsent(result: itnio_result, what: impl fmt::Display, error: &Error) -> Failure {
    let result = match error {
        Error::ShutDown => ITNIO_SHUT_DOWN,
        _ => result,
    };
    Failure::new(result, format!("{what}: {error}"))
}

/// Sends what TLS has ready.
fn flush(tls: &mut ClientConnection, socket: &Socket, wait: &Wait<'_>) -> Result<(), Error> {
    while tls.wants_write() {
        if let Err(error) = tls.write_tls(&mut &*socket) {
            socket.until_writable(error, wait)?;
        }
    }
    Ok(())
}

/// Sends what TLS has ready, as far as it goes without waiting.
fn say_last_words(tls: &mut ClientConnection, socket: &Socket) {
    // An error says that nobody listens any more.
    while tls.wants_write() && tls.write_tls(&mut &*socket).is_ok() {}
}

/// Waits for bytes for TLS; 0 where the other side has closed.
fn fill(
    tls: &mut ClientConnection,
    socket: &Socket,
    heard: &mut Records,
    wait: &Wait<'_>,
) -> Result<usize, Error> {
    loop {
        socket.until_readable(wait)?;
        match tls.read_tls(&mut Ear(socket, heard)) {
            Ok(received) => return Ok(received),
            Err(error) if is_transient(&error) => {}
            Err(error) => return Err(Error::Io(error)),
        }
    }
}

/// The TLS records that have come in, as far as to tell where one ends: rustls does not say whether it
/// holds the beginning of one.
#[derive(Default)]
struct Records {
    // Of the head of the next: a type, a version, and the length of what follows.
    head: [u8; 5],
    head_length: usize,
    body_left: usize,
}

impl Records {
    fn hear(&mut self, mut bytes: &[u8]) {
        while let [first, rest @ ..] = bytes {
            if self.body_left > 0 {
                let skipped = self.body_left.min(bytes.len());
                self.body_left -= skipped;
                bytes = bytes.get(skipped..).unwrap_or_default();
                continue;
            }
            if let Some(byte) = self.head.get_mut(self.head_length) {
                *byte = *first;
            }
            self.head_length += 1;
            bytes = rest;
            if self.head_length == self.head.len() {
                let [.., high, low] = self.head;
                self.body_left = usize::from(u16::from_be_bytes([high, low]));
                self.head_length = 0;
            }
        }
    }

    fn are_whole(&self) -> bool {
        self.head_length == 0 && self.body_left == 0
    }
}

/// A socket for TLS to read from.
struct Ear<'a>(&'a Socket, &'a mut Records);

impl Read for Ear<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let received = (&mut &*self.0).read(buffer)?;
        self.1.hear(buffer.get(..received).unwrap_or_default());
        Ok(received)
    }
}

/// The connections without a call, the last one used at the back.
#[derive(Debug, Default)]
pub struct Pool {
    idle: Mutex<Idle>,
}

#[derive(Debug, Default)]
struct Idle {
    connections: VecDeque<(Connection, Instant)>,
    closed: bool,
}

impl Pool {
    /// The connection last used that still stands, if there is one. The locks are held for no system call.
    ///
    /// # Errors
    ///
    /// The end of the wait: servers may keep a caller busy with what they say on idle connections.
    pub fn take(&self, wait: &Wait<'_>) -> Result<Option<Connection>, Error> {
        loop {
            wait.check()?;
            let Some((mut connection, until)) = self.lock().connections.pop_back() else {
                return Ok(None);
            };
            if Instant::now() < until && connection.expect_quiet(wait).is_ok() {
                return Ok(Some(connection));
            }
        }
    }

    /// Keeps a connection whose answer has been read whole, for as long as the server said that it
    /// would, at most for [`IDLE_LIMIT`].
    pub fn put(&self, mut connection: Connection, server_limit: Option<Duration>) {
        connection.is_fresh = false;
        let now = Instant::now();
        // A second less than the server's word, for the way there.
        let limit = server_limit.map_or(IDLE_LIMIT, |limit| {
            limit.saturating_sub(Duration::from_secs(1)).min(IDLE_LIMIT)
        });
        let expired = {
            let mut idle = self.lock();
            if idle.closed || limit.is_zero() {
                drop(idle);
                return;
            }
            idle.connections.push_back((connection, now + limit));
            match idle.connections.front() {
                Some((_, until)) if *until <= now => idle.connections.pop_front(),
                _ => None,
            }
        };
        drop(expired);
    }

    /// Closes what is kept, and keeps nothing more.
    pub fn close(&self) {
        let idle = {
            let mut idle = self.lock();
            idle.closed = true;
            std::mem::take(&mut idle.connections)
        };
        drop(idle);
    }

    fn lock(&self) -> MutexGuard<'_, Idle> {
        // A queue of connections is whole at every step.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
