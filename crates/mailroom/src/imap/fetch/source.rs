//! A message's bytes, as far as a FETCH needs them.

use sekisho_imap::command::{Section, SectionText};
use sekisho_message::{self as message, Parsed};
use sekisho_store::{Content, Mailbox, MessageRow, StoreError};

use super::plan::Plan;

/// A message larger than this is parsed on a thread for blocking work.
const QUICK: usize = 256 * 1024;

/// A message's bytes, as far as a plan needs them.
pub(super) struct Source {
    pub(super) content: Option<Content>,
    /// Its beginning; all of it unless the message is long.
    pub(super) beginning: Vec<u8>,
    /// One for each of the plan's sections; `None` where there is no such part.
    pub(super) sections: Vec<Option<Vec<u8>>>,
    /// One for each of the plan's parts to be decoded.
    pub(super) decoded: Vec<Decoded>,
}

/// A part without its transfer encoding.
pub(super) enum Decoded {
    Bytes(Vec<u8>),
    /// There is no such part.
    Missing,
    /// Its encoding is unknown.
    Unknown,
}

impl Source {
    /// Reads what the plan needs beyond a message's beginning.
    pub(super) async fn open(
        plan: &Plan,
        mailbox: &Mailbox,
        row: &MessageRow,
        beginning: Vec<u8>,
    ) -> Result<Self, StoreError> {
        if !plan.opens {
            return Ok(Self {
                content: None,
                beginning,
                sections: Vec::new(),
                decoded: Vec::new(),
            });
        }
        let all = beginning.len() as u64 == row.state.size;
        let mut content = None;
        if !all {
            content = Some(mailbox.content_of(row).await?);
        }
        let mut sections = Vec::new();
        let mut decoded = Vec::new();
        if !plan.sections.is_empty() || !plan.decoded.is_empty() {
            let bytes = if all || (!plan.whole && header_ends(&beginning)) {
                beginning.clone()
            } else {
                let content = mailbox.content_of(row).await?;
                if plan.whole {
                    content.read().await?
                } else {
                    read_header(&content).await?
                }
            };
            (sections, decoded) = take_apart(bytes, &plan.sections, &plan.decoded).await;
        }
        Ok(Self {
            content,
            beginning,
            sections,
            decoded,
        })
    }
}

/// Whether the empty line that ends a header is among these bytes.
fn header_ends(bytes: &[u8]) -> bool {
    bytes.starts_with(b"\r\n") || memchr::memmem::find(bytes, b"\r\n\r\n").is_some()
}

/// The bytes up to the empty line that ends the header.
pub(in crate::imap) async fn read_header(content: &Content) -> Result<Vec<u8>, StoreError> {
    let mut bytes = Vec::new();
    let mut step = 16 * 1024;
    loop {
        let from = bytes.len() as u64;
        let more = content.read_range(from..from + step).await?;
        let done = more.is_empty();
        // The empty line may lie across the border of two pieces.
        let seam = bytes.len().saturating_sub(3);
        bytes.extend_from_slice(&more);
        if let Some(at) = bytes[seam..]
            .windows(4)
            .position(|four| four == b"\r\n\r\n")
        {
            bytes.truncate(seam + at + 4);
            return Ok(bytes);
        }
        if done || bytes.starts_with(b"\r\n") || bytes.len() > message::MAX_HEADER {
            return Ok(bytes);
        }
        step *= 4;
    }
}

async fn take_apart(
    bytes: Vec<u8>,
    sections: &[Section],
    parts: &[Vec<u32>],
) -> (Vec<Option<Vec<u8>>>, Vec<Decoded>) {
    if bytes.len() <= QUICK {
        let parsed = Parsed::new(&bytes);
        return (cut(&parsed, sections), decode(&parsed, parts));
    }
    let (sections, parts) = (sections.to_vec(), parts.to_vec());
    let nothing = vec![None; sections.len()];
    let taken = tokio::task::spawn_blocking(move || {
        let parsed = Parsed::new(&bytes);
        (cut(&parsed, &sections), decode(&parsed, &parts))
    });
    taken.await.unwrap_or((nothing, Vec::new()))
}

fn decode(parsed: &Parsed<'_>, parts: &[Vec<u32>]) -> Vec<Decoded> {
    let one = |part: &Vec<u32>| match parsed.decoded(part) {
        None => Decoded::Missing,
        Some(None) => Decoded::Unknown,
        Some(Some(bytes)) => Decoded::Bytes(bytes.into_owned()),
    };
    parts.iter().map(one).collect()
}

fn cut(parsed: &Parsed<'_>, sections: &[Section]) -> Vec<Option<Vec<u8>>> {
    let one = |section: &Section| {
        let names: Vec<&[u8]> = match &section.text {
            SectionText::HeaderFields { names, .. } => names.iter().map(String::as_bytes).collect(),
            _ => Vec::new(),
        };
        let text = match &section.text {
            SectionText::All => message::SectionText::Whole,
            SectionText::Header => message::SectionText::Header,
            SectionText::HeaderFields { not: false, .. } => {
                message::SectionText::HeaderFields(&names)
            }
            SectionText::HeaderFields { not: true, .. } => {
                message::SectionText::HeaderFieldsNot(&names)
            }
            SectionText::Text => message::SectionText::Text,
            SectionText::Mime => message::SectionText::Mime,
        };
        parsed
            .section(&section.part, text)
            .map(std::borrow::Cow::into_owned)
    };
    sections.iter().map(one).collect()
}
