//! A host that loads the library as a module.

use super::program::Host;
use super::support::c::Build;
use super::support::gateway::Gateway;
use super::support::instrument;

#[test]
fn threads_that_used_the_library_go_on_after_its_unload() {
    let gateway = Gateway::tls().start();
    let build = Build::c().unlinked().flag("-rdynamic");
    let figures = Host::built(&build, "host_unload.c")
        .arg(instrument::library().display())
        .calling(&gateway)
        .keeps("dlopen, call, dlclose in threads that go on, and once during a lookup");
    assert_eq!(gateway.finish_and_count() + 1, figures.count("calls"));
}
