//! A message being written, with all that belongs to it.

use sekisho_mailclient::{MailboxName, PartNumber};

use super::draft::{Draft, new_id};
use super::place::{self, Mark};
use super::recipients::Recipient;
use crate::error::WebError;
use crate::form_fields::Fields;

/// All that belongs to a message being written.
#[derive(Default)]
pub(super) struct Composition {
    pub draft: Draft,
    /// Where it is stored, if it is.
    pub stored: Option<Mark>,
    /// What it answers or forwards.
    pub about: Option<About>,
    /// The files that are stored with it.
    pub files: Vec<StoredFile>,
    /// The files of the message that it forwards.
    pub originals: Vec<StoredFile>,
}

/// A file that exists already.
pub(super) struct StoredFile {
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
    pub kind: AnswerKind,
}

/// What kind of answer a message is to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AnswerKind {
    Reply,
    ReplyAll,
    Forward,
}

impl AnswerKind {
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

impl About {
    /// From a form or an address.
    pub(super) fn of(value: impl Fn(&str) -> Option<String>) -> Option<Self> {
        let how = value("how")?;
        Some(Self {
            folder: place::folder_name(&value("of-folder")?).ok()?,
            mark: value("of")?.parse().ok()?,
            kind: AnswerKind::ALL
                .into_iter()
                .find(|known| known.word() == how)?,
        })
    }
}

impl Composition {
    pub(super) fn of(fields: &Fields) -> Self {
        Self {
            draft: Draft::of(fields),
            stored: fields.text("draft").parse().ok(),
            about: About::of(|name| Some(fields.text(name).to_owned())),
            ..Self::default()
        }
    }

    /// The page of the stored draft.
    pub(super) fn address(&self) -> String {
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
                ("how", about.kind.word()),
            ]);
        }
        place::with_query("/mail/compose", &query)
    }

    /// Gives it a message ID, once.
    pub(super) fn number(&mut self, from: &Recipient) -> Result<(), WebError> {
        if self.draft.id.is_empty() {
            self.draft.id = new_id(from.address.domain())?;
        }
        Ok(())
    }
}
