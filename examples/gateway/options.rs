//! The command line. Its help is the gateway's manual.

use std::net::{IpAddr, Ipv4Addr};
use std::num::{NonZeroU64, NonZeroUsize};
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, CommandFactory, Parser, error::ErrorKind};

use crate::api::Api;
use crate::faults::{Fault, Faults, MAX_CLOCK_OFFSET, Outcome, Rule};

const ABOUT: &str = "\
A sandbox for the Itniotech voice API: try your integration without paying for calls.

It listens on loopback, takes POST BASE_URL/sendSip over HTTPS with a certificate
of its own making, and checks each request as the API's documentation says. No phone
ever rings. The calls it accepted are in its records: GET BASE_URL/recordSip/ID and
POST BASE_URL/recordSipQuery.";

const MANUAL: &str = "\
What it prints:
  On start, for people and scripts alike, and then \"ready\":
      base_url=https://127.0.0.1:8443/voice
      ca_file=/tmp/itnio-sandbox-ca-8443.pem
  Then a line per request, when it has arrived: the time (UTC), the callee, the response
  and why. Where the response to an accepted call is lost, the line ends in \"record\" and the
  recording ID. A lookup has recordSip/ID or recordSipQuery in place of the callee. Neither
  the secret nor a signature is ever printed. Trouble with a connection (a client that
  does not trust the CA, say) goes to standard error.

How it answers:
  In this order, the first that does not hold decides:
      a body of 64 KiB at the most                             else HTTP 413
      the path is /voice/sendSip or /voice/recordSipQuery,
        and the method POST; or /voice/recordSip/ID, and GET   else HTTP 404, 405
      Content-Type: application/json;charset=UTF-8             else HTTP 415
      Api-Key is --key; Sign is the lower-case hex MD5 of
        key + secret + Timestamp                               else status -1
      Timestamp is a number of seconds                         else status -22
      ... and within --window of the gateway's clock           else status -16
      for sendSip, the body is a JSON object with
        callee       7 to 15 digits
        displayNum   absent, null, or 7 to 15 digits
        account      a string, not empty
        appId        a string, not empty
        calledInfo   absent, or a string of 0 to 1000
                     characters (Unicode code points)          else status -22

  For a request that passes, the last two digits of the callee choose the response:
      ...01  -1   authentication error
      ...02  -2   restricted IP access
      ...10  -10  the customer's balance is insufficient
      ...16  -16  timestamp expires
      ...18  -18  port program unusual
      ...22  -22  parameter exception
      ...26  -26  getting fee failed
      ...91  accepted, but the connection closes without a response; it is in the records
      ...92  likewise, and its record appears only after 3 seconds
      others  0   success, with a new recording ID of 19 digits:
                  yyMMddHHmmss (UTC) and 7 more, never the same twice in a run

  The documentation gives neither the width of the window nor the order of the
  checks nor the HTTP statuses; those are the sandbox's own. The Timestamp is looked at
  after the signature, because only a signed one can be believed.

The records:
  Each call that was accepted (status 0) is in the records, also where its response was
  dropped, delayed, or replaced by a fault. What was refused, or never arrived whole, is
  not. The records are of this run, and of the newest --max-records calls.
      recordSip/ID    the record with this recording ID         else status -24
      recordSipQuery  the body is a JSON object with
        current, size       numbers from 1 on, and from 1 to 100
        params              an object with
          strTime, endTime    such as 2022-02-18T00:00:00+08:00
          sipGroupName,
          phoneName           absent, null, \"\" (all), or
                              the exact name              else status -22
        strTime not after endTime, not more than 31 days
        before it, and not more than 62 before now        else status -25
      and its data is one page of the records with a submitTime from strTime to endTime,
      newest first. endTime may lie in the future.
  The group is \"sandbox\", the phone \"phone-\" and the call's account (its first 64
  characters). The times are by the gateway's clock. A record says at once how the call
  went, so its later times are some seconds ahead. The third digit from the callee's end
  chooses it:
      ...7xx  busy (486); what has not happened is missing
      ...8xx  no answer (480); what has not happened is null
      ...9xx  still ringing; what has not happened is an empty string (a number: missing)
      others  answered (200), for 5 seconds and 10 times the last digit
  The documentation does not say in which order the records come, which time strTime
  bounds, nor when a record appears; those are the sandbox's own.

What can go wrong:
  --delay-ms, --drop, --http-status, --garbage and --clock-offset hold for every
  request, also for the lookups; --record-delay-ms holds for every call.
  --on SUFFIX=FAULT is for the callees that end in SUFFIX and goes before those and before
  the table above (the longest SUFFIX decides). FAULT is one of these, or two and more
  with commas between them:
      status:N         answer with status N, documented or not, once all checks are passed;
                       status:0 lets your own test number that ends in 10 succeed
      http-status:N    answer with HTTP status N and a small HTML page, as a proxy would
      garbage          answer with HTTP 200 and something that is not JSON
      drop             read the whole request, then close without a response
      delay-ms:N       send the response N milliseconds later
      clock-offset:N   the gateway's clock is N seconds fast (slow, if negative):
                       shows in the Date header, in the check of the Timestamp, and in the
                       times of the record (but a lookup only knows --clock-offset)
      record-delay-ms:N  the record of the call appears N milliseconds after the call
  drop, garbage and http-status do not depend on the request: they stand for something
  that is broken on the way back from the API. It has received the request, and a call that
  it accepts is in the records.

Example: one of each in one run
  cargo run --example gateway -- --on 91=drop --on 92=http-status:502 \\
      --on 93=garbage --on 94=delay-ms:60000 --on 95=clock-offset:3600

  With the C example (make -C examples builds it), in another terminal:
      export ITNIO_API_KEY=bDqJFiq9 ITNIO_API_SECRET=7bz1lzh9
      export ITNIO_BASE_URL=https://127.0.0.1:8443/voice
      export ITNIO_CA_FILE=/tmp/itnio-sandbox-ca-8443.pem
      target/c-example/send_sip 8613800138000 my-account my-app   # a recording ID
      target/c-example/send_sip 8613800138010 my-account my-app   # refused: -10
      target/c-example/send_sip 8613800138091 my-account my-app   # may have been placed

  With curl:
      now=$(date +%s)
      sign=$(printf %s \"bDqJFiq97bz1lzh9$now\" | md5sum | cut -c1-32)
      curl --cacert /tmp/itnio-sandbox-ca-8443.pem \\
          -H 'Content-Type: application/json;charset=UTF-8' \\
          -H 'Api-Key: bDqJFiq9' -H \"Timestamp: $now\" -H \"Sign: $sign\" \\
          -d '{\"callee\":\"8613800138000\",\"account\":\"my-account\",\"appId\":\"my-app\"}' \\
          https://127.0.0.1:8443/voice/sendSip

It ends on SIGINT (Ctrl-C) and SIGTERM, and removes the CA file it wrote.";

/// The command line.
#[derive(Debug, Parser)]
#[command(
    name = "gateway",
    version,
    about = "A sandbox for the Itniotech voice API",
    long_about = ABOUT,
    after_help = "--help is the whole manual: how it answers, what can go wrong, examples.",
    after_long_help = MANUAL
)]
pub struct Options {
    /// The port to listen on; 0 takes any that is free
    #[arg(long, default_value_t = 8443)]
    pub port: u16,

    /// The loopback address to listen on, such as 127.0.0.1 or ::1
    #[arg(long, value_name = "IP", default_value_t = Ipv4Addr::LOCALHOST.into(), value_parser = loopback)]
    pub address: IpAddr,

    /// Speak http:// instead of https://
    #[arg(long)]
    pub plain: bool,

    /// Where to write the CA's certificate, as PEM
    /// [default: itnio-sandbox-ca-PORT.pem in the directory for temporary files]
    #[arg(
        long,
        value_name = "PATH",
        conflicts_with = "plain",
        verbatim_doc_comment
    )]
    ca_file: Option<PathBuf>,

    /// The API key to accept
    #[arg(long, default_value = "bDqJFiq9")]
    key: String,

    /// The API secret to check with: never your real one; the default is the documentation's example
    #[arg(long, default_value = "7bz1lzh9", hide_default_value = true)]
    secret: String,

    /// How far a Timestamp may be off, either way (the documentation does not say what the API allows)
    #[arg(long, value_name = "SECONDS", default_value_t = 300)]
    window: u64,

    /// Keep the records of the newest N calls
    #[arg(long, value_name = "N", default_value = "10000")]
    max_records: NonZeroUsize,

    /// Exit once N requests have been answered
    #[arg(long, value_name = "N")]
    pub requests: Option<NonZeroU64>,

    #[command(flatten)]
    always: Always,

    /// Let it go wrong for the callees that end in SUFFIX, as in --on 91=drop; may be repeated
    #[arg(long, value_name = "SUFFIX=FAULT")]
    on: Vec<Rule>,
}

/// The faults that every request meets.
#[derive(Debug, Args)]
#[command(next_help_heading = "Faults")]
struct Always {
    /// Send each response this much later
    #[arg(long, value_name = "MS")]
    delay_ms: Option<u64>,

    /// Read each request whole, then close without a response
    #[arg(long, group = "outcome")]
    drop: bool,

    /// Answer with this HTTP status (300 to 599), as a proxy in front of the API would
    #[arg(long, value_name = "CODE", group = "outcome", value_parser = clap::value_parser!(u16).range(300..600))]
    http_status: Option<u16>,

    /// Answer with HTTP 200 and something that is not JSON
    #[arg(long, group = "outcome")]
    garbage: bool,

    /// Be this much fast, or slow if negative: in the Date header, the check of the Timestamp, and the records
    #[arg(
        long,
        value_name = "SECONDS",
        allow_negative_numbers = true,
        value_parser = clap::value_parser!(i64).range(-MAX_CLOCK_OFFSET..=MAX_CLOCK_OFFSET)
    )]
    clock_offset: Option<i64>,

    /// Show the record of each call only this long after the call
    #[arg(long, value_name = "MS")]
    record_delay_ms: Option<u64>,
}

impl Always {
    fn fault(&self) -> Fault {
        let outcome = match self {
            Self { drop: true, .. } => Some(Outcome::Drop),
            Self { garbage: true, .. } => Some(Outcome::Garbage),
            Self { http_status, .. } => http_status.map(Outcome::HttpStatus),
        };
        Fault {
            outcome,
            delay: self.delay_ms.map(Duration::from_millis),
            clock_offset: self.clock_offset,
            record_delay: self.record_delay_ms.map(Duration::from_millis),
        }
    }
}

impl Options {
    /// Where the CA file goes. The port is part of its default name, so that two gateways do not
    /// overwrite each other's.
    pub fn ca_file(&self, port: u16) -> PathBuf {
        let default = || std::env::temp_dir().join(format!("itnio-sandbox-ca-{port}.pem"));
        self.ca_file.clone().unwrap_or_else(default)
    }

    /// The API as these options describe it. What is wrong with them ends the process the way
    /// any other bad option does.
    pub fn api(&self) -> Api {
        let faults = Faults::new(self.always.fault(), self.on.clone()).unwrap_or_else(|message| {
            Self::command()
                .error(ErrorKind::ArgumentConflict, message)
                .exit()
        });
        Api::new(
            self.key.clone(),
            self.secret.clone(),
            self.window,
            self.max_records.get(),
            faults,
        )
    }
}

fn loopback(text: &str) -> Result<IpAddr, String> {
    let ip: IpAddr = text.parse().map_err(|_| "it is not an IP address")?;
    if ip.is_loopback() {
        Ok(ip)
    } else {
        Err("the sandbox is for loopback only".to_owned())
    }
}
