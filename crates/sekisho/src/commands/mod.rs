//! The command line. Each command works while the service runs: it writes to the same databases, and the service takes
//! notice within a second.

mod account;
mod argument;
mod audit;
mod backup;
mod check;
mod grant;
mod key;
mod mail;
mod network;
mod prompt;
mod queue;
mod records;

use std::net::IpAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::config;
use crate::takeover;
use crate::terminal::say;
use argument::ConfigArgument;

/// A mail system's checkpoint: webmail, IMAP, POP3 and submission behind one second factor.
#[derive(Debug, Parser)]
#[command(name = "sekisho", version, about, propagate_version = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the service.
    Serve {
        #[command(flatten)]
        config: ConfigArgument,
        /// Replace the service that calls the program like this, at the standard input.
        #[arg(long, hide = true)]
        take_over: bool,
    },
    /// Replace the running service by a new process, as after an upgrade: nobody is refused meanwhile, and connections
    /// to an upstream go on.
    Restart(ConfigArgument),
    /// Try it: a campus, a home and two accounts on this machine, with nothing to install.
    Demo(crate::demo::DemoArguments),
    /// Own accounts: add, list, change, import.
    Account {
        #[command(flatten)]
        config: ConfigArgument,
        #[command(subcommand)]
        command: account::AccountCommand,
    },
    /// Grants: who passed MFA, from where, until when.
    Grant {
        #[command(flatten)]
        config: ConfigArgument,
        #[command(subcommand)]
        command: grant::GrantCommand,
    },
    /// Networks: which one an address lies in.
    Network {
        #[command(flatten)]
        config: ConfigArgument,
        /// An address to look up; all networks if none is given.
        address: Option<IpAddr>,
    },
    /// What happened: sign-ins, refusals, changes.
    Audit {
        #[command(flatten)]
        config: ConfigArgument,
        #[command(flatten)]
        filter: audit::AuditFilter,
    },
    /// The keys that seal factors, and the one that signs mail.
    Key {
        #[command(flatten)]
        config: ConfigArgument,
        #[command(subcommand)]
        command: key::KeyCommand,
    },
    /// The mail that accounts keep: check it, copy it, write it out.
    Mail {
        #[command(flatten)]
        config: ConfigArgument,
        #[command(subcommand)]
        command: mail::MailCommand,
    },
    /// Mail that waits to leave.
    Queue {
        #[command(flatten)]
        config: ConfigArgument,
        #[command(subcommand)]
        command: queue::QueueCommand,
    },
    /// Copy accounts, records, the queue and all mail into a folder, or bring a copy there up to date, while the
    /// service runs. The keys are not copied.
    Backup {
        #[command(flatten)]
        config: ConfigArgument,
        /// The folder; made if it is missing.
        folder: PathBuf,
    },
    /// Put a backup in the place of an empty data folder, while the service is stopped. Everybody signs in anew.
    Restore {
        #[command(flatten)]
        config: ConfigArgument,
        /// The folder of the backup.
        folder: PathBuf,
    },
    /// Where the checkpoint keeps what it knows: move it to PostgreSQL.
    Records {
        #[command(flatten)]
        config: ConfigArgument,
        #[command(subcommand)]
        command: records::RecordsCommand,
    },
    /// The configuration file.
    Config {
        #[command(flatten)]
        config: ConfigArgument,
        #[command(subcommand)]
        command: ConfigCommand,
    },
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Say what is wrong with the file, by line, and whether the upstreams answer, and to whom else.
    Check {
        /// Ask no server.
        #[arg(long)]
        offline: bool,
    },
    /// Write the reference of all keys, in Markdown.
    Reference,
}

/// Carries out what was asked.
///
/// # Errors
/// It could not be done; the error says why and what to do.
pub fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    match cli.command {
        Command::Serve { config, take_over } => {
            log_to_stderr(LevelFilter::INFO);
            runtime()?.block_on(crate::serve::serve(&config.file, take_over))?;
        }
        Command::Restart(config) => {
            let data = config.load()?.site.data;
            say(&small_runtime()?.block_on(takeover::ask(&data))?);
        }
        Command::Demo(arguments) => {
            log_to_stderr(LevelFilter::ERROR);
            runtime()?.block_on(crate::demo::run(arguments))?;
        }
        Command::Account { config, command } => {
            small_runtime()?.block_on(account::run(&config.load()?, command))?
        }
        Command::Grant { config, command } => {
            small_runtime()?.block_on(grant::run(&config.load()?, command))?
        }
        Command::Key { config, command } => {
            small_runtime()?.block_on(key::run(&config.load()?, command))?
        }
        Command::Network { config, address } => network::run(&config.load()?, address),
        Command::Audit { config, filter } => {
            small_runtime()?.block_on(audit::run(&config.load()?, filter))?
        }
        Command::Mail { config, command } => {
            return small_runtime()?.block_on(mail::run(&config.load()?, command));
        }
        Command::Queue { config, command } => {
            small_runtime()?.block_on(queue::run(&config.load()?, command))?
        }
        Command::Backup { config, folder } => {
            small_runtime()?.block_on(backup::back_up(&config.load()?, &folder))?
        }
        Command::Restore { config, folder } => {
            small_runtime()?.block_on(backup::restore(&config.load()?, &folder))?
        }
        Command::Records { config, command } => {
            small_runtime()?.block_on(records::run(&config.load()?, command))?
        }
        Command::Config { config, command } => return config_command(&config, &command),
    }
    Ok(ExitCode::SUCCESS)
}

fn config_command(config: &ConfigArgument, command: &ConfigCommand) -> anyhow::Result<ExitCode> {
    match command {
        ConfigCommand::Reference => say(config::reference().trim_end()),
        ConfigCommand::Check { offline } => {
            return small_runtime()?.block_on(check::check(config, *offline));
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?)
}

fn small_runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?)
}

/// Logs go to standard error. `SEKISHO_LOG` says how much, as [`log_filter`] reads it.
fn log_to_stderr(usual: LevelFilter) {
    let wanted = std::env::var("SEKISHO_LOG").ok().filter(|w| !w.is_empty());
    let filter = match &wanted {
        None => Some(Targets::new().with_default(usual)),
        Some(wanted) => log_filter(wanted),
    };
    let is_understood = filter.is_some();
    let output = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()));
    tracing_subscriber::registry()
        .with(
            output.with_filter(
                filter.unwrap_or_else(|| Targets::new().with_default(LevelFilter::INFO)),
            ),
        )
        .init();
    if !is_understood {
        tracing::warn!(
            wanted = wanted.unwrap_or_default(),
            "SEKISHO_LOG is not understood, so the level is info; right are debug, or info,sekisho_gateway=debug"
        );
    }
}

/// Reads a level for everything and levels of rooms, separated by commas; `None` if it is anything else.
fn log_filter(text: &str) -> Option<Targets> {
    // A word without a level would be taken for a room, and everything else fall silent.
    let is_level = |part: &str| part.contains('=') || part.parse::<LevelFilter>().is_ok();
    text.split(',').all(is_level).then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_level_of_the_log_is_understood_or_refused() {
        for right in [
            "debug",
            "info,sekisho_gateway=debug",
            "sekisho_net=trace",
            "off",
        ] {
            assert!(log_filter(right).is_some(), "{right}");
        }
        for wrong in ["debgu", "info,sekisho_gateway", "sekisho_gateway=lots"] {
            assert!(log_filter(wrong).is_none(), "{wrong}");
        }
    }
}
