//! What the store tells of messages and folders.

use jiff::Timestamp;

use crate::flags::Flags;
use crate::list::{MessageList, MessageState};
use crate::location::MessageLocation;
use crate::name::FolderName;
use crate::uid::{ContentId, FolderId, ModSeq, Uid, UidValidity};

/// A folder that messages can be in. Levels of a name that have no folder of their own (see [`FolderName::ancestors`])
/// are not listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folder {
    /// Its identity.
    pub id: FolderId,
    /// Its full name.
    pub name: FolderName,
    /// Its UIDVALIDITY.
    pub uid_validity: UidValidity,
    /// What it is for, if for something special.
    pub special_use: Option<SpecialUse>,
    /// Whether the person subscribed to it.
    pub subscribed: bool,
}

/// What a folder is for (RFC 6154). A new account has one of each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SpecialUse {
    /// `\Archive`
    Archive,
    /// `\Drafts`
    Drafts,
    /// `\Junk`
    Junk,
    /// `\Sent`
    Sent,
    /// `\Trash`
    Trash,
}

impl SpecialUse {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Archive,
        Self::Drafts,
        Self::Junk,
        Self::Sent,
        Self::Trash,
    ];

    /// The attribute as LIST shows it. Without its backslash it is also the folder's name in a new account.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Archive => "\\Archive",
            Self::Drafts => "\\Drafts",
            Self::Junk => "\\Junk",
            Self::Sent => "\\Sent",
            Self::Trash => "\\Trash",
        }
    }

    /// The use that IMAP's word stands for. `\All` and `\Flagged` would be views of other folders, which this store
    /// doesn't have.
    #[must_use]
    pub fn of(word: sekisho_imap::mailbox::SpecialUse) -> Option<Self> {
        use sekisho_imap::mailbox::SpecialUse as Word;
        Some(match word {
            Word::Archive => Self::Archive,
            Word::Drafts => Self::Drafts,
            Word::Junk => Self::Junk,
            Word::Sent => Self::Sent,
            Word::Trash => Self::Trash,
            Word::All | Word::Flagged => return None,
        })
    }

    /// Reads what [`Self::as_str`] wrote.
    pub(crate) fn from_stored(text: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|special| special.as_str() == text)
    }
}

/// Counts of a folder (RFC 3501, section 6.3.10; RFC 7162; RFC 8438).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Status {
    /// How many messages.
    pub messages: u32,
    /// How many lack `\Seen`.
    pub unseen: u32,
    /// How many have `\Deleted`.
    pub deleted: u32,
    /// The UID that the next message gets.
    pub uid_next: Uid,
    /// The folder's UIDVALIDITY.
    pub uid_validity: UidValidity,
    /// The highest modseq of anything in the folder.
    pub highest_modseq: ModSeq,
    /// The sizes of its messages together, in bytes.
    pub size: u64,
    /// The sizes of those with `\Deleted` together, in bytes.
    pub deleted_size: u64,
}

/// How much an account holds: every message in every folder, a copy as often as it is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// Their sizes (RFC822.SIZE) together.
    pub bytes: u64,
    /// How many.
    pub messages: u64,
}

/// All messages of a folder at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// The folder's UIDVALIDITY.
    pub uid_validity: UidValidity,
    /// The UID that the next message gets.
    pub uid_next: Uid,
    /// The folder as of this modseq; ask [`super::Mailbox::changes`] for what came since.
    pub highest_modseq: ModSeq,
    /// By rising UID.
    pub messages: MessageList,
}

/// What happened in a folder after a modseq.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changes {
    /// The folder as of this modseq.
    pub highest_modseq: ModSeq,
    /// The account as of this one: what changed later is not told here.
    pub account_modseq: ModSeq,
    /// The UID that the next message gets.
    pub uid_next: Uid,
    /// Messages new or with new flags, by rising UID.
    pub changed: Vec<MessageState>,
    /// Messages that went away, by rising UID.
    pub expunged: Vec<Uid>,
    /// All messages as they are now, if that costs nothing.
    pub list: Option<MessageList>,
}

/// What a change of flags did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Stored {
    /// Messages whose flags changed, with their new modseq, by rising UID. A message that had the flags already is not
    /// among them.
    pub changed: Vec<MessageState>,
    /// Messages left alone since they changed after the modseq given (RFC 7162, MODIFIED).
    pub modified: Vec<Uid>,
}

/// Where copies went (RFC 4315, COPYUID): two lists of the same length, both rising.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copied {
    /// The UIDVALIDITY of the folder they are in now.
    pub uid_validity: UidValidity,
    /// Their UIDs where they were.
    pub from: Vec<Uid>,
    /// Their UIDs where they are.
    pub to: Vec<Uid>,
}

/// Where an appended message is (RFC 4315, APPENDUID).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Appended {
    /// The folder's UIDVALIDITY.
    pub uid_validity: UidValidity,
    /// The message's UID.
    pub uid: Uid,
}

/// Everything the index knows of a message for FETCH.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageRow {
    /// Where its bytes are.
    pub(crate) place: MessageLocation,
    /// UID, modseq, flags, size and date.
    pub state: MessageState,
    /// The identity of its bytes.
    pub content: ContentId,
    /// ENVELOPE, without the item's name.
    pub envelope: Vec<u8>,
    /// BODY, without the item's name: `("TEXT" "PLAIN" ...)`.
    pub body: Vec<u8>,
    /// BODYSTRUCTURE, without the item's name.
    pub structure: Vec<u8>,
    /// The beginning of its text, decoded, at most 200 characters on one line.
    pub preview: String,
    /// Whether it has an attachment.
    pub has_attachment: bool,
    /// The identity of its thread, if it has one (RFC 8474).
    pub thread: Option<String>,
}

/// A message's header, decoded, for SEARCH and SORT.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SearchKeys {
    /// Its UID.
    pub uid: Uid,
    /// The identity of its bytes.
    pub content: ContentId,
    /// The Date header's moment; the internal date where it has none (RFC 5256, section 2.2).
    pub sent: Timestamp,
    /// The day that the Date header shows in its own zone, as days since 1970-01-01 (SENTBEFORE, SENTON and SENTSINCE
    /// disregard zones).
    pub sent_day: i64,
    /// Subject, decoded.
    pub subject: String,
    /// Base subject (RFC 5256, section 2.1), lower case.
    pub base_subject: String,
    /// Names and addresses of From, decoded.
    pub from: String,
    /// Names and addresses of To, decoded.
    pub to: String,
    /// Names and addresses of Cc, decoded.
    pub cc: String,
    /// Names and addresses of Bcc, decoded.
    pub bcc: String,
    /// The mailbox (local part) of the first address of From, lower case (RFC 5256: SORT FROM).
    pub sort_from: String,
    /// The same of To.
    pub sort_to: String,
    /// The same of Cc.
    pub sort_cc: String,
    /// The identity of its thread, if it has one (RFC 8474).
    pub thread: Option<String>,
}

/// What THREAD needs of a message (RFC 5256).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ThreadKeys {
    /// Its UID.
    pub uid: Uid,
    /// As [`SearchKeys::sent`].
    pub sent: Timestamp,
    /// As [`SearchKeys::base_subject`].
    pub base_subject: String,
    /// Whether its subject is that of a reply or a forward.
    pub is_reply: bool,
    /// Message-ID, without its brackets.
    pub id: Option<String>,
    /// References, or the first of In-Reply-To; the oldest first.
    pub references: Vec<String>,
}

/// A message to be added.
#[derive(Debug, Clone)]
pub struct NewMessage {
    /// Its bytes, lines ended by CRLF.
    pub bytes: Vec<u8>,
    /// INTERNALDATE.
    pub internal_date: Timestamp,
    /// Its flags.
    pub flags: Flags,
}
