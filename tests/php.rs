//! examples/php: the extension and the class over FFI, by PHP's own test runner, on the command line,
//! and in a real php-fpm; and both as packages of Composer and PIE. Prints the figures of docs/php.md with
//! `--nocapture`.

mod support;

#[path = "php/command_line.rs"]
mod command_line;
#[path = "php/composer.rs"]
mod composer;
#[path = "php/fastcgi.rs"]
mod fastcgi;
#[path = "php/fpm.rs"]
mod fpm;
#[path = "php/pages.rs"]
mod pages;
#[path = "sandbox/process.rs"]
mod process;
#[path = "php/tools.rs"]
mod tools;

use libtest_mimic::Arguments;

fn main() {
    let mut trials = command_line::trials();
    trials.extend(composer::trials());
    trials.extend(pages::trials());
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}
