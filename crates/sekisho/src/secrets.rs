//! Files that hold one secret each, such as a password for another server.

use std::path::Path;

use anyhow::Context as _;
use sekisho_checkpoint::Password;
use zeroize::Zeroizing;

/// Reads a file that is kept secret as a whole, such as a private key.
pub(crate) fn text(file: &Path) -> anyhow::Result<Zeroizing<String>> {
    std::fs::read_to_string(file)
        .map(Zeroizing::new)
        .with_context(|| format!("reading {}", file.display()))
}

/// Reads a secret; the ends of lines behind it don't count.
pub(crate) fn read(file: &Path) -> anyhow::Result<Password> {
    let text = text(file)?;
    Ok(Password::new(
        text.trim_end_matches(['\r', '\n']).to_owned(),
    ))
}

/// Reads a secret that may not be empty: anybody can show that.
pub(crate) fn read_some(file: &Path) -> anyhow::Result<Password> {
    let secret = read(file)?;
    anyhow::ensure!(!secret.expose().is_empty(), "{} is empty", file.display());
    Ok(secret)
}
