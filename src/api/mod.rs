//! The voice API: an account's calls of it, one endpoint a file.
//!
//! | file | |
//! | --- | --- |
//! | [`client`] | the configuration, checked once; a call, with its repeats |
//! | [`endpoint`] | what an endpoint has to say of itself |
//! | [`send_sip`] | `voice/sendSip`: places a phone call |
//! | [`response`] | the JSON around every response, and what it says of the request |
//! | [`repeat`] | whether a request may be sent once more |
//! | [`auth`] | key + secret + timestamp -> signature |
//! | [`clock`] | the server's clock |
//! | [`recording_ids`] | the recording IDs that a client has handed out |
//! | [`process_state`] | what each process keeps of a client, and a forked child does not share |

pub mod auth;
pub mod client;
pub mod clock;
pub mod endpoint;
pub mod process_state;
pub mod recording_ids;
pub mod repeat;
pub mod response;
pub mod send_sip;
