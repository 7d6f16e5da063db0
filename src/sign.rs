//! Signing: key + secret + timestamp -> `Sign`, and the clock that the timestamp is read from.

use std::fmt;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use zeroize::Zeroizing;

use crate::plain_text;
use crate::wipe;

/// How far, in seconds, a server's clock may be from ours before it is worth correcting: `Date` has
/// whole seconds, and the answer takes time.
const CLOCK_SLACK: i64 = 2;

/// The account's key and secret. The secret is wiped when this is dropped.
pub struct Credentials {
    key: String,
    secret: Zeroizing<String>,
}

impl Credentials {
    /// Copies both.
    pub fn new(key: &str, secret: &str) -> Credentials {
        Credentials {
            key: key.to_owned(),
            secret: wipe::after(|| Zeroizing::new(secret.to_owned())),
        }
    }

    /// The lower-case hex MD5 of key, secret and timestamp, as the API's documentation has it.
    pub fn sign(&self, timestamp: i64) -> String {
        let timestamp = timestamp.to_string();
        let digest = wipe::after(|| {
            let mut md5 = md5::Context::new();
            md5.consume(&self.key);
            md5.consume(self.secret.as_bytes());
            md5.consume(&timestamp);
            md5.finalize().0
        });
        hex(digest)
    }

    /// `text` without the secret and without signatures, should somebody have sent them back to us.
    pub fn redact(&self, text: &str) -> String {
        wipe::after(|| plain_text::redact(text, &self.secret))
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials")
    }
}

fn hex(bytes: [u8; 16]) -> String {
    let nibbles = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    let mut text = String::with_capacity(2 * bytes.len());
    text.extend(nibbles.filter_map(|nibble| char::from_digit(u32::from(nibble), 16)));
    text
}

/// The server's clock as far as we know it: ours, and an offset once the server has told one.
#[derive(Debug, Default)]
pub struct Clock {
    offset: AtomicI64,
}

/// A reading of [`Clock`].
#[derive(Clone, Copy, Debug)]
pub struct Stamp {
    /// Unix time in seconds, never negative.
    pub timestamp: i64,
    /// The offset that is in it.
    offset: i64,
}

impl Clock {
    /// A clock that starts with what `other` has learnt.
    pub fn like(other: &Clock) -> Clock {
        Clock {
            offset: AtomicI64::new(other.offset.load(Ordering::Relaxed)),
        }
    }

    /// The time to sign with.
    pub fn read(&self) -> Stamp {
        Stamp::now(self.offset.load(Ordering::Relaxed))
    }

    /// The time to sign with again, by an answer that refused `stamp` as expired; `None` where it does not
    /// differ, so that there is nothing to correct.
    ///
    /// `date` is the answer's `Date` (RFC 9110, 5.6.7). An answer with `Age` came from a cache: its
    /// date is not the time of now.
    pub fn corrected(&self, stamp: Stamp, date: Option<&str>, has_age: bool) -> Option<Stamp> {
        let server = date
            .filter(|_| !has_age)
            .and_then(|date| httpdate::parse_http_date(date).ok())?;
        let offset = seconds(server).saturating_sub(unix_now());
        ((offset - stamp.offset).abs() > CLOCK_SLACK).then(|| Stamp::now(offset))
    }

    /// Gives up an offset with which a request was refused as expired, where the answer did not say what
    /// would be right: the host's own clock may have been put right since.
    pub fn forget(&self, stamp: Stamp) {
        // Unless another thread has learnt better.
        let _ = self
            .offset
            .compare_exchange(stamp.offset, 0, Ordering::Relaxed, Ordering::Relaxed);
    }

    /// Keeps the offset of a stamp that was not refused as expired. A `Date` may be wrong (that of a
    /// load balancer, say), so none is kept on its word alone.
    pub fn keep(&self, stamp: Stamp) {
        self.offset.store(stamp.offset, Ordering::Relaxed);
    }
}

impl Stamp {
    fn now(offset: i64) -> Stamp {
        Stamp {
            timestamp: unix_now().saturating_add(offset).max(0),
            offset,
        }
    }
}

fn unix_now() -> i64 {
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
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    use std::collections::HashSet;
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
    fn the_signature_is_the_documented_one() {
        let credentials = Credentials::new("bDqJFiq9", "7bz1lzh9");
        assert_eq!(
            credentials.sign(1_630_468_800),
            "05d7a50893e22a5c4bb3216ae3396c7c"
        );
    }

    #[test]
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    fn signing_leaves_nothing_of_the_secret_on_the_stack() {
        let secret = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".repeat(3);
        let mut kept = [0; wipe::STACK];
        // Wherever it ends within a block of MD5.
        for length in 8..secret.len() {
            let secret = &secret[..length];
            let parts: HashSet<_> = secret.as_bytes().windows(8).collect();
            let credentials = Credentials::new("bDqJFiq9", secret);
            wipe::left_below(&mut kept);
            assert!(!kept.windows(8).any(|bytes| parts.contains(bytes)));
            credentials.sign(1_630_468_800);
            wipe::left_below(&mut kept);
            assert!(!kept.windows(8).any(|bytes| parts.contains(bytes)));
        }
    }

    #[test]
    fn a_secret_that_comes_back_is_blotted_out() {
        let credentials = Credentials::new("bDqJFiq9", "7bz1lzh9");
        assert_eq!(credentials.redact("bad 7bz1lzh9!"), "bad ***!");
    }

    #[test]
    fn the_clock_follows_the_server_once_its_time_has_served() {
        let clock = Clock::default();
        let first = clock.read();
        let second = clock
            .corrected(first, Some(&date_in(3600)), false)
            .expect("a correction");
        assert!((second.timestamp - first.timestamp - 3600).abs() <= CLOCK_SLACK);
        // Not kept yet.
        assert!((clock.read().timestamp - first.timestamp).abs() <= CLOCK_SLACK);
        clock.keep(second);
        assert!((clock.read().timestamp - second.timestamp).abs() <= CLOCK_SLACK);
        assert!(
            clock
                .corrected(second, Some(&date_in(3600)), false)
                .is_none()
        );
        assert!((Clock::like(&clock).read().timestamp - second.timestamp).abs() <= CLOCK_SLACK);
    }

    #[test]
    fn a_date_that_cannot_be_trusted_corrects_nothing() {
        let clock = Clock::default();
        let stamp = clock.read();
        for (date, has_age) in [
            (None, false),
            (Some("yesterday".to_owned()), false),
            (Some(date_in(3600)), true),
            (Some(date_in(1)), false),
        ] {
            let corrected = clock.corrected(stamp, date.as_deref(), has_age);
            assert!(corrected.is_none(), "{date:?}");
        }
    }
}
