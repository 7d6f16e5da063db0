//! HTTP/1.1 (RFC 9112), as far as one request, its response and a proxy's tunnel need it.
//!
//! | file | |
//! | --- | --- |
//! | [`client`] | one request over one connection, and whether it is sent; the way to the host |
//! | [`request`] | the bytes of a request |
//! | [`parser`] | the end of a response, and what its head says; no I/O |
//! | [`url`] | the base URL and the proxy, from the configuration and the environment |

pub mod client;
pub mod parser;
pub mod request;
pub mod url;
