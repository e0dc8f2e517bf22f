//! What a client says.

use crate::error::CommandError;
use crate::params::{MailFrom, RcptTo};

/// A command (RFC 5321 4.1.1, RFC 2033, RFC 3207, RFC 4954).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// `EHLO`, with what the client calls itself.
    Ehlo(String),
    /// `HELO`.
    Helo(String),
    /// `LHLO` (RFC 2033 4.1).
    Lhlo(String),
    /// `STARTTLS`.
    StartTls,
    /// `AUTH`: the mechanism in upper case, and the initial response as it came.
    Auth {
        /// Such as `PLAIN`.
        mechanism: String,
        /// Base64, `=` for an empty one, or nothing.
        initial: Option<String>,
    },
    /// `MAIL FROM`.
    Mail(MailFrom),
    /// `RCPT TO`.
    Rcpt(RcptTo),
    /// `DATA`.
    Data,
    /// `BDAT`: so many bytes of the message follow, the last ones or not (RFC 3030 2).
    Bdat {
        /// How many.
        size: u64,
        /// Whether the message ends with them.
        last: bool,
    },
    /// `RSET`.
    Rset,
    /// `NOOP`, and whatever followed it.
    Noop,
    /// `VRFY` or `EXPN`: understood, and never answered with a name.
    Vrfy,
    /// `HELP`.
    Help,
    /// `QUIT`.
    Quit,
}

impl Command {
    /// Parses a line without its CRLF.
    ///
    /// # Errors
    /// The line is no command; [`CommandError::reply`] says it to the client.
    pub fn parse(line: &[u8]) -> Result<Self, CommandError> {
        let line = std::str::from_utf8(line).map_err(|_| CommandError::Syntax)?;
        if line.chars().any(char::is_control) {
            return Err(CommandError::Syntax);
        }
        let line = line.trim_end_matches(' ');
        let (verb, arguments) = line.split_once(' ').unwrap_or((line, ""));
        let arguments = arguments.trim_start_matches(' ');
        match verb.to_ascii_uppercase().as_str() {
            "EHLO" => hello(arguments).map(Self::Ehlo),
            "HELO" => hello(arguments).map(Self::Helo),
            "LHLO" => hello(arguments).map(Self::Lhlo),
            "STARTTLS" => alone(arguments, Self::StartTls),
            "AUTH" => auth(arguments),
            "MAIL" => MailFrom::parse(arguments).map(Self::Mail),
            "RCPT" => RcptTo::parse(arguments).map(Self::Rcpt),
            "DATA" => alone(arguments, Self::Data),
            "BDAT" => bdat(arguments),
            "RSET" => alone(arguments, Self::Rset),
            "NOOP" => Ok(Self::Noop),
            "VRFY" | "EXPN" => Ok(Self::Vrfy),
            "HELP" => Ok(Self::Help),
            "QUIT" => alone(arguments, Self::Quit),
            _ => Err(CommandError::Unknown),
        }
    }
}

fn hello(arguments: &str) -> Result<String, CommandError> {
    let fine = !arguments.is_empty() && arguments.len() <= 255 && !arguments.contains(' ');
    fine.then(|| arguments.to_owned())
        .ok_or(CommandError::Argument)
}

fn alone(arguments: &str, command: Command) -> Result<Command, CommandError> {
    if arguments.is_empty() {
        Ok(command)
    } else {
        Err(CommandError::Argument)
    }
}

fn bdat(arguments: &str) -> Result<Command, CommandError> {
    let (size, end) = arguments.split_once(' ').unwrap_or((arguments, ""));
    let last = match end {
        "" => false,
        end if end.eq_ignore_ascii_case("LAST") => true,
        _ => return Err(CommandError::Argument),
    };
    let digits = !size.is_empty() && size.bytes().all(|b| b.is_ascii_digit());
    match size.parse() {
        Ok(size) if digits => Ok(Command::Bdat { size, last }),
        _ => Err(CommandError::Argument),
    }
}

fn auth(arguments: &str) -> Result<Command, CommandError> {
    let (mechanism, initial) = match arguments.split_once(' ') {
        Some((mechanism, initial)) => (mechanism, Some(initial.to_owned())),
        None => (arguments, None),
    };
    let fine = !mechanism.is_empty()
        && mechanism.len() <= 20
        && mechanism
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        && initial.as_ref().is_none_or(|i| !i.contains(' '));
    fine.then(|| Command::Auth {
        mechanism: mechanism.to_ascii_uppercase(),
        initial,
    })
    .ok_or(CommandError::Argument)
}
