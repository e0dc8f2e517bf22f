//! `sekisho audit`.

use anyhow::Context;
use clap::Args;
use jiff::SignedDuration;
use sekisho_checkpoint::audit::{Event, EventKind};
use sekisho_checkpoint::id::Reference;

use super::account;
use crate::config::Plan;
use crate::rooms::Rooms;
use crate::terminal::{in_zone, say};

#[derive(Debug, Args)]
pub(super) struct AuditFilter {
    /// Only this account.
    #[arg(long)]
    login: Option<String>,
    /// Only the attempt with this reference, as a person read it in a mail program.
    #[arg(long)]
    reference: Option<String>,
    /// Only this kind of event, such as `refused-no-grant`.
    #[arg(long)]
    what: Option<String>,
    /// How many days back.
    #[arg(long, default_value_t = 7)]
    days: u32,
    /// At most so many, the newest first.
    #[arg(long, default_value_t = 100)]
    limit: u32,
}

pub(super) async fn run(plan: &Plan, filter: AuditFilter) -> anyhow::Result<()> {
    let rooms = Rooms::for_command_line(plan).await?;
    let what = match &filter.what {
        None => None,
        Some(word) => Some(EventKind::parse(word).with_context(|| {
            let known: Vec<_> = EventKind::ALL.iter().map(|w| w.as_str()).collect();
            format!(
                "{word:?} is no kind of event; known are {}",
                known.join(", ")
            )
        })?),
    };
    let since = rooms.checkpoint.now() - SignedDuration::from_hours(24 * i64::from(filter.days));
    let events = if let Some(reference) = filter.reference {
        let reference = Reference::from_stored(reference.trim().to_uppercase());
        rooms
            .records
            .event_of(&reference)
            .await?
            .into_iter()
            .collect()
    } else if let Some(login) = filter.login {
        let found = account::find(rooms.directory.as_ref(), &login).await?;
        let events = rooms
            .records
            .events(found.id, &[], since, filter.limit)
            .await?;
        events
            .into_iter()
            .filter(|e| what.is_none_or(|w| e.what == w))
            .collect()
    } else {
        rooms.records.all_events(since, what, filter.limit).await?
    };
    if events.is_empty() {
        say("nothing found");
    }
    for event in events {
        say(&line(&event, plan));
    }
    Ok(())
}

fn line(event: &Event, plan: &Plan) -> String {
    let account = event
        .account
        .map_or_else(|| "-".to_owned(), |a| a.to_string());
    let address = event
        .address
        .map_or_else(|| "-".to_owned(), |a| a.to_string());
    let reference = event.reference.as_ref().map_or("", Reference::as_str);
    format!(
        "{}  account {account:<6} {:<20} {:<11} {address:<39} {reference:<9} {} {}",
        in_zone(event.at, &plan.site.zone),
        event.what.as_str(),
        event.actor.as_str(),
        event.client,
        event.detail
    )
}
