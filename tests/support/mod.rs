//! What the tests share: the compiled library behind a thin typed wrapper, C programs, certificates,
//! and the scripted servers (a gateway, and CONNECT and SOCKS5 proxies) whose faults are exact to the byte.
#![allow(dead_code, reason = "each test program uses a part of it")]

pub mod c;
pub mod certs;
pub mod client;
pub mod diary;
pub mod elf;
pub mod gateway;
pub mod header;
pub mod instrument;
pub mod library;
pub mod platform;
pub mod prefix;
pub mod proxy;
pub mod require;
pub mod response;
pub mod sockets;
pub mod socks;

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// The root of the repository.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

static SCRATCH: OnceLock<PathBuf> = OnceLock::new();

/// A directory of this process, removed when the process ends.
pub fn scratch() -> &'static Path {
    SCRATCH.get_or_init(|| {
        extern "C" fn remove() {
            if let Some(directory) = SCRATCH.get() {
                let _ = std::fs::remove_dir_all(directory);
            }
        }
        let directory = tempfile::Builder::new()
            .prefix("itnio-tests-")
            .tempdir_in(env!("CARGO_TARGET_TMPDIR"))
            .expect("a directory for the tests");
        // A static is never dropped, and libtest leaves by exit().
        // SAFETY: `remove` is an `extern "C" fn()` that unwinds nowhere.
        unsafe { libc::atexit(remove) };
        directory.keep()
    })
}
