//! Cutting HTML into tags and text (HTML Standard, 13.2.5), as far as text needs it.

use std::borrow::Cow;

use super::entity;

/// Elements without an end.
const VOID: [&str; 13] = [
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track",
    "wbr",
];

/// A token of HTML.
pub(super) enum Token<'h> {
    Text(&'h str),
    /// What a character reference means.
    Character(char, Option<char>),
    Open(Tag<'h>),
    /// The end of an element of that name.
    Close(&'h str),
}

/// The start of an element.
pub(super) struct Tag<'h> {
    pub(super) name: &'h str,
    /// What stands between the name and the `>`.
    attributes: &'h str,
}

impl<'h> Tag<'h> {
    pub(super) fn is_one_of(&self, names: &[&str]) -> bool {
        names
            .iter()
            .any(|name| self.name.eq_ignore_ascii_case(name))
    }

    pub(super) fn is_void(&self) -> bool {
        self.is_one_of(&VOID)
    }

    /// Whether a style or an attribute hides it.
    pub(super) fn is_hidden(&self) -> bool {
        if self.attributes.is_empty() {
            return false;
        }
        if self.attribute("hidden").is_some() {
            return true;
        }
        let Some(style) = self.attribute("style") else {
            return false;
        };
        let style: String = style
            .chars()
            .filter(|c| !c.is_whitespace())
            .map(|c| c.to_ascii_lowercase())
            .collect();
        style.split(';').any(|declaration| {
            let declaration = declaration
                .strip_suffix("!important")
                .unwrap_or(declaration);
            matches!(
                declaration,
                "display:none"
                    | "visibility:hidden"
                    | "mso-hide:all"
                    | "font-size:0"
                    | "font-size:0px"
                    | "font-size:0pt"
            )
        })
    }

    /// An attribute's value, its character references resolved; empty if it has none.
    pub(super) fn attribute(&self, name: &str) -> Option<Cow<'h, str>> {
        let mut rest = self.attributes;
        loop {
            rest = rest.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == '/');
            if rest.is_empty() {
                return None;
            }
            // A name may begin with `=`.
            let ends = |c: char| c.is_ascii_whitespace() || matches!(c, '/' | '=');
            let skipped = rest.chars().next().map_or(0, char::len_utf8);
            let end = rest[skipped..]
                .find(ends)
                .map_or(rest.len(), |at| at + skipped);
            let (own, after) = rest.split_at(end);
            let is_it = own.eq_ignore_ascii_case(name);
            let Some(value) = after.trim_ascii_start().strip_prefix('=') else {
                if is_it {
                    return Some(Cow::Borrowed(""));
                }
                rest = after;
                continue;
            };
            let value = value.trim_ascii_start();
            let (value, after) = match value.as_bytes().first() {
                Some(&quote @ (b'"' | b'\'')) => {
                    let inner = &value[1..];
                    inner.split_once(char::from(quote)).unwrap_or((inner, ""))
                }
                _ => {
                    let end = value.find(|c: char| c.is_ascii_whitespace());
                    value.split_at(end.unwrap_or(value.len()))
                }
            };
            if is_it {
                return Some(resolved(value));
            }
            rest = after;
        }
    }
}

/// An attribute's value without character references.
fn resolved(value: &str) -> Cow<'_, str> {
    if !value.contains('&') {
        return Cow::Borrowed(value);
    }
    let mut out = String::with_capacity(value.len());
    let mut rest = value;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        match entity::reference(rest, true) {
            Some((first, second, used)) => {
                out.push(first);
                out.extend(second);
                rest = &rest[used..];
            }
            None => out.push('&'),
        }
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// Splits HTML into tokens. A tag or a comment that never ends is text. That an end is missing is remembered, because
/// looking for it again at each beginning would take quadratic time.
pub(super) struct Scanner<'h> {
    rest: &'h str,
    endless: Endless,
}

#[derive(Default)]
struct Endless {
    comment: bool,
    tag: bool,
    /// A quote may hide the end of a tag; once that happened, quotes are ignored.
    quotes: bool,
    double_quote: bool,
    single_quote: bool,
    /// Elements whose end tag was not found.
    elements: Vec<String>,
}

impl<'h> Scanner<'h> {
    pub(super) fn new(html: &'h str) -> Self {
        Self {
            rest: html,
            endless: Endless::default(),
        }
    }

    pub(super) fn next(&mut self) -> Option<Token<'h>> {
        loop {
            if self.rest.is_empty() {
                return None;
            }
            let special = self.rest.find(['<', '&']).unwrap_or(self.rest.len());
            if special > 0 {
                return Some(Token::Text(self.take(special)));
            }
            if let Some(after) = self.rest.strip_prefix('&') {
                let Some((first, second, used)) = entity::reference(after, false) else {
                    return Some(Token::Text(self.take(1)));
                };
                self.take(1 + used);
                return Some(Token::Character(first, second));
            }
            match self.rest.as_bytes().get(1) {
                Some(b'!' | b'?') => {
                    if !self.skip_comment() {
                        return Some(Token::Text(self.take(1)));
                    }
                }
                Some(b'/') if self.begins_name(2) => {
                    let Some(inner) = self.take_tag() else {
                        return Some(Token::Text(self.take(1)));
                    };
                    return Some(Token::Close(name_of(&inner[1..])));
                }
                Some(_) if self.begins_name(1) => {
                    let Some(inner) = self.take_tag() else {
                        return Some(Token::Text(self.take(1)));
                    };
                    let name = name_of(inner);
                    let attributes = &inner[name.len()..];
                    return Some(Token::Open(Tag { name, attributes }));
                }
                _ => return Some(Token::Text(self.take(1))),
            }
        }
    }

    /// Skips to behind the end tag of the element that was just opened, and returns what stood before that; `None` if
    /// there is none.
    pub(super) fn skip_behind_end(&mut self, name: &str) -> Option<&'h str> {
        let known = |known: &String| known.eq_ignore_ascii_case(name);
        if self.endless.elements.iter().any(known) {
            return None;
        }
        let bytes = self.rest.as_bytes();
        let is_end = |at: &usize| {
            let behind = bytes.get(at + 2..).unwrap_or_default();
            behind.len() >= name.len()
                && behind[..name.len()].eq_ignore_ascii_case(name.as_bytes())
                && !behind
                    .get(name.len())
                    .is_some_and(u8::is_ascii_alphanumeric)
        };
        match memchr::memmem::find_iter(bytes, b"</").find(is_end) {
            Some(at) => {
                let content = self.take(at);
                // The tag itself; if it never ends, nothing follows.
                if self.take_tag().is_none() {
                    self.rest = "";
                }
                Some(content)
            }
            None => {
                self.endless.elements.push(name.to_owned());
                None
            }
        }
    }

    fn take(&mut self, length: usize) -> &'h str {
        let (taken, rest) = self.rest.split_at(length);
        self.rest = rest;
        taken
    }

    fn begins_name(&self, at: usize) -> bool {
        self.rest
            .as_bytes()
            .get(at)
            .is_some_and(u8::is_ascii_alphabetic)
    }

    /// Skips a comment, a declaration or an instruction. False if it has no end.
    fn skip_comment(&mut self) -> bool {
        if self.rest.starts_with("<!--") {
            let end = (!self.endless.comment)
                .then(|| self.rest[4..].find("-->"))
                .flatten();
            // `<!-->` and `<!--->` are whole.
            let short = ["<!-->", "<!--->"]
                .iter()
                .find(|whole| self.rest.starts_with(**whole));
            let length = short.map(|whole| whole.len()).or(end.map(|at| 4 + at + 3));
            self.endless.comment |= length.is_none();
            return length.map(|length| self.take(length)).is_some();
        }
        let end = (!self.endless.tag).then(|| self.rest.find('>')).flatten();
        self.endless.tag |= end.is_none();
        end.map(|at| self.take(at + 1)).is_some()
    }

    /// What stands between `<` and `>`, the latter not in quotes.
    fn take_tag(&mut self) -> Option<&'h str> {
        if self.endless.tag {
            return None;
        }
        let end = self.end_of_tag().or_else(|| {
            self.endless.quotes = true;
            self.rest.find('>')
        });
        self.endless.tag = end.is_none();
        let tag = self.take(end? + 1);
        Some(&tag[1..tag.len() - 1])
    }

    /// Where the tag's `>` is.
    fn end_of_tag(&mut self) -> Option<usize> {
        let bytes = self.rest.as_bytes();
        let mut at = 1;
        loop {
            match bytes.get(at)? {
                b'>' => return Some(at),
                // A quote opens a value behind a `=` only.
                &quote @ (b'"' | b'\'')
                    if !self.endless.quotes && bytes[..at].trim_ascii_end().ends_with(b"=") =>
                {
                    let endless = match quote {
                        b'"' => &mut self.endless.double_quote,
                        _ => &mut self.endless.single_quote,
                    };
                    let behind = bytes.get(at + 1..).unwrap_or_default();
                    let end = if *endless {
                        None
                    } else {
                        memchr::memchr(quote, behind)
                    };
                    *endless |= end.is_none();
                    at += end.map_or(1, |end| end + 2);
                }
                _ => at += 1,
            }
        }
    }
}

/// The name at the beginning of a tag.
fn name_of(tag: &str) -> &str {
    let end = tag.find(|c: char| c.is_ascii_whitespace() || matches!(c, '/' | '>'));
    &tag[..end.unwrap_or(tag.len())]
}
