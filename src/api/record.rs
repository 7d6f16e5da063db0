//! A record of a call, as `voice/recordSip` and `voice/recordSipQuery` give it.

use std::borrow::Cow;
use std::fmt;

use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::response::scalar;
use super::send_sip::recording_id;
use crate::plain_text::plain;

/// The longest body of a response with records. A page of 100 has some 70 KiB.
pub const MAX_BODY_SIZE: usize = 1024 * 1024;

/// A record of a call. What is not there, or empty, is `None`. No text has a character that is not fit for a log.
#[allow(missing_docs, reason = "see itnio_record")]
#[derive(Clone, Debug, Default)]
pub struct Record {
    pub recording_id: String,
    pub callee: Option<String>,
    pub display_num: Option<String>,
    pub phone_name: Option<String>,
    pub phone_group: Option<String>,
    pub region: Option<String>,
    pub submitted: Moment,
    pub called: Moment,
    pub ringing: Moment,
    pub answered: Moment,
    pub hung_up: Moment,
    pub call_duration_s: Option<i32>,
    pub charged_duration_s: Option<i32>,
    pub termination_code: Option<String>,
    pub termination_reason: Option<String>,
    pub cost: Option<String>,
    pub rate: Option<String>,
    pub billing_period: Option<String>,
    pub currency: Option<String>,
    pub recording_file_id: Option<String>,
}

/// When something happened.
#[derive(Clone, Debug, Default)]
pub struct Moment {
    /// As received.
    pub text: Option<String>,
    /// In Unix seconds, where the text is a time of RFC 3339: by the server's clock, until
    /// [`Record::on_our_clock`].
    pub unix: Option<i64>,
}

impl Record {
    /// Reads a record liberally: what is missing, or no text and no number, is not there. `None` for what is no
    /// record: it has no recording ID.
    pub fn parse(data: &RawValue) -> Option<Record> {
        let fields: Fields<'_> = serde_json::from_str(data.get()).ok()?;
        let text = |name| {
            let text = plain(&text_or_number(fields.get(name)?)?).into_owned();
            (!text.trim().is_empty()).then_some(text)
        };
        let moment = |name| {
            let text = text(name);
            let unix = text.as_deref().and_then(unix_time);
            Moment { text, unix }
        };
        let seconds = |name| text(name)?.parse().ok().filter(|seconds| *seconds >= 0);
        Some(Record {
            recording_id: recording_id(fields.get("voiceId")).ok()?,
            callee: text("callee"),
            display_num: text("displayNum"),
            phone_name: text("phoneName"),
            phone_group: text("sipGroupName"),
            region: text("code"),
            submitted: moment("submitTime"),
            called: moment("callTime"),
            ringing: moment("ringingTime"),
            answered: moment("answerTime"),
            hung_up: moment("hangupTime"),
            call_duration_s: seconds("callDuration"),
            charged_duration_s: seconds("chargedDuration"),
            termination_code: text("terminationCode"),
            termination_reason: text("terminationReason"),
            // The sister brands that bill in euros.
            cost: text("cost").or_else(|| text("costEur")),
            rate: text("rate"),
            billing_period: text("billPeriod"),
            currency: text("currency").or_else(|| text("costEur").map(|_| "EUR".to_owned())),
            recording_file_id: text("recordingFileId"),
        })
    }

    /// The same, with its times by our clock, which the server's is `offset` seconds ahead of.
    pub fn on_our_clock(mut self, offset: i64) -> Record {
        for moment in [
            &mut self.submitted,
            &mut self.called,
            &mut self.ringing,
            &mut self.answered,
            &mut self.hung_up,
        ] {
            moment.unix = moment.unix.map(|unix| unix.saturating_sub(offset));
        }
        self
    }
}

/// The names of a record's fields.
const NAMES: [&str; 21] = [
    "voiceId",
    "callee",
    "displayNum",
    "phoneName",
    "sipGroupName",
    "code",
    "submitTime",
    "callTime",
    "ringingTime",
    "answerTime",
    "hangupTime",
    "callDuration",
    "chargedDuration",
    "terminationCode",
    "terminationReason",
    "cost",
    "costEur",
    "rate",
    "billPeriod",
    "currency",
    "recordingFileId",
];

/// The fields of an object that have one of these names: a megabyte has room for a hundred thousand others. Of
/// two with one name, it is the last one.
#[derive(Default)]
struct Fields<'a>([Option<&'a RawValue>; NAMES.len()]);

impl<'a> Fields<'a> {
    fn get(&self, name: &str) -> Option<&'a RawValue> {
        let place = NAMES.iter().position(|known| *known == name)?;
        *self.0.get(place)?
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Fields<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Fields<'a>, D::Error> {
        from.deserialize_map(FieldsVisitor)
    }
}

struct FieldsVisitor;

impl<'de> Visitor<'de> for FieldsVisitor {
    type Value = Fields<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut from: A) -> Result<Fields<'de>, A::Error> {
        let mut fields = Fields::default();
        while let Some(name) = from.next_key::<Cow<'_, str>>()? {
            let place = NAMES.iter().position(|known| *known == name);
            match place.and_then(|place| fields.0.get_mut(place)) {
                Some(field) => *field = Some(from.next_value()?),
                None => drop(from.next_value::<IgnoredAny>()?),
            }
        }
        Ok(fields)
    }
}

/// The text of a string, or a number as it was sent: money is no double.
fn text_or_number(value: &RawValue) -> Option<String> {
    let is_number = value
        .get()
        .starts_with(|c: char| c == '-' || c.is_ascii_digit());
    match is_number {
        true => Some(value.get().to_owned()),
        false => scalar(value).map(Into::into),
    }
}

/// Unix seconds of a time such as `2022-02-18T14:42:40+08:00`, or as it is written elsewhere: without seconds
/// where they are zero (Java's `OffsetDateTime`), with `+0800` or `+08` for the offset.
pub fn unix_time(text: &str) -> Option<i64> {
    let (minute, rest) = text.trim().split_at_checked("2022-02-18T14:42".len())?;
    let (seconds, offset) = rest.split_at(rest.find(['Z', 'z', '+', '-'])?);
    let seconds = if seconds.is_empty() { ":00" } else { seconds };
    let offset = match offset.split_at_checked("+08".len()) {
        Some((hours, "")) => format!("{hours}:00"),
        Some((hours, minutes)) => format!("{hours}:{}", minutes.trim_start_matches(':')),
        None => offset.to_owned(),
    };
    let time = OffsetDateTime::parse(&format!("{minute}{seconds}{offset}"), &Rfc3339).ok()?;
    // The zero of a clock, or of a calendar (Go's, .NET's), stands for no time.
    Some(time.unix_timestamp()).filter(|unix| *unix > 0)
}

/// The time of these Unix seconds, as the documentation writes it; `None` where no calendar has it.
pub fn time_text(unix: i64) -> Option<String> {
    let time = OffsetDateTime::from_unix_timestamp(unix).ok()?;
    // Not every reader of ISO 8601 takes a Z for the offset.
    Some(time.format(&Rfc3339).ok()?.replace('Z', "+00:00"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(json: &str) -> Option<Record> {
        Record::parse(serde_json::from_str(json).unwrap())
    }

    #[test]
    fn the_documented_record_is_read() {
        let record = parse(
            r#"{"voiceId":"2203031113381000002","sipGroupName":"group1","phoneName":"sipName8555",
            "callee":"8613500000000","displayNum":"1008122211","code":"Afghanistan(Kandahar)",
            "submitTime":"2022-02-18T14:42:40+08:00","callTime":"2022-02-18T14:42:41+08:00","ringingTime":null,
            "answerTime":"","callDuration":5,"chargedDuration":"60","terminationCode":"200",
            "terminationReason":"success","cost":"2","rate":"2","billPeriod":"20+20","recordingFileId":"x"}"#,
        )
        .unwrap();
        assert_eq!(record.recording_id, "2203031113381000002");
        assert_eq!(record.phone_group.as_deref(), Some("group1"));
        assert_eq!(record.phone_name.as_deref(), Some("sipName8555"));
        assert_eq!(record.callee.as_deref(), Some("8613500000000"));
        assert_eq!(record.display_num.as_deref(), Some("1008122211"));
        assert_eq!(record.region.as_deref(), Some("Afghanistan(Kandahar)"));
        let text = record.submitted.text.as_deref();
        assert_eq!(text, Some("2022-02-18T14:42:40+08:00"));
        assert_eq!(record.submitted.unix, Some(1_645_166_560));
        assert_eq!(record.called.unix, Some(1_645_166_561));
        for moment in [&record.ringing, &record.answered, &record.hung_up] {
            assert_eq!((&moment.text, moment.unix), (&None, None));
        }
        assert_eq!(record.call_duration_s, Some(5));
        assert_eq!(record.charged_duration_s, Some(60));
        assert_eq!(record.termination_code.as_deref(), Some("200"));
        assert_eq!(record.cost.as_deref(), Some("2"));
        assert_eq!(record.billing_period.as_deref(), Some("20+20"));
        assert_eq!(record.currency, None);
        assert_eq!(record.on_our_clock(60).submitted.unix, Some(1_645_166_500));
    }

    #[test]
    fn money_keeps_its_digits() {
        for (json, cost, currency) in [
            (r#"{"voiceId":"1","cost":0.10}"#, "0.10", None),
            (r#"{"voiceId":"1","cost":"0.1"}"#, "0.1", None),
            (
                r#"{"voiceId":"1","cost":1e-7,"currency":"CNY"}"#,
                "1e-7",
                Some("CNY"),
            ),
            (r#"{"voiceId":"1","costEur":"0.20"}"#, "0.20", Some("EUR")),
        ] {
            let record = parse(json).unwrap();
            assert_eq!(record.cost.as_deref(), Some(cost), "{json}");
            assert_eq!(record.currency.as_deref(), currency, "{json}");
        }
    }

    #[test]
    fn what_has_no_recording_id_is_no_record() {
        for json in [
            "{}",
            "[]",
            "7",
            "null",
            r#""2203031113381000002""#,
            r#"{"voiceId":null}"#,
            r#"{"voiceId":""}"#,
            r#"{"voiceId":"null"}"#,
            r#"{"voiceId":"a\u0000b"}"#,
            r#"{"voiceId":{}}"#,
        ] {
            assert!(parse(json).is_none(), "{json}");
        }
    }

    #[test]
    fn a_field_of_another_kind_is_not_there() {
        let record = parse(
            r#"{"voiceId":7,"callee":{},"displayNum":[1],"submitTime":true,"callTime":"18.02.2022",
            "callDuration":-5,"chargedDuration":"many","cost":null,"terminationReason":"a\u0000\nb\u202e"}"#,
        )
        .unwrap();
        assert_eq!(record.recording_id, "7");
        assert_eq!((record.callee, record.display_num), (None, None));
        assert_eq!((record.submitted.text, record.submitted.unix), (None, None));
        assert_eq!(record.called.text.as_deref(), Some("18.02.2022"));
        assert_eq!(record.called.unix, None);
        assert_eq!(
            (record.call_duration_s, record.charged_duration_s),
            (None, None)
        );
        assert_eq!(record.termination_reason.as_deref(), Some("a  b"));
    }

    #[test]
    fn a_time_is_written_as_it_is_read() {
        for unix in [1, 1_645_166_560, 4_102_444_800] {
            let text = time_text(unix).unwrap();
            assert!(text.ends_with("+00:00"), "{text}");
            assert_eq!(unix_time(&text), Some(unix), "{text}");
        }
        assert_eq!(time_text(i64::MAX), None);
    }
}
