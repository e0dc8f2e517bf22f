//! The mail of an account on an IMAP server (RFC 3501 section 6).

use sekisho_imap::response::{Code, Data};
use sekisho_imap::{Flag, MailboxName};
use tokio::io::{AsyncRead, AsyncWrite};

use crate::connection::Connection;
use crate::error::Error;
use crate::listing::{self, Folder};
use crate::message::Uid;
use crate::open::{Access, OpenFolder};

/// A connection to an IMAP server that is logged in.
///
/// It carries out one operation at a time; each ends unless the server stops answering. The future of an operation can
/// be dropped at any time: later operations then fail with [`Error::Gone`], because they could take its answer for
/// theirs.
pub struct Imap {
    pub(crate) connection: Connection,
}

/// Where an appended message was stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appended {
    /// The folder's UIDVALIDITY.
    pub uid_validity: u32,
    /// The message's UID.
    pub uid: Uid,
}

impl Imap {
    /// Takes over a stream on which the login is done and nothing was said since. Asks for the server's capabilities.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn authenticated(
        stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    ) -> Result<Self, Error> {
        let mut connection = Connection::new(stream);
        connection.ask_capabilities().await?;
        Ok(Self { connection })
    }

    /// Whether the server announces a capability; upper and lower case are the same.
    #[must_use]
    pub fn capability(&self, word: &str) -> bool {
        self.connection.can(word)
    }

    /// All folders, INBOX first, with their special use and their numbers of messages. Folders whose names can't be
    /// decoded are left out, because no command could name them.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn folders(&mut self) -> Result<Vec<Folder>, Error> {
        listing::folders(&mut self.connection).await
    }

    /// Creates a folder, and subscribes to it so that mail programs show it.
    ///
    /// # Errors
    /// See [`Error`]; [`Error::is_folder_exists`] among them.
    pub async fn create(&mut self, name: &MailboxName) -> Result<(), Error> {
        self.connection
            .run("CREATE", |c| Ok(c.mailbox(name)))
            .await?;
        self.subscription("SUBSCRIBE", name).await
    }

    /// Renames a folder and those below it. The folder's own subscription moves along, those of the folders below do
    /// not.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn rename(&mut self, from: &MailboxName, to: &MailboxName) -> Result<(), Error> {
        self.connection
            .run("RENAME", |c| Ok(c.mailbox(from).mailbox(to)))
            .await?;
        self.subscription("UNSUBSCRIBE", from).await?;
        self.subscription("SUBSCRIBE", to).await
    }

    /// Deletes a folder with its messages and its subscription.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn delete(&mut self, name: &MailboxName) -> Result<(), Error> {
        self.connection
            .run("DELETE", |c| Ok(c.mailbox(name)))
            .await?;
        self.subscription("UNSUBSCRIBE", name).await
    }

    /// Appends a message to a folder, after making its line ends CRLF. Returns where it was stored, if the server says
    /// so (UIDPLUS, RFC 4315 section 3).
    ///
    /// # Errors
    /// See [`Error`]; [`Error::is_no_such_folder`] and [`Error::is_over_quota`] among them. [`Error::TooLarge`] if the
    /// server announces a smaller limit than the message's size.
    pub async fn append(
        &mut self,
        folder: &MailboxName,
        flags: &[Flag],
        message: &[u8],
    ) -> Result<Option<Appended>, Error> {
        let message = with_crlf(message);
        if let Some(most) = self.connection.capability_value("APPENDLIMIT")
            && message.len() as u64 > most
        {
            return Err(Error::TooLarge { most });
        }
        let answer = self
            .connection
            .run("APPEND", |c| {
                c.mailbox(folder).flags(flags).literal(&message)
            })
            .await?;
        Ok(match answer.status.code {
            Some(Code::AppendUid { validity, uids }) => {
                let uid = uids
                    .resolve(0)
                    .first()
                    .and_then(|range| Uid::new(*range.start()));
                uid.map(|uid| Appended {
                    uid_validity: validity,
                    uid,
                })
            }
            _ => None,
        })
    }

    /// Opens a folder, through which its messages can be reached.
    ///
    /// # Errors
    /// See [`Error`]; [`Error::is_no_such_folder`] among them.
    pub async fn open(
        &mut self,
        name: &MailboxName,
        access: Access,
    ) -> Result<OpenFolder<'_>, Error> {
        let verb = match access {
            Access::Read => "EXAMINE",
            Access::Change => "SELECT",
        };
        self.connection.messages = 0;
        let answer = self.connection.run(verb, |c| Ok(c.mailbox(name))).await?;
        // EXISTS is taken from this answer, since the counter may include news of the folder that was open before.
        let exists = answer.data.iter().rev().find_map(|data| match data {
            Data::Exists(messages) => Some(*messages),
            _ => None,
        });
        self.connection.messages = exists.ok_or(Error::Protocol("SELECT without EXISTS"))?;
        OpenFolder::new(&mut self.connection, access, &answer)
    }

    /// Checks whether the connection still works.
    ///
    /// # Errors
    /// [`Error::Gone`] if it isn't.
    pub async fn poll(&mut self) -> Result<(), Error> {
        self.connection.run("NOOP", Ok).await.map(drop)
    }

    /// Logs out and closes the connection.
    ///
    /// # Errors
    /// See [`Error`]; a connection that is gone already is no error.
    pub async fn logout(mut self) -> Result<(), Error> {
        match self.connection.run("LOGOUT", Ok).await {
            // After the server's BYE the connection is closed, so whatever follows does not matter.
            Ok(_) | Err(Error::Gone) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Changes a subscription. A refusal is no error, because only other programs use subscriptions.
    async fn subscription(&mut self, verb: &'static str, name: &MailboxName) -> Result<(), Error> {
        match self.connection.run(verb, |c| Ok(c.mailbox(name))).await {
            Ok(_) | Err(Error::No { .. } | Error::Bad { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// The message with every CR LF, lone CR and lone LF as CR LF.
pub(crate) fn with_crlf(message: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(message.len() + message.len() / 32);
    let mut after_cr = false;
    for &byte in message {
        match byte {
            b'\n' if after_cr => {}
            b'\r' | b'\n' => out.extend_from_slice(b"\r\n"),
            _ => out.push(byte),
        }
        after_cr = byte == b'\r';
    }
    out
}
