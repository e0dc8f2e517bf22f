//! What of a message is shown: its texts, chosen among alternatives, and its files.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use mail_parser::decoders::html::html_to_text;
use sekisho_mailclient::{BodyPart, Disposition, Error, OpenFolder, Uid};

use super::charset::{Decoded, decode, decode_html};
use super::html::{PICTURES, Pictures, is_excessive};

/// The longest text that is shown, in bytes; a longer one can be downloaded.
pub(super) const LONGEST: usize = 4 * 1024 * 1024;
/// How much of pictures is put into a page, in bytes, and how many of them.
const MOST_PICTURES: (usize, usize) = (16 * 1024 * 1024, 100);
/// Beyond this depth nothing is looked for.
const DEEPEST: usize = 64;

/// A text of a message.
pub(super) enum Text<'p> {
    /// Plain.
    Plain(&'p BodyPart, Decoded),
    /// HTML, as it came: not harmless yet.
    Html(&'p BodyPart, Decoded),
    /// Longer than anyone reads on a page.
    TooLong(&'p BodyPart),
}

/// Which of two forms of the same text people want.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    /// The one with looks, if there is one.
    Html,
    /// The plain one, if there is one.
    Plain,
}

/// The parts that make up a message's text, in order.
pub(super) fn texts(part: &BodyPart, wanted: Wanted) -> Vec<&BodyPart> {
    let mut found = Vec::new();
    gather(part, wanted, 0, &mut found);
    found
}

/// Whether a message has its text in both forms.
pub(super) fn has_both(part: &BodyPart) -> bool {
    texts(part, Wanted::Html) != texts(part, Wanted::Plain)
}

fn gather<'p>(part: &'p BodyPart, wanted: Wanted, depth: usize, found: &mut Vec<&'p BodyPart>) {
    if depth > DEEPEST {
        return;
    }
    match part.kind.as_str() {
        "multipart/alternative" => {
            let mut best: Option<Vec<&BodyPart>> = None;
            for child in &part.children {
                let mut here = Vec::new();
                gather(child, wanted, depth + 1, &mut here);
                let kind = if wanted == Wanted::Plain {
                    "text/plain"
                } else {
                    "text/html"
                };
                let is_wanted = |parts: &[&BodyPart]| parts.iter().any(|part| part.kind == kind);
                let better = best
                    .as_deref()
                    .is_none_or(|best| is_wanted(&here) || !is_wanted(best));
                if !here.is_empty() && better {
                    best = Some(here);
                }
            }
            found.extend(best.unwrap_or_default());
        }
        kind if kind.starts_with("multipart/") => {
            for child in &part.children {
                gather(child, wanted, depth + 1, found);
            }
        }
        "text/plain" | "text/html" if !part.is_attachment() => found.push(part),
        _ => {}
    }
}

/// Fetches and decodes a text.
pub(super) async fn read<'p>(
    open: &mut OpenFolder<'_>,
    uid: Uid,
    part: &'p BodyPart,
) -> Result<Text<'p>, Error> {
    let bytes = match open.part(uid, part, LONGEST).await {
        Ok(bytes) => bytes.ok_or(Error::NoSuchMessage)?,
        Err(Error::TooLarge { .. }) => return Ok(Text::TooLong(part)),
        Err(error) => return Err(error),
    };
    let label = part.charset.as_deref();
    Ok(if part.kind == "text/html" {
        let mut decoded = decode_html(&bytes, label);
        if is_excessive(&decoded.text) {
            decoded.text = html_to_text(&decoded.text);
            Text::Plain(part, decoded)
        } else {
            Text::Html(part, decoded)
        }
    } else {
        Text::Plain(part, decode(&bytes, label))
    })
}

/// The message's own pictures that its HTML refers to, as `data:` addresses.
pub(super) async fn pictures(
    open: &mut OpenFolder<'_>,
    uid: Uid,
    structure: &BodyPart,
    html: &str,
) -> Result<Pictures, Error> {
    let mut pictures = Pictures::new();
    let mut room = MOST_PICTURES.0;
    for part in structure.leaves() {
        let Some(id) = part.content_id.as_deref().filter(|id| !id.is_empty()) else {
            continue;
        };
        let Some(kind) = PICTURES.iter().find(|kind| **kind == part.kind) else {
            continue;
        };
        if pictures.len() >= MOST_PICTURES.1 || !html.contains(id) {
            continue;
        }
        match open.part(uid, part, room).await {
            Ok(Some(bytes)) => {
                room = room.saturating_sub(bytes.len());
                pictures.insert(
                    id.to_owned(),
                    format!("data:{kind};base64,{}", BASE64_STANDARD.encode(&bytes)),
                );
            }
            Ok(None) | Err(Error::TooLarge { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(pictures)
}

/// The files of a message: what is attached, and pictures that no HTML shows.
pub(super) fn files(structure: &BodyPart) -> Vec<&BodyPart> {
    let shows_html = texts(structure, Wanted::Html)
        .iter()
        .any(|part| part.kind == "text/html");
    let is_loose_picture = |part: &BodyPart| {
        !shows_html
            && part.kind.starts_with("image/")
            && part.disposition != Some(Disposition::Attachment)
    };
    structure
        .leaves()
        .filter(|part| part.is_attachment() || is_loose_picture(part))
        .collect()
}

/// A file's size before it was encoded, about.
pub(super) fn size(part: &BodyPart) -> u64 {
    match part.encoding {
        // Four characters for three bytes, and a line end after each 76 of them.
        sekisho_mailclient::TransferEncoding::Base64 => {
            part.size / 78 * 57 + part.size % 78 * 3 / 4
        }
        _ => part.size,
    }
}
