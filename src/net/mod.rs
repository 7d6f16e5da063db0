//! The network: DNS, TCP and TLS, every wait with a deadline and a way to cancel it.
//!
//! | file | |
//! | --- | --- |
//! | [`io`] | deadlines, cancellation, and the one place that waits |
//! | [`resolver`] | cached DNS |
//! | [`socket`] | TCP sockets that never block in the kernel |
//! | [`tls`] | TLS settings: trust, sessions |
//! | [`records`] | a socket for TLS to read from, that knows where a record ends |
//! | [`connection`] | a connection: TCP, and TLS over it |
//! | [`pool`] | the idle connections |

pub mod connection;
pub mod io;
pub mod pool;
pub mod records;
pub mod resolver;
pub mod socket;
pub mod tls;
