//! FETCH's answer for one message.

use std::ops::Range;

use jiff::tz::TimeZone;
use sekisho_imap::command::{FetchItem, Partial};
use sekisho_imap::datetime::DateTime;
use sekisho_imap::encode;
use sekisho_store::{ContentId, MessageRow, MessageState, StoreError};

use super::plan::{Plan, is_everything, is_state};
use super::source::{Decoded, Source};
use crate::imap::ServeError;
use crate::imap::reply::{CommandError, ResponseWriter};
use crate::imap::view::encode_flags;

/// How many bytes of a message are held at once while it is sent.
const PIECE: u64 = 64 * 1024;

pub(super) fn tell_from_view(
    out: &mut ResponseWriter<'_>,
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

fn tell_state_item(
    out: &mut ResponseWriter<'_>,
    item: &FetchItem,
    state: &MessageState,
    zone: &TimeZone,
) {
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

/// All that goes into the answer.
pub(super) struct FetchAnswer<'a> {
    pub(super) at: usize,
    pub(super) row: &'a MessageRow,
    pub(super) source: Source,
    pub(super) zone: &'a TimeZone,
    /// This command has set `\Seen`, so the flags are sent although they were not asked for.
    pub(super) seen: bool,
}

impl FetchAnswer<'_> {
    pub(super) async fn write(
        mut self,
        plan: &Plan,
        out: &mut ResponseWriter<'_>,
    ) -> Result<(), CommandError> {
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
                // Answered above, or refused when the plan was made.
                _ => {}
            }
        }
        self.tell_seen(plan, out);
        out.words(format_args!(")\r\n"));
        Ok(())
    }

    fn tell_seen(&self, plan: &Plan, out: &mut ResponseWriter<'_>) {
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

    /// The message, or a range of it, as a literal. Once the length of a literal is sent, its bytes have to follow: if
    /// they can't be read, the connection ends.
    async fn stream(
        &self,
        partial: Option<Partial>,
        out: &mut ResponseWriter<'_>,
    ) -> Result<(), CommandError> {
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
        let ends = |error| CommandError::End(ServeError::Store(error));
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
pub(in crate::imap) fn email_id(content: ContentId) -> String {
    format!("M{content}")
}

/// `[1.2]`
fn bracketed(part: &[u32]) -> String {
    let numbers: Vec<String> = part.iter().map(u32::to_string).collect();
    format!("[{}]", numbers.join("."))
}

/// A decoded part; as a binary literal (RFC 3516) only where a plain one can't hold it.
fn tell_decoded(out: &mut ResponseWriter<'_>, part: Option<Decoded>, partial: Option<Partial>) {
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

fn raw(out: &mut ResponseWriter<'_>, name: &str, value: &[u8]) {
    out.words(format_args!("{name} "));
    out.bytes().extend_from_slice(value);
}

fn section(
    out: &mut ResponseWriter<'_>,
    name: &str,
    bytes: Option<Vec<u8>>,
    partial: Option<Partial>,
) {
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

/// The range of bytes that a partial means, in a message of `size` bytes.
fn stretch(size: u64, partial: Option<Partial>) -> Range<u64> {
    match partial {
        None => 0..size,
        Some(Partial { start, length }) => {
            let start = u64::from(start).min(size);
            start..(start + u64::from(length)).min(size)
        }
    }
}
