//! Signing: key + secret + timestamp -> `Sign`.

use zeroize::Zeroizing;

use crate::plain_text;
use crate::wipe;

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

fn hex(bytes: [u8; 16]) -> String {
    let nibbles = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    let mut text = String::with_capacity(2 * bytes.len());
    text.extend(nibbles.filter_map(|nibble| char::from_digit(u32::from(nibble), 16)));
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    use std::collections::HashSet;

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
            wipe::tests::left_below(&mut kept);
            assert!(!kept.windows(8).any(|bytes| parts.contains(bytes)));
            credentials.sign(1_630_468_800);
            wipe::tests::left_below(&mut kept);
            assert!(!kept.windows(8).any(|bytes| parts.contains(bytes)));
        }
    }

    #[test]
    fn a_secret_that_comes_back_is_blotted_out() {
        let credentials = Credentials::new("bDqJFiq9", "7bz1lzh9");
        assert_eq!(credentials.redact("bad 7bz1lzh9!"), "bad ***!");
    }
}
