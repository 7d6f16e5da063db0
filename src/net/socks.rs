//! SOCKS5: asks a proxy to connect to a host (RFC 1928), with a user name and a password (RFC 1929).
//!
//! It is our own: the crates that speak it block in the kernel or want an executor, and know neither our
//! deadline nor our cancellation. Each message is read to its last byte and not further: what follows belongs
//! to the tunnel.

use std::fmt;
use std::mem;
use std::net::IpAddr;

use super::io::{IoContext, IoError};
use super::socket::Socket;

const VERSION: u8 = 5;

/// Ways to log in (RFC 1928, 3).
const NO_LOGIN: u8 = 0;
const PASSWORD: u8 = 2;
const NONE_ACCEPTED: u8 = 0xff;

/// The version of the messages with the password (RFC 1929, 2).
const PASSWORD_VERSION: u8 = 1;

const CONNECT: u8 = 1;

/// Kinds of addresses (RFC 1928, 5).
const IPV4: u8 = 1;
const NAME: u8 = 3;
const IPV6: u8 = 4;

/// The longest name, user name or password: one byte says how long it is.
pub const MAX_TEXT: usize = 255;

const CONNECTING: &str = "wait for it to connect to the host";

/// A user name and a password, each of at most [`MAX_TEXT`] bytes.
#[derive(Clone, Copy)]
pub struct Login<'a> {
    /// Not empty, by RFC 1929.
    pub user: &'a str,
    /// May be empty: proxies accept that.
    pub password: &'a str,
}

/// Why a proxy has not connected us. Its text completes a sentence that begins with the proxy's name.
#[derive(Debug)]
pub enum SocksError {
    /// What happened, and while we did what.
    Io(&'static str, IoError),
    /// It could not, or may not, connect to the host: its reply (RFC 1928, 6).
    Refused(u8),
    /// It wants another login, or it is no SOCKS5 proxy.
    Failed(&'static str),
}

impl fmt::Display for SocksError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SocksError::Io(step, error) => write!(f, "{step}: {error}"),
            SocksError::Refused(code) => {
                write!(f, "{} (SOCKS reply {code})", reply_meaning(*code))
            }
            SocksError::Failed(why) => f.write_str(why),
        }
    }
}

impl SocksError {
    /// Whether another address of the same host may fare better.
    pub fn is_about_address(&self) -> bool {
        match self {
            SocksError::Refused(code) => *code != 7,
            // Some proxies close or wait where they cannot reach an address.
            SocksError::Io(step, error) => {
                *step == CONNECTING && !matches!(error, IoError::Canceled)
            }
            SocksError::Failed(_) => false,
        }
    }
}

fn reply_meaning(code: u8) -> &'static str {
    match code {
        1 => "it failed, and does not say why",
        2 => "its rules forbid this host",
        3 => "it cannot reach the host's network",
        4 => "it cannot reach the host, or does not know its name",
        5 => "the host refused its connection",
        6 => "its connection to the host timed out",
        7 => "it does not make connections",
        8 => "it does not support this kind of address",
        _ => "it refused, for a reason that RFC 1928 does not know",
    }
}

/// Asks the proxy behind `socket` to connect to `host`, a name or an address without brackets.
pub fn connect(
    socket: &Socket,
    host: &str,
    port: u16,
    login: Option<Login<'_>>,
    context: &IoContext<'_>,
) -> Result<(), SocksError> {
    let request = connect_request(host, port)?;
    log_in(socket, login, context)?;
    let step = "ask it to connect";
    send(socket, step, &request, context)?;
    let step = CONNECTING;
    let [version, code, _, kind] = receive(socket, step, context)?;
    check_version(version)?;
    if code != 0 {
        return Err(SocksError::Refused(code));
    }
    // The address that it connects from does not matter, but for its length.
    match kind {
        IPV4 => receive::<4>(socket, step, context).map(drop)?,
        IPV6 => receive::<16>(socket, step, context).map(drop)?,
        NAME => {
            let [length] = receive(socket, step, context)?;
            for _ in 0..length {
                receive::<1>(socket, step, context)?;
            }
        }
        _ => return Err(SocksError::Failed("its reply cannot be read as SOCKS5")),
    }
    receive::<2>(socket, step, context).map(drop)
}

fn log_in(
    socket: &Socket,
    login: Option<Login<'_>>,
    context: &IoContext<'_>,
) -> Result<(), SocksError> {
    let step = "log in";
    let hello: &[u8] = match login {
        None => &[VERSION, 1, NO_LOGIN],
        Some(_) => &[VERSION, 2, NO_LOGIN, PASSWORD],
    };
    send(socket, step, hello, context)?;
    let [version, method] = receive(socket, step, context)?;
    check_version(version)?;
    match (method, login) {
        (NO_LOGIN, _) => Ok(()),
        (PASSWORD, Some(login)) => {
            send(socket, step, &password_message(login)?, context)?;
            // Some proxies send another version; curl does not look at it either.
            let [_, status] = receive(socket, step, context)?;
            match status {
                0 => Ok(()),
                _ => Err(SocksError::Failed("it refused the user name or password")),
            }
        }
        (NONE_ACCEPTED | PASSWORD, None) => Err(SocksError::Failed(
            "it wants a login, and its URL has no user name and password",
        )),
        (NONE_ACCEPTED, Some(_)) => Err(SocksError::Failed(
            "it accepts no login by user name and password",
        )),
        _ => Err(SocksError::Failed(
            "it wants a login that is not supported (neither none nor user name and password)",
        )),
    }
}

/// The first byte of what it sends.
fn check_version(version: u8) -> Result<(), SocksError> {
    match version {
        VERSION => Ok(()),
        // The reply of version 4 begins with 0.
        0 | 4 => Err(SocksError::Failed("it speaks SOCKS4, not SOCKS5")),
        b'H' => Err(SocksError::Failed(
            "it speaks HTTP, not SOCKS5; write http:// in its URL",
        )),
        _ => Err(SocksError::Failed("it does not speak SOCKS5")),
    }
}

fn password_message(login: Login<'_>) -> Result<Vec<u8>, SocksError> {
    let mut message = vec![PASSWORD_VERSION];
    push_text(&mut message, login.user)?;
    push_text(&mut message, login.password)?;
    Ok(message)
}

fn connect_request(host: &str, port: u16) -> Result<Vec<u8>, SocksError> {
    let mut request = vec![VERSION, CONNECT, 0];
    match host.parse() {
        Ok(IpAddr::V4(address)) => {
            request.push(IPV4);
            request.extend(address.octets());
        }
        Ok(IpAddr::V6(address)) => {
            request.push(IPV6);
            request.extend(address.octets());
        }
        Err(_) => {
            request.push(NAME);
            push_text(&mut request, host)?;
        }
    }
    request.extend(port.to_be_bytes());
    Ok(request)
}

fn push_text(message: &mut Vec<u8>, text: &str) -> Result<(), SocksError> {
    let length = u8::try_from(text.len())
        .map_err(|_| SocksError::Failed("a name that is longer than SOCKS5's 255 bytes"))?;
    message.push(length);
    message.extend(text.as_bytes());
    Ok(())
}

fn send(
    socket: &Socket,
    step: &'static str,
    message: &[u8],
    context: &IoContext<'_>,
) -> Result<(), SocksError> {
    socket
        .send_all(message, context)
        .map_err(|error| SocksError::Io(step, error))
}

/// The next `N` bytes.
fn receive<const N: usize>(
    socket: &Socket,
    step: &'static str,
    context: &IoContext<'_>,
) -> Result<[u8; N], SocksError> {
    let mut message = [0; N];
    let mut rest = message.as_mut_slice();
    while !rest.is_empty() {
        match socket.receive(rest, context) {
            Ok(0) => return Err(SocksError::Io(step, IoError::Closed)),
            Ok(received) => {
                rest = mem::take(&mut rest).get_mut(received..).unwrap_or_default();
            }
            Err(error) => return Err(SocksError::Io(step, error)),
        }
    }
    Ok(message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_sent_as_addresses_and_names_as_names() {
        let request = |host: &str| connect_request(host, 0x1234).unwrap();
        assert_eq!(request("192.0.2.7"), [5, 1, 0, 1, 192, 0, 2, 7, 0x12, 0x34]);
        let mut ipv6 = vec![5, 1, 0, 4, 0x20, 1, 0xd, 0xb8];
        ipv6.resize(4 + 16, 0);
        ipv6[19] = 1;
        ipv6.extend([0x12, 0x34]);
        assert_eq!(request("2001:db8::1"), ipv6);
        assert_eq!(
            request("a.example"),
            b"\x05\x01\x00\x03\x09a.example\x12\x34"
        );
    }

    #[test]
    fn a_text_that_is_too_long_is_not_cut() {
        let longest = "x".repeat(MAX_TEXT);
        let login = |user, password| password_message(Login { user, password });
        let message = login(longest.as_str(), "").unwrap();
        assert_eq!(message.len(), 1 + 1 + MAX_TEXT + 1);
        let too_long = "x".repeat(MAX_TEXT + 1);
        assert!(login("u", too_long.as_str()).is_err());
        assert!(connect_request(&too_long, 1).is_err());
    }

    #[test]
    fn each_reply_has_its_own_sentence() {
        let mut sentences: Vec<_> = (1..=9).map(reply_meaning).collect();
        sentences.sort_unstable();
        sentences.dedup();
        assert_eq!(sentences.len(), 9);
        assert_eq!(reply_meaning(255), reply_meaning(9));
    }
}
