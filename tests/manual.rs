//! The manual pages say what the header says, as text: roff takes none of it for a request.
//!
//! Has a harness of its own, so that what needs an absent mandoc shows as ignored, with the reason.

#[path = "../build/manual.rs"]
mod manual;
mod support;

use std::process::Command;

use libtest_mimic::Arguments;
use manual::Header;
use support::require::{plain, trial};
use support::{c, header};

const INTRODUCTION: &str = "\
/*
 * libitnio: an introduction.
 *
 *   - One item.
 *   - Another.
 *
 * A call, in full:
 *
 *     char *text = itnio_first(1);
 *     puts(text);
 *
 * Threads. Any thread
 * at any time.
 */
";

const FIRST: &str = "
/**
 * Does the first thing, and more.
 *
 * `count` is a number.
 *
 * Returns a text.
 *
 * May be called from one thread.
 */
char *itnio_first(int32_t count,
                  char **reason);
";

const SECOND: &str = "
/**
 * Does the second thing.
 */
void itnio_second(void);
";

fn main() {
    let trials = vec![
        plain(
            "the_introduction_keeps_its_lists_and_code",
            the_introduction_keeps_its_lists_and_code,
        ),
        plain(
            "types_are_shown_with_their_comments",
            types_are_shown_with_their_comments,
        ),
        plain(
            "a_functions_paragraphs_are_in_their_sections",
            a_functions_paragraphs_are_in_their_sections,
        ),
        plain(
            "an_example_keeps_its_empty_lines",
            an_example_keeps_its_empty_lines,
        ),
        plain(
            "a_function_that_says_nothing_of_threads_has_the_introductions",
            a_function_that_says_nothing_of_threads_has_the_introductions,
        ),
        plain(
            "what_roff_would_take_for_a_request_is_escaped",
            what_roff_would_take_for_a_request_is_escaped,
        ),
        plain(
            "a_long_line_is_broken_between_words",
            a_long_line_is_broken_between_words,
        ),
        plain(
            "an_error_names_the_part_that_is_missing",
            an_error_names_the_part_that_is_missing,
        ),
        plain(
            "every_function_of_the_header_has_a_page_that_names_it",
            every_function_of_the_header_has_a_page_that_names_it,
        ),
        trial(
            "mandoc_finds_no_fault_in_the_pages",
            &["mandoc"],
            pages_pass_mandoc,
        ),
    ];
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}

/// The pages of a header of these parts.
fn pages(parts: &[&str]) -> Vec<(String, String)> {
    Header::parse(&parts.concat())
        .expect("a whole header")
        .pages("1.2.3", "2026-01-02")
}

fn page(pages: &[(String, String)], name: &str) -> String {
    let mut found = pages.iter().filter(|(page, _)| page == name);
    let (_, page) = found.next().unwrap_or_else(|| panic!("no page {name}"));
    assert!(found.next().is_none(), "one page {name}");
    page.clone()
}

/// The lines of one section, without its heading.
fn section(page: &str, heading: &str) -> String {
    let heading = format!(".SH {heading}\n");
    let (_, rest) = page
        .split_once(&heading)
        .unwrap_or_else(|| panic!("no {heading:?} in {page}"));
    rest.split(".SH ").next().unwrap_or_default().to_owned()
}

/// The error of a header of these parts.
fn error(parts: &[&str]) -> String {
    Header::parse(&parts.concat()).expect_err("a part is missing")
}

fn the_introduction_keeps_its_lists_and_code() {
    let page = page(&pages(&[INTRODUCTION, FIRST]), "itnio");
    assert_eq!(
        section(&page, "DESCRIPTION"),
        "libitnio: an introduction.\n\
         .IP \\(bu 2\nOne item.\n\
         .IP \\(bu 2\nAnother.\n\
         .PP\nA call, in full:\n\
         .PP\n.EX\nchar *text = itnio_first(1);\nputs(text);\n\n.EE\n.nh\n\
         Threads. Any thread\nat any time.\n"
    );
    assert!(page.contains(".TH ITNIO 3 2026-01-02 \"libitnio 1.2.3\""));
}

fn types_are_shown_with_their_comments() {
    let types = "
/**
 * A constant.
 */
#define ITNIO_ONE 1

/**
 * A struct.
 */
typedef struct itnio_pair {
  /**
   * Its field.
   */
  int left;
} itnio_pair;
";
    let page = page(&pages(&[INTRODUCTION, types, FIRST]), "itnio");
    assert_eq!(
        section(&page, "TYPES"),
        "A constant.\n.PP\n.nf\n#define ITNIO_ONE 1\n.fi\n\
         .PP\nA struct.\n.PP\n.nf\ntypedef struct itnio_pair {\n  /**\n   * Its field.\n   */\n  int left;\n} itnio_pair;\n.fi\n"
    );
}

fn a_functions_paragraphs_are_in_their_sections() {
    let page = page(&pages(&[INTRODUCTION, FIRST, SECOND]), "itnio_first");
    for (heading, text) in [
        ("NAME", "itnio_first \\- does the first thing\n"),
        (
            "SYNOPSIS",
            ".nf\n.B #include <itnio.h>\n.PP\n\
             \\fBchar *itnio_first(int32_t count,\\fP\n\
             \\fB                  char **reason);\\fP\n\
             .PP\nLink with \\fI\\-litnio\\fP (pkg\\-config itnio).\n.fi\n",
        ),
        ("DESCRIPTION", "Does the first thing, and more.\n"),
        ("ARGUMENTS", "\\fBcount\\fP is a number.\n"),
        ("RETURN VALUE", "Returns a text.\n"),
        ("THREADS", "May be called from one thread.\n"),
        (
            "EXAMPLES",
            ".EX\nchar *text = itnio_first(1);\nputs(text);\n.EE\n.nh\n",
        ),
        ("SEE ALSO", ".BR itnio (3) ,\n.BR itnio_second (3)\n"),
    ] {
        assert_eq!(section(&page, heading), text, "{heading}");
    }
}

fn an_example_keeps_its_empty_lines() {
    let introduction = INTRODUCTION.replace(
        " *     puts(text);\n",
        " *\n *     puts(text);\n *\n * More.\n *\n *     another();\n",
    );
    let page = page(&pages(&[&introduction, FIRST]), "itnio_first");
    assert_eq!(
        section(&page, "EXAMPLES"),
        ".EX\nchar *text = itnio_first(1);\n\nputs(text);\n.EE\n.nh\n"
    );
}

fn a_function_that_says_nothing_of_threads_has_the_introductions() {
    let page = page(&pages(&[INTRODUCTION, FIRST, SECOND]), "itnio_second");
    assert_eq!(section(&page, "THREADS"), "Any thread\nat any time.\n");
    for absent in ["ARGUMENTS", "RETURN VALUE", "EXAMPLES"] {
        assert!(!page.contains(&format!(".SH {absent}\n")), "{absent}");
    }
}

fn what_roff_would_take_for_a_request_is_escaped() {
    let function = r"
/**
 * Says it: with care.
 * .TH is no request
 * 'so is no request
 * C:\new\fB and a-hyphen
 */
void itnio_says(void);
";
    let page = page(&pages(&[INTRODUCTION, function]), "itnio_says");
    assert_eq!(
        section(&page, "DESCRIPTION"),
        "Says it: with care.\n\
         \\&.TH is no request\n\
         \\&'so is no request\n\
         C:\\enew\\efB and a\\-hyphen\n"
    );
}

fn a_long_line_is_broken_between_words() {
    let long = "0123456789 ".repeat(7);
    let function = format!(
        "\n/**\n * Counts: {long}`a b`\n *\n *   - {long}abc\n *   - {long}.request\n */\nint itnio_x(void);\n"
    );
    let page = page(&pages(&[INTRODUCTION, &function]), "itnio_x");
    let long = long.trim_end();
    assert_eq!(
        section(&page, "DESCRIPTION"),
        format!(
            "Counts: {}\n0123456789 \\fBa b\\fP\n\
             .IP \\(bu 2\n{long} abc\n\
             .IP \\(bu 2\n{long}\n\\&.request\n",
            &long[..65]
        )
    );
}

fn an_error_names_the_part_that_is_missing() {
    let without_threads = INTRODUCTION.replace("Threads. ", "");
    let bare = "\nvoid itnio_bare(int32_t count,\n                char **reason);\n";
    let unfinished = "\n/**\n * A struct.\n */\ntypedef struct itnio_pair {\n  int left;\n";
    for (parts, named) in [
        (&[FIRST][..], "no introduction"),
        (&["/*\n * It never ends\n"], "no introduction"),
        (&[&without_threads, FIRST], "Threads. "),
        (&[INTRODUCTION], "no function"),
        (&[INTRODUCTION, "\n/**\n * Not closed\n"], "Not closed"),
        (&[INTRODUCTION, unfinished], "typedef struct itnio_pair {"),
        (
            &[INTRODUCTION, "\n/**\n * Of nothing.\n */\n"],
            "declaration after it: Of nothing.",
        ),
        (
            &[INTRODUCTION, "\n/**\n * Endless\n */\nint itnio_x(void);\n"],
            "itnio_x has no first sentence",
        ),
        (&[INTRODUCTION, bare, FIRST], "itnio_bare has no comment"),
        (&[INTRODUCTION, FIRST, bare], "itnio_bare has no comment"),
    ] {
        let error = error(parts);
        assert!(error.contains(named), "{error:?} without {named:?}");
    }
}

fn every_function_of_the_header_has_a_page_that_names_it() {
    let declared = header::functions();
    let pages = pages(&[&header::text()]);
    assert_eq!(pages.len(), declared.len() + 1, "and the library's");
    let library = page(&pages, "itnio");
    for name in declared {
        let page = page(&pages, &name);
        assert!(section(&page, "NAME").starts_with(&format!("{name} \\- ")));
        for synopsis in [&page, &library] {
            let synopsis = section(synopsis, "SYNOPSIS");
            assert!(synopsis.contains(&format!("{name}(")), "{synopsis}");
        }
    }
}

fn pages_pass_mandoc() {
    let mut mandoc = Command::new("mandoc");
    mandoc.args(["-T", "lint"]);
    for (name, page) in pages(&[&header::text()]) {
        let file = support::scratch().join(format!("{name}.3"));
        std::fs::write(&file, page).expect("a page");
        mandoc.arg(file);
    }
    let output = c::run(mandoc, c::LIMIT);
    assert_eq!((output.code, output.stdout.as_str()), (Some(0), ""));
}
