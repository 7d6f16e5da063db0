//! Records, as C sees them.

use std::ffi::{CString, c_char};
use std::ptr;

use crate::api::record::Record;

/// A record of a call, as the API gave it. It is handed out by pointer only, and may grow at its end.
///
/// Texts are as received, but for control characters, which are spaces, and what cannot be seen, which is left
/// out; NULL: not there, or empty. Times are there as received, and in Unix seconds of this host's clock, as
/// far as the server's is known; 0: not there, or not in the documented format (RFC 3339).
#[allow(non_camel_case_types, reason = "a C name")]
#[repr(C)]
pub struct itnio_record {
    /// As itnio_send_sip() gives it. Never NULL.
    pub recording_id: *const c_char,
    /// The number that was called.
    pub callee: *const c_char,
    /// The number that was shown.
    pub display_num: *const c_char,
    /// The phone's name (which is not its account).
    pub phone_name: *const c_char,
    /// The name of the phone's group.
    pub phone_group: *const c_char,
    /// The callee's region and operator.
    pub region: *const c_char,
    /// When the call was asked for.
    pub submit_time: *const c_char,
    /// When the callee was called.
    pub call_time: *const c_char,
    /// When the phone rang.
    pub ringing_time: *const c_char,
    /// When the callee answered.
    pub answer_time: *const c_char,
    /// When the call was over.
    pub hangup_time: *const c_char,
    /// `submit_time`, in Unix seconds.
    pub submitted_at: i64,
    /// `call_time`, in Unix seconds.
    pub called_at: i64,
    /// `ringing_time`, in Unix seconds.
    pub ringing_at: i64,
    /// `answer_time`, in Unix seconds.
    pub answered_at: i64,
    /// `hangup_time`, in Unix seconds.
    pub hung_up_at: i64,
    /// How long the call was, in seconds. -1: not there.
    pub call_duration_s: i32,
    /// How much of that is charged, in seconds. -1: not there.
    pub charged_duration_s: i32,
    /// How the call ended: a SIP code, "200" where it was established.
    pub termination_code: *const c_char,
    /// The same in words.
    pub termination_reason: *const c_char,
    /// What the call cost, with the digits received.
    pub cost: *const c_char,
    /// What a billing period costs, with the digits received.
    pub rate: *const c_char,
    /// Such as "60+60": the first period and the others, in seconds.
    pub billing_period: *const c_char,
    /// Of cost and rate. NULL: that of the account, by the documentation US dollars.
    pub currency: *const c_char,
    /// The ID of the file with the recorded call.
    pub recording_file_id: *const c_char,
}

/// Records that were handed out, with their strings.
#[allow(non_camel_case_types, reason = "a C name")]
pub struct itnio_records {
    records: Vec<itnio_record>,
    // What the records point to.
    _texts: Vec<CString>,
}

impl itnio_records {
    /// For C.
    pub fn new(records: &[Record]) -> itnio_records {
        let mut texts = Vec::new();
        let mut text = |text: Option<&String>| {
            // There is no NUL in them.
            let Some(text) = text.and_then(|text| CString::new(text.as_str()).ok()) else {
                return ptr::null();
            };
            let pointer = text.as_ptr();
            texts.push(text);
            pointer
        };
        let records = records.iter().map(|record| itnio_record {
            recording_id: text(Some(&record.recording_id)),
            callee: text(record.callee.as_ref()),
            display_num: text(record.display_num.as_ref()),
            phone_name: text(record.phone_name.as_ref()),
            phone_group: text(record.phone_group.as_ref()),
            region: text(record.region.as_ref()),
            submit_time: text(record.submitted.text.as_ref()),
            call_time: text(record.called.text.as_ref()),
            ringing_time: text(record.ringing.text.as_ref()),
            answer_time: text(record.answered.text.as_ref()),
            hangup_time: text(record.hung_up.text.as_ref()),
            submitted_at: record.submitted.unix.unwrap_or(0),
            called_at: record.called.unix.unwrap_or(0),
            ringing_at: record.ringing.unix.unwrap_or(0),
            answered_at: record.answered.unix.unwrap_or(0),
            hung_up_at: record.hung_up.unix.unwrap_or(0),
            call_duration_s: record.call_duration_s.unwrap_or(-1),
            charged_duration_s: record.charged_duration_s.unwrap_or(-1),
            termination_code: text(record.termination_code.as_ref()),
            termination_reason: text(record.termination_reason.as_ref()),
            cost: text(record.cost.as_ref()),
            rate: text(record.rate.as_ref()),
            billing_period: text(record.billing_period.as_ref()),
            currency: text(record.currency.as_ref()),
            recording_file_id: text(record.recording_file_id.as_ref()),
        });
        let records = records.collect();
        itnio_records {
            records,
            _texts: texts,
        }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.records.len()
    }

    /// The one with this index; NULL where there is none.
    pub fn get(&self, index: usize) -> *const itnio_record {
        self.records.get(index).map_or(ptr::null(), ptr::from_ref)
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::CStr;

    use super::*;

    #[test]
    fn records_and_their_strings_live_as_long_as_their_list() {
        let record = |id: &str| Record {
            recording_id: id.to_owned(),
            callee: Some("8613".to_owned()),
            ..Record::default()
        };
        let records = itnio_records::new(&[record("1"), record("2")]);
        assert_eq!(records.count(), 2);
        // SAFETY: there are two, and their strings end with a NUL.
        unsafe {
            let second = &*records.get(1);
            assert_eq!(CStr::from_ptr(second.recording_id), c"2");
            assert_eq!(CStr::from_ptr(second.callee), c"8613");
            assert!(second.cost.is_null());
            assert_eq!((second.submitted_at, second.call_duration_s), (0, -1));
        }
        assert!(records.get(2).is_null());
    }
}
