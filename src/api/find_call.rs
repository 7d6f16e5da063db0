//! Was a call like this one placed? By the API's records.

use std::time::Duration;

use super::Endpoint;
use super::client::Client;
use super::clock::MAX_CLOCK_SKEW;
use super::find_records::RecordQuery;
use super::record::Record;
use super::send_sip::SipRequest;
use crate::error::{Error, ErrorKind, InDoubt, NotSent};
use crate::net::boot_time::BootTime;
use crate::net::io::Deadline;

/// How long after the first look at the records the next one comes; each pause is twice the last.
const FIRST_PAUSE: Duration = Duration::from_millis(250);

/// The longest pause.
const MAX_PAUSE: Duration = Duration::from_secs(8);

/// How much earlier than the call a record's time may be: the server's clock is known to some seconds only,
/// and its times are whole ones.
const MARGIN: i64 = MAX_CLOCK_SKEW + 1;

/// The most records to one callee that are looked at.
const MAX_RECORDS: u32 = 1_000;

/// The statuses that say no more than "later": -15 query too frequent, -16 timestamp expires, -18 a fault of
/// the system.
const TRANSIENT: [i32; 3] = [-15, -16, -18];

impl Client {
    /// The recording ID of the call that was asked for by this request at `since` or later, by our clock. Looks
    /// at once, and where there is no record, again until `patience` is over.
    /// Errors: why it is not found, to be read through [`in_doubt`].
    pub fn find_call(
        &self,
        request: &SipRequest<'_>,
        since: i64,
        patience: Duration,
    ) -> Result<String, Error> {
        self.look_patiently(request, since, patience)
            .map_err(|error| self.redact(error))
    }

    fn look_patiently(
        &self,
        request: &SipRequest<'_>,
        since: i64,
        patience: Duration,
    ) -> Result<String, Error> {
        self.endpoint_of(request).validate()?;
        let end = Deadline::after(BootTime::now(), patience);
        let mut pause = FIRST_PAUSE;
        loop {
            let error = match self.look_for_call(request, since) {
                Err(error) if is_transient(&error) => error,
                ended => return ended,
            };
            let now = BootTime::now();
            if end.has_passed(now) {
                return Err(error);
            }
            let http = &self.state()?.http;
            let paused = http.context(end).pause(pause.min(end.remaining(now)));
            if http.is_shut_down() {
                paused.map_err(|error| error.before_send(NotSent::Canceled, "find the call"))?;
            }
            // Also once the patience is over: for the last time.
            pause = MAX_PAUSE.min(2 * pause);
        }
    }

    fn look_for_call(&self, request: &SipRequest<'_>, since: i64) -> Result<String, Error> {
        let earliest = since.saturating_sub(MARGIN);
        let records = self.find_records(&RecordQuery {
            since: earliest.max(i64::from(since > 0)),
            until: 0,
            callee: Some(request.callee),
            display_num: None,
            phone_name: None,
            phone_group: None,
            max_records: MAX_RECORDS,
            timeout_ms: request.timeout_ms,
        })?;
        // In this order: a call's recording ID is remembered before the call is over.
        let calls = &self.state()?.calls;
        let is_other_in_progress = calls.contains(request.callee);
        let in_doubt_with_this = calls.doubts(request.callee, earliest);
        let wanted = request.display_num.filter(|number| !number.is_empty());
        let is_such_a_call = |record: &&Record| {
            let shown = record.display_num.as_deref();
            // Without a time it may be any call's.
            record.submitted.unix.is_some()
                && (wanted.is_none() || shown.is_none() || wanted == shown)
                && !self.recording_ids().contains(&record.recording_id)
        };
        let found: Vec<_> = records
            .into_iter()
            .filter(|record| is_such_a_call(&record))
            .collect();
        let in_doubt = |kind: InDoubt, why| Err(Error::new(kind, why).with_status(Some(0)));
        let none = |why: &str| in_doubt(InDoubt::NoRecord, why.to_owned());
        match found.as_slice() {
            [] => none("no record of such a call yet"),
            _ if is_other_in_progress => none("another call to this callee is in progress"),
            records if records.len() > 1 || in_doubt_with_this > 1 => {
                let ids: Vec<_> = records
                    .iter()
                    .map(|record| record.recording_id.as_str())
                    .collect();
                let (count, doubts) = (ids.len(), in_doubt_with_this.max(1));
                let ids = ids.join(", ");
                let reason = format!("{count} records of such calls, and {doubts} in doubt: {ids}");
                in_doubt(InDoubt::SeveralRecords, reason)
            }
            // Another thread that looks for a call to this callee may have been first.
            [record] if !self.recording_ids().insert(&record.recording_id) => {
                none("the only record of such a call is that of another")
            }
            [record, ..] => {
                calls.resolve(request.callee, earliest);
                Ok(record.recording_id.clone())
            }
        }
    }
}

/// Whether another look may find more.
fn is_transient(error: &Error) -> bool {
    match error.kind {
        ErrorKind::InDoubt(kind) => kind == InDoubt::NoRecord,
        ErrorKind::Rejected => error
            .status
            .is_some_and(|status| TRANSIENT.contains(&status)),
        ErrorKind::NotSent(NotSent::Canceled)
        | ErrorKind::InvalidArgument
        | ErrorKind::Internal => false,
        ErrorKind::NotSent(_) | ErrorKind::MaybeSent(_) => true,
    }
}

/// What an error of the look says of the call that is looked for: nothing. It was in doubt, and stays so,
/// even where the look itself was refused or not sent.
pub fn in_doubt(error: Error) -> Error {
    match error.kind {
        ErrorKind::InDoubt(_) | ErrorKind::Internal => error,
        _ => Error {
            kind: InDoubt::RecordsFailed.into(),
            ..error
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::MaybeSent;

    #[test]
    fn no_look_says_that_a_call_was_not_placed() {
        for kind in [
            ErrorKind::InvalidArgument,
            ErrorKind::Rejected,
            NotSent::Resolve.into(),
            NotSent::Connect.into(),
            NotSent::Tls.into(),
            NotSent::Proxy.into(),
            NotSent::Canceled.into(),
            MaybeSent::TimedOut.into(),
            MaybeSent::ConnectionLost.into(),
            MaybeSent::HttpStatus.into(),
            MaybeSent::BadResponse.into(),
            InDoubt::NoRecord.into(),
            InDoubt::SeveralRecords.into(),
            InDoubt::RecordsFailed.into(),
            ErrorKind::Internal,
        ] {
            assert!(
                in_doubt(Error::new(kind, "x")).kind.may_have_dialed(),
                "{kind:?}"
            );
        }
    }
}
