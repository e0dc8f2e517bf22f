//! Ways for `fuzz/` to code that is otherwise private. Each panics where a promise doesn't hold.

pub use crate::dkim::fuzz as signature;
