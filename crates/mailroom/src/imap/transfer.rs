//! Messages on the move: APPEND, COPY, MOVE, EXPUNGE.

use jiff::Timestamp;
use sekisho_imap::command::Append;
use sekisho_imap::{MailboxName, SequenceSet};
use sekisho_store::{Flags, NewMessage, Uid};

use super::reply::{CommandError, Done, ResponseWriter};
use super::session::{Answer, Session, existing};

impl Session {
    /// `APPEND` (RFC 3501, section 6.3.11; RFC 3502; RFC 4315)
    pub(super) async fn append(&mut self, append: Append) -> Answer {
        let name = existing(&append.mailbox).map_err(|_| NO_TARGET)?;
        let mut messages = Vec::with_capacity(append.messages.len());
        if append.messages.iter().any(|one| one.utf8) && !self.utf8() {
            return Err(CommandError::Bad("ENABLE UTF8=ACCEPT comes first"));
        }
        for one in append.messages {
            let internal_date = one
                .date
                .and_then(|date| Timestamp::from_second(date.unix()).ok())
                .unwrap_or_else(|| self.imap.clock.now());
            let message = NewMessage {
                internal_date,
                flags: Flags::new(&one.flags)?,
                bytes: with_line_ends(one.message.into_bytes()),
            };
            if message.bytes.is_empty() {
                return Err(CommandError::Bad("an empty message"));
            }
            if message.bytes.contains(&0) {
                return Err(CommandError::No(
                    "UNKNOWN-CTE",
                    "a message with NUL can't be kept",
                ));
            }
            messages.push(message);
        }
        let open = self.view.as_ref().map(|view| (view.folder, view.modseq));
        let (appended, news) = self
            .mailbox
            .append_to(&name, messages, open)
            .await
            .map_err(CommandError::try_create)?;
        self.news = news;
        let validity = appended.first().map(|first| first.uid_validity);
        let uids = SequenceSet::from_sorted(appended.iter().map(|one| one.uid.get()));
        let (Some(validity), Some(uids)) = (validity, uids) else {
            return Err(CommandError::Bad("no message"));
        };
        Ok(Done::with(
            format!("APPENDUID {validity} {uids}"),
            "appended",
        ))
    }

    /// `COPY` and `MOVE` (RFC 3501, section 6.4.7; RFC 6851; RFC 4315)
    pub(super) async fn copy(
        &mut self,
        set: &SequenceSet,
        uid: bool,
        mailbox: &MailboxName,
        remove: bool,
        out: &mut ResponseWriter<'_>,
    ) -> Answer {
        let store = self.mailbox.clone();
        let view = if remove {
            self.writable()?
        } else {
            self.selected()?
        };
        let uids = view.uids(&view.positions(set, uid));
        let from = view.folder;
        let name = existing(mailbox).map_err(|_| NO_TARGET)?;
        let to = store
            .folder(&name)
            .await
            .map_err(CommandError::try_create)?
            .id;
        if uids.is_empty() {
            return Ok(Done::plain("no such messages"));
        }
        if remove && from == to {
            return Err(CommandError::No(
                "CANNOT",
                "the messages are in this folder already",
            ));
        }
        let copied = if remove {
            store.move_messages(from, uids, to).await
        } else {
            store.copy(from, uids, to).await
        };
        let copied = copied.map_err(CommandError::try_create)?;
        let (Some(source), Some(target)) = (numbers(&copied.from), numbers(&copied.to)) else {
            return Ok(Done::plain("the messages are gone"));
        };
        let code = format!("COPYUID {} {source} {target}", copied.uid_validity);
        if remove {
            // Before the EXPUNGEs, which the end of the command brings (RFC 6851, section 4.3).
            out.untagged(format_args!("OK [{code}] moved"));
            return Ok(Done::plain("moved"));
        }
        Ok(Done::with(code, "copied"))
    }

    /// `EXPUNGE` and `UID EXPUNGE` (RFC 3501, section 6.4.3; RFC 4315, section 2.1). The removed messages are reported
    /// at the command's end.
    pub(super) async fn expunge(&mut self, set: Option<&SequenceSet>) -> Answer {
        let store = self.mailbox.clone();
        let view = self.writable()?;
        let uids = match set {
            None => view.uids(&view.positions(&SequenceSet::all(), true)),
            Some(set) => view.uids(&view.positions(set, true)),
        };
        let mut gone = Vec::new();
        if !uids.is_empty() {
            gone = store.expunge(view.folder, uids).await?;
        }
        let folder = view.folder;
        if self.condstore && !gone.is_empty() {
            // The client is told everything up to this modseq before the answer.
            let modseq = store.status(folder).await?.highest_modseq;
            return Ok(Done::with(format!("HIGHESTMODSEQ {modseq}"), "expunged"));
        }
        Ok(Done::plain("expunged"))
    }
}

const NO_TARGET: CommandError = CommandError::No("CANNOT", "no folder can have this name");

/// UIDs as a set for COPYUID. Both lists rise, so the numbers at the same position still belong together.
fn numbers(uids: &[Uid]) -> Option<SequenceSet> {
    SequenceSet::from_sorted(uids.iter().map(|uid| uid.get()))
}

/// The message, with a CRLF in place of every lone CR or LF. The store keeps no others, because another reader could
/// take one for a line's end.
fn with_line_ends(bytes: Vec<u8>) -> Vec<u8> {
    let lone = |at: usize| match bytes[at] {
        b'\n' => at == 0 || bytes[at - 1] != b'\r',
        b'\r' => bytes.get(at + 1) != Some(&b'\n'),
        _ => false,
    };
    let count = memchr::memchr2_iter(b'\r', b'\n', &bytes)
        .filter(|&at| lone(at))
        .count();
    if count == 0 {
        return bytes;
    }
    let mut whole = Vec::with_capacity(bytes.len() + count);
    for (at, &byte) in bytes.iter().enumerate() {
        if lone(at) {
            whole.extend_from_slice(b"\r\n");
        } else {
            whole.push(byte);
        }
    }
    whole
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lone_line_ends_become_whole_ones() {
        let kept = |text: &str| String::from_utf8(with_line_ends(text.into())).unwrap();
        assert_eq!(kept("a\nb\r\nc\rd\n\r\n\r"), "a\r\nb\r\nc\r\nd\r\n\r\n\r\n");
        assert_eq!(kept("a\r\n\r\nb"), "a\r\n\r\nb");
    }
}
