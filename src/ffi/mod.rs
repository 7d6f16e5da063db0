//! The C boundary. Only this room knows C.
//!
//! | file | |
//! | --- | --- |
//! | [`exports`] | the C API: every export, a few lines each; the text of the header |
//! | [`panic`] | what surrounds every export |
//! | [`pointers`] | C's pointers: arguments, out-parameters, what is handed out |
//! | [`result`] | C's results, and how the library's errors become results |

pub mod exports;
pub mod panic;
pub mod pointers;
pub mod result;
