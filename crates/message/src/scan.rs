//! Finding the parts of a message: one pass over its lines with the open boundaries on a stack, so that nothing is
//! looked at twice, however deep it lies.

use std::ops::Range;

use crate::header::{Header, ParameterizedValue};

/// The most parts of a message; what follows stays within the last one.
pub const MAX_PARTS: usize = 1_000;
/// How deep parts may nest; what lies deeper is not parsed.
pub const MAX_DEPTH: usize = 64;
/// Boundaries longer than this are not looked for (RFC 2046 allows 70).
const LONGEST_BOUNDARY: usize = 256;
/// How far into a multipart without a boundary parameter its boundary is looked for, in bytes.
const SNIFFED: usize = 4096;

/// A part, the message itself being the first. Ranges are of the message's bytes.
#[derive(Debug, Clone)]
pub struct Part {
    /// Its header with the empty line behind it.
    pub header: Range<usize>,
    /// What follows, up to the line break before the next boundary.
    pub body: Range<usize>,
    /// Line breaks in the body.
    pub lines: usize,
    /// What it holds.
    pub kind: Kind,
    /// Whether it is a message/rfc822 unless it says otherwise (RFC 2046, section 5.1.5).
    pub in_digest: bool,
    /// Whether it claims to be a multipart although no part was found in it: its text is all there is.
    pub is_partless: bool,
}

/// What a part holds.
#[derive(Debug, Clone)]
pub enum Kind {
    /// Bytes.
    Leaf,
    /// Parts, by their place in the list; perhaps none.
    Multipart(Vec<usize>),
    /// A message, by its place in the list.
    Message(usize),
}

/// Finds the parts. The list is never empty.
pub fn scan(bytes: &[u8]) -> Vec<Part> {
    let mut scan = Scan {
        bytes,
        position: 0,
        breaks: 0,
        parts: Vec::new(),
        open: Vec::new(),
    };
    let mut delimiter = scan.enter(false);
    while let Some(line) = delimiter.take().or_else(|| scan.next_line()) {
        if let Some(in_digest) = scan.leave(&line) {
            delimiter = scan.enter(in_digest);
        }
    }
    scan.close(0, bytes.len(), scan.breaks);
    scan.parts
}

struct Scan<'a> {
    bytes: &'a [u8],
    position: usize,
    /// Line breaks before `position`.
    breaks: usize,
    parts: Vec<Part>,
    /// The parts from the message down to the one that is being read.
    open: Vec<Open>,
}

struct Open {
    part: usize,
    /// The delimiter of its children; `None` if it isn't a multipart, and after its last child.
    boundary: Option<Vec<u8>>,
    /// Whether it is a multipart/digest.
    digest: bool,
    /// `breaks` where its body began.
    breaks: usize,
}

impl Scan<'_> {
    /// Reads the header of the part that begins here, and of the messages that begin within it. Returns a delimiter
    /// that cut a header short.
    fn enter(&mut self, mut in_digest: bool) -> Option<Range<usize>> {
        loop {
            let index = self.parts.len();
            let start = self.position;
            self.parts.push(Part {
                header: start..start,
                body: start..start,
                lines: 0,
                kind: Kind::Leaf,
                in_digest,
                is_partless: false,
            });
            self.open.push(Open {
                part: index,
                boundary: None,
                digest: false,
                breaks: self.breaks,
            });
            let mut delimiter = None;
            while let Some(line) = self.next_line() {
                if is_empty(&self.bytes[line.clone()]) {
                    break;
                }
                if self.delimiter(&line).is_some() {
                    delimiter = Some(line);
                    break;
                }
            }
            let end = delimiter.as_ref().map_or(self.position, |line| line.start);
            let breaks = self.breaks;
            self.parts[index].header = start..end;
            self.parts[index].body = end..end;
            if let Some(open) = self.open.last_mut() {
                open.breaks = breaks;
            }
            if delimiter.is_some() {
                return delimiter;
            }
            if self.parts.len() >= MAX_PARTS || self.open.len() >= MAX_DEPTH {
                return None;
            }
            let header = Header::new(&self.bytes[start..end]);
            match shape(&header, in_digest) {
                Shape::Leaf => return None,
                Shape::Multipart { boundary, digest } => {
                    let boundary = self.real_boundary(boundary, end);
                    self.parts[index].kind = Kind::Multipart(Vec::new());
                    if let Some(open) = self.open.last_mut() {
                        open.boundary = boundary;
                        open.digest = digest;
                    }
                    return None;
                }
                Shape::Message => {
                    self.parts[index].kind = Kind::Message(index + 1);
                    in_digest = false;
                }
            }
        }
    }

    /// Ends parts if the line is a delimiter. If a part begins after it, returns whether that part is in a digest.
    fn leave(&mut self, line: &Range<usize>) -> Option<bool> {
        let (depth, last) = self.delimiter(line)?;
        if !last && self.parts.len() >= MAX_PARTS {
            return None;
        }
        let before = self.bytes[..line.start].strip_suffix(b"\n");
        let end = before.map_or(line.start, |rest| {
            rest.strip_suffix(b"\r").unwrap_or(rest).len()
        });
        // The breaks before this line, except for the one that belongs to the delimiter.
        let breaks = self.breaks - usize::from(self.bytes[line.clone()].ends_with(b"\n"));
        self.close(depth + 1, end, breaks.saturating_sub(1));
        if last {
            self.open[depth].boundary = None;
            return None;
        }
        let child = self.parts.len();
        if let Kind::Multipart(children) = &mut self.parts[self.open[depth].part].kind {
            children.push(child);
        }
        Some(self.open[depth].digest)
    }

    /// Ends the open parts from `depth` on at `end`, before which there were `breaks`.
    fn close(&mut self, depth: usize, end: usize, breaks: usize) {
        for open in self.open.drain(depth..) {
            let part = &mut self.parts[open.part];
            part.body.end = end.max(part.body.start);
            part.lines = breaks.saturating_sub(open.breaks);
            if matches!(&part.kind, Kind::Multipart(children) if children.is_empty()) {
                (part.kind, part.is_partless) = (Kind::Leaf, true);
            }
        }
    }

    /// The boundary of a multipart that names none, or one that doesn't occur. It is taken from what looks like the
    /// first delimiter: a line that begins with two hyphens, before a field of a part.
    fn real_boundary(&self, named: Option<Vec<u8>>, from: usize) -> Option<Vec<u8>> {
        let body = &self.bytes[from..self.bytes.len().min(from + SNIFFED)];
        let is_there =
            |named: &Vec<u8>| memchr::memmem::find(body, &[b"--", &named[..]].concat()).is_some();
        if named.as_ref().is_some_and(is_there) {
            return named;
        }
        let mut lines = body.split(|&byte| byte == b'\n').peekable();
        while let Some(line) = lines.next() {
            let next = lines.peek().copied().unwrap_or_default();
            let is_field = next
                .get(..8)
                .is_some_and(|start| start.eq_ignore_ascii_case(b"Content-"));
            let Some(boundary) = line.strip_prefix(b"--").map(<[u8]>::trim_ascii_end) else {
                continue;
            };
            let is_own = self
                .open
                .iter()
                .all(|open| open.boundary.as_deref() != Some(boundary));
            if is_field && is_own && (1..=LONGEST_BOUNDARY).contains(&boundary.len()) {
                return Some(boundary.to_vec());
            }
        }
        named
    }

    /// Which open part's delimiter the line is, by depth, and whether it is the last one (RFC 2046, section 5.1.1).
    fn delimiter(&self, line: &Range<usize>) -> Option<(usize, bool)> {
        let text = self.bytes[line.clone()]
            .strip_prefix(b"--")?
            .trim_ascii_end();
        for (depth, open) in self.open.iter().enumerate().rev() {
            let Some(boundary) = &open.boundary else {
                continue;
            };
            match text.strip_prefix(boundary.as_slice()) {
                Some(b"") => return Some((depth, false)),
                Some(b"--") => return Some((depth, true)),
                _ => {}
            }
        }
        None
    }

    fn next_line(&mut self) -> Option<Range<usize>> {
        let start = self.position;
        let rest = &self.bytes[start..];
        if rest.is_empty() {
            return None;
        }
        match rest.iter().position(|&byte| byte == b'\n') {
            Some(at) => {
                self.position += at + 1;
                self.breaks += 1;
            }
            None => self.position = self.bytes.len(),
        }
        Some(start..self.position)
    }
}

enum Shape {
    Leaf,
    /// Without a boundary if it has none that can be looked for.
    Multipart {
        boundary: Option<Vec<u8>>,
        digest: bool,
    },
    Message,
}

fn shape(header: &Header<'_>, in_digest: bool) -> Shape {
    let value = content_type(header);
    let message = match &value {
        Some(value) => value.is("message", "rfc822") || value.is("message", "global"),
        None => in_digest,
    };
    if message {
        let encoding = header
            .find(b"Content-Transfer-Encoding")
            .unwrap_or_default();
        let encoded = ["base64", "quoted-printable"]
            .iter()
            .any(|word| encoding.trim_ascii().eq_ignore_ascii_case(word.as_bytes()));
        return if encoded { Shape::Leaf } else { Shape::Message };
    }
    match value {
        Some(value) if value.is_main("multipart") => {
            let boundary = value
                .parameter(b"boundary")
                .map(<[u8]>::trim_ascii_end)
                .filter(|boundary| (1..=LONGEST_BOUNDARY).contains(&boundary.len()));
            Shape::Multipart {
                boundary: boundary.map(<[u8]>::to_vec),
                digest: value.is("multipart", "digest"),
            }
        }
        _ => Shape::Leaf,
    }
}

/// The Content-Type of a header.
pub fn content_type(header: &Header<'_>) -> Option<ParameterizedValue> {
    header
        .find(b"Content-Type")
        .map(|field| ParameterizedValue::parse(&field))
}

fn is_empty(line: &[u8]) -> bool {
    matches!(line, b"\r\n" | b"\n")
}
