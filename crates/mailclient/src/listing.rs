//! The folders of an account.

use std::collections::HashMap;

use sekisho_imap::MailboxName;
use sekisho_imap::command::StatusItem;
use sekisho_imap::mailbox::SpecialUse;
use sekisho_imap::response::{Data, ListEntry, StatusEntry};

use crate::connection::Connection;
use crate::error::Error;

/// A folder as a list shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folder {
    /// Its whole name.
    pub name: MailboxName,
    /// What parts the levels of names; none if the server has no levels.
    pub delimiter: Option<char>,
    /// What it is for, if the server says.
    pub special_use: Option<SpecialUse>,
    /// Whether it can be opened; if not, it only has folders below it.
    pub selectable: bool,
    /// How many messages it has, if the server told.
    pub messages: Option<u32>,
    /// How many of them were not read, if the server told.
    pub unseen: Option<u32>,
}

impl Folder {
    /// The levels of its name.
    #[must_use]
    pub fn path(&self) -> Vec<&str> {
        match self.delimiter {
            Some(delimiter) => self.name.as_str().split(delimiter).collect(),
            None => vec![self.name.as_str()],
        }
    }

    fn new(entry: ListEntry) -> Self {
        Self {
            special_use: entry.special_use(),
            selectable: entry.is_selectable(),
            name: entry.mailbox,
            delimiter: entry.delimiter,
            messages: None,
            unseen: None,
        }
    }

    fn take_figures(&mut self, entry: &StatusEntry) {
        let figure = |item| {
            let value = entry.get(item)?;
            u32::try_from(value).ok()
        };
        self.messages = figure(StatusItem::Messages);
        self.unseen = figure(StatusItem::Unseen);
    }
}

/// Lists every folder with its figures: in one round trip if the server announces LIST-STATUS
/// (RFC 5819), else in two.
pub(crate) async fn folders(connection: &mut Connection) -> Result<Vec<Folder>, Error> {
    let extended = connection.can("LIST-EXTENDED") || connection.can("IMAP4REV2");
    let special = connection.can("SPECIAL-USE") || connection.can("IMAP4REV2");
    let status = connection.can("LIST-STATUS") || connection.can("IMAP4REV2");
    let arguments = match (status, special && extended) {
        (true, true) => "\"\" \"*\" RETURN (SPECIAL-USE STATUS (MESSAGES UNSEEN))",
        (true, false) => "\"\" \"*\" RETURN (STATUS (MESSAGES UNSEEN))",
        (false, true) => "\"\" \"*\" RETURN (SPECIAL-USE)",
        (false, false) => "\"\" \"*\"",
    };
    let answer = connection.run("LIST", |c| Ok(c.word(arguments))).await?;
    let mut folders: Vec<Folder> = Vec::new();
    let mut figures: Vec<StatusEntry> = Vec::new();
    for data in answer.data {
        match data {
            Data::List(entry) => folders.push(Folder::new(entry)),
            Data::Status(entry) => figures.push(entry),
            _ => {}
        }
    }
    // A stable sort: behind INBOX all stay as the server listed them, which may mean something.
    folders.sort_by_key(|folder| !folder.name.is_inbox());
    if !status {
        figures = ask_figures(connection, &folders).await?;
    }
    let figures: HashMap<_, _> = figures
        .into_iter()
        .map(|entry| (entry.mailbox.clone(), entry))
        .collect();
    for folder in &mut folders {
        if let Some(entry) = figures.get(&folder.name) {
            folder.take_figures(entry);
        }
    }
    Ok(folders)
}

/// Asks for the figures of each folder, all at once. A folder that refuses to tell has none.
async fn ask_figures(
    connection: &mut Connection,
    folders: &[Folder],
) -> Result<Vec<StatusEntry>, Error> {
    let mut questions = Vec::new();
    for folder in folders.iter().filter(|folder| folder.selectable) {
        questions.push(connection.prepare("STATUS", |c| {
            Ok(c.mailbox(&folder.name).word("(MESSAGES UNSEEN)"))
        })?);
    }
    if questions.is_empty() {
        return Ok(Vec::new());
    }
    let answer = connection.exchange(questions).await?;
    let figures = answer.data.into_iter().filter_map(|data| match data {
        Data::Status(entry) => Some(entry),
        _ => None,
    });
    Ok(figures.collect())
}
