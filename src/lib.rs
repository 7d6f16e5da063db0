//! libitnio places phone calls through the Itniotech voice API (`voice/sendSip`). It is a library
//! for C; its contract is `include/itnio.h`, which is made from [`capi`].
//!
//! Data flows one way, `capi -> client -> (message, sign) -> exchange -> client -> outcome -> capi`,
//! and no module knows the one above it:
//!
//! | module | |
//! | --- | --- |
//! | [`capi`] | the C API: every export, a few lines each |
//! | [`boundary`] | what makes an export safe: the panic guard, NULL and UTF-8, out-parameters |
//! | [`client`] | the configuration, checked once; a call and its two safe repeats; the fork guard |
//! | [`message`] | the request's body and the API's answer, as serde types |
//! | [`sign`] | key + secret + timestamp -> signature; the clock and its offset |
//! | [`exchange`] | one exchange: a connection, kept or new, and "is the request out?" |
//! | [`http`] | HTTP/1.1: the bytes of a request, the end of an answer; no I/O |
//! | [`connection`] | TLS over a socket, and the pool that keeps connections between calls |
//! | [`resolver`] | cached DNS |
//! | [`transport`] | the system calls: sockets, waiting, forks, threads |
//! | [`recordings`] | the recording IDs that a client has handed out |
//! | [`plain_text`] | text that is fit for a log, without the secret and without signatures |
//! | [`wipe`] | registers and stack, after work on the secret |
//! | [`outcome`] | the results, and the failure that carries one |
//!
//! Only `capi` and `boundary` know C. `unsafe` is there, in `transport` and in `wipe`, and nowhere
//! else.

// Tests may panic; what is shipped may not.
#![cfg_attr(
    not(test),
    deny(
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::mem_forget,
        clippy::panic,
        clippy::print_stderr,
        clippy::print_stdout,
        clippy::todo,
        clippy::unreachable,
        clippy::unwrap_used
    )
)]

#[deny(unsafe_code)]
pub mod client;
#[deny(unsafe_code)]
pub mod connection;
#[deny(unsafe_code)]
pub mod exchange;
#[deny(unsafe_code)]
pub mod http;
#[deny(unsafe_code)]
pub mod message;
#[deny(unsafe_code)]
pub mod outcome;
#[deny(unsafe_code)]
pub mod plain_text;
#[deny(unsafe_code)]
pub mod recordings;
#[deny(unsafe_code)]
pub mod resolver;
#[deny(unsafe_code)]
pub mod sign;

pub mod boundary;
pub mod capi;
pub mod transport;
pub mod wipe;
