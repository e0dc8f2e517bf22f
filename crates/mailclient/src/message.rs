//! What the server says of a message.

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;

use jiff::Timestamp;
use sekisho_imap::Flag;
use sekisho_imap::response::Fetched;
use sekisho_message::line::one_line;

use crate::envelope::Envelope;
use crate::part::BodyPart;

/// A message's UID: its number within its folder, valid as long as the folder's UIDVALIDITY stays the same (RFC 3501
/// section 2.3.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Uid(NonZeroU32);

/// Text that is no UID.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no UID")]
pub struct InvalidUid;

impl Uid {
    /// The UID with this number; `None` for 0, which no message has.
    #[must_use]
    pub fn new(number: u32) -> Option<Self> {
        NonZeroU32::new(number).map(Self)
    }

    /// The number.
    #[must_use]
    pub fn get(self) -> u32 {
        self.0.get()
    }
}

impl From<NonZeroU32> for Uid {
    fn from(number: NonZeroU32) -> Self {
        Self(number)
    }
}

impl From<Uid> for NonZeroU32 {
    fn from(uid: Uid) -> Self {
        uid.0
    }
}

impl FromStr for Uid {
    type Err = InvalidUid;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(InvalidUid);
        }
        text.parse().map(Self).map_err(|_| InvalidUid)
    }
}

impl fmt::Display for Uid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A message as a list shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Its UID.
    pub uid: Uid,
    /// Its flags.
    pub flags: Flags,
    /// Its size in bytes.
    pub size: u64,
    /// When it arrived; `None` if the server does not say.
    pub arrived: Option<Timestamp>,
    /// Its envelope; empty if the server's can't be read.
    pub envelope: Envelope,
    /// Its parts; `None` if the server's description can't be read.
    pub structure: Option<BodyPart>,
    /// The first words of its text; `None` if the server does not know them.
    pub preview: Option<String>,
}

impl Summary {
    /// The summary in a FETCH response; `None` if the response has no UID or size, such as a report of changed flags.
    pub(crate) fn new(fetched: Fetched) -> Option<Self> {
        let arrived = fetched
            .internal_date
            .and_then(|date| Timestamp::from_second(date.unix()).ok());
        let preview = fetched
            .preview
            .map(|text| one_line(&String::from_utf8_lossy(&text)));
        Some(Self {
            uid: fetched.uid?.into(),
            size: fetched.size?,
            flags: Flags(fetched.flags.unwrap_or_default()),
            arrived,
            envelope: fetched.envelope.map(Envelope::new).unwrap_or_default(),
            structure: fetched.structure.map(BodyPart::new),
            preview: preview.filter(|text| !text.is_empty()),
        })
    }

    /// Whether files are attached.
    #[must_use]
    pub fn has_attachment(&self) -> bool {
        let structure = self.structure.as_ref();
        structure.is_some_and(|part| part.attachments().next().is_some())
    }
}

/// A whole message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// What a list shows of it.
    pub summary: Summary,
    /// Its content.
    pub raw: Vec<u8>,
}

/// A message's flags.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Flags(pub(crate) Vec<Flag>);

impl Flags {
    /// Whether a flag is set.
    #[must_use]
    pub fn has(&self, flag: &Flag) -> bool {
        self.0.contains(flag)
    }

    /// Whether it was read.
    #[must_use]
    pub fn seen(&self) -> bool {
        self.has(&Flag::Seen)
    }

    /// Whether it was answered.
    #[must_use]
    pub fn answered(&self) -> bool {
        self.has(&Flag::Answered)
    }

    /// Whether it was marked as important.
    #[must_use]
    pub fn flagged(&self) -> bool {
        self.has(&Flag::Flagged)
    }

    /// Whether it is still being written.
    #[must_use]
    pub fn draft(&self) -> bool {
        self.has(&Flag::Draft)
    }

    /// Whether it is marked for deletion.
    #[must_use]
    pub fn deleted(&self) -> bool {
        self.has(&Flag::Deleted)
    }

    /// All flags that are set.
    pub fn iter(&self) -> impl Iterator<Item = &Flag> {
        self.0.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uids_are_digits_above_zero() {
        assert_eq!("17".parse(), Ok(Uid::new(17).unwrap()));
        for text in ["", "0", "+1", "-1", "4294967296", "1:*"] {
            assert_eq!(text.parse::<Uid>(), Err(InvalidUid), "{text}");
        }
    }
}
