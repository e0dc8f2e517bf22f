//! Programs that `scripts/test` unpacks, since they can't be installed beside others.

use std::path::{Path, PathBuf};

/// Where they are: where the script says, or where it puts them in this checkout.
#[must_use]
pub fn tools() -> PathBuf {
    std::env::var_os("SEKISHO_TOOLS").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/tools"),
        PathBuf::from,
    )
}
