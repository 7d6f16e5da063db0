//! The secret is not in memory after a client was freed.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use super::gateways::silent;
use super::program::Host;
use super::support::c::Build;
use super::support::gateway::Gateway;
use super::support::response::Response;
use super::support::sockets::Refusing;

/// Processor features that are switched off or on for glibc, by its names for them: on some processor each of
/// these makes it use other functions to copy or read, from the newest to the oldest. glibc ignores names
/// that it does not know.
const PROCESSORS: [&str; 12] = [
    "",
    "-ERMS",
    "-AVX512VL",
    "-AVX512F",
    "-AVX512F,-ERMS",
    "-AVX512F,-AVX512VL",
    "-AVX512F,-AVX512VL,-ERMS,-FSRM",
    "-AVX512F,-AVX512VL,RTM",
    "-AVX512F,-AVX512VL,Prefer_No_VZEROUPPER",
    "-AVX,-AVX2,-AVX512F,-AVX512VL,-AVX_Fast_Unaligned_Load",
    "-AVX,-AVX2,-AVX512F,-AVX512VL,-AVX_Fast_Unaligned_Load,-SSSE3",
    "-AVX,-AVX2,-AVX512F,-AVX512VL,-AVX_Fast_Unaligned_Load,-SSSE3,-ERMS",
];

/// Functions of which glibc has several variants.
const FUNCTIONS: [&str; 2] = ["memcpy", "strlen"];

/// How many variants of memcpy() are used at least: glibc has one for AVX, one for SSSE3 and one for neither,
/// and more for other processors.
fn least_memcpys() -> usize {
    #[cfg(all(target_arch = "x86_64", target_env = "gnu"))]
    if std::arch::is_x86_feature_detected!("avx2") {
        return 3;
    }
    1
}

/// One gateway accepts calls. The other refuses them with -16, so that the client signs again with another
/// time.
fn gateways() -> (Gateway, Gateway) {
    let refused = Gateway::tls()
        .answer(|_| {
            let late = SystemTime::now() + Duration::from_secs(3600);
            Response::refused(-16, "timestamp expires").date(late)
        })
        .start();
    (Gateway::tls().start(), refused)
}

#[test]
fn after_free_a_secret_of_any_length_is_nowhere_whichever_memcpy_the_system_has() {
    let (gateway, refused) = gateways();
    let closed = Refusing::new();
    let mut variants = [BTreeSet::new(), BTreeSet::new()];
    for processor in PROCESSORS {
        let figures = Host::built(&Build::c().flag("-O2"), "host_secret.c")
            .arg(1)
            .arg(300)
            .calling(&gateway)
            .env("HOST_REFUSED", refused.url())
            .env("HOST_CLOSED", format!("https://{}", closed.address()))
            .env("GLIBC_TUNABLES", format!("glibc.cpu.hwcaps={processor}"))
            .keeps(&format!("secrets with processor features {processor:?}"));
        for (places, function) in variants.iter_mut().zip(FUNCTIONS) {
            places.insert(figures.count(function));
        }
    }
    for (places, function) in variants.iter().zip(FUNCTIONS) {
        match places.len() {
            1 => println!("this processor or libc has only one {function}"),
            several => println!("with {several} different ones of {function}"),
        }
    }
    let [memcpys, _] = variants;
    assert!(
        memcpys.len() >= least_memcpys(),
        "{} different memcpys: libc ignores GLIBC_TUNABLES",
        memcpys.len()
    );
}

#[test]
fn after_free_the_secret_is_nowhere_in_the_process() {
    let (gateway, refused) = gateways();
    let silent = silent();
    let closed = Refusing::new();
    // Within one block of MD5, in two, and in many.
    for length in [8, 32, 60, 128, 1000] {
        Host::built(&Build::c().flag("-O2"), "host_secret.c")
            .arg(length)
            .calling(&gateway)
            .env("HOST_REFUSED", refused.url())
            .env("HOST_SILENT", silent.url())
            .env("HOST_CLOSED", format!("https://{}", closed.address()))
            .keeps("the secret, in all of the process's memory");
    }
}
