//! `MAIL` and `RCPT` with their parameters.

use std::fmt::Write as _;

use crate::error::CommandError;
use crate::extensions::Extensions;
use crate::path::Path;

/// `MAIL FROM` (RFC 5321 4.1.1.2).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MailFrom {
    /// The reverse-path; `None` for `<>`.
    pub from: Option<Path>,
    /// The size the client announces, in bytes (RFC 1870).
    pub size: Option<u64>,
    /// How the content is encoded (RFC 6152).
    pub body: Body,
    /// Whether the message needs UTF-8 in addresses or headers (RFC 6531).
    pub utf8: bool,
    /// What a report of non-delivery is to return (RFC 3461 4.3).
    pub ret: Option<Ret>,
    /// An identifier for reports, as xtext (RFC 3461 4.4).
    pub envid: Option<String>,
}

/// `BODY=` (RFC 6152).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Body {
    /// ASCII only; the default.
    #[default]
    SevenBit,
    /// Any octets except NUL, in lines.
    EightBit,
}

/// `RET=` (RFC 3461 4.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ret {
    /// The whole message.
    Full,
    /// Its header alone.
    Headers,
}

/// `RCPT TO` (RFC 5321 4.1.1.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RcptTo {
    /// The forward-path.
    pub to: Path,
    /// When the sender wants reports (RFC 3461 4.1).
    pub notify: Notify,
    /// The recipient as the sender first named it, `type;xtext` (RFC 3461 4.2).
    pub orcpt: Option<String>,
}

/// `NOTIFY=` (RFC 3461 4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Notify {
    /// Report success.
    pub success: bool,
    /// Report failure.
    pub failure: bool,
}

impl Default for Notify {
    /// Without the parameter, only failures are reported.
    fn default() -> Self {
        Self {
            success: false,
            failure: true,
        }
    }
}

impl MailFrom {
    /// Reads what follows `MAIL `.
    pub(crate) fn parse(arguments: &str) -> Result<Self, CommandError> {
        let (path, params) = path_and_params(arguments, "FROM:")?;
        let from = match path {
            "" => None,
            text => Some(Path::parse(text).ok_or(CommandError::Sender)?),
        };
        let mut mail = Self {
            from,
            ..Self::default()
        };
        for param in params.split_ascii_whitespace() {
            let (keyword, value) = param.split_once('=').unwrap_or((param, ""));
            match keyword.to_ascii_uppercase().as_str() {
                "SIZE" => mail.size = Some(number(value)?),
                "BODY" if value.eq_ignore_ascii_case("7BIT") => mail.body = Body::SevenBit,
                "BODY" if value.eq_ignore_ascii_case("8BITMIME") => mail.body = Body::EightBit,
                "SMTPUTF8" if value.is_empty() => mail.utf8 = true,
                "RET" if value.eq_ignore_ascii_case("FULL") => mail.ret = Some(Ret::Full),
                "RET" if value.eq_ignore_ascii_case("HDRS") => mail.ret = Some(Ret::Headers),
                "ENVID" => mail.envid = Some(parse_xtext(value, 100)?),
                // RFC 4954 5: the author's identity, as an earlier server believes it. Everybody has to accept the
                // parameter; nobody here believes it.
                "AUTH" => drop(parse_xtext(value, 500)?),
                _ => return Err(CommandError::Parameter),
            }
        }
        Ok(mail)
    }

    /// Writes the whole command, without its CRLF, with those parameters that the server's extensions allow. The caller
    /// has to check whether the message can go without the others (`SMTPUTF8`).
    #[must_use]
    pub fn command(&self, offered: &Extensions) -> String {
        let from = self.from.as_ref().map_or("", Path::as_str);
        let mut command = format!("MAIL FROM:<{from}>");
        if let Some(size) = self.size
            && offered.has("SIZE")
        {
            let _ = write!(command, " SIZE={size}");
        }
        if self.body == Body::EightBit && offered.has("8BITMIME") {
            command += " BODY=8BITMIME";
        }
        if self.utf8 && offered.has("SMTPUTF8") {
            command += " SMTPUTF8";
        }
        if offered.has("DSN") {
            command += match self.ret {
                Some(Ret::Full) => " RET=FULL",
                Some(Ret::Headers) => " RET=HDRS",
                None => "",
            };
            if let Some(envid) = &self.envid {
                let _ = write!(command, " ENVID={envid}");
            }
        }
        command
    }
}

impl RcptTo {
    /// A recipient for whom only failures are reported.
    #[must_use]
    pub fn new(to: Path) -> Self {
        Self {
            to,
            notify: Notify::default(),
            orcpt: None,
        }
    }

    /// Reads what follows `RCPT `.
    pub(crate) fn parse(arguments: &str) -> Result<Self, CommandError> {
        let (path, params) = path_and_params(arguments, "TO:")?;
        let mut rcpt = Self::new(Path::parse(path).ok_or(CommandError::Recipient)?);
        for param in params.split_ascii_whitespace() {
            let (keyword, value) = param.split_once('=').unwrap_or((param, ""));
            match keyword.to_ascii_uppercase().as_str() {
                "NOTIFY" => rcpt.notify = notify(value)?,
                "ORCPT" if value.contains(';') => rcpt.orcpt = Some(parse_xtext(value, 500)?),
                _ => return Err(CommandError::Parameter),
            }
        }
        Ok(rcpt)
    }

    /// Writes the whole command, without its CRLF. Which reports are wanted is said only to a server that offers `DSN`,
    /// and to such a server always, because it may report delays if nothing is said (RFC 3461 4.1).
    #[must_use]
    pub fn command(&self, offered: &Extensions) -> String {
        let mut command = format!("RCPT TO:<{}>", self.to);
        if offered.has("DSN") {
            command += match (self.notify.success, self.notify.failure) {
                (true, true) => " NOTIFY=SUCCESS,FAILURE",
                (true, false) => " NOTIFY=SUCCESS",
                (false, true) => " NOTIFY=FAILURE",
                (false, false) => " NOTIFY=NEVER",
            };
            if let Some(orcpt) = &self.orcpt {
                let _ = write!(command, " ORCPT={orcpt}");
            }
        }
        command
    }
}

/// Splits `FROM:<path> params`. A source route (`@a,@b:`) is dropped, as RFC 5321 appendix C asks.
fn path_and_params<'a>(
    arguments: &'a str,
    keyword: &str,
) -> Result<(&'a str, &'a str), CommandError> {
    let after = arguments
        .get(..keyword.len())
        .filter(|k| k.eq_ignore_ascii_case(keyword))
        .and_then(|_| arguments.get(keyword.len()..))
        .ok_or(CommandError::Argument)?;
    let inner = after
        .trim_start_matches(' ')
        .strip_prefix('<')
        .ok_or(CommandError::Argument)?;
    let (path, params) = inner.split_once('>').ok_or(CommandError::Argument)?;
    if !params.is_empty() && !params.starts_with(' ') {
        return Err(CommandError::Argument);
    }
    let path = match path.strip_prefix('@').and_then(|_| path.split_once(':')) {
        Some((_route, path)) => path,
        None => path,
    };
    Ok((path, params))
}

fn number(value: &str) -> Result<u64, CommandError> {
    let digits =
        !value.is_empty() && value.len() <= 20 && value.bytes().all(|b| b.is_ascii_digit());
    digits
        .then(|| value.parse().unwrap_or(u64::MAX))
        .ok_or(CommandError::Parameter)
}

/// Writes a value as xtext (RFC 3461 4): other than plain characters become a plus sign and two hexadecimal digits.
#[must_use]
pub fn xtext(value: &str) -> String {
    let mut text = String::new();
    for byte in value.bytes() {
        if matches!(byte, b'!'..=b'~') && !matches!(byte, b'+' | b'=') {
            text.push(char::from(byte));
        } else {
            text += &format!("+{byte:02X}");
        }
    }
    text
}

/// RFC 3461 4: printable ASCII, kept encoded as it came.
fn parse_xtext(value: &str, longest: usize) -> Result<String, CommandError> {
    let fine =
        !value.is_empty() && value.len() <= longest && value.bytes().all(|b| b.is_ascii_graphic());
    fine.then(|| value.to_owned())
        .ok_or(CommandError::Parameter)
}

fn notify(value: &str) -> Result<Notify, CommandError> {
    let mut wanted = Notify {
        success: false,
        failure: false,
    };
    if value.eq_ignore_ascii_case("NEVER") {
        return Ok(wanted);
    }
    for word in value.split(',') {
        match word.to_ascii_uppercase().as_str() {
            "SUCCESS" => wanted.success = true,
            "FAILURE" => wanted.failure = true,
            // This server doesn't report delays, which RFC 3461 allows, so the wish is accepted and ignored.
            "DELAY" => {}
            _ => return Err(CommandError::Parameter),
        }
    }
    Ok(wanted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Command, Reply};

    fn offering(keywords: &[&str]) -> Extensions {
        let lines = ["kit.example"].iter().chain(keywords);
        Extensions::offered(&Reply::lines(250, lines.map(|line| (*line).to_owned())))
    }

    #[test]
    fn what_is_written_is_read_as_what_it_was() {
        let all = offering(&["SIZE 0", "8BITMIME", "SMTPUTF8", "DSN"]);
        for line in [
            "MAIL FROM:<>",
            "MAIL FROM:<a@kit.example> SIZE=5 BODY=8BITMIME SMTPUTF8 RET=FULL ENVID=q+2B1",
            "RCPT TO:<\"a b\"@kit.example> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;x+40y",
            "RCPT TO:<b@kit.example> NOTIFY=NEVER",
        ] {
            let written = match Command::parse(line.as_bytes()) {
                Ok(Command::Mail(mail)) => mail.command(&all),
                Ok(Command::Rcpt(rcpt)) => rcpt.command(&all),
                other => panic!("{other:?}"),
            };
            assert_eq!(written, line);
        }
    }

    #[test]
    fn no_parameter_goes_to_a_server_that_did_not_offer_it() {
        let line = b"MAIL FROM:<a@kit.example> SIZE=5 BODY=8BITMIME SMTPUTF8 RET=HDRS ENVID=1";
        let Ok(Command::Mail(mail)) = Command::parse(line) else {
            panic!("a command")
        };
        assert_eq!(mail.command(&offering(&[])), "MAIL FROM:<a@kit.example>");
        let eight_bit = mail.command(&offering(&["8BITMIME"]));
        assert_eq!(eight_bit, "MAIL FROM:<a@kit.example> BODY=8BITMIME");
        let Ok(Command::Rcpt(rcpt)) = Command::parse(b"RCPT TO:<b@kit.example> NOTIFY=NEVER")
        else {
            panic!("a command")
        };
        assert_eq!(rcpt.command(&offering(&[])), "RCPT TO:<b@kit.example>");
    }
}
