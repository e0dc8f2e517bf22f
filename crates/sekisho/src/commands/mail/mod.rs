//! `sekisho mail`.

mod export;
mod filter;
mod import;
mod keep;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Subcommand, ValueEnum};
use sekisho_checkpoint::Account;

use super::account::find;
use crate::config::Plan;
use crate::rooms::Rooms;
pub(super) use keep::back_up;

#[derive(Debug, Subcommand)]
pub(super) enum MailCommand {
    /// Check whether accounts' mail is whole; fails if something is wrong.
    Check {
        /// Their login names; all accounts if none is given.
        logins: Vec<String>,
        /// Also read every message and hold it against its checksum.
        #[arg(long)]
        deep: bool,
        /// Set wrong counters right.
        #[arg(long)]
        repair: bool,
    },
    /// Give back the room of all messages that were deleted, so that nothing of them is left in the message files. (The
    /// service does it by itself where half of a file is of such.)
    Compact {
        /// The login names; all accounts if none is given.
        logins: Vec<String>,
    },
    /// Copy all accounts' mail into a folder, or bring a copy there up to date, while the service runs.
    Backup {
        /// The folder; made if it is missing. A second run copies only what is new.
        folder: PathBuf,
    },
    /// Write an account's mail as files that other programs read.
    Export {
        /// The login name.
        login: String,
        /// The folder; it must not exist yet.
        folder: PathBuf,
        /// `maildir` (Maildir++) or `mbox` (a file for each folder).
        #[arg(long, value_enum, default_value = "maildir")]
        format: Format,
    },
    /// Bring an account's mail here from an IMAP server, a Maildir, an mbox file or a backup; what is here already is
    /// passed over.
    Import(import::ImportArguments),
    /// Show how an account's mail is filed, forwarded and answered, as TOML; or set it.
    Filter {
        /// The login name.
        login: String,
        /// Set it from this file (`-` is standard input), in the form in which it is shown.
        #[arg(long, value_name = "FILE", conflicts_with = "clear")]
        set: Option<PathBuf>,
        /// Take it away.
        #[arg(long)]
        clear: bool,
    },
}

/// In which form mail is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    Maildir,
    Mbox,
}

pub(super) async fn run(plan: &Plan, command: MailCommand) -> anyhow::Result<ExitCode> {
    let rooms = Rooms::for_command_line(plan).await?;
    let operator = &rooms.operator;
    match command {
        MailCommand::Check {
            logins,
            deep,
            repair,
        } => {
            let accounts = chosen(&rooms, &logins).await?;
            keep::check(operator, &accounts, deep, repair).await
        }
        MailCommand::Compact { logins } => {
            let accounts = chosen(&rooms, &logins).await?;
            keep::compact(operator, &accounts).await
        }
        MailCommand::Backup { folder } => {
            let accounts = chosen(&rooms, &[]).await?;
            back_up(operator, &accounts, &folder).await?;
            Ok(ExitCode::SUCCESS)
        }
        MailCommand::Export {
            login,
            folder,
            format,
        } => {
            let account = find(rooms.directory.as_ref(), &login).await?;
            let mailbox = operator.open(account.id).await?;
            match format {
                Format::Maildir => export::maildir(&mailbox, &login, &folder).await?,
                Format::Mbox => export::mbox(&mailbox, &login, &folder).await?,
            }
            Ok(ExitCode::SUCCESS)
        }
        MailCommand::Import(wanted) => {
            let account = find(rooms.directory.as_ref(), wanted.login()).await?;
            let mailbox = operator.open(account.id).await?;
            import::run(&mailbox, &account, rooms.limits, wanted).await
        }
        MailCommand::Filter { login, set, clear } => {
            let account = find(rooms.directory.as_ref(), &login).await?;
            let mailbox = operator.open(account.id).await?;
            match set {
                Some(file) => filter::set(&mailbox, &login, &file, plan).await?,
                None if clear => filter::clear(&mailbox, &login).await?,
                None => filter::show(&mailbox, &login).await?,
            }
            Ok(ExitCode::SUCCESS)
        }
    }
}

async fn chosen(rooms: &Rooms, logins: &[String]) -> anyhow::Result<Vec<Account>> {
    if logins.is_empty() {
        let all = rooms.accounts()?.list().await?;
        return Ok(all.into_iter().map(|entry| entry.account).collect());
    }
    let mut accounts = Vec::with_capacity(logins.len());
    for login in logins {
        accounts.push(find(rooms.directory.as_ref(), login).await?);
    }
    Ok(accounts)
}
