//! `sekisho queue`.

use std::sync::Arc;

use anyhow::{Context, bail, ensure};
use clap::{Args, Subcommand};
use jiff::tz::TimeZone;
use sekisho_disk::RealDisk;
use sekisho_queue::{QueueAction, QueueControl, QueueEntry, QueueId, Selection};

use crate::clock::WallClock;
use crate::config::Plan;
use crate::folders::Folders;
use crate::terminal::{in_zone, say};

/// How much of a message is shown, in bytes.
const SHOWN: u64 = 4096;

#[derive(Debug, Subcommand)]
pub(super) enum QueueCommand {
    /// List what waits.
    List,
    /// Show a message: to whom it goes, and how it begins.
    Show {
        /// Its id, from the list.
        id: String,
    },
    /// Try again now.
    Retry(Chosen),
    /// Don't try until it is released.
    Hold(Chosen),
    /// Try what was held.
    Release(Chosen),
    /// Give up now; the sender gets a report.
    Bounce(Chosen),
    /// Take out; nobody is told.
    Drop(Chosen),
}

/// Which of what waits.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(super) struct Chosen {
    /// A message's id, from the list.
    id: Option<String>,
    /// All that goes to a domain.
    #[arg(long)]
    domain: Option<String>,
    /// Everything.
    #[arg(long)]
    all: bool,
}

impl Chosen {
    fn selection(&self) -> anyhow::Result<Selection> {
        Ok(match (&self.id, &self.domain) {
            (Some(id), _) => Selection::Message(parse(id)?),
            (None, Some(domain)) => Selection::Domain(domain.clone()),
            (None, None) => Selection::All,
        })
    }
}

pub(super) async fn run(plan: &Plan, command: QueueCommand) -> anyhow::Result<()> {
    let folder = Folders::of(&plan.site.data).queue;
    let zone = plan.site.zone.clone();
    if !folder.exists() {
        // The service has not run here yet.
        say("nothing waits");
        return Ok(());
    }
    tokio::task::spawn_blocking(move || {
        let queue = QueueControl::open(&folder, Arc::new(RealDisk), Arc::new(WallClock))?;
        let (chosen, action, words) = match command {
            QueueCommand::List => {
                let waiting = queue.list()?;
                if waiting.is_empty() {
                    say("nothing waits");
                }
                for mail in waiting {
                    list(&mail, &zone);
                }
                return Ok(());
            }
            QueueCommand::Show { id } => return show(&queue, &id, &zone),
            QueueCommand::Retry(chosen) => (chosen, QueueAction::Retry, "tried within a minute"),
            QueueCommand::Hold(chosen) => (
                chosen,
                QueueAction::Hold,
                "held until `sekisho queue release`",
            ),
            QueueCommand::Release(chosen) => (
                chosen,
                QueueAction::Release,
                "released, tried within a minute",
            ),
            QueueCommand::Bounce(chosen) => (
                chosen,
                QueueAction::Bounce,
                "given up within a minute; the sender gets a report",
            ),
            QueueCommand::Drop(chosen) => (chosen, QueueAction::Drop, "taken out; nobody is told"),
        };
        let count = queue.apply(&chosen.selection()?, action)?;
        ensure!(
            count > 0,
            match action {
                QueueAction::Hold => "nothing of that kind waits that is not held already",
                QueueAction::Release => "nothing of that kind is held",
                _ => "nothing of that kind waits; `sekisho queue list` shows all",
            }
        );
        let recipients = if count == 1 {
            "1 recipient".to_owned()
        } else {
            format!("{count} recipients")
        };
        say(&format!("{recipients}: {words}"));
        Ok(())
    })
    .await?
}

fn list(mail: &QueueEntry, zone: &TimeZone) {
    let sender = match &mail.sender {
        Some(sender) => sender.to_string(),
        None => "<>".to_owned(),
    };
    say(&format!(
        "{}  {} bytes  from {sender}  since {}",
        mail.id,
        mail.size,
        in_zone(mail.queued_at, zone)
    ));
    for to in &mail.waiting {
        let next = if to.held {
            "held".to_owned()
        } else {
            format!("again {}", in_zone(to.next_at, zone))
        };
        say(&format!(
            "    to {}  tried {} times, {next}  {}",
            to.to, to.tries, to.diagnostic
        ));
    }
}

fn show(queue: &QueueControl, id: &str, zone: &TimeZone) -> anyhow::Result<()> {
    let id = parse(id)?;
    let Some(mail) = queue.list()?.into_iter().find(|mail| mail.id == id) else {
        bail!("no message {id} waits");
    };
    list(&mail, zone);
    say(&format!("given up {}", in_zone(mail.ends_at, zone)));
    if mail.otp {
        // Who may look into the queue must not learn the code, which is for its recipient alone.
        say("a mailed code; its text is not shown");
        return Ok(());
    }
    let bytes = queue.beginning(id, SHOWN)?.unwrap_or_default();
    let text: String = String::from_utf8_lossy(&bytes)
        .replace("\r\n", "\n")
        .chars()
        .map(|c| if c.is_control() && c != '\n' { '?' } else { c })
        .collect();
    say("");
    say(text.trim_end());
    if mail.size > SHOWN {
        say("...");
    }
    Ok(())
}

fn parse(id: &str) -> anyhow::Result<QueueId> {
    QueueId::parse(id).with_context(|| format!("{id:?} is no id; `sekisho queue list` shows them"))
}
