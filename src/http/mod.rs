//! HTTP/1.1 (RFC 9112), as far as one request, its response and a proxy's tunnel need it.

pub mod client;
pub mod no_proxy;
pub mod parser;
pub mod proxy;
pub mod request;
pub mod url;
