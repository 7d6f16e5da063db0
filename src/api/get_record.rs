//! `voice/recordSip/{voiceId}`: the record of one call.

use std::borrow::Cow;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::value::RawValue;
use ureq::http::Method;

use super::Endpoint;
use super::client::Client;
use super::clock::unix_now;
use super::record::{self, Record};
use super::repeat::RepeatPolicy;
use crate::error::Error;

/// What stands in a segment of a path as `%` and two digits: all but RFC 3986's unreserved characters.
const ENCODED: AsciiSet = NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

struct GetRecord<'a> {
    recording_id: &'a str,
}

impl Endpoint for GetRecord<'_> {
    type Output = Record;

    const METHOD: Method = Method::GET;

    const REPEAT: RepeatPolicy = RepeatPolicy::Safe;

    const MAX_BODY_SIZE: usize = record::MAX_BODY_SIZE;

    fn path(&self) -> Cow<'_, str> {
        format!(
            "/recordSip/{}",
            utf8_percent_encode(self.recording_id, &ENCODED)
        )
        .into()
    }

    fn validate(&self) -> Result<(), Error> {
        match self.recording_id {
            "" => Err(Error::invalid("recording_id", "empty")),
            // They name another path (RFC 3986, 5.2.4).
            "." | ".." => Err(Error::invalid("recording_id", "not a recording ID")),
            _ => Ok(()),
        }
    }

    fn body(&self) -> Result<Vec<u8>, Error> {
        Ok(Vec::new())
    }

    fn read_data(&self, data: Option<&RawValue>) -> Result<Record, Cow<'static, str>> {
        let record = data.and_then(Record::parse);
        Ok(record.ok_or("the response has status 0, but no record in data")?)
    }

    fn accept(&self, record: Record) -> Result<Record, String> {
        if record.recording_id == self.recording_id {
            return Ok(record);
        }
        Err(format!(
            "the response has the record of another call, {}",
            record.recording_id
        ))
    }
}

impl Client {
    /// The record of the call with this recording ID.
    pub fn get_record(&self, recording_id: &str) -> Result<Record, Error> {
        let asked_at = unix_now();
        let (record, head) = self.call(&GetRecord { recording_id }, self.deadline(0))?;
        let clock = &self.state()?.clock;
        Ok(record.on_our_clock(clock.offset_at(clock.offset(), &head, asked_at)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recording_id_stays_one_segment_of_the_path() {
        for (recording_id, path) in [
            ("2203031113381000002", "/recordSip/2203031113381000002"),
            ("a/../b?c#d e", "/recordSip/a%2F..%2Fb%3Fc%23d%20e"),
            ("é-._~", "/recordSip/%C3%A9-._~"),
        ] {
            let endpoint = GetRecord { recording_id };
            assert!(endpoint.validate().is_ok());
            assert_eq!(endpoint.path(), path);
        }
        for recording_id in ["", ".", ".."] {
            assert!(GetRecord { recording_id }.validate().is_err());
        }
    }
}
