//! Lists the folders of an account.

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
    /// Its full name.
    pub name: MailboxName,
    /// The character between the levels of names; `None` if the server has no levels.
    pub delimiter: Option<char>,
    /// Its special use (RFC 6154 section 2), if the server says.
    pub special_use: Option<SpecialUse>,
    /// Whether it can be opened; if not, it only contains other folders.
    pub selectable: bool,
    /// The number of messages in it, if the server says.
    pub messages: Option<u32>,
    /// The number of unread messages in it, if the server says.
    pub unseen: Option<u32>,
}

impl Folder {
    /// The levels of its name, the highest first.
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

/// Lists all folders with their numbers of messages: in one round trip if the server announces LIST-STATUS (RFC 5819
/// section 2), otherwise in two.
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
    // The sort is stable: after INBOX the folders stay in the server's order, which may have a meaning.
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

/// Asks for the numbers of messages of all folders at once. Folders for which the server refuses have none.
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
