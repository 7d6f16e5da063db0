//! The manual pages, in roff, made from the header: one of the library, and one of each function.
//!
//! build.rs and tests/manual.rs include this file, so it uses nothing but the standard library.

/// What the pages are made from.
#[derive(Debug)]
pub struct Header {
    introduction: Vec<String>,
    /// What the introduction says about threads, for functions that say nothing of their own.
    threads: Vec<String>,
    types: Vec<Type>,
    functions: Vec<Function>,
}

/// A struct, an enum or a constant.
#[derive(Debug)]
struct Type {
    comment: Vec<String>,
    declaration: String,
}

#[derive(Debug)]
struct Function {
    name: String,
    declaration: String,
    comment: Vec<String>,
    /// The beginning of the comment, as it stands behind the name.
    purpose: String,
}

impl Header {
    /// Reads a header; an error says which part of it is missing.
    pub fn parse(header: &str) -> Result<Self, String> {
        let introduction = header
            .strip_prefix("/*\n")
            .and_then(|rest| rest.split_once(" */"))
            .map(|(comment, _)| uncomment(comment))
            .ok_or("the header has no introduction")?;
        let threads = threads(&introduction)
            .ok_or("the introduction has no paragraph that begins with \"Threads. \"")?;

        let (mut types, mut functions) = (Vec::new(), Vec::new());
        for block in header.split("\n/**\n").skip(1) {
            let (comment, rest) = block
                .split_once(" */\n")
                .ok_or_else(|| format!("a comment has no end: {}", first_line(block)))?;
            let comment = uncomment(comment);
            if rest.starts_with("typedef ") || rest.starts_with("#define ") {
                types.push(Type::parse(comment, rest)?);
            } else {
                functions.push(Function::parse(comment, rest)?);
            }
        }
        let has_comment = |name: &str| functions.iter().any(|known| known.name == name);
        if let Some(name) = declared(header).find(|name| !has_comment(name)) {
            return Err(format!("the function {name} has no comment"));
        }
        if functions.is_empty() {
            return Err("the header has no function with a comment".into());
        }
        Ok(Self {
            introduction,
            threads,
            types,
            functions,
        })
    }

    /// The pages, by name.
    pub fn pages(&self, version: &str, date: &str) -> Vec<(String, String)> {
        let library = ("itnio".to_owned(), self.library_page(version, date));
        let functions = self.functions.iter().map(|function| {
            let page = self.function_page(function, version, date);
            (function.name.clone(), page)
        });
        [library].into_iter().chain(functions).collect()
    }

    fn library_page(&self, version: &str, date: &str) -> String {
        let purpose = "place phone calls through the Itniotech voice API";
        let mut page = Page::new("itnio", purpose, version, date);
        page.synopsis(&self.functions);
        page.section("DESCRIPTION");
        page.paragraphs(&self.introduction);
        page.section("TYPES");
        for Type {
            comment,
            declaration,
        } in &self.types
        {
            page.paragraphs(comment);
            page.line(".PP\n.nf");
            page.text(declaration.lines());
            page.line(".fi");
        }
        page.see_also(self.names());
        page.0
    }

    fn function_page(&self, function: &Function, version: &str, date: &str) -> String {
        let name = function.name.as_str();
        let mut page = Page::new(name, &function.purpose, version, date);
        page.synopsis([function]);
        for (heading, lines) in self.sections(function) {
            if !lines.is_empty() {
                page.section(heading);
                page.paragraphs(&lines);
            }
        }
        let example = self.example();
        let call = format!("{name}(");
        if example.iter().any(|line| line.contains(&call)) {
            page.section("EXAMPLES");
            page.line(BEGIN_CODE);
            page.text(example);
            page.line(END_CODE);
        }
        let others = self.names().filter(|other| *other != name);
        page.see_also(["itnio"].into_iter().chain(others));
        page.0
    }

    /// The paragraphs of a function's comment, each under the heading that its beginning belongs to.
    fn sections(&self, function: &Function) -> [(&'static str, Vec<String>); 4] {
        let (mut description, mut arguments) = (Vec::new(), Vec::new());
        let (mut returns, mut threads) = (Vec::new(), Vec::new());
        for paragraph in function.comment.split(String::is_empty) {
            let section = match paragraph.first() {
                Some(line) if line.starts_with('`') => &mut arguments,
                Some(line) if line.starts_with("Returns ") => &mut returns,
                Some(line) if line.starts_with("May be called ") => &mut threads,
                _ => &mut description,
            };
            section.extend_from_slice(paragraph);
            section.push(String::new());
        }
        if threads.is_empty() {
            threads.clone_from(&self.threads);
        }
        [
            ("DESCRIPTION", description),
            ("ARGUMENTS", arguments),
            ("RETURN VALUE", returns),
            ("THREADS", threads),
        ]
    }

    /// The introduction's first block of code.
    fn example(&self) -> Vec<&str> {
        let mut lines: Vec<&str> = self
            .introduction
            .iter()
            .skip_while(|line| !line.starts_with(CODE_INDENT))
            .map_while(|line| {
                line.strip_prefix(CODE_INDENT)
                    .or(line.is_empty().then_some(""))
            })
            .collect();
        while lines.last().is_some_and(|line| line.is_empty()) {
            lines.pop();
        }
        lines
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        self.functions.iter().map(|function| function.name.as_str())
    }
}

impl Type {
    fn parse(comment: Vec<String>, rest: &str) -> Result<Self, String> {
        let first = first_line(rest);
        let declaration = if first.ends_with(" {") {
            let (fields, end) = rest
                .split_once("\n}")
                .ok_or_else(|| format!("a type has no end: {first}"))?;
            format!("{fields}\n}}{}", first_line(end))
        } else {
            first.to_owned()
        };
        Ok(Self {
            comment,
            declaration,
        })
    }
}

impl Function {
    fn parse(comment: Vec<String>, rest: &str) -> Result<Self, String> {
        let text = comment.join(" ");
        let (declaration, name) = rest
            .split_once(";\n")
            .and_then(|(declaration, _)| Some((declaration, function_name(declaration)?)))
            .ok_or_else(|| format!("a comment has no declaration after it: {text}"))?;
        let (purpose, _) = text
            .split_once([',', '.', ':', ';'])
            .ok_or_else(|| format!("the comment of {name} has no first sentence"))?;
        Ok(Self {
            name: name.to_owned(),
            declaration: format!("{declaration};"),
            purpose: lower_first(purpose.trim()),
            comment,
        })
    }
}

const CODE_INDENT: &str = "    ";
const BEGIN_CODE: &str = ".EX";
// `.EE` turns hyphenation on again.
const END_CODE: &str = ".EE\n.nh";
/// The most bytes that `mandoc -T lint` wants in a line of text.
const MAX_LINE: usize = 80;

/// A page, as far as it is written.
struct Page(String);

impl Page {
    fn new(name: &str, purpose: &str, version: &str, date: &str) -> Self {
        Self(format!(
            ".\\\" Generated by build.rs from include/itnio.h.\n\
             .TH {} 3 {date} \"libitnio {version}\" \"Library Functions Manual\"\n\
             .\\\" No word is taken apart: most are names.\n.nh\n.ad l\n\
             .SH NAME\n{}\n",
            name.to_uppercase(),
            fill(&format!("{name} \\- {}", escape(purpose)))
        ))
    }

    /// Adds what is in roff's terms already.
    fn line(&mut self, roff: &str) {
        self.0 += roff;
        self.0.push('\n');
    }

    fn text<'a>(&mut self, lines: impl IntoIterator<Item = &'a str>) {
        for line in lines {
            self.line(&escape(line));
        }
    }

    fn section(&mut self, heading: &str) {
        self.line(&format!(".SH {heading}"));
    }

    fn synopsis<'a>(&mut self, functions: impl IntoIterator<Item = &'a Function>) {
        self.section("SYNOPSIS");
        self.line(".nf\n.B #include <itnio.h>");
        for function in functions {
            self.line(".PP");
            for line in function.declaration.lines() {
                self.line(&format!("\\fB{}\\fP", escape(line)));
            }
        }
        self.line(".PP\nLink with \\fI\\-litnio\\fP (pkg\\-config itnio).\n.fi");
    }

    /// Adds text, lists and indented code.
    fn paragraphs(&mut self, lines: &[String]) {
        let mut in_code = false;
        let mut begins = true;
        for line in lines {
            let is_code = line.starts_with(CODE_INDENT) || (in_code && line.is_empty());
            if is_code != in_code {
                if is_code {
                    self.line(".PP");
                }
                self.line(if is_code { BEGIN_CODE } else { END_CODE });
                in_code = is_code;
                begins = false;
            }
            if in_code {
                self.text([line.strip_prefix(CODE_INDENT).unwrap_or(line)]);
            } else if let Some(item) = line.strip_prefix("  - ") {
                self.line(".IP \\(bu 2");
                self.line(&fill(&escape(item)));
            } else if line.is_empty() {
                begins = true;
            } else {
                if begins && !self.is_at_a_beginning() {
                    self.line(".PP");
                }
                begins = false;
                self.line(&fill(&escape(line.trim_start())));
            }
        }
        if in_code {
            self.line(END_CODE);
        }
    }

    /// Whether a paragraph needs no `.PP` here.
    fn is_at_a_beginning(&self) -> bool {
        self.0
            .lines()
            .last()
            .is_some_and(|line| line == ".PP" || line.starts_with(".SH"))
    }

    fn see_also<'a>(&mut self, names: impl Iterator<Item = &'a str>) {
        self.section("SEE ALSO");
        let names: Vec<String> = names.map(|name| format!(".BR {name} (3)")).collect();
        self.line(&names.join(" ,\n"));
    }
}

/// A line in roff's terms: code in bold, and nothing taken for a request.
fn escape(line: &str) -> String {
    let mut roff = String::new();
    let mut in_code = false;
    for c in line.chars() {
        match c {
            '\\' => roff += "\\e",
            '-' => roff += "\\-",
            '`' => {
                in_code = !in_code;
                roff += if in_code { "\\fB" } else { "\\fP" };
            }
            c => roff.push(c),
        }
    }
    no_request(&roff)
}

fn no_request(line: &str) -> String {
    let guard = if line.starts_with(['.', '\'']) {
        "\\&"
    } else {
        ""
    };
    format!("{guard}{line}")
}

/// A line of text in roff's terms, broken between words where it is too long; a page shows it as before.
fn fill(roff: &str) -> String {
    let mut lines: Vec<String> = Vec::new();
    for word in roff.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.len() + 1 + word.len() <= MAX_LINE => *line += &format!(" {word}"),
            _ => lines.push(no_request(word)),
        }
    }
    lines.join("\n")
}

/// The names of the functions that a header declares, with a comment or without.
fn declared(header: &str) -> impl Iterator<Item = &str> {
    header
        .lines()
        .filter(|line| line.starts_with(|first: char| first.is_ascii_alphabetic()))
        .filter(|line| !line.starts_with("typedef "))
        .filter_map(function_name)
}

fn function_name(declaration: &str) -> Option<&str> {
    let (head, _) = declaration.split_once('(')?;
    head.rsplit([' ', '*']).next()
}

fn threads(introduction: &[String]) -> Option<Vec<String>> {
    introduction.split(String::is_empty).find_map(|paragraph| {
        let (first, rest) = paragraph.split_first()?;
        let first = first.strip_prefix("Threads. ")?.to_owned();
        Some([first].into_iter().chain(rest.iter().cloned()).collect())
    })
}

/// A comment's lines, without what makes it one.
fn uncomment(comment: &str) -> Vec<String> {
    comment
        .lines()
        .map(|line| {
            let line = line.trim_start().strip_prefix('*').unwrap_or(line);
            line.strip_prefix(' ').unwrap_or(line).to_owned()
        })
        .collect()
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

fn lower_first(sentence: &str) -> String {
    let mut chars = sentence.chars();
    chars
        .next()
        .map(|first| first.to_lowercase().chain(chars).collect())
        .unwrap_or_default()
}
