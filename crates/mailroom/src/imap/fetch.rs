//! FETCH.
//!
//! Flags, sizes and dates come from the view, envelopes and structures from the index, a few hundred messages at a
//! time; the message itself is opened only if some of its bytes are asked for, and a whole one is
//! sent while it is read.

use std::collections::{HashSet, VecDeque};
use std::ops::Range;

use jiff::tz::TimeZone;
use sekisho_imap::command::{Fetch, FetchItem, Partial, Section, SectionText};
use sekisho_imap::datetime::DateTime;
use sekisho_imap::{Flag, encode};
use sekisho_message::{self as message, Parsed};

use super::ServeError;
use super::reply::{Done, Out, Trouble};
use super::session::{Answer, Session};
use super::view::{View, encode_flags};
use sekisho_store::{
    Content, ContentId, FlagChange, Flags, Mailbox, MessageRow, MessageState, StoreError, Uid,
    UidSet,
};

/// How many rows of the index are held at once.
const ROWS: usize = 200;
/// How many bytes of a message are held at once while it is sent.
const PIECE: u64 = 64 * 1024;
/// How many bytes of messages are read ahead.
const AHEAD: u64 = 2 * 1024 * 1024;
/// How much of a message is read where its header is enough: few are longer.
const HEADER: u64 = 8 * 1024;
/// A message larger than this is taken apart on a thread that may take its time.
const QUICK: usize = 256 * 1024;

impl Session {
    /// `FETCH` and `UID FETCH` (RFC 3501, section 6.4.5)
    pub(super) async fn fetch(&mut self, fetch: &Fetch, out: &mut Out<'_>) -> Answer {
        if fetch.vanished {
            self.tell_vanished(fetch, out).await?;
        }
        let plan = Plan::new(fetch, self.condstore)?;
        let mailbox = self.mailbox.clone();
        let zone = self.imap.zone.clone();
        let view = self.selected()?;
        let mut positions: Vec<usize> = view
            .positions(&fetch.set, fetch.uid)
            .into_iter()
            .flatten()
            .collect();
        if let Some(since) = fetch.changed_since {
            positions.retain(|&at| view.messages()[at].modseq.get() > since);
        }
        if let Some(part) = fetch.partial {
            positions = positions[part.indices(positions.len())].to_vec();
        }
        if plan.state_is_enough() {
            for at in positions {
                tell_from_view(out, &plan, at, &view.messages()[at], &zone);
                out.make_room().await?;
            }
            return Ok(Done::plain("fetched"));
        }
        for some in positions.chunks(ROWS) {
            let uids: UidSet = some.iter().map(|&at| view.messages()[at].uid).collect();
            let seen = mark_seen(&plan, &mailbox, view, &uids, out).await?;
            let rows = mailbox.rows(view.folder, uids).await?;
            let mut beginnings = VecDeque::new();
            for (index, row) in rows.iter().enumerate() {
                let uid = row.state.uid;
                if plan.opens && beginnings.is_empty() {
                    let some = &rows[index..index + together(&plan, &rows[index..])];
                    beginnings.extend(mailbox.beginnings(some, plan.beginning()).await?);
                }
                let beginning = beginnings.pop_front().unwrap_or_default();
                let Some(at) = view.position(uid) else {
                    continue;
                };
                let source = Source::open(&plan, &mailbox, row, beginning).await?;
                if source
                    .decoded
                    .iter()
                    .any(|part| matches!(part, Decoded::Unknown))
                {
                    return Err(Trouble::No(
                        "UNKNOWN-CTE",
                        "a part's transfer encoding is unknown; BODY[] has it as it is",
                    ));
                }
                let told = Told {
                    at,
                    row,
                    source,
                    zone: &zone,
                    seen: seen.contains(&uid),
                };
                told.tell(&plan, out).await?;
                out.make_room().await?;
            }
        }
        Ok(Done::plain("fetched"))
    }
}

/// How many of some messages are read in one go: as many as make a few megabytes.
fn together(plan: &Plan, rows: &[MessageRow]) -> usize {
    let mut sum = 0;
    let fits = rows.iter().take_while(|row| {
        sum += row.state.size.min(plan.beginning());
        sum <= AHEAD
    });
    fits.count().max(1)
}

/// What has to be read for a FETCH.
struct Plan {
    items: Vec<FetchItem>,
    /// Sections that need the message taken apart: its header, or all of it.
    sections: Vec<Section>,
    /// Parts to be decoded from their transfer encoding.
    decoded: Vec<Vec<u32>>,
    opens: bool,
    whole: bool,
    marks_seen: bool,
    condstore: bool,
}

impl Plan {
    fn new(fetch: &Fetch, condstore: bool) -> Result<Self, Trouble> {
        let mut items = fetch.items.clone();
        if fetch.uid && !items.contains(&FetchItem::Uid) {
            items.insert(0, FetchItem::Uid);
        }
        if fetch.changed_since.is_some() && !items.contains(&FetchItem::ModSeq) {
            items.push(FetchItem::ModSeq);
        }
        let mut plan = Self {
            items: Vec::new(),
            sections: Vec::new(),
            decoded: Vec::new(),
            opens: false,
            whole: false,
            marks_seen: false,
            condstore,
        };
        for item in &items {
            match item {
                FetchItem::Binary { peek, part, .. } => {
                    plan.marks_seen |= !peek;
                    plan.decode(part);
                }
                FetchItem::BinarySize(part) => plan.decode(part),
                FetchItem::Rfc822 | FetchItem::Rfc822Text => plan.marks_seen = true,
                FetchItem::Section { peek, .. } => plan.marks_seen |= !peek,
                _ => {}
            }
            if let Some(section) = section_of(item) {
                plan.opens = true;
                if !is_everything(&section) {
                    plan.whole |= !is_own_header(&section);
                    plan.sections.push(section);
                }
            }
        }
        plan.items = items;
        Ok(plan)
    }

    /// A part that is told decoded (RFC 3516).
    fn decode(&mut self, part: &[u32]) {
        self.opens = true;
        self.whole = true;
        self.decoded.push(part.to_vec());
    }

    /// How much of each message is read ahead. What is longer is read as it is sent.
    fn beginning(&self) -> u64 {
        let everything = self
            .items
            .iter()
            .any(|item| section_of(item).is_some_and(|section| is_everything(&section)));
        if self.whole || everything {
            AHEAD
        } else {
            HEADER
        }
    }

    fn state_is_enough(&self) -> bool {
        self.items.iter().all(is_state)
    }
}

/// What the view knows without asking anybody.
fn is_state(item: &FetchItem) -> bool {
    use FetchItem::{Flags, InternalDate, ModSeq, Size, Uid};
    matches!(item, Flags | Uid | ModSeq | Size | InternalDate)
}

fn section_of(item: &FetchItem) -> Option<Section> {
    let own = |text| {
        Some(Section {
            part: Vec::new(),
            text,
        })
    };
    match item {
        FetchItem::Rfc822 => own(SectionText::All),
        FetchItem::Rfc822Header => own(SectionText::Header),
        FetchItem::Rfc822Text => own(SectionText::Text),
        FetchItem::Section { section, .. } => Some(section.clone()),
        _ => None,
    }
}

/// `BODY[]`: the bytes as they are.
fn is_everything(section: &Section) -> bool {
    section.part.is_empty() && section.text == SectionText::All
}

/// A section that the message's own header is enough for.
fn is_own_header(section: &Section) -> bool {
    let header = matches!(
        section.text,
        SectionText::Header | SectionText::HeaderFields { .. }
    );
    section.part.is_empty() && header
}

fn tell_from_view(
    out: &mut Out<'_>,
    plan: &Plan,
    at: usize,
    state: &MessageState,
    zone: &TimeZone,
) {
    out.words(format_args!("* {} FETCH (", at + 1));
    let mut space = "";
    for item in &plan.items {
        out.words(format_args!("{space}"));
        space = " ";
        tell_state_item(out, item, state, zone);
    }
    out.words(format_args!(")\r\n"));
}

fn tell_state_item(out: &mut Out<'_>, item: &FetchItem, state: &MessageState, zone: &TimeZone) {
    match item {
        FetchItem::Uid => out.words(format_args!("UID {}", state.uid)),
        FetchItem::ModSeq => out.words(format_args!("MODSEQ ({})", state.modseq)),
        FetchItem::Size => out.words(format_args!("RFC822.SIZE {}", state.size)),
        FetchItem::InternalDate => {
            let ahead = zone.to_offset(state.internal_date).seconds() / 60;
            let date = DateTime::from_unix(state.internal_date.as_second());
            let date = date.in_zone(i16::try_from(ahead).unwrap_or(0));
            out.words(format_args!("INTERNALDATE \"{date}\""));
        }
        _ => {
            out.words(format_args!("FLAGS "));
            encode_flags(out, &state.flags);
        }
    }
}

/// Sets `\Seen` where reading does (RFC 3501, section 6.4.5); returns the messages that got it.
async fn mark_seen(
    plan: &Plan,
    mailbox: &Mailbox,
    view: &mut View,
    uids: &UidSet,
    out: &mut Out<'_>,
) -> Result<HashSet<Uid>, StoreError> {
    if !plan.marks_seen || view.read_only {
        return Ok(HashSet::new());
    }
    let seen = Flags::new([&Flag::Seen])?;
    let stored = mailbox
        .store_flags(view.folder, uids.clone(), FlagChange::Add, seen, None)
        .await?;
    for state in &stored.changed {
        view.note(state, out);
    }
    Ok(stored.changed.into_iter().map(|state| state.uid).collect())
}

/// A message's bytes, as far as a plan needs them.
struct Source {
    content: Option<Content>,
    /// Its beginning; all of it unless it is long.
    beginning: Vec<u8>,
    /// One for each of the plan's sections; `None` where there is no such part.
    sections: Vec<Option<Vec<u8>>>,
    /// One for each of the plan's parts to be decoded.
    decoded: Vec<Decoded>,
}

/// A part without its transfer encoding.
enum Decoded {
    Bytes(Vec<u8>),
    /// There is no such part.
    Missing,
    /// In an encoding that nobody knows.
    Unknown,
}

impl Source {
    /// Reads what the plan needs beyond a message's beginning.
    async fn open(
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
pub(super) async fn read_header(content: &Content) -> Result<Vec<u8>, StoreError> {
    let mut bytes = Vec::new();
    let mut step = 16 * 1024;
    loop {
        let from = bytes.len() as u64;
        let more = content.read_range(from..from + step).await?;
        let done = more.is_empty();
        // The empty line may lie across the seam.
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

/// All there is to say of one message.
struct Told<'a> {
    at: usize,
    row: &'a MessageRow,
    source: Source,
    zone: &'a TimeZone,
    /// This command has set `\Seen`, so the flags are told though nobody asked.
    seen: bool,
}

impl Told<'_> {
    async fn tell(mut self, plan: &Plan, out: &mut Out<'_>) -> Result<(), Trouble> {
        let row = self.row;
        let mut sections = std::mem::take(&mut self.source.sections).into_iter();
        let mut decoded = std::mem::take(&mut self.source.decoded).into_iter();
        out.words(format_args!("* {} FETCH (", self.at + 1));
        for (index, item) in plan.items.iter().enumerate() {
            if index > 0 {
                out.words(format_args!(" "));
            }
            match item {
                item if is_state(item) => tell_state_item(out, item, &row.state, self.zone),
                FetchItem::EmailId => {
                    let id = email_id(row.content);
                    out.words(format_args!("EMAILID ({id})"));
                }
                FetchItem::ThreadId => match &self.row.thread {
                    Some(thread) => out.words(format_args!("THREADID ({thread})")),
                    None => out.words(format_args!("THREADID NIL")),
                },
                FetchItem::Binary { part, partial, .. } => {
                    out.words(format_args!("BINARY{}", bracketed(part)));
                    if let Some(partial) = partial {
                        out.words(format_args!("<{}>", partial.start));
                    }
                    tell_decoded(out, decoded.next(), *partial);
                }
                FetchItem::BinarySize(part) => {
                    out.words(format_args!("BINARY.SIZE{} ", bracketed(part)));
                    match decoded.next() {
                        Some(Decoded::Bytes(bytes)) => {
                            out.words(format_args!("{}", bytes.len()));
                        }
                        _ => out.words(format_args!("0")),
                    }
                }
                FetchItem::Envelope => raw(out, "ENVELOPE", &row.envelope),
                FetchItem::Body => raw(out, "BODY", &row.body),
                FetchItem::BodyStructure => raw(out, "BODYSTRUCTURE", &row.structure),
                FetchItem::Preview { .. } => {
                    out.words(format_args!("PREVIEW "));
                    encode::string(out.bytes(), row.preview.as_bytes());
                }
                FetchItem::Rfc822 => {
                    out.words(format_args!("RFC822 "));
                    self.stream(None, out).await?;
                }
                FetchItem::Rfc822Header => {
                    section(out, "RFC822.HEADER", sections.next().flatten(), None);
                }
                FetchItem::Rfc822Text => {
                    section(out, "RFC822.TEXT", sections.next().flatten(), None);
                }
                FetchItem::Section {
                    section: wanted,
                    partial,
                    ..
                } => {
                    let mut name = b"BODY".to_vec();
                    wanted.encode(&mut name);
                    if let Some(partial) = partial {
                        name.extend_from_slice(format!("<{}>", partial.start).as_bytes());
                    }
                    out.bytes().extend_from_slice(&name);
                    if is_everything(wanted) {
                        out.words(format_args!(" "));
                        self.stream(*partial, out).await?;
                    } else {
                        section(out, "", sections.next().flatten(), *partial);
                    }
                }
                // Told above, or refused when the plan was made.
                _ => {}
            }
        }
        self.tell_seen(plan, out);
        out.words(format_args!(")\r\n"));
        Ok(())
    }

    fn tell_seen(&self, plan: &Plan, out: &mut Out<'_>) {
        let mut also = |item: FetchItem| {
            if !plan.items.contains(&item) {
                out.words(format_args!(" "));
                tell_state_item(out, &item, &self.row.state, self.zone);
            }
        };
        if self.seen {
            also(FetchItem::Flags);
            if plan.condstore {
                also(FetchItem::ModSeq);
            }
        }
    }

    /// The message or a stretch of it as a literal. Once its length is said the bytes have to
    /// follow: if they can't be read, the connection ends.
    async fn stream(&self, partial: Option<Partial>, out: &mut Out<'_>) -> Result<(), Trouble> {
        let Range { start, end } = stretch(self.row.state.size, partial);
        out.words(format_args!("{{{}}}\r\n", end - start));
        let mut at = start;
        let index = |at| usize::try_from(at).unwrap_or(usize::MAX);
        if let Some(ready) = self.source.beginning.get(index(start)..) {
            let ready = &ready[..ready.len().min(index(end - start))];
            out.bytes().extend_from_slice(ready);
            at += ready.len() as u64;
            out.make_room().await?;
        }
        let ends = |error| Trouble::End(ServeError::Store(error));
        while at < end {
            let Some(content) = &self.source.content else {
                let error = StoreError::Broken("a message is shorter than it was".to_owned());
                return Err(ends(error));
            };
            let piece = content
                .read_range(at..end.min(at + PIECE))
                .await
                .map_err(ends)?;
            if piece.is_empty() {
                let error = StoreError::Broken("a message is shorter than it was".to_owned());
                return Err(ends(error));
            }
            at += piece.len() as u64;
            out.bytes().extend_from_slice(&piece);
            out.make_room().await?;
        }
        Ok(())
    }
}

/// The identity of a message's bytes as clients see it (RFC 8474).
pub(super) fn email_id(content: ContentId) -> String {
    format!("M{content}")
}

/// `[1.2]`
fn bracketed(part: &[u32]) -> String {
    let numbers: Vec<String> = part.iter().map(u32::to_string).collect();
    format!("[{}]", numbers.join("."))
}

/// A decoded part; as a literal of RFC 3516 only where a plain one can't hold it.
fn tell_decoded(out: &mut Out<'_>, part: Option<Decoded>, partial: Option<Partial>) {
    let Some(Decoded::Bytes(bytes)) = part else {
        out.words(format_args!(" NIL"));
        return;
    };
    let Range { start, end } = stretch(bytes.len() as u64, partial);
    let index = |at| usize::try_from(at).unwrap_or(bytes.len());
    let bytes = &bytes[index(start)..index(end)];
    out.words(format_args!(" "));
    if bytes.contains(&0) {
        encode::literal8(out.bytes(), bytes);
    } else {
        encode::literal(out.bytes(), bytes);
    }
}

fn raw(out: &mut Out<'_>, name: &str, value: &[u8]) {
    out.words(format_args!("{name} "));
    out.bytes().extend_from_slice(value);
}

fn section(out: &mut Out<'_>, name: &str, bytes: Option<Vec<u8>>, partial: Option<Partial>) {
    out.words(format_args!("{name} "));
    match bytes {
        None => out.words(format_args!("NIL")),
        Some(bytes) => {
            let Range { start, end } = stretch(bytes.len() as u64, partial);
            let index = |at| usize::try_from(at).unwrap_or(bytes.len());
            encode::literal(out.bytes(), &bytes[index(start)..index(end)]);
        }
    }
}

/// The bytes that a partial means, out of `size`.
fn stretch(size: u64, partial: Option<Partial>) -> Range<u64> {
    match partial {
        None => 0..size,
        Some(Partial { start, length }) => {
            let start = u64::from(start).min(size);
            start..(start + u64::from(length)).min(size)
        }
    }
}
