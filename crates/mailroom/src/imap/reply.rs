//! Answers: the buffer they are written to, and how a command can end.

use std::fmt;
use std::io;

use sekisho_imap::command::ParseError;
use sekisho_imap::{Tag, encode};
use sekisho_store::{NameError, StoreError};
use tokio::io::{AsyncWrite, AsyncWriteExt};

use super::ServeError;
use super::compress::Deflater;

/// Beyond this many bytes the buffer is written out before a handler goes on.
const FULL: usize = 32 * 1024;

/// Responses on their way to the client.
pub(super) struct ResponseWriter<'w> {
    writer: &'w mut (dyn AsyncWrite + Unpin + Send),
    buffer: Vec<u8>,
    /// Set once the client compresses.
    deflater: Option<Box<Deflater>>,
}

impl<'w> ResponseWriter<'w> {
    pub(super) fn new(writer: &'w mut (dyn AsyncWrite + Unpin + Send)) -> Self {
        Self {
            writer,
            buffer: Vec::new(),
            deflater: None,
        }
    }

    /// Compresses what is written from here on; everything before it has been flushed.
    pub(super) fn compress(&mut self) {
        self.deflater = Some(Box::new(Deflater::new()));
    }

    /// Appends to the current response. Only words of our own and numbers are formatted here; everything else goes
    /// through [`encode`] into [`Self::bytes`].
    pub(super) fn words(&mut self, words: fmt::Arguments<'_>) {
        use std::io::Write as _;
        // Writing to a vector can't fail.
        let _ = self.buffer.write_fmt(words);
    }

    /// Appends a whole untagged response.
    pub(super) fn untagged(&mut self, words: fmt::Arguments<'_>) {
        self.buffer.extend_from_slice(b"* ");
        self.words(words);
        self.end_line();
    }

    /// The buffer, for the encoders.
    pub(super) fn bytes(&mut self) -> &mut Vec<u8> {
        &mut self.buffer
    }

    pub(super) fn end_line(&mut self) {
        self.buffer.extend_from_slice(b"\r\n");
    }

    /// The answer that ends a command.
    pub(super) fn tagged(&mut self, tag: &Tag, answer: &Result<Done, CommandError>) {
        self.words(format_args!("{tag} "));
        let (status, code, text) = match answer {
            Ok(done) => ("OK", done.code.as_deref(), done.text),
            Err(trouble) => trouble.parts(),
        };
        self.status(status, code, text);
    }

    /// `* BYE`
    pub(super) fn bye(&mut self, text: &str) {
        self.buffer.extend_from_slice(b"* ");
        self.status("BYE", None, text);
    }

    /// The answer to a command that was not understood: tagged if its tag was.
    pub(super) fn not_understood(&mut self, error: &ParseError) {
        use sekisho_imap::command::Reason;
        match &error.tag {
            Some(tag) => self.words(format_args!("{tag} ")),
            None => self.buffer.extend_from_slice(b"* "),
        }
        let (status, code) = match error.reason {
            Reason::Charset => ("NO", Some("BADCHARSET (US-ASCII UTF-8)")),
            Reason::Mailbox(_) => ("NO", Some("CANNOT")),
            _ => ("BAD", None),
        };
        self.status(status, code, &error.to_string());
    }

    fn status(&mut self, status: &str, code: Option<&str>, text: &str) {
        self.words(format_args!("{status} "));
        if let Some(code) = code {
            self.words(format_args!("[{code}] "));
        }
        encode::text(&mut self.buffer, text);
        self.end_line();
    }

    /// Writes the buffer out if it has grown big: between two responses, or inside of a literal.
    pub(super) async fn make_room(&mut self) -> io::Result<()> {
        if self.buffer.len() < FULL {
            return Ok(());
        }
        match &mut self.deflater {
            Some(deflater) => {
                self.writer
                    .write_all(&deflater.deflate(&self.buffer)?)
                    .await?
            }
            None => self.writer.write_all(&self.buffer).await?,
        }
        self.buffer.clear();
        Ok(())
    }

    /// Writes everything out. An idle session keeps no buffer.
    pub(super) async fn flush(&mut self) -> io::Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let mut buffer = std::mem::take(&mut self.buffer);
        if let Some(deflater) = &mut self.deflater {
            buffer = deflater.deflate(&buffer)?;
        }
        self.writer.write_all(&buffer).await?;
        self.writer.flush().await
    }

    /// Writes everything out and ends the stream, as TLS wants it ended.
    pub(super) async fn finish(&mut self) -> io::Result<()> {
        self.flush().await?;
        self.writer.shutdown().await
    }
}

/// A command that was carried out.
pub(super) struct Done {
    code: Option<String>,
    text: &'static str,
}

impl Done {
    /// Done, with these words.
    pub(super) fn plain(text: &'static str) -> Self {
        Self { code: None, text }
    }

    /// Done, with a response code (without its brackets).
    pub(super) fn with(code: String, text: &'static str) -> Self {
        Self {
            code: Some(code),
            text,
        }
    }
}

/// A command that was not carried out, or the end of the connection.
pub(super) enum CommandError {
    /// `NO`, with a response code.
    No(&'static str, &'static str),
    /// `BAD`
    Bad(&'static str),
    /// A name that no folder can have.
    Name(NameError),
    /// The store's refusal.
    Store(StoreError),
    /// The connection can't go on.
    End(ServeError),
}

impl CommandError {
    /// A missing folder in a command that could create it first (RFC 3501, section 6.3.11).
    pub(super) fn try_create(error: StoreError) -> Self {
        match error {
            StoreError::NoSuchFolder => Self::No("TRYCREATE", "there is no such folder"),
            other => Self::Store(other),
        }
    }

    fn parts(&self) -> (&'static str, Option<&'static str>, &str) {
        match self {
            Self::No(code, text) => ("NO", Some(*code), text),
            Self::Bad(text) => ("BAD", None, text),
            Self::Name(error) => ("NO", Some("CANNOT"), name_error(*error)),
            Self::Store(error) => {
                let (code, text) = store_error(error);
                ("NO", Some(code), text)
            }
            Self::End(_) => ("NO", Some("SERVERBUG"), "the connection ends"),
        }
    }
}

impl From<StoreError> for CommandError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<NameError> for CommandError {
    fn from(error: NameError) -> Self {
        Self::Name(error)
    }
}

impl From<io::Error> for CommandError {
    fn from(error: io::Error) -> Self {
        Self::End(error.into())
    }
}

fn name_error(error: NameError) -> &'static str {
    match error {
        NameError::Empty => "a folder name, and each level of it, has at least one character",
        NameError::Control => "a folder name has no control characters",
        NameError::TooLong => "the folder name is too long",
    }
}

/// The response code (RFC 5530) and words for what the store said.
fn store_error(error: &StoreError) -> (&'static str, &'static str) {
    match error {
        StoreError::Full => ("UNAVAILABLE", "the server's disk is full; try again later"),
        StoreError::Broken(_) => (
            "UNAVAILABLE",
            "the mail store is out of order; try again later",
        ),
        StoreError::TooLarge { .. } => ("TOOBIG", "the message is too large"),
        StoreError::NoSuchFolder => ("NONEXISTENT", "there is no such folder"),
        StoreError::FolderExists => ("ALREADYEXISTS", "the folder exists already"),
        StoreError::FolderFixed => ("CANNOT", "this folder can't be changed so"),
        StoreError::TooManyFolders(_) => ("LIMIT", "there are too many folders"),
        StoreError::OverQuota => ("OVERQUOTA", "the mailbox is full; delete something first"),
        StoreError::UseTaken => ("USEATTR", "another folder has this use"),
        StoreError::NoSuchMessage => ("EXPUNGEISSUED", "the message is gone"),
        StoreError::TooManyKeywords => ("LIMIT", "too many keywords on one message"),
        StoreError::NoUidsLeft => ("LIMIT", "the folder has no numbers left"),
    }
}
