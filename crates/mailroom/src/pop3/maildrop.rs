//! The INBOX as a session sees it.

use sekisho_imap::Flag;

use sekisho_store::{
    Content, FlagChange, Flags, FolderId, FolderName, Mailbox, StoreError, Uid, UidSet, UidValidity,
};

/// The messages of the INBOX at the time of the login, and what the session did with each.
pub(super) struct Maildrop {
    mailbox: Mailbox,
    inbox: FolderId,
    uid_validity: UidValidity,
    messages: Vec<Message>,
}

struct Message {
    uid: Uid,
    size: u64,
    deleted: bool,
    fetched: bool,
}

/// No message of that number, or it is marked to be removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("No such message")]
pub(super) struct Missing;

impl Maildrop {
    /// Reads the INBOX.
    pub(super) async fn open(mailbox: Mailbox) -> Result<Self, StoreError> {
        let inbox = mailbox.folder(&FolderName::inbox()).await?.id;
        let snapshot = mailbox.snapshot(inbox).await?;
        let messages = snapshot.messages.iter().map(|state| Message {
            uid: state.uid,
            size: state.size,
            deleted: false,
            fetched: false,
        });
        Ok(Self {
            inbox,
            uid_validity: snapshot.uid_validity,
            messages: messages.collect(),
            mailbox,
        })
    }

    /// How many messages are not marked.
    pub(super) fn count(&self) -> usize {
        self.kept().count()
    }

    /// Their sizes together, in bytes.
    pub(super) fn octets(&self) -> u64 {
        self.kept().map(|(_, message)| message.size).sum()
    }

    /// Number and size of each.
    pub(super) fn sizes(&self) -> impl Iterator<Item = String> {
        self.kept()
            .map(|(number, message)| format!("{number} {}", message.size))
    }

    /// Number and size of one message.
    pub(super) fn size(&self, number: usize) -> Result<String, Missing> {
        Ok(format!("{number} {}", self.message(number)?.size))
    }

    /// Number and unique id of each.
    pub(super) fn unique_ids(&self) -> impl Iterator<Item = String> {
        self.kept()
            .map(|(number, message)| format!("{number} {}", self.id(message)))
    }

    /// Number and unique id of one message.
    pub(super) fn unique_id(&self, number: usize) -> Result<String, Missing> {
        Ok(format!("{number} {}", self.id(self.message(number)?)))
    }

    /// The bytes of one message.
    pub(super) async fn content(
        &self,
        number: usize,
    ) -> Result<Result<Content, Missing>, StoreError> {
        match self.message(number) {
            Err(missing) => Ok(Err(missing)),
            Ok(message) => self.mailbox.content(self.inbox, message.uid).await.map(Ok),
        }
    }

    /// Records that a message was sent whole.
    pub(super) fn fetched(&mut self, number: usize) {
        if let Some(message) = self.messages.get_mut(number.wrapping_sub(1)) {
            message.fetched = true;
        }
    }

    /// Marks a message to be removed.
    pub(super) fn delete(&mut self, number: usize) -> Result<(), Missing> {
        self.message(number)?;
        if let Some(message) = self.messages.get_mut(number.wrapping_sub(1)) {
            message.deleted = true;
        }
        Ok(())
    }

    /// Takes all marks away. What was fetched stays fetched.
    pub(super) fn reset(&mut self) {
        for message in &mut self.messages {
            message.deleted = false;
        }
    }

    /// Removes what is marked, and marks as seen what was fetched and stays (RFC 1939, section 6).
    pub(super) async fn update(&mut self) -> Result<(), StoreError> {
        let uids = |wanted: fn(&Message) -> bool| -> UidSet {
            let wanted = self.messages.iter().filter(|message| wanted(message));
            wanted.map(|message| message.uid).collect()
        };
        let gone = uids(|message| message.deleted);
        let seen = uids(|message| message.fetched && !message.deleted);
        if !gone.is_empty() {
            self.mailbox.remove(self.inbox, gone).await?;
        }
        if !seen.is_empty() {
            let flags = Flags::new([&Flag::Seen])?;
            self.mailbox
                .store_flags(self.inbox, seen, FlagChange::Add, flags, None)
                .await?;
        }
        Ok(())
    }

    fn kept(&self) -> impl Iterator<Item = (usize, &Message)> {
        (1..)
            .zip(&self.messages)
            .filter(|(_, message)| !message.deleted)
    }

    fn message(&self, number: usize) -> Result<&Message, Missing> {
        let message = self.messages.get(number.wrapping_sub(1));
        message.filter(|message| !message.deleted).ok_or(Missing)
    }

    /// An id that a message keeps as long as it is in the INBOX, and that no other message ever gets (RFC 1939, section
    /// 7).
    fn id(&self, message: &Message) -> String {
        format!("{}.{}", self.uid_validity.get(), message.uid.get())
    }
}

/// Cuts a message off after its header and a number of lines of its body, in whatever pieces it comes.
#[derive(Debug)]
pub(super) struct TopCut {
    in_header: bool,
    line_is_empty: bool,
    left: u64,
}

impl TopCut {
    /// Lets so many lines of the body through.
    pub(super) fn new(lines: u64) -> Self {
        Self {
            in_header: true,
            line_is_empty: true,
            left: lines,
        }
    }

    /// Whether everything wanted has passed.
    pub(super) fn is_over(&self) -> bool {
        !self.in_header && self.left == 0
    }

    /// The part of the next piece that is wanted.
    pub(super) fn take<'p>(&mut self, piece: &'p [u8]) -> &'p [u8] {
        for (at, byte) in piece.iter().enumerate() {
            match byte {
                b'\n' => {
                    if !self.in_header {
                        self.left -= 1;
                    } else if self.line_is_empty {
                        self.in_header = false;
                    }
                    self.line_is_empty = true;
                    if self.is_over() {
                        return &piece[..=at];
                    }
                }
                b'\r' => {}
                _ => self.line_is_empty = false,
            }
        }
        piece
    }
}
