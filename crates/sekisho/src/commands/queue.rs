//! `sekisho queue`.

use std::sync::Arc;

use anyhow::{Context, ensure};
use clap::Subcommand;
use sekisho_disk::RealDisk;
use sekisho_mailroom::queue::{QueueDesk, QueueId};

use super::desk::in_zone;
use super::say;
use crate::clock::WallClock;
use crate::config::Loaded;
use crate::system::folders;

#[derive(Debug, Subcommand)]
pub(super) enum QueueCommand {
    /// List what waits.
    List,
    /// Try a message again now.
    Retry {
        /// Its id, from the list.
        id: String,
    },
    /// Take a message out; nobody is told.
    Drop {
        /// Its id, from the list.
        id: String,
    },
}

pub(super) async fn run(loaded: &Loaded, command: QueueCommand) -> anyhow::Result<()> {
    let folder = folders(&loaded.config.site.data).queue;
    let zone = loaded.zone.clone();
    tokio::task::spawn_blocking(move || {
        let desk = QueueDesk::open(&folder, Arc::new(RealDisk), Arc::new(WallClock))?;
        match command {
            QueueCommand::List => {
                let waiting = desk.list()?;
                if waiting.is_empty() {
                    say("nothing waits");
                }
                for mail in waiting {
                    let sender = mail
                        .sender
                        .map_or_else(|| "<>".to_owned(), |s| s.to_string());
                    say(&format!(
                        "{}  {} bytes  from {sender}  since {}",
                        mail.id,
                        mail.size,
                        in_zone(mail.queued_at, &zone)
                    ));
                    for to in mail.waiting {
                        let next = in_zone(to.next_at, &zone);
                        say(&format!(
                            "    to {}  tried {} times, again {next}  {}",
                            to.to, to.tries, to.trouble
                        ));
                    }
                }
            }
            QueueCommand::Retry { id } => {
                ensure!(desk.retry_now(parse(&id)?)?, "no message {id} waits");
                say("it is tried within a minute");
            }
            QueueCommand::Drop { id } => {
                ensure!(desk.drop(parse(&id)?)?, "no message {id} waits");
                say("it is gone");
            }
        }
        Ok(())
    })
    .await?
}

fn parse(id: &str) -> anyhow::Result<QueueId> {
    QueueId::parse(id).with_context(|| format!("{id:?} is no id; `sekisho queue list` shows them"))
}
