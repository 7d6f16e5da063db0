//! What users of other clients have reported of real networks, files and environments, tried on this library.
//! Each test is named after what a user sees. The reports are listed in tests/reported/README.md.

mod support;

#[path = "reported/certificates.rs"]
mod certificates;
#[path = "reported/environment.rs"]
mod environment;
#[path = "reported/proxies.rs"]
mod proxies;
#[path = "reported/responses.rs"]
mod responses;
