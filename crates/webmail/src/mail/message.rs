//! A message to read.

use axum::extract::Path;
use axum::response::Response;
use jiff::tz::TimeZone;
use maud::{Markup, html};
use sekisho_mailclient::{
    Access, Address, BodyPart, Flag, FlagChange, MailboxName, MessageOrder, OpenFolder,
    PageRequest, SpecialUse, Summary, Uid, search_text,
};
use sekisho_message::charset::{self, Doubt};

use super::content::{self, Text, Wanted};
use super::download::{file_name, parse_uid};
use super::failure::OrWebError;
use super::folders::Folders;
use super::html::{Pictures, clean};
use super::list::{Actions, frame, subject};
use super::pool::Mailbox;
use super::{place, sender, text};
use crate::error::WebError;
use crate::lang::Lang;
use crate::layout::{Page, Tone, Whose, csrf_field, notice};
use crate::time;
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
    let asked = Asked {
        plain: query_value(&path, "view").as_deref() == Some("plain"),
        pictures: query_value(&path, "pictures").is_some(),
        query: query_value(&path, "q").unwrap_or_default(),
        at: query_value(&path, "at").and_then(|at| at.parse().ok()),
    };
    let imap = mailbox.imap()?;
    let folders = Folders::of(imap).await.or_web_error()?;
    let mut open = imap.open(&name, Access::Change).await.or_web_error()?;
    let summary = open
        .summary(uid)
        .await
        .or_web_error()?
        .ok_or(WebError::NotFound)?;
    let wanted = if asked.plain {
        Wanted::Plain
    } else {
        Wanted::Html
    };
    let mut texts = Vec::new();
    let mut raw = None;
    if let Some(structure) = &summary.structure {
        for part in content::texts(structure, wanted) {
            texts.push(content::read(&mut open, uid, part).await.or_web_error()?);
        }
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
    let own: Vec<&str> = account
        .addresses
        .iter()
        .map(|address| address.domain())
        .collect();
    let title = subject(lang, &summary);
    let here = place::message(&name, uid);
    let back = place::folder(&name);
    let view = View {
        lang,
        zone: &visit.context.config.zone,
        own: &own,
        here: &here,
        asked: &asked,
        summary: &summary,
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

/// What the address of the page asks for.
struct Asked {
    plain: bool,
    pictures: bool,
    query: String,
    /// Where the list had the message.
    at: Option<u32>,
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

struct View<'a> {
    lang: Lang,
    zone: &'a TimeZone,
    own: &'a [&'a str],
    here: &'a str,
    asked: &'a Asked,
    summary: &'a Summary,
}

impl View<'_> {
    fn head(&self) -> Markup {
        let lang = self.lang;
        let envelope = &self.summary.envelope;
        let at = envelope.date.or(self.summary.arrived);
        html! {
            dl.head {
                dt { (t!(lang, "mail-from")) } dd { (self.people(&envelope.from)) }
                @if let (Some(sender), Some(from)) = (envelope.sender.first(), envelope.from.first()) {
                    @if sender.addr_spec() != from.addr_spec() {
                        dt { (t!(lang, "mail-sender")) } dd { (self.people(&envelope.sender)) }
                    }
                }
                @if !envelope.to.is_empty() { dt { (t!(lang, "mail-to")) } dd { (self.people(&envelope.to)) } }
                @if !envelope.cc.is_empty() { dt { (t!(lang, "mail-cc")) } dd { (self.people(&envelope.cc)) } }
                @if !envelope.bcc.is_empty() { dt { (t!(lang, "mail-bcc")) } dd { (self.people(&envelope.bcc)) } }
                @if let Some(at) = at {
                    dt { (t!(lang, "mail-date")) } dd {
                        time datetime=(time::machine(at)) { (time::exact(self.zone, at)) }
                    }
                }
            }
        }
    }

    /// Names with their addresses, always both; whoever looks like someone else is given away.
    fn people(&self, people: &[Address]) -> Markup {
        let lang = self.lang;
        html! {
            @for (index, address) in people.iter().enumerate() {
                @let shown = sender::show(address, self.own);
                @if index > 0 { ", " }
                span.person {
                    @if shown.name != shown.address { (shown.name) " " }
                    span.address { "<" (shown.address) ">" }
                    @match &shown.doubt {
                        Some(sender::Doubt::Lettering { ascii }) => {
                            " " span.badge.wrong { (t!(lang, "mail-odd-lettering", domain = ascii.as_str())) }
                        }
                        Some(sender::Doubt::LooksLike { known }) => {
                            " " span.badge.wrong { (t!(lang, "mail-looks-like", domain = known.as_str())) }
                        }
                        Some(sender::Doubt::NameIsAnotherAddress) => {
                            " " span.badge.wrong { (t!(lang, "mail-name-poses", name = address.name.decoded())) }
                        }
                        None => {}
                    }
                }
            }
        }
    }

    fn text(&self, text: &Text<'_>) -> Markup {
        match text {
            Text::Plain(part, decoded) => html! {
                (doubt(self.lang, decoded.doubt.as_ref()))
                (text::show(&decoded.text, part.flowed, part.deletes_space))
                (self.other_form())
            },
            Text::Html(part, decoded) => self.framed(part, &decoded.text, decoded.doubt.as_ref()),
            Text::TooLong(part) => notice(
                Tone::Plain,
                html! {
                    p { (t!(self.lang, "mail-text-too-long")) " "
                        a href=(format!("{}/part/{}", self.here, part.number)) download {
                            (t!(self.lang, "mail-download"))
                        }
                        }
                },
            ),
        }
    }

    fn framed(&self, part: &BodyPart, html: &str, odd: Option<&Doubt>) -> Markup {
        let lang = self.lang;
        let left_out = clean(html, Pictures::new(), self.asked.pictures).left_out;
        let frame = format!("{}/html/{}", self.here, part.number);
        let frame = if self.asked.pictures {
            format!("{frame}?pictures=1")
        } else {
            frame
        };
        html! {
            (doubt(lang, odd))
            @if left_out > 0 {
                (notice(Tone::Plain, html! {
                    p {
                        (t!(lang, "mail-pictures-left-out", count = left_out)) " "
                        a href=(self.again(&[("pictures", "1")])) { (t!(lang, "mail-pictures-show")) }
                    }
                }))
            }
            iframe.html-mail sandbox="allow-popups allow-popups-to-escape-sandbox" src=(frame)
                title=(t!(lang, "mail-text")) referrerpolicy="no-referrer" {}
            (self.other_form())
        }
    }

    /// A link to the message's text in its other form.
    fn other_form(&self) -> Markup {
        let lang = self.lang;
        let has_both = self
            .summary
            .structure
            .as_ref()
            .is_some_and(content::has_both);
        html! {
            @if has_both {
                p.hint.alone {
                    @if self.asked.plain { a href=(self.again(&[])) { (t!(lang, "mail-view-html")) } }
                    @else { a href=(self.again(&[("view", "plain")])) { (t!(lang, "mail-view-plain")) } }
                }
            }
        }
    }

    /// This page with other wishes.
    fn again(&self, wishes: &[(&str, &str)]) -> String {
        let at = self.asked.at.map(|at| at.to_string()).unwrap_or_default();
        let kept = [("at", at.as_str()), ("q", self.asked.query.as_str())];
        place::with_query(self.here, &[&kept, wishes].concat())
    }

    fn files(&self, texts: &[Text<'_>]) -> Markup {
        let lang = self.lang;
        let files = self
            .summary
            .structure
            .as_ref()
            .map(|structure| content::files(structure, texts))
            .unwrap_or_default();
        html! {
            @if !files.is_empty() {
                section.files aria-label=(t!(lang, "mail-files")) {
                    h2 { (t!(lang, "mail-files")) }
                    ul {
                        @for part in files {
                            li {
                                a href=(format!("{}/part/{}", self.here, part.number)) download { (file_name(part)) }
                                " " span.hint { (size_words(lang, content::size(part))) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn doubt(lang: Lang, doubt: Option<&Doubt>) -> Markup {
    html! {
        @match doubt {
            Some(Doubt::UnknownCharset(label)) =>
                (notice(Tone::Plain, html! { p { (t!(lang, "mail-unknown-charset", name = label.as_str())) } })),
            Some(Doubt::Damaged) => (notice(Tone::Plain, html! { p { (t!(lang, "mail-damaged-text")) } })),
            None => {}
        }
    }
}

/// A message that nobody can take apart is shown as it came.
fn broken(lang: Lang, raw: Option<&[u8]>) -> Markup {
    html! {
        (notice(Tone::Warning, html! { p { (t!(lang, "mail-broken")) } }))
        @if let Some(raw) = raw { (text::show(&charset::text(None, raw), false, false)) }
    }
}

/// A size for people.
pub(super) fn size_words(lang: Lang, bytes: u64) -> String {
    let tenths = |unit: u64| format!("{}.{}", bytes / unit, bytes % unit * 10 / unit);
    match bytes {
        0..1_000 => t!(lang, "mail-size-bytes", size = bytes.to_string()),
        1_000..1_000_000 => t!(lang, "mail-size-kb", size = (bytes / 1000).to_string()),
        _ => t!(lang, "mail-size-mb", size = tenths(1_000_000)),
    }
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
