//! `sekisho mail filter`.

use std::io::Read;
use std::path::Path;

use anyhow::Context;
use sekisho_queue::delivery::Filter;
use sekisho_store::{Mailbox, StoreError};

use crate::config::Plan;
use crate::terminal::say;

/// The longest file that is read, in bytes: far more than all that a filter may say.
const LONGEST: u64 = 1 << 20;

pub(super) async fn show(mailbox: &Mailbox, login: &str) -> anyhow::Result<()> {
    match mailbox.filter().await? {
        Some(settings) => {
            let filter: Filter =
                serde_json::from_str(&settings).context("reading what was set before")?;
            say(toml::to_string(&filter)?.trim_end());
        }
        None => say(&format!(
            "# {login} has no filter: all mail goes into the INBOX"
        )),
    }
    Ok(())
}

pub(super) async fn set(
    mailbox: &Mailbox,
    login: &str,
    file: &Path,
    plan: &Plan,
) -> anyhow::Result<()> {
    let mut text = String::new();
    if file == Path::new("-") {
        std::io::stdin().take(LONGEST).read_to_string(&mut text)?;
    } else {
        let opened = std::fs::File::open(file);
        let opened = opened.with_context(|| format!("opening {}", file.display()))?;
        opened.take(LONGEST).read_to_string(&mut text)?;
    }
    let filter = parse(&text)?;
    filter.check()?;
    if filter.is_empty() {
        return clear(mailbox, login).await;
    }
    for folder in filter.folders() {
        match mailbox.create_folder(&folder).await {
            Ok(_) => {
                mailbox.subscribe(&folder, true).await?;
                say(&format!("made the folder {folder}"));
            }
            Err(StoreError::FolderExists) => {}
            Err(error) => return Err(error).with_context(|| format!("making the folder {folder}")),
        }
    }
    mailbox
        .set_filter(Some(serde_json::to_string(&filter)?))
        .await?;
    say(&format!("{login}: {}", summary(&filter)));
    if filter.forward.is_some() && !plan.outgoing_route.has_relay() {
        say(
            "note: no [relay] is configured, so mail to other sites can't be forwarded and stays here",
        );
    }
    Ok(())
}

fn parse(text: &str) -> anyhow::Result<Filter> {
    let mut table: toml::Table = text.parse()?;
    // A day may be written as TOML writes it, or as a text.
    if let Some(toml::Value::Table(vacation)) = table.get_mut("vacation") {
        for (_, value) in vacation.iter_mut() {
            if let toml::Value::Datetime(day) = value {
                *value = toml::Value::String(day.to_string());
            }
        }
    }
    Ok(table.try_into()?)
}

pub(super) async fn clear(mailbox: &Mailbox, login: &str) -> anyhow::Result<()> {
    mailbox.set_filter(None).await?;
    say(&format!(
        "{login} has no filter now: all mail goes into the INBOX"
    ));
    Ok(())
}

fn summary(filter: &Filter) -> String {
    let mut parts = Vec::new();
    match filter.rules.len() {
        0 => {}
        1 => parts.push("1 rule".to_owned()),
        count => parts.push(format!("{count} rules")),
    }
    if let Some(forward) = &filter.forward {
        let copy = if forward.keep {
            "a copy stays"
        } else {
            "no copy stays"
        };
        parts.push(format!("forwarded to {}, {copy}", forward.to.join(", ")));
    }
    if let Some(vacation) = &filter.vacation {
        let day = |day: Option<jiff::civil::Date>, word: &str| {
            day.map_or_else(String::new, |day| format!(" {word} {day}"))
        };
        let (from, until) = (day(vacation.from, "from"), day(vacation.until, "until"));
        parts.push(format!("a vacation notice{from}{until}"));
    }
    parts.join("; ")
}
