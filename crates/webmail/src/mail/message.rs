//! A message to read.

use axum::extract::Path;
use axum::response::Response;
use maud::html;
use sekisho_mailclient::{
    Access, Flag, FlagChange, MailboxName, MessageOrder, OpenFolder, PageRequest, SpecialUse, Uid,
    search_text,
};

use super::content;
use super::download::parse_uid;
use super::failure::OrWebError;
use super::folders::Folders;
use super::list::{Actions, frame, subject};
use super::place;
use super::pool::Mailbox;
use super::view::{Asked, View, broken, own_domains, size_words};
use crate::error::WebError;
use crate::layout::{Page, Whose, csrf_field};
use crate::visit::query_value;

/// How far from where the list had it a message is looked for, to find its neighbours.
const AROUND: u32 = 15;
/// How much is shown of a message whose structure can't be read, in bytes.
const MOST_RAW: usize = 1024 * 1024;

/// The page. Reading a message marks it as read: the one thing that a GET changes, as people expect of it.
pub(super) async fn show(
    mut mailbox: Mailbox,
    Path((name, uid)): Path<(String, String)>,
) -> Result<Response, WebError> {
    let (name, uid) = (place::folder_name(&name)?, parse_uid(&uid)?);
    let path = mailbox.admitted.visit.path.clone();
    let asked = Asked::of(&path);
    let imap = mailbox.imap()?;
    let folders = Folders::of(imap).await.or_web_error()?;
    let mut open = imap.open(&name, Access::Change).await.or_web_error()?;
    let summary = open
        .summary(uid)
        .await
        .or_web_error()?
        .ok_or(WebError::NotFound)?;
    let mut texts = Vec::new();
    let mut raw = None;
    if let Some(structure) = &summary.structure {
        texts = content::read_all(&mut open, uid, structure, asked.form())
            .await
            .or_web_error()?;
    } else {
        raw = open
            .message(uid, MOST_RAW)
            .await
            .ok()
            .flatten()
            .map(|message| message.raw);
    }
    let (newer, older) = neighbours(&mut open, uid, &asked).await?;
    let state = open.state();
    if !summary.flags.seen() && !state.read_only {
        open.set_flags(&[uid], FlagChange::Add, &[Flag::Seen])
            .await
            .or_web_error()?;
    }

    let visit = &mailbox.admitted.visit;
    let lang = visit.lang;
    let account = mailbox.admitted.account();
    let own = own_domains(account);
    let title = subject(lang, &summary.envelope);
    let here = place::message(&name, uid);
    let back = place::folder(&name);
    let view = View {
        lang,
        zone: &visit.context.config.zone,
        own: &own,
        page: &here,
        stored: &here,
        asked: &asked,
        envelope: &summary.envelope,
        arrived: summary.arrived,
        structure: summary.structure.as_ref(),
    };
    let answer = |how: &str| {
        place::with_query(
            "/mail/compose",
            &[(how, &uid.to_string()), ("folder", name.as_str())],
        )
    };
    let actions = Actions {
        folders: &folders,
        validity: state.uid_validity,
        is_trash: folders.is(&name, SpecialUse::Trash),
    };
    let to_neighbour = |(uid, at): (Uid, u32)| {
        place::with_query(
            &place::message(&name, uid),
            &[("at", &at.to_string()), ("q", &asked.query)],
        )
    };
    let body = html! {
        article.message {
            div.tools {
                a.button.quiet.small href=(back) data-key="u" { "← " (t!(lang, "mail-back-to-list")) }
                a.button.small href=(answer("reply")) data-key="r" { (t!(lang, "mail-reply")) }
                a.button.quiet.small href=(answer("replyall")) data-key="a" { (t!(lang, "mail-reply-all")) }
                a.button.quiet.small href=(answer("forward")) data-key="f" { (t!(lang, "mail-forward")) }
                form method="post" action=(format!("{back}/act")) {
                    (csrf_field(visit))
                    input type="hidden" name="uid" value=(uid);
                    input type="hidden" name="back" value=(back);
                    (actions.buttons(lang, &name, true))
                }
                span.around {
                    @if let Some(newer) = newer {
                        a.button.quiet.small rel="prev" href=(to_neighbour(newer)) data-key="k" {
                            (t!(lang, "mail-previous"))
                        }
                    }
                    @if let Some(older) = older {
                        a.button.quiet.small rel="next" href=(to_neighbour(older)) data-key="j" {
                            (t!(lang, "mail-next"))
                        }
                    }
                }
            }
            h1 { (title) }
            (view.head())
            @if raw.is_none() && texts.is_empty() && summary.structure.is_some() {
                p.empty { (t!(lang, "mail-no-text")) }
            }
            @for text in &texts { (view.text(text)) }
            @if summary.structure.is_none() { (broken(lang, raw.as_deref())) }
            (view.files(&texts))
            p.foot {
                a href=(format!("{here}/source")) download { (t!(lang, "mail-source")) }
                " · " (size_words(lang, summary.size))
            }
        }
    };
    let body = frame(visit, &folders, Some(&name), body);
    Ok(Page::new(visit, title)
        .of(Whose::Admitted(account))
        .full()
        .module("mail.js")
        .show(body))
}

/// The messages before and after in the list that one comes from, with their places there.
async fn neighbours(
    open: &mut OpenFolder<'_>,
    uid: Uid,
    asked: &Asked,
) -> Result<(Option<(Uid, u32)>, Option<(Uid, u32)>), WebError> {
    let Some(at) = asked.at else {
        return Ok((None, None));
    };
    let offset = at.saturating_sub(AROUND);
    let page = PageRequest {
        offset,
        limit: 2 * AROUND + 1,
        order: MessageOrder::Newest,
        query: search_text(&asked.query),
    };
    let page = open.page(&page).await.or_web_error()?;
    let list: Vec<(Uid, u32)> = page
        .messages
        .iter()
        .map(|summary| summary.uid)
        .zip(offset..)
        .collect();
    let Some(here) = list.iter().position(|(other, _)| *other == uid) else {
        return Ok((None, None));
    };
    let newer = here
        .checked_sub(1)
        .and_then(|index| list.get(index))
        .copied();
    Ok((newer, list.get(here + 1).copied()))
}

/// The folder that a message is in, and it, as other pages' queries name them.
pub(super) fn named(path: &str, parameter: &str) -> Option<(MailboxName, Uid)> {
    let uid = query_value(path, parameter)?.parse().ok()?;
    let folder = query_value(path, "folder").map_or_else(
        || Some(MailboxName::inbox()),
        |name| place::folder_name(&name).ok(),
    )?;
    Some((folder, uid))
}
