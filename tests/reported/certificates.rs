//! Certificates and the files that hold them.
