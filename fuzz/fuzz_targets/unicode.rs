//! What Unicode says of characters, by another table than the library's own.

use std::sync::LazyLock;

use regex::Regex;

static HIDDEN: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]").expect("a class")
});

/// Whether something is in `text` that does not show, or changes how the rest is shown.
pub fn has_hidden(text: &str) -> bool {
    HIDDEN.is_match(text)
}

/// Whether a text can be a recording ID.
#[allow(dead_code, reason = "not for every target")]
pub fn is_recording_id(id: &str) -> bool {
    id.chars().any(|c| !c.is_whitespace())
        && !has_hidden(id)
        && id.to_lowercase() != "null"
        && id != "-0"
}
