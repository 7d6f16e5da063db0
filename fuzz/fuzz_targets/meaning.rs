//! What the library makes of a body, for `voice/sendSip`.

use itnio::api::response::parse;
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
    let response = parse(body).ok()?;
    Some(match response.status {
        0 => match recording_id(response.data) {
            Ok(id) => Meaning::Accepted(id),
            Err(_) => Meaning::NoRecording,
        },
        status @ ..0 => Meaning::Refused(status),
        status => Meaning::NotTheApis(status),
    })
}
