//! What an endpoint of the API has to say of itself. Everything else is done for it: signing, connections,
//! deadlines, repeats, the JSON around the response.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::repeat::RepeatPolicy;
use crate::error::Error;
use crate::http::request::Method;

/// One request to an endpoint.
pub trait Endpoint {
    /// What a successful response gives.
    type Output;

    /// Its method.
    const METHOD: Method;

    /// When a request may be sent once more.
    const REPEAT: RepeatPolicy;

    /// Its path below the base URL. It begins with a slash and has no control character.
    fn path(&self) -> Cow<'_, str>;

    /// Checks what the server is not asked to check.
    ///
    /// # Errors
    ///
    /// [`Error::invalid`], with the field.
    fn validate(&self) -> Result<(), Error>;

    /// The request's body, empty where it has none.
    ///
    /// # Errors
    ///
    /// Where it cannot be written as JSON.
    fn body(&self) -> Result<Vec<u8>, Error>;

    /// Reads `data` of a response with status 0.
    ///
    /// # Errors
    ///
    /// Why it is not what the documentation says.
    fn read_data(&self, data: Option<&RawValue>) -> Result<Self::Output, Cow<'static, str>>;

    /// Takes the response as this request's, once it is known to have come after the request.
    ///
    /// # Errors
    ///
    /// Why it must be the response to another request.
    fn accept(&self, output: Self::Output) -> Result<Self::Output, String> {
        Ok(output)
    }
}
