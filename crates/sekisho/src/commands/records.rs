//! `sekisho records`: moving a site from the file to PostgreSQL.

use anyhow::{Context as _, ensure};
use clap::Subcommand;

use super::say;
use crate::config::Loaded;
use crate::records;
use crate::system::folders;

#[derive(Debug, Subcommand)]
pub(super) enum RecordsCommand {
    /// Copy the records from their file below `data` into the PostgreSQL of `[records]`, which holds none yet. Stop the service first.
    Copy,
    /// Say that PostgreSQL was restored from an old copy: what was live in it ends, and no code that was used since then counts once more. `restore` does this by itself.
    Restored,
}

pub(super) async fn run(loaded: &Loaded, command: RecordsCommand) -> anyhow::Result<()> {
    match command {
        RecordsCommand::Copy => copy(loaded).await,
        RecordsCommand::Restored => super::backup::restored(loaded).await,
    }
}

async fn copy(loaded: &Loaded) -> anyhow::Result<()> {
    let settings = records::settings(&loaded.config.records)?;
    let settings = settings.context("[records] has no `postgres`: say where to copy to")?;
    let file = folders(&loaded.config.site.data).records;
    ensure!(
        file.exists(),
        "{} is missing: there is nothing to copy",
        file.display()
    );
    let mut rows = 0;
    sekisho_records::copy(&file, settings, |copied| {
        rows += copied.rows;
        say(&format!("{:>9} {}", copied.rows, copied.table));
    })
    .await
    .context("nothing was copied")?;
    say(&format!(
        "{rows} rows were copied and compared. Start the service: it uses PostgreSQL from now on. {} stays as it is; keep it until all is well, then remove it.",
        file.display()
    ));
    Ok(())
}
