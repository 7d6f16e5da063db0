//! The platform that the tests are compiled for. Where it is not the machine's own, its programs are compiled and
//! run by what cargo and the cc crate are told: `CC_<target>`, `CARGO_TARGET_<TARGET>_RUNNER`.

use std::path::Path;
use std::process::Command;

/// As rustc names it.
pub const TARGET: &str = env!("ITNIO_TARGET");

/// Whether it is not that of the compiler.
pub fn is_foreign() -> bool {
    TARGET != env!("ITNIO_COMPILER_HOST")
}

/// Whether programs of it run in an emulator here.
pub fn is_emulated() -> bool {
    !runner().is_empty()
}

/// The C compiler, and its arguments if any.
pub fn c_compiler() -> Vec<String> {
    let own = format!("CC_{}", TARGET.replace('-', "_"));
    let names = if is_foreign() {
        vec![own]
    } else {
        vec![own, "CC".to_owned()]
    };
    let compiler = names.iter().find_map(|name| std::env::var(name).ok());
    assert!(
        compiler.is_some() || !is_foreign(),
        "{} is not set",
        names[0]
    );
    words(compiler.as_deref().unwrap_or("cc"))
}

/// A command that runs this program.
pub fn command(program: &Path) -> Command {
    match runner().split_first() {
        None => Command::new(program),
        Some((runner, arguments)) => {
            let mut command = Command::new(runner);
            command.args(arguments).arg(program);
            command
        }
    }
}

fn runner() -> Vec<String> {
    let name = TARGET.replace('-', "_").to_uppercase();
    let runner = std::env::var(format!("CARGO_TARGET_{name}_RUNNER"));
    words(&runner.unwrap_or_default())
}

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}
