//! Reads all messages of a folder, to store them elsewhere.

use jiff::Timestamp;
use sekisho_imap::command::{FetchItem, SearchKey, Section, SectionText};
use sekisho_imap::response::Fetched;

use crate::error::Error;
use crate::message::{Flags, Uid};
use crate::open::OpenFolder;
use crate::search;

/// What distinguishes a message from others, without its content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Its UID.
    pub uid: Uid,
    /// Its size in bytes, as the server reports it.
    pub size: u64,
    /// Its flags.
    pub flags: Flags,
    /// When it arrived at the server; `None` if the server does not say.
    pub arrived: Option<Timestamp>,
    /// Those of the header fields `Message-ID`, `Date`, `From` and `Subject` that it has, as raw lines.
    pub header: Vec<u8>,
}

impl OpenFolder<'_> {
    /// All messages of the folder, earliest first.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn identities(&mut self) -> Result<Vec<Identity>, Error> {
        let uids = search::search(self.connection(), &SearchKey::All).await?;
        let names = ["MESSAGE-ID", "DATE", "FROM", "SUBJECT"];
        let header = FetchItem::Section {
            peek: true,
            section: Section {
                part: Vec::new(),
                text: SectionText::HeaderFields {
                    not: false,
                    names: names.map(str::to_owned).to_vec(),
                },
            },
            partial: None,
        };
        let items = [
            FetchItem::Uid,
            FetchItem::Size,
            FetchItem::Flags,
            FetchItem::InternalDate,
            header,
        ];
        let fetched = self.fetch_all(&uids, &items).await?;
        Ok(fetched.into_iter().filter_map(identity).collect())
    }

    /// The content of messages. Messages that are not there are left out. Nothing limits the size: ask for a few
    /// megabytes at a time.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn contents(&mut self, uids: &[Uid]) -> Result<Vec<(Uid, Vec<u8>)>, Error> {
        let whole = FetchItem::Section {
            peek: true,
            section: Section {
                part: Vec::new(),
                text: SectionText::All,
            },
            partial: None,
        };
        let fetched = self.fetch_all(uids, &[FetchItem::Uid, whole]).await?;
        let contents = fetched.into_iter().filter_map(|mut one| {
            let bytes = one.sections.pop()?.bytes?;
            Some((one.uid?.into(), bytes))
        });
        Ok(contents.collect())
    }
}

fn identity(mut fetched: Fetched) -> Option<Identity> {
    let arrived = fetched.internal_date;
    let header = fetched.sections.pop().and_then(|section| section.bytes);
    Some(Identity {
        uid: fetched.uid?.into(),
        size: fetched.size?,
        flags: Flags(fetched.flags.unwrap_or_default()),
        arrived: arrived.and_then(|date| Timestamp::from_second(date.unix()).ok()),
        header: header.unwrap_or_default(),
    })
}
