//! The page on which a message is written.

use axum::http::StatusCode;
use axum::response::Response;
use maud::{Markup, html};

use super::composition::{Composition, StoredFile};
use super::failure::OrWebError;
use super::folders::Folders;
use super::list::frame;
use super::pool::Mailbox;
use super::view::size_words;
use crate::error::WebError;
use crate::form::PAGE_FIELD;
use crate::lang::Lang;
use crate::layout::{Page, Tone, Whose, csrf_field, notice};
use crate::visit::local_path;

/// What the page has to say.
pub(super) enum Note {
    /// Found again after a proof.
    Kept,
    /// The draft is stored.
    Saved,
    /// This is no address.
    BadAddress(String),
    /// There is nobody to send it to.
    NoRecipient,
    /// The new files are too large, all together.
    FilesTooLarge,
    /// The server takes no message of that size.
    MessageTooLarge,
    /// The server refuses these, for that reason.
    Recipients(Vec<(String, String)>),
    /// The server refuses the message.
    Refused(String),
    /// The server can't take what is in it.
    Unsendable,
    /// The server can't be reached.
    SubmissionAway,
    /// The server was lost half way.
    SubmissionGone,
}

impl Note {
    fn is_error(&self) -> bool {
        !matches!(self, Self::Kept | Self::Saved)
    }

    fn words(&self, lang: Lang) -> Vec<String> {
        match self {
            Self::Kept => vec![t!(lang, "mail-kept")],
            Self::Saved => vec![t!(lang, "mail-saved")],
            Self::BadAddress(typed) => vec![t!(lang, "mail-bad-address", address = typed.as_str())],
            Self::NoRecipient => vec![t!(lang, "mail-no-recipient")],
            Self::FilesTooLarge => vec![t!(lang, "mail-files-too-large")],
            Self::MessageTooLarge => vec![t!(lang, "mail-message-too-large")],
            Self::Recipients(refused) => refused
                .iter()
                .map(|(address, why)| {
                    t!(
                        lang,
                        "mail-recipient-refused",
                        address = address.as_str(),
                        why = why.as_str()
                    )
                })
                .collect(),
            Self::Refused(why) => vec![t!(lang, "mail-refused", why = why.as_str())],
            Self::Unsendable => vec![t!(lang, "mail-unsendable")],
            Self::SubmissionAway => vec![t!(lang, "mail-submission-away")],
            Self::SubmissionGone => vec![t!(lang, "mail-submission-gone")],
        }
    }
}

/// The page with all that is on the composition.
pub(super) async fn page(
    mailbox: &mut Mailbox,
    composition: Composition,
    notes: &[Note],
) -> Result<Response, WebError> {
    let folders = Folders::of(mailbox.imap()?).await.or_web_error()?;
    let visit = &mailbox.admitted.visit;
    let account = mailbox.admitted.account();
    let lang = visit.lang;
    let config = &visit.context.config;
    let failed = notes.iter().any(Note::is_error);
    let title = t!(lang, "mail-write");
    // After an error the address of the page is the form's: what is written then belongs to the page that the form was
    // on, or to the draft.
    let own_page = match (&composition.stored, visit.path.split(['?', '#']).next()) {
        (Some(stored), _) => format!("/mail/compose?draft={}", stored.uid),
        (None, Some("/mail/compose")) => local_path(&visit.path).unwrap_or_default(),
        _ => "/mail/compose".to_owned(),
    };
    let addresses: Vec<String> = account.addresses.iter().map(ToString::to_string).collect();
    let draft = &composition.draft;
    let most = u64::try_from(config.max_upload).unwrap_or(u64::MAX);
    let body = html! {
        h1 { (title) }
        (said(lang, notes, failed))
        form.writing method="post" action="/mail/compose" enctype="multipart/form-data"
            data-autosave="/mail/compose/autosave"
            data-most=(most) data-too-large=(t!(lang, "mail-files-too-large"))
            data-owed=(t!(lang, "mail-autosave-owed")) data-failed=(t!(lang, "mail-autosave-failed")) {
            (csrf_field(visit))
            input type="hidden" name=(PAGE_FIELD) value=(own_page);
            input type="hidden" name="id" value=(draft.id);
            @let stored = composition.stored.map(|mark| mark.to_string());
            input type="hidden" name="draft" value=(stored.unwrap_or_default());
            input type="hidden" name="in-reply-to" value=(draft.in_reply_to);
            input type="hidden" name="references" value=(draft.references);
            @if let Some(about) = &composition.about {
                input type="hidden" name="of" value=(about.mark);
                input type="hidden" name="of-folder" value=(about.folder);
                input type="hidden" name="how" value=(about.kind.word());
            }
            @if addresses.len() > 1 {
                div.line { label for="from" { (t!(lang, "mail-from")) }
                    select #from name="from" {
                        @for address in &addresses {
                            option value=(address) selected[*address == draft.from] { (address) }
                        }
                    } }
            }
            (line("to", t!(lang, "mail-to"), &draft.to, composition.stored.is_none() && draft.to.is_empty()))
            (line("cc", t!(lang, "mail-cc"), &draft.cc, false))
            details open[!draft.bcc.is_empty()] {
                summary { (t!(lang, "mail-bcc")) }
                (line("bcc", t!(lang, "mail-bcc"), &draft.bcc, false))
            }
            div.line {
                label for="subject" { (t!(lang, "mail-subject")) }
                input #subject name="subject" value=(draft.subject) maxlength="900" autocomplete="off";
            }
            label.visually-hidden for="body" { (t!(lang, "mail-text")) }
            textarea #body name="body" rows="18" autofocus[!draft.to.is_empty()] { "\n" (draft.body) }
            (files(lang, "keep", &composition.files))
            (files(lang, "original", &composition.originals))
            div.line.attach { label for="file" { (t!(lang, "mail-attach")) }
                div {
                    input #file type="file" name="file" multiple;
                    p.hint { (t!(lang, "mail-attach-limit", size = size_words(lang, most))) }
                }
                }
            div.buttons {
                button name="do" value="send" { (t!(lang, "mail-send")) }
                button.quiet name="do" value="save" { (t!(lang, "mail-save-draft")) }
                button.danger name="do" value="discard" { (t!(lang, "mail-discard")) }
                span.hint data-said role="status" {}
            }
        }
    };
    let body = frame(visit, &folders, None, body);
    let mut response = Page::new(visit, title)
        .of(Whose::Admitted(account))
        .full()
        .module("mail.js")
        .show(body);
    if failed {
        *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
    }
    Ok(response)
}

fn said(lang: Lang, notes: &[Note], failed: bool) -> Markup {
    if notes.is_empty() {
        return html! {};
    }
    notice(
        if failed { Tone::Wrong } else { Tone::Good },
        html! {
            @if failed { p { (t!(lang, "mail-not-sent")) } }
            @for words in notes.iter().flat_map(|note| note.words(lang)) { p { (words) } }
        },
    )
}

fn line(name: &str, label: String, value: &str, first: bool) -> Markup {
    html! {
        div.line { label for=(name) { (label) }
            input id=(name) name=(name) value=(value) inputmode="email" autocapitalize="none" spellcheck="false"
                autocomplete="off" autofocus[first];
            }
    }
}

/// Files that exist already; each can be left out.
fn files(lang: Lang, name: &str, files: &[StoredFile]) -> Markup {
    html! {
        @if !files.is_empty() {
            fieldset.attached {
                legend { (t!(lang, "mail-files")) }
                @for file in files {
                    label.choice {
                        input type="checkbox" name=(name) value=(file.number) checked[file.chosen];
                        span { (file.name) " " span.hint { (size_words(lang, file.size)) } }
                    }
                }
            }
        }
    }
}
