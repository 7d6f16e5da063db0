//! Where the secret is, and is not.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use super::gateways::silent;
use super::program::Host;
use super::support::c::Build;
use super::support::gateway::Gateway;
use super::support::response::Response;
use super::support::sockets::Refusing;

/// What a processor may lack and what it may be good at, by glibc's names: each of them has glibc copy or
/// read otherwise on some processor, from the newest functions down to the oldest. Names that it does not
/// know are nothing to it.
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

/// Of which glibc has several.
const FUNCTIONS: [&str; 2] = ["memcpy", "strlen"];

/// How many different memcpys there are at least: glibc has one for AVX, one for SSSE3 and one for neither,
/// and more for other processors.
fn least_memcpys() -> usize {
    #[cfg(all(target_arch = "x86_64", target_env = "gnu"))]
    if std::arch::is_x86_feature_detected!("avx2") {
        return 3;
    }
    1
}

/// Accepts calls; and refuses them, so that the client signs once more, with another time.
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
fn after_free_a_secret_of_any_length_is_nowhere_whichever_way_the_system_copies() {
    let (gateway, refused) = gateways();
    let closed = Refusing::new();
    let mut ways = [BTreeSet::new(), BTreeSet::new()];
    for processor in PROCESSORS {
        let figures = Host::built(&Build::c().flag("-O2"), "host_secret.c")
            .arg(1)
            .arg(300)
            .calling(&gateway)
            .env("HOST_REFUSED", refused.url())
            .env("HOST_CLOSED", format!("https://{}", closed.address()))
            .env("GLIBC_TUNABLES", format!("glibc.cpu.hwcaps={processor}"))
            .keeps(&format!("secrets on a processor as it is, {processor:?}"));
        for (places, function) in ways.iter_mut().zip(FUNCTIONS) {
            places.insert(figures.count(function));
        }
    }
    for (places, function) in ways.iter().zip(FUNCTIONS) {
        match places.len() {
            1 => println!("this processor/libc has only one {function}"),
            several => println!("with {several} different ones of {function}"),
        }
    }
    let [memcpys, _] = ways;
    assert!(
        memcpys.len() >= least_memcpys(),
        "{} different memcpys: libc takes no notice of GLIBC_TUNABLES",
        memcpys.len()
    );
}

#[test]
fn after_free_the_secret_is_nowhere_in_the_process() {
    let (gateway, refused) = gateways();
    let silent = silent();
    let closed = Refusing::new();
    // Within a block of MD5, over the edge of one, and over many.
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
