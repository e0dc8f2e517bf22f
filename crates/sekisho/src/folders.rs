//! Where everything is kept, below the data folder.

use std::path::{Path, PathBuf};

use anyhow::Context as _;

/// The files and folders of a data folder.
#[derive(Debug, Clone)]
pub(crate) struct Folders {
    /// The checkpoint's records.
    pub(crate) records: PathBuf,
    /// Own accounts.
    pub(crate) accounts: PathBuf,
    /// The accounts' mail.
    pub(crate) mail: PathBuf,
    /// Mail that waits to leave.
    pub(crate) queue: PathBuf,
    /// The self-signed certificate.
    pub(crate) tls: PathBuf,
}

impl Folders {
    /// Names what is kept in a data folder.
    #[must_use]
    pub(crate) fn of(data: &Path) -> Self {
        Self {
            records: data.join("records.sqlite"),
            accounts: data.join("accounts.sqlite"),
            mail: data.join("mail"),
            queue: data.join("queue"),
            tls: data.join("tls"),
        }
    }
}

/// Makes a folder, for its owner alone, if it is missing.
///
/// # Errors
/// It can't be made.
pub(crate) fn prepare(folder: &Path) -> anyhow::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .with_context(|| format!("making the data folder {}", folder.display()))
}
