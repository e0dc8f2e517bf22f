//! Making, renaming and deleting folders.

use axum::response::Response;
use maud::html;
use sekisho_mailclient::{Error, Folder, MailboxName};

use super::failure::OrWebError;
use super::folders::{Folders, label};
use super::list::frame;
use super::place;
use super::pool::Mailbox;
use crate::error::WebError;
use crate::form::Form;
use crate::lang::Lang;
use crate::layout::{Page, Tone, Whose, csrf_field, notice};

/// The longest name, in bytes.
const LONGEST: usize = 200;

/// What is wrong with a folder's name, or with changing it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    Empty,
    TooLong,
    Characters,
    Exists,
    Refused,
}

impl Fault {
    fn words(self, lang: Lang) -> String {
        match self {
            Self::Empty => t!(lang, "mail-folder-fault-empty"),
            Self::TooLong => t!(lang, "mail-folder-fault-too-long"),
            Self::Characters => t!(lang, "mail-folder-fault-characters"),
            Self::Exists => t!(lang, "mail-folder-fault-exists"),
            Self::Refused => t!(lang, "mail-folder-fault-refused"),
        }
    }
}

/// The page.
pub(super) async fn show(mut mailbox: Mailbox) -> Result<Response, WebError> {
    page(&mut mailbox, None, "").await
}

/// Makes a folder.
pub(super) async fn create(mut mailbox: Mailbox, form: Form) -> Result<Response, WebError> {
    let typed = form.fields.text("name");
    let name = match parse(typed) {
        Ok(name) => name,
        Err(fault) => return page(&mut mailbox, Some(fault), typed).await,
    };
    let made = mailbox.imap()?.create(&name).await;
    finish(&mut mailbox, made, typed).await
}

/// Renames a folder.
pub(super) async fn rename(mut mailbox: Mailbox, form: Form) -> Result<Response, WebError> {
    let typed = form.fields.text("name");
    let name = match parse(typed) {
        Ok(name) => name,
        Err(fault) => return page(&mut mailbox, Some(fault), "").await,
    };
    let folder = own(&mut mailbox, form.fields.text("folder")).await?;
    let renamed = mailbox.imap()?.rename(&folder, &name).await;
    finish(&mut mailbox, renamed, "").await
}

/// Deletes a folder with all that is in it: after the question, which the first press of the button leads to.
pub(super) async fn delete(mut mailbox: Mailbox, form: Form) -> Result<Response, WebError> {
    let folder = own(&mut mailbox, form.fields.text("folder")).await?;
    if form.fields.text("sure") == "yes" {
        let deleted = mailbox.imap()?.delete(&folder).await;
        return finish(&mut mailbox, deleted, "").await;
    }
    let folders = Folders::of(mailbox.imap()?).await.or_web_error()?;
    let count = folders
        .get(&folder)
        .and_then(|folder| folder.messages)
        .unwrap_or(0);
    let visit = &mailbox.admitted.visit;
    let lang = visit.lang;
    let title = t!(lang, "mail-folder-delete");
    let body = html! {
        section.card {
            h1 { (title) }
            p { (t!(lang, "mail-folder-delete-question", name = folder.as_str(), count = count)) }
            form method="post" action="/mail/folders/delete" {
                (csrf_field(visit))
                input type="hidden" name="folder" value=(folder);
                input type="hidden" name="sure" value="yes";
                div.buttons {
                    button.danger { (t!(lang, "mail-folder-delete")) }
                    a.button.quiet href="/mail/folders" { (t!(lang, "cancel")) }
                }
            }
        }
    };
    let body = frame(visit, &folders, Some(&folder), body);
    Ok(Page::new(visit, title)
        .of(Whose::Admitted(mailbox.admitted.account()))
        .full()
        .show(body))
}

async fn finish(
    mailbox: &mut Mailbox,
    done: Result<(), Error>,
    typed: &str,
) -> Result<Response, WebError> {
    match done {
        Ok(()) => Ok(place::see("/mail/folders?done=folder")),
        Err(error) if error.is_folder_exists() => page(mailbox, Some(Fault::Exists), typed).await,
        Err(Error::No { .. } | Error::Bad { .. } | Error::Unsendable) => {
            page(mailbox, Some(Fault::Refused), typed).await
        }
        Err(error) => Err(error).or_web_error(),
    }
}

/// A folder that is there and is the person's to change: not the INBOX, and none with a use.
async fn own(mailbox: &mut Mailbox, name: &str) -> Result<MailboxName, WebError> {
    let name = place::folder_name(name)?;
    let folders = Folders::of(mailbox.imap()?).await.or_web_error()?;
    folders
        .get(&name)
        .filter(|folder| is_own(folder))
        .map(|folder| folder.name.clone())
        .ok_or(WebError::NotFound)
}

fn is_own(folder: &Folder) -> bool {
    !folder.name.is_inbox() && folder.special_use.is_none()
}

/// A name as typed. Quotes are letters like others; line ends, and what IMAP's lists give a meaning to, are not.
fn parse(typed: &str) -> Result<MailboxName, Fault> {
    let typed = typed.trim_matches(' ');
    if typed.is_empty() {
        return Err(Fault::Empty);
    }
    if typed.len() > LONGEST {
        return Err(Fault::TooLong);
    }
    let is_odd = |c: char| c.is_control() || matches!(c, '*' | '%' | '\u{2028}' | '\u{2029}');
    if typed.contains(is_odd)
        || typed
            .split('/')
            .any(|level| matches!(level.trim(), "" | "." | ".."))
    {
        return Err(Fault::Characters);
    }
    MailboxName::new(typed).map_err(|_| Fault::Characters)
}

async fn page(
    mailbox: &mut Mailbox,
    fault: Option<Fault>,
    typed: &str,
) -> Result<Response, WebError> {
    let folders = Folders::of(mailbox.imap()?).await.or_web_error()?;
    let visit = &mailbox.admitted.visit;
    let lang = visit.lang;
    let title = t!(lang, "mail-manage-folders");
    let body = html! {
        h1 { (title) }
        @if let Some(fault) = fault { (notice(Tone::Wrong, html! { p { (fault.words(lang)) } })) }
        section.card {
            h2 { (t!(lang, "mail-folder-create")) }
            form.buttons.grow-form method="post" action="/mail/folders/create" {
                (csrf_field(visit))
                input name="name" value=(typed) required aria-label=(t!(lang, "mail-folder-name"))
                    placeholder=(t!(lang, "mail-folder-name")) maxlength="200";
                button { (t!(lang, "mail-folder-create")) }
            }
            p.hint { (t!(lang, "mail-folder-hint")) }
        }
        @if folders.iter().any(is_own) {
            div.rows {
                @for folder in folders.iter().filter(|folder| is_own(folder)) {
                    div {
                        form.buttons.grow-form method="post" action="/mail/folders/rename" {
                            (csrf_field(visit))
                            input type="hidden" name="folder" value=(folder.name);
                            input name="name" value=(folder.name) required
                                aria-label=(t!(lang, "mail-folder-new-name", name = label(folder, lang)))
                                    maxlength="200";
                            button.quiet.small { (t!(lang, "mail-folder-rename")) }
                        }
                        form method="post" action="/mail/folders/delete" {
                            (csrf_field(visit))
                            input type="hidden" name="folder" value=(folder.name);
                            button.danger.small { (t!(lang, "mail-folder-delete")) }
                        }
                    }
                }
            }
        }
    };
    let body = frame(visit, &folders, None, body);
    let mut response = Page::new(visit, title)
        .of(Whose::Admitted(mailbox.admitted.account()))
        .full()
        .show(body);
    if fault.is_some() {
        *response.status_mut() = axum::http::StatusCode::UNPROCESSABLE_ENTITY;
    }
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_may_have_quotes_but_no_line_ends() {
        assert!(parse(" 研究 \"2026\" & 'x' ").is_ok());
        assert!(parse("a/b").is_ok());
        for (typed, fault) in [
            ("  ", Fault::Empty),
            ("a\nb", Fault::Characters),
            ("a\0b", Fault::Characters),
            ("a*", Fault::Characters),
            ("a//b", Fault::Characters),
            ("../b", Fault::Characters),
        ] {
            assert_eq!(parse(typed), Err(fault), "{typed:?}");
        }
        assert_eq!(parse(&"あ".repeat(67)), Err(Fault::TooLong));
    }
}
