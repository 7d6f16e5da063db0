//! The sandbox gateway: an HTTPS stand-in for the Itniotech voice API, on loopback.
//!
//! It is for those who integrate libitnio (or talk to the API by other means) and would rather
//! not pay for test calls: it checks each request as the API's documentation says, answers with any
//! documented status on demand, and can fail in the ways that networks do.
//!
//! `cargo run --example gateway -- --help` is its manual.
//!
//! * [`options`]: the command line, and with it the manual.
//! * [`faults`]: what can be made to go wrong, for every request or for some callees.
//! * [`api`]: the documented API: request in, verdict out; no input or output of its own.
//! * [`records`]: the calls that it accepted, as its records show them.
//! * [`query`]: what a `recordSipQuery` asks for, and its documented limits.
//! * [`server`]: connections, the line per request, and the orderly end.
//! * [`tls`]: the certificate authority that lives as long as the process.

mod api;
mod faults;
mod options;
mod query;
mod records;
mod server;
mod tls;

use std::error::Error;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::process::ExitCode;

use clap::Parser;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use options::Options;
use server::Server;
use tls::{CaFile, Identity};

#[tokio::main]
async fn main() -> ExitCode {
    match run(Options::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("gateway: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Starts the server, says where it is, and serves until a signal or the last request.
async fn run(options: Options) -> Result<(), Box<dyn Error>> {
    let api = options.api();
    // The port comes before the file: a second gateway on the same port must fail before it replaces the
    // CA file of the first.
    let listener = TcpListener::bind((options.address, options.port))
        .await
        .map_err(|error| cannot_listen(&options, &error))?;
    let address = listener.local_addr()?;
    // Then the signals: from here on they no longer end the process before it has tidied up.
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let end = async {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    };

    // The file goes when `ca_file` does, at the end of this function.
    let (tls, ca_file) = if options.plain {
        (None, None)
    } else {
        let identity = Identity::generate()?;
        let ca_file = CaFile::write(&options.ca_file(address.port()), identity.ca_pem)?;
        (Some(identity.acceptor), Some(ca_file))
    };
    announce(address, ca_file.as_ref())?;

    Server::new(api, tls, options.requests)
        .serve(listener, end)
        .await;
    Ok(())
}

/// Prints what a script needs to start from, as `name=value` lines.
fn announce(address: SocketAddr, ca_file: Option<&CaFile>) -> io::Result<()> {
    let scheme = if ca_file.is_some() { "https" } else { "http" };
    let mut out = io::stdout().lock();
    writeln!(out, "base_url={scheme}://{address}/voice")?;
    if let Some(ca_file) = ca_file {
        writeln!(out, "ca_file={}", ca_file.path().display())?;
    }
    writeln!(out, "ready")?;
    out.flush()
}

fn cannot_listen(options: &Options, error: &io::Error) -> String {
    let address = SocketAddr::new(options.address, options.port);
    let hint = match error.kind() {
        io::ErrorKind::AddrInUse => "; choose another --port, or 0 for any free one",
        io::ErrorKind::PermissionDenied => "; ports below 1024 need privileges",
        _ => "",
    };
    format!("cannot listen on {address}: {error}{hint}")
}
