//! The client: its configuration, checked once; a call with its two safe repeats; the fork guard.

use std::env;
use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use once_cell::race::OnceBox;
use ureq::http::Uri;
use ureq::http::uri::Authority;
use ureq::{Proxy, ProxyProtocol};

use crate::connection::Tls;
use crate::exchange::{Answered, Endpoint, Route, Terms};
use crate::http::{PostHead, Reply};
use crate::message::{self, Answer, SipRequest};
use crate::outcome::itnio_result::*;
use crate::outcome::{Failure, status_message};
use crate::plain_text::plain;
use crate::recordings::Recordings;
use crate::sign::{Clock, Credentials, Stamp};
use crate::transport;
use crate::wipe;

/// The API's documented address.
const BASE_URL: &str = "https://api.itniotech.com/voice";

const CONNECT_TIMEOUT_MS: u32 = 5_000;
const TIMEOUT_MS: u32 = 30_000;

/// The status that refuses a timestamp: "timestamp expires".
const TIMESTAMP_EXPIRES: i32 = -16;

/// What a client is made from; see `itnio_config` for each field.
#[derive(Clone, Copy, Default)]
pub struct Config<'a> {
    /// Required.
    pub api_key: &'a str,
    /// Required.
    pub api_secret: &'a str,
    /// Default: the API's documented address.
    pub base_url: Option<&'a str>,
    /// Default: the system's trust store.
    pub ca_file: Option<&'a str>,
    /// Default: the environment's; empty: none.
    pub proxy: Option<&'a str>,
    /// 0: the default.
    pub connect_timeout_ms: u32,
    /// 0: the default.
    pub timeout_ms: u32,
}

/// Asks the API for calls. Shared between threads, and by a process with those it forks.
pub struct Client {
    url: Uri,
    head: PostHead,
    credentials: Credentials,
    connect_timeout: Duration,
    timeout: Duration,
    route: Route,
    recordings: Recordings,
    first: Process,
}

impl Client {
    /// Checks the configuration and copies what it needs of it. Reads the environment and the
    /// certificates, and connects to nothing.
    ///
    /// # Errors
    ///
    /// `ITNIO_INVALID_ARGUMENT` for a field that cannot be used; `ITNIO_TLS_FAILED` for a system
    /// without a trust store; `ITNIO_CONNECT_FAILED` for one without resources.
    pub fn new(config: &Config<'_>) -> Result<Client, Failure> {
        for (field, text) in [
            ("api_key", config.api_key),
            ("api_secret", config.api_secret),
        ] {
            if text.is_empty() {
                return Err(Failure::invalid(field, "empty"));
            }
            if wipe::after(|| text.contains(char::is_control)) {
                return Err(Failure::invalid(field, "has a control character"));
            }
        }

        let base = Base::parse(config.base_url.unwrap_or(BASE_URL))
            .map_err(|mistake| Failure::invalid("base_url", mistake))?;
        let route = Route {
            tls: if base.is_https {
                Some(Tls::new(&base.host, config.ca_file)?)
            } else {
                None
            },
            proxy: match config.proxy {
                // Plain HTTP stays on this machine, and so does not go by a proxy.
                _ if !base.is_https => None,
                Some("") => None,
                Some(url) => Some(http_proxy("proxy", url)?),
                None => environment_proxy(&base.url)?,
            },
            host: base.host,
            port: base.port,
        };

        let resources = |error| Failure::new(ITNIO_CONNECT_FAILED, format!("client: {error}"));
        Ok(Client {
            head: PostHead::new(
                base.url.path(),
                base.url.authority().map_or("", Authority::as_str),
                config.api_key,
            ),
            url: base.url,
            credentials: Credentials::new(config.api_key, config.api_secret),
            connect_timeout: milliseconds(config.connect_timeout_ms, CONNECT_TIMEOUT_MS),
            timeout: milliseconds(config.timeout_ms, TIMEOUT_MS),
            recordings: Recordings::default(),
            first: Process::new(&route, Clock::default()).map_err(resources)?,
            route,
        })
    }

    /// Ends the calls in progress, and refuses new ones; in this process only.
    pub fn shut_down(&self) {
        if let Ok(process) = self.process() {
            process.endpoint.shut_down();
        }
    }

    /// Places a call, and gives its recording ID.
    ///
    /// # Errors
    ///
    /// What became of it instead. The reason holds neither the secret nor the signature.
    pub fn send_sip(&self, request: &SipRequest<'_>) -> Result<String, Failure> {
        for (field, text) in [
            ("callee", request.callee),
            ("account", request.account),
            ("app_id", request.app_id),
        ] {
            if text.is_empty() {
                return Err(Failure::invalid(field, "empty"));
            }
        }
        let terms = Terms {
            deadline: Instant::now() + self.timeout,
            connect_timeout: self.connect_timeout,
        };
        let process = self.process().map_err(|error| {
            Failure::new(ITNIO_CONNECT_FAILED, format!("after a fork: {error}"))
        })?;
        let body = serde_json::to_vec(request)
            .map_err(|error| Failure::new(ITNIO_INTERNAL_ERROR, format!("the request: {error}")))?;

        let stamp = process.clock.read();
        let mut first = self.attempt(process, &body, stamp, &terms, || None);
        if !first.is_refused_as_expired() {
            return self.redact(first.result);
        }
        // A refused timestamp is a refused call: it may be asked for again, where there is something to
        // correct.
        let date = first.answered.as_ref().map(|answered| &answered.reply);
        let corrected = date.and_then(|reply| {
            process
                .clock
                .corrected(stamp, reply.date.as_deref(), reply.has_age)
        });
        let Some(corrected) = corrected else {
            process.clock.forget(stamp);
            return self.redact(first.result);
        };
        // Unless the server has said more than that it refuses, up to the moment when the repeat goes out.
        let mut contradiction = || {
            let has_more = first.answered.as_mut()?.has_more();
            has_more.then(|| contradicted(Some(TIMESTAMP_EXPIRES)))
        };
        let mut second = self.attempt(process, &body, corrected, &terms, &mut contradiction);
        if second.says_not_placed()
            && let Some(failure) = contradiction()
        {
            // Whatever became of the repeat, the first refusal is no longer to be believed.
            second.result = Err(failure);
        }
        if second.shows_a_right_clock() {
            process.clock.keep(corrected);
        }
        if second.is_unsent() && Instant::now() >= terms.deadline {
            // For want of time the call was asked for once, and refused.
            return self.redact(first.result);
        }
        self.redact(second.result)
    }

    /// Signs a request with this time, and sends it, unless `veto` has a reason against it.
    fn attempt(
        &self,
        process: &Process,
        body: &[u8],
        stamp: Stamp,
        terms: &Terms,
        veto: impl FnMut() -> Option<Failure>,
    ) -> Attempt {
        let sign = self.credentials.sign(stamp.timestamp);
        let request = self.head.request(&sign, stamp.timestamp, body);
        match process.endpoint.post(&request, terms, veto) {
            Ok(mut answered) => match self.judge(&mut answered) {
                Ok(id) => {
                    process.endpoint.keep(answered);
                    Attempt {
                        result: Ok(id),
                        answered: None,
                    }
                }
                // Its connection is not kept. Only a recording ID shows whose answer one is: should this one
                // come twice, nothing would tell the second from the answer to the next request.
                Err(failure) => Attempt {
                    result: Err(failure),
                    answered: Some(answered),
                },
            },
            Err(failure) => Attempt {
                result: Err(failure),
                answered: None,
            },
        }
    }

    /// What an answer says of the call.
    fn judge(&self, answered: &mut Answered) -> Result<String, Failure> {
        let id = match judge(&answered.reply) {
            Ok(id) => id,
            // A refusal that is not this call's would have the host dial again.
            Err(failure) if failure.result == ITNIO_REJECTED => {
                return Err(if answered.is_premature() {
                    premature(failure.status)
                } else if answered.has_more() {
                    contradicted(failure.status)
                } else {
                    failure
                });
            }
            Err(failure) => return Err(failure),
        };
        if answered.may_be_premature && answered.is_premature() {
            return Err(premature(Some(0)));
        }
        if !self.recordings.insert(&id) {
            let reason = format!("the answer has the recording ID of another call, {id}");
            return Err(no_answer(Some(0), &reason));
        }
        Ok(id)
    }

    /// Takes the secret and signatures out of a failure's reason: somebody may have sent back what we
    /// sent.
    fn redact(&self, result: Result<String, Failure>) -> Result<String, Failure> {
        result.map_err(|failure| Failure {
            reason: self.credentials.redact(&failure.reason),
            ..failure
        })
    }

    /// What this process keeps of the client. A forked child makes its own at its first use, and
    /// touches nothing of its parent's, neither locks nor connections.
    fn process(&self) -> io::Result<&Process> {
        let here = transport::process_id();
        let mut process = &self.first;
        while process.id != here {
            let parent = process;
            process = parent.child.get_or_try_init(|| {
                let child = Process::new(&self.route, Clock::like(&parent.clock))?;
                if parent.endpoint.is_shut_down() {
                    child.endpoint.shut_down();
                }
                Ok::<_, io::Error>(Box::new(child))
            })?;
        }
        Ok(process)
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Client({})", self.url)
    }
}

/// What one process keeps of a client.
struct Process {
    id: u64,
    endpoint: Arc<Endpoint>,
    clock: Clock,
    // What the processes forked from this one keep. Each sees its own only, in its own copy. Set
    // without a lock, since one could be inherited taken.
    child: OnceBox<Process>,
}

impl Process {
    fn new(route: &Route, clock: Clock) -> io::Result<Process> {
        Ok(Process {
            id: transport::process_id(),
            endpoint: Arc::new(Endpoint::new(route)?),
            clock,
            child: OnceBox::new(),
        })
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.id != transport::process_id() {
            // Inherited: to close its connections would end the parent's, and its locks may be
            // taken for ever. One more owner, never dropped, keeps it as it is.
            Box::leak(Box::new(Arc::clone(&self.endpoint)));
        }
    }
}

/// What came of one signed request.
struct Attempt {
    result: Result<String, Failure>,
    // The answer, where it did not accept the call.
    answered: Option<Answered>,
}

impl Attempt {
    fn is_refused_as_expired(&self) -> bool {
        matches!(&self.result, Err(failure)
            if failure.result == ITNIO_REJECTED && failure.status == Some(TIMESTAMP_EXPIRES))
    }

    /// Whether the API has answered, and not refused the timestamp.
    fn shows_a_right_clock(&self) -> bool {
        match &self.result {
            Ok(_) => true,
            Err(failure) => {
                failure.result == ITNIO_REJECTED && failure.status != Some(TIMESTAMP_EXPIRES)
            }
        }
    }

    /// Whether no call was placed, by this attempt's result.
    fn says_not_placed(&self) -> bool {
        matches!(&self.result, Err(failure) if !failure.result.may_have_dialed())
    }

    /// Whether the request was not sent.
    fn is_unsent(&self) -> bool {
        matches!(&self.result, Err(failure) if failure.result.is_unsent())
    }
}

/// HTTP 2xx with something that is not the API's answer to this request.
fn no_answer(status: Option<i32>, reason: &str) -> Failure {
    Failure {
        status,
        ..Failure::new(ITNIO_BAD_RESPONSE, reason)
    }
}

fn premature(status: Option<i32>) -> Failure {
    no_answer(status, "an answer that came before the request had arrived")
}

fn contradicted(status: Option<i32>) -> Failure {
    no_answer(status, "a refusal, and more than one answer")
}

/// What an HTTP answer says of the call.
fn judge(reply: &Reply) -> Result<String, Failure> {
    let is_success = (200..300).contains(&reply.http_status);
    let not_the_apis = |status, reason: &str| {
        Err(if is_success {
            no_answer(status, reason)
        } else {
            let code = reply.http_status;
            Failure {
                status,
                ..Failure::new(
                    ITNIO_HTTP_ERROR,
                    format!("HTTP status {code}, not the API's answer"),
                )
            }
        })
    };
    match message::parse(reply.body()) {
        // A refusal is the API's own word, whatever HTTP status it comes with.
        Ok(Answer::Refused(status, reason)) => Err(Failure {
            status: Some(status),
            ..Failure::new(
                ITNIO_REJECTED,
                reason
                    .filter(|reason| !plain(reason).trim().is_empty())
                    .unwrap_or_else(|| status_message(status).to_string_lossy().into_owned()),
            )
        }),
        Ok(Answer::Accepted(id)) if is_success => Ok(id),
        Ok(Answer::Accepted(_)) => not_the_apis(Some(0), ""),
        Ok(Answer::NoRecording(why)) => not_the_apis(Some(0), why),
        Ok(Answer::NotTheApis(status)) => not_the_apis(
            Some(status),
            &format!("the answer has status {status}, and the API's refusals are negative"),
        ),
        Err(why) => not_the_apis(None, &why),
    }
}

fn milliseconds(given: u32, default: u32) -> Duration {
    let millis = if given == 0 { default } else { given };
    Duration::from_millis(u64::from(millis))
}

/// A base URL, taken apart.
struct Base {
    is_https: bool,
    host: String,
    port: u16,
    // The full URL of `sendSip`.
    url: Uri,
}

impl Base {
    // No mistake repeats the URL: a password may stand in it.
    fn parse(text: &str) -> Result<Base, &'static str> {
        if text.contains(['?', '#']) {
            return Err("has a query or a fragment");
        }
        let url: Uri = format!("{}/sendSip", text.trim_end_matches('/'))
            .parse()
            .map_err(|_| "not a URL")?;
        let authority = url.authority().ok_or("not a full URL")?;
        if authority.as_str().contains('@') {
            return Err("has a user name or a password");
        }
        let (host, port) = host_and_port(authority)?;
        let is_https = match url.scheme_str() {
            Some("https") => true,
            Some("http") if is_loopback(&host) => false,
            Some("http") => return Err("http:// is for loopback hosts only; use https://"),
            _ => return Err("neither https:// nor http://"),
        };
        let default_port = if is_https { 443 } else { 80 };
        Ok(Base {
            is_https,
            host,
            port: port.unwrap_or(default_port),
            url,
        })
    }
}

/// The host, without brackets, and the port, where there is one. The URL's parser lets more pass.
fn host_and_port(authority: &Authority) -> Result<(String, Option<u16>), &'static str> {
    let bracketed = authority.host();
    let host = bracketed.trim_matches(['[', ']']);
    if host.is_empty() {
        return Err("has no host");
    }
    if bracketed.starts_with('[') && host.parse::<Ipv6Addr>().is_err() {
        return Err("what stands in brackets is no IPv6 address");
    }
    let text = authority.as_str();
    let after_user = text.rsplit_once('@').map_or(text, |(_, rest)| rest);
    let port = match after_user.strip_prefix(bracketed) {
        Some("") => None,
        _ => match authority.port_u16() {
            None | Some(0) => return Err("the port is not a number from 1 to 65535"),
            port => port,
        },
    };
    Ok((host.to_owned(), port))
}

fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// A proxy that tunnels by HTTP CONNECT. `source` is what it is called in the reason.
fn http_proxy(source: &str, url: &str) -> Result<Proxy, Failure> {
    // No mistake repeats the URL: a password may stand in it.
    let proxy = Proxy::new(url).map_err(|_| Failure::invalid(source, "not a proxy's URL"))?;
    if proxy.protocol() != ProxyProtocol::Http {
        return Err(Failure::invalid(
            source,
            "only http:// proxies are supported",
        ));
    }
    let authority = proxy.uri().authority();
    host_and_port(authority.ok_or_else(|| Failure::invalid(source, "has no host"))?)
        .map_err(|mistake| Failure::invalid(source, mistake))?;
    Ok(proxy)
}

/// The proxy that the environment names for `url`, by the rules that curl made common: small
/// letters first, an empty value for none, and `NO_PROXY` a list of hosts and domains.
fn environment_proxy(url: &Uri) -> Result<Option<Proxy>, Failure> {
    let proxy = first_set(&["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"])?;
    let Some((name, value)) = proxy.filter(|(_, value)| !value.is_empty()) else {
        return Ok(None);
    };
    let (_, exceptions) = first_set(&["no_proxy", "NO_PROXY"])?.unwrap_or_default();
    // ureq knows such a list only together with a proxy; which one does not matter here.
    let mut matcher = Proxy::builder(ProxyProtocol::Http);
    for exception in exceptions.split(',').map(str::trim) {
        // A name stands for itself and for its subdomains.
        let domain = exception.trim_start_matches('.');
        if !domain.is_empty() {
            matcher = matcher.no_proxy(domain).no_proxy(&format!(".{domain}"));
        }
    }
    if matcher
        .build()
        .is_ok_and(|matcher| matcher.is_no_proxy(url))
    {
        return Ok(None);
    }
    http_proxy(name, &value).map(Some)
}

/// The first of these environment variables that is set. Where the environment is not to be trusted, none
/// is.
fn first_set(names: &[&'static str]) -> Result<Option<(&'static str, String)>, Failure> {
    if transport::is_secure_execution() {
        return Ok(None);
    }
    let set = names
        .iter()
        .find_map(|name| env::var_os(name).map(|value| (*name, value)));
    set.map(|(name, value)| match value.into_string() {
        Ok(value) => Ok((name, value)),
        Err(_) => Err(Failure::invalid(name, "not UTF-8")),
    })
    .transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<(bool, String, u16, String), &'static str> {
        Base::parse(text).map(|b| (b.is_https, b.host, b.port, b.url.to_string()))
    }

    #[test]
    fn usable_base_urls_are_taken_apart() {
        for (text, is_https, host, port, url) in [
            (
                BASE_URL,
                true,
                "api.itniotech.com",
                443,
                "https://api.itniotech.com/voice/sendSip",
            ),
            ("https://h:8443/", true, "h", 8443, "https://h:8443/sendSip"),
            (
                "http://127.0.0.1:80/a/b/",
                false,
                "127.0.0.1",
                80,
                "http://127.0.0.1:80/a/b/sendSip",
            ),
            ("http://[::1]", false, "::1", 80, "http://[::1]/sendSip"),
            (
                "http://LOCALHOST",
                false,
                "LOCALHOST",
                80,
                "http://LOCALHOST/sendSip",
            ),
        ] {
            assert_eq!(
                parse(text),
                Ok((is_https, host.to_owned(), port, url.to_owned()))
            );
        }
    }

    #[test]
    fn unusable_proxies_are_refused_without_repeating_their_password() {
        for url in [
            "",
            "http://",
            "http://u:hunter2@",
            "http://u:hunter2@h:port",
            "http://u:hunter2@h:65536",
            "http://u:hunter2@h:0",
            "http://[h]:1",
            "https://u:hunter2@h",
            "socks5://u:hunter2@h",
            "h h",
        ] {
            let failure = http_proxy("proxy", url).expect_err(url);
            assert!(failure.reason.starts_with("proxy: "), "{url}: {failure}");
            assert!(!failure.reason.contains("hunter2"), "{url}: {failure}");
        }
        for url in ["h", "h:3128", "http://u:p@[::1]:3128/", "http://127.0.0.1"] {
            http_proxy("proxy", url).expect(url);
        }
    }

    #[test]
    fn unusable_base_urls_are_refused() {
        for text in [
            "",
            "/voice",
            "api.itniotech.com",
            "ftp://127.0.0.1",
            "http://api.itniotech.com",
            "http://localhost.example.com",
            "https://",
            "https://:443",
            "https://u:p@h",
            "https://h?x=1",
            "https://h#x",
            "https://h:99999",
            "https://h:",
            "https://h:0",
            "https://h:x",
            "https://[h]",
            "https://[::1",
            "https://h h",
            "https://h
",
            "https://ä.example",
        ] {
            assert!(parse(text).is_err(), "{text:?}");
        }
    }
}
