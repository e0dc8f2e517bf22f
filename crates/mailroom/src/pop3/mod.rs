//! Mail that people fetch by POP3, once the door has let them in (RFC 1939 from the transaction state on; CAPA, RFC
//! 2449).
//!
//! A session sees the INBOX as it was at the login. Nothing is locked, so a dropped connection keeps nobody out:
//! sessions of POP3 and IMAP may be open at the same time, and a message that another one removed is answered with an
//! error of its own.
//!
//! What DELE marked is removed at QUIT and at no other end, all at once, by UID; so a message that arrived meanwhile is
//! never meant. A message that was fetched whole is `\Seen` from QUIT on.
//!
//! In reading order: [`serve_pop3`]; `command` is what a client says, `maildrop` what a session holds of the INBOX.

mod command;
mod maildrop;
#[cfg(test)]
mod tests;

use std::fmt;
use std::io;
use std::sync::Arc;

use jiff::SignedDuration;
use sekisho_checkpoint::Admitted;
use sekisho_checkpoint::ports::Clock;
use sekisho_net::Shutdown;
use sekisho_queue::connection::{Connection, Lost};
use sekisho_smtp::data::DataEncoder;
use sekisho_store::{Mailbox, Store, StoreError};
use tokio::io::{AsyncRead, AsyncWrite};

use self::command::Command;
use self::maildrop::{Maildrop, TopCut};

/// How long a client may be silent (RFC 1939, section 3: ten minutes at least).
const PATIENCE: SignedDuration = SignedDuration::from_mins(10);
/// The longest command, in bytes with its CRLF (RFC 2449, section 4: 255).
const COMMAND_LINE: usize = 512;
/// How much of a message is read at once, in bytes.
const PIECE: u64 = 128 << 10;

/// What POP3 works with.
#[derive(Clone)]
pub struct Pop3 {
    /// Where the mail is.
    pub store: Store,
    /// The wall clock.
    pub clock: Arc<dyn Clock>,
    /// Ends sessions.
    pub shutdown: Shutdown,
}

/// What CAPA offers on either side of the login, a line each.
#[must_use]
pub fn capabilities() -> Vec<String> {
    let offers = [
        "TOP",
        "UIDL",
        "RESP-CODES",
        "AUTH-RESP-CODE",
        "PIPELINING",
        "EXPIRE NEVER",
        "IMPLEMENTATION Sekisho",
    ];
    offers.map(str::to_owned).to_vec()
}

/// Serves a client that was admitted, until it quits or the connection is lost; the caller drops this future when the
/// admission ends. `unread` is what the door read from the stream and did not use.
pub async fn serve_pop3<S>(stream: S, unread: Vec<u8>, admitted: Admitted, pop3: Pop3)
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    let mailbox = pop3.store.open(&admitted).await;
    serve_mailbox(stream, unread, mailbox, &pop3).await;
}

async fn serve_mailbox<S>(
    stream: S,
    unread: Vec<u8>,
    mailbox: Result<Mailbox, StoreError>,
    pop3: &Pop3,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    let clock = Arc::clone(&pop3.clock);
    let mut connection = Connection::new(stream, unread, clock, PATIENCE);
    let serving = async {
        let opened = match mailbox {
            Ok(mailbox) => Maildrop::open(mailbox).await,
            Err(error) => Err(error),
        };
        match opened {
            Ok(maildrop) => converse(&mut connection, maildrop).await?,
            Err(error) => say(&mut connection, format_args!("-ERR {}", words(&error))),
        }
        connection.close().await
    };
    tokio::select! {
        biased;
        // Without last words: they could land in the middle of a message.
        () = pop3.shutdown.leaving() => {}
        served = serving => {
            if let Err(lost) = served {
                tracing::debug!(%lost, "a POP3 session ended");
            }
        }
    }
}

async fn converse<S>(connection: &mut Connection<S>, mut maildrop: Maildrop) -> Result<(), Lost>
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    loop {
        let line = match connection.line(COMMAND_LINE).await {
            Err(Lost::Line(fault)) => {
                say(connection, format_args!("-ERR {fault}"));
                return Ok(());
            }
            line => line?,
        };
        match Command::parse(&line) {
            Err(error) => say(connection, format_args!("-ERR {error}")),
            Ok(Command::Quit) => {
                match maildrop.update().await {
                    Ok(()) => say(connection, "+OK Goodbye"),
                    Err(error) => {
                        let words = words(&error);
                        say(
                            connection,
                            format_args!("-ERR {words}; nothing was removed"),
                        );
                    }
                }
                return Ok(());
            }
            Ok(Command::Retr(number)) => send(connection, &mut maildrop, number, None).await?,
            Ok(Command::Top(number, lines)) => {
                send(connection, &mut maildrop, number, Some(lines)).await?;
            }
            Ok(Command::Capa) => list(connection, "Capabilities", capabilities()),
            Ok(command) => answer(connection, &mut maildrop, &command),
        }
    }
}

/// Answers commands that don't need the disk.
fn answer<S>(connection: &mut Connection<S>, maildrop: &mut Maildrop, command: &Command)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let said = match command {
        Command::Stat => Ok(format!("{} {}", maildrop.count(), maildrop.octets())),
        Command::Noop => Ok("Done".to_owned()),
        Command::Rset => {
            maildrop.reset();
            Ok("Nothing is marked".to_owned())
        }
        Command::Dele(number) => maildrop
            .delete(*number)
            .map(|()| "Marked, and removed at QUIT".to_owned()),
        Command::List(Some(number)) => maildrop.size(*number),
        Command::Uidl(Some(number)) => maildrop.unique_id(*number),
        Command::List(None) => {
            let words = format!("{} messages", maildrop.count());
            return list(connection, &words, maildrop.sizes());
        }
        Command::Uidl(None) => return list(connection, "Unique ids", maildrop.unique_ids()),
        Command::Retr(_) | Command::Top(..) | Command::Capa | Command::Quit => return,
    };
    match said {
        Ok(words) => say(connection, format_args!("+OK {words}")),
        Err(missing) => say(connection, format_args!("-ERR {missing}")),
    }
}

/// Sends a message: all of it, or its header and a number of lines of its body.
async fn send<S>(
    connection: &mut Connection<S>,
    maildrop: &mut Maildrop,
    number: usize,
    lines: Option<u64>,
) -> Result<(), Lost>
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    let content = match maildrop.content(number).await {
        Ok(Ok(content)) => content,
        Ok(Err(missing)) => {
            say(connection, format_args!("-ERR {missing}"));
            return Ok(());
        }
        Err(error) => {
            say(connection, format_args!("-ERR {}", words(&error)));
            return Ok(());
        }
    };
    match lines {
        None => say(connection, format_args!("+OK {} octets", content.size())),
        Some(_) => say(connection, "+OK"),
    }
    let mut cut = lines.map(TopCut::new);
    let mut encoder = DataEncoder::default();
    let mut wire = Vec::new();
    let mut at = 0;
    while at < content.size() && cut.as_ref().is_none_or(|cut| !cut.is_over()) {
        let read = content.read_range(at..at + PIECE).await;
        // The answer has begun, so only closing the connection tells the client that it isn't whole.
        let piece = read.map_err(|error| Lost::Io(io::Error::other(error)))?;
        at += PIECE;
        let wanted = match &mut cut {
            None => piece.as_slice(),
            Some(cut) => cut.take(&piece),
        };
        encoder.encode(wanted, &mut wire);
        connection.put(&wire);
        wire.clear();
        connection.flush().await?;
    }
    encoder.finish(&mut wire);
    connection.put(&wire);
    if lines.is_none() {
        maildrop.fetched(number);
    }
    Ok(())
}

fn say<S>(connection: &mut Connection<S>, line: impl fmt::Display)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    connection.put(format!("{line}\r\n").as_bytes());
}

/// A multi-line answer (RFC 1939, section 3). None of its lines begins with a dot.
fn list<S>(connection: &mut Connection<S>, words: &str, lines: impl IntoIterator<Item = String>)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    say(connection, format_args!("+OK {words}"));
    for line in lines {
        say(connection, line);
    }
    say(connection, ".");
}

/// What a client is told of a failure of the store (RFC 3206: SYS/TEMP).
fn words(error: &StoreError) -> String {
    if error.is_temporary() {
        tracing::error!(%error, "POP3 can't reach the mail");
        "[SYS/TEMP] The mail store is out of order, try again later".to_owned()
    } else {
        "The message was removed by another session".to_owned()
    }
}

/// For `fuzz/`: reads a line.
#[cfg(fuzzing)]
pub fn fuzz(line: &[u8]) {
    let command = Command::parse(line);
    // Case and the blanks around words make no difference.
    let words = line.split(u8::is_ascii_whitespace);
    let words: Vec<&[u8]> = words.filter(|word| !word.is_empty()).collect();
    let again = words.join(&b' ').to_ascii_uppercase();
    assert_eq!(Command::parse(&again), command);
    assert!(command.is_err() || line.is_ascii());
}
