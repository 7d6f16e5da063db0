//! The client: its configuration, checked once; and a call of the API, with its repeats.

use std::time::Duration;

use super::Endpoint;
use super::auth::Credentials;
use super::clock::{Clock, ClockReading};
use super::process_state::ProcessState;
use super::recording_ids::RecordingIds;
use super::repeat::{Circumstances, Repeat, repeat_after};
use super::response::{bad_response, classify_response, is_expired};
use super::send_sip::{SendSip, SipRequest};
use crate::error::{Error, ErrorKind, NotSent};
use crate::http::client::{Exchange, Route};
use crate::http::parser::Head;
use crate::http::proxy::Proxy;
use crate::http::request::RequestTemplate;
use crate::http::url::BaseUrl;
use crate::net::boot_time::BootTime;
use crate::net::io::{Deadline, IoContext};
use crate::net::tls::TlsConfig;
use crate::wipe;

/// The API's documented address.
const BASE_URL: &str = "https://api.itniotech.com/voice";

const CONNECT_TIMEOUT_MS: u32 = 5_000;
const TIMEOUT_MS: u32 = 30_000;

const PREMATURE: &str = "a response that came before the request had arrived";

const CONTRADICTED: &str = "a refusal, and more than one response";

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

/// Calls the API for one account. Shared between threads, and by a process with those it forks.
pub struct Client {
    template: RequestTemplate,
    credentials: Credentials,
    timeout: Duration,
    route: Route,
    recording_ids: RecordingIds,
    // Of the process that made the client.
    state: ProcessState,
}

impl Client {
    /// Checks the configuration and copies what it needs of it. Reads the environment and the
    /// certificates, and connects to nothing.
    /// Errors: [`ErrorKind::InvalidArgument`] for a field that cannot be used; [`NotSent::Tls`] for a system
    /// without a trust store; [`NotSent::Connect`] for a process without descriptors.
    pub fn new(config: &Config<'_>) -> Result<Client, Error> {
        for (field, text) in [
            ("api_key", config.api_key),
            ("api_secret", config.api_secret),
        ] {
            if text.is_empty() {
                return Err(Error::invalid(field, "empty"));
            }
            if wipe::after(|| text.contains(char::is_control)) {
                return Err(Error::invalid(field, "has a control character"));
            }
        }

        let base_url = BaseUrl::parse(config.base_url.unwrap_or(BASE_URL))
            .map_err(|mistake| Error::invalid("base_url", mistake))?;
        let tls = base_url
            .is_https
            .then(|| TlsConfig::new(&base_url.host, config.ca_file))
            .transpose()?;
        let proxy = match (&tls, config.proxy) {
            // Plain HTTP stays on this machine, and so does not go by a proxy.
            (None, _) | (_, Some("")) => None,
            (Some(tls), Some(url)) => Some(Proxy::from_config(url, tls)?),
            (Some(tls), None) => Proxy::from_environment(&base_url, tls)?,
        };
        let route = Route {
            host: base_url.host.clone(),
            port: base_url.port,
            tls,
            proxy,
            connect_timeout: milliseconds(config.connect_timeout_ms, CONNECT_TIMEOUT_MS),
        };
        Ok(Client {
            template: RequestTemplate::new(base_url.path(), base_url.authority(), config.api_key),
            credentials: Credentials::new(config.api_key, config.api_secret),
            timeout: milliseconds(config.timeout_ms, TIMEOUT_MS),
            recording_ids: RecordingIds::default(),
            state: ProcessState::new(&route, Clock::default())
                .map_err(|error| Error::new(NotSent::Connect, format!("client: {error}")))?,
            route,
        })
    }

    /// Ends the calls in progress, and refuses new ones; in this process only.
    pub fn shut_down(&self) {
        if let Ok(state) = self.state.of_this_process(&self.route) {
            state.http.shut_down();
        }
    }

    /// Places a call, and gives its recording ID.
    /// Errors: why it was not placed, or may have been. The reason holds neither the secret nor the signature.
    pub fn send_sip(&self, request: &SipRequest<'_>) -> Result<String, Error> {
        let state = self.state()?;
        let mut in_progress = state.calls.enter(request.callee);
        let deadline = self.deadline(request.timeout_ms);
        let called = self.call_with(state, &self.endpoint_of(request), deadline);
        if called
            .as_ref()
            .is_err_and(|error| error.kind.may_have_dialed())
        {
            in_progress.set_in_doubt();
        }
        Ok(called?.0)
    }

    /// The endpoint that places this call.
    pub fn endpoint_of<'a>(&'a self, request: &'a SipRequest<'a>) -> SendSip<'a> {
        SendSip {
            request,
            handed_out: &self.recording_ids,
        }
    }

    /// The recording IDs of this client's calls.
    pub fn recording_ids(&self) -> &RecordingIds {
        &self.recording_ids
    }

    /// When a call has to be over that begins now; 0: after the client's timeout.
    pub fn deadline(&self, timeout_ms: u32) -> Deadline {
        let timeout = match timeout_ms {
            0 => self.timeout,
            _ => Duration::from_millis(timeout_ms.into()),
        };
        Deadline::after(BootTime::now(), timeout)
    }

    /// What this process keeps of the client.
    pub fn state(&self) -> Result<&ProcessState, Error> {
        let state = self.state.of_this_process(&self.route);
        state.map_err(|error| Error::new(NotSent::Connect, format!("after a fork: {error}")))
    }

    /// Calls an endpoint. Gives the head of its response, too.
    pub fn call<E: Endpoint>(
        &self,
        endpoint: &E,
        deadline: Deadline,
    ) -> Result<(E::Output, Head), Error> {
        self.call_with(self.state()?, endpoint, deadline)
    }

    fn call_with<E: Endpoint>(
        &self,
        state: &ProcessState,
        endpoint: &E,
        deadline: Deadline,
    ) -> Result<(E::Output, Head), Error> {
        endpoint.validate()?;
        let call = Call {
            client: self,
            state,
            endpoint,
            body: endpoint.body()?,
            context: state.http.context(deadline),
        };
        call.run().map_err(|error| self.redact(error))
    }

    /// The error without the secret and without signatures: somebody may have sent back what we sent.
    pub fn redact(&self, error: Error) -> Error {
        Error {
            reason: self.credentials.redact(&error.reason),
            ..error
        }
    }
}

fn milliseconds(given: u32, default: u32) -> Duration {
    let millis = if given == 0 { default } else { given };
    Duration::from_millis(u64::from(millis))
}

/// A call of an endpoint, until it has a result.
struct Call<'a, E> {
    client: &'a Client,
    state: &'a ProcessState,
    endpoint: &'a E,
    body: Vec<u8>,
    context: IoContext<'a>,
}

/// A request that failed.
struct Failure {
    error: Error,
    was_reused: bool,
    // Where there is a response. Its connection is not kept: only a recording ID shows to which request a
    // response belongs. Should this one come twice, nothing would tell the second from the next one's.
    exchange: Option<Box<Exchange>>,
}

impl<E: Endpoint> Call<'_, E> {
    /// Sends the request, and sends it once more as long as [`repeat_after`] says so.
    fn run(&self) -> Result<(E::Output, Head), Error> {
        let clock = &self.state.clock;
        let mut reading = clock.read();
        let mut needs_new_connection = false;
        // The attempt whose timestamp was refused, and for which the clock was corrected.
        let mut expired = None;
        loop {
            let failed = match self.attempt(reading, needs_new_connection, &mut expired) {
                Ok(output) => {
                    if expired.is_some() {
                        clock.keep(reading);
                    }
                    return Ok(output);
                }
                Err(failed) => failed,
            };
            let head = failed
                .exchange
                .as_ref()
                .map(|exchange| &exchange.response.head);
            let circumstances = Circumstances {
                was_reused: failed.was_reused,
                has_time: self.has_time(),
                corrected: head
                    .filter(|_| expired.is_none())
                    .and_then(|head| clock.corrected(reading, head.date.as_deref(), head.has_age)),
            };
            match repeat_after(&failed.error, E::REPEAT, &circumstances) {
                Some(Repeat::OnNewConnection) => needs_new_connection = true,
                Some(Repeat::WithClock(corrected)) => {
                    reading = corrected;
                    needs_new_connection = false;
                    expired = Some(failed);
                }
                None => return Err(self.conclude(failed.error, reading, expired)),
            }
        }
    }

    /// Signs the request with this time, and sends it.
    fn attempt(
        &self,
        reading: ClockReading,
        needs_new_connection: bool,
        expired: &mut Option<Failure>,
    ) -> Result<(E::Output, Head), Failure> {
        let http = &self.state.http;
        let sign = self.client.credentials.sign(reading.timestamp);
        let request = self.client.template.request(
            &E::METHOD,
            &self.endpoint.path(),
            &sign,
            reading.timestamp,
            &self.body,
        );
        let idle = if needs_new_connection {
            None
        } else {
            http.idle_connection(&self.context)?
        };
        let connection = idle.map_or_else(|| http.new_connection(&self.context), Ok)?;
        // Up to the moment when the repeat is sent.
        if let Some(contradiction) = expired.as_mut().and_then(Failure::contradiction) {
            return Err(contradiction.into());
        }
        let was_reused = connection.is_reused;
        let failed = |error, exchange| Failure {
            error,
            was_reused,
            exchange,
        };
        let mut exchange = http
            .send(connection, &request, E::MAX_BODY_SIZE, &self.context)
            .map_err(|error| failed(error, None))?;
        match self.read_response(&mut exchange) {
            Ok(output) => Ok((output, http.release(exchange))),
            Err(error) => Err(failed(error, Some(Box::new(exchange)))),
        }
    }

    /// What the response says of the request, once it is known to be the response to it.
    fn read_response(&self, exchange: &mut Exchange) -> Result<E::Output, Error> {
        match classify_response(self.endpoint, &exchange.response) {
            Ok(_) if exchange.may_be_premature && exchange.is_premature() => {
                Err(bad_response(Some(0), PREMATURE))
            }
            Ok(output) => self
                .endpoint
                .accept(output)
                .map_err(|why| bad_response(Some(0), &why)),
            // After a refusal that is not this request's, the host would dial again.
            Err(error) if error.kind == ErrorKind::Rejected && exchange.is_premature() => {
                Err(bad_response(error.status, PREMATURE))
            }
            Err(error) if error.kind == ErrorKind::Rejected && exchange.has_more() => {
                Err(bad_response(error.status, CONTRADICTED))
            }
            Err(error) => Err(error),
        }
    }

    /// The call's error, after its last attempt failed with `error`.
    fn conclude(&self, mut error: Error, reading: ClockReading, expired: Option<Failure>) -> Error {
        let clock = &self.state.clock;
        let Some(mut expired) = expired else {
            if is_expired(&error) {
                clock.forget(reading);
            }
            return error;
        };
        if !error.kind.may_have_dialed()
            && let Some(contradiction) = expired.contradiction()
        {
            // Whatever the repeat's result is, the first refusal is no longer to be believed.
            error = contradiction;
        }
        if error.kind == ErrorKind::Rejected && !is_expired(&error) {
            clock.keep(reading);
        }
        if matches!(error.kind, ErrorKind::NotSent(_)) && !self.has_time() {
            // Without time for the repeat, the request was sent once, and refused.
            return expired.error;
        }
        error
    }

    fn has_time(&self) -> bool {
        !self.context.deadline.has_passed(BootTime::now())
    }
}

impl Failure {
    /// The error where the server has sent more than the refusal by now.
    fn contradiction(&mut self) -> Option<Error> {
        let has_more = self.exchange.as_mut()?.has_more();
        has_more.then(|| bad_response(self.error.status, CONTRADICTED))
    }
}

/// Before anything was sent.
impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        Failure {
            error,
            was_reused: false,
            exchange: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;
    use std::io::{Read, Write};
    use std::net::TcpListener;
    use std::thread::{self, JoinHandle};

    use serde::Deserialize;
    use serde_json::value::RawValue;

    use super::*;
    use crate::api::repeat::RepeatPolicy;
    use crate::error::MaybeSent;
    use ureq::http::Method;

    /// Another endpoint, all of it: one that only reads.
    struct GetThing<'a> {
        id: &'a str,
    }

    #[derive(Deserialize)]
    struct Thing {
        name: String,
    }

    impl Endpoint for GetThing<'_> {
        type Output = Thing;

        const METHOD: Method = Method::GET;

        const REPEAT: RepeatPolicy = RepeatPolicy::Safe;

        fn path(&self) -> Cow<'_, str> {
            format!("/thing/{}", self.id).into()
        }

        fn validate(&self) -> Result<(), Error> {
            Ok(())
        }

        fn body(&self) -> Result<Vec<u8>, Error> {
            Ok(Vec::new())
        }

        fn read_data(&self, data: Option<&RawValue>) -> Result<Thing, Cow<'static, str>> {
            let data = data.ok_or("no data")?;
            serde_json::from_str(data.get()).map_err(|error| error.to_string().into())
        }
    }

    /// A server that responds to the first request, then closes each connection once it has read a request,
    /// `lost` times, and then responds again. Gives the request lines.
    fn server(lost: usize) -> (String, JoinHandle<Vec<String>>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let base_url = format!("http://{}/api", listener.local_addr().unwrap());
        let serving = thread::spawn(move || {
            let mut lines = Vec::new();
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut buffer = [0; 4096];
                loop {
                    let read = stream.read(&mut buffer).unwrap();
                    if read == 0 {
                        break;
                    }
                    let request = String::from_utf8_lossy(&buffer[..read]);
                    lines.push(request.lines().next().unwrap().to_owned());
                    let number = lines.len();
                    if (2..2 + lost).contains(&number) {
                        break;
                    }
                    let body = format!(r#"{{"status":0,"data":{{"name":"{number}"}}}}"#);
                    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
                    stream.write_all((head + &body).as_bytes()).unwrap();
                    if number == 2 + lost {
                        return lines;
                    }
                }
            }
            lines
        });
        (base_url, serving)
    }

    fn get(client: &Client, id: &str) -> Result<Thing, Error> {
        let (thing, _) = client.call(&GetThing { id }, client.deadline(0))?;
        Ok(thing)
    }

    fn client(base_url: &str) -> Client {
        Client::new(&Config {
            api_key: "key",
            api_secret: "secret",
            base_url: Some(base_url),
            ..Config::default()
        })
        .unwrap()
    }

    #[test]
    #[cfg_attr(miri, ignore = "Miri has no sockets with timeouts")]
    fn another_endpoint_is_one_file_and_a_read_is_repeated_once_its_response_is_lost() {
        let (base_url, serving) = server(1);
        let client = client(&base_url);
        assert_eq!(get(&client, "1").unwrap().name, "1");
        // Over the reused connection, which the server closes, and then over a new one.
        assert_eq!(get(&client, "2").unwrap().name, "3");
        let lines = serving.join().unwrap();
        let line = |id| format!("GET /api/thing/{id} HTTP/1.1");
        assert_eq!(lines, [line(1), line(2), line(2)]);
    }

    #[test]
    #[cfg_attr(miri, ignore = "Miri has no sockets with timeouts")]
    fn a_read_is_repeated_once() {
        let (base_url, serving) = server(2);
        let client = client(&base_url);
        get(&client, "1").unwrap();
        let error = get(&client, "2").map(|thing| thing.name);
        let kind = error.unwrap_err().kind;
        assert_eq!(kind, ErrorKind::MaybeSent(MaybeSent::ConnectionLost));
        get(&client, "3").unwrap();
        assert_eq!(serving.join().unwrap().len(), 4);
    }
}
