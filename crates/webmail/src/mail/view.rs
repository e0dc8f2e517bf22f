//! What a page shows of a message: its head, its texts and its files.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use maud::{Markup, html};
use sekisho_checkpoint::Account;
use sekisho_mailclient::{Address, BodyPart, Envelope};
use sekisho_message::charset::{self, Doubt};

use super::content::{self, Text, Wanted};
use super::download::file_name;
use super::html::{Pictures, clean};
use super::{place, sender, text};
use crate::lang::Lang;
use crate::layout::{Tone, notice};
use crate::time;
use crate::visit::query_value;

/// What the address of the page asks for.
pub(super) struct Asked {
    /// Text instead of HTML.
    pub plain: bool,
    /// Pictures from elsewhere.
    pub pictures: bool,
    /// The search of the list that one comes from.
    pub query: String,
    /// Where that list had the message.
    pub at: Option<u32>,
}

impl Asked {
    /// Reads the address of a page.
    pub(super) fn of(path: &str) -> Self {
        Self {
            plain: query_value(path, "view").as_deref() == Some("plain"),
            pictures: query_value(path, "pictures").is_some(),
            query: query_value(path, "q").unwrap_or_default(),
            at: query_value(path, "at").and_then(|at| at.parse().ok()),
        }
    }

    /// The form of the text that is asked for.
    pub(super) fn form(&self) -> Wanted {
        if self.plain {
            Wanted::Plain
        } else {
            Wanted::Html
        }
    }
}

/// A message, or one that is attached to it, to be shown on a page.
pub(super) struct View<'a> {
    pub lang: Lang,
    pub zone: &'a TimeZone,
    /// The domains of the account's own addresses.
    pub own: &'a [&'a str],
    /// The address of the page.
    pub page: &'a str,
    /// The address of the page of the stored message, below which its parts have theirs.
    pub stored: &'a str,
    pub asked: &'a Asked,
    pub envelope: &'a Envelope,
    /// When it arrived, for one that does not say when it was written.
    pub arrived: Option<Timestamp>,
    /// Its parts; `None` if they can't be told apart.
    pub structure: Option<&'a BodyPart>,
}

impl View<'_> {
    pub(super) fn head(&self) -> Markup {
        let lang = self.lang;
        let envelope = self.envelope;
        let at = envelope.date.or(self.arrived);
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

    pub(super) fn text(&self, text: &Text<'_>) -> Markup {
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
                        a href=(format!("{}/part/{}", self.stored, part.number)) download {
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
        let frame = format!("{}/html/{}", self.stored, part.number);
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
        let has_both = self.structure.is_some_and(content::has_both);
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
        place::with_query(self.page, &[&kept, wishes].concat())
    }

    pub(super) fn files(&self, texts: &[Text<'_>]) -> Markup {
        let lang = self.lang;
        let files = self
            .structure
            .map(|structure| content::files(structure, texts))
            .unwrap_or_default();
        html! {
            @if !files.is_empty() {
                section.files aria-label=(t!(lang, "mail-files")) {
                    h2 { (t!(lang, "mail-files")) }
                    ul {
                        @for part in files {
                            li { (self.file(part)) }
                        }
                    }
                }
            }
        }
    }

    /// A file to download. An attached message can be read as well.
    fn file(&self, part: &BodyPart) -> Markup {
        let lang = self.lang;
        let download = format!("{}/part/{}", self.stored, part.number);
        let size = size_words(lang, content::size(part));
        html! {
            @if part.message.is_some() {
                a href=(place::attached(self.stored, &part.number)) { (file_name(part)) }
                " " span.hint { (size) " " a href=(download) download { (t!(lang, "mail-download")) } }
            } @else {
                a href=(download) download { (file_name(part)) }
                " " span.hint { (size) }
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
pub(super) fn broken(lang: Lang, raw: Option<&[u8]>) -> Markup {
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

/// The domains of an account's own addresses.
pub(super) fn own_domains(account: &Account) -> Vec<&str> {
    let addresses = account.addresses.iter();
    addresses.map(|address| address.domain()).collect()
}
