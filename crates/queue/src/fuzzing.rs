//! Ways for `fuzz/` to what is nobody else's. Each panics where something is not as it has to be.

pub use crate::dkim::fuzz as signature;
