//! Writing a message: the page, and what its buttons do.
//!
//! Whatever goes wrong with sending, the message is saved in the drafts first, with its files, and the page is shown
//! again with everything on it. A form that arrives when the session owes a factor is kept by [`Keepable`] and found
//! again by [`stash::kept`].

use std::sync::Arc;

use axum::Extension;
use axum::response::{IntoResponse, Response};
use sekisho_mailclient::{
    Access, Flag, FlagChange, Imap, Keyword, Path, SpecialUse, Submission, SubmitError,
};

use super::actions::after_move;
use super::composition::{About, AnswerKind, Composition};
use super::draft::{BuildFor, Draft};
use super::failure::OrWebError;
use super::folders::Folders;
use super::pool::{Mailbox, Pool};
use super::recipients::Recipient;
use super::relocate::relocate;
use super::stored_draft::{open_draft, remove_stored, sender, store};
use super::writing_page::{Note, page};
use super::{place, reply};
use crate::error::WebError;
use crate::form::{Form, Keepable};
use crate::stash;
use crate::time;
use crate::upstream_password;
use crate::visit::{AdmittedVisit, query_value};

/// The page: empty, with an answer begun, with a draft, or with what was kept.
pub(super) async fn show(mut mailbox: Mailbox) -> Result<Response, WebError> {
    let path = mailbox.admitted.visit.path.clone();
    if let Some(fields) = stash::kept(&mailbox.admitted) {
        let mut composition = Composition::of(&fields);
        composition
            .find_files(mailbox.imap()?, Some(&fields))
            .await?;
        return page(&mut mailbox, composition, &[Note::Kept]).await;
    }
    if let Some(uid) = super::actions::named(&path, "draft") {
        let mut composition = open_draft(mailbox.imap()?, uid).await?;
        composition.about = About::of(|name| query_value(&path, name));
        let notes: &[Note] = if query_value(&path, "saved").is_some() {
            &[Note::Saved]
        } else {
            &[]
        };
        return page(&mut mailbox, composition, notes).await;
    }
    for kind in AnswerKind::ALL {
        if let Some((folder, uid)) = super::message::named(&path, kind.word()) {
            let composition = reply::begin(&mut mailbox, folder, uid, kind).await?;
            return page(&mut mailbox, composition, &[]).await;
        }
    }
    let composition = Composition {
        draft: Draft {
            to: query_value(&path, "to").unwrap_or_default(),
            ..Draft::default()
        },
        ..Composition::default()
    };
    page(&mut mailbox, composition, &[]).await
}

/// Sends, saves or discards.
pub(super) async fn submit(
    Extension(pool): Extension<Arc<Pool>>,
    Keepable { admitted, form }: Keepable,
) -> Result<Response, WebError> {
    let mut mailbox = Mailbox::open(admitted, pool).await?;
    let mut composition = Composition::of(&form.fields);
    match form.fields.text("do") {
        "send" => send(&mut mailbox, composition, form).await,
        "save" => {
            let too_large = form.too_large;
            save(&mut mailbox, &mut composition, form).await?;
            stash::clear(&mailbox.admitted).await?;
            if too_large {
                return page(&mut mailbox, composition, &[Note::FilesTooLarge]).await;
            }
            Ok(place::see(&composition.address()))
        }
        "discard" => discard(&mut mailbox, composition, form).await,
        _ => Err(WebError::BadRequest),
    }
}

/// What the page does by itself while one writes. Answers with where the draft is now.
pub(super) async fn autosave(
    Extension(pool): Extension<Arc<Pool>>,
    Keepable { admitted, form }: Keepable,
) -> Result<Response, WebError> {
    let mut mailbox = Mailbox::open(admitted, pool).await?;
    let mut composition = Composition::of(&form.fields);
    save(&mut mailbox, &mut composition, form).await?;
    let visit = &mailbox.admitted.visit;
    let at = time::hour(&visit.context.config.zone, mailbox.now());
    let answer = serde_json::json!({
        "draft": composition.stored.map(|mark| mark.to_string()),
        "id": composition.draft.id,
        "said": t!(visit.lang, "mail-autosaved", time = at),
    });
    Ok((
        [(axum::http::header::CONTENT_TYPE, "application/json")],
        answer.to_string(),
    )
        .into_response())
}

async fn send(
    mailbox: &mut Mailbox,
    mut composition: Composition,
    form: Form,
) -> Result<Response, WebError> {
    let addressed = composition.draft.addressed();
    let mut notes: Vec<Note> = addressed
        .bad
        .iter()
        .map(|typed| Note::BadAddress(typed.clone()))
        .collect();
    let everybody: Vec<&Recipient> = addressed
        .to
        .iter()
        .chain(&addressed.cc)
        .chain(&addressed.bcc)
        .collect();
    if everybody.is_empty() && notes.is_empty() {
        notes.push(Note::NoRecipient);
    }
    if form.too_large {
        notes.push(Note::FilesTooLarge);
    }
    if !notes.is_empty() {
        save(mailbox, &mut composition, form).await?;
        return page(mailbox, composition, &notes).await;
    }
    let mut to = Vec::new();
    for recipient in everybody {
        let address = recipient.address.to_string();
        match Path::parse(&address) {
            Some(address) if !to.contains(&address) => to.push(address),
            Some(_) => {}
            None => notes.push(Note::BadAddress(address)),
        }
    }
    let from =
        sender(mailbox.admitted.account(), &composition.draft.from).ok_or(WebError::Unavailable)?;
    let envelope_from = Path::parse(&from.address.to_string()).ok_or(WebError::Unavailable)?;
    let files = composition.gather(mailbox.imap()?, &form).await?;
    composition.number(&from)?;
    let visit = &mailbox.admitted.visit;
    let now = mailbox
        .now()
        .to_zoned_datetime(visit.context.config.zone.clone());
    let message = composition
        .draft
        .build(&from, &now, files.clone(), BuildFor::Recipients)?;
    if notes.is_empty()
        && let Err(note) = hand_in(&mailbox.admitted, &envelope_from, &to, &message).await?
    {
        notes.push(note);
    }
    if !notes.is_empty() {
        store(mailbox, &mut composition, files).await?;
        return page(mailbox, composition, &notes).await;
    }
    let copy = composition
        .draft
        .build(&from, &now, files, BuildFor::SentFolder)?;
    let done = match after_sending(mailbox.imap()?, &composition, &copy).await {
        Ok(()) => "sent",
        Err(error) => {
            tracing::warn!(%error, "a message was sent, but not everything after it was done");
            "sent-no-copy"
        }
    };
    stash::clear(&mailbox.admitted).await?;
    let back = composition
        .about
        .as_ref()
        .map_or_else(|| "/mail".to_owned(), |about| place::folder(&about.folder));
    Ok(place::see(&place::with_query(&back, &[("done", done)])))
}

/// Hands a message to the submission server; the inner error is for the person to read.
async fn hand_in(
    admitted: &AdmittedVisit,
    from: &Path,
    to: &[Path],
    message: &[u8],
) -> Result<Result<(), Note>, WebError> {
    let Ok(password) = upstream_password::of(admitted) else {
        return Ok(Err(Note::SubmissionAway));
    };
    let admission = admitted.again().await?.into_admitted();
    let mail = &admitted.visit.context.mail;
    let sent = match mail.submission(admission, password).await {
        Ok(stream) => match Submission::authenticated(stream).await {
            Ok(mut submission) => {
                let sent = submission.send(from, to, message).await;
                if sent.is_ok() && submission.quit().await.is_err() {
                    tracing::debug!("the submission server left without a word");
                }
                sent
            }
            Err(error) => Err(error),
        },
        Err(error) => {
            tracing::warn!(%error, "the submission server is out of reach");
            return Ok(Err(Note::SubmissionAway));
        }
    };
    Ok(sent.map(|_| ()).map_err(|error| match error {
        SubmitError::Recipients(refused) => Note::Recipients(
            refused
                .into_iter()
                .map(|(address, reply)| (address.as_str().to_owned(), reply.words()))
                .collect(),
        ),
        SubmitError::Refused(reply) => Note::Refused(reply.words()),
        SubmitError::TooLarge { .. } => Note::MessageTooLarge,
        SubmitError::Unsendable(_) => Note::Unsendable,
        SubmitError::Gone => Note::SubmissionGone,
        SubmitError::Protocol(_) => Note::SubmissionAway,
    }))
}

/// The copy among the sent ones, the mark on what was answered, the draft's end.
async fn after_sending(
    imap: &mut Imap,
    composition: &Composition,
    copy: &[u8],
) -> Result<(), sekisho_mailclient::Error> {
    let folders = Folders::of(imap).await?;
    let sent = folders.need(imap, SpecialUse::Sent).await?;
    imap.append(&sent, &[Flag::Seen], copy).await?;
    if let Some(drafts) = folders.with_use(SpecialUse::Drafts) {
        remove_stored(imap, &drafts.name, composition, None).await?;
    }
    let Some(about) = &composition.about else {
        return Ok(());
    };
    let flag = match about.kind {
        AnswerKind::Reply | AnswerKind::ReplyAll => Some(Flag::Answered),
        AnswerKind::Forward => Keyword::new(b"$Forwarded").map(Flag::Keyword),
    };
    let mut open = imap.open(&about.folder, Access::Change).await?;
    match flag {
        Some(flag) if open.state().uid_validity == about.mark.validity => {
            open.set_flags(&[about.mark.uid], FlagChange::Add, &[flag])
                .await
        }
        _ => Ok(()),
    }
}

/// Moves the draft to the Trash, from where it can be taken back; what was not saved yet is saved first.
async fn discard(
    mailbox: &mut Mailbox,
    mut composition: Composition,
    form: Form,
) -> Result<Response, WebError> {
    if composition.draft.is_empty() && composition.stored.is_none() && form.files.is_empty() {
        stash::clear(&mailbox.admitted).await?;
        return Ok(place::see("/mail"));
    }
    save(mailbox, &mut composition, form).await?;
    stash::clear(&mailbox.admitted).await?;
    let imap = mailbox.imap()?;
    let folders = Folders::of(imap).await.or_web_error()?;
    let drafts = folders
        .need(imap, SpecialUse::Drafts)
        .await
        .or_web_error()?;
    let trash = folders.need(imap, SpecialUse::Trash).await.or_web_error()?;
    let Some(stored) = composition.stored else {
        return Ok(place::see("/mail"));
    };
    let moved = relocate(imap, &drafts, &[stored.uid], &trash)
        .await
        .or_web_error()?;
    Ok(place::see(&after_move(
        "/mail",
        "discarded",
        "1",
        moved,
        &trash,
        &drafts,
    )))
}

async fn save(
    mailbox: &mut Mailbox,
    composition: &mut Composition,
    form: Form,
) -> Result<(), WebError> {
    if composition.draft.is_empty()
        && composition.stored.is_none()
        && form.files.is_empty()
        && !form.fields.has("original")
    {
        return Ok(());
    }
    let files = composition.gather(mailbox.imap()?, &form).await?;
    store(mailbox, composition, files).await
}
