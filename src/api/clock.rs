//! The server's clock, which the requests' timestamps are read from.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::http::parser::Head;

/// How far, in seconds, a server's clock may be from ours before it is worth correcting: `Date` has
/// whole seconds, and the response takes time.
pub const MAX_CLOCK_SKEW: i64 = 2;

/// No API takes a timestamp that is wrong by more than this, in seconds: where requests are signed by our own
/// clock and not refused, a `Date` that is further from it is not that of the API's clock (but a load
/// balancer's, say).
const MAX_TIMESTAMP_WINDOW: i64 = 900;

/// The server's clock as far as we know it: ours, and an offset once the server has told one.
#[derive(Debug, Default)]
pub struct Clock {
    offset: AtomicI64,
}

/// A reading of [`Clock`].
#[derive(Clone, Copy, Debug)]
pub struct ClockReading {
    /// Unix time in seconds, never negative.
    pub timestamp: i64,
    /// The offset that is in it.
    offset: i64,
}

impl Clock {
    /// A clock that starts with what `other` has learnt.
    pub fn copy_of(other: &Clock) -> Clock {
        Clock {
            offset: AtomicI64::new(other.offset()),
        }
    }

    /// The time to sign with.
    pub fn read(&self) -> ClockReading {
        ClockReading::now(self.offset())
    }

    /// The time to sign with again where `reading` was refused as expired; `None` where the response shows
    /// no other time, so that there is nothing to correct.
    ///
    /// `date` is the response's `Date` (RFC 9110, 5.6.7). A response with `Age` came from a cache: its date is
    /// not the time of now.
    pub fn corrected(
        &self,
        reading: ClockReading,
        date: Option<&str>,
        has_age: bool,
    ) -> Option<ClockReading> {
        let offset = offset_by(date, has_age)?;
        ((offset - reading.offset).abs() > MAX_CLOCK_SKEW).then(|| ClockReading::now(offset))
    }

    /// How far the server's clock is from ours, in seconds, as far as we know.
    pub fn offset(&self) -> i64 {
        self.offset.load(Ordering::Relaxed)
    }

    /// The same, by a response that was received just now to a request of `asked_at`, by our clock: the
    /// `assumed` offset, where its date can be of the time between the two, else the nearest that it can be.
    pub fn offset_at(&self, assumed: i64, head: &Head, asked_at: i64) -> i64 {
        let Some(latest) = offset_by(head.date.as_deref(), head.has_age) else {
            return self.offset();
        };
        // A response may be on its way for as long as the call may take.
        let took = unix_now().saturating_sub(asked_at).max(0);
        let earliest = latest;
        let latest = latest.saturating_add(took);
        let range = earliest - MAX_CLOCK_SKEW..=latest + MAX_CLOCK_SKEW;
        let nearest = assumed.clamp(earliest, latest);
        let known = self.offset();
        if range.contains(&assumed) {
            assumed
        } else if known == 0 && nearest.abs() > MAX_TIMESTAMP_WINDOW {
            known
        } else {
            nearest
        }
    }

    /// Gives up an offset with which a request was refused as expired, where the response did not say what
    /// would be right: the host's own clock may have been put right since.
    pub fn forget(&self, reading: ClockReading) {
        // Unless another thread has learnt better.
        let _ =
            self.offset
                .compare_exchange(reading.offset, 0, Ordering::Relaxed, Ordering::Relaxed);
    }

    /// Keeps the offset of a reading that was not refused as expired. A `Date` may be wrong (that of a
    /// load balancer, say), so none is kept on its word alone.
    pub fn keep(&self, reading: ClockReading) {
        self.offset.store(reading.offset, Ordering::Relaxed);
    }
}

impl ClockReading {
    fn now(offset: i64) -> ClockReading {
        ClockReading {
            timestamp: unix_now().saturating_add(offset).max(0),
            offset,
        }
    }
}

/// How far the server's clock is from ours, in seconds, by a response's `Date`.
fn offset_by(date: Option<&str>, has_age: bool) -> Option<i64> {
    let date = date.filter(|_| !has_age)?;
    let server = httpdate::parse_http_date(date).ok()?;
    Some(seconds(server).saturating_sub(unix_now()))
}

/// Our clock, in Unix seconds.
pub fn unix_now() -> i64 {
    seconds(SystemTime::now())
}

fn seconds(time: SystemTime) -> i64 {
    match time.duration_since(UNIX_EPOCH) {
        Ok(after) => i64::try_from(after.as_secs()).unwrap_or(i64::MAX),
        Err(before) => i64::try_from(before.duration().as_secs()).map_or(i64::MIN, |s| -s),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn date_in(seconds: i64) -> String {
        let now = SystemTime::now();
        let then = if seconds < 0 {
            now - Duration::from_secs(seconds.unsigned_abs())
        } else {
            now + Duration::from_secs(seconds.unsigned_abs())
        };
        httpdate::fmt_http_date(then)
    }

    #[test]
    fn the_clock_follows_the_server_once_its_time_has_served() {
        let clock = Clock::default();
        let first = clock.read();
        let second = clock
            .corrected(first, Some(&date_in(3600)), false)
            .expect("a correction");
        assert!((second.timestamp - first.timestamp - 3600).abs() <= MAX_CLOCK_SKEW);
        // Not kept yet.
        assert!((clock.read().timestamp - first.timestamp).abs() <= MAX_CLOCK_SKEW);
        clock.keep(second);
        assert!((clock.read().timestamp - second.timestamp).abs() <= MAX_CLOCK_SKEW);
        assert!(
            clock
                .corrected(second, Some(&date_in(3600)), false)
                .is_none()
        );
        assert!(
            (Clock::copy_of(&clock).read().timestamp - second.timestamp).abs() <= MAX_CLOCK_SKEW
        );
    }

    #[test]
    fn a_date_that_cannot_be_trusted_corrects_nothing() {
        let clock = Clock::default();
        let reading = clock.read();
        for (date, has_age) in [
            (None, false),
            (Some("yesterday".to_owned()), false),
            (Some(date_in(3600)), true),
            (Some(date_in(1)), false),
        ] {
            let corrected = clock.corrected(reading, date.as_deref(), has_age);
            assert!(corrected.is_none(), "{date:?}");
        }
    }
}
