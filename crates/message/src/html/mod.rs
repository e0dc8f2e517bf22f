//! HTML as plain text: for searches and previews, for quoting in a reply, and to show what is too large to be
//! sanitized. The result is text; nothing here makes HTML safe to show.
//!
//! It is one pass over the tags, in time that grows with the length alone: no tree is built, so deep nesting does no
//! harm.

mod entity;
mod looks;
mod tag;
mod writer;

pub use looks::{Looks, looks};
pub use writer::Purpose;

use tag::{Scanner, Token};
use writer::Writer;

/// Elements whose content is not shown.
const SILENT: [&str; 14] = [
    "script", "style", "title", "template", "iframe", "frameset", "object", "embed", "applet",
    "svg", "math", "textarea", "select", "noembed",
];

/// The text of a document or a fragment. What a style hides is left out.
#[must_use]
pub fn to_text(html: &str, purpose: Purpose) -> String {
    read(html, purpose, true)
        // A hidden element that never ends would hide everything after it; then nothing is hidden.
        .or_else(|| read(html, purpose, false))
        .unwrap_or_default()
}

/// The text, or `None` if a hidden element never ended.
fn read(html: &str, purpose: Purpose, hides: bool) -> Option<String> {
    let mut writer = Writer::new(purpose, html.len());
    let mut scanner = Scanner::new(html);
    // The element that is hidden, and how many of its name are open.
    let mut hidden: Option<(&str, usize)> = None;
    while let Some(token) = scanner.next() {
        match token {
            Token::Text(text) if hidden.is_none() => writer.text(text),
            Token::Character(first, second) if hidden.is_none() => writer.characters(first, second),
            Token::Text(_) | Token::Character(..) => {}
            Token::Open(tag) => match &mut hidden {
                Some((name, depth)) => {
                    if tag.name.eq_ignore_ascii_case(name) {
                        *depth += 1;
                    }
                }
                None if tag.is_one_of(&SILENT) => {
                    if scanner.skip_behind_end(tag.name).is_none()
                        && !tag.is_one_of(&["object", "embed"])
                    {
                        writer.open(&tag);
                    }
                }
                None if hides && tag.is_hidden() && !tag.is_void() => hidden = Some((tag.name, 1)),
                None => writer.open(&tag),
            },
            Token::Close(name) => match &mut hidden {
                Some((hidden_name, depth)) => {
                    if name.eq_ignore_ascii_case(hidden_name) {
                        *depth -= 1;
                        if *depth == 0 {
                            hidden = None;
                        }
                    }
                }
                None => writer.close(name),
            },
        }
    }
    hidden.is_none().then(|| writer.finish())
}

#[cfg(test)]
mod tests;
