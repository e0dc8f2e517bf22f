//! Speaks line protocols over real sockets, byte by byte, and logs in at the doors for mail clients.

use std::net::IpAddr;

use anyhow::{Context, bail};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

/// A connection that is read line by line.
#[derive(Debug)]
pub struct Wire(BufReader<TcpStream>);

impl Wire {
    /// Connects without reading anything.
    ///
    /// # Errors
    /// Nobody listens there.
    pub async fn connect(door: &str) -> anyhow::Result<Self> {
        Ok(Self(BufReader::new(TcpStream::connect(door).await?)))
    }

    /// Connects and reads the greeting.
    ///
    /// # Errors
    /// Nobody listens there, or the server closes the connection at once.
    pub async fn greeted(door: &str) -> anyhow::Result<Self> {
        let mut wire = Self::connect(door).await?;
        wire.line().await?;
        Ok(wire)
    }

    /// Connects as a load balancer does for a client at `address` (PROXY protocol version 1), and reads the greeting.
    ///
    /// # Errors
    /// Nobody listens there, or the server closes the connection at once.
    pub async fn greeted_for(address: IpAddr, port: u16) -> anyhow::Result<Self> {
        let mut wire = Self::connect(&format!("127.0.0.1:{port}")).await?;
        let header = match address {
            IpAddr::V4(address) => format!("PROXY TCP4 {address} 127.0.0.1 50000 {port}\r\n"),
            IpAddr::V6(address) => format!("PROXY TCP6 {address} ::1 50000 {port}\r\n"),
        };
        wire.send(header).await?;
        wire.line().await?;
        Ok(wire)
    }

    /// The next line without its line end.
    ///
    /// # Errors
    /// The connection ended.
    pub async fn line(&mut self) -> anyhow::Result<String> {
        let mut line = Vec::new();
        if self.0.read_until(b'\n', &mut line).await? == 0 {
            bail!("the connection ended");
        }
        Ok(String::from_utf8_lossy(&line)
            .trim_end_matches(['\r', '\n'])
            .to_owned())
    }

    /// Sends bytes as they are.
    ///
    /// # Errors
    /// The connection broke.
    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) -> anyhow::Result<()> {
        Ok(self.0.write_all(bytes.as_ref()).await?)
    }

    /// Sends an IMAP command with the tag `t`; returns everything up to its tagged answer, literals included.
    ///
    /// # Errors
    /// The connection ended.
    pub async fn imap(&mut self, command: &str) -> anyhow::Result<String> {
        self.send(format!("t {command}\r\n")).await?;
        self.imap_answer().await
    }

    /// Reads everything up to the answer with the tag `t`.
    ///
    /// # Errors
    /// The connection ended.
    pub async fn imap_answer(&mut self) -> anyhow::Result<String> {
        let mut all = String::new();
        loop {
            let line = self.line().await?;
            all.push_str(&line);
            if line.starts_with("t ") {
                return Ok(all);
            }
            all.push('\n');
            let literal = line
                .strip_suffix('}')
                .and_then(|l| l.rsplit_once('{'))
                .map(|(_, n)| n.parse());
            if let Some(Ok(length)) = literal {
                let mut bytes = vec![0; length];
                self.0.read_exact(&mut bytes).await?;
                all.push_str(&String::from_utf8_lossy(&bytes));
            }
        }
    }

    /// Sends a line of SMTP or LMTP; returns the last line of the reply.
    ///
    /// # Errors
    /// The connection ended.
    pub async fn smtp(&mut self, line: &str) -> anyhow::Result<String> {
        self.send(format!("{line}\r\n")).await?;
        self.smtp_reply().await
    }

    /// Reads a reply; returns its last line.
    ///
    /// # Errors
    /// The connection ended.
    pub async fn smtp_reply(&mut self) -> anyhow::Result<String> {
        loop {
            let line = self.line().await?;
            if line.as_bytes().get(3) != Some(&b'-') {
                return Ok(line);
            }
        }
    }

    /// Sends a line of POP3; returns the first line of the answer.
    ///
    /// # Errors
    /// The connection ended.
    pub async fn pop3(&mut self, line: &str) -> anyhow::Result<String> {
        self.send(format!("{line}\r\n")).await?;
        self.line().await
    }

    /// Reads until the server closes or resets the connection; returns what it still sent.
    pub async fn until_closed(&mut self) -> String {
        let mut rest = Vec::new();
        // A reset ends the connection, too.
        let _ = self.0.read_to_end(&mut rest).await;
        String::from_utf8_lossy(&rest).into_owned()
    }
}

/// A login method at the doors for mail clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// IMAP LOGIN.
    ImapLogin,
    /// IMAP AUTHENTICATE PLAIN, with the message after a continuation request.
    ImapPlain,
    /// IMAP AUTHENTICATE PLAIN, with the message in the command (SASL-IR, RFC 4959 section 3).
    ImapPlainAtOnce,
    /// Submission AUTH PLAIN.
    SubmissionPlain,
    /// Submission AUTH LOGIN.
    SubmissionLogin,
    /// POP3 USER and PASS.
    Pop3Pass,
    /// POP3 AUTH PLAIN, with the message in the command.
    Pop3Plain,
}

/// A door for mail clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailDoor {
    /// The IMAP door.
    Imap,
    /// The submission door.
    Submission,
    /// The POP3 door.
    Pop3,
}

impl Way {
    /// Every method.
    pub const ALL: [Self; 7] = [
        Self::ImapLogin,
        Self::ImapPlain,
        Self::ImapPlainAtOnce,
        Self::SubmissionPlain,
        Self::SubmissionLogin,
        Self::Pop3Pass,
        Self::Pop3Plain,
    ];

    /// The door that the method is for.
    #[must_use]
    pub fn door(self) -> MailDoor {
        match self {
            Self::ImapLogin | Self::ImapPlain | Self::ImapPlainAtOnce => MailDoor::Imap,
            Self::SubmissionPlain | Self::SubmissionLogin => MailDoor::Submission,
            Self::Pop3Pass | Self::Pop3Plain => MailDoor::Pop3,
        }
    }

    /// Logs in over a connection whose greeting is read; returns the door's answer.
    ///
    /// # Errors
    /// The connection ended.
    pub async fn try_on(
        self,
        wire: &mut Wire,
        name: &str,
        password: &str,
    ) -> anyhow::Result<String> {
        let plain = BASE64_STANDARD.encode(format!("\0{name}\0{password}"));
        match self {
            Self::ImapLogin => {
                // Literals carry any name (RFC 3501 section 4.3).
                wire.send(format!("t LOGIN {{{}}}\r\n", name.len())).await?;
                wire.line().await?;
                wire.send(format!("{name} {{{}}}\r\n", password.len()))
                    .await?;
                wire.line().await?;
                wire.send(format!("{password}\r\n")).await?;
                last_line(&wire.imap_answer().await?)
            }
            Self::ImapPlain => {
                wire.send("t AUTHENTICATE PLAIN\r\n").await?;
                wire.line().await?;
                wire.send(format!("{plain}\r\n")).await?;
                last_line(&wire.imap_answer().await?)
            }
            Self::ImapPlainAtOnce => {
                last_line(&wire.imap(&format!("AUTHENTICATE PLAIN {plain}")).await?)
            }
            Self::SubmissionPlain => {
                wire.smtp("EHLO client.example").await?;
                wire.smtp(&format!("AUTH PLAIN {plain}")).await
            }
            Self::SubmissionLogin => {
                wire.smtp("EHLO client.example").await?;
                let mut answer = wire.smtp("AUTH LOGIN").await?;
                for text in [name, password] {
                    if !answer.starts_with("334") {
                        break;
                    }
                    answer = wire.smtp(&BASE64_STANDARD.encode(text)).await?;
                }
                Ok(answer)
            }
            Self::Pop3Pass => {
                wire.pop3(&format!("USER {name}")).await?;
                wire.pop3(&format!("PASS {password}")).await
            }
            Self::Pop3Plain => wire.pop3(&format!("AUTH PLAIN {plain}")).await,
        }
    }

    /// Whether the answer admits the client.
    #[must_use]
    pub fn lets_in(self, answer: &str) -> bool {
        answer.starts_with(match self.door() {
            MailDoor::Imap => "t OK",
            MailDoor::Submission => "235 ",
            MailDoor::Pop3 => "+OK",
        })
    }

    /// The beginning of an answer that refuses.
    #[must_use]
    pub fn refusal(self) -> &'static str {
        match self.door() {
            MailDoor::Imap => "t NO [AUTHENTICATIONFAILED] ",
            MailDoor::Submission => "535 5.7.8 ",
            MailDoor::Pop3 => "-ERR [AUTH] ",
        }
    }

    /// The beginning of an answer that reports a temporary failure.
    #[must_use]
    pub fn unavailable(self) -> &'static str {
        match self.door() {
            MailDoor::Imap => "t NO [UNAVAILABLE] ",
            MailDoor::Submission => "454 4.7.0 ",
            MailDoor::Pop3 => "-ERR [SYS/TEMP] ",
        }
    }
}

fn last_line(answer: &str) -> anyhow::Result<String> {
    answer
        .lines()
        .last()
        .map(str::to_owned)
        .context("an answer")
}

/// Delivers a message by LMTP to one recipient; returns the reply to the message, or the first reply that refuses.
///
/// # Errors
/// The connection ended.
pub async fn deliver(door: &str, to: &str, message: &[u8]) -> anyhow::Result<String> {
    let mut wire = Wire::greeted(door).await?;
    for line in [
        "LHLO mx.example",
        "MAIL FROM:<sender@elsewhere.example>",
        &format!("RCPT TO:<{to}>"),
        "DATA",
    ] {
        let reply = wire.smtp(line).await?;
        if !reply.starts_with(['2', '3']) {
            return Ok(reply);
        }
    }
    wire.send(message).await?;
    wire.smtp("\r\n.").await
}
