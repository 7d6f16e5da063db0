//! libitnio places phone calls through the Itniotech voice API (`voice/sendSip`), and reads the API's records
//! of them. It is a library for C; its contract is `include/itnio.h`, which is made from [`ffi::exports`].
//!
//! Data flows one way, and no room knows the one above it:
//!
//! | room | |
//! | --- | --- |
//! | [`ffi`] | the C boundary: exports, pointers, panics, results |
//! | [`api`] | the voice API: one endpoint a file, signing, responses, repeats |
//! | [`http`] | HTTP/1.1: one request over one connection |
//! | [`net`] | DNS, TCP, TLS, idle connections; every wait |
//! | [`sys`] | calls of the operating system |
//!
//! Beside them stand [`error`], the one error that they all return; [`process`], which tells a process from
//! those forked from it; [`plain_text`], what is fit for a log; and [`wipe`], for work on the secret.
//!
//! # One call, file by file
//!
//! 1. `ffi/exports.rs`: `itnio_send_sip` reads C's pointers (`ffi/pointers.rs`), inside `catch_panic`.
//! 2. `api/send_sip.rs`: the endpoint checks the fields and writes the body.
//! 3. `api/client.rs`: `Call::run` takes what this process keeps (`api/process_state.rs`), reads the clock
//!    (`api/clock.rs`), signs (`api/auth.rs`) and builds the request (`http/request.rs`).
//! 4. `http/client.rs`: takes an idle connection (`net/pool.rs`), or makes a new one: `net/resolver.rs`,
//!    `net/socket.rs`, the proxy's tunnel (`http/proxy.rs`), the TLS handshake (`net/tls.rs`, `net/session.rs`).
//! 5. `http/client.rs`: `HttpClient::send` writes the request. From there on it may have arrived.
//! 6. `http/parser.rs` reads the response, from `net/connection.rs`, which waits in `net/io.rs`.
//! 7. `api/response.rs` says what the response means; `api/client.rs`, whether it belongs to this request.
//! 8. `api/repeat.rs`: after an error, `repeat_after` says whether the request may be sent once more.
//! 9. `ffi/result.rs` makes C's result of the error; `ffi/exports.rs` writes the out-parameters.
//!
//! A read goes the same way: `api/get_record.rs` and `api/find_records.rs` are endpoints, and `api/find_call.rs`
//! looks for one call among the records (`api/record.rs`).
//!
//! # Words
//!
//! | word | |
//! | --- | --- |
//! | call | a phone call; also the C function that asks for one, where no other reading is possible |
//! | request | an HTTP request: a head and a body, written in one piece |
//! | sent | of a request: its last byte was handed to the operating system |
//! | response | what the server sends back for a request: HTTP, with the API's JSON in it |
//! | refusal | a response of the API with a negative status: the call was not placed |
//! | record | what the API keeps of a call, and lets its customer read |
//! | doubt | of a call: nobody has said whether it was placed |
//! | repeat | the same request sent once more, signed anew or over a new connection |
//! | idle, reused | a connection lies *idle* in the pool; one that was taken from it is *reused* |
//! | deadline | the moment at which a call has to be over; a timeout is how long that is |
//! | cancellation | what ends the waits of a client that is shut down |
//! | offset | how far the server's clock is from ours |

#![deny(unsafe_code)]
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

pub mod api;
pub mod error;
#[allow(unsafe_code, reason = "C's pointers")]
pub mod ffi;
pub mod http;
pub mod net;
pub mod plain_text;
pub mod process;
#[allow(unsafe_code, reason = "calls of the operating system")]
pub mod sys;
#[allow(unsafe_code, reason = "it clears registers")]
pub mod wipe;
