//! Ways for `fuzz/` to what is nobody else's. Each panics where something is not as it has to be.

pub use crate::imap::fuzz_compression as compression;
pub use crate::pop3::fuzz as pop3_command;
pub use crate::session::fuzz as smtp_session;
