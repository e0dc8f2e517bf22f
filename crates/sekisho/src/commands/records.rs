//! `sekisho records`: moving a site from the file to PostgreSQL.

use anyhow::{Context as _, bail, ensure};
use clap::Subcommand;

use crate::config::{Plan, Records};
use crate::folders::Folders;
use crate::terminal::say;

#[derive(Debug, Subcommand)]
pub(super) enum RecordsCommand {
    /// Copy the records from their file below `data` into the PostgreSQL of `[records]`, which holds none yet. Stop the
    /// service first.
    Copy,
    /// Say that PostgreSQL was restored from an old copy: what was live in it ends, and no code that was used since
    /// then counts once more. `restore` does this by itself.
    Restored,
}

pub(super) async fn run(plan: &Plan, command: RecordsCommand) -> anyhow::Result<()> {
    match command {
        RecordsCommand::Copy => copy(plan).await,
        RecordsCommand::Restored => super::backup::restored(plan).await,
    }
}

async fn copy(plan: &Plan) -> anyhow::Result<()> {
    let Records::Postgres(postgres) = &plan.records else {
        bail!("[records] has no `postgres`: say where to copy to");
    };
    let settings = postgres.settings()?;
    let file = Folders::of(&plan.site.data).records;
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
        "{rows} rows were copied and compared. Start the service: it uses PostgreSQL from now on. {} stays as it is; \
         keep it until all is well, then remove it.",
        file.display()
    ));
    Ok(())
}
