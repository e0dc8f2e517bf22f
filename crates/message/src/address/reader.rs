//! Parsing a list of addresses, byte by byte.

use crate::encoded_word;

/// How many addresses of a field are read at most.
const MAX_ADDRESSES: usize = 10_000;

/// An entry of an address list, as ENVELOPE has them (RFC 3501, section 7.4.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// An address. Its name is raw: encoded words are still in it.
    Address {
        /// The phrase before it, or a comment behind it.
        name: Option<Vec<u8>>,
        /// Hosts on the way (RFC 5322, section 4.4), as `@a,@b`.
        route: Option<Vec<u8>>,
        /// What stands before the `@`, without quotes.
        mailbox: Vec<u8>,
        /// What stands behind it; empty without an `@`.
        host: Vec<u8>,
    },
    /// A group begins.
    Group(Vec<u8>),
    /// A group ends.
    GroupEnd,
}

/// Stands for a blank within quotes while a field is read, because blanks outside of quotes mean nothing in an address.
/// An unfolded field has no NUL of its own.
const QUOTED_BLANK: u8 = 0;

/// The list as far as it has been read.
#[derive(Default)]
pub(super) struct Reader {
    pub(super) entries: Vec<Entry>,
    in_group: bool,
    /// Words outside of angle brackets: a name, or a bare address.
    text: Vec<u8>,
    comment: Option<Vec<u8>>,
    /// What was read since `<`.
    in_angle: Option<Vec<u8>>,
    /// What stood between `<` and `>`.
    angle: Option<Vec<u8>>,
    /// Words before commas, without an address: perhaps the beginning of a name.
    held: Vec<Vec<u8>>,
    /// Something is not as RFC 5322 wants it, so another reader may read something else.
    pub(super) is_doubtful: bool,
    /// What was found to have no end; looking for the end again each time would take quadratic time.
    endless: Endless,
}

#[derive(Default)]
struct Endless {
    quote: bool,
    comment: bool,
    word: bool,
}

impl Reader {
    /// Reads a field in which quotes, commas and brackets are what they look like.
    pub(super) fn read(field: &[u8]) -> Self {
        let mut reader = Self::default();
        let mut rest = field;
        while !rest.is_empty() && reader.entries.len() < MAX_ADDRESSES {
            let used = reader.step(rest);
            rest = &rest[used..];
        }
        reader.is_doubtful |= reader.in_angle.is_some() || reader.in_group;
        reader.is_doubtful |= reader.is_empty() && !reader.entries.is_empty();
        reader.flush();
        reader.release();
        if reader.in_group {
            reader.entries.push(Entry::GroupEnd);
        }
        reader
    }

    /// Reads the next item; returns how many bytes it took.
    fn step(&mut self, rest: &[u8]) -> usize {
        let outside = self.in_angle.is_none();
        match rest[0] {
            b'"' => return self.quoted(rest),
            b'(' => return self.commented(rest),
            b'=' if rest.starts_with(b"=?") => {
                let word = encoded_word::length(rest, &mut self.endless.word);
                let word = word.map(|length| &rest[..length]);
                // A word that contains a bracket is really the beginning of one and the end of another.
                if let Some(word) = word.filter(|word| !word.contains(&b'<')) {
                    // Commas and the like are not allowed in an encoded word, but many have them.
                    self.is_doubtful |= word.iter().any(|byte| b",;:<>()\"@".contains(byte));
                    self.push(word);
                    return word.len();
                }
                self.push(b"=");
            }
            b'<' => {
                self.is_doubtful |= self.angle.is_some() || !outside;
                self.in_angle = Some(Vec::new()).filter(|_| self.angle.is_none());
            }
            b'>' => {
                self.is_doubtful |= outside;
                self.angle = self.in_angle.take().or(self.angle.take());
            }
            b',' if outside => {
                self.is_doubtful |= self.is_empty();
                self.flush();
            }
            b';' if outside => {
                self.is_doubtful = true;
                self.flush();
                self.release();
                if self.in_group {
                    self.in_group = false;
                    self.entries.push(Entry::GroupEnd);
                }
            }
            b':' if outside && !self.in_group && !self.text.contains(&b'@') => {
                self.is_doubtful = true;
                self.release();
                self.in_group = true;
                let name = std::mem::take(&mut self.text);
                self.comment = None;
                self.entries.push(Entry::Group(unmarked(name.trim_ascii())));
            }
            b' ' | b'\t' => space(self.text_mut()),
            byte => self.push(&[byte]),
        }
        1
    }

    fn push(&mut self, bytes: &[u8]) {
        // Words behind the angle brackets.
        self.is_doubtful |= self.in_angle.is_none() && self.angle.is_some();
        self.text_mut().extend_from_slice(bytes);
    }

    fn text_mut(&mut self) -> &mut Vec<u8> {
        self.in_angle.as_mut().unwrap_or(&mut self.text)
    }

    fn quoted(&mut self, rest: &[u8]) -> usize {
        let found = if self.endless.quote {
            None
        } else {
            quoted_string(&rest[1..])
        };
        let Some((text, used)) = found else {
            // A quote that never ends is an ordinary character.
            (self.endless.quote, self.is_doubtful) = (true, true);
            return 1;
        };
        // A local part may be quoted.
        self.is_doubtful |= self.in_angle.is_some() || rest.get(1 + used) == Some(&b'@');
        self.push(&text);
        1 + used
    }

    fn commented(&mut self, rest: &[u8]) -> usize {
        let found = if self.endless.comment {
            None
        } else {
            comment(&rest[1..])
        };
        let Some((text, used)) = found else {
            (self.endless.comment, self.is_doubtful) = (true, true);
            self.text_mut().push(b'(');
            return 1;
        };
        self.comment = Some(text);
        1 + used
    }

    /// Whether nothing was read since the last entry.
    fn is_empty(&self) -> bool {
        self.text.trim_ascii().is_empty() && self.angle.is_none() && self.in_angle.is_none()
    }

    /// Ends an address.
    fn flush(&mut self) {
        let text = std::mem::take(&mut self.text);
        let text = text.trim_ascii();
        let comment = self.comment.take().filter(|comment| !comment.is_empty());
        let angle = self.angle.take().or_else(|| self.in_angle.take());
        match angle {
            Some(angle) => {
                // An unquoted comma in a name: `YAMADA, Taro <taro@kit.example>`.
                let mut words = std::mem::take(&mut self.held);
                words.extend(Some(text.to_vec()).filter(|text| !text.is_empty()));
                let name = Some(unmarked(&words.join(&b", "[..])));
                self.entry(name.filter(|name| !name.is_empty()).or(comment), &angle);
            }
            None if text.is_empty() && comment.is_none() => {}
            None if comment.is_none() && !text.contains(&b'@') => {
                self.is_doubtful = true;
                self.held.push(text.to_vec());
            }
            None => {
                self.release();
                // Blanks within a bare address: obsolete ones around dots and the `@`, or a name whose address lacks
                // its brackets.
                self.is_doubtful |= text.contains(&b' ');
                match name_without_brackets(text) {
                    Some((name, address)) => self.entry(Some(unmarked(name)), address),
                    None => self.entry(comment, text),
                }
            }
        }
    }

    /// What was held as the beginning of a name was none: each word becomes an entry of its own.
    fn release(&mut self) {
        for text in std::mem::take(&mut self.held) {
            self.entry(None, &text);
        }
    }

    fn entry(&mut self, name: Option<Vec<u8>>, address: &[u8]) {
        let address: Vec<u8> = address
            .iter()
            .copied()
            .filter(|byte| !byte.is_ascii_whitespace())
            .collect();
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

/// `Taro Yamada taro@kit.example`: whole words, then an address.
fn name_without_brackets(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let last = text.iter().rposition(|&byte| byte == b' ')?;
    let (name, address) = (text[..last].trim_ascii_end(), &text[last + 1..]);
    let joins = |byte: Option<&u8>| byte.is_some_and(|byte| b".@".contains(byte));
    let is_name = !name.contains(&b'@') && !joins(name.last());
    let is_address = address.contains(&b'@') && !joins(address.first());
    (is_name && is_address).then_some((name, address))
}

fn unmarked(text: &[u8]) -> Vec<u8> {
    let blank = |byte: &u8| if *byte == QUOTED_BLANK { b' ' } else { *byte };
    text.iter().map(blank).collect()
}

/// The content of a quoted string, and how many bytes it takes with its closing quote. `None` if it has none.
fn quoted_string(bytes: &[u8]) -> Option<(Vec<u8>, usize)> {
    let mut text = Vec::new();
    let mut at = 0;
    loop {
        match *bytes.get(at)? {
            b'"' => return Some((text, at + 1)),
            b'\\' => {
                at += 1;
                text.push(*bytes.get(at)?);
            }
            b' ' | b'\t' => text.push(QUOTED_BLANK),
            byte => text.push(byte),
        }
        at += 1;
    }
}

/// The content of a comment, and how many bytes it takes with its closing bracket. `None` if it has none.
fn comment(bytes: &[u8]) -> Option<(Vec<u8>, usize)> {
    let mut text = Vec::new();
    let mut depth = 1_usize;
    let mut at = 0;
    loop {
        match *bytes.get(at)? {
            b'(' => depth += 1,
            b')' => depth -= 1,
            b'\\' => {
                at += 1;
                text.push(*bytes.get(at)?);
            }
            byte => text.push(byte),
        }
        at += 1;
        if depth == 0 {
            return Some((text.trim_ascii().to_vec(), at));
        }
    }
}

/// Several blanks between words become one.
fn space(text: &mut Vec<u8>) {
    if text.last().is_some_and(|&last| last != b' ') {
        text.push(b' ');
    }
}
