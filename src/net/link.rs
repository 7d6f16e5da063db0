//! The way to a server before TLS with it: a socket, or the TLS session with a proxy over one.

use super::io::{IoContext, IoError};
use super::nested::ThroughProxy;
use super::session::TlsSession;
use super::socket::Socket;
use super::tls::TlsConfig;
use crate::error::Error;

/// A socket that is connected to a server or a proxy, and TLS with the proxy.
pub struct Link {
    /// What it runs over.
    pub socket: Socket,
    /// With the proxy, after its handshake.
    pub proxy_tls: Option<Box<TlsSession>>,
}

impl Link {
    /// Without TLS.
    pub fn plain(socket: Socket) -> Link {
        let proxy_tls = None;
        Link { socket, proxy_tls }
    }

    /// With TLS to the proxy behind `socket`. Fails as [`TlsSession::handshake`] does, and says so where the
    /// proxy speaks HTTP in place of TLS.
    pub fn with_proxy_tls(
        socket: Socket,
        tls: &TlsConfig,
        context: &IoContext<'_>,
    ) -> Result<Link, Error> {
        let mut session = Box::new(tls.start_session()?);
        let done = session.handshake(&mut &socket, context);
        done.map_err(|error| match session.records.is_http() {
            true => Error {
                reason: "it speaks HTTP without TLS; write http:// in its URL".to_owned(),
                ..error
            },
            false => error,
        })?;
        let proxy_tls = Some(session);
        Ok(Link { socket, proxy_tls })
    }

    /// As [`Socket::send_all`].
    pub fn send_all(&mut self, bytes: &[u8], context: &IoContext<'_>) -> Result<(), IoError> {
        match &mut self.proxy_tls {
            None => self.socket.send_all(bytes, context),
            Some(proxy) => through(proxy, &self.socket).send_all(bytes, context),
        }
    }

    /// As [`Socket::receive`].
    pub fn receive(
        &mut self,
        buffer: &mut [u8],
        context: &IoContext<'_>,
    ) -> Result<usize, IoError> {
        match &mut self.proxy_tls {
            None => self.socket.receive(buffer, context),
            Some(proxy) => through(proxy, &self.socket).receive(buffer, context),
        }
    }
}

fn through<'a>(proxy: &'a mut TlsSession, socket: &'a Socket) -> ThroughProxy<'a> {
    ThroughProxy { proxy, socket }
}
