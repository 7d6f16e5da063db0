//! What servers and gateways send, and what they expect of a request.
