//! What is done with chosen messages, and the way to undo it.

use axum::extract::Path;
use axum::response::Response;
use maud::html;
use sekisho_mailclient::{Access, Flag, FlagChange, MailboxName, SpecialUse, Uid};

use super::failure::OrWebError;
use super::folders::Folders;
use super::list::{frame, without_news};
use super::place;
use super::pool::Mailbox;
use super::relocate::{Moved, relocate, undo};
use crate::error::WebError;
use crate::form::Form;
use crate::form_fields::Fields;
use crate::layout::{Page, Whose, csrf_field};
use crate::visit::{local_path, query_value};

/// How many messages one form names at most; a page has fewer.
const MOST: usize = 1000;

/// Deletes, marks or moves the chosen messages of a folder.
pub(super) async fn act(
    mut mailbox: Mailbox,
    Path(name): Path<String>,
    form: Form,
) -> Result<Response, WebError> {
    let name = place::folder_name(&name)?;
    let fields = &form.fields;
    let uids = chosen(fields)?;
    let back = local_path(fields.text("back"))
        .map_or_else(|| place::folder(&name), |path| without_news(&path));
    if uids.is_empty() {
        return Ok(place::see(&back));
    }
    let count = uids.len().to_string();
    let imap = mailbox.imap()?;
    let mut open = imap.open(&name, Access::Change).await.or_web_error()?;
    if fields.text("validity") != open.state().uid_validity.to_string() {
        return Err(WebError::TooOld);
    }
    let seen = [Flag::Seen];
    let (done, to) = match fields.text("do") {
        "read" => {
            open.set_flags(&uids, FlagChange::Add, &seen)
                .await
                .or_web_error()?;
            return Ok(place::see(&back));
        }
        "unread" => {
            open.set_flags(&uids, FlagChange::Remove, &seen)
                .await
                .or_web_error()?;
            return Ok(place::see(&back));
        }
        "move" => ("moved", place::folder_name(fields.text("to"))?),
        "delete" => {
            let folders = Folders::of(imap).await.or_web_error()?;
            if folders.is(&name, SpecialUse::Trash) {
                let uids: Vec<String> = uids.iter().map(ToString::to_string).collect();
                let query: Vec<(&str, &str)> =
                    uids.iter().map(|uid| ("uid", uid.as_str())).collect();
                let page = format!("{}/for-good", place::folder(&name));
                return Ok(place::see(&place::with_query(&page, &query)));
            }
            (
                "deleted",
                folders.need(imap, SpecialUse::Trash).await.or_web_error()?,
            )
        }
        _ => return Err(WebError::BadRequest),
    };
    let moved = relocate(imap, &name, &uids, &to).await.or_web_error()?;
    Ok(place::see(&after_move(
        &back, done, &count, moved, &to, &name,
    )))
}

/// The page after messages went from one folder to another, with the way to undo it.
pub(super) fn after_move(
    page: &str,
    done: &str,
    count: &str,
    moved: Option<Moved>,
    now_in: &MailboxName,
    from: &MailboxName,
) -> String {
    let undo = moved.map(|moved| moved.to_string()).unwrap_or_default();
    place::with_query(
        page,
        &[
            ("done", done),
            ("count", count),
            ("undo", &undo),
            ("in", now_in.as_str()),
            ("out", from.as_str()),
        ],
    )
}

/// Takes moved messages back.
pub(super) async fn take_back(mut mailbox: Mailbox, form: Form) -> Result<Response, WebError> {
    let fields = &form.fields;
    let moved: Moved = fields.text("undo").parse()?;
    let from = place::folder_name(fields.text("from"))?;
    let to = place::folder_name(fields.text("to"))?;
    undo(mailbox.imap()?, &from, moved, &to).await?;
    Ok(place::see(&place::with_query(
        &place::folder(&to),
        &[("done", "undone")],
    )))
}

/// Asks before messages are deleted for good.
pub(super) async fn ask_for_good(
    mut mailbox: Mailbox,
    Path(name): Path<String>,
) -> Result<Response, WebError> {
    let name = place::folder_name(&name)?;
    let path = mailbox.admitted.visit.path.clone();
    let query = path.split_once('?').map_or("", |(_, query)| query);
    let uids: Vec<String> = url::form_urlencoded::parse(query.as_bytes())
        .filter(|(key, _)| key == "uid")
        .map(|(_, value)| value.into_owned())
        .take(MOST)
        .collect();
    let count = u32::try_from(uids.len()).unwrap_or(u32::MAX);
    ask(&mut mailbox, &name, "for-good", &uids, count).await
}

/// Asks before the Trash is emptied.
pub(super) async fn ask_empty(
    mut mailbox: Mailbox,
    Path(name): Path<String>,
) -> Result<Response, WebError> {
    let name = place::folder_name(&name)?;
    let count = mailbox
        .imap()?
        .open(&name, Access::Read)
        .await
        .or_web_error()?
        .state()
        .messages;
    ask(&mut mailbox, &name, "empty", &[], count).await
}

async fn ask(
    mailbox: &mut Mailbox,
    name: &MailboxName,
    action: &str,
    uids: &[String],
    count: u32,
) -> Result<Response, WebError> {
    let imap = mailbox.imap()?;
    let folders = Folders::of(imap).await.or_web_error()?;
    if !folders.is(name, SpecialUse::Trash) {
        return Err(WebError::NotFound);
    }
    let validity = imap
        .open(name, Access::Read)
        .await
        .or_web_error()?
        .state()
        .uid_validity;
    let visit = &mailbox.admitted.visit;
    let lang = visit.lang;
    let title = t!(lang, "mail-for-good-title");
    let body = html! {
        section.card {
            h1 { (title) }
            p { (t!(lang, "mail-for-good-question", count = count)) }
            form method="post" action=(format!("{}/{action}", place::folder(name))) {
                (csrf_field(visit))
                input type="hidden" name="validity" value=(validity);
                @for uid in uids { input type="hidden" name="uid" value=(uid); }
                div.buttons {
                    button.danger { (t!(lang, "mail-delete-for-good")) }
                    a.button.quiet href=(place::folder(name)) { (t!(lang, "cancel")) }
                }
            }
        }
    };
    let body = frame(visit, &folders, Some(name), body);
    let account = mailbox.admitted.account();
    Ok(Page::new(visit, title)
        .of(Whose::Admitted(account))
        .full()
        .show(body))
}

/// Deletes the chosen messages of the Trash for good.
pub(super) async fn for_good(
    mut mailbox: Mailbox,
    Path(name): Path<String>,
    form: Form,
) -> Result<Response, WebError> {
    let uids = chosen(&form.fields)?;
    remove(&mut mailbox, &name, &form, Some(uids)).await
}

/// Empties the Trash.
pub(super) async fn empty(
    mut mailbox: Mailbox,
    Path(name): Path<String>,
    form: Form,
) -> Result<Response, WebError> {
    remove(&mut mailbox, &name, &form, None).await
}

/// `None` stands for all messages.
async fn remove(
    mailbox: &mut Mailbox,
    name: &str,
    form: &Form,
    uids: Option<Vec<Uid>>,
) -> Result<Response, WebError> {
    let name = place::folder_name(name)?;
    let imap = mailbox.imap()?;
    if !Folders::of(imap)
        .await
        .or_web_error()?
        .is(&name, SpecialUse::Trash)
    {
        return Err(WebError::NotFound);
    }
    let mut open = imap.open(&name, Access::Change).await.or_web_error()?;
    if form.fields.text("validity") != open.state().uid_validity.to_string() {
        return Err(WebError::TooOld);
    }
    let uids = match uids {
        Some(uids) => uids,
        None => open
            .search(&sekisho_mailclient::SearchKey::All)
            .await
            .or_web_error()?,
    };
    if !uids.is_empty() {
        open.delete(&uids).await.or_web_error()?;
    }
    let count = uids.len().to_string();
    let page = place::folder(&name);
    Ok(place::see(&place::with_query(
        &page,
        &[("done", "gone"), ("count", &count)],
    )))
}

fn chosen(fields: &Fields) -> Result<Vec<Uid>, WebError> {
    let mut uids = fields
        .all("uid")
        .take(MOST)
        .map(|uid| uid.parse().map_err(|_| WebError::BadRequest))
        .collect::<Result<Vec<Uid>, _>>()?;
    uids.sort_unstable();
    uids.dedup();
    Ok(uids)
}

/// The message that a request's query names.
pub(super) fn named(path: &str, parameter: &str) -> Option<Uid> {
    query_value(path, parameter)?.parse().ok()
}
