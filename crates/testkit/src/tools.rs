//! Finds the folder that cargo builds into, and in it the programs that `scripts/test` unpacks because Debian's
//! packages of them conflict with others.

use std::path::{Path, PathBuf};

/// Their folder: `SEKISHO_TOOLS`, or else `target/tools` of this checkout.
#[must_use]
pub fn tools() -> PathBuf {
    std::env::var_os("SEKISHO_TOOLS").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/tools"),
        PathBuf::from,
    )
}

/// The folder that cargo builds into.
#[must_use]
pub fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target"),
        PathBuf::from,
    )
}
