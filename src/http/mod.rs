//! HTTP/1.1 (RFC 9112), as far as one request, its response and a proxy's tunnel need it.

pub mod client;
pub mod parser;
pub mod request;
pub mod url;
