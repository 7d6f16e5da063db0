//! What `cargo cinstall` installs, under a prefix of this test's own. It is staged by --destdir and then
//! moved to its prefix, as a package is. The command is that of docs/install.md.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use super::library::remove_package_variables;
use super::{c, root, scratch};

/// That of docs/install.md; it becomes the test's.
pub const PREFIX: &str = "/usr/local";
const INSTALL: &str = "cargo cinstall --locked --release --prefix=/usr/local";

/// The release build, once more: cargo-c has a target directory of its own.
const BUILD_LIMIT: Duration = Duration::from_secs(1200);

/// The program that tests with a prefix need.
pub const CARGO_C: &str = "cargo-cinstall";

/// The prefix, with everything in its place.
pub fn installed() -> &'static Path {
    static INSTALLED: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let result = INSTALLED.get_or_init(|| {
        std::panic::catch_unwind(install).map_err(|_| "cargo cinstall has failed".to_owned())
    });
    result.as_ref().unwrap_or_else(|error| panic!("{error}"))
}

fn install() -> PathBuf {
    let prefix = scratch().join("prefix");
    let stage = scratch().join("stage");
    let line = in_docs(INSTALL).replace(PREFIX, path(&prefix));
    let mut command = Command::new("sh");
    command
        .arg("-c")
        .arg(format!("{line} --destdir={}", stage.display()))
        .current_dir(root());
    remove_package_variables(&mut command);
    c::run(command, BUILD_LIMIT).success();

    let staged = stage.join(prefix.strip_prefix("/").expect("an absolute path"));
    let inside = files(&staged).len();
    assert_eq!(files(&stage).len(), inside, "files outside of the prefix");
    fs::rename(staged, &prefix).expect("the prefix moves");
    prefix
}

/// The command, which has to be in docs/install.md.
pub fn in_docs(command: &str) -> String {
    let page = fs::read_to_string(root().join("docs/install.md")).expect("docs/install.md");
    // There it may go on in a next line.
    let page = page.replace(" \\\n    ", " ");
    assert!(
        page.lines().any(|line| line == command),
        "not in docs/install.md: {command}"
    );
    command.to_owned()
}

/// `lib`, or what the system has in its place (Debian: `lib/x86_64-linux-gnu`).
pub fn libdir(prefix: &Path) -> PathBuf {
    let found = files(prefix)
        .into_keys()
        .find(|file| file.ends_with("pkgconfig/itnio.pc"))
        .expect("itnio.pc");
    let of = Path::new(&found).ancestors().nth(2).expect("two folders");
    prefix.join(of)
}

pub fn path(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

/// All files under a folder, and what the links among them point to.
pub fn files(folder: &Path) -> BTreeMap<String, Option<PathBuf>> {
    fn walk(root: &Path, folder: &Path, files: &mut BTreeMap<String, Option<PathBuf>>) {
        for entry in fs::read_dir(folder).expect("a folder") {
            let entry = entry.expect("an entry").path();
            if entry.is_dir() {
                walk(root, &entry, files);
            } else {
                let name = entry.strip_prefix(root).expect("within it");
                files.insert(path(name).to_owned(), fs::read_link(&entry).ok());
            }
        }
    }
    let mut found = BTreeMap::new();
    walk(folder, folder, &mut found);
    found
}

/// The prefix again, for tests that take something away.
pub fn copy(name: &str) -> PathBuf {
    let copy = scratch().join(name);
    for (file, link) in files(installed()) {
        let to = copy.join(&file);
        fs::create_dir_all(to.parent().expect("a folder")).expect("a folder");
        match link {
            Some(target) => std::os::unix::fs::symlink(target, to).expect("a link"),
            None => drop(fs::copy(installed().join(&file), to).expect("a copy")),
        }
    }
    copy
}

pub fn only_archive() -> PathBuf {
    let copy = copy("only-archive");
    for file in files(&copy).into_keys() {
        if file.contains("libitnio.so") {
            fs::remove_file(copy.join(file)).expect("a file");
        }
    }
    copy
}
