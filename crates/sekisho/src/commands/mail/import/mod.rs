//! `sekisho mail import`: an account's mail from elsewhere.
//!
//! A message is recognised by its arrival and the header fields of [`MessageKey`]. Those that the account's folder has
//! already are skipped, as often as it has them. So an import that was cut short goes on where it stopped, and one that
//! is repeated adds what is new.

mod files;
mod here;
mod imap;
mod mbox;
mod source;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::Args;
use sekisho_checkpoint::Account;
use sekisho_store::{Flags, Folder, FolderName, Limits, Mailbox, NewMessage, StoreError};

use crate::terminal::{progress, say};
use source::{MessageKey, Source, SourceFolder, SourceMessage, as_kept};

/// How many messages are added at once, with one wait for the disk.
const AT_ONCE: usize = 200;
/// How many bytes of messages are added at once.
const BYTES_AT_ONCE: u64 = 8 << 20;

/// From where, and what of it.
#[derive(Debug, Args)]
pub(in super::super) struct ImportArguments {
    /// The login name of the account that gets the mail.
    login: String,
    /// `imaps://HOST[:PORT]`, `imap://HOST[:PORT]` (with STARTTLS), a Maildir, an mbox file, or a folder of `sekisho
    /// mail backup`.
    source: String,
    /// The user name at the IMAP server, if it is another; its password is asked for, or read from standard input.
    #[arg(long)]
    user: Option<String>,
    /// A PEM file with the certificate authority of the IMAP server, if the system does not know it.
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// Put all of it below this folder, what is in the INBOX there into the folder itself.
    #[arg(long, value_name = "FOLDER")]
    into: Option<String>,
    /// Only say what would come.
    #[arg(long)]
    dry_run: bool,
}

impl ImportArguments {
    pub(super) fn login(&self) -> &str {
        &self.login
    }
}

/// What became of a folder's messages.
#[derive(Debug, Default, Clone, Copy)]
struct Count {
    new: u64,
    known: u64,
    too_large: u64,
}

pub(super) async fn run(
    mailbox: &Mailbox,
    account: &Account,
    limits: Limits,
    wanted: ImportArguments,
) -> anyhow::Result<ExitCode> {
    let into = wanted
        .into
        .as_deref()
        .map(|name| FolderName::parse(name).with_context(|| format!("{name:?} is no folder name")));
    let into = into.transpose()?;
    let mut source = open(&wanted, account, limits).await?;
    let mut sum = Count::default();
    for (at, folder) in source.folders().into_iter().enumerate() {
        let target = target(mailbox, &folder, into.as_ref()).await?;
        let mut work = Work {
            mailbox,
            limits,
            dry_run: wanted.dry_run,
            target,
            source: &mut *source,
        };
        let count = work.folder(at).await;
        progress(0, 0, "");
        let count = count.with_context(|| {
            format!(
                "importing {}; run the command again, it goes on there",
                folder.name
            )
        })?;
        sum.new += count.new;
        sum.known += count.known;
        sum.too_large += count.too_large;
    }
    let come = if wanted.dry_run { "would come" } else { "came" };
    let Count {
        new,
        known,
        too_large,
    } = sum;
    say(&format!(
        "{new} messages {come}, {known} were there already"
    ));
    if too_large > 0 {
        let most = limits.message_size;
        bail!(
            "{too_large} messages are larger than {most} bytes ([lmtp] max_message) and stay behind"
        );
    }
    Ok(ExitCode::SUCCESS)
}

async fn open(
    wanted: &ImportArguments,
    account: &Account,
    limits: Limits,
) -> anyhow::Result<Box<dyn Source>> {
    let text = wanted.source.as_str();
    if text.starts_with("imap://") || text.starts_with("imaps://") {
        let server = imap::Server::parse(text, wanted.user.as_deref(), wanted.ca.clone())?;
        return Ok(Box::new(imap::open(server, &account.login).await?));
    }
    let path = Path::new(text);
    if path.is_file() {
        return Ok(Box::new(mbox::open(path)?));
    }
    if path
        .join(account.id.get().to_string())
        .join("index.db")
        .is_file()
    {
        return Ok(Box::new(here::open(path, account.id, limits).await?));
    }
    if let Some(maildir) = files::open(path)? {
        return Ok(Box::new(maildir));
    }
    bail!(
        "{text} is no imap:// or imaps:// address, no mbox file, no Maildir (a folder with `cur` in it or below), \
         and no backup that has account {}",
        account.id
    )
}

/// The folder of the account for one of the source; made if it is missing.
async fn target(
    mailbox: &Mailbox,
    folder: &SourceFolder,
    into: Option<&FolderName>,
) -> anyhow::Result<Target> {
    let name = match into {
        Some(into) if folder.name.is_inbox() => into.clone(),
        Some(into) => FolderName::parse(&format!("{into}/{}", folder.name))?,
        None => folder.name.clone(),
    };
    let known = mailbox.folders().await?;
    let special = folder.special.filter(|_| into.is_none());
    let same_use = special.and_then(|special| {
        let mut known = known.iter();
        known.find(|one| one.special_use == Some(special))
    });
    let same_name = known.iter().find(|one| one.name == name);
    Ok(Target {
        folder: same_use.or(same_name).cloned(),
        name,
    })
}

/// Where a folder's messages go.
struct Target {
    /// `None` as long as it has to be made.
    folder: Option<Folder>,
    name: FolderName,
}

/// One folder's import.
struct Work<'a> {
    mailbox: &'a Mailbox,
    limits: Limits,
    dry_run: bool,
    target: Target,
    source: &'a mut dyn Source,
}

impl Work<'_> {
    async fn folder(&mut self, at: usize) -> anyhow::Result<Count> {
        let name = self.target.name.to_string();
        progress(0, 0, &format!("{name}: looking what is there"));
        let listed = self.source.list(at).await?;
        let mut there = self.there().await?;
        let mut count = Count::default();
        let mut batch = Vec::new();
        let mut bytes = 0;
        for (place, message) in listed.iter().enumerate() {
            let known = there.get_mut(&message.key).filter(|left| **left > 0);
            if let Some(left) = known {
                *left -= 1;
                count.known += 1;
                continue;
            }
            if message.size > self.limits.message_size {
                count.too_large += 1;
                continue;
            }
            batch.push(place);
            bytes += message.size;
            if batch.len() == AT_ONCE || bytes >= BYTES_AT_ONCE {
                self.add(&listed, &mut batch, &mut count).await?;
                bytes = 0;
                progress(place, listed.len(), &name);
            }
        }
        self.add(&listed, &mut batch, &mut count).await?;
        Ok(count)
    }

    /// How many messages of each key the account's folder has.
    async fn there(&self) -> anyhow::Result<HashMap<MessageKey, u64>> {
        let mut there = HashMap::new();
        if let Some(folder) = &self.target.folder {
            for message in here::list(self.mailbox, folder.id).await? {
                *there.entry(message.key).or_insert(0) += 1;
            }
        }
        Ok(there)
    }

    async fn add(
        &mut self,
        listed: &[SourceMessage],
        batch: &mut Vec<usize>,
        count: &mut Count,
    ) -> anyhow::Result<()> {
        let batch = std::mem::take(batch);
        if self.dry_run {
            count.new += batch.len() as u64;
            return Ok(());
        }
        if batch.is_empty() && self.target.folder.is_some() {
            return Ok(());
        }
        let contents = self.source.read(&batch).await?;
        let mut messages = Vec::with_capacity(batch.len());
        for (place, content) in batch.into_iter().zip(contents) {
            let Some(content) = content else { continue };
            let bytes = as_kept(&content);
            if bytes.len() as u64 > self.limits.message_size {
                count.too_large += 1;
                continue;
            }
            let flags = listed[place].flags.iter().take(Flags::MAX_KEYWORDS);
            messages.push(NewMessage {
                bytes,
                internal_date: listed[place].key.arrived(),
                flags: Flags::new(flags)?,
            });
        }
        let folder = self.made().await?;
        if !messages.is_empty() {
            let added = messages.len() as u64;
            match self.mailbox.append_to(&folder, messages, None).await {
                Ok(_) => count.new += added,
                Err(StoreError::OverQuota) => {
                    bail!("the account's quota is used up ([mail] quota_bytes, quota_messages)")
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// The folder's name, once it is there.
    async fn made(&mut self) -> anyhow::Result<FolderName> {
        if let Some(folder) = &self.target.folder {
            return Ok(folder.name.clone());
        }
        let name = &self.target.name;
        let folder = self.mailbox.create_folder(name).await;
        let folder = folder.with_context(|| format!("making the folder {name}"))?;
        self.mailbox.subscribe(name, true).await?;
        let name = folder.name.clone();
        self.target.folder = Some(folder);
        Ok(name)
    }
}
