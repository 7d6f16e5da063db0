//! TLS with a server inside the TLS session with a proxy.
//!
//! The proxy's session is one more transport. What the inner session has to send goes into the proxy's
//! session, which only encrypts it, and from there to the system: so a send that fails has not handed over the
//! last byte, as over a bare socket.

use std::io::{self, BufRead, Read, Write};

use rustls::ClientConnection;

use super::io::{IoContext, IoError, is_transient};
use super::session::{TlsSession, Transport};
use super::socket::Socket;

/// The session with the proxy, and the socket that it runs over.
pub struct ThroughProxy<'a> {
    /// After its handshake.
    pub proxy: &'a mut TlsSession,
    /// What it runs over.
    pub socket: &'a Socket,
}

impl ThroughProxy<'_> {
    /// As [`Socket::send_all`], to the proxy itself.
    pub fn send_all(&mut self, bytes: &[u8], context: &IoContext<'_>) -> Result<(), IoError> {
        Self::encrypt(&mut self.proxy.tls, bytes)?;
        (&mut &*self.socket).send_all_of(&mut self.proxy.tls, context)
    }

    /// As [`Socket::receive`], from the proxy itself.
    pub fn receive(
        &mut self,
        buffer: &mut [u8],
        context: &IoContext<'_>,
    ) -> Result<usize, IoError> {
        self.wait_and_read(context, |transport| transport.read(buffer))
    }
}

impl Read for ThroughProxy<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match Self::read_decrypted(&mut self.proxy.tls, buffer) {
                // EOF without close_notify is EOF; what counts is how the inner session ends.
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(0),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                read => return read,
            }
            // rustls repeats what it found wrong behind the data that has been read by now.
            let processed = self.proxy.tls.process_new_packets();
            processed.map_err(io::Error::other)?;
            self.proxy.read_once(&mut &*self.socket)?;
            // Data counts whatever comes behind it.
            let _ = self.proxy.tls.process_new_packets();
        }
    }
}

impl Transport for ThroughProxy<'_> {
    fn wait_and_read(
        &mut self,
        context: &IoContext<'_>,
        mut read: impl FnMut(&mut Self) -> io::Result<usize>,
    ) -> Result<usize, IoError> {
        loop {
            // A peer that never stops sending does not extend the wait.
            context.check()?;
            // Before the wait: one of the proxy's records may hold more than was read of it so far.
            match read(self) {
                Err(error) if is_transient(&error) => {}
                received => return Ok(received?),
            }
            self.socket.wait_readable(context)?;
        }
    }

    fn send_all_of(
        &mut self,
        tls: &mut ClientConnection,
        context: &IoContext<'_>,
    ) -> Result<(), IoError> {
        encrypt_all_of(tls, self.proxy)?;
        (&mut &*self.socket).send_all_of(&mut self.proxy.tls, context)
    }

    fn try_send_all_of(&mut self, tls: &mut ClientConnection) {
        if encrypt_all_of(tls, self.proxy).is_ok() {
            (&mut &*self.socket).try_send_all_of(&mut self.proxy.tls);
        }
    }

    fn encrypt(tls: &mut ClientConnection, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            match tls.writer().write(bytes)? {
                0 => return Err(io::ErrorKind::WriteZero.into()),
                taken => bytes = bytes.get(taken..).unwrap_or_default(),
            }
        }
        Ok(())
    }

    fn read_decrypted(tls: &mut ClientConnection, buffer: &mut [u8]) -> io::Result<usize> {
        let mut reader = tls.reader();
        let decrypted = reader.fill_buf()?;
        let length = decrypted.len().min(buffer.len());
        for (to, from) in buffer.iter_mut().zip(decrypted) {
            *to = *from;
        }
        reader.consume(length);
        Ok(length)
    }
}

/// Moves what `tls` has to send into the proxy's session.
fn encrypt_all_of(tls: &mut ClientConnection, proxy: &mut TlsSession) -> io::Result<()> {
    while tls.wants_write() {
        if tls.write_tls(&mut Encrypter(proxy))? == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
    }
    Ok(())
}

/// Takes all that is written (`TlsConfig::start_session`).
struct Encrypter<'a>(&'a mut TlsSession);

impl Write for Encrypter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.tls.writer().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A TLS session with a server inside one with a proxy. Each of its methods does what [`TlsSession`]'s does.
pub struct NestedSession {
    proxy: Box<TlsSession>,
    server: TlsSession,
}

impl NestedSession {
    /// `server` is before its handshake, `proxy` after it.
    pub fn new(proxy: Box<TlsSession>, server: TlsSession) -> NestedSession {
        NestedSession { proxy, server }
    }

    /// The inner session, and what it runs over.
    fn layers<'a>(&'a mut self, socket: &'a Socket) -> (&'a mut TlsSession, ThroughProxy<'a>) {
        let NestedSession { proxy, server } = self;
        (server, ThroughProxy { proxy, socket })
    }

    /// The handshake with the server.
    pub fn handshake(
        &mut self,
        socket: &Socket,
        context: &IoContext<'_>,
    ) -> Result<(), crate::error::Error> {
        let (server, mut transport) = self.layers(socket);
        server.handshake(&mut transport, context)
    }

    /// Hands all of `bytes` to the system.
    pub fn send_all(
        &mut self,
        bytes: &[u8],
        socket: &Socket,
        context: &IoContext<'_>,
    ) -> Result<(), IoError> {
        let (server, mut transport) = self.layers(socket);
        server.send_all(bytes, &mut transport, context)
    }

    /// Waits for bytes from the server.
    pub fn receive(
        &mut self,
        buffer: &mut [u8],
        socket: &Socket,
        context: &IoContext<'_>,
    ) -> Result<usize, IoError> {
        let (server, mut transport) = self.layers(socket);
        server.receive(buffer, &mut transport, context)
    }

    /// Whether there is data from the server to receive; fails where it or the proxy has closed.
    pub fn has_data(&mut self, socket: &Socket) -> Result<bool, IoError> {
        loop {
            if self.server.has_data()? {
                return Ok(true);
            }
            if !self.proxy.has_data()? {
                return Ok(false);
            }
            // Takes what the proxy's session holds, and does not come to the socket: it holds something.
            let (server, mut transport) = self.layers(socket);
            server.read_records(&mut transport)?;
        }
    }

    /// Whether only whole records were read, of both sessions.
    pub fn at_boundary(&self) -> bool {
        self.proxy.records.at_boundary() && self.server.records.at_boundary()
    }

    /// Reads once from the socket, which is readable.
    pub fn read_records(&mut self, socket: &Socket) -> Result<(), IoError> {
        self.proxy.read_records(&mut &*socket)
    }

    /// Sends both close_notify, the inner one first.
    pub fn close(&mut self, socket: &Socket) {
        let (server, mut transport) = self.layers(socket);
        server.close(&mut transport);
        self.proxy.close(&mut &*socket);
    }
}
