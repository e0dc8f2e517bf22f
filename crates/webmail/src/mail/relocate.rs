//! Moving messages so that it can be undone.

use std::str::FromStr;

use sekisho_mailclient::{Access, Error, Imap, MailboxName, Uid};

use super::failure::OrWebError;
use crate::error::WebError;

/// Where moved messages went: the UIDs that their new folder gave out meanwhile. (Those of messages that happened to
/// arrive there in the same instant are among them; for a folder that people move to that is next to nothing, and an
/// undo takes them to where the person is looking.)
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Moved {
    validity: u32,
    first: Uid,
    last: Uid,
}

/// Moves messages; `None` if the server doesn't tell where they went.
pub(super) async fn relocate(
    imap: &mut Imap,
    from: &MailboxName,
    uids: &[Uid],
    to: &MailboxName,
) -> Result<Option<Moved>, Error> {
    let before = imap.open(to, Access::Read).await?.state();
    imap.open(from, Access::Change)
        .await?
        .move_to(uids, to)
        .await?;
    let after = imap.open(to, Access::Read).await?.state();
    let last = after.uid_next.and_then(|next| Uid::new(next.get() - 1));
    Ok(before
        .uid_next
        .zip(last)
        .filter(|(first, last)| first <= last && before.uid_validity == after.uid_validity)
        .map(|(first, last)| Moved {
            validity: after.uid_validity,
            first,
            last,
        }))
}

/// Moves them back to where they came from.
pub(super) async fn undo(
    imap: &mut Imap,
    from: &MailboxName,
    moved: Moved,
    to: &MailboxName,
) -> Result<(), WebError> {
    let mut folder = imap.open(from, Access::Change).await.or_web_error()?;
    if folder.state().uid_validity != moved.validity {
        return Err(WebError::NotFound);
    }
    let all = folder
        .search(&sekisho_mailclient::SearchKey::All)
        .await
        .or_web_error()?;
    let uids: Vec<Uid> = all
        .into_iter()
        .filter(|uid| (moved.first..=moved.last).contains(uid))
        .collect();
    if uids.is_empty() {
        return Err(WebError::NotFound);
    }
    folder.move_to(&uids, to).await.or_web_error()
}

impl std::fmt::Display for Moved {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}.{}", self.validity, self.first, self.last)
    }
}

impl FromStr for Moved {
    type Err = WebError;

    fn from_str(text: &str) -> Result<Self, WebError> {
        let mut numbers = text.split('.').map(str::parse::<u32>);
        let mut next = || {
            numbers
                .next()
                .and_then(Result::ok)
                .ok_or(WebError::BadRequest)
        };
        Ok(Self {
            validity: next()?,
            first: Uid::new(next()?).ok_or(WebError::BadRequest)?,
            last: Uid::new(next()?).ok_or(WebError::BadRequest)?,
        })
    }
}
