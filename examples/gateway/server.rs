//! Connections, the line per request, and the orderly end.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::num::NonZeroU64;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{ALLOW, CONTENT_TYPE, DATE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use time::OffsetDateTime;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;

use crate::api::{Api, Data, ResponseKind, Verdict};

/// Several times the longest documented request.
const MAX_BODY: usize = 64 * 1024;
/// How long a client may take to shake hands.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// How long connections get to finish at the end.
const GRACE: Duration = Duration::from_secs(1);

/// What all connections share.
pub struct Server {
    api: Api,
    tls: Option<TlsAcceptor>,
    /// Requests done with so far, and the number of them after which to stop.
    done: AtomicU64,
    limit: Option<NonZeroU64>,
    stop: watch::Sender<bool>,
}

impl Server {
    /// Without `tls` it speaks plain HTTP; without `limit` it serves until it is told to stop.
    pub fn new(api: Api, tls: Option<TlsAcceptor>, limit: Option<NonZeroU64>) -> Self {
        Self {
            api,
            tls,
            done: AtomicU64::new(0),
            limit,
            stop: watch::Sender::new(false),
        }
    }

    /// Serves until `end` or the last request, then lets the requests in progress finish.
    pub async fn serve(self, listener: TcpListener, end: impl Future) {
        let server = Arc::new(self);
        let mut end = pin!(end);
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                accepted = listener.accept() => match accepted {
                    Ok((stream, peer)) => {
                        connections.spawn(Arc::clone(&server).connection(stream, peer));
                    }
                    Err(error) => {
                        eprintln!("gateway: cannot accept a connection: {error}");
                        // Most likely out of descriptors: give some time to come free.
                        sleep(Duration::from_millis(50)).await;
                    }
                },
                Some(_) = connections.join_next() => {}
                _ = &mut end => break,
                () = server.stopped() => break,
            }
        }
        drop(listener);
        server.stop.send_replace(true);
        let finished = async { while connections.join_next().await.is_some() {} };
        // Those that have not finished by then end with the set that holds them.
        let _ = timeout(GRACE, finished).await;
    }

    async fn stopped(&self) {
        // It fails only when the sender is gone, and that is a field of `self`.
        let _ = self.stop.subscribe().wait_for(|stop| *stop).await;
    }

    async fn connection(self: Arc<Self>, stream: TcpStream, peer: SocketAddr) {
        // A response is one small write. Without this option it may come late, and nothing worse.
        let _ = stream.set_nodelay(true);
        let served = match &self.tls {
            None => self.http(stream).await,
            Some(tls) => match timeout(HANDSHAKE, tls.accept(stream)).await {
                Ok(Ok(stream)) => self.http(stream).await,
                Ok(Err(error)) => return eprintln!("{peer}: the TLS handshake failed: {error}"),
                Err(_) => return eprintln!("{peer}: the TLS handshake took too long"),
            },
        };
        match served {
            // How a client closes its connection does not matter here.
            Err(error) if error.is_parse() => eprintln!("{peer}: this is not HTTP: {error}"),
            _ => {}
        }
    }

    async fn http<S>(self: &Arc<Self>, stream: S) -> hyper::Result<()>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let service = service_fn(|request| self.respond(request));
        // A request counts once it has arrived, even if its client closes at once: hence half_close.
        let mut connection = pin!(
            http1::Builder::new()
                .half_close(true)
                .serve_connection(TokioIo::new(stream), service)
        );
        tokio::select! {
            served = &mut connection => return served,
            () = self.stopped() => {}
        }
        connection.as_mut().graceful_shutdown();
        connection.await
    }

    /// Answers one request. An error makes hyper close the connection without a response.
    async fn respond(
        &self,
        request: Request<Incoming>,
    ) -> Result<Response<Full<Bytes>>, NoResponse> {
        let (head, body) = request.into_parts();
        let body = Limited::new(body, MAX_BODY).collect().await;
        let now = SystemTime::now();
        let verdict = match body {
            Ok(body) => self.api.judge(&head, &body.to_bytes(), now),
            Err(error) => unread(error.as_ref(), now),
        };
        log(&verdict);
        // Counts also where the client goes and hyper drops the rest of this function.
        let _counted = Counted(self);
        sleep(verdict.delay).await;
        response(&verdict)
    }
}

/// Counts a request when this is dropped, and stops the server after the last one asked for.
struct Counted<'a>(&'a Server);

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        let Self(server) = self;
        let done = server.done.fetch_add(1, Ordering::Relaxed) + 1;
        if server.limit.is_some_and(|limit| done >= limit.get()) {
            server.stop.send_replace(true);
        }
    }
}

/// Prints the line about a request: when it has arrived, since that is when the API decides.
fn log(verdict: &Verdict) {
    let at = OffsetDateTime::now_utc();
    let (hour, minute, second) = at.to_hms();
    let why = match verdict.why.as_str() {
        "" => String::new(),
        why => format!(" ({why})"),
    };
    let delay = match verdict.delay.as_millis() {
        0 => String::new(),
        ms => format!(", {ms} ms later"),
    };
    let record = match &verdict.record {
        None => String::new(),
        Some(id) => format!(", record {id}"),
    };
    // The gateway goes on if nobody reads the log.
    let _ = writeln!(
        io::stdout(),
        "{}T{hour:02}:{minute:02}:{second:02}Z {} {}{why}{delay}{record}",
        at.date(),
        verdict.subject,
        verdict.response,
    );
}

impl fmt::Display for ResponseKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Api {
                status,
                reason,
                data,
            } => match data {
                Data::RecordingId(id) => write!(f, "status {status}, recording ID {id}"),
                Data::Record(_) => write!(f, "status {status}, the record"),
                Data::Page(page) => write!(f, "status {status}, {page}"),
                Data::Nothing => write!(f, "status {status}, {reason}"),
            },
            Self::Http(status) => write!(f, "HTTP {status}"),
            Self::OtherMethod(_) => write!(f, "HTTP {}", StatusCode::METHOD_NOT_ALLOWED),
            Self::Garbage => f.write_str("HTTP 200 OK without JSON"),
            Self::Nothing => f.write_str("no response, connection closed"),
        }
    }
}

/// The verdict on a request that could not be read.
fn unread(error: &(dyn Error + Send + Sync + 'static), now: SystemTime) -> Verdict {
    let (response, why) = if error.is::<LengthLimitError>() {
        (
            ResponseKind::Http(StatusCode::PAYLOAD_TOO_LARGE),
            format!("the body is longer than {MAX_BODY} bytes"),
        )
    } else {
        (ResponseKind::Nothing, "the request was cut off".to_owned())
    };
    Verdict {
        subject: "-".to_owned(),
        delay: Duration::ZERO,
        clock: now,
        response,
        why,
        record: None,
    }
}

/// The API's response as the documentation shows it.
#[derive(Serialize)]
struct ApiJson<'a> {
    status: String,
    reason: &'a str,
    data: &'a Data,
}

fn response(verdict: &Verdict) -> Result<Response<Full<Bytes>>, NoResponse> {
    let (status, content_type, body) = match &verdict.response {
        ResponseKind::Nothing => return Err(NoResponse),
        ResponseKind::Api {
            status,
            reason,
            data,
        } => {
            let json = ApiJson {
                status: status.to_string(),
                reason,
                data,
            };
            // Texts and numbers have a JSON form.
            let json = serde_json::to_string(&json).map_err(|_| NoResponse)?;
            (StatusCode::OK, "application/json;charset=UTF-8", json)
        }
        ResponseKind::Http(status) => error_page(*status, &verdict.why),
        ResponseKind::OtherMethod(_) => error_page(StatusCode::METHOD_NOT_ALLOWED, &verdict.why),
        ResponseKind::Garbage => (
            StatusCode::OK,
            "text/html",
            page("Welcome", "Please log in to this network."),
        ),
    };
    let mut response = Response::new(Full::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    // A date is ASCII.
    if let Ok(date) = HeaderValue::from_str(&httpdate::fmt_http_date(verdict.clock)) {
        headers.insert(DATE, date);
    }
    if let ResponseKind::OtherMethod(method) = verdict.response {
        headers.insert(ALLOW, HeaderValue::from_static(method));
    }
    Ok(response)
}

fn error_page(status: StatusCode, why: &str) -> (StatusCode, &'static str, String) {
    (status, "text/html", page(&status.to_string(), why))
}

/// A small page of HTML. Neither argument needs escaping: both are the gateway's own words.
fn page(title: &str, text: &str) -> String {
    format!("<html><head><title>{title}</title></head><body><h1>{title}</h1>{text}</body></html>\n")
}

/// Makes hyper close the connection instead of sending a response.
#[derive(Debug)]
struct NoResponse;

impl fmt::Display for NoResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("this request gets no response")
    }
}

impl Error for NoResponse {}
