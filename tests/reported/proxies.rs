//! Proxies, and the variables that name them.
