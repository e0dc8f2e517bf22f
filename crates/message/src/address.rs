//! Address lists (RFC 5322, section 3.4), read as far as they can be.

/// The most addresses of a field that are read.
const MAX_ADDRESSES: usize = 10_000;

/// An entry of an address list, as ENVELOPE tells them (RFC 3501, section 7.4.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// An address. Its name is raw: encoded words are still in it.
    Address {
        /// The phrase before it, or a comment behind it.
        name: Option<Vec<u8>>,
        /// Hosts on the way (RFC 5322, section 4.4), as `@a,@b`.
        route: Option<Vec<u8>>,
        /// What stands before the `@`.
        mailbox: Vec<u8>,
        /// What stands behind it; empty without an `@`.
        host: Vec<u8>,
    },
    /// A group begins.
    Group(Vec<u8>),
    /// A group ends.
    GroupEnd,
}

/// Stands for a blank within quotes while a field is read: those outside of quotes mean nothing in an address. An unfolded field has no NUL.
const QUOTED_BLANK: u8 = 0;

/// Reads an unfolded field.
pub fn parse(field: &[u8]) -> Vec<Entry> {
    let mut reader = Reader::default();
    let mut bytes = field.iter().copied();
    while let Some(byte) = bytes.next() {
        if reader.entries.len() >= MAX_ADDRESSES {
            break;
        }
        match byte {
            b'"' => quoted(&mut bytes, reader.text_mut()),
            b'(' => reader.comment = Some(comment(&mut bytes)),
            b'<' => reader.in_angle = Some(Vec::new()).filter(|_| reader.angle.is_none()),
            b'>' => reader.angle = reader.in_angle.take().or(reader.angle),
            b',' if reader.in_angle.is_none() => reader.flush(),
            b';' if reader.in_angle.is_none() => {
                reader.flush();
                if reader.in_group {
                    reader.in_group = false;
                    reader.entries.push(Entry::GroupEnd);
                }
            }
            b':' if reader.in_angle.is_none() && !reader.in_group => {
                reader.in_group = true;
                let name = std::mem::take(&mut reader.text);
                reader.comment = None;
                reader
                    .entries
                    .push(Entry::Group(unmarked(name.trim_ascii())));
            }
            b' ' | b'\t' => space(reader.text_mut()),
            byte => reader.text_mut().push(byte),
        }
    }
    reader.flush();
    if reader.in_group {
        reader.entries.push(Entry::GroupEnd);
    }
    reader.entries
}

#[derive(Default)]
struct Reader {
    entries: Vec<Entry>,
    in_group: bool,
    /// Words outside of angle brackets: a name, or a bare address.
    text: Vec<u8>,
    comment: Option<Vec<u8>>,
    /// What was read since `<`.
    in_angle: Option<Vec<u8>>,
    /// What stood between `<` and `>`.
    angle: Option<Vec<u8>>,
}

impl Reader {
    fn text_mut(&mut self) -> &mut Vec<u8> {
        self.in_angle.as_mut().unwrap_or(&mut self.text)
    }

    fn flush(&mut self) {
        let text = std::mem::take(&mut self.text);
        let text = text.trim_ascii();
        let comment = self.comment.take().filter(|comment| !comment.is_empty());
        let angle = self.angle.take().or_else(|| self.in_angle.take());
        let (name, address) = match angle {
            Some(angle) => (Some(unmarked(text)).filter(|name| !name.is_empty()), angle),
            None => (None, text.to_vec()),
        };
        let address: Vec<u8> = address
            .into_iter()
            .filter(|byte| !byte.is_ascii_whitespace())
            .collect();
        let name = name.or(comment);
        if address.is_empty() && name.is_none() {
            return;
        }
        // A route before the address ends at its colon.
        let (route, bare) = match (
            address.first(),
            address.iter().position(|&byte| byte == b':'),
        ) {
            (Some(b'@'), Some(colon)) => (Some(&address[..colon]), &address[colon + 1..]),
            _ => (None, &address[..]),
        };
        let (mailbox, host) = match bare.iter().rposition(|&byte| byte == b'@') {
            Some(at) => (&bare[..at], &bare[at + 1..]),
            None => (bare, &[][..]),
        };
        self.entries.push(Entry::Address {
            name,
            route: route.map(unmarked),
            mailbox: unmarked(mailbox),
            host: unmarked(host),
        });
    }
}

fn unmarked(text: &[u8]) -> Vec<u8> {
    let blank = |byte: &u8| if *byte == QUOTED_BLANK { b' ' } else { *byte };
    text.iter().map(blank).collect()
}

fn quoted(bytes: &mut impl Iterator<Item = u8>, text: &mut Vec<u8>) {
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => return,
            b'\\' => text.extend(bytes.next()),
            b' ' | b'\t' => text.push(QUOTED_BLANK),
            byte => text.push(byte),
        }
    }
}

fn comment(bytes: &mut impl Iterator<Item = u8>) -> Vec<u8> {
    let mut text = Vec::new();
    let mut depth = 1_usize;
    while let Some(byte) = bytes.next() {
        match byte {
            b'(' => depth += 1,
            b')' => depth -= 1,
            b'\\' => text.extend(bytes.next()),
            byte => text.push(byte),
        }
        if depth == 0 {
            break;
        }
    }
    text.trim_ascii().to_vec()
}

/// Blanks between words are one.
fn space(text: &mut Vec<u8>) {
    if text.last().is_some_and(|&last| last != b' ') {
        text.push(b' ');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(name: &str, mailbox: &str, host: &str) -> Entry {
        Entry::Address {
            name: (!name.is_empty()).then(|| name.as_bytes().to_vec()),
            route: None,
            mailbox: mailbox.as_bytes().to_vec(),
            host: host.as_bytes().to_vec(),
        }
    }

    #[test]
    fn addresses_are_read_in_all_their_forms() {
        let field =
            br#"a@x, "B, b" <b@y>, c@z (Cee), Dee  Dee <@r1,@r2:d@w>, =?utf-8?B?44GC?= <e@v>"#;
        let expected = [
            address("", "a", "x"),
            address("B, b", "b", "y"),
            address("Cee", "c", "z"),
            Entry::Address {
                name: Some(b"Dee Dee".to_vec()),
                route: Some(b"@r1,@r2".to_vec()),
                mailbox: b"d".to_vec(),
                host: b"w".to_vec(),
            },
            address("=?utf-8?B?44GC?=", "e", "v"),
        ];
        assert_eq!(parse(field), expected);
        assert_eq!(parse(b"\"a  b\" @ x"), [address("", "a  b", "x")]);
    }

    #[test]
    fn groups_begin_and_end() {
        let expected = [
            Entry::Group(b"Team".to_vec()),
            address("", "a", "x"),
            address("", "b", "x"),
            Entry::GroupEnd,
            address("", "c", "x"),
        ];
        assert_eq!(parse(b"Team: a@x, b@x;, c@x"), expected);
        let nobody = [
            Entry::Group(b"undisclosed-recipients".to_vec()),
            Entry::GroupEnd,
        ];
        assert_eq!(parse(b"undisclosed-recipients:;"), nobody);
    }

    #[test]
    fn broken_lists_are_read_as_far_as_they_go() {
        assert_eq!(parse(b""), []);
        assert_eq!(parse(b"<a@x"), [address("", "a", "x")]);
        assert_eq!(parse(b"nobody"), [address("", "nobody", "")]);
        assert_eq!(
            parse(b"\"open <a@x>, ((("),
            [address("", "open <a", "x>, (((")]
        );
    }
}
