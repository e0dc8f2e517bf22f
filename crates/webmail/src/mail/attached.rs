//! A message that is attached to another, to read: its own head, texts and files.

use axum::extract::Path;
use axum::response::Response;
use maud::html;
use sekisho_mailclient::{Access, Located, PartNumber};

use super::content;
use super::download::parse_uid;
use super::failure::OrWebError;
use super::folders::Folders;
use super::list::{frame, subject};
use super::place;
use super::pool::Mailbox;
use super::view::{Asked, View, own_domains, size_words};
use crate::error::WebError;
use crate::layout::{Page, Whose};

/// The page. It says which message this one came with: what an attached message says of itself was checked by nobody.
pub(super) async fn show(
    mut mailbox: Mailbox,
    Path((name, uid, number)): Path<(String, String, String)>,
) -> Result<Response, WebError> {
    let (name, uid) = (place::folder_name(&name)?, parse_uid(&uid)?);
    let number: PartNumber = number.parse().map_err(|_| WebError::NotFound)?;
    let asked = Asked::of(&mailbox.admitted.visit.path);
    let imap = mailbox.imap()?;
    let folders = Folders::of(imap).await.or_web_error()?;
    let mut open = imap.open(&name, Access::Read).await.or_web_error()?;
    let summary = open
        .summary(uid)
        .await
        .or_web_error()?
        .ok_or(WebError::NotFound)?;
    let structure = summary.structure.as_ref().ok_or(WebError::NotFound)?;
    let Located { part, within, .. } = structure.locate(&number).ok_or(WebError::NotFound)?;
    let attached = part.message.as_ref().ok_or(WebError::NotFound)?;
    let texts = content::read_all(&mut open, uid, &attached.structure, asked.form())
        .await
        .or_web_error()?;

    let visit = &mailbox.admitted.visit;
    let lang = visit.lang;
    let account = mailbox.admitted.account();
    let own = own_domains(account);
    let stored = place::message(&name, uid);
    let page = place::attached(&stored, &number);
    let outer = within.and_then(|part| Some((part, part.message.as_ref()?)));
    let (back, outer) = match outer {
        Some((part, message)) => (place::attached(&stored, &part.number), &message.envelope),
        None => (stored.clone(), &summary.envelope),
    };
    let view = View {
        lang,
        zone: &visit.context.config.zone,
        own: &own,
        page: &page,
        stored: &stored,
        asked: &asked,
        envelope: &attached.envelope,
        arrived: None,
        structure: Some(&attached.structure),
    };
    let title = subject(lang, &attached.envelope);
    let body = html! {
        article.message {
            div.tools {
                a.button.quiet.small href=(back) data-key="u" { "← " (t!(lang, "mail-back-to-message")) }
            }
            p.hint { (t!(lang, "mail-attached-to", subject = subject(lang, outer))) }
            h1 { (title) }
            (view.head())
            @if texts.is_empty() { p.empty { (t!(lang, "mail-no-text")) } }
            @for text in &texts { (view.text(text)) }
            (view.files(&texts))
            p.foot {
                a href=(format!("{stored}/part/{number}")) download { (t!(lang, "mail-source")) }
                " · " (size_words(lang, content::size(part)))
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
