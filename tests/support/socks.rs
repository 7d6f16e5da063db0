//! A SOCKS5 proxy that follows a script (RFC 1928, RFC 1929), and notes what it was asked.

use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use super::gateway::relay;
use super::sockets::{Peer, Server};

/// What a client asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Asked {
    /// The ways to log in that it offered.
    pub methods: Vec<u8>,
    pub login: Option<(String, String)>,
    pub host: Host,
    pub port: u16,
}

/// The host as it was sent.
#[derive(Clone, Debug, PartialEq)]
pub enum Host {
    Name(String),
    Address(IpAddr),
}

/// What to do with a request.
#[derive(Clone, Debug)]
pub enum Reply {
    /// Connects to this address, and says that it did so from an IPv4 address.
    Tunnel(SocketAddr),
    /// The same with these bytes as the address: a kind, the address, a port.
    TunnelFrom(SocketAddr, Vec<u8>),
    /// The reply with this code.
    Refuse(u8),
    /// The end of the connection.
    Close,
    /// Nothing, until the client has gone.
    Stall,
}

/// How a proxy behaves up to its reply.
#[derive(Clone, Debug, Default)]
pub struct Manners {
    /// The only user name and password that it accepts; without them it asks for no login.
    pub login: Option<(&'static str, &'static str)>,
    /// Sends byte by byte, with this pause after each.
    pub drip: Option<Duration>,
}

/// A running proxy; everything in it ends when it drops.
pub struct Socks {
    server: Server,
    connections: Arc<AtomicUsize>,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Socks {
    /// A proxy that connects to `target` whatever it is asked for, and asks for no login.
    pub fn to(target: SocketAddr) -> Socks {
        Socks::replying(move |_| Reply::Tunnel(target))
    }

    /// A proxy that asks for no login and replies so.
    pub fn replying(reply: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Socks {
        Socks::start(Manners::default(), reply)
    }

    pub fn start(
        manners: Manners,
        reply: impl Fn(&Asked) -> Reply + Send + Sync + 'static,
    ) -> Socks {
        let asked: Arc<Mutex<Vec<Asked>>> = Arc::default();
        let connections: Arc<AtomicUsize> = Arc::default();
        let server = Server::start({
            let (asked, connections) = (Arc::clone(&asked), Arc::clone(&connections));
            move |_, peer| {
                connections.fetch_add(1, Ordering::SeqCst);
                let connection = Connection {
                    peer: &peer,
                    manners: &manners,
                };
                // An error is the client's end.
                let _ = connection.serve(&reply, &asked);
            }
        });
        Socks {
            server,
            connections,
            asked,
        }
    }

    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// Its URL with this scheme.
    pub fn url(&self, scheme: &str) -> String {
        format!("{scheme}://{}", self.address())
    }

    /// Its URL with this scheme and login.
    pub fn url_as(&self, scheme: &str, login: &str) -> String {
        format!("{scheme}://{login}@{}", self.address())
    }

    /// How many connections were opened so far.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// What it was asked so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.asked
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

struct Connection<'a> {
    peer: &'a Peer,
    manners: &'a Manners,
}

impl Connection<'_> {
    fn serve(&self, reply: &dyn Fn(&Asked) -> Reply, diary: &Mutex<Vec<Asked>>) -> io::Result<()> {
        let Some(asked) = self.read_request()? else {
            return Ok(());
        };
        diary
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(asked.clone());
        let from = || [&[1][..], &Ipv4Addr::LOCALHOST.octets(), &[0x12, 0x34]].concat();
        match reply(&asked) {
            Reply::Tunnel(target) => self.tunnel(target, &from()),
            Reply::TunnelFrom(target, from) => self.tunnel(target, &from),
            Reply::Refuse(code) => self.send(&[&[5, code, 0][..], &from()].concat()),
            Reply::Close => Ok(()),
            Reply::Stall => {
                self.peer.stall();
                Ok(())
            }
        }
    }

    /// `None` where the login fails, or the client speaks something else.
    fn read_request(&self) -> io::Result<Option<Asked>> {
        let [version, count] = self.read()?;
        if version != 5 {
            // Another protocol.
            return Ok(None);
        }
        let methods = self.read_text(count.into())?;
        let wanted = if self.manners.login.is_some() { 2 } else { 0 };
        if !methods.contains(&wanted) {
            self.send(&[5, 0xff])?;
            return Ok(None);
        }
        self.send(&[5, wanted])?;
        let mut login = None;
        if let Some((user, password)) = self.manners.login {
            let [version, length] = self.read()?;
            assert_eq!(version, 1, "the version of the login");
            let given_user = self.read_text(length.into())?;
            let [length] = self.read()?;
            let given_password = self.read_text(length.into())?;
            let is_right = given_user == user.as_bytes() && given_password == password.as_bytes();
            self.send(&[1, u8::from(!is_right)])?;
            if !is_right {
                return Ok(None);
            }
            login = Some((user.to_owned(), password.to_owned()));
        }
        let [version, command, reserved, kind] = self.read()?;
        assert_eq!((version, command, reserved), (5, 1, 0), "CONNECT");
        let host = match kind {
            1 => Host::Address(Ipv4Addr::from(self.read::<4>()?).into()),
            4 => Host::Address(Ipv6Addr::from(self.read::<16>()?).into()),
            3 => {
                let [length] = self.read()?;
                let name = self.read_text(length.into())?;
                Host::Name(String::from_utf8(name).expect("a name in ASCII"))
            }
            kind => panic!("an address of the kind {kind}"),
        };
        let port = u16::from_be_bytes(self.read()?);
        Ok(Some(Asked {
            methods,
            login,
            host,
            port,
        }))
    }

    fn tunnel(&self, target: SocketAddr, from: &[u8]) -> io::Result<()> {
        let near = self.peer.share();
        let far = self.peer.watch(TcpStream::connect(target)?);
        far.set_nodelay(true)?;
        self.send(&[&[5, 0, 0][..], from].concat())?;
        let back = thread::spawn({
            let (near, far) = (Arc::clone(&near), Arc::clone(&far));
            move || relay(&far, &near)
        });
        relay(&near, &far);
        let _ = back.join();
        Ok(())
    }

    fn read<const N: usize>(&self) -> io::Result<[u8; N]> {
        let mut bytes = [0; N];
        self.peer.stream().read_exact(&mut bytes)?;
        Ok(bytes)
    }

    fn read_text(&self, length: usize) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; length];
        self.peer.stream().read_exact(&mut bytes)?;
        Ok(bytes)
    }

    fn send(&self, bytes: &[u8]) -> io::Result<()> {
        let Some(pause) = self.manners.drip else {
            return self.peer.stream().write_all(bytes);
        };
        for byte in bytes {
            self.peer.stream().write_all(&[*byte])?;
            self.peer.pause(pause);
        }
        Ok(())
    }
}
