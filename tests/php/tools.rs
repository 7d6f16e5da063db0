//! PHP's programs, the extension as it is built, and the two ways to have the classes.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use crate::support::{c, library, require, root, scratch};

/// Longer than a build or PHP's own test run takes on a busy machine.
pub const LIMIT: Duration = Duration::from_secs(600);

/// What every test here needs.
pub const PHP: &[&str] = &["php", "php-config", "phpize", "make", "autoconf", "cc"];

/// The same, and valgrind.
pub const PHP_AND_VALGRIND: &[&str] = &[
    "php",
    "php-config",
    "phpize",
    "make",
    "autoconf",
    "cc",
    "valgrind",
];

/// The same, and php-fpm under the name that it has here.
pub fn php_and_fpm() -> &'static [&'static str] {
    static TOOLS: OnceLock<Vec<&str>> = OnceLock::new();
    TOOLS.get_or_init(|| [PHP, &[fpm()]].concat())
}

/// Debian's php-fpm has the version in its name.
pub fn fpm() -> &'static str {
    static NAME: OnceLock<&str> = OnceLock::new();
    NAME.get_or_init(|| {
        ["php-fpm8.2", "php-fpm8.3", "php-fpm8.4", "php-fpm8.5"]
            .into_iter()
            .find(|name| require::require(name).is_ok())
            .unwrap_or("php-fpm")
    })
}

/// The directory that the extension is built in, a copy of its sources. Built once.
pub fn extension() -> &'static Path {
    static DIRECTORY: OnceLock<PathBuf> = OnceLock::new();
    DIRECTORY.get_or_init(|| {
        // As if the library were installed under this prefix.
        let prefix = scratch().join("php-prefix");
        fs::create_dir(&prefix).expect("a prefix");
        for (name, target) in [
            ("include", root().join("include")),
            ("lib", c::library_directory().to_owned()),
        ] {
            std::os::unix::fs::symlink(target, prefix.join(name)).expect("a link");
        }
        let directory = scratch().join("php-ext");
        copy(&root().join("examples/php/ext"), &directory);
        // Someone may have built it in place.
        let build = format!(
            "phpize --clean && phpize && ./configure --with-itnio='{}' && make",
            prefix.display()
        );
        let mut command = c::command(Path::new("sh"));
        command
            .args(["-c", &build])
            .env(
                "CFLAGS",
                "-O2 -g -Wall -Wextra -Wno-unused-parameter -Werror",
            )
            .current_dir(&directory);
        c::run(command, LIMIT).success();
        directory
    })
}

/// Copies a directory of files and directories.
pub fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).expect("a new directory");
    for entry in fs::read_dir(from).expect("a directory") {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        if entry.file_type().expect("its type").is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).expect("a copy");
        }
    }
}

/// The two ways to have `Itnio\Client`.
#[derive(Clone, Copy, Debug)]
pub enum Way {
    Extension,
    Ffi,
}

impl Way {
    pub const BOTH: [Way; 2] = [Way::Extension, Way::Ffi];

    /// What php.ini has to say for it, but for what loads Itnio.php.
    pub fn ini(self) -> Vec<String> {
        match self {
            Way::Extension => {
                let module = extension().join("modules/itnio.so");
                vec![format!("extension={}", module.display())]
            }
            Way::Ffi => {
                let mut lines = vec![format!("itnio.library={}", library::path().display())];
                lines.extend(ffi_module().map(|module| format!("extension={module}")));
                lines
            }
        }
    }

    /// php on the command line, with the classes at hand and nothing of the machine's configuration.
    pub fn php(self) -> Command {
        let mut command = c::command(Path::new("php"));
        command.arg("-n");
        for line in self.ini() {
            command.args(["-d", &line]);
        }
        if let Way::Ffi = self {
            let load = format!("auto_prepend_file={}", ffi_class().display());
            command.args(["-d", &load]);
        }
        command
    }
}

/// The class over FFI.
pub fn ffi_class() -> PathBuf {
    root().join("examples/php/ffi/Itnio.php")
}

/// The module that has FFI, unless it is built in.
pub fn ffi_module() -> Option<&'static str> {
    let mut command = Command::new("php");
    command.args(["-n", "-r", "exit(extension_loaded('FFI') ? 0 : 1);"]);
    let built_in = command.status().expect("php runs").success();
    (!built_in).then_some("ffi")
}
