//! What the library makes of a body, for `voice/sendSip`.

use itnio::api::response::{ApiResponse, parse};
use itnio::api::send_sip::recording_id;

/// What a body says of the request.
pub enum Meaning {
    Accepted(String),
    /// Status 0, but no recording ID.
    NoRecording,
    Refused(i32),
    NotTheApis(i32),
}

/// None where it is not the API's JSON.
pub fn of(body: &[u8]) -> Option<Meaning> {
    Some(match parse(body).ok()? {
        ApiResponse::Success(data) => match recording_id(data) {
            Ok(id) => Meaning::Accepted(id),
            Err(_) => Meaning::NoRecording,
        },
        ApiResponse::Refused(status, _) => Meaning::Refused(status),
        ApiResponse::NotTheApis(status) => Meaning::NotTheApis(status),
    })
}
