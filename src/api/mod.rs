//! The voice API: an account's calls of it, one endpoint a file. An [`Endpoint`] says what is its own;
//! everything else is done for it: signing, connections, deadlines, repeats, the JSON around the response.

pub mod auth;
pub mod calls_in_progress;
pub mod client;
pub mod clock;
pub mod find_call;
pub mod find_records;
pub mod get_record;
pub mod process_state;
pub mod record;
pub mod recording_ids;
pub mod repeat;
pub mod response;
pub mod send_sip;

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::error::Error;
use crate::http::parser::MAX_RESPONSE_SIZE;
use repeat::RepeatPolicy;
use ureq::http::Method;

/// One request to an endpoint.
pub trait Endpoint {
    /// What a successful response gives.
    type Output;

    /// Its method.
    const METHOD: Method;

    /// When a request may be sent once more.
    const REPEAT: RepeatPolicy;

    /// The longest body of a response that is read.
    const MAX_BODY_SIZE: usize = MAX_RESPONSE_SIZE;

    /// Its path below the base URL. It begins with a slash and has no control character.
    fn path(&self) -> Cow<'_, str>;

    /// Checks what the server is not asked to check. Fails with [`Error::invalid`].
    fn validate(&self) -> Result<(), Error>;

    /// The request's body, empty where it has none.
    fn body(&self) -> Result<Vec<u8>, Error>;

    /// Reads `data` of a response with status 0. Fails with why it is not what the documentation says.
    fn read_data(&self, data: Option<&RawValue>) -> Result<Self::Output, Cow<'static, str>>;

    /// Takes the response as this request's, once it is known to have come after the request. Fails with why
    /// it must be the response to another one.
    fn accept(&self, output: Self::Output) -> Result<Self::Output, String> {
        Ok(output)
    }
}
