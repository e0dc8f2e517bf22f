//! The list of a folder: fifty messages a page, newest first, and what can be done with the chosen ones.

use axum::extract::Path;
use axum::response::Response;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use maud::{Markup, PreEscaped, html};
use sekisho_mailclient::{
    Access, Address, Envelope, MailboxName, MessageOrder, PageRequest, SpecialUse, Summary,
    search_text,
};

use super::failure::OrWebError;
use super::folders::{Folders, label};
use super::pool::Mailbox;
use super::{place, sender};
use crate::error::WebError;
use crate::lang::Lang;
use crate::layout::{Page, Tone, Whose, csrf_field, notice};
use crate::visit::{Visit, query_value};

/// Drawn, since few text fonts have the letter.
const PAPER_CLIP: &str = r#"<svg viewBox="0 0 16 16" width="16" height="16" aria-hidden="true" fill="none" stroke="currentColor" stroke-width="1.5" stroke-linecap="round"><path d="M11.5 4.5v6.75a3.5 3.5 0 0 1-7 0V4a2.25 2.25 0 0 1 4.5 0v6.5a1 1 0 0 1-2 0V5"/></svg>"#;
/// Messages on a page.
const PER_PAGE: u32 = 50;

/// The inbox.
pub(super) async fn inbox(mailbox: Mailbox) -> Result<Response, WebError> {
    show(mailbox, MailboxName::inbox()).await
}

/// Any folder.
pub(super) async fn folder(
    mailbox: Mailbox,
    Path(name): Path<String>,
) -> Result<Response, WebError> {
    let name = place::folder_name(&name)?;
    show(mailbox, name).await
}

async fn show(mut mailbox: Mailbox, name: MailboxName) -> Result<Response, WebError> {
    let now = mailbox.now();
    let path = mailbox.admitted.visit.path.clone();
    let typed = query_value(&path, "q").unwrap_or_default();
    let number = query_value(&path, "page")
        .and_then(|n| n.parse::<u32>().ok())
        .unwrap_or(1)
        .max(1);
    let imap = mailbox.imap()?;
    let folders = Folders::of(imap).await.or_web_error()?;
    let mut open = imap.open(&name, Access::Read).await.or_web_error()?;
    let mut wanted = PageRequest {
        offset: (number - 1).saturating_mul(PER_PAGE),
        limit: PER_PAGE,
        order: MessageOrder::Newest,
        query: search_text(&typed),
    };
    let mut page = open.page(&wanted).await.or_web_error()?;
    // The last page may have gone since the link was made.
    if page.messages.is_empty() && page.total > 0 && wanted.offset > 0 {
        wanted.offset = (page.total - 1) / PER_PAGE * PER_PAGE;
        page = open.page(&wanted).await.or_web_error()?;
    }
    let validity = open.state().uid_validity;

    let visit = &mailbox.admitted.visit;
    let account = mailbox.admitted.account();
    let own: Vec<&str> = account
        .addresses
        .iter()
        .map(|address| address.domain())
        .collect();
    let view = View {
        lang: visit.lang,
        zone: &visit.context.config.zone,
        now,
        own: &own,
        folder: &name,
        shows_recipients: folders.is(&name, SpecialUse::Sent)
            || folders.is(&name, SpecialUse::Drafts),
        drafts: folders.is(&name, SpecialUse::Drafts),
        query: &typed,
        offset: wanted.offset,
        total: page.total,
        messages: &page.messages,
    };
    let title = folders
        .get(&name)
        .map_or_else(|| name.to_string(), |folder| label(folder, visit.lang));
    let actions = Actions {
        folders: &folders,
        validity,
        is_trash: folders.is(&name, SpecialUse::Trash),
    };
    let body = frame(
        visit,
        &folders,
        Some(&name),
        view.whole(visit, &title, &actions),
    );
    Ok(Page::new(visit, title)
        .of(Whose::Admitted(account))
        .full()
        .module("mail.js")
        .show(body))
}

/// The two columns of every mail page: folders at the side, which is folded away on phones.
pub(super) fn frame(
    visit: &Visit,
    folders: &Folders,
    here: Option<&MailboxName>,
    content: Markup,
) -> Markup {
    let lang = visit.lang;
    let column = folders.column(lang, here);
    html! {
        div.mail-frame {
            aside {
                a.button.write href="/mail/compose" { (t!(lang, "mail-write")) }
                nav.wide aria-label=(t!(lang, "mail-folders")) {
                    (column)
                    a.manage href="/mail/folders" { (t!(lang, "mail-manage-folders")) }
                }
                details.narrow {
                    summary { (t!(lang, "mail-folders")) }
                    nav aria-label=(t!(lang, "mail-folders")) {
                        (column)
                        a.manage href="/mail/folders" { (t!(lang, "mail-manage-folders")) }
                    }
                }
            }
            div.mail-content {
                (news(visit))
                (content)
            }
        }
    }
}

/// What was just done, by the query of the page that one is sent to afterwards; with the way to undo it.
fn news(visit: &Visit) -> Markup {
    let lang = visit.lang;
    let value = |name| query_value(&visit.path, name).unwrap_or_default();
    let count = value("count").parse::<u32>().unwrap_or(1);
    let said = match value("done").as_str() {
        "deleted" => t!(lang, "mail-done-deleted", count = count),
        "moved" => t!(lang, "mail-done-moved", count = count),
        "gone" => t!(lang, "mail-done-gone", count = count),
        "undone" => t!(lang, "mail-done-undone"),
        "discarded" => t!(lang, "mail-done-discarded"),
        "sent" => t!(lang, "mail-done-sent"),
        "sent-no-copy" => t!(lang, "mail-done-sent-no-copy"),
        "folder" => t!(lang, "mail-done-folder"),
        _ => return html! {},
    };
    let undo = value("undo");
    let form = html! {
        form method="post" action="/mail/undo" {
            (csrf_field(visit))
            input type="hidden" name="undo" value=(undo);
            input type="hidden" name="from" value=(value("in"));
            input type="hidden" name="to" value=(value("out"));
            button.quiet.small { (t!(lang, "mail-undo")) }
        }
    };
    notice(
        if value("done") == "sent-no-copy" {
            Tone::Warning
        } else {
            Tone::Good
        },
        html! {
            div.news { span { (said) } @if !undo.is_empty() { (form) } }
        },
    )
}

/// What can be done with messages, for forms.
pub(super) struct Actions<'a> {
    pub(super) folders: &'a Folders,
    pub(super) validity: u32,
    pub(super) is_trash: bool,
}

impl Actions<'_> {
    /// The buttons of a form that posts to the folder's `/act`.
    pub(super) fn buttons(&self, lang: Lang, here: &MailboxName, one: bool) -> Markup {
        html! {
            input type="hidden" name="validity" value=(self.validity);
            button.quiet.small name="do" value="delete" data-key="#" {
                @if self.is_trash { (t!(lang, "mail-delete-for-good")) } @else { (t!(lang, "mail-delete")) }
            }
            @if !one {
                button.quiet.small name="do" value="read" { (t!(lang, "mail-mark-read")) }
            }
            button.quiet.small name="do" value="unread" { (t!(lang, "mail-mark-unread")) }
            span.move {
                select name="to" aria-label=(t!(lang, "mail-move-to")) {
                    @for folder in self.folders.targets(here) {
                        option value=(folder.name) { (label(folder, lang)) }
                    }
                }
                button.quiet.small name="do" value="move" { (t!(lang, "mail-move")) }
            }
        }
    }
}

/// What the list shows; nothing of it depends on the request.
struct View<'a> {
    lang: Lang,
    zone: &'a TimeZone,
    now: Timestamp,
    own: &'a [&'a str],
    folder: &'a MailboxName,
    shows_recipients: bool,
    drafts: bool,
    query: &'a str,
    offset: u32,
    total: u32,
    messages: &'a [Summary],
}

impl View<'_> {
    fn whole(&self, visit: &Visit, title: &str, actions: &Actions<'_>) -> Markup {
        let lang = self.lang;
        html! {
            div.list-head {
                h1 { (title) }
                search {
                    form method="get" action=(place::folder(self.folder)) {
                        input type="search" name="q" value=(self.query) maxlength="200"
                            aria-label=(t!(lang, "mail-search"))
                            placeholder=(t!(lang, "mail-search"));
                        button.quiet.small { (t!(lang, "mail-search-go")) }
                    }
                }
            }
            @if !self.query.is_empty() {
                p.hint {
                    (t!(lang, "mail-found", count = self.total)) " " a href=(place::folder(self.folder)) {
                        (t!(lang, "mail-search-end"))
                    }
                }
            }
            @if self.messages.is_empty() {
                p.empty {
                    @if self.query.is_empty() { (t!(lang, "mail-empty")) } @else { (t!(lang, "mail-nothing-found")) }
                }
            } @else {
                form.list method="post" action=(format!("{}/act", place::folder(self.folder))) {
                    (csrf_field(visit))
                    input type="hidden" name="back" value=(without_news(&visit.path));
                    div.tools role="group" aria-label=(t!(lang, "mail-with-chosen")) {
                        label.all hidden { input type="checkbox" data-all; span { (t!(lang, "mail-choose-all")) } }
                        (actions.buttons(lang, self.folder, false))
                        @if actions.is_trash {
                            a.button.quiet.small.end href=(format!("{}/empty", place::folder(self.folder))) {
                                (t!(lang, "mail-empty-trash"))
                            }
                        }
                    }
                    (self.rows())
                }
                (self.paging())
            }
        }
    }

    fn rows(&self) -> Markup {
        html! {
            ol.mails {
                @for (summary, index) in self.messages.iter().zip(self.offset..) { (self.row(summary, index)) }
            }
        }
    }

    fn row(&self, summary: &Summary, index: u32) -> Markup {
        let lang = self.lang;
        let envelope = &summary.envelope;
        let people = if self.shows_recipients {
            &envelope.to
        } else {
            &envelope.from
        };
        let subject = subject(lang, &summary.envelope);
        let at = summary.arrived.or(envelope.date);
        let link = if self.drafts {
            format!("/mail/compose?draft={}", summary.uid)
        } else {
            let at = index.to_string();
            place::with_query(
                &place::message(self.folder, summary.uid),
                &[("at", &at), ("q", self.query)],
            )
        };
        html! {
            li.unread[!summary.flags.seen()] {
                label.choose {
                    input type="checkbox" name="uid" value=(summary.uid)
                        aria-label=(t!(lang, "mail-choose", subject = subject.as_str()));
                }
                a href=(link) {
                    span.who { (self.people(people)) }
                    span.marks {
                        @if summary.flags.answered() { span title=(t!(lang, "mail-answered")) { "↩" } }
                        @if summary.flags.flagged() { span.flag title=(t!(lang, "mail-flagged")) { "★" } }
                        @if summary.has_attachment() {
                            span title=(t!(lang, "mail-has-attachment")) { (PreEscaped(PAPER_CLIP)) }
                        }
                    }
                    span.what {
                        @if !summary.flags.seen() { span.visually-hidden { (t!(lang, "mail-unread")) " " } }
                        span.subject { (subject) }
                        @if let Some(preview) = &summary.preview { " " span.preview { (preview) } }
                    }
                    @if let Some(at) = at {
                        time datetime=(crate::time::machine(at)) title=(crate::time::exact(self.zone, at)) {
                            (short_time(self.zone, self.now, at))
                        }
                    }
                }
            }
        }
    }

    fn people(&self, people: &[Address]) -> Markup {
        let Some(first) = people.first() else {
            return html! { (t!(self.lang, "mail-nobody")) };
        };
        let shown = sender::show(first, self.own);
        html! {
            (shown.name)
            @if people.len() > 1 { " +" (people.len() - 1) }
            @if let Some(sender::Doubt::Lettering { ascii }) = &shown.doubt { " " span.badge.wrong { (ascii) } }
        }
    }

    fn paging(&self) -> Markup {
        let lang = self.lang;
        let shown = u32::try_from(self.messages.len()).unwrap_or(PER_PAGE);
        let number = self.offset / PER_PAGE + 1;
        let pages = self.total.div_ceil(PER_PAGE).max(1);
        let link = |to: u32| {
            place::with_query(
                &place::folder(self.folder),
                &[("page", &to.to_string()), ("q", self.query)],
            )
        };
        html! {
            nav.paging aria-label=(t!(lang, "mail-pages")) {
                @if number > 1 { a.button.quiet.small rel="prev" href=(link(number - 1)) { (t!(lang, "mail-newer")) } }
                span {
                    (t!(lang, "mail-range", first = self.offset + 1, last = self.offset + shown, total = self.total))
                }
                @if number < pages {
                    a.button.quiet.small rel="next" href=(link(number + 1)) { (t!(lang, "mail-older")) }
                }
            }
        }
    }
}

/// The subject, or words for there being none.
pub(super) fn subject(lang: Lang, envelope: &Envelope) -> String {
    let subject = envelope.subject.decoded();
    if subject.trim().is_empty() {
        t!(lang, "mail-no-subject")
    } else {
        subject
    }
}

/// The time of day for today's, month and day for this year's, else the date.
fn short_time(zone: &TimeZone, now: Timestamp, at: Timestamp) -> String {
    let (now, at) = (
        now.to_zoned_datetime(zone.clone()),
        at.to_zoned_datetime(zone.clone()),
    );
    let form = if now.date() == at.date() {
        "%H:%M"
    } else if now.year() == at.year() {
        "%m/%d"
    } else {
        "%Y/%m/%d"
    };
    at.strftime(form).to_string()
}

/// A page's path without what it said once.
pub(super) fn without_news(path: &str) -> String {
    let Some((page, query)) = path.split_once('?') else {
        return path.to_owned();
    };
    let kept: Vec<(String, String)> = url::form_urlencoded::parse(query.as_bytes())
        .into_owned()
        .filter(|(name, _)| !["done", "count", "undo", "in", "out"].contains(&name.as_str()))
        .collect();
    let kept: Vec<(&str, &str)> = kept.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    place::with_query(page, &kept)
}

#[cfg(test)]
mod tests;
