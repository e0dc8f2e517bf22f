//! Sends mail (RFC 6409 section 3) over a stream that is logged in.

use sekisho_smtp::data::encode;
use sekisho_smtp::{
    Body, Extensions, Inbound, LineFault, MailFrom, Path, REPLY_LINE, RcptTo, Reply, ReplyError,
    ReplyReader,
};
use tokio::io::{AsyncRead, AsyncWrite};

use crate::imap::with_crlf;
use crate::wire::Wire;

/// A connection to a submission server that is logged in.
///
/// The future of an operation can be dropped at any time; the connection then counts as gone.
pub struct Submission {
    wire: Wire,
    inbound: Inbound,
    reader: ReplyReader,
    extensions: Extensions,
    /// Whether an exchange is under way, or failed or was dropped before its end.
    unusable: bool,
}

/// The server has accepted the message and is responsible for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The server's answer; often it contains the message's number in the queue.
    pub text: String,
}

/// Why a message was not sent. Unless the variant says otherwise, no recipient gets it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SubmitError {
    /// The connection is closed. If that happened while the message was being sent, it is unknown whether the server
    /// accepted it: tell the person, and do not send it again automatically.
    #[error("the connection to the submission server is gone")]
    Gone,
    /// The server refuses the sender or the message. If the refusal is temporary, try again later.
    #[error("the submission server refuses: {}", .0.in_one_line())]
    Refused(Reply),
    /// The server refuses some recipients. Correct or remove these, then send to all.
    #[error("the submission server refuses {} recipients", .0.len())]
    Recipients(Vec<(Path, Reply)>),
    /// The server broke the protocol. The connection can't be used any more.
    #[error("the submission server breaks the protocol: {0}")]
    Protocol(String),
    /// The message is larger than the server allows.
    #[error("more than {most} bytes")]
    TooLarge {
        /// The server's limit in bytes.
        most: u64,
    },
    /// The message can't be sent to this server: it has no recipients or contains a NUL, or it needs 8BITMIME or
    /// SMTPUTF8 and the server lacks it.
    #[error("this message can't be sent: {0}")]
    Unsendable(&'static str),
}

/// The most bytes of replies that may arrive while commands are being sent.
const MOST_EARLY: usize = 4 * 1024 * 1024;

impl Submission {
    /// Takes over a stream on which the login is done and nothing was said since. Asks with EHLO for the server's
    /// extensions.
    ///
    /// # Errors
    /// As [`Self::send`].
    pub async fn authenticated(
        stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    ) -> Result<Self, SubmitError> {
        let mut submission = Self {
            wire: Wire::new(stream),
            inbound: Inbound::default(),
            reader: ReplyReader::default(),
            extensions: Extensions::default(),
            unusable: false,
        };
        // Servers ignore the name of a client that has logged in.
        let reply = submission.exchange(b"EHLO [127.0.0.1]\r\n").await?;
        if !reply.is_success() {
            return Err(SubmitError::Refused(reply));
        }
        submission.extensions = Extensions::offered(&reply);
        Ok(submission)
    }

    /// Sends a message to all recipients; if one of them is refused, to none, because otherwise a person who corrects
    /// the address and sends again would reach the others twice. Line ends become CRLF.
    ///
    /// # Errors
    /// [`SubmitError`]. After [`SubmitError::Gone`] and [`SubmitError::Protocol`] the connection can't be used any
    /// more.
    pub async fn send(
        &mut self,
        from: &Path,
        to: &[Path],
        message: &[u8],
    ) -> Result<Receipt, SubmitError> {
        let message = with_crlf(message);
        let opening = self.opening(from, to, &message)?;
        if self.unusable {
            return Err(SubmitError::Gone);
        }
        self.unusable = true;
        let mut replies = self.envelope(&opening).await?.into_iter();
        let Some(sender) = replies.next().filter(|reply| reply.code() != 421) else {
            return Err(SubmitError::Gone);
        };
        let refused: Vec<_> = to
            .iter()
            .cloned()
            .zip(replies)
            .filter(|(_, reply)| !reply.is_success())
            .collect();
        if !sender.is_success() || !refused.is_empty() {
            self.exchange_raw(b"RSET\r\n").await?;
            self.unusable = false;
            return Err(if sender.is_success() {
                SubmitError::Recipients(refused)
            } else {
                SubmitError::Refused(sender)
            });
        }
        let ready = self.exchange_raw(b"DATA\r\n").await?;
        if ready.code() != 354 {
            self.exchange_raw(b"RSET\r\n").await?;
            self.unusable = false;
            return Err(SubmitError::Refused(ready));
        }
        let done = self.exchange_raw(&encode(&message)).await?;
        self.unusable = done.code() == 421;
        if done.is_success() {
            Ok(Receipt { text: done.words() })
        } else {
            Err(SubmitError::Refused(done))
        }
    }

    /// Ends the session and closes the connection.
    ///
    /// # Errors
    /// [`SubmitError::Protocol`] if the server's answer is no reply.
    pub async fn quit(mut self) -> Result<(), SubmitError> {
        match self.exchange(b"QUIT\r\n").await {
            Ok(_) | Err(SubmitError::Gone) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// The commands before the message: MAIL, and RCPT for each recipient.
    fn opening(
        &self,
        from: &Path,
        to: &[Path],
        message: &[u8],
    ) -> Result<Vec<String>, SubmitError> {
        if to.is_empty() {
            return Err(SubmitError::Unsendable("no recipients"));
        }
        if message.contains(&0) {
            return Err(SubmitError::Unsendable("a NUL in the message"));
        }
        let size = message.len() as u64;
        if let Some(most) = self.extensions.largest_message()
            && size > most
        {
            return Err(SubmitError::TooLarge { most });
        }
        let eight_bit = !message.is_ascii();
        if eight_bit && !self.extensions.has("8BITMIME") {
            return Err(SubmitError::Unsendable("8BITMIME is missing"));
        }
        let utf8 = !std::iter::once(from)
            .chain(to)
            .all(|path| path.as_str().is_ascii());
        if utf8 && !self.extensions.has("SMTPUTF8") {
            return Err(SubmitError::Unsendable("SMTPUTF8 is missing"));
        }
        let mail = MailFrom {
            from: Some(from.clone()),
            size: Some(size),
            body: if eight_bit {
                Body::EightBit
            } else {
                Body::SevenBit
            },
            utf8,
            ..MailFrom::default()
        };
        // No DSN parameters: the default reports of the recipients' servers are right.
        let silent = Extensions::default();
        let rcpt = |to: &Path| RcptTo::new(to.clone()).command(&silent) + "\r\n";
        let mail = mail.command(&self.extensions) + "\r\n";
        Ok(std::iter::once(mail).chain(to.iter().map(rcpt)).collect())
    }

    /// Sends commands, all at once if the server announces PIPELINING, and returns a reply to each.
    async fn envelope(&mut self, commands: &[String]) -> Result<Vec<Reply>, SubmitError> {
        let mut replies = Vec::with_capacity(commands.len());
        if self.extensions.has("PIPELINING") {
            self.send_bytes(commands.concat().as_bytes()).await?;
            for _ in commands {
                replies.push(self.next_reply().await?);
            }
        } else {
            for command in commands {
                replies.push(self.exchange_raw(command.as_bytes()).await?);
            }
        }
        Ok(replies)
    }

    async fn exchange(&mut self, command: &[u8]) -> Result<Reply, SubmitError> {
        if std::mem::replace(&mut self.unusable, true) {
            return Err(SubmitError::Gone);
        }
        let reply = self.exchange_raw(command).await?;
        self.unusable = false;
        Ok(reply)
    }

    async fn exchange_raw(&mut self, command: &[u8]) -> Result<Reply, SubmitError> {
        self.send_bytes(command).await?;
        self.next_reply().await
    }

    async fn next_reply(&mut self) -> Result<Reply, SubmitError> {
        loop {
            while let Some(line) = self.inbound.line(REPLY_LINE)? {
                if let Some(reply) = self.reader.line(&line)? {
                    return Ok(reply);
                }
            }
            self.inbound.push(self.wire.receive().await?);
        }
    }

    async fn send_bytes(&mut self, bytes: &[u8]) -> Result<(), SubmitError> {
        let inbound = &mut self.inbound;
        let heard = |piece: &[u8]| inbound.push(piece);
        Ok(self.wire.send(bytes, MOST_EARLY, heard).await?)
    }
}

impl From<LineFault> for SubmitError {
    fn from(fault: LineFault) -> Self {
        Self::Protocol(fault.to_string())
    }
}

impl From<ReplyError> for SubmitError {
    fn from(error: ReplyError) -> Self {
        Self::Protocol(error.to_string())
    }
}

impl From<std::io::Error> for SubmitError {
    fn from(error: std::io::Error) -> Self {
        tracing::debug!(kind = ?error.kind(), "submission connection lost");
        Self::Gone
    }
}
