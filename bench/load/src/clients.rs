//! Who connects: a server's address, and users that log in there with the password `pw`.

use std::io;
use std::sync::Arc;

use crate::arguments::Arguments;
use crate::wire::{Connection, Target};

/// The password of everybody.
const PASSWORD: &str = "pw";

/// How users reach the server.
pub struct Clients {
    /// Where it is.
    pub target: Target,
    user: String,
    users: usize,
    /// The folder that sessions open.
    pub mailbox: String,
}

impl Clients {
    /// As the command line says.
    pub fn new(arguments: &Arguments) -> Arc<Self> {
        Arc::new(Self {
            target: Target::new(
                arguments.address("to"),
                arguments.has("tls"),
                arguments.number("sources", 1),
            ),
            user: arguments.text("user", "u%d"),
            users: arguments.number("users", 1),
            mailbox: arguments.text("mailbox", "INBOX"),
        })
    }

    /// The name of one of them.
    pub fn user(&self, index: usize) -> String {
        numbered(&self.user, index % self.users + 1)
    }

    /// Connects and logs in; `buffer` is small for many idle connections and large for much data.
    pub async fn imap(&self, index: usize, buffer: usize) -> io::Result<Connection> {
        let mut connection = Connection::open(&self.target, index, buffer).await?;
        let greeting = connection.line().await?;
        if !greeting.starts_with(b"* OK") {
            let greeting = String::from_utf8_lossy(greeting);
            return Err(io::Error::other(format!("greeting: {greeting}")));
        }
        let login = format!("LOGIN {} {PASSWORD}", self.user(index));
        connection.imap(&login).await?;
        Ok(connection)
    }

    /// The same, with the folder open.
    pub async fn imap_selected(&self, index: usize, buffer: usize) -> io::Result<Connection> {
        let mut connection = self.imap(index, buffer).await?;
        let select = format!("SELECT {}", self.mailbox);
        connection.imap(&select).await?;
        Ok(connection)
    }
}

/// A name with the number in place of `%d`.
pub fn numbered(pattern: &str, number: usize) -> String {
    pattern.replace("%d", &number.to_string())
}
