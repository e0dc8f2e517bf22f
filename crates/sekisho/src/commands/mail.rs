//! `sekisho mail`.

use std::fs::{self, File};
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::{Context, ensure};
use clap::Subcommand;
use sekisho_checkpoint::Account;
use sekisho_disk::RealDisk;
use sekisho_mailroom::store::{FolderName, Limits, Mailbox, Operator, Store};

use super::account::find;
use super::say;
use crate::clock::WallClock;
use crate::config::Loaded;
use crate::system::{Desk, folders};

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
    /// Copy all accounts' mail into a folder, or bring a copy there up to date, while the service runs.
    Backup {
        /// The folder; made if it is missing. A second run copies only what is new.
        folder: PathBuf,
    },
    /// Write an account's mail as a Maildir++ that Dovecot, mutt and others read.
    Export {
        /// The login name.
        login: String,
        /// The folder; it must not exist yet.
        folder: PathBuf,
    },
}

pub(super) async fn run(loaded: &Loaded, command: MailCommand) -> anyhow::Result<ExitCode> {
    let desk = Desk::open(loaded).await?;
    let (_, operator) = Store::open_root(
        &folders(&loaded.config.site.data).mail,
        Arc::new(RealDisk),
        Arc::new(WallClock),
        Limits::default(),
    )?;
    match command {
        MailCommand::Check {
            logins,
            deep,
            repair,
        } => {
            let accounts = chosen(&desk, &logins).await?;
            check(&operator, &accounts, deep, repair).await
        }
        MailCommand::Backup { folder } => {
            let accounts = chosen(&desk, &[]).await?;
            back_up(&operator, &accounts, &folder).await?;
            Ok(ExitCode::SUCCESS)
        }
        MailCommand::Export { login, folder } => {
            let account = find(&desk.accounts, &login).await?;
            let mailbox = operator.open(account.id).await?;
            export(&mailbox, &login, &folder).await?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

async fn chosen(desk: &Desk, logins: &[String]) -> anyhow::Result<Vec<Account>> {
    if logins.is_empty() {
        let all = desk.accounts.list().await?;
        return Ok(all.into_iter().map(|entry| entry.account).collect());
    }
    let mut accounts = Vec::with_capacity(logins.len());
    for login in logins {
        accounts.push(find(&desk.accounts, login).await?);
    }
    Ok(accounts)
}

async fn check(
    operator: &Operator,
    accounts: &[Account],
    deep: bool,
    repair: bool,
) -> anyhow::Result<ExitCode> {
    let mut wrong = 0;
    for (number, account) in accounts.iter().enumerate() {
        progress(number, accounts.len(), &account.login.to_string());
        let login = &account.login;
        let report = match operator.check(account.id, deep, repair).await {
            Ok(report) => report,
            Err(error) => {
                wrong += 1;
                say(&format!("{login}: {error}"));
                say(&format!(
                    "    stop the service, move index.db out of the folder of account {}, and check again: the index is made anew from the message files",
                    account.id.get()
                ));
                continue;
            }
        };
        for fault in &report.faults {
            let mended = report
                .repaired
                .iter()
                .any(|repaired| fault.starts_with(repaired.as_str()));
            wrong += usize::from(!mended);
            let end = if mended { " (repaired)" } else { "" };
            say(&format!("{login}: {fault}{end}"));
        }
        if report.faults.is_empty() {
            let (messages, bytes) = (report.messages, report.bytes);
            say(&format!(
                "{login}: {messages} messages, {bytes} bytes, whole"
            ));
        }
    }
    progress(accounts.len(), accounts.len(), "");
    if wrong == 0 {
        return Ok(ExitCode::SUCCESS);
    }
    if !repair {
        say(
            "counters are set right by --repair; messages that can't be read come back from a backup",
        );
    }
    Ok(ExitCode::FAILURE)
}

async fn back_up(operator: &Operator, accounts: &[Account], folder: &Path) -> anyhow::Result<()> {
    let (mut messages, mut bytes) = (0, 0);
    for (number, account) in accounts.iter().enumerate() {
        progress(number, accounts.len(), &account.login.to_string());
        let target = folder.join(account.id.get().to_string());
        let copied = operator.back_up(account.id, &target).await;
        let copied = copied.with_context(|| format!("copying the mail of {}", account.login))?;
        messages += copied.messages;
        bytes += copied.bytes;
    }
    progress(accounts.len(), accounts.len(), "");
    let count = accounts.len();
    say(&format!(
        "{count} accounts, {messages} messages; {bytes} bytes were new to the copy"
    ));
    Ok(())
}

/// Writes a Maildir++: the INBOX is the folder itself, others lie beside its `cur` as `.Name.Below`, in modified UTF-7 with `.` as `&AC4-`. Lines end with LF.
/// Flags are in the file names, keywords by the letters that `dovecot-keywords` lists, and the internal date is the file's.
async fn export(mailbox: &Mailbox, login: &str, target: &Path) -> anyhow::Result<()> {
    ensure!(
        !target.exists(),
        "{} exists; give a folder that does not",
        target.display()
    );
    let mut count = 0;
    let mut subscriptions = String::new();
    for folder in mailbox.folders().await? {
        let name = maildir_name(&folder.name);
        let place = if folder.name.is_inbox() {
            target.to_owned()
        } else {
            target.join(&name)
        };
        for part in ["cur", "new", "tmp"] {
            fs::create_dir_all(place.join(part))?;
        }
        if !folder.name.is_inbox() {
            fs::write(place.join("maildirfolder"), "")?;
            if folder.subscribed {
                subscriptions.push_str(name.trim_start_matches('.'));
                subscriptions.push('\n');
            }
        }
        let mut keywords: Vec<String> = Vec::new();
        for state in mailbox.snapshot(folder.id).await?.messages.iter() {
            let bytes = mailbox.content(folder.id, state.uid).await?.read().await?;
            let bytes = with_bare_lines(&bytes);
            let mut letters = String::new();
            for (flag, letter) in [
                ("\\Draft", 'D'),
                ("\\Flagged", 'F'),
                ("\\Answered", 'R'),
                ("\\Seen", 'S'),
                ("\\Deleted", 'T'),
            ] {
                if state.flags.iter().any(|known| known.as_str() == flag) {
                    letters.push(letter);
                }
            }
            for keyword in state.flags.keywords() {
                let known = keywords.iter().position(|k| k == keyword.as_str());
                let at = known.unwrap_or_else(|| {
                    keywords.push(keyword.as_str().to_owned());
                    keywords.len() - 1
                });
                // The format has 26 letters; what is beyond has none.
                letters.extend(
                    u8::try_from(at)
                        .ok()
                        .filter(|at| *at < 26)
                        .map(|at| char::from(b'a' + at)),
                );
            }
            let seconds = state.internal_date.as_second();
            let file = format!(
                "{seconds}.U{}V{}.sekisho,S={}:2,{letters}",
                state.uid,
                folder.uid_validity,
                bytes.len()
            );
            let file = File::create_new(place.join("cur").join(file))?;
            (&file).write_all(&bytes)?;
            let since_1970 = Duration::from_secs(u64::try_from(seconds).unwrap_or(0));
            file.set_modified(SystemTime::UNIX_EPOCH + since_1970)?;
            count += 1;
            if count % 500 == 0 {
                progress(count, 0, folder.name.as_str());
            }
        }
        let listed: String = keywords
            .iter()
            .take(26)
            .enumerate()
            .map(|(at, keyword)| format!("{at} {keyword}\n"))
            .collect();
        if !listed.is_empty() {
            fs::write(place.join("dovecot-keywords"), listed)?;
        }
    }
    fs::write(target.join("subscriptions"), subscriptions)?;
    progress(count, count, "");
    say(&format!(
        "{count} messages of {login} are in {}",
        target.display()
    ));
    Ok(())
}

fn maildir_name(name: &FolderName) -> String {
    let levels = name.as_str().split(FolderName::SEPARATOR);
    levels.fold(String::new(), |mut whole, level| {
        whole.push('.');
        whole.push_str(&FolderName::wire(level).replace('.', "&AC4-"));
        whole
    })
}

fn with_bare_lines(bytes: &[u8]) -> Vec<u8> {
    let mut lines = Vec::with_capacity(bytes.len());
    for (at, &byte) in bytes.iter().enumerate() {
        if byte != b'\r' || bytes.get(at + 1) != Some(&b'\n') {
            lines.push(byte);
        }
    }
    lines
}

/// Says how far the work is, where somebody watches.
fn progress(done: usize, of: usize, what: &str) {
    let mut stderr = std::io::stderr();
    if !stderr.is_terminal() {
        return;
    }
    let line = match of {
        _ if what.is_empty() => String::new(),
        0 => format!("{done} messages, {what}"),
        of => format!("{} of {of}, {what}", done + 1),
    };
    // Whether it is seen matters to nobody.
    let _ = write!(stderr, "\r\x1b[K{line}");
    let _ = stderr.flush();
}
