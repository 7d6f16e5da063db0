//! Pages, their links, and the files that they name.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Component, Path, PathBuf};

use libtest_mimic::Trial;
use regex::Regex;

use crate::support::require::plain;
use crate::support::{header, root};

/// README.md has at most three screens.
const README_SIZE: usize = 12 * 1024;

pub fn trials() -> Vec<Trial> {
    vec![
        plain("every_link_leads_somewhere", links_lead_somewhere),
        plain("every_file_that_is_named_exists", named_files_exist),
        plain("every_page_is_in_the_list_of_pages", pages_are_listed),
        plain(
            "the_readme_is_short_and_opens_with_the_two_commands",
            readme,
        ),
        plain("every_result_has_a_row_in_both_tables", results_have_rows),
        plain("every_reason_that_is_quoted_is_one_of_the_library", reasons),
        plain(
            "figures_stand_between_the_marks_of_their_benchmark",
            figures,
        ),
    ]
}

/// A page of the documentation.
pub struct Page {
    /// From the root of the repository.
    pub path: PathBuf,
    pub text: String,
}

/// A block of code between fences.
pub struct Block {
    /// As it stands after the fence.
    pub language: String,
    pub text: String,
    /// The comment in the line before it: what a test does with it.
    pub mark: Option<String>,
}

impl Page {
    pub fn read(path: impl Into<PathBuf>) -> Page {
        let path = path.into();
        let text = fs::read_to_string(root().join(&path))
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        Page { path, text }
    }

    pub fn name(&self) -> String {
        self.path.display().to_string()
    }

    /// The blocks between fences.
    pub fn blocks(&self) -> Vec<Block> {
        let mut blocks: Vec<Block> = Vec::new();
        let mut inside = false;
        let mut before = "";
        for line in self.text.lines() {
            match line.trim_start().strip_prefix("```") {
                Some(_) if inside => inside = false,
                Some(language) => {
                    inside = true;
                    blocks.push(Block {
                        language: language.to_owned(),
                        text: String::new(),
                        mark: before
                            .strip_prefix("<!-- ")
                            .and_then(|mark| mark.strip_suffix(" -->"))
                            .map(str::to_owned),
                    });
                }
                None if inside => {
                    if let Some(block) = blocks.last_mut() {
                        block.text.push_str(line);
                        block.text.push('\n');
                    }
                }
                None => {}
            }
            before = line;
        }
        assert!(!inside, "{}: a block without an end", self.name());
        blocks
    }

    /// The text without what is between fences.
    pub fn prose(&self) -> String {
        let mut inside = false;
        let mut prose = String::new();
        for line in self.text.lines() {
            if line.trim_start().starts_with("```") {
                inside = !inside;
            } else if !inside {
                prose.push_str(line);
                prose.push('\n');
            }
        }
        prose
    }

    /// What stands between backticks in the prose.
    pub fn code_spans(&self) -> Vec<String> {
        let pattern = Regex::new("`([^`]+)`").expect("a pattern");
        let prose = self.prose().replace('\n', " ");
        pattern
            .captures_iter(&prose)
            .map(|found| found[1].to_owned())
            .collect()
    }

    /// The anchors of its headings, as GitHub makes them.
    fn anchors(&self) -> BTreeSet<String> {
        self.prose()
            .lines()
            .filter(|line| line.starts_with('#'))
            .map(|line| {
                line.trim_start_matches('#')
                    .trim()
                    .to_lowercase()
                    .chars()
                    .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
                    .map(|c| if c == ' ' { '-' } else { c })
                    .collect()
            })
            .collect()
    }
}

/// All that is written for readers, but for the pages of tests and packages.
pub fn pages() -> Vec<Page> {
    let mut paths: Vec<PathBuf> = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"]
        .map(PathBuf::from)
        .into();
    for entry in fs::read_dir(root().join("docs")).expect("docs/") {
        let name = entry.expect("an entry").file_name();
        if Path::new(&name).extension().is_some_and(|end| end == "md") {
            paths.push(Path::new("docs").join(name));
        }
    }
    paths.sort();
    paths.into_iter().map(Page::read).collect()
}

/// Whether the file exists, or is one that the crate is without.
pub fn exists(path: &Path) -> bool {
    let left_out = [
        ".ci",
        ".gitignore",
        "debian",
        "deny.toml",
        "rustfmt.toml",
        "fuzz",
    ];
    let in_crate = !root().join("debian").exists();
    root().join(path).exists() || in_crate && left_out.iter().any(|name| path.starts_with(name))
}

/// `..` taken out of a path.
fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for component in path.components() {
        match component {
            Component::ParentDir => assert!(normal.pop(), "{}: out of the root", path.display()),
            Component::CurDir => {}
            other => normal.push(other),
        }
    }
    normal
}

fn links_lead_somewhere() {
    let link = Regex::new(r"\]\(([^()\s]+)\)").expect("a pattern");
    let mut dead = Vec::new();
    let mut count = 0;
    for page in pages() {
        let prose = page.prose();
        for found in link.captures_iter(&prose) {
            let target = &found[1];
            if target.starts_with("https://") {
                continue;
            }
            count += 1;
            let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
            let path = match path {
                "" => page.path.clone(),
                path => normal(&page.path.parent().expect("a folder").join(path)),
            };
            if !exists(&path) || !anchor.is_empty() && !Page::read(&path).anchors().contains(anchor)
            {
                dead.push(format!("{}: {target}", page.name()));
            }
        }
    }
    assert!(dead.is_empty(), "dead links: {dead:#?}");
    assert!(count > 50, "only {count} links");
}

/// Words between backticks that look like files of the repository.
fn named_files_exist() {
    let folders = [
        ".ci/",
        "benches/",
        "build/",
        "debian/",
        "docs/",
        "examples/",
        "fuzz/",
        "include/",
        "src/",
        "tests/",
    ];
    let in_root = Regex::new(r"^[A-Za-z]+\.(md|toml|lock|rs)$").expect("a pattern");
    let mut missing = Vec::new();
    let mut count = 0;
    for page in pages() {
        // The changelog also names what was there once.
        if page.path.starts_with("CHANGELOG.md") {
            continue;
        }
        for span in page.code_spans() {
            for word in span.split_whitespace() {
                let word = word.split("::").next().unwrap_or(word);
                let named = folders.iter().any(|folder| word.starts_with(folder));
                // A placeholder, or a test of the table of tests.
                if word.contains(['*', '{', '<'])
                    || word.contains("NAME")
                    || word.contains("VERSION")
                {
                    continue;
                }
                let found = if named {
                    exists(Path::new(word))
                } else if in_root.is_match(word) {
                    ["", "tests", "src"]
                        .iter()
                        .any(|folder| exists(&Path::new(folder).join(word)))
                } else {
                    continue;
                };
                count += 1;
                if !found {
                    missing.push(format!("{}: {word}", page.name()));
                }
            }
        }
    }
    assert!(missing.is_empty(), "files that do not exist: {missing:#?}");
    assert!(count > 50, "only {count} files are named");
}

fn pages_are_listed() {
    let list = Page::read("docs/README.md").text;
    let missing: Vec<_> = pages()
        .into_iter()
        .filter_map(|page| {
            let name = page.path.strip_prefix("docs").ok()?.display().to_string();
            (name != "README.md" && !list.contains(&format!("]({name})"))).then_some(name)
        })
        .collect();
    assert!(missing.is_empty(), "not in docs/README.md: {missing:?}");
    for page in pages() {
        // A reader knows where he is: a page has one title, in its first line.
        let titles = page
            .prose()
            .lines()
            .filter(|line| line.starts_with("# "))
            .count();
        assert!(
            page.text.starts_with("# ") && titles == 1,
            "{}",
            page.name()
        );
    }
}

fn readme() {
    let page = Page::read("README.md");
    assert!(page.text.len() < README_SIZE, "{} bytes", page.text.len());
    let first = &page.blocks()[0];
    let commands: Vec<_> = first
        .text
        .lines()
        .map(|line| line.split('#').next().unwrap_or(line).trim())
        .collect();
    assert_eq!(commands, ["make -C examples run", "cargo test"]);
    assert!(page.text.starts_with("# libitnio\n\n```sh\n"));
}

/// The tables of results in README.md and docs/results.md are those of the header.
fn results_have_rows() {
    let result = Regex::new(r"(?m)^  (ITNIO_[A-Z_]+) = (\d+),$").expect("a pattern");
    let header = header::text();
    let results: Vec<(&str, i32)> = result
        .captures_iter(&header)
        .map(|found| {
            let (_, [name, number]) = found.extract();
            (name, number.parse().expect("a number"))
        })
        .collect();
    assert!(results.len() >= 16, "{results:?}");
    for path in ["README.md", "docs/results.md"] {
        let page = Page::read(path);
        let rows = page.text.lines().filter(|line| line.contains("| `ITNIO_"));
        let rows: Vec<_> = rows.collect();
        assert_eq!(rows.len(), results.len(), "{path}: {rows:#?}");
        for ((name, number), row) in results.iter().zip(rows) {
            assert!(
                row.starts_with(&format!("| {number} | `{name}` | ")),
                "{path}: {row}"
            );
            if path == "README.md" {
                let may_have_rung = ["no", "yes"][usize::from(!(1..10).contains(number))];
                assert!(row.ends_with(&format!("| {may_have_rung} |")), "{row}");
            }
        }
    }
}

/// What `--write-docs` writes anew is there, and README.md shows the same run as docs/reliability.md.
fn figures() {
    let between = |path: &str, mark: &str, bench: &str| {
        let page = Page::read(path).text;
        let (_, rest) = page
            .split_once(&format!("<!-- {mark}:begin -->\n"))
            .unwrap_or_else(|| panic!("{path}: no beginning of {mark}"));
        let (figures, _) = rest
            .split_once(&format!("<!-- {mark}:end -->\n"))
            .unwrap_or_else(|| panic!("{path}: no end of {mark}"));
        let source = fs::read_to_string(root().join(bench)).expect(bench);
        for part in [mark, path] {
            assert!(
                source.contains(&format!("\"{part}\"")),
                "{bench} does not write {part}"
            );
        }
        figures.to_owned()
    };
    let campaign = "benches/campaign.rs";
    for mark in ["campaign-errors", "campaign-knowledge", "campaign-looks"] {
        between("docs/reliability.md", mark, campaign);
    }
    between("docs/performance.md", "bench", "benches/compare.rs");
    let whole = between("docs/reliability.md", "campaign", campaign);
    let headline = between("README.md", "campaign-picture", campaign);
    assert!(headline.contains("](benches/campaign.svg)"), "{headline}");
    assert!(
        whole.starts_with(&headline.replace("](", "](../")),
        "README.md shows another run: {headline}"
    );
}

/// Under "What the reasons say, and what to do", the first cells of a table quote reasons. Words in capitals and
/// numbers stand for what differs, and so does an ellipsis.
fn reasons() {
    let mut source = String::new();
    let mut folders = vec![root().join("src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                source += &fs::read_to_string(path).expect("a source");
            }
        }
    }
    // A literal may go on in a next line.
    let continued = Regex::new(r"\\\n\s*").expect("a pattern");
    let source = continued.replace_all(&source, "");
    let span = Regex::new("`([^`]+)`").expect("a pattern");
    let differs = Regex::new(r"…|\.\.\.|: |, |=|\b[A-Z]{3,}\b(?::[A-Z]+\b)?|\bN\b|\b[0-9]+\b")
        .expect("a pattern");
    let mut wrong = Vec::new();
    let mut count = 0;
    for path in ["docs/proxies.md", "docs/certificates.md"] {
        let page = Page::read(path);
        let (_, section) = (page.text)
            .split_once("\n## What the reasons say, and what to do\n")
            .expect("the section");
        let rows = section.lines().filter(|line| line.starts_with("| "));
        for row in rows {
            let cell = row
                .trim_start_matches("| ")
                .split(" | ")
                .next()
                .unwrap_or(row);
            for quote in span.captures_iter(cell) {
                let pieces = differs
                    .split(&quote[1])
                    .map(|piece| piece.trim_matches([' ', ':', ',', '"', '(', ')']));
                for piece in pieces.filter(|piece| !piece.is_empty()) {
                    count += 1;
                    if !source.contains(piece) {
                        wrong.push(format!("{path}: {piece}"));
                    }
                }
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "no reason of the library has these words: {wrong:#?}"
    );
    assert!(count > 10, "only {count} quotes");
}
