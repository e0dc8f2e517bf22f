//! The message being written as it is stored among the drafts, and the files that go along with it.

use sekisho_checkpoint::Account;
use sekisho_mailclient::{Access, Flag, Imap, MailboxName, PartNumber, SearchKey, SpecialUse, Uid};
use sekisho_message::address::AddressSpec;

use super::composition::{AnswerKind, Composition, StoredFile};
use super::draft::{BuildFor, Draft, File};
use super::failure::OrWebError;
use super::folders::Folders;
use super::place::Mark;
use super::pool::Mailbox;
use super::recipients::Recipient;
use super::{content, download};
use crate::error::WebError;
use crate::form::{FileField, Form};
use crate::form_fields::Fields;

/// The largest draft that is opened again, in bytes.
pub(super) const LARGEST_DRAFT: usize = 128 * 1024 * 1024;

/// Stores the draft in place of its former form.
pub(super) async fn store(
    mailbox: &mut Mailbox,
    composition: &mut Composition,
    files: Vec<File>,
) -> Result<(), WebError> {
    let from =
        sender(mailbox.admitted.account(), &composition.draft.from).ok_or(WebError::Unavailable)?;
    composition.number(&from)?;
    let now = mailbox
        .now()
        .to_zoned_datetime(mailbox.admitted.visit.context.config.zone.clone());
    let message = composition
        .draft
        .build(&from, &now, files, BuildFor::Drafts)?;
    let imap = mailbox.imap()?;
    let folders = Folders::of(imap).await.or_web_error()?;
    let drafts = folders
        .need(imap, SpecialUse::Drafts)
        .await
        .or_web_error()?;
    let appended = imap
        .append(&drafts, &[Flag::Draft, Flag::Seen], &message)
        .await
        .or_web_error()?;
    let uid = match appended {
        Some(appended) => Some(appended.uid),
        None => find(imap, &drafts, &composition.draft.id)
            .await
            .or_web_error()?
            .into_iter()
            .next(),
    };
    let validity = imap
        .open(&drafts, Access::Read)
        .await
        .or_web_error()?
        .state()
        .uid_validity;
    remove_stored(imap, &drafts, composition, uid)
        .await
        .or_web_error()?;
    composition.stored = uid.map(|uid| Mark { validity, uid });
    composition.originals.clear();
    composition.find_files(imap, None).await
}

/// Removes the stored forms of a draft, but for the newest.
pub(super) async fn remove_stored(
    imap: &mut Imap,
    drafts: &MailboxName,
    composition: &Composition,
    newest: Option<Uid>,
) -> Result<(), sekisho_mailclient::Error> {
    let mut old = if composition.draft.id.is_empty() {
        Vec::new()
    } else {
        find(imap, drafts, &composition.draft.id).await?
    };
    let mut open = imap.open(drafts, Access::Change).await?;
    let validity = open.state().uid_validity;
    old.extend(
        composition
            .stored
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

pub(super) async fn open_draft(imap: &mut Imap, uid: Uid) -> Result<Composition, WebError> {
    let folders = Folders::of(imap).await.or_web_error()?;
    let drafts = folders
        .with_use(SpecialUse::Drafts)
        .ok_or(WebError::NotFound)?
        .name
        .clone();
    let mut open = imap.open(&drafts, Access::Read).await.or_web_error()?;
    let validity = open.state().uid_validity;
    let message = open
        .message(uid, LARGEST_DRAFT)
        .await
        .or_web_error()?
        .ok_or(WebError::NotFound)?;
    let mut composition = Composition {
        draft: Draft::parse(&message.raw).ok_or(WebError::NotFound)?,
        stored: Some(Mark { validity, uid }),
        ..Composition::default()
    };
    composition.find_files(imap, None).await?;
    Ok(composition)
}

/// The address that a message is from: the chosen one if it is the account's, else its main one.
pub(super) fn sender(account: &Account, chosen: &str) -> Option<Recipient> {
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

impl Composition {
    /// Looks up the files that are stored with the draft, and those of the message that it forwards. The form says
    /// which of them were chosen.
    pub(super) async fn find_files(
        &mut self,
        imap: &mut Imap,
        fields: Option<&Fields>,
    ) -> Result<(), WebError> {
        self.files.clear();
        if let Some(uid) = self.stored_uid(imap).await? {
            let folders = Folders::of(imap).await.or_web_error()?;
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
        let forwarded = self
            .about
            .clone()
            .filter(|about| about.kind == AnswerKind::Forward);
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
        let folders = Folders::of(imap).await.or_web_error()?;
        let Some(drafts) = folders.with_use(SpecialUse::Drafts) else {
            return Ok(None);
        };
        let mut open = imap.open(&drafts.name, Access::Read).await.or_web_error()?;
        let is_there = open.state().uid_validity == stored.validity
            && open.summary(stored.uid).await.or_web_error()?.is_some();
        if is_there || self.draft.id.is_empty() {
            return Ok(is_there.then_some(stored.uid));
        }
        Ok(find(imap, &drafts.name, &self.draft.id)
            .await
            .or_web_error()?
            .into_iter()
            .next())
    }

    /// All files that are sent along: those chosen of the stored draft and of the forwarded message, and new ones.
    pub(super) async fn gather(&self, imap: &mut Imap, form: &Form) -> Result<Vec<File>, WebError> {
        let mut files = Vec::new();
        if form.fields.has("keep")
            && let Some(uid) = self.stored_uid(imap).await?
        {
            let folders = Folders::of(imap).await.or_web_error()?;
            if let Some(drafts) = folders.with_use(SpecialUse::Drafts) {
                files.extend(fetch_files(imap, &drafts.name, uid, form.fields.all("keep")).await?);
            }
        }
        if let (Some(about), true) = (&self.about, form.fields.has("original")) {
            let mark = about.mark;
            let open = imap
                .open(&about.folder, Access::Read)
                .await
                .or_web_error()?;
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
) -> Result<Vec<StoredFile>, WebError> {
    let mut open = imap.open(folder, Access::Read).await.or_web_error()?;
    let summary = open.summary(uid).await.or_web_error()?;
    let Some(structure) = summary.and_then(|summary| summary.structure) else {
        return Ok(Vec::new());
    };
    Ok(content::files(&structure, &[])
        .into_iter()
        .map(|part| StoredFile {
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
    let mut open = imap.open(folder, Access::Read).await.or_web_error()?;
    let summary = open
        .summary(uid)
        .await
        .or_web_error()?
        .ok_or(WebError::NotFound)?;
    let structure = summary.structure.ok_or(WebError::NotFound)?;
    let mut files = Vec::new();
    for number in numbers {
        let number: PartNumber = number.parse().map_err(|_| WebError::BadRequest)?;
        let part = structure.find(&number).ok_or(WebError::NotFound)?;
        let bytes = open
            .part(uid, part, LARGEST_DRAFT)
            .await
            .or_web_error()?
            .ok_or(WebError::NotFound)?;
        files.push(File {
            name: download::file_name(part),
            kind: part.kind.clone(),
            bytes,
        });
    }
    Ok(files)
}
