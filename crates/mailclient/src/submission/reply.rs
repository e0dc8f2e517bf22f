//! Replies of SMTP servers (RFC 5321, section 4.2).

/// How long one line may be; RFC 5321 allows 512 bytes.
const MOST_LINE: usize = 4096;

/// How many lines a reply may have.
const MOST_LINES: usize = 200;

/// What the server answers to one command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The three digits.
    pub code: u16,
    /// The enhanced code, such as `5.1.1` (RFC 2034), if there is one.
    pub enhanced: Option<String>,
    /// The lines of text without codes and control characters. Don't trust them to be polite.
    pub text: String,
}

impl Reply {
    /// Whether it went well.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        self.code / 100 == 2
    }

    /// Whether the same may go well later.
    #[must_use]
    pub fn is_temporary(&self) -> bool {
        self.code / 100 == 4
    }
}

/// Cuts a stream into replies.
#[derive(Debug, Default)]
pub(super) struct ReplyReader {
    buffer: Vec<u8>,
    /// Up to here there is no line end.
    scanned: usize,
    /// The lines of a reply that has not ended.
    lines: Vec<(u16, String)>,
}

impl ReplyReader {
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole reply, or none if more bytes are needed; or what is wrong.
    pub(super) fn next_reply(&mut self) -> Result<Option<Reply>, &'static str> {
        loop {
            let rest = self.buffer.get(self.scanned..).unwrap_or_default();
            let Some(end) = rest.iter().position(|&byte| byte == b'\n') else {
                self.scanned = self.buffer.len();
                return if self.scanned > MOST_LINE {
                    Err("a reply's line over the limit")
                } else {
                    Ok(None)
                };
            };
            let end = self.scanned + end;
            let (code, more, text) = line(&self.buffer[..end])?;
            self.buffer.drain(..=end);
            self.scanned = 0;
            self.lines.push((code, text));
            if self.lines.len() > MOST_LINES {
                return Err("a reply with too many lines");
            }
            if !more {
                return reply(std::mem::take(&mut self.lines)).map(Some);
            }
        }
    }
}

/// The code, whether further lines follow, and the text.
fn line(bytes: &[u8]) -> Result<(u16, bool, String), &'static str> {
    if bytes.len() > MOST_LINE {
        return Err("a reply's line over the limit");
    }
    let bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
    let (code, rest) = bytes.split_at_checked(3).ok_or("a reply without a code")?;
    let code = std::str::from_utf8(code)
        .ok()
        .filter(|code| code.bytes().all(|byte| byte.is_ascii_digit()))
        .and_then(|code| code.parse().ok())
        .filter(|code| (200..600).contains(code))
        .ok_or("a reply without a code")?;
    let more = match rest.first() {
        Some(b'-') => true,
        Some(b' ') | None => false,
        Some(_) => return Err("a reply without a code"),
    };
    let text = String::from_utf8_lossy(rest.get(1..).unwrap_or_default());
    let text = text.chars().filter(|c| !c.is_control()).collect();
    Ok((code, more, text))
}

fn reply(lines: Vec<(u16, String)>) -> Result<Reply, &'static str> {
    let code = lines.first().map_or(0, |(code, _)| *code);
    if lines.iter().any(|(other, _)| *other != code) {
        return Err("a reply with two codes");
    }
    let enhanced = lines
        .first()
        .and_then(|(_, text)| text.split(' ').next())
        .filter(|word| is_enhanced(word))
        .map(str::to_owned);
    let texts: Vec<&str> = lines
        .iter()
        .map(|(_, text)| match &enhanced {
            Some(word) => text
                .strip_prefix(word.as_str())
                .unwrap_or(text)
                .trim_start(),
            None => text.as_str(),
        })
        .collect();
    let text = texts.join("\n");
    Ok(Reply {
        code,
        enhanced,
        text,
    })
}

fn is_enhanced(word: &str) -> bool {
    let fields: Vec<&str> = word.split('.').collect();
    let number = |field: &&str| {
        (1..=3).contains(&field.len()) && field.bytes().all(|byte| byte.is_ascii_digit())
    };
    fields.len() == 3 && fields.iter().all(number)
}

/// For `fuzz/`: replies are the same however they are cut, and polite.
#[cfg(fuzzing)]
pub fn fuzz(step: usize, bytes: &[u8]) {
    let read = |step: usize| {
        let (mut reader, mut replies) = (ReplyReader::default(), Vec::new());
        for piece in bytes.chunks(step) {
            reader.push(piece);
            loop {
                match reader.next_reply() {
                    Ok(Some(reply)) => replies.push(reply),
                    Ok(None) => break,
                    Err(_) => return replies,
                }
            }
        }
        replies
    };
    let whole = read(bytes.len().max(1));
    for reply in &whole {
        assert!((200..600).contains(&reply.code));
        assert!(!reply.text.contains(|c: char| c.is_control() && c != '\n'));
    }
    assert_eq!(read(step.max(1)), whole);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn replies_of_several_lines_are_one() {
        let mut reader = ReplyReader::default();
        reader.push(b"250-kit.example\r\n250 SIZE 10\r\n550 5.1.1 No ");
        let ehlo = reader.next_reply().unwrap().unwrap();
        assert_eq!(ehlo.text, "kit.example\nSIZE 10");
        assert_eq!(reader.next_reply(), Ok(None));
        reader.push(b"such\x07 user\n250\r\n");
        let refused = reader.next_reply().unwrap().unwrap();
        assert_eq!((refused.code, refused.text.as_str()), (550, "No such user"));
        assert_eq!(refused.enhanced.as_deref(), Some("5.1.1"));
        assert!(reader.next_reply().unwrap().unwrap().is_ok());
    }

    #[test]
    fn endless_replies_end() {
        let mut reader = ReplyReader::default();
        reader.push(&[b'2'; MOST_LINE + 1]);
        assert!(reader.next_reply().is_err());
        let mut reader = ReplyReader::default();
        reader.push(&b"250-x\r\n".repeat(MOST_LINES + 1));
        assert!(reader.next_reply().is_err());
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(prop_oneof![
            prop::sample::select(b"250- .\r\n".to_vec()), any::<u8>(),
        ], 0..60)) {
            let mut reader = ReplyReader::default();
            reader.push(&bytes);
            while let Ok(Some(reply)) = reader.next_reply() {
                prop_assert!((200..600).contains(&reply.code));
            }
        }
    }
}
