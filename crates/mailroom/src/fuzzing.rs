//! Ways for `fuzz/` to code that is otherwise private. Each panics where a promise doesn't hold.

pub use crate::imap::fuzz_compression as compression;
pub use crate::pop3::fuzz as pop3_command;
pub use crate::session::fuzz as smtp_session;
