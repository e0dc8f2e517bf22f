//! `sekisho backup` and `sekisho restore`.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use sekisho_disk::snapshot;

use crate::config::{Plan, Records};
use crate::folders::{Folders, prepare};
use crate::rooms::Rooms;
use crate::terminal::say;

/// A database of the data folder, and how it is called in a backup.
struct Database {
    file: PathBuf,
    name: &'static str,
}

fn databases(folders: &Folders) -> [Database; 3] {
    let named = |file: &Path, name| Database {
        file: file.to_owned(),
        name,
    };
    [
        named(&folders.records, "records.sqlite"),
        named(&folders.accounts, "accounts.sqlite"),
        named(&folders.queue.join("queue.sqlite"), "queue/queue.sqlite"),
    ]
}

/// Copies everything but the keys into a folder, while the service runs.
pub(super) async fn back_up(plan: &Plan, target: &Path) -> anyhow::Result<()> {
    let folders = Folders::of(&plan.site.data);
    prepare(target)?;
    prepare(&target.join("queue"))?;
    for Database { file, name } in databases(&folders) {
        if file.exists() {
            snapshot(&file, &target.join(name)).with_context(|| format!("copying {name}"))?;
            say(&format!("copied {name}"));
        }
    }
    // Behind the queue's database: what it names is there, or has left meanwhile.
    let letters = copy_letters(&folders.queue, &target.join("queue"))?;
    say(&format!("copied {letters} messages of the queue"));
    let rooms = Rooms::for_command_line(plan).await?;
    if let Ok(own) = rooms.accounts() {
        let listed = own.list().await?;
        let accounts: Vec<_> = listed.into_iter().map(|entry| entry.account).collect();
        super::mail::back_up(&rooms.operator, &accounts, &target.join("mail")).await?;
    }
    if matches!(plan.records, Records::Postgres(_)) {
        say("the records are in PostgreSQL: back it up there, with pg_dump");
    }
    say(&format!(
        "not copied: the keys in {}. Keep a copy of them apart from this one.",
        plan.site.keys.display()
    ));
    Ok(())
}

/// Puts a backup in the place of a data folder that has nothing, and ends what was live in it.
pub(super) async fn restore(plan: &Plan, source: &Path) -> anyhow::Result<()> {
    let site = &plan.site;
    let folders = Folders::of(&site.data);
    let databases = databases(&folders);
    ensure!(
        databases
            .iter()
            .any(|database| source.join(database.name).exists()),
        "{} is no backup: it has none of the databases",
        source.display()
    );
    ensure!(
        site.keys.exists(),
        "{} is missing: put the copy of the keys back first, or no factor can be read",
        site.keys.display()
    );
    let taken = databases.iter().map(|database| &database.file);
    if let Some(file) = taken.chain([&folders.mail]).find(|file| file.exists()) {
        bail!(
            "{} is there already: stop the service and move {} away; nothing was changed",
            file.display(),
            site.data.display()
        );
    }
    prepare(&site.data)?;
    for part in ["queue", "mail"] {
        let from = source.join(part);
        if from.exists() {
            copy_tree(&from, &site.data.join(part))
                .with_context(|| format!("putting {part} back"))?;
        }
    }
    for Database { file, name } in databases {
        let from = source.join(name);
        if from.exists() && !file.exists() {
            copy_file(&from, &file).with_context(|| format!("putting {name} back"))?;
        }
        if from.exists() {
            say(&format!("put {name} back"));
        }
    }
    if matches!(plan.records, Records::File) {
        restored(plan).await?;
    } else {
        say(
            "the records are in PostgreSQL: if you restored them too, run `sekisho records restored`",
        );
    }
    say("restored: start the service");
    Ok(())
}

/// Ends what was live in records that were restored.
pub(super) async fn restored(plan: &Plan) -> anyhow::Result<()> {
    let rooms = Rooms::for_command_line(plan).await?;
    rooms.end_what_was_live().await?;
    say(
        "all sign-ins and grants of then have ended, no code of then counts, and recovery codes have to be made anew",
    );
    Ok(())
}

fn copy_letters(from: &Path, to: &Path) -> anyhow::Result<usize> {
    let is_letter = |path: &Path| path.extension().is_some_and(|kind| kind == "eml");
    for entry in fs::read_dir(to)? {
        let path = entry?.path();
        if is_letter(&path) {
            fs::remove_file(path)?;
        }
    }
    if !from.exists() {
        return Ok(0);
    }
    let mut letters = 0;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        if !is_letter(&entry.path()) {
            continue;
        }
        match copy_file(&entry.path(), &to.join(entry.file_name())) {
            Ok(()) => letters += 1,
            // It has left meanwhile.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(letters)
}

fn copy_tree(from: &Path, to: &Path) -> anyhow::Result<()> {
    prepare(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_tree(&entry.path(), &target)?;
        } else {
            copy_file(&entry.path(), &target)?;
        }
    }
    File::open(to)?.sync_all()?;
    Ok(())
}

/// Copies a file, for its owner alone, and waits until it is on disk.
fn copy_file(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::copy(from, to)?;
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    fs::set_permissions(to, mode)?;
    File::open(to)?.sync_all()
}
