//! The commands of a client that is logged in.

/// A command. Messages are named by their number in the session, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Command {
    /// How many messages, and how many octets.
    Stat,
    /// Sizes, of one message or all.
    List(Option<usize>),
    /// Unique ids, of one message or all.
    Uidl(Option<usize>),
    /// A message.
    Retr(usize),
    /// A message's header and so many lines of its body.
    Top(usize, u64),
    /// Marks a message to be removed.
    Dele(usize),
    /// Takes all marks away.
    Rset,
    /// Nothing.
    Noop,
    /// What the server offers.
    Capa,
    /// Removes what is marked, and ends.
    Quit,
}

/// Why a line isn't a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum CommandError {
    #[error("No such command")]
    Unknown,
    #[error("Not the arguments of this command")]
    Arguments,
    #[error("Logged in already")]
    LoggedIn,
}

impl Command {
    /// Parses a line without its CRLF.
    pub(super) fn parse(line: &[u8]) -> Result<Self, CommandError> {
        let line = std::str::from_utf8(line).map_err(|_| CommandError::Unknown)?;
        let mut words = line.split_ascii_whitespace();
        let verb = words.next().unwrap_or_default().to_ascii_uppercase();
        let numbers: Option<Vec<u64>> = words.map(number).collect();
        let numbers = numbers.ok_or(CommandError::Arguments);
        let message = |number: u64| usize::try_from(number).map_err(|_| CommandError::Arguments);
        let none = |command| match numbers.as_deref() {
            Ok([]) => Ok(command),
            _ => Err(CommandError::Arguments),
        };
        let one = || match numbers.as_deref() {
            Ok(&[number]) => message(number),
            _ => Err(CommandError::Arguments),
        };
        let any = || match numbers.as_deref() {
            Ok([]) => Ok(None),
            _ => one().map(Some),
        };
        match verb.as_str() {
            "STAT" => none(Self::Stat),
            "RSET" => none(Self::Rset),
            "NOOP" => none(Self::Noop),
            "CAPA" => none(Self::Capa),
            "QUIT" => none(Self::Quit),
            "LIST" => any().map(Self::List),
            "UIDL" => any().map(Self::Uidl),
            "RETR" => one().map(Self::Retr),
            "DELE" => one().map(Self::Dele),
            "TOP" => match numbers.as_deref() {
                Ok(&[number, lines]) => Ok(Self::Top(message(number)?, lines)),
                _ => Err(CommandError::Arguments),
            },
            "USER" | "PASS" | "AUTH" | "APOP" | "STLS" => Err(CommandError::LoggedIn),
            _ => Err(CommandError::Unknown),
        }
    }
}

/// Digits only: Rust would accept a sign as well.
fn number(word: &str) -> Option<u64> {
    let digits = word.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| word.parse().ok()).flatten()
}
