//! The C boundary. Only this room knows C.

pub mod exports;
pub mod panic;
pub mod pointers;
pub mod records;
pub mod result;
