//! Writing a message: the page, and what its buttons do.
//!
//! Whatever goes wrong with sending, the message is in the drafts first, files and all, and the page is shown again
//! with everything on it. A form that arrives when the session owes a factor is kept by [`Keepable`] and found again by
//! [`stash::kept`].

use std::sync::Arc;

use axum::Extension;
use axum::response::{IntoResponse, Response};
use sekisho_checkpoint::Account;
use sekisho_mailclient::{
    Access, Flag, FlagChange, Imap, Keyword, MailboxName, PartNumber, Path, SearchKey, SpecialUse,
    Submission, SubmitError, Uid,
};
use sekisho_message::address::AddressSpec;

use super::actions::after_move;
use super::draft::{Draft, File, For, new_id};
use super::folders::Folders;
use super::place::{self, Mark};
use super::pool::{Mailbox, Pool};
use super::recipients::Recipient;
use super::relocate::relocate;
use super::trouble::OrTrouble;
use super::writing_page::{Note, page};
use super::{content, download, reply};
use crate::error::WebError;
use crate::form::{FileField, Form, Keepable};
use crate::form_fields::Fields;
use crate::stash;
use crate::time;
use crate::upstream_password;
use crate::visit::{Seated, query_value};

/// The largest draft that is opened again, in bytes.
pub(super) const LARGEST_DRAFT: usize = 128 * 1024 * 1024;

/// All that belongs to a message being written.
#[derive(Default)]
pub(super) struct Desk {
    pub draft: Draft,
    /// Where it is stored, if it is.
    pub stored: Option<Mark>,
    /// What it answers or forwards.
    pub about: Option<About>,
    /// The files that are stored with it.
    pub files: Vec<Listed>,
    /// The files of the message that it forwards.
    pub originals: Vec<Listed>,
}

/// A file that exists already.
pub(super) struct Listed {
    pub number: PartNumber,
    pub name: String,
    pub size: u64,
    /// Whether it goes along.
    pub chosen: bool,
}

/// The message that this one is about.
#[derive(Clone)]
pub(super) struct About {
    pub folder: MailboxName,
    pub mark: Mark,
    pub how: How,
}

/// What is done with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum How {
    Reply,
    ReplyAll,
    Forward,
}

impl How {
    /// As addresses and forms name it.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Reply => "reply",
            Self::ReplyAll => "replyall",
            Self::Forward => "forward",
        }
    }

    pub(super) const ALL: [Self; 3] = [Self::Reply, Self::ReplyAll, Self::Forward];
}

/// The page: empty, with an answer begun, with a draft, or with what was kept.
pub(super) async fn show(mut mailbox: Mailbox) -> Result<Response, WebError> {
    let path = mailbox.seated.visit.path.clone();
    if let Some(fields) = stash::kept(&mailbox.seated) {
        let mut desk = Desk::of(&fields);
        desk.find_files(mailbox.imap()?, Some(&fields)).await?;
        return page(&mut mailbox, desk, &[Note::Kept]).await;
    }
    if let Some(uid) = super::actions::named(&path, "draft") {
        let mut desk = open_draft(mailbox.imap()?, uid).await?;
        desk.about = About::of(|name| query_value(&path, name));
        let notes: &[Note] = if query_value(&path, "saved").is_some() {
            &[Note::Saved]
        } else {
            &[]
        };
        return page(&mut mailbox, desk, notes).await;
    }
    for how in How::ALL {
        if let Some((folder, uid)) = super::message::named(&path, how.word()) {
            let desk = reply::begin(&mut mailbox, folder, uid, how).await?;
            return page(&mut mailbox, desk, &[]).await;
        }
    }
    let desk = Desk {
        draft: Draft {
            to: query_value(&path, "to").unwrap_or_default(),
            ..Draft::default()
        },
        ..Desk::default()
    };
    page(&mut mailbox, desk, &[]).await
}

/// Sends, saves or discards.
pub(super) async fn submit(
    Extension(pool): Extension<Arc<Pool>>,
    Keepable { seated, form }: Keepable,
) -> Result<Response, WebError> {
    let mut mailbox = Mailbox::open(seated, pool).await?;
    let mut desk = Desk::of(&form.fields);
    match form.fields.text("do") {
        "send" => send(&mut mailbox, desk, form).await,
        "save" => {
            let too_large = form.too_large;
            save(&mut mailbox, &mut desk, form).await?;
            stash::clear(&mailbox.seated).await?;
            if too_large {
                return page(&mut mailbox, desk, &[Note::FilesTooLarge]).await;
            }
            Ok(place::see(&desk.address()))
        }
        "discard" => discard(&mut mailbox, desk, form).await,
        _ => Err(WebError::BadRequest),
    }
}

/// What the page does by itself while one writes. Answers with where the draft is now.
pub(super) async fn autosave(
    Extension(pool): Extension<Arc<Pool>>,
    Keepable { seated, form }: Keepable,
) -> Result<Response, WebError> {
    let mut mailbox = Mailbox::open(seated, pool).await?;
    let mut desk = Desk::of(&form.fields);
    save(&mut mailbox, &mut desk, form).await?;
    let visit = &mailbox.seated.visit;
    let at = time::hour(&visit.context.config.zone, mailbox.now());
    let answer = serde_json::json!({
        "draft": desk.stored.map(|mark| mark.to_string()),
        "id": desk.draft.id,
        "said": t!(visit.lang, "mail-autosaved", time = at),
    });
    Ok((
        [(axum::http::header::CONTENT_TYPE, "application/json")],
        answer.to_string(),
    )
        .into_response())
}

async fn send(mailbox: &mut Mailbox, mut desk: Desk, form: Form) -> Result<Response, WebError> {
    let addressed = desk.draft.addressed();
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
        save(mailbox, &mut desk, form).await?;
        return page(mailbox, desk, &notes).await;
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
    let from = sender(mailbox.seated.account(), &desk.draft.from).ok_or(WebError::Unavailable)?;
    let envelope_from = Path::parse(&from.address.to_string()).ok_or(WebError::Unavailable)?;
    let files = desk.gather(mailbox.imap()?, &form).await?;
    desk.number(&from)?;
    let visit = &mailbox.seated.visit;
    let now = mailbox
        .now()
        .to_zoned_datetime(visit.context.config.zone.clone());
    let message = desk.draft.build(&from, &now, files.clone(), For::Others)?;
    if notes.is_empty()
        && let Err(note) = hand_in(&mailbox.seated, &envelope_from, &to, &message).await?
    {
        notes.push(note);
    }
    if !notes.is_empty() {
        store(mailbox, &mut desk, files).await?;
        return page(mailbox, desk, &notes).await;
    }
    let copy = desk.draft.build(&from, &now, files, For::OwnCopy)?;
    let done = match after_sending(mailbox.imap()?, &desk, &copy).await {
        Ok(()) => "sent",
        Err(error) => {
            tracing::warn!(%error, "a message was sent, but not everything after it was done");
            "sent-no-copy"
        }
    };
    stash::clear(&mailbox.seated).await?;
    let back = desk
        .about
        .as_ref()
        .map_or_else(|| "/mail".to_owned(), |about| place::folder(&about.folder));
    Ok(place::see(&place::with_query(&back, &[("done", done)])))
}

/// Hands a message to the submission server; the inner error is for the person to read.
async fn hand_in(
    seated: &Seated,
    from: &Path,
    to: &[Path],
    message: &[u8],
) -> Result<Result<(), Note>, WebError> {
    let Ok(password) = upstream_password::of(seated) else {
        return Ok(Err(Note::SubmissionAway));
    };
    let admitted = seated.again().await?.into_admitted();
    let mail = &seated.visit.context.mail;
    let sent = match mail.submission(admitted, password).await {
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
    desk: &Desk,
    copy: &[u8],
) -> Result<(), sekisho_mailclient::Error> {
    let folders = Folders::of(imap).await?;
    let sent = folders.need(imap, SpecialUse::Sent).await?;
    imap.append(&sent, &[Flag::Seen], copy).await?;
    if let Some(drafts) = folders.with_use(SpecialUse::Drafts) {
        remove_stored(imap, &drafts.name, desk, None).await?;
    }
    let Some(about) = &desk.about else {
        return Ok(());
    };
    let flag = match about.how {
        How::Reply | How::ReplyAll => Some(Flag::Answered),
        How::Forward => Keyword::new(b"$Forwarded").map(Flag::Keyword),
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
async fn discard(mailbox: &mut Mailbox, mut desk: Desk, form: Form) -> Result<Response, WebError> {
    if desk.draft.is_empty() && desk.stored.is_none() && form.files.is_empty() {
        stash::clear(&mailbox.seated).await?;
        return Ok(place::see("/mail"));
    }
    save(mailbox, &mut desk, form).await?;
    stash::clear(&mailbox.seated).await?;
    let imap = mailbox.imap()?;
    let folders = Folders::of(imap).await.or_trouble()?;
    let drafts = folders.need(imap, SpecialUse::Drafts).await.or_trouble()?;
    let trash = folders.need(imap, SpecialUse::Trash).await.or_trouble()?;
    let Some(stored) = desk.stored else {
        return Ok(place::see("/mail"));
    };
    let moved = relocate(imap, &drafts, &[stored.uid], &trash)
        .await
        .or_trouble()?;
    Ok(place::see(&after_move(
        "/mail",
        "discarded",
        "1",
        moved,
        &trash,
        &drafts,
    )))
}

async fn save(mailbox: &mut Mailbox, desk: &mut Desk, form: Form) -> Result<(), WebError> {
    if desk.draft.is_empty()
        && desk.stored.is_none()
        && form.files.is_empty()
        && !form.fields.has("original")
    {
        return Ok(());
    }
    let files = desk.gather(mailbox.imap()?, &form).await?;
    store(mailbox, desk, files).await
}

/// Stores the draft in place of its former form.
async fn store(mailbox: &mut Mailbox, desk: &mut Desk, files: Vec<File>) -> Result<(), WebError> {
    let from = sender(mailbox.seated.account(), &desk.draft.from).ok_or(WebError::Unavailable)?;
    desk.number(&from)?;
    let now = mailbox
        .now()
        .to_zoned_datetime(mailbox.seated.visit.context.config.zone.clone());
    let message = desk.draft.build(&from, &now, files, For::Drafts)?;
    let imap = mailbox.imap()?;
    let folders = Folders::of(imap).await.or_trouble()?;
    let drafts = folders.need(imap, SpecialUse::Drafts).await.or_trouble()?;
    let appended = imap
        .append(&drafts, &[Flag::Draft, Flag::Seen], &message)
        .await
        .or_trouble()?;
    let uid = match appended {
        Some(appended) => Some(appended.uid),
        None => find(imap, &drafts, &desk.draft.id)
            .await
            .or_trouble()?
            .into_iter()
            .next(),
    };
    let validity = imap
        .open(&drafts, Access::Read)
        .await
        .or_trouble()?
        .state()
        .uid_validity;
    remove_stored(imap, &drafts, desk, uid).await.or_trouble()?;
    desk.stored = uid.map(|uid| Mark { validity, uid });
    desk.originals.clear();
    desk.find_files(imap, None).await
}

/// Removes the stored forms of a draft, but for the newest.
async fn remove_stored(
    imap: &mut Imap,
    drafts: &MailboxName,
    desk: &Desk,
    newest: Option<Uid>,
) -> Result<(), sekisho_mailclient::Error> {
    let mut old = if desk.draft.id.is_empty() {
        Vec::new()
    } else {
        find(imap, drafts, &desk.draft.id).await?
    };
    let mut open = imap.open(drafts, Access::Change).await?;
    let validity = open.state().uid_validity;
    old.extend(
        desk.stored
            .filter(|mark| mark.validity == validity)
            .map(|mark| mark.uid),
    );
    old.retain(|uid| Some(*uid) != newest);
    old.sort_unstable();
    old.dedup();
    if old.is_empty() {
        Ok(())
    } else {
        open.delete(&old).await
    }
}

/// The stored forms of a draft, newest first.
async fn find(
    imap: &mut Imap,
    drafts: &MailboxName,
    id: &str,
) -> Result<Vec<Uid>, sekisho_mailclient::Error> {
    let key = SearchKey::Header {
        name: "Message-ID".to_owned(),
        value: format!("<{id}>"),
    };
    imap.open(drafts, Access::Read).await?.search(&key).await
}

async fn open_draft(imap: &mut Imap, uid: Uid) -> Result<Desk, WebError> {
    let folders = Folders::of(imap).await.or_trouble()?;
    let drafts = folders
        .with_use(SpecialUse::Drafts)
        .ok_or(WebError::NotFound)?
        .name
        .clone();
    let mut open = imap.open(&drafts, Access::Read).await.or_trouble()?;
    let validity = open.state().uid_validity;
    let message = open
        .message(uid, LARGEST_DRAFT)
        .await
        .or_trouble()?
        .ok_or(WebError::NotFound)?;
    let mut desk = Desk {
        draft: Draft::parse(&message.raw).ok_or(WebError::NotFound)?,
        stored: Some(Mark { validity, uid }),
        ..Desk::default()
    };
    desk.find_files(imap, None).await?;
    Ok(desk)
}

/// The address that a message is from: the chosen one if it is the account's, else its main one.
fn sender(account: &Account, chosen: &str) -> Option<Recipient> {
    let own = account
        .addresses
        .iter()
        .find(|address| address.to_string() == chosen);
    let own = own.or_else(|| account.main_address())?;
    Some(Recipient {
        name: account.display_name.clone(),
        address: AddressSpec::new(own.local(), own.domain()).ok()?,
    })
}

impl About {
    /// From a form or an address.
    fn of(value: impl Fn(&str) -> Option<String>) -> Option<Self> {
        let how = value("how")?;
        Some(Self {
            folder: place::folder_name(&value("of-folder")?).ok()?,
            mark: value("of")?.parse().ok()?,
            how: How::ALL.into_iter().find(|known| known.word() == how)?,
        })
    }
}

impl Desk {
    fn of(fields: &Fields) -> Self {
        Self {
            draft: Draft::of(fields),
            stored: fields.text("draft").parse().ok(),
            about: About::of(|name| Some(fields.text(name).to_owned())),
            ..Self::default()
        }
    }

    /// The page of the stored draft.
    fn address(&self) -> String {
        let Some(stored) = self.stored else {
            return "/mail/compose".to_owned();
        };
        let uid = stored.uid.to_string();
        let mut query = vec![("draft", uid.as_str()), ("saved", "1")];
        let mark = self
            .about
            .as_ref()
            .map(|about| about.mark.to_string())
            .unwrap_or_default();
        if let Some(about) = &self.about {
            query.extend([
                ("of", mark.as_str()),
                ("of-folder", about.folder.as_str()),
                ("how", about.how.word()),
            ]);
        }
        place::with_query("/mail/compose", &query)
    }

    /// Gives it a message ID, once.
    fn number(&mut self, from: &Recipient) -> Result<(), WebError> {
        if self.draft.id.is_empty() {
            self.draft.id = new_id(from.address.domain())?;
        }
        Ok(())
    }

    /// Looks up the files that are stored with it, and those of what it forwards. A form knows which of them were
    /// chosen.
    async fn find_files(
        &mut self,
        imap: &mut Imap,
        fields: Option<&Fields>,
    ) -> Result<(), WebError> {
        self.files.clear();
        if let Some(uid) = self.stored_uid(imap).await? {
            let folders = Folders::of(imap).await.or_trouble()?;
            if let Some(drafts) = folders.with_use(SpecialUse::Drafts) {
                self.files = list_files(
                    imap,
                    &drafts.name,
                    uid,
                    fields.map(|fields| (fields, "keep")),
                )
                .await?;
            }
        }
        let forwarded = self.about.clone().filter(|about| about.how == How::Forward);
        if let (Some(fields), Some(about)) =
            (fields.filter(|fields| fields.has("original")), forwarded)
        {
            self.originals = list_files(
                imap,
                &about.folder,
                about.mark.uid,
                Some((fields, "original")),
            )
            .await?;
        }
        Ok(())
    }

    /// Where it is stored by now: another tab, or the page's own saving, may have stored it anew.
    async fn stored_uid(&self, imap: &mut Imap) -> Result<Option<Uid>, WebError> {
        let Some(stored) = self.stored else {
            return Ok(None);
        };
        let folders = Folders::of(imap).await.or_trouble()?;
        let Some(drafts) = folders.with_use(SpecialUse::Drafts) else {
            return Ok(None);
        };
        let mut open = imap.open(&drafts.name, Access::Read).await.or_trouble()?;
        let is_there = open.state().uid_validity == stored.validity
            && open.summary(stored.uid).await.or_trouble()?.is_some();
        if is_there || self.draft.id.is_empty() {
            return Ok(is_there.then_some(stored.uid));
        }
        Ok(find(imap, &drafts.name, &self.draft.id)
            .await
            .or_trouble()?
            .into_iter()
            .next())
    }

    /// All files that go along: those of the stored draft and of what is forwarded, as far as they are chosen, and new
    /// ones.
    async fn gather(&self, imap: &mut Imap, form: &Form) -> Result<Vec<File>, WebError> {
        let mut files = Vec::new();
        if form.fields.has("keep")
            && let Some(uid) = self.stored_uid(imap).await?
        {
            let folders = Folders::of(imap).await.or_trouble()?;
            if let Some(drafts) = folders.with_use(SpecialUse::Drafts) {
                files.extend(fetch_files(imap, &drafts.name, uid, form.fields.all("keep")).await?);
            }
        }
        if let (Some(about), true) = (&self.about, form.fields.has("original")) {
            let mark = about.mark;
            let open = imap.open(&about.folder, Access::Read).await.or_trouble()?;
            if open.state().uid_validity == mark.validity {
                files.extend(
                    fetch_files(imap, &about.folder, mark.uid, form.fields.all("original")).await?,
                );
            }
        }
        files.extend(form.files.iter().map(File::from));
        Ok(files)
    }
}

impl From<&FileField> for File {
    fn from(field: &FileField) -> Self {
        // Some browsers send a whole path.
        let name = field.name.rsplit(['/', '\\']).next().unwrap_or_default();
        let name: String = name.chars().filter(|c| !c.is_control()).take(200).collect();
        let is_token = |b: u8| b.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&b);
        let kind = field
            .content_type
            .split(';')
            .next()
            .unwrap_or_default()
            .trim();
        let is_kind = kind.split_once('/').is_some_and(|(a, b)| {
            !a.is_empty() && !b.is_empty() && a.bytes().all(is_token) && b.bytes().all(is_token)
        });
        Self {
            name: if name.is_empty() {
                "file".to_owned()
            } else {
                name
            },
            kind: if is_kind {
                kind.to_owned()
            } else {
                "application/octet-stream".to_owned()
            },
            bytes: field.bytes.to_vec(),
        }
    }
}

/// The files of a stored message; `chosen` are a form's fields that tell which go along.
pub(super) async fn list_files(
    imap: &mut Imap,
    folder: &MailboxName,
    uid: Uid,
    chosen: Option<(&Fields, &str)>,
) -> Result<Vec<Listed>, WebError> {
    let mut open = imap.open(folder, Access::Read).await.or_trouble()?;
    let summary = open.summary(uid).await.or_trouble()?;
    let Some(structure) = summary.and_then(|summary| summary.structure) else {
        return Ok(Vec::new());
    };
    Ok(content::files(&structure, &[])
        .into_iter()
        .map(|part| Listed {
            number: part.number.clone(),
            name: download::file_name(part),
            size: content::size(part),
            chosen: chosen.is_none_or(|(fields, name)| {
                fields.all(name).any(|n| n == part.number.to_string())
            }),
        })
        .collect())
}

async fn fetch_files(
    imap: &mut Imap,
    folder: &MailboxName,
    uid: Uid,
    numbers: impl Iterator<Item = &str>,
) -> Result<Vec<File>, WebError> {
    let mut open = imap.open(folder, Access::Read).await.or_trouble()?;
    let summary = open
        .summary(uid)
        .await
        .or_trouble()?
        .ok_or(WebError::NotFound)?;
    let structure = summary.structure.ok_or(WebError::NotFound)?;
    let mut files = Vec::new();
    for number in numbers {
        let number: PartNumber = number.parse().map_err(|_| WebError::BadRequest)?;
        let part = structure.find(&number).ok_or(WebError::NotFound)?;
        let bytes = open
            .part(uid, part, LARGEST_DRAFT)
            .await
            .or_trouble()?
            .ok_or(WebError::NotFound)?;
        files.push(File {
            name: download::file_name(part),
            kind: part.kind.clone(),
            bytes,
        });
    }
    Ok(files)
}
