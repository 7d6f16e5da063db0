//! The committed header, and the functions that it declares.

use std::collections::BTreeSet;
use std::path::PathBuf;

pub fn path() -> PathBuf {
    super::root().join("include/itnio.h")
}

pub fn text() -> String {
    std::fs::read_to_string(path()).expect("the header")
}

/// The names of the functions.
pub fn functions() -> BTreeSet<String> {
    let code = without_comments(&text());
    code.match_indices('(')
        .filter_map(|(at, _)| {
            code[..at]
                .rsplit(|c: char| !c.is_alphanumeric() && c != '_')
                .next()
        })
        .filter(|name| name.starts_with("itnio_"))
        .map(str::to_owned)
        .collect()
}

fn without_comments(header: &str) -> String {
    let mut code = String::new();
    let mut rest = header;
    while let Some((before, comment)) = rest.split_once("/*") {
        code.push_str(before);
        rest = comment.split_once("*/").expect("the end of a comment").1;
    }
    code + rest
}
