//! `sekisho account`.

use std::path::PathBuf;

use anyhow::{Context, bail, ensure};
use clap::Subcommand;
use sekisho_checkpoint::Account;
use sekisho_checkpoint::account::{Group, LoginName};
use sekisho_checkpoint::address::MailAddress;
use sekisho_checkpoint::audit::EventKind;
use sekisho_checkpoint::factor::FactorKind;
use sekisho_checkpoint::ports::Directory;
use sekisho_directory::{NewAccount, OwnAccounts};

use super::prompt;
use crate::config::Plan;
use crate::rooms::Rooms;
use crate::terminal::{in_zone, say};

#[derive(Debug, Subcommand)]
pub(super) enum AccountCommand {
    /// Add an account; the password is asked for, or read from standard input.
    Add {
        /// The login name.
        login: String,
        /// Its addresses; LOGIN@ the first own domain if none is given.
        #[arg(long = "address", value_name = "ADDRESS")]
        addresses: Vec<String>,
        /// The person's or role's name.
        #[arg(long, default_value = "")]
        name: String,
        /// Its groups.
        #[arg(long = "group", value_name = "GROUP")]
        groups: Vec<String>,
        /// The last day, or the instant, of the account.
        #[arg(long, value_name = "DATE")]
        ends: Option<String>,
    },
    /// List the accounts.
    List,
    /// Set a new password; ends everything that the old one opened.
    Passwd {
        /// The login name.
        login: String,
    },
    /// Disable an account; ends its sessions and connections.
    Disable {
        /// The login name.
        login: String,
        /// Why, for the audit table.
        #[arg(long, default_value = "")]
        reason: String,
    },
    /// Enable a disabled account.
    Enable {
        /// The login name.
        login: String,
    },
    /// Delete an account; its id is never given again. Its mail is kept.
    Delete {
        /// The login name.
        login: String,
        /// Really do it.
        #[arg(long)]
        yes: bool,
    },
    /// Give an account another login name; id, mail and factors stay.
    Rename {
        /// The login name.
        login: String,
        /// The new one.
        new: String,
    },
    /// Add or remove an address.
    Address {
        /// The login name.
        login: String,
        /// `add` or `remove`.
        #[arg(value_parser = ["add", "remove"])]
        what: String,
        /// The address.
        address: String,
    },
    /// Show addresses whose mail goes to several accounts, or let accounts share one.
    Shared {
        /// The address, such as office@example.ac.jp; all of them are listed if none is given.
        #[arg(requires = "what")]
        address: Option<String>,
        /// `add` or `remove`.
        #[arg(value_parser = ["add", "remove"], requires = "logins")]
        what: Option<String>,
        /// The login names.
        logins: Vec<String>,
    },
    /// Show how MFA stands for an account, or turn it on or off.
    Mfa {
        /// The login name.
        login: String,
        /// `on`, `off`, or nothing to show.
        #[arg(value_parser = ["on", "off"])]
        set: Option<String>,
        /// Why, for the audit table.
        #[arg(long, default_value = "")]
        reason: String,
    },
    /// Take all factors of an account away; prints the one-time code that the next registration needs.
    ResetMfa {
        /// The login name.
        login: String,
        /// Why, for the audit table and the person's notice.
        #[arg(long)]
        reason: String,
    },
    /// Print a one-time code for a first registration, where the site demands one.
    EnrolmentCode {
        /// The login name.
        login: String,
        /// Why, for the audit table.
        #[arg(long, default_value = "")]
        reason: String,
    },
    /// Enable a kind of factor that too many failures disabled.
    EnableFactor {
        /// The login name.
        login: String,
        /// `otp-app`, `external-mail` or `recovery-code`.
        #[arg(value_parser = ["otp-app", "external-mail", "recovery-code"])]
        kind: String,
    },
    /// Add accounts from a CSV file: login,name,addresses,groups,password_hash,ends. All or nothing.
    Import {
        /// The file.
        file: PathBuf,
        /// Only say what would happen.
        #[arg(long)]
        dry_run: bool,
    },
}

pub(super) async fn run(plan: &Plan, command: AccountCommand) -> anyhow::Result<()> {
    let rooms = Rooms::for_command_line(plan).await?;
    let directory = rooms.directory.as_ref();
    match command {
        AccountCommand::Add {
            login,
            addresses,
            name,
            groups,
            ends,
        } => {
            let accounts = rooms.accounts()?;
            let new = NewAccount {
                addresses: addresses_of(plan, &login, &addresses)?,
                ends_at: ends.map(|e| accounts.parse_end(&e)).transpose()?,
                display_name: name,
                groups: groups.into_iter().map(Group).collect(),
                password: if plan.accounts.passwords_are_upstream() {
                    None
                } else {
                    Some(prompt::new_password()?)
                },
                login: login.clone(),
            };
            let id = accounts.add(new).await?;
            say(&format!("added {login} (account {id})"));
        }
        AccountCommand::List => list(rooms.accounts()?, plan).await?,
        AccountCommand::Passwd { login } => {
            ensure!(
                !plan.accounts.passwords_are_upstream(),
                "the upstream has the passwords ([accounts] passwords): change it there, then `sekisho grant end \
                 {login}` closes what is open"
            );
            let account = find(directory, &login).await?;
            rooms
                .accounts()?
                .change_password(account.id, &prompt::new_password()?)
                .await?;
            let reason = "set at the command line";
            rooms
                .checkpoint
                .desk_end_everything(&account, EventKind::PasswordChanged, reason)
                .await?;
            say(&format!(
                "{login} has a new password; everything that was open is closed"
            ));
        }
        AccountCommand::Disable { login, reason } => {
            let account = find(directory, &login).await?;
            rooms.accounts()?.set_disabled(account.id, true).await?;
            rooms
                .checkpoint
                .desk_end_everything(&account, EventKind::AccountDisabled, &reason)
                .await?;
            say(&format!(
                "{login} is disabled; its sessions and connections are closed"
            ));
        }
        AccountCommand::Enable { login } => {
            let account = find(directory, &login).await?;
            rooms.accounts()?.set_disabled(account.id, false).await?;
            say(&format!("{login} is enabled"));
        }
        AccountCommand::Delete { login, yes } => {
            let account = find(directory, &login).await?;
            if !yes {
                bail!(
                    "{login} would be deleted for good; say --yes to do it, or use `account disable`"
                );
            }
            rooms
                .checkpoint
                .desk_end_everything(&account, EventKind::AccountDisabled, "deleted")
                .await?;
            rooms.accounts()?.delete(account.id).await?;
            say(&format!(
                "{login} is deleted; its mail stays in the folder of account {}",
                account.id
            ));
        }
        AccountCommand::Rename { login, new } => {
            let account = find(directory, &login).await?;
            rooms.accounts()?.rename(account.id, &new).await?;
            say(&format!("{login} is {new} now"));
        }
        AccountCommand::Address {
            login,
            what,
            address,
        } => {
            let account = find(directory, &login).await?;
            let address = MailAddress::parse(&address)?;
            if what == "add" {
                rooms.accounts()?.add_address(account.id, address).await?;
            } else {
                rooms
                    .accounts()?
                    .remove_address(account.id, &address)
                    .await?;
            }
            say("done");
        }
        AccountCommand::Shared {
            address,
            what,
            logins,
        } => match address {
            Some(address) => {
                let address = MailAddress::parse(&address)?;
                let add = what.as_deref() == Some("add");
                share(rooms.accounts()?, &address, add, &logins).await?;
            }
            None => {
                let shared = rooms.accounts()?.shared().await?;
                if shared.is_empty() {
                    say("no address is shared");
                }
                for (address, logins) in shared {
                    say(&format!("{address:<40} {}", logins.join(" ")));
                }
            }
        },
        AccountCommand::Mfa { login, set, reason } => {
            let account = find(directory, &login).await?;
            match set {
                Some(set) => {
                    rooms
                        .checkpoint
                        .desk_set_mfa(&account, set == "on", &reason)
                        .await?;
                    say(&format!("multi-factor authentication of {login} is {set}"));
                }
                None => show_mfa(&rooms, &account).await?,
            }
        }
        AccountCommand::ResetMfa { login, reason } => {
            let account = find(directory, &login).await?;
            let code = rooms
                .checkpoint
                .desk_reset_factors(&account, &reason)
                .await?;
            say(&format!(
                "all factors of {login} are removed, everything that was open is closed.\n\
                 One-time code for the next registration: {}\n{}",
                code.grouped(),
                until(&rooms)
            ));
        }
        AccountCommand::EnrolmentCode { login, reason } => {
            let account = find(directory, &login).await?;
            let code = rooms
                .checkpoint
                .desk_enrolment_code(&account, &reason)
                .await?;
            say(&format!(
                "one-time code for {login}'s registration: {}\n{}",
                code.grouped(),
                until(&rooms)
            ));
        }
        AccountCommand::EnableFactor { login, kind } => {
            let account = find(directory, &login).await?;
            let kind = FactorKind::parse(&kind).context("a kind of factor")?;
            rooms
                .checkpoint
                .desk_enable_kind(&account, kind, "at the command line")
                .await?;
            say("done");
        }
        AccountCommand::Import { file, dry_run } => {
            import(rooms.accounts()?, &file, dry_run).await?
        }
    }
    Ok(())
}

async fn list(accounts: &OwnAccounts, plan: &Plan) -> anyhow::Result<()> {
    let zone = &plan.site.zone;
    let is_upstream = plan.accounts.passwords_are_upstream();
    let listed = accounts.list().await?;
    if listed.is_empty() {
        say("no accounts yet: add one with `sekisho account add LOGIN`");
    }
    for entry in listed {
        let account = &entry.account;
        let addresses: Vec<_> = account.addresses.iter().map(ToString::to_string).collect();
        let mut notes = Vec::new();
        if entry.disabled {
            notes.push("disabled".to_owned());
        }
        if let Some(end) = entry.ends_at {
            notes.push(format!("ends {}", in_zone(end, zone)));
        }
        if !entry.has_password && !is_upstream {
            notes.push("no password".to_owned());
        }
        say(&format!(
            "{:>6}  {:<20} {:<40} {}",
            account.id.get(),
            account.login,
            addresses.join(" "),
            notes.join(", ")
        ));
    }
    Ok(())
}

async fn share(
    accounts: &OwnAccounts,
    address: &MailAddress,
    add: bool,
    logins: &[String],
) -> anyhow::Result<()> {
    // All names are looked at before anything is changed.
    let mut found = Vec::with_capacity(logins.len());
    for login in logins {
        found.push(find(accounts, login).await?);
    }
    for account in found {
        let done = if add {
            accounts.share(address, account.id).await
        } else {
            accounts.unshare(address, account.id).await
        };
        done.with_context(|| account.login.clone())?;
    }
    let shared = accounts.shared().await?;
    let left = shared.iter().find(|(known, _)| *known == address.folded());
    say(&match left {
        Some((address, logins)) => format!("{address} goes to {}", logins.join(" ")),
        None => format!("{address} goes to nobody now"),
    });
    Ok(())
}

/// Until when a code that is given out now can be used.
fn until(rooms: &Rooms) -> String {
    let end = rooms.checkpoint.now() + rooms.checkpoint.site().policy.enrolment_code;
    format!(
        "It can be used once, until {}.",
        in_zone(end, &rooms.plan.site.zone)
    )
}

async fn show_mfa(rooms: &Rooms, account: &Account) -> anyhow::Result<()> {
    let (standing, grants) = rooms.checkpoint.desk_standing(account.id).await?;
    let site = rooms.checkpoint.site();
    let required = site
        .policy
        .requires_mfa(&account.groups, rooms.checkpoint.now());
    let state = match (required, standing.mfa_on) {
        (true, _) => "required by the site",
        (false, true) => "on; the site does not require it",
        (false, false) => "off",
    };
    say(&format!("multi-factor authentication: {state}"));
    for kind in FactorKind::ALL {
        let count = match kind {
            FactorKind::RecoveryCode => standing.recovery_codes.map_or(0, |c| c.left as usize),
            FactorKind::OtpApp | FactorKind::ExternalMail => standing.of_kind(kind).count(),
        };
        let disabled = if standing.kind(kind).disabled {
            ", disabled after too many failures"
        } else {
            ""
        };
        say(&format!("{}: {count} registered{disabled}", kind.as_str()));
    }
    say(&format!("live grants: {}", grants.len()));
    Ok(())
}

async fn import(
    accounts: &OwnAccounts,
    path: &std::path::Path,
    dry_run: bool,
) -> anyhow::Result<()> {
    let file = std::fs::File::open(path).with_context(|| format!("opening {}", path.display()))?;
    let report = accounts.import_csv(file, dry_run).await?;
    let mut problems = 0;
    for (line, problem) in report.problems() {
        problems += 1;
        say(&format!("line {line}: {problem}"));
    }
    let count = report.lines.len();
    if problems > 0 {
        bail!("{problems} of {count} lines can't be taken; nothing was changed");
    }
    say(&if report.written {
        format!("{count} accounts added")
    } else {
        format!("{count} accounts would be added; nothing was changed")
    });
    Ok(())
}

fn addresses_of(plan: &Plan, login: &str, given: &[String]) -> anyhow::Result<Vec<MailAddress>> {
    if given.is_empty() {
        let domain = plan.site.main_domain();
        return Ok(vec![MailAddress::parse(&format!("{login}@{domain}"))?]);
    }
    given
        .iter()
        .map(|text| MailAddress::parse(text).with_context(|| format!("{text:?} is not an address")))
        .collect()
}

/// Finds the account of a login name as typed at the command line.
pub(super) async fn find(directory: &dyn Directory, login: &str) -> anyhow::Result<Account> {
    let name = LoginName::parse(login).with_context(|| format!("{login:?} is not a login name"))?;
    let account = directory.find(&name).await?;
    account.with_context(|| format!("there is no account {login:?}"))
}
