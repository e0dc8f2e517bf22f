//! Which messages a message belongs to (RFC 5322, section 3.6.4).

use sha2::{Digest, Sha256};

use crate::header::Header;

/// The most references that are kept of a message: its first one, which began the thread, and its last ones.
const MOST: usize = 100;
/// The most bytes of references that are kept of a message: threads are made of all of a folder at once.
const MOST_BYTES: usize = 10_000;
/// The longest message identifier that counts, in bytes.
const LONGEST: usize = 1_000;
/// The longest one that is written into a field of our own, in bytes, so that its line stays below 998.
const LONGEST_WRITTEN: usize = 900;

/// A message's identifier and those it refers to, without their brackets.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Identifiers {
    /// Message-ID.
    pub id: Option<String>,
    /// References, the oldest first; where there are none, the first of In-Reply-To (RFC 5256, section 3).
    pub references: Vec<String>,
}

impl Identifiers {
    /// Reads them from a header.
    #[must_use]
    pub fn of(header: Header<'_>) -> Self {
        let ids = |name: &[u8]| header.find(name).map_or_else(Vec::new, |field| ids(&field));
        let mut references = ids(b"References");
        if references.is_empty() {
            references = ids(b"In-Reply-To");
            references.truncate(1);
        }
        let mut room = MOST_BYTES - references.first().map_or(0, String::len);
        let last = references.iter().skip(1).rev().take(MOST - 1);
        let kept = last.take_while(|id| {
            let fits = id.len() <= room;
            room = room.saturating_sub(id.len());
            fits
        });
        let left_out = references.len().saturating_sub(1 + kept.count());
        if left_out > 0 {
            references.drain(1..=left_out);
        }
        Self {
            id: ids(b"Message-ID").into_iter().next(),
            references,
        }
    }

    /// The thread's id, for OBJECTID (RFC 8474, section 5.2): the same for all messages that go back to the same first
    /// message. `None` for a message that has no identifier and refers to none.
    pub fn thread(&self) -> Option<String> {
        let first = self.references.first().or(self.id.as_ref())?;
        let digest = Sha256::digest(first.as_bytes());
        let digits = digest.iter().take(10).map(|byte| format!("{byte:02x}"));
        Some(format!("T{}", digits.collect::<String>()))
    }
}

/// The identifiers of a field as they are written, without their brackets, for a field of our own that refers to them.
/// One that can't be written in one piece is left out: broken up, it would refer to no message.
#[must_use]
pub fn as_written(field: &[u8]) -> Vec<String> {
    let mut ids = Vec::new();
    let mut rest = field;
    while let Some(open) = memchr::memchr(b'<', rest) {
        rest = &rest[open + 1..];
        let Some(close) = memchr::memchr(b'>', rest) else {
            break;
        };
        let id = &rest[..close];
        let is_whole = !id.is_empty() && id.len() <= LONGEST_WRITTEN;
        if is_whole
            && id
                .iter()
                .all(|byte| byte.is_ascii_graphic() && *byte != b'<')
        {
            ids.push(String::from_utf8_lossy(id).into_owned());
        }
        rest = &rest[close + 1..];
    }
    ids
}

/// The identifiers of a field: what stands between angle brackets, blanks left out.
fn ids(field: &[u8]) -> Vec<String> {
    let mut ids = Vec::new();
    let mut rest = field;
    while let Some(open) = memchr::memchr(b'<', rest) {
        rest = &rest[open + 1..];
        let Some(close) = memchr::memchr(b'>', rest) else {
            break;
        };
        let id: Vec<u8> = rest[..close]
            .iter()
            .copied()
            .filter(|byte| !byte.is_ascii_whitespace() && *byte != b'"')
            .collect();
        if !id.is_empty() && id.len() <= LONGEST && !id.contains(&b'<') {
            ids.push(String::from_utf8_lossy(&id).into_owned());
        }
        rest = &rest[close + 1..];
    }
    ids
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(header: &str) -> Identifiers {
        Identifiers::of(Header::new(header.as_bytes()))
    }

    #[test]
    fn references_come_before_in_reply_to() {
        let found =
            read("Message-ID: <c@x>\r\nReferences: <a@x>\r\n <b@x>\r\nIn-Reply-To: <z@x>\r\n");
        assert_eq!(found.id.as_deref(), Some("c@x"));
        assert_eq!(found.references, ["a@x", "b@x"]);
        let found = read("In-Reply-To: Your message of today <z@x> <y@x>\r\n");
        assert_eq!((found.id, found.references), (None, vec!["z@x".to_owned()]));
        assert_eq!(
            read("Message-ID: nothing\r\nReferences: <>\r\n"),
            Identifiers::default()
        );
    }

    #[test]
    fn identifiers_are_written_as_they_were_or_not_at_all() {
        for (field, ids) in [
            (
                &b"<a@b><c@d>\r\n <e@f>,<g@h>"[..],
                &["a@b", "c@d", "e@f", "g@h"][..],
            ),
            (b"Your message of \"Tue\" <c@d>", &["c@d"]),
            (b"<[abc def]@ex ample>", &[]),
            (b"<\"a.b\"@x> <no-at> <a<b@x> <>", &["\"a.b\"@x", "no-at"]),
            (b"<open", &[]),
        ] {
            assert_eq!(as_written(field), ids, "{}", field.escape_ascii());
        }
    }

    #[test]
    fn a_thread_is_named_after_its_first_message() {
        let first = read("Message-ID: <a@x>\r\n").thread();
        assert!(first.is_some());
        assert_eq!(read("References: <a@x> <b@x>\r\n").thread(), first);
        assert_eq!(read("Subject: x\r\n").thread(), None);
    }

    #[test]
    fn of_very_many_references_the_first_and_the_last_are_kept() {
        let many: String = (0..5_000).map(|n| format!("<{n}@x> ")).collect();
        let found = read(&format!("References: {many}\r\n"));
        assert_eq!(found.references.len(), MOST);
        assert_eq!(found.references[0], "0@x");
        assert_eq!(found.references[MOST - 1], "4999@x");
        let long: String = (100..200)
            .map(|n| format!("<{n}@{}> ", "x".repeat(900)))
            .collect();
        let found = read(&format!("References: {long}\r\n"));
        let names = found.references.iter().map(|id| &id[..4]);
        let kept: Vec<&str> = names.collect();
        assert_eq!(
            kept,
            [
                "100@", "190@", "191@", "192@", "193@", "194@", "195@", "196@", "197@", "198@",
                "199@"
            ]
        );
    }
}
