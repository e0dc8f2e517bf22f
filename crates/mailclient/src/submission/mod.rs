//! Sending mail (RFC 6409) over a stream that is logged in.

mod address;
mod reply;

pub use self::address::{EnvelopeAddress, InvalidAddress};
pub use self::reply::Reply;
use self::reply::ReplyReader;
#[cfg(fuzzing)]
pub use self::reply::fuzz;
use crate::imap::with_crlf;
use crate::wire::Wire;
use tokio::io::{AsyncRead, AsyncWrite};

/// A connection to a submission server that is logged in.
///
/// As with IMAP, the future of an operation can be dropped; the connection then counts as gone.
pub struct Submission {
    wire: Wire,
    reader: ReplyReader,
    extensions: Extensions,
    /// An exchange is under way, or one failed or was dropped in its middle.
    unusable: bool,
}

/// The server has taken the message and is answerable for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// What it said; often the number of the message in its queue.
    pub text: String,
}

/// Why a message was not sent. Nobody gets it, unless the variant says otherwise.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SubmitError {
    /// The connection is closed. If that happened while the message was on its way, it is unknown
    /// whether it was taken: say so rather than send it again by itself.
    #[error("the connection to the submission server is gone")]
    Gone,
    /// The server refuses the sender or the message. If that is temporary, try again later.
    #[error("the submission server refuses: {0:?}")]
    Refused(Reply),
    /// The server refuses some recipients. Correct or leave out these, then send to all.
    #[error("the submission server refuses {} recipients", .0.len())]
    Recipients(Vec<(EnvelopeAddress, Reply)>),
    /// The server sent what it may not. The connection can't be used any more.
    #[error("the submission server breaks the protocol: {0}")]
    Protocol(&'static str),
    /// The message is larger than the server takes.
    #[error("more than {most} bytes")]
    TooLarge {
        /// The server's limit in bytes.
        most: u64,
    },
    /// The message can't be sent to this server: it has no recipients or a NUL, or needs 8BITMIME
    /// or SMTPUTF8, which the server doesn't have.
    #[error("this message can't be sent: {0}")]
    Unsendable(&'static str),
}

/// What the server announces.
#[derive(Clone, Copy, Debug, Default)]
struct Extensions {
    /// `SIZE` (RFC 1870) with the largest message, or 0 for no limit.
    size: Option<u64>,
    /// `8BITMIME` (RFC 6152)
    eight_bit: bool,
    /// `SMTPUTF8` (RFC 6531)
    utf8: bool,
    /// `PIPELINING` (RFC 2920)
    pipelining: bool,
}

/// How many bytes of replies may come while commands are being sent.
const MOST_EARLY: usize = 4 * 1024 * 1024;

impl Submission {
    /// Takes over a stream on which the login is done and nothing more was said. Asks with EHLO
    /// what the server can do.
    ///
    /// # Errors
    /// As [`Self::send`].
    pub async fn authenticated(
        stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    ) -> Result<Self, SubmitError> {
        let mut submission = Self {
            wire: Wire::new(stream),
            reader: ReplyReader::default(),
            extensions: Extensions::default(),
            unusable: false,
        };
        // The name of a client that has logged in is of no interest to anybody.
        let reply = submission.exchange(b"EHLO [127.0.0.1]\r\n").await?;
        if !reply.is_ok() {
            return Err(SubmitError::Refused(reply));
        }
        submission.extensions = Extensions::announced(&reply.text);
        Ok(submission)
    }

    /// Sends a message to all recipients or, if one of them is refused, to none: else whoever
    /// corrects an address and sends again would reach the others twice. Line ends become CRLF.
    ///
    /// # Errors
    /// Says why nobody gets the message; see [`SubmitError`]. After [`SubmitError::Gone`] and
    /// [`SubmitError::Protocol`] the connection can't be used any more.
    pub async fn send(
        &mut self,
        from: &EnvelopeAddress,
        to: &[EnvelopeAddress],
        message: &[u8],
    ) -> Result<Receipt, SubmitError> {
        let message = with_crlf(message);
        let opening = self.opening(from, to, &message)?;
        if self.unusable {
            return Err(SubmitError::Gone);
        }
        self.unusable = true;
        let mut replies = self.envelope(&opening).await?.into_iter();
        let Some(sender) = replies.next().filter(|reply| reply.code != 421) else {
            return Err(SubmitError::Gone);
        };
        let refused: Vec<_> = to
            .iter()
            .cloned()
            .zip(replies)
            .filter(|(_, reply)| !reply.is_ok())
            .collect();
        if !sender.is_ok() || !refused.is_empty() {
            self.exchange_raw(b"RSET\r\n").await?;
            self.unusable = false;
            return Err(if sender.is_ok() {
                SubmitError::Recipients(refused)
            } else {
                SubmitError::Refused(sender)
            });
        }
        let ready = self.exchange_raw(b"DATA\r\n").await?;
        if ready.code != 354 {
            self.exchange_raw(b"RSET\r\n").await?;
            self.unusable = false;
            return Err(SubmitError::Refused(ready));
        }
        let done = self.exchange_raw(&stuffed(&message)).await?;
        self.unusable = done.code == 421;
        if done.is_ok() {
            Ok(Receipt { text: done.text })
        } else {
            Err(SubmitError::Refused(done))
        }
    }

    /// Says good-bye.
    ///
    /// # Errors
    /// [`SubmitError::Protocol`] if the server answers something else than a reply.
    pub async fn quit(mut self) -> Result<(), SubmitError> {
        match self.exchange(b"QUIT\r\n").await {
            Ok(_) | Err(SubmitError::Gone) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// MAIL and a RCPT for each recipient.
    fn opening(
        &self,
        from: &EnvelopeAddress,
        to: &[EnvelopeAddress],
        message: &[u8],
    ) -> Result<Vec<String>, SubmitError> {
        let known = self.extensions;
        if to.is_empty() {
            return Err(SubmitError::Unsendable("no recipients"));
        }
        if message.contains(&0) {
            return Err(SubmitError::Unsendable("a NUL in the message"));
        }
        let mut mail = format!("MAIL FROM:<{from}>");
        if let Some(most) = known.size {
            let size = message.len() as u64;
            if most > 0 && size > most {
                return Err(SubmitError::TooLarge { most });
            }
            mail.push_str(&format!(" SIZE={size}"));
        }
        if !message.is_ascii() {
            if !known.eight_bit {
                return Err(SubmitError::Unsendable("8BITMIME is missing"));
            }
            mail.push_str(" BODY=8BITMIME");
        }
        let plain = |address: &EnvelopeAddress| address.as_str().is_ascii();
        if !(plain(from) && to.iter().all(plain)) {
            if !known.utf8 {
                return Err(SubmitError::Unsendable("SMTPUTF8 is missing"));
            }
            mail.push_str(" SMTPUTF8");
        }
        let recipients = to.iter().map(|address| format!("RCPT TO:<{address}>\r\n"));
        mail.push_str("\r\n");
        Ok(std::iter::once(mail).chain(recipients).collect())
    }

    /// Sends commands, at once if the server can take that, and returns a reply to each.
    async fn envelope(&mut self, commands: &[String]) -> Result<Vec<Reply>, SubmitError> {
        let mut replies = Vec::with_capacity(commands.len());
        if self.extensions.pipelining {
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
            if let Some(reply) = self.reader.next_reply().map_err(SubmitError::Protocol)? {
                return Ok(reply);
            }
            self.reader.push(self.wire.receive().await?);
        }
    }

    async fn send_bytes(&mut self, bytes: &[u8]) -> Result<(), SubmitError> {
        let reader = &mut self.reader;
        let heard = |piece: &[u8]| reader.push(piece);
        Ok(self.wire.send(bytes, MOST_EARLY, heard).await?)
    }
}

impl Extensions {
    /// The lines behind the first one of a reply to EHLO.
    fn announced(text: &str) -> Self {
        let mut extensions = Self::default();
        for line in text.lines().skip(1) {
            let mut words = line.split(' ');
            let word = words.next().unwrap_or_default();
            match word.to_ascii_uppercase().as_str() {
                "SIZE" => {
                    let most = words.next().and_then(|most| most.parse().ok());
                    extensions.size = Some(most.unwrap_or(0));
                }
                "8BITMIME" => extensions.eight_bit = true,
                "SMTPUTF8" => extensions.utf8 = true,
                "PIPELINING" => extensions.pipelining = true,
                _ => {}
            }
        }
        extensions
    }
}

impl From<std::io::Error> for SubmitError {
    fn from(error: std::io::Error) -> Self {
        tracing::debug!(kind = ?error.kind(), "submission connection lost");
        Self::Gone
    }
}

/// A message with CRLF line ends as DATA wants it: a dot more where a line begins with one, and a
/// line with a dot alone at the end (RFC 5321, section 4.5.2).
fn stuffed(message: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(message.len() + message.len() / 64 + 5);
    let mut line_begins = true;
    for &byte in message {
        if line_begins && byte == b'.' {
            out.push(b'.');
        }
        out.push(byte);
        line_begins = byte == b'\n';
    }
    out.extend_from_slice(if line_begins { b".\r\n" } else { b"\r\n.\r\n" });
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Whatever the message, nothing but its end ends it (security: SMTP smuggling).
        #[test]
        fn no_message_ends_before_its_end(
            message in prop::collection::vec(prop::sample::select(b".\r\na".to_vec()), 0..40),
        ) {
            let sent = stuffed(&with_crlf(&message));
            let end = sent.windows(5).position(|five| five == b"\r\n.\r\n");
            let whole = [&b"\r\n"[..], &sent].concat();
            prop_assert!(whole.ends_with(b"\r\n.\r\n"));
            prop_assert!(end.is_none_or(|end| end + 5 == sent.len()));
            let bare = whole.iter().enumerate().any(|(at, byte)| match byte {
                b'\r' => whole.get(at + 1) != Some(&b'\n'),
                b'\n' => at == 0 || whole[at - 1] != b'\r',
                _ => false,
            });
            prop_assert!(!bare);
        }
    }
}
