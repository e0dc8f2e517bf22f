//! An open folder and its messages.

use std::collections::HashMap;

use sekisho_imap::command::{FetchItem, SearchKey, SectionText, SortKey};
use sekisho_imap::response::{Code, Fetched};
use sekisho_imap::{Flag, MailboxName, SequenceSet};
use sekisho_message::transfer;

use crate::connection::{Answer, Connection, MOST_BYTES};
use crate::download::Download;
use crate::error::Error;
use crate::fetch::{bytes_of, collect, fetch_one, take_bytes};
use crate::message::{Message, Summary, Uid};
use crate::part::BodyPart;
use crate::search;

/// A folder that is open on its connection. Its number of messages is updated whenever the server reports messages that
/// arrived or were removed.
pub struct OpenFolder<'a> {
    connection: &'a mut Connection,
    uid_validity: u32,
    uid_next: Option<Uid>,
    read_only: bool,
}

/// What a folder is opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// For reading only (EXAMINE).
    Read,
    /// For changing flags and messages, too (SELECT).
    Change,
}

/// What is known of an open folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FolderState {
    /// The number of messages in it.
    pub messages: u32,
    /// The folder's UIDVALIDITY. When it changes, UIDs mean other messages (RFC 3501 section 2.3.1.1).
    pub uid_validity: u32,
    /// The UID that the next message was to get when the folder was opened, if the server said.
    pub uid_next: Option<Uid>,
    /// Whether nothing can be changed in it.
    pub read_only: bool,
}

/// Which messages a page shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageRequest {
    /// How many messages come before the page.
    pub offset: u32,
    /// The most messages on the page; at most 1,000 are returned.
    pub limit: u32,
    /// The order of the messages.
    pub order: MessageOrder,
    /// The search that selects the messages; all messages if `None`.
    pub query: Option<SearchKey>,
}

/// The order of messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageOrder {
    /// By arrival, latest first.
    Newest,
    /// By arrival, earliest first.
    Oldest,
    /// By something else. Messages that are equal in it are ordered by arrival.
    Sorted {
        /// What to order by.
        by: SortBy,
        /// Whether the largest or latest comes first.
        descending: bool,
    },
}

/// What to order messages by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SortBy {
    /// The date in the header.
    Date,
    /// The author.
    From,
    /// The subject, without `Re:` and the like.
    Subject,
    /// The size in bytes.
    Size,
}

/// A page of messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The number of messages on all pages together.
    pub total: u32,
    /// The order of the messages: the one that was asked for, or [`MessageOrder::Newest`] if the server can't sort.
    pub order: MessageOrder,
    /// The messages of this page.
    pub messages: Vec<Summary>,
}

/// The most messages on a page.
const MOST_SHOWN: u32 = 1000;

/// How a list of flags changes a message's flags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlagChange {
    /// Sets these flags.
    Add,
    /// Clears these flags.
    Remove,
    /// Sets these flags and clears all others.
    Replace,
}

/// The most messages that one command names, so that its line stays below what servers accept (RFC 7162 section 4
/// recommends at least 8192 bytes).
const MOST_NAMED: usize = 500;

impl<'a> OpenFolder<'a> {
    pub(crate) fn new(
        connection: &'a mut Connection,
        access: Access,
        answer: &Answer,
    ) -> Result<Self, Error> {
        let told = |read: fn(&Code) -> Option<u32>| answer.told.iter().rev().find_map(read);
        let uid_validity = told(|code| match code {
            Code::UidValidity(value) => Some(*value),
            _ => None,
        });
        let uid_next = told(|code| match code {
            Code::UidNext(value) => Some(*value),
            _ => None,
        });
        Ok(Self {
            connection,
            uid_validity: uid_validity.ok_or(Error::Protocol("SELECT without UIDVALIDITY"))?,
            uid_next: uid_next.and_then(Uid::new),
            read_only: access == Access::Read || answer.status.code == Some(Code::ReadOnly),
        })
    }

    /// What is known of the folder now.
    #[must_use]
    pub fn state(&self) -> FolderState {
        FolderState {
            messages: self.connection.messages,
            uid_validity: self.uid_validity,
            uid_next: self.uid_next,
            read_only: self.read_only,
        }
    }

    /// Asks the server for changes, and returns the new state.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn poll(&mut self) -> Result<FolderState, Error> {
        self.connection.run("NOOP", Ok).await?;
        Ok(self.state())
    }

    /// A page of messages. It takes one round trip in the order of arrival, two with a query or another order.
    ///
    /// # Errors
    /// See [`Error`]; [`Error::TooLarge`] if more than a million messages would have to be sorted.
    pub async fn page(&mut self, wanted: &PageRequest) -> Result<Page, Error> {
        let order = match wanted.order {
            MessageOrder::Sorted { .. } if !self.connection.can("SORT") => MessageOrder::Newest,
            order => order,
        };
        if wanted.query.is_none() && matches!(order, MessageOrder::Newest | MessageOrder::Oldest) {
            return self.page_by_arrival(wanted, order).await;
        }
        let all = SearchKey::All;
        let key = wanted.query.as_ref().unwrap_or(&all);
        let mut uids = match order {
            MessageOrder::Sorted { by, descending } => {
                let order = self.sort_order(by, descending);
                search::sort(self.connection, &order, key).await?
            }
            MessageOrder::Newest | MessageOrder::Oldest => {
                search::search(self.connection, key).await?
            }
        };
        if order == MessageOrder::Newest {
            uids.reverse();
        }
        let total = u32::try_from(uids.len()).unwrap_or(u32::MAX);
        let shown: Vec<Uid> = uids
            .into_iter()
            .skip(wanted.offset as usize)
            .take(wanted.limit.min(MOST_SHOWN) as usize)
            .collect();
        Ok(Page {
            total,
            order,
            messages: self.summaries(&shown).await?,
        })
    }

    /// The messages that match a search, latest first.
    ///
    /// # Errors
    /// See [`Error`]; [`Error::TooLarge`] if it finds more than a million.
    pub async fn search(&mut self, query: &SearchKey) -> Result<Vec<Uid>, Error> {
        let mut found = search::search(self.connection, query).await?;
        found.reverse();
        Ok(found)
    }

    /// What a list shows of one message; `None` if the message isn't there.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn summary(&mut self, uid: Uid) -> Result<Option<Summary>, Error> {
        Ok(self.summaries(&[uid]).await?.pop())
    }

    /// A whole message, without marking it as read; `None` if it isn't there.
    ///
    /// # Errors
    /// See [`Error`]; [`Error::TooLarge`] if it has more than `most` bytes, or more than 64 MiB.
    pub async fn message(&mut self, uid: Uid, most: usize) -> Result<Option<Message>, Error> {
        let most = limit(most);
        let mut items = self.summary_items();
        items.push(bytes_of(&[], SectionText::All, 0, most + 1));
        let Some(mut fetched) = self.fetch_one(uid, &items).await? else {
            return Ok(None);
        };
        let raw = take_bytes(&mut fetched, most)?;
        let summary = Summary::new(fetched);
        Ok(raw
            .zip(summary)
            .map(|(raw, summary)| Message { summary, raw }))
    }

    /// A message's header; `None` if the message isn't there.
    ///
    /// # Errors
    /// See [`Error`]; [`Error::TooLarge`] if it has more than `most` bytes.
    pub async fn header(&mut self, uid: Uid, most: usize) -> Result<Option<Vec<u8>>, Error> {
        self.section(uid, &[], SectionText::Header, most).await
    }

    /// A part's content, with its transfer encoding decoded; `None` if the message isn't there.
    ///
    /// # Errors
    /// See [`Error`]; [`Error::TooLarge`] if it has more than `most` bytes before decoding.
    pub async fn part(
        &mut self,
        uid: Uid,
        part: &BodyPart,
        most: usize,
    ) -> Result<Option<Vec<u8>>, Error> {
        let number = part.number.as_slice();
        let raw = self.section(uid, number, SectionText::All, most).await?;
        Ok(raw.map(|raw| transfer::decode(part.encoding, &raw)))
    }

    /// A part's content piece by piece, which needs no more memory for a large part than for a small one.
    pub fn download(&mut self, uid: Uid, part: &BodyPart) -> Download<'_> {
        Download::new(self.connection, uid, part)
    }

    /// Changes flags. Messages that are not there are ignored.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn set_flags(
        &mut self,
        uids: &[Uid],
        change: FlagChange,
        flags: &[Flag],
    ) -> Result<(), Error> {
        for set in batches(uids) {
            self.store(&set, change, flags).await?;
        }
        Ok(())
    }

    /// Moves messages to another folder. If the server has no MOVE (RFC 6851), they are copied and then deleted as
    /// [`Self::delete`] does.
    ///
    /// # Errors
    /// See [`Error`]; [`Error::is_no_such_folder`] among them.
    pub async fn move_to(&mut self, uids: &[Uid], folder: &MailboxName) -> Result<(), Error> {
        let at_once = self.connection.can("MOVE") || self.connection.can("IMAP4REV2");
        for set in batches(uids) {
            if at_once {
                self.connection
                    .run("UID MOVE", |c| Ok(c.sequence(&set).mailbox(folder)))
                    .await?;
            } else {
                self.copy(&set, folder).await?;
                self.remove(&set).await?;
            }
        }
        Ok(())
    }

    /// Copies messages to another folder.
    ///
    /// # Errors
    /// See [`Error`]; [`Error::is_no_such_folder`] among them.
    pub async fn copy_to(&mut self, uids: &[Uid], folder: &MailboxName) -> Result<(), Error> {
        for set in batches(uids) {
            self.copy(&set, folder).await?;
        }
        Ok(())
    }

    /// Deletes messages for good. A server without UIDPLUS (RFC 4315) can't expunge chosen messages only: there they
    /// are marked `\Deleted`, and vanish when a mail program expunges the folder.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn delete(&mut self, uids: &[Uid]) -> Result<(), Error> {
        for set in batches(uids) {
            self.remove(&set).await?;
        }
        Ok(())
    }

    pub(crate) fn connection(&mut self) -> &mut Connection {
        self.connection
    }

    /// Fetches items of messages, by rising UID. Messages that are not there are left out.
    pub(crate) async fn fetch_all(
        &mut self,
        uids: &[Uid],
        items: &[FetchItem],
    ) -> Result<Vec<Fetched>, Error> {
        let mut all = Vec::with_capacity(uids.len());
        for set in batches(uids) {
            let answer = self
                .connection
                .run("UID FETCH", |c| c.sequence(&set).items(items))
                .await?;
            all.extend(collect(answer.data).into_values());
        }
        Ok(all)
    }

    async fn page_by_arrival(
        &mut self,
        wanted: &PageRequest,
        order: MessageOrder,
    ) -> Result<Page, Error> {
        let total = self.connection.messages;
        let before = wanted.offset.min(total);
        let count = wanted.limit.min(MOST_SHOWN).min(total - before);
        let first = match order {
            MessageOrder::Oldest => before + 1,
            _ => total - before - count + 1,
        };
        let mut messages = Vec::new();
        if let Some(set) = SequenceSet::from_sorted(first..first.saturating_add(count)) {
            let items = self.summary_items();
            let answer = self
                .connection
                .run("FETCH", |c| c.sequence(&set).items(&items))
                .await?;
            let fetched = collect(answer.data).into_values();
            messages.extend(fetched.filter_map(Summary::new));
        }
        if order == MessageOrder::Newest {
            messages.reverse();
        }
        Ok(Page {
            total,
            order,
            messages,
        })
    }

    /// Summaries in the order of `uids`. Messages that are not there are left out.
    async fn summaries(&mut self, uids: &[Uid]) -> Result<Vec<Summary>, Error> {
        let items = self.summary_items();
        let mut known: HashMap<Uid, Summary> = HashMap::new();
        for set in batches(uids) {
            let answer = self
                .connection
                .run("UID FETCH", |c| c.sequence(&set).items(&items))
                .await?;
            let fetched = collect(answer.data).into_values();
            known.extend(
                fetched
                    .filter_map(Summary::new)
                    .map(|summary| (summary.uid, summary)),
            );
        }
        Ok(uids.iter().filter_map(|uid| known.remove(uid)).collect())
    }

    async fn section(
        &mut self,
        uid: Uid,
        part: &[u32],
        text: SectionText,
        most: usize,
    ) -> Result<Option<Vec<u8>>, Error> {
        let most = limit(most);
        let items = [FetchItem::Uid, bytes_of(part, text, 0, most + 1)];
        match self.fetch_one(uid, &items).await? {
            // If a broken message announces a part that it does not have, the server sends NIL. The part counts as
            // empty, because the message is there.
            Some(mut fetched) => Ok(Some(take_bytes(&mut fetched, most)?.unwrap_or_default())),
            None => Ok(None),
        }
    }

    async fn fetch_one(&mut self, uid: Uid, items: &[FetchItem]) -> Result<Option<Fetched>, Error> {
        fetch_one(self.connection, uid, items).await
    }

    async fn store(
        &mut self,
        set: &SequenceSet,
        change: FlagChange,
        flags: &[Flag],
    ) -> Result<(), Error> {
        let word = match change {
            FlagChange::Add => "+FLAGS.SILENT",
            FlagChange::Remove => "-FLAGS.SILENT",
            FlagChange::Replace => "FLAGS.SILENT",
        };
        let stored = self
            .connection
            .run("UID STORE", |c| Ok(c.sequence(set).word(word).flags(flags)));
        stored.await.map(drop)
    }

    async fn copy(&mut self, set: &SequenceSet, folder: &MailboxName) -> Result<(), Error> {
        let copied = self
            .connection
            .run("UID COPY", |c| Ok(c.sequence(set).mailbox(folder)));
        copied.await.map(drop)
    }

    async fn remove(&mut self, set: &SequenceSet) -> Result<(), Error> {
        self.store(set, FlagChange::Add, &[Flag::Deleted]).await?;
        if self.connection.can("UIDPLUS") || self.connection.can("IMAP4REV2") {
            self.connection
                .run("UID EXPUNGE", |c| Ok(c.sequence(set)))
                .await?;
        }
        Ok(())
    }

    fn summary_items(&self) -> Vec<FetchItem> {
        let mut items = vec![
            FetchItem::Uid,
            FetchItem::Flags,
            FetchItem::InternalDate,
            FetchItem::Size,
            FetchItem::Envelope,
            FetchItem::BodyStructure,
        ];
        if self.connection.can("PREVIEW") {
            items.push(FetchItem::Preview { lazy: true });
        }
        items
    }

    /// The sort keys. Arrival is the second key, so that the order is the same each time.
    fn sort_order(&self, by: SortBy, descending: bool) -> Vec<(SortKey, bool)> {
        let key = match by {
            SortBy::Date => SortKey::Date,
            SortBy::From if self.connection.can("SORT=DISPLAY") => SortKey::DisplayFrom,
            SortBy::From => SortKey::From,
            SortBy::Subject => SortKey::Subject,
            SortBy::Size => SortKey::Size,
        };
        vec![(key, descending), (SortKey::Arrival, descending)]
    }
}

fn limit(most: usize) -> u32 {
    u32::try_from(most).unwrap_or(u32::MAX).min(MOST_BYTES)
}

/// The UIDs in sets, each small enough for one command.
fn batches(uids: &[Uid]) -> Vec<SequenceSet> {
    let mut numbers: Vec<u32> = uids.iter().map(|uid| uid.get()).collect();
    numbers.sort_unstable();
    numbers.dedup();
    let sets = numbers.chunks(MOST_NAMED);
    sets.filter_map(|chunk| SequenceSet::from_sorted(chunk.iter().copied()))
        .collect()
}
