//! An mbox file (RFC 4155). A line that begins with `From ` stands before each message; within a message such a line
//! has a `>` before it. Flags are in `Status`, `X-Status` and `X-Keywords`.

use std::io::{self, BufRead, Read as _, Seek, SeekFrom};

use jiff::Timestamp;
use jiff::fmt::strtime;
use jiff::tz::TimeZone;
use sekisho_imap::Flag;

use sekisho_message::Parsed;

/// How much of a header is kept while the file is looked through, in bytes.
const MOST_HEADER: usize = 1 << 20;

/// A file to read.
pub struct Mbox<R> {
    file: R,
}

/// A message in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// Where its bytes begin, behind its `From ` line.
    begin: u64,
    /// How many bytes it has there.
    pub size: u64,
    /// When it arrived, if its `From ` line says so in a form that is known.
    pub arrived: Option<Timestamp>,
}

impl<R: BufRead + Seek> Mbox<R> {
    /// Looks at the first line; `None` if the file is no mbox.
    ///
    /// # Errors
    /// As the file says.
    pub fn open(mut file: R) -> io::Result<Option<Self>> {
        let begin = file.fill_buf()?;
        let is_mbox = begin.is_empty() || begin.starts_with(b"From ");
        Ok(is_mbox.then_some(Self { file }))
    }

    /// The messages of the file, each with what `look` makes of it and of its header (at most its first megabyte).
    /// Messages of which `look` makes nothing are left out.
    ///
    /// # Errors
    /// As the file says.
    pub fn list<T>(
        &mut self,
        mut look: impl FnMut(Entry, &[u8]) -> Option<T>,
    ) -> io::Result<Vec<(Entry, T)>> {
        self.file.seek(SeekFrom::Start(0))?;
        let mut entries = Vec::new();
        let mut scan = Scan::default();
        let mut line = Vec::new();
        let mut at = 0;
        loop {
            line.clear();
            let length = self.file.read_until(b'\n', &mut line)? as u64;
            let begins = length == 0 || (scan.after_empty && separator(&line).is_some());
            if begins || at == 0 {
                if at > 0 {
                    let entry = scan.entry(at);
                    entries.extend(look(entry, &scan.header).map(|made| (entry, made)));
                }
                if length == 0 {
                    return Ok(entries);
                }
                scan = Scan::behind(&line, at + length);
            } else {
                scan.take(&line);
            }
            at += length;
        }
    }

    /// A message's bytes, unquoted.
    ///
    /// # Errors
    /// As the file says; `UnexpectedEof` where it has become shorter.
    pub fn read(&mut self, entry: &Entry) -> io::Result<Vec<u8>> {
        self.file.seek(SeekFrom::Start(entry.begin))?;
        let mut quoted = Vec::new();
        (&mut self.file).take(entry.size).read_to_end(&mut quoted)?;
        if (quoted.len() as u64) < entry.size {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(unquoted(&quoted))
    }
}

/// What is known of the message that is being scanned.
#[derive(Default)]
struct Scan {
    begin: u64,
    arrived: Option<Timestamp>,
    header: Vec<u8>,
    in_body: bool,
    after_empty: bool,
    /// The length of the last line, if it is empty.
    last_empty: u64,
}

impl Scan {
    fn behind(from_line: &[u8], begin: u64) -> Self {
        Self {
            begin,
            arrived: separator(from_line).and_then(|words| date(&words)),
            ..Self::default()
        }
    }

    fn take(&mut self, line: &[u8]) {
        let empty = matches!(line, b"\n" | b"\r\n");
        if !self.in_body && self.header.len() < MOST_HEADER {
            self.header.extend_from_slice(line);
        }
        self.in_body |= empty;
        self.after_empty = empty;
        self.last_empty = if empty { line.len() as u64 } else { 0 };
    }

    /// The message that ends at `at`.
    fn entry(&self, at: u64) -> Entry {
        // The empty line before the next `From ` line is not part of the message.
        let end = at - self.last_empty;
        let begin = self.begin.min(end);
        Entry {
            begin,
            size: end - begin,
            arrived: self.arrived,
        }
    }
}

/// The flags that a header tells of; `None` if this is the pseudo-message in which some programs keep data of their
/// own.
#[must_use]
pub fn flags(header: &[u8]) -> Option<Vec<Flag>> {
    let parsed = Parsed::new(header);
    let field = |name| parsed.header_text(name).unwrap_or_default();
    if !field("X-IMAP").is_empty() && field("Subject").contains("FOLDER INTERNAL DATA") {
        return None;
    }
    let mut flags = Vec::new();
    for letter in [field("Status"), field("X-Status")].concat().chars() {
        flags.extend(match letter {
            'R' => Some(Flag::Seen),
            'A' => Some(Flag::Answered),
            'F' => Some(Flag::Flagged),
            'T' => Some(Flag::Draft),
            'D' => Some(Flag::Deleted),
            _ => None,
        });
    }
    let keywords = field("X-Keywords");
    flags.extend(
        keywords
            .split_whitespace()
            .filter_map(|word| Flag::parse(word.as_bytes())),
    );
    Some(flags)
}

/// The words of a `From SENDER Tue Nov 24 10:43:28 2026` line, from the day of the week on; `None` if the line is just
/// a sentence that begins with "From".
fn separator(line: &[u8]) -> Option<Vec<&str>> {
    let text = std::str::from_utf8(line).ok()?.strip_prefix("From ")?;
    let words: Vec<&str> = text.split_whitespace().collect();
    let days = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
    let at = words.iter().position(|word| days.contains(word))?;
    (words.len() >= at + 5).then(|| words[at..].to_vec())
}

/// The moment that these words name, in UTC as RFC 4155 has it. A zone before the year, which some programs write, is
/// ignored.
fn date(words: &[&str]) -> Option<Timestamp> {
    let year = words
        .get(4..)?
        .iter()
        .find(|word| word.len() == 4 && word.bytes().all(|byte| byte.is_ascii_digit()))?;
    let text = [&words[..4], &[year]].concat().join(" ");
    let parsed = strtime::parse("%a %b %d %H:%M:%S %Y", text).ok()?;
    TimeZone::UTC.to_timestamp(parsed.to_datetime().ok()?).ok()
}

/// Puts one `>` before lines that begin with any number of them and `From `.
#[must_use]
pub fn quoted(message: &[u8]) -> Vec<u8> {
    let mut quoted = Vec::with_capacity(message.len());
    for line in message.split_inclusive(|byte| *byte == b'\n') {
        if quotes(line).is_some() {
            quoted.push(b'>');
        }
        quoted.extend_from_slice(line);
    }
    quoted
}

/// Removes one `>` from such lines.
fn unquoted(message: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(message.len());
    for line in message.split_inclusive(|byte| *byte == b'\n') {
        let quoted = quotes(line).is_some_and(|depth| depth > 0);
        plain.extend_from_slice(&line[usize::from(quoted)..]);
    }
    plain
}

/// How many `>` stand before `From ` at the beginning of a line; `None` if it doesn't begin so.
fn quotes(line: &[u8]) -> Option<usize> {
    let depth = line.iter().take_while(|byte| **byte == b'>').count();
    line[depth..].starts_with(b"From ").then_some(depth)
}

/// For `fuzz/`: reading a file loses no byte of it, and messages that were written are read again.
#[cfg(fuzzing)]
pub fn fuzz(bytes: &[u8]) {
    use std::io::Cursor;
    let read = |bytes: &[u8]| {
        let mut mbox = Mbox::open(Cursor::new(bytes)).expect("memory")?;
        let listed = mbox.list(|_, header| flags(header)).expect("memory");
        let entries: Vec<Entry> = listed.into_iter().map(|(entry, _)| entry).collect();
        let texts = entries.iter().map(|entry| mbox.read(entry).expect("it"));
        let texts = texts.collect::<Vec<_>>();
        Some((entries, texts))
    };
    if let Some((entries, _)) = read(bytes) {
        let mut before = 0;
        for entry in entries {
            assert!(entry.begin >= before);
            before = entry.begin + entry.size;
            assert!(before <= bytes.len() as u64);
        }
    }
    // The first message must not look like another program's pseudo-message, and each line needs its end.
    let messages: Vec<Vec<u8>> = bytes
        .split(|byte| *byte == 0)
        .map(|text| [b"Subject: x\n\n", text, b"\n"].concat())
        .collect();
    let mut written = Vec::new();
    for message in &messages {
        written.extend_from_slice(b"From MAILER-DAEMON Tue Nov 24 10:43:28 2026\n");
        written.extend_from_slice(&quoted(message));
        written.push(b'\n');
    }
    let (entries, texts) = read(&written).expect("an mbox");
    assert_eq!(texts, messages);
    assert!(entries.iter().all(|entry| entry.arrived.is_some()));
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    #[test]
    fn an_mbox_is_taken_apart_and_its_quotes_undone() {
        let text = "From a@b.example Tue Nov 24 10:43:28 JST 2026\nSubject: one\nStatus: RO\nX-Status: AF\n\nFrom here\n>From there\n>>From x\n\n\
                    From c@d.example Tue Nov 24 10:43:29 2026\nSubject: two\nX-Keywords: $Work\n\nno end of line";
        let mut mbox = Mbox::open(Cursor::new(text)).unwrap().unwrap();
        let listed = mbox.list(|_, header| flags(header)).unwrap();
        let (entries, flags): (Vec<Entry>, Vec<_>) = listed.into_iter().unzip();
        let arrived: Vec<_> = entries
            .iter()
            .map(|entry| entry.arrived.unwrap().as_second())
            .collect();
        assert_eq!(arrived, [1_795_517_008, 1_795_517_009]);
        assert_eq!(flags[0], [Flag::Seen, Flag::Answered, Flag::Flagged]);
        assert_eq!(flags[1][0].as_str(), "$Work");
        let two = mbox.read(&entries[1]).unwrap();
        assert!(two.ends_with(b"\n\nno end of line"));
        let one = String::from_utf8(mbox.read(&entries[0]).unwrap()).unwrap();
        assert!(
            one.ends_with("\n\nFrom here\nFrom there\n>From x\n"),
            "{one:?}"
        );
        assert!(quoted(one.as_bytes()).ends_with(b"\n\n>From here\n>From there\n>>From x\n"));
    }

    #[test]
    fn what_begins_otherwise_is_no_mbox() {
        assert!(Mbox::open(Cursor::new("Subject: x\n")).unwrap().is_none());
        let mut empty = Mbox::open(Cursor::new("")).unwrap().unwrap();
        assert_eq!(empty.list(|_, _| Some(())).unwrap(), []);
    }
}
