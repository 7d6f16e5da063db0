//! C programs that use the library as telephony software does: hundreds of threads, forks, small stacks,
//! signals, name servers that fail, modules that are unloaded. Each test is one promise. With `--nocapture`
//! it prints what it tried, how often, and what was lost: the figures of the table in docs/reliability.md.

mod support;

#[path = "host/descriptors.rs"]
mod descriptors;
#[path = "host/failures.rs"]
mod failures;
#[path = "host/forks.rs"]
mod forks;
#[path = "host/gateways.rs"]
mod gateways;
#[path = "host/memory.rs"]
mod memory;
#[path = "host/names.rs"]
mod names;
#[path = "host/program.rs"]
mod program;
#[path = "host/relay.rs"]
mod relay;
#[path = "host/secret.rs"]
mod secret;
#[path = "host/shutdown.rs"]
mod shutdown;
#[path = "host/signals.rs"]
mod signals;
#[path = "host/threads.rs"]
mod threads;
#[path = "host/unload.rs"]
mod unload;
