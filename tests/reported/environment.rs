//! Names, addresses, clocks and machines that sleep.
