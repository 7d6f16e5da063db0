//! Text that is fit for a log: one line, nothing in it that cannot be seen, neither the secret nor a
//! signature.

use std::borrow::Cow;

/// The longest text that is handed out for a log, in bytes.
pub const MAX_LENGTH: usize = 1024;

/// The digits of a signature: MD5 in hexadecimal.
const SIGNATURE_LENGTH: usize = 32;

/// Characters that show nothing of themselves, or change how others are shown, but for the control
/// characters: Unicode 17's general category Cf (format, the bidirectional ones among them), the property
/// `Default_Ignorable_Code_Point`, and the separators of lines and paragraphs.
const HIDDEN: [(char, char); 25] = [
    ('\u{ad}', '\u{ad}'),
    ('\u{34f}', '\u{34f}'),
    ('\u{600}', '\u{605}'),
    ('\u{61c}', '\u{61c}'),
    ('\u{6dd}', '\u{6dd}'),
    ('\u{70f}', '\u{70f}'),
    ('\u{890}', '\u{891}'),
    ('\u{8e2}', '\u{8e2}'),
    ('\u{115f}', '\u{1160}'),
    ('\u{17b4}', '\u{17b5}'),
    ('\u{180b}', '\u{180f}'),
    ('\u{200b}', '\u{200f}'),
    ('\u{2028}', '\u{202e}'),
    ('\u{2060}', '\u{206f}'),
    ('\u{3164}', '\u{3164}'),
    ('\u{fe00}', '\u{fe0f}'),
    ('\u{feff}', '\u{feff}'),
    ('\u{ffa0}', '\u{ffa0}'),
    ('\u{fff0}', '\u{fffb}'),
    ('\u{110bd}', '\u{110bd}'),
    ('\u{110cd}', '\u{110cd}'),
    ('\u{13430}', '\u{1343f}'),
    ('\u{1bca0}', '\u{1bca3}'),
    ('\u{1d173}', '\u{1d17a}'),
    ('\u{e0000}', '\u{e0fff}'),
];

/// Whether a character is a control, format or bidirectional one, or is otherwise not to be seen.
pub fn is_hidden(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_control();
    }
    c.is_control()
        || HIDDEN
            .iter()
            .any(|(first, last)| (*first..=*last).contains(&c))
}

/// `text` on one line: control characters become spaces, and what else cannot be seen goes.
pub fn plain(text: &str) -> Cow<'_, str> {
    if !text.contains(is_hidden) {
        return Cow::Borrowed(text);
    }
    let shown = text.chars().filter_map(|c| match c {
        _ if !is_hidden(c) => Some(c),
        '\u{2028}' | '\u{2029}' => Some(' '),
        _ => c.is_control().then_some(' '),
    });
    Cow::Owned(shown.collect())
}

/// `text` without `secret` and without any row of 32 or more hexadecimal digits, both in whatever letters
/// and however they are broken: a server may send back what it was sent.
pub fn redact(text: &str, secret: &str) -> String {
    let mut found = signatures(text);
    found.extend(copies(text, secret));
    found.sort_unstable();
    // What stands in place of what was taken out has nothing in common with the secret, which could come
    // about anew from it and what stands beside it.
    let mask = match (secret.contains('*'), secret.contains('#')) {
        (false, _) => "***",
        (true, false) => "###",
        (true, true) if found.is_empty() => return text.to_owned(),
        (true, true) => return "***".to_owned(),
    };
    let mut result = String::with_capacity(text.len());
    let mut done = 0;
    for (start, end) in found {
        // One may begin within another.
        if start >= done {
            result.push_str(text.get(done..start).unwrap_or_default());
            result.push_str(mask);
        }
        done = done.max(end);
    }
    result.push_str(text.get(done..).unwrap_or_default());
    result
}

/// Where `secret` stands in `text`, in whatever letters and however it is broken by spaces and by what
/// cannot be seen.
fn copies(text: &str, secret: &str) -> Vec<(usize, usize)> {
    let wanted = Wanted::new(secret);
    let mut found = Vec::new();
    let mut begins = Vec::new();
    let mut matched = 0;
    for (at, c) in counted(text) {
        begins.push(at);
        matched = wanted.advance(matched, c);
        if matched > 0 && matched == wanted.begins.len() {
            let first = begins.len().checked_sub(matched);
            let start = first.and_then(|first| begins.get(first)).copied();
            found.push((start.unwrap_or(at), at + c.len_utf8()));
            matched = 0;
        }
    }
    found
}

/// A text to be found by the algorithm of Knuth, Morris and Pratt: reasons and secrets may have 64 KiB
/// each, and both the server's word.
struct Wanted<'a> {
    // Not copied: it may be the secret.
    text: &'a str,
    // Where each character that counts begins.
    begins: Vec<usize>,
    // For each of them: how many of those up to it are both the beginning and the end of these.
    borders: Vec<usize>,
}

impl<'a> Wanted<'a> {
    fn new(text: &'a str) -> Wanted<'a> {
        let mut wanted = Wanted {
            text,
            begins: counted(text).map(|(at, _)| at).collect(),
            borders: Vec::new(),
        };
        let mut border = 0;
        for (number, (_, c)) in counted(text).enumerate() {
            if number > 0 {
                border = wanted.advance(border, c);
            }
            wanted.borders.push(border);
        }
        wanted
    }

    /// How many characters of the text match, where `matched` did before `c`.
    fn advance(&self, mut matched: usize, c: char) -> usize {
        loop {
            if self.at(matched).is_some_and(|wanted| is_same(wanted, c)) {
                return matched + 1;
            }
            let Some(last) = matched.checked_sub(1) else {
                return 0;
            };
            matched = self.borders.get(last).copied().unwrap_or_default();
        }
    }

    fn at(&self, number: usize) -> Option<char> {
        let begin = self.begins.get(number)?;
        self.text.get(*begin..)?.chars().next()
    }
}

/// The characters that count, and where each begins.
fn counted(text: &str) -> impl Iterator<Item = (usize, char)> {
    text.char_indices()
        .filter(|(_, c)| !(is_hidden(*c) || c.is_whitespace()))
}

/// Whether two characters are the same but for capitals.
fn is_same(one: char, other: char) -> bool {
    one.eq_ignore_ascii_case(&other)
        || !(one.is_ascii() && other.is_ascii()) && one.to_lowercase().eq(other.to_lowercase())
}

/// Where rows of at least 32 hexadecimal digits stand in `text`, in whatever letters and however they are
/// broken by what cannot be seen. A space ends a row: numbers side by side are no signature.
fn signatures(text: &str) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    let (mut start, mut end, mut digits) = (0, 0, 0);
    // What stands behind the end ends the last row.
    for (at, c) in text.char_indices().chain([(text.len(), ' ')]) {
        if c.is_ascii_hexdigit() {
            if digits == 0 {
                start = at;
            }
            end = at + 1;
            digits += 1;
        } else if !is_hidden(c) {
            if digits >= SIGNATURE_LENGTH {
                found.push((start, end));
            }
            digits = 0;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_text_is_one_line_that_shows_all_of_itself() {
        for (text, expected) in [
            ("as it is: ä€𝄞", "as it is: ä€𝄞"),
            ("a\0b\r\nc\u{85}d\u{2028}e\x7f", "a b  c d e "),
            ("a\u{200b}b\u{202e}c\u{feff}d\u{ad}e\u{e0041}f", "abcdef"),
            ("\u{2066}x\u{2069}", "x"),
        ] {
            assert_eq!(plain(text), expected);
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "looks at every character there is")]
    fn what_is_hidden_is_what_unicode_says() {
        let unicode =
            regex::Regex::new(r"^[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]$")
                .unwrap();
        for c in '\0'..=char::MAX {
            let mut bytes = [0; 4];
            assert_eq!(
                is_hidden(c),
                unicode.is_match(c.encode_utf8(&mut bytes)),
                "U+{:04X}",
                u32::from(c)
            );
        }
    }

    #[test]
    fn the_secret_is_taken_out_however_it_is_broken() {
        for (text, secret, expected) in [
            ("bad 7bz1lzh9!", "7bz1lzh9", "bad ***!"),
            ("7bz1lzh97bz1lzh9 7bz1lzh9", "7bz1lzh9", "****** ***"),
            ("7BZ1LZH9", "7bz1lzh9", "***"),
            ("a 7bz1\nlzh9 b", "7bz1lzh9", "a *** b"),
            ("a 7bz1\u{200b}lzh9 b", "7bz1lzh9", "a *** b"),
            ("a b\tc d", "b c", "a *** d"),
            ("a bc d", "b c", "a *** d"),
            ("7bz1lzh", "7bz1lzh9", "7bz1lzh"),
            ("aaab", "aab", "a***"),
            ("é ä", "é", "*** ä"),
            ("É ä", "é", "*** ä"),
            ("aaaabaaab", "aab", "aa***a***"),
            ("ababac", "abac", "ab***"),
            ("nothing", " ", "nothing"),
            ("", "x", ""),
        ] {
            assert_eq!(redact(text, secret), expected, "{text:?}");
        }
    }

    #[test]
    fn a_signature_is_taken_out_however_it_is_broken() {
        let sign = "05d7a50893e22a5c4bb3216ae3396c7c";
        let (front, back) = sign.split_at(11);
        for (text, expected) in [
            (format!("bad {sign}!"), "bad ***!".to_owned()),
            (sign.to_uppercase(), "***".to_owned()),
            (format!("{sign}{sign}"), "***".to_owned()),
            (format!("x{front}\n{back}x"), "x***x".to_owned()),
            (format!("{front}\u{200d}{back}\n"), "***\n".to_owned()),
            (format!("{front}-{back}"), format!("{front}-{back}")),
            (
                "4915112345678 2203031113381000002".to_owned(),
                "4915112345678 2203031113381000002".to_owned(),
            ),
            (sign[1..].to_owned(), sign[1..].to_owned()),
        ] {
            assert_eq!(redact(&text, "secret"), expected);
        }
        // Side by side, one within the other, and across each other's end.
        assert_eq!(redact(&format!("{sign}dead!beef"), "dead!beef"), "***");
        assert_eq!(redact(&format!("x{sign}x"), &sign[3..9]), "x***x");
    }

    #[test]
    fn what_stands_in_place_of_the_secret_does_not_make_it_anew() {
        for (text, secret, expected) in [
            ("aa*", "a*", "a###"),
            ("*", "*", "###"),
            ("a##", "a#", "***#"),
            ("a#*#", "#*", "***"),
            ("a#", "#*", "a#"),
        ] {
            assert_eq!(redact(text, secret), expected, "{text:?}");
        }
    }

    #[test]
    fn all_of_a_long_text_is_looked_through() {
        let row = "0".repeat(2 * MAX_LENGTH);
        assert_eq!(redact(&format!("{row} 7bz1lzh9"), "7bz1lzh9"), "*** ***");
        let hidden = "\u{200b}".repeat(MAX_LENGTH);
        let text = format!("{hidden}x{hidden}y x");
        assert_eq!(plain(&redact(&text, "x")), "***y ***");
    }

    #[test]
    fn a_long_text_costs_time_by_its_length_alone() {
        // By its square, this would take minutes.
        let length = if cfg!(miri) { 100 } else { 60_000 };
        for c in ["x", "0"] {
            let (text, secret) = (c.repeat(length), c.repeat(length / 2) + "y");
            let expected = if c == "0" { "***" } else { text.as_str() };
            assert!(redact(&text, &secret) == expected);
        }
    }
}
