//! An mbox file (RFC 4155): messages behind lines that begin with `From `, and the same within a message behind a `>`. Its flags are in `Status`, `X-Status` and
//! `X-Keywords`.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use anyhow::{Context, ensure};
use async_trait::async_trait;
use jiff::Timestamp;
use jiff::fmt::strtime;
use jiff::tz::TimeZone;
use sekisho_mailclient::Flag;
use sekisho_mailroom::mime::Parsed;
use sekisho_mailroom::store::FolderName;

use super::{Key, Listed, Source, SourceFolder, as_kept};

/// How much of a header is kept while the file is looked through, in bytes.
const MOST_HEADER: usize = 1 << 20;

/// A file.
pub(super) struct Mbox {
    file: BufReader<File>,
    /// Where the messages are, without their `From ` lines.
    open: Vec<(u64, u64)>,
}

pub(super) fn open(path: &Path) -> anyhow::Result<Mbox> {
    let file = File::open(path).with_context(|| format!("opening {}", path.display()))?;
    let mut file = BufReader::with_capacity(1 << 20, file);
    let begin = file.fill_buf()?;
    ensure!(
        begin.is_empty() || begin.starts_with(b"From "),
        "{} is no mbox: its first line does not begin with \"From \"",
        path.display()
    );
    Ok(Mbox {
        file,
        open: Vec::new(),
    })
}

#[async_trait]
impl Source for Mbox {
    fn folders(&self) -> Vec<SourceFolder> {
        vec![SourceFolder {
            name: FolderName::inbox(),
            special: None,
        }]
    }

    async fn list(&mut self, _: usize) -> anyhow::Result<Vec<Listed>> {
        self.file.seek(SeekFrom::Start(0))?;
        let mut listed = Vec::new();
        let mut messages: Vec<(u64, u64)> = Vec::new();
        let mut scan = Scan::default();
        let mut line = Vec::new();
        let mut at = 0;
        loop {
            line.clear();
            let length = self.file.read_until(b'\n', &mut line)? as u64;
            let begins = length == 0 || (scan.after_empty && separator(&line).is_some());
            if begins || at == 0 {
                if at > 0 {
                    // The empty line before the next one is not the message's.
                    let end = at - scan.last_empty;
                    let begin = scan.begin.min(end);
                    if let Some(one) = scan.listed(end - begin) {
                        listed.push(one);
                        messages.push((begin, end - begin));
                    }
                }
                if length == 0 {
                    break;
                }
                scan = Scan::behind(&line, at + length);
            } else {
                scan.take(&line);
            }
            at += length;
        }
        self.open = messages;
        Ok(listed)
    }

    async fn read(&mut self, wanted: &[usize]) -> anyhow::Result<Vec<Option<Vec<u8>>>> {
        let mut contents = Vec::with_capacity(wanted.len());
        for &at in wanted {
            let (begin, length) = self.open[at];
            self.file.seek(SeekFrom::Start(begin))?;
            let mut quoted = Vec::new();
            (&mut self.file).take(length).read_to_end(&mut quoted)?;
            ensure!(
                quoted.len() as u64 == length,
                "the file changed while it was read"
            );
            contents.push(Some(unquoted(&quoted)));
        }
        Ok(contents)
    }
}

/// What is known of the message that is being looked through.
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

    /// The message; `None` for what some programs keep for themselves in the first one.
    fn listed(&self, size: u64) -> Option<Listed> {
        let header = as_kept(&self.header);
        let parsed = Parsed::new(&header);
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
        Some(Listed {
            key: Key::new(self.arrived, &header),
            flags,
            size,
        })
    }
}

/// The words of a line `From SENDER Tue Nov 24 10:43:28 2026` from the day of the week on; `None` if it is no such line but somebody's sentence.
fn separator(line: &[u8]) -> Option<Vec<&str>> {
    let text = std::str::from_utf8(line).ok()?.strip_prefix("From ")?;
    let words: Vec<&str> = text.split_whitespace().collect();
    let days = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
    let at = words.iter().position(|word| days.contains(word))?;
    (words.len() >= at + 5).then(|| words[at..].to_vec())
}

/// The moment that such words name, in UTC as RFC 4155 has it; a zone before the year, which some programs write, is passed over.
fn date(words: &[&str]) -> Option<Timestamp> {
    let year = words
        .get(4..)?
        .iter()
        .find(|word| word.len() == 4 && word.bytes().all(|byte| byte.is_ascii_digit()))?;
    let text = [&words[..4], &[year]].concat().join(" ");
    let parsed = strtime::parse("%a %b %d %H:%M:%S %Y", text).ok()?;
    TimeZone::UTC.to_timestamp(parsed.to_datetime().ok()?).ok()
}

/// Takes one `>` from lines that begin with any number of them and `From `.
fn unquoted(message: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(message.len());
    for line in message.split_inclusive(|byte| *byte == b'\n') {
        let depth = line.iter().take_while(|byte| **byte == b'>').count();
        let quoted = depth > 0 && line[depth..].starts_with(b"From ");
        plain.extend_from_slice(&line[usize::from(quoted)..]);
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_mbox_is_taken_apart_and_its_quotes_undone() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let text = "From a@b.example Tue Nov 24 10:43:28 JST 2026\nSubject: one\nStatus: RO\nX-Status: AF\n\nFrom here\n>From there\n>>From x\n\n\
                    From c@d.example Tue Nov 24 10:43:29 2026\nSubject: two\nX-Keywords: $Work\n\nno end of line";
        std::fs::write(file.path(), text).unwrap();
        let mut mbox = open(file.path()).unwrap();
        let listed = mbox.list(0).await.unwrap();
        let keys: Vec<_> = listed.iter().map(|m| (m.key.0, m.key.1.as_str())).collect();
        assert_eq!(keys, [(1_795_517_008, "one"), (1_795_517_009, "two")]);
        assert_eq!(listed[0].flags, [Flag::Seen, Flag::Answered, Flag::Flagged]);
        assert_eq!(listed[1].flags[0].as_str(), "$Work");
        let read = mbox.read(&[1, 0]).await.unwrap();
        assert!(read[0].as_ref().unwrap().ends_with(b"\n\nno end of line"));
        let one = String::from_utf8(read[1].clone().unwrap()).unwrap();
        assert!(
            one.ends_with("\n\nFrom here\nFrom there\n>From x\n"),
            "{one:?}"
        );
    }

    #[test]
    fn a_file_that_is_no_mbox_is_refused() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "Subject: x\n").unwrap();
        assert!(open(file.path()).is_err());
    }
}
