//! Any text as a reason, and any secret: what is handed out is plain text of at most 1 KiB, without the
//! secret and without signatures, and all of the text that is neither.
//!
//! An input is the secret, the byte 0xff, and the text. In the text, some bytes stand for more:
//!
//! | byte | in its place |
//! | --- | --- |
//! | 0xfe | the secret |
//! | 0xfd | the secret in capitals |
//! | 0xfc, 0xfb | the first half of the secret, and the second |
//! | 0xfa | 16 hexadecimal digits, half a signature |
//! | 0xf9 | 1100 hexadecimal digits |
//! | 0xf8 | a zero-width space |
//! | 0xf7 | 1000 zero-width spaces |
//! | 0xf6 | 500 letters |
#![no_main]

mod unicode;

use std::ffi::{CStr, c_char};
use std::ops::Range;
use std::ptr;

use itnio::ffi::pointers::{Out, free_string};
use itnio::plain_text::{plain, redact};
use libfuzzer_sys::fuzz_target;

fn read(input: &[u8]) -> Option<(String, String)> {
    let end = input.iter().position(|byte| *byte == 0xff)?;
    let secret = str::from_utf8(&input[..end]).ok()?.to_owned();
    let middle = secret.char_indices().nth(secret.chars().count() / 2);
    let (first, second) = secret.split_at(middle.map_or(0, |(at, _)| at));
    let mut text = Vec::new();
    for byte in &input[end + 1..] {
        match byte {
            0xfe => text.extend_from_slice(secret.as_bytes()),
            0xfd => text.extend_from_slice(secret.to_uppercase().as_bytes()),
            0xfc => text.extend_from_slice(first.as_bytes()),
            0xfb => text.extend_from_slice(second.as_bytes()),
            0xfa => text.extend_from_slice(b"05d7a50893E22A5C"),
            0xf9 => text.extend_from_slice(&[b'd'; 1100]),
            0xf8 => text.extend_from_slice("\u{200b}".as_bytes()),
            0xf7 => text.extend_from_slice("\u{200b}".repeat(1000).as_bytes()),
            0xf6 => text.extend_from_slice(&[b'x'; 500]),
            byte => text.push(*byte),
        }
    }
    Some((secret, String::from_utf8(text).ok()?))
}

fn is_hidden(c: char) -> bool {
    c != ' ' && !c.is_ascii_graphic() && unicode::has_hidden(c.encode_utf8(&mut [0; 4]))
}

/// `text` on one line, of what can be seen.
fn shown(text: impl Iterator<Item = char>) -> String {
    text.filter_map(|c| match c {
        '\u{2028}' | '\u{2029}' => Some(' '),
        c if c.is_control() => Some(' '),
        c => (!is_hidden(c)).then_some(c),
    })
    .collect()
}

/// The characters that are neither hidden nor white space, without capitals, and where each begins.
fn essence(text: &str) -> (Vec<[Option<char>; 3]>, Vec<usize>) {
    text.char_indices()
        .filter(|(_, c)| !c.is_whitespace() && !is_hidden(*c))
        .map(|(at, c)| {
            let mut small = c.to_lowercase();
            ([small.next(), small.next(), small.next()], at)
        })
        .unzip()
}

/// Everywhere where `secret` stands in `text`.
fn copies(text: &str, secret: &str) -> Vec<Range<usize>> {
    let ((text, at), (secret, _)) = (essence(text), essence(secret));
    if secret.is_empty() {
        return Vec::new();
    }
    let found = text.windows(secret.len()).enumerate();
    found
        .filter(|(_, window)| *window == secret)
        .map(|(first, _)| at[first]..at[first + secret.len() - 1] + 1)
        .collect()
}

/// Everywhere where 32 hexadecimal digits stand side by side in `text`, but for what is hidden.
fn rows(text: &str) -> Vec<Range<usize>> {
    let seen: Vec<_> = text
        .char_indices()
        .filter(|(_, c)| !is_hidden(*c))
        .collect();
    seen.windows(32)
        .filter(|window| window.iter().all(|(_, c)| c.is_ascii_hexdigit()))
        .map(|window| window[0].0..window[31].0 + 1)
        .collect()
}

/// A reason as C gets it.
fn handed_out(reason: &str) -> String {
    let mut string: *mut c_char = ptr::null_mut();
    // SAFETY: `string` outlives what writes to it.
    unsafe { Out::new(&raw mut string, ptr::null_mut()) }.set_reason(reason);
    assert!(!string.is_null());
    // SAFETY: just handed out.
    let text = unsafe { CStr::from_ptr(string) }.to_str();
    let text = text.expect("UTF-8").to_owned();
    // SAFETY: handed out once, freed once.
    unsafe { free_string(string) };
    text
}

fuzz_target!(|input: &[u8]| {
    let Some((secret, text)) = read(input) else {
        return;
    };
    let redacted = redact(&text, &secret);
    let line = plain(&redacted);
    for c in line.chars() {
        assert!(!is_hidden(c), "{c:?} in {line:?}");
    }
    let found = copies(&line, &secret);
    assert!(found.is_empty(), "{secret:?} in {line:?}");
    assert!(rows(&line).is_empty(), "a row in {line:?}");

    // What is neither is left as it is.
    let mut out: Vec<_> = copies(&text, &secret);
    out.extend(rows(&text));
    if out.is_empty() {
        assert_eq!(redacted, text);
        assert_eq!(line, shown(text.chars()));
    } else if !(secret.contains('*') && secret.contains('#')) {
        let mut is_out = vec![false; text.len()];
        for range in out {
            is_out[range].fill(true);
        }
        let kept = text.char_indices().filter(|(at, _)| !is_out[*at]);
        let mut rest = line.chars();
        for c in shown(kept.map(|(_, c)| c)).chars() {
            assert!(rest.any(|it| it == c), "{c:?} is gone from {line:?}");
        }
        // And what is taken out leaves a mark.
        assert!(line.contains("***") || line.contains("###"), "{line:?}");
    }

    let reason = handed_out(&redacted);
    assert!(reason.len() <= 1024 && line.starts_with(&reason));
    assert!(reason.len() == line.len() || reason.len() > 1020);
});
