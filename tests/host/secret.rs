//! Where the secret is, and is not.

use std::time::{Duration, SystemTime};

use super::program::Host;
use super::support::answer::Answer;
use super::support::c::Build;
use super::support::gateway::{Gateway, Step};
use super::support::sockets::Refusing;

#[test]
fn after_free_the_secret_is_nowhere_in_the_process() {
    let gateway = Gateway::tls().start();
    // The first refusal has the client sign once more, with another time.
    let refused = Gateway::tls()
        .answer(|_| {
            let late = SystemTime::now() + Duration::from_secs(3600);
            Answer::refused(-16, "timestamp expires").date(late)
        })
        .start();
    // Without TLS, so that the request is out long before the call is given up.
    let silent = Gateway::plain().answer(|_| vec![Step::Stall]).start();
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
