//! Where messages come from, and what tells them apart.

use async_trait::async_trait;
use jiff::Timestamp;
use sekisho_mailclient::Flag;
use sekisho_message::Parsed;
use sekisho_store::{FolderName, SpecialUse};

/// A folder of a source.
#[derive(Debug, Clone)]
pub(super) struct SourceFolder {
    pub(super) name: FolderName,
    pub(super) special: Option<SpecialUse>,
}

/// A message as a source lists it.
#[derive(Debug)]
pub(super) struct SourceMessage {
    pub(super) key: MessageKey,
    pub(super) flags: Vec<Flag>,
    /// In bytes, about.
    pub(super) size: u64,
}

/// What tells a message from others: when it arrived, in seconds, and its `Message-ID`, `Date`, `From` and `Subject`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct MessageKey(i64, String);

impl MessageKey {
    /// The key of a message, by its header. What is not known to have arrived at some time counts as having arrived
    /// when it was sent.
    pub(super) fn new(arrived: Option<Timestamp>, header: &[u8]) -> Self {
        let parsed = Parsed::new(header);
        let field = |name| parsed.header_text(name).unwrap_or_default();
        let fields = ["Message-ID", "Date", "From", "Subject"].map(field);
        let sent = || jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(fields[1].trim());
        let arrived = arrived.or_else(|| sent().ok());
        let arrived = arrived.map_or(0, Timestamp::as_second);
        let words = fields.join("\n");
        Self(
            arrived,
            words.split_whitespace().collect::<Vec<_>>().join(" "),
        )
    }

    pub(super) fn arrived(&self) -> Timestamp {
        Timestamp::from_second(self.0).unwrap_or(Timestamp::UNIX_EPOCH)
    }
}

/// Where messages come from.
#[async_trait]
pub(super) trait Source: Send {
    /// Its folders.
    fn folders(&self) -> Vec<SourceFolder>;

    /// The messages of one of them, by its place in that list.
    async fn list(&mut self, folder: usize) -> anyhow::Result<Vec<SourceMessage>>;

    /// The bytes of some of the messages that were listed last, by their places; `None` for those that are gone.
    async fn read(&mut self, wanted: &[usize]) -> anyhow::Result<Vec<Option<Vec<u8>>>>;
}

/// A message as the store keeps it: every line ends with CRLF, and what IMAP can't carry, a NUL, is 0x80, as in other
/// servers.
pub(super) fn as_kept(bytes: &[u8]) -> Vec<u8> {
    let mut kept = Vec::with_capacity(bytes.len() + bytes.len() / 32);
    let mut after_cr = false;
    for &byte in bytes {
        match byte {
            b'\n' if after_cr => {}
            b'\r' | b'\n' => kept.extend_from_slice(b"\r\n"),
            0 => kept.push(0x80),
            _ => kept.push(byte),
        }
        after_cr = byte == b'\r';
    }
    kept
}

/// The header of a message whose lines may end in any way, with the empty line.
pub(super) fn header_of(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut at = 0;
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        at += line.len();
        if matches!(line, b"\n" | b"\r\n") {
            return Some(as_kept(&bytes[..at]));
        }
    }
    None
}
