//! A host without memory.

use super::program::Host;
use super::support::gateway::Gateway;

#[test]
fn an_allocation_that_fails_ends_the_process_and_sends_nothing() {
    let gateway = Gateway::plain().start();
    let output = Host::new("host_memory.c")
        .calling(&gateway)
        .env("RUST_BACKTRACE", "0")
        .runs();
    assert_eq!(output.code, None, "ended by a signal: {output:?}");
    assert!(
        output.stderr.starts_with("memory allocation of "),
        "{output:?}"
    );
    let callees: Vec<_> = gateway.finish().iter().map(|d| d.callee()).collect();
    assert_eq!(callees, ["8600000000001"]);
}
