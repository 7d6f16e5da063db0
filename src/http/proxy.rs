//! The proxy that requests go through: its URL, from the configuration or the environment, and the tunnel
//! that it opens.

use std::env;
use std::fmt;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use ureq::ProxyProtocol;

use super::client::{ResponseError, receive};
use super::no_proxy;
use super::parser::{MAX_RESPONSE_SIZE, ParseError, ResponseParser};
use super::request::connect_request;
use super::url::{BaseUrl, host_and_port};
use crate::error::{Error, ErrorKind, NotSent};
use crate::net::io::{IoContext, IoError};
use crate::net::link::Link;
use crate::net::socket::Socket;
use crate::net::socks::{self, Login, SocksError};
use crate::net::tls::TlsConfig;
use crate::sys;

/// The field of the configuration with a proxy's URL.
const FIELD: &str = "proxy";

/// The variables with a proxy's URL, the first that counts in front.
const PROXY_VARIABLES: [&str; 4] = ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"];

/// The variables with the hosts that it is not for.
const EXCEPTION_VARIABLES: [&str; 2] = ["no_proxy", "NO_PROXY"];

/// How a proxy is asked for a tunnel.
#[derive(Clone)]
enum Kind {
    /// HTTP CONNECT.
    Http,
    /// HTTP CONNECT, inside TLS with the proxy.
    Https(TlsConfig),
    /// SOCKS5; the proxy looks up the host.
    Socks,
    /// SOCKS5; the host is looked up here.
    SocksWithAddress,
}

/// A proxy to tunnel through.
#[derive(Clone)]
pub struct Proxy {
    /// A name or an address, without brackets.
    pub host: String,
    /// TCP port.
    pub port: u16,
    kind: Kind,
    // User name and password.
    login: Option<(String, String)>,
    // The configuration's field, or the variable.
    source: &'static str,
}

/// Why there is no tunnel.
pub struct TunnelError {
    /// The same for the caller.
    pub error: Error,
    /// Whether another address of the same host may fare better.
    pub is_about_address: bool,
}

impl From<Error> for TunnelError {
    fn from(error: Error) -> TunnelError {
        TunnelError {
            error,
            is_about_address: false,
        }
    }
}

/// What it is called in reasons: without its password.
impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "proxy {}", host_with_port(&self.host, self.port))?;
        if self.source != FIELD {
            write!(f, " (from {})", self.source)?;
        }
        Ok(())
    }
}

impl Proxy {
    /// The one that the configuration names. A proxy's certificate has to come from the authorities of `tls`.
    /// Fails with what is wrong with the URL, and never repeats it: a password may stand in it.
    pub fn from_config(url: &str, tls: &TlsConfig) -> Result<Proxy, Error> {
        Proxy::new(FIELD, url, tls)
    }

    /// The one that the environment names for `base`, by the rules that curl made common: small letters first,
    /// an empty value counts as none, and `NO_PROXY` is a list of hosts, domains and networks.
    /// Fails as [`Proxy::from_config`] does, with the variable's name.
    pub fn from_environment(base: &BaseUrl, tls: &TlsConfig) -> Result<Option<Proxy>, Error> {
        let Some((variable, url)) = first_env_var(&PROXY_VARIABLES)? else {
            return Ok(None);
        };
        let exceptions = first_env_var(&EXCEPTION_VARIABLES)?;
        if exceptions.is_some_and(|(_, list)| no_proxy::names(&list, &base.host, base.port)) {
            return Ok(None);
        }
        Proxy::new(variable, &url, tls).map(Some)
    }

    fn new(source: &'static str, url: &str, tls: &TlsConfig) -> Result<Proxy, Error> {
        Proxy::parse(source, url, tls).map_err(|mistake| Error::invalid(source, mistake))
    }

    fn parse(source: &'static str, url: &str, tls: &TlsConfig) -> Result<Proxy, &'static str> {
        // Files with variables have line ends, some of two characters.
        let url = url.trim_ascii();
        if url.starts_with(['"', '\'']) {
            return Err("has quotes around it");
        }
        let (scheme, rest) = url.split_once("://").unwrap_or(("http", url));
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at_checked(end).unwrap_or_default();
        // The host in front of it would be a part of the password.
        if path.contains('@') {
            return Err(
                "a user name or password with '/', '?' or '#'; write %2F, %3F or %23 for them",
            );
        }
        if path.ends_with(".pac") {
            return Err("a PAC file is not supported; name the proxy that it chooses");
        }
        let resolves_here = scheme.eq_ignore_ascii_case("socks5");
        let parsed = match ureq::Proxy::new(&format!("{scheme}://{authority}")) {
            Ok(parsed) => parsed,
            Err(_) if !is_supported(scheme) => return Err(SCHEMES),
            Err(_) => return Err(mistake_in(authority)),
        };
        let uri = parsed.uri().authority().ok_or("has no host")?;
        let (host, _) = host_and_port(uri)?;
        let kind = match parsed.protocol() {
            ProxyProtocol::Http => Kind::Http,
            ProxyProtocol::Https => {
                Kind::Https(tls.for_host(&host).ok_or("the host is no valid name")?)
            }
            ProxyProtocol::Socks5 if resolves_here => Kind::SocksWithAddress,
            ProxyProtocol::Socks5 | ProxyProtocol::Socks5h => Kind::Socks,
            ProxyProtocol::Socks4 | ProxyProtocol::Socks4A => {
                return Err("SOCKS4 is not supported; use socks5:// where the proxy has it");
            }
            _ => return Err(SCHEMES),
        };
        let login = match (parsed.username(), parsed.password()) {
            (None, None) => None,
            (user, password) => Some((
                user.unwrap_or_default().to_owned(),
                password.unwrap_or_default().to_owned(),
            )),
        };
        if let Some((user, password)) = &login {
            check_login(&kind, user, password)?;
        }
        Ok(Proxy {
            port: parsed.port(),
            host,
            kind,
            login,
            source,
        })
    }

    /// The same, with what [`TlsConfig::with_new_session_cache`] is for.
    pub fn with_new_session_cache(&self) -> Proxy {
        let kind = match &self.kind {
            Kind::Https(tls) => Kind::Https(tls.with_new_session_cache()),
            other => other.clone(),
        };
        Proxy {
            kind,
            ..self.clone()
        }
    }

    /// Whether it is to be given an address of the host, and not the host's name.
    pub fn wants_address(&self) -> bool {
        matches!(self.kind, Kind::SocksWithAddress)
    }

    /// Asks for a tunnel to `host`, a name or an address without brackets, over a socket that is connected to
    /// this proxy. Fails with [`NotSent::Proxy`], and [`NotSent::Canceled`].
    pub fn open_tunnel(
        &self,
        socket: Socket,
        host: &str,
        port: u16,
        context: &IoContext<'_>,
    ) -> Result<Link, TunnelError> {
        let mut link = match &self.kind {
            Kind::Http => Link::plain(socket),
            Kind::Https(tls) => Link::with_proxy_tls(socket, tls, context)
                .map_err(|error| self.failed_handshake(error))?,
            Kind::Socks | Kind::SocksWithAddress => {
                let login = self
                    .login
                    .as_ref()
                    .map(|(user, password)| Login { user, password });
                socks::connect(&socket, host, port, login, context)
                    .map_err(|error| self.failed_socks(error))?;
                return Ok(Link::plain(socket));
            }
        };
        self.connect(&mut link, &host_with_port(host, port), context)?;
        Ok(link)
    }

    /// Asks for a tunnel by CONNECT (RFC 9110, 9.3.6).
    fn connect(&self, link: &mut Link, target: &str, context: &IoContext<'_>) -> Result<(), Error> {
        let request = connect_request(target, self.basic_credentials().as_deref());
        link.send_all(request.as_bytes(), context)
            .map_err(|error| self.failed("ask it for a tunnel", &error))?;
        let mut bytes = Vec::new();
        let responded = receive(
            ResponseParser::new(MAX_RESPONSE_SIZE),
            |buffer| link.receive(buffer, context),
            |parser, piece| {
                bytes.extend_from_slice(piece);
                let status = parser.push_head(piece)?;
                Ok::<_, ParseError>(status.map(|status| (status, parser.has_more())))
            },
        );
        match responded {
            Ok((200..300, false)) => Ok(()),
            // TLS begins with our message: it is no tunnel, or not to a TLS server.
            Ok((200..300, true)) => Err(self.fault("it sent something behind HTTP status 200")),
            Ok((407, _)) => Err(self.fault(format_args!(
                "HTTP status 407: {}",
                self.login_mistake(&bytes)
            ))),
            Ok((status, _)) => Err(self.fault(format_args!("HTTP status {status}"))),
            Err(ResponseError::Io(error @ IoError::Canceled)) => {
                Err(self.failed("wait for its response", &error))
            }
            Err(_) if is_tls(&bytes) => Err(self.fault("it speaks TLS; write https:// in its URL")),
            Err(ResponseError::Io(error)) => Err(self.failed("wait for its response", &error)),
            Err(ResponseError::Parse(why)) => Err(self.fault(why.0)),
        }
    }

    /// The user name and password as a proxy expects them (RFC 7617).
    fn basic_credentials(&self) -> Option<String> {
        let (user, password) = self.login.as_ref()?;
        let pair = BASE64_STANDARD.encode(format!("{user}:{password}"));
        Some(format!("Basic {pair}"))
    }

    /// Why a proxy responds with status 407.
    fn login_mistake(&self, response: &[u8]) -> String {
        let schemes = offered_schemes(response);
        let has_basic = schemes
            .iter()
            .any(|name| name.eq_ignore_ascii_case("basic"));
        if !schemes.is_empty() && !has_basic {
            let schemes = schemes.join(", ");
            return format!("it wants a login by {schemes}; only Basic is supported");
        }
        match self.login {
            None => "it wants a login, and its URL has no user name and password".to_owned(),
            Some(_) => "it refused the user name or password".to_owned(),
        }
    }

    fn fault(&self, what: impl fmt::Display) -> Error {
        Error::new(NotSent::Proxy, format!("{self}: {what}"))
    }

    fn failed(&self, step: &str, error: &IoError) -> Error {
        error.before_send(NotSent::Proxy, format_args!("{self}: {step}"))
    }

    fn failed_socks(&self, error: SocksError) -> TunnelError {
        TunnelError {
            is_about_address: error.is_about_address(),
            error: match error {
                SocksError::Io(step, error) => self.failed(step, &error),
                other => self.fault(other),
            },
        }
    }

    fn failed_handshake(&self, error: Error) -> Error {
        let kind = match error.kind {
            ErrorKind::NotSent(NotSent::Canceled) => error.kind,
            _ => NotSent::Proxy.into(),
        };
        let reason = format!("{self}: {}", error.reason);
        Error {
            kind,
            reason,
            ..error
        }
    }
}

const SCHEMES: &str =
    "none of http://, https://, socks5://, socks5h:// and socks:// (as socks5h://)";

fn is_supported(scheme: &str) -> bool {
    [
        "http", "https", "socks", "socks4", "socks4a", "socks5", "socks5h",
    ]
    .iter()
    .any(|known| scheme.eq_ignore_ascii_case(known))
}

/// Why a proxy's URL cannot be parsed.
fn mistake_in(authority: &str) -> &'static str {
    let host = authority
        .rsplit_once('@')
        .map_or(authority, |(_, host)| host);
    if !host.starts_with('[') && host.matches(':').count() > 1 {
        return "an IPv6 address has to be in brackets";
    }
    if host.len() < authority.len() {
        return "not a proxy's URL; in a user name or password, write %XX for special characters";
    }
    "not a proxy's URL"
}

/// Whether the proxy can be sent this login.
fn check_login(kind: &Kind, user: &str, password: &str) -> Result<(), &'static str> {
    match kind {
        Kind::Http | Kind::Https(_) if user.contains(':') => {
            Err("a user name with ':', which HTTP proxies cannot be sent (RFC 7617)")
        }
        Kind::Socks | Kind::SocksWithAddress
            if user.is_empty() || user.len().max(password.len()) > socks::MAX_TEXT =>
        {
            Err(
                "a user name of 1 to 255 bytes and a password of at most 255 is what SOCKS5 has (RFC 1929)",
            )
        }
        _ => Ok(()),
    }
}

/// Whether bytes that are no HTTP response are a TLS alert or handshake message.
fn is_tls(bytes: &[u8]) -> bool {
    matches!(bytes, [0x15 | 0x16, 3, ..])
}

/// The names of the schemes in `Proxy-Authenticate` (RFC 9110, 11.6.1): the first words of what stands between
/// commas, but for parameters.
fn offered_schemes(response: &[u8]) -> Vec<String> {
    let response = String::from_utf8_lossy(response);
    let fields = response.lines().filter_map(|line| line.split_once(':'));
    let mut schemes = Vec::new();
    for (_, value) in fields.filter(|(name, _)| name.eq_ignore_ascii_case("proxy-authenticate")) {
        // A comma in quotes separates nothing.
        let unquoted: String = value.split('"').step_by(2).collect();
        for challenge in unquoted.split(',') {
            let word = challenge.split_ascii_whitespace().next();
            schemes.extend(word.filter(|word| !word.contains('=')).map(str::to_owned));
        }
    }
    schemes
}

fn host_with_port(host: &str, port: u16) -> String {
    match host.parse() {
        Ok(std::net::IpAddr::V6(address)) => format!("[{address}]:{port}"),
        _ => format!("{host}:{port}"),
    }
}

/// The first of these environment variables that is set and not empty. Where the environment is not to be
/// trusted, none is.
fn first_env_var(names: &[&'static str]) -> Result<Option<(&'static str, String)>, Error> {
    if sys::is_secure_execution() {
        return Ok(None);
    }
    for name in names {
        let value = env::var_os(name).unwrap_or_default().into_string();
        let value = value.map_err(|_| Error::invalid(name, "not UTF-8"))?;
        if !value.trim_ascii().is_empty() {
            return Ok(Some((name, value)));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> TlsConfig {
        TlsConfig::without_authorities("api.test")
    }

    fn parse(url: &str) -> Result<Proxy, &'static str> {
        Proxy::parse(FIELD, url, &settings())
    }

    #[test]
    #[cfg_attr(miri, ignore = "ring is not Rust")]
    fn unusable_proxies_are_refused_without_repeating_their_password() {
        for url in [
            "",
            "http://",
            "http://u:hunter2@",
            "http://u:hunter2@h:port",
            "http://u:hunter2@h:65536",
            "http://u:hunter2@h:0",
            "http://[h]:1",
            "http://u:hunter2@::1:3128",
            "http://::1",
            "http://u:hunter2/@h",
            "http://u:hunter2#@h:3128",
            "http://u:hunter2?@h:3128",
            "http://u:hunter2 @h:3128",
            "http://u:%e4hunter2@h:3128",
            "http://us%3Aer:hunter2@h:3128",
            "https://u:hunter2@h_\u{e4}",
            "socks4://u:hunter2@h",
            "socks4a://u:hunter2@h",
            "ftp://u:hunter2@h",
            "http://h/proxy.pac",
            "\"http://u:hunter2@h\"",
            "socks5://:hunter2@h",
            "h h",
        ] {
            let mistake = parse(url).err().unwrap_or_else(|| panic!("{url}"));
            assert!(!mistake.contains("hunter2"), "{url}: {mistake}");
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "ring is not Rust")]
    fn what_is_wrong_with_a_proxys_url_is_said() {
        for (url, part) in [
            ("socks4://h", "SOCKS4"),
            ("socks4a://h", "SOCKS4"),
            ("ftp://h", "socks5h://"),
            ("http://::1:3128", "brackets"),
            ("http://u:p#@h", "%23"),
            ("http://u:p/@h", "%2F"),
            ("http://u:p|@h", "%XX"),
            ("'http://h'", "quotes"),
            ("http://h:x", "port"),
            ("http://h/x.pac", "PAC"),
        ] {
            let mistake = parse(url).err().unwrap_or_else(|| panic!("{url}"));
            assert!(mistake.contains(part), "{url}: {mistake}");
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "ring is not Rust")]
    fn usable_proxies_are_taken_apart() {
        let login = |user: &str, password: &str| Some((user.to_owned(), password.to_owned()));
        for (url, name, port, user) in [
            ("h", "h", 80, None),
            ("h:3128", "h", 3128, None),
            ("h:3128/", "h", 3128, None),
            ("localhost:3128", "localhost", 3128, None),
            ("http://h:3128/", "h", 3128, None),
            ("http://h:3128/a/path?x#y", "h", 3128, None),
            ("HTTP://h", "h", 80, None),
            (" http://h:3128\r\n", "h", 3128, None),
            ("http://127.0.0.1", "127.0.0.1", 80, None),
            ("http://u:p@[::1]:3128/", "::1", 3128, login("u", "p")),
            ("u:p@h:3128", "h", 3128, login("u", "p")),
            ("http://u@h", "h", 80, login("u", "")),
            ("http://:p@h", "h", 80, login("", "p")),
            ("http://u:p@q@h:1", "h", 1, login("u", "p@q")),
            ("http://u:a:b+c%25%40%23@h", "h", 80, login("u", "a:b+c%@#")),
            ("http://u:a%6qg@h", "h", 80, login("u", "a%6qg")),
            ("https://h", "h", 443, None),
            ("socks://h", "h", 1080, None),
            ("socks5://127.0.0.1:7890/", "127.0.0.1", 7890, None),
            ("Socks5h://us%3Aer:p@h", "h", 1080, login("us:er", "p")),
        ] {
            let proxy = parse(url).unwrap_or_else(|mistake| panic!("{url}: {mistake}"));
            assert_eq!((proxy.host.as_str(), proxy.port), (name, port), "{url}");
            assert_eq!(proxy.login, user, "{url}");
        }
        for (url, wants_address) in [
            ("socks5://h", true),
            ("socks5h://h", false),
            ("socks://h", false),
        ] {
            assert_eq!(
                parse(url)
                    .unwrap_or_else(|why| panic!("{why}"))
                    .wants_address(),
                wants_address,
                "{url}"
            );
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "ring is not Rust")]
    fn a_proxys_name_has_its_source_and_no_password() {
        let name =
            |source, url| Proxy::parse(source, url, &settings()).map(|proxy| proxy.to_string());
        assert_eq!(name(FIELD, "http://u:p@h").unwrap(), "proxy h:80");
        let from_environment = name("ALL_PROXY", "socks5://u:p@[::1]").unwrap();
        assert_eq!(from_environment, "proxy [::1]:1080 (from ALL_PROXY)");
    }

    #[test]
    fn the_schemes_of_a_login_are_found_among_their_parameters() {
        for (fields, schemes) in [
            ("Server: x\r\n", ""),
            ("Proxy-Authenticate: Basic realm=\"a, b c\"\r\n", "Basic"),
            (
                "proxy-authenticate: NTLM\r\nProxy-Authenticate: Negotiate abc=\r\n",
                "NTLM Negotiate",
            ),
            (
                "Proxy-Authenticate: Digest realm=\"x\", nonce=\"y\", Basic realm=\"z\"\r\n",
                "Digest Basic",
            ),
        ] {
            let response = format!("HTTP/1.1 407 No\r\n{fields}\r\n");
            assert_eq!(
                offered_schemes(response.as_bytes()).join(" "),
                schemes,
                "{fields}"
            );
        }
    }
}
