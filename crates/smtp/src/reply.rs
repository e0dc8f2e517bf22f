//! A server's replies.

use std::fmt;

/// The most lines of one reply that are read.
const MOST_LINES: usize = 128;

/// A reply (RFC 5321 4.2): a code and one or more lines. Written by [`fmt::Display`] in its wire form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    code: u16,
    lines: Vec<String>,
}

impl Reply {
    /// One line with an enhanced status code (RFC 2034), such as `250 2.1.0 sender ok`.
    #[must_use]
    pub fn new(code: u16, status: &str, text: &str) -> Self {
        Self::lines(code, [format!("{status} {text}")])
    }

    /// The lines as they are: the greeting, the answer to EHLO, `354`. Control characters become `?`, so that no text
    /// can add a line.
    #[must_use]
    pub fn lines(code: u16, lines: impl IntoIterator<Item = String>) -> Self {
        let clean = |l: String| l.replace(char::is_control, "?");
        Self {
            code,
            lines: lines.into_iter().map(clean).collect(),
        }
    }

    /// The three digits.
    #[must_use]
    pub fn code(&self) -> u16 {
        self.code
    }

    /// The lines without their codes.
    #[must_use]
    pub fn texts(&self) -> &[String] {
        &self.lines
    }

    /// 2xx.
    #[must_use]
    pub fn is_success(&self) -> bool {
        self.code / 100 == 2
    }

    /// 4xx: repeating the command may succeed later.
    #[must_use]
    pub fn is_temporary(&self) -> bool {
        self.code / 100 == 4
    }

    /// 5xx: repeating the command would fail again.
    #[must_use]
    pub fn is_permanent(&self) -> bool {
        self.code / 100 == 5
    }

    /// The enhanced status code (RFC 3463) at the beginning of the first line, if its class is that of the reply's
    /// code.
    #[must_use]
    pub fn status(&self) -> Option<&str> {
        let word = self.lines.first()?.split(' ').next()?;
        let mut parts = word.split('.');
        let class = parts.next()?;
        let numbers = |p: &str| (1..=3).contains(&p.len()) && p.bytes().all(|b| b.is_ascii_digit());
        let fine = class == (self.code / 100).to_string()
            && parts.next().is_some_and(numbers)
            && parts.next().is_some_and(numbers)
            && parts.next().is_none();
        fine.then_some(word)
    }

    /// The text for people: the lines without codes, one below the other.
    #[must_use]
    pub fn words(&self) -> String {
        let status = self.status();
        let lines = self.lines.iter().map(|line| match status {
            Some(status) => line.strip_prefix(status).unwrap_or(line).trim_start(),
            None => line.as_str(),
        });
        lines.collect::<Vec<_>>().join("\n")
    }

    /// All of it on one line, for reports and for logs.
    #[must_use]
    pub fn in_one_line(&self) -> String {
        format!("{} {}", self.code, self.lines.join(" "))
    }
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let last = self.lines.len().saturating_sub(1);
        for (at, line) in self.lines.iter().enumerate() {
            let mark = if at == last { ' ' } else { '-' };
            write!(f, "{}{mark}{line}\r\n", self.code)?;
        }
        Ok(())
    }
}

/// Builds a reply from its lines, strictly: one code throughout, a known class, a bounded number of lines.
#[derive(Debug, Default)]
pub struct ReplyReader {
    code: Option<u16>,
    lines: Vec<String>,
}

impl ReplyReader {
    /// Takes a line without its CRLF; returns the reply with its last line.
    ///
    /// # Errors
    /// The other side doesn't speak SMTP; nothing more that it says can be relied on.
    pub fn line(&mut self, line: &[u8]) -> Result<Option<Reply>, ReplyError> {
        let line = ReplyLine::parse(line)?;
        if self.code.is_some_and(|c| c != line.code) || self.lines.len() == MOST_LINES {
            return Err(ReplyError);
        }
        self.code = Some(line.code);
        self.lines
            .push(String::from_utf8_lossy(line.text).into_owned());
        if !line.is_last {
            return Ok(None);
        }
        self.code = None;
        let lines = std::mem::take(&mut self.lines);
        Ok(Some(Reply::lines(line.code, lines)))
    }
}

/// One line of a reply, for callers that pass replies on line by line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReplyLine<'l> {
    /// The three digits, of a class that RFC 5321 knows for replies to commands: 2xx to 5xx.
    pub code: u16,
    /// Whether this is the reply's last line.
    pub is_last: bool,
    /// What follows the code.
    pub text: &'l [u8],
}

impl<'l> ReplyLine<'l> {
    /// Parses a line without its CRLF (RFC 5321 4.2).
    ///
    /// # Errors
    /// The other side doesn't speak SMTP.
    pub fn parse(line: &'l [u8]) -> Result<Self, ReplyError> {
        let (digits, rest) = line.split_at_checked(3).ok_or(ReplyError)?;
        if !matches!(digits, [b'2'..=b'5', b'0'..=b'9', b'0'..=b'9']) {
            return Err(ReplyError);
        }
        let code = digits
            .iter()
            .fold(0, |code, d| code * 10 + u16::from(d - b'0'));
        let (is_last, text) = match rest.split_first() {
            None => (true, rest),
            Some((b' ', text)) => (true, text),
            Some((b'-', text)) => (false, text),
            Some(_) => return Err(ReplyError),
        };
        Ok(Self {
            code,
            is_last,
            text,
        })
    }
}

/// What came is not a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the server does not answer as RFC 5321 says")]
pub struct ReplyError;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_of_many_lines_is_put_together() {
        let mut reader = ReplyReader::default();
        assert_eq!(reader.line(b"250-kit.example"), Ok(None));
        assert_eq!(reader.line(b"250-SIZE 1000"), Ok(None));
        let reply = reader.line(b"250 DSN").expect("reply").expect("last");
        assert_eq!(reply.texts(), ["kit.example", "SIZE 1000", "DSN"]);
        assert_eq!(
            reply.to_string(),
            "250-kit.example\r\n250-SIZE 1000\r\n250 DSN\r\n"
        );
    }

    #[test]
    fn what_is_not_a_reply_is_refused() {
        for lines in [
            &["hello"][..],
            &["25"],
            &["150 x"],
            &["650 x"],
            &["250x"],
            &["250-a", "251 b"],
        ] {
            let mut reader = ReplyReader::default();
            let all: Result<Vec<_>, _> = lines.iter().map(|l| reader.line(l.as_bytes())).collect();
            assert_eq!(all, Err(ReplyError), "{lines:?}");
        }
        let mut endless = ReplyReader::default();
        let mut says = (0..1000).map(|_| endless.line(b"250-more"));
        assert!(says.any(|r| r.is_err()));
    }

    #[test]
    fn an_enhanced_status_counts_only_in_its_class() {
        assert_eq!(Reply::new(550, "5.1.1", "unknown").status(), Some("5.1.1"));
        assert_eq!(Reply::new(550, "4.1.1", "unknown").status(), None);
        assert_eq!(
            Reply::lines(550, ["no such user".to_owned()]).status(),
            None
        );
    }

    #[test]
    fn people_hear_no_codes() {
        let taken = ["2.0.0 taken".to_owned(), "2.0.0 as q17".to_owned()];
        assert_eq!(Reply::lines(250, taken).words(), "taken\nas q17");
        let plain = ["hello".to_owned(), "SIZE 10".to_owned()];
        assert_eq!(Reply::lines(250, plain).words(), "hello\nSIZE 10");
        assert_eq!(Reply::lines(250, [String::new()]).words(), "");
    }

    #[test]
    fn no_text_adds_a_line() {
        let reply = Reply::new(550, "5.0.0", "a\r\n250 ok");
        assert_eq!(reply.to_string(), "550 5.0.0 a??250 ok\r\n");
    }
}
