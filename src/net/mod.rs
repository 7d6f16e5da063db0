//! The network: DNS, TCP and TLS, every wait with a deadline and a way to cancel it.

pub mod boot_time;
pub mod certificate_file;
pub mod connection;
pub mod der;
pub mod io;
pub mod link;
pub mod nested;
pub mod pool;
pub mod resolver;
pub mod session;
pub mod socket;
pub mod socks;
pub mod tls;
pub mod tls_reasons;
pub mod verifier;
