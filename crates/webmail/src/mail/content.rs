//! What of a message is shown: its texts, chosen among alternatives, and its files.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use sekisho_mailclient::{BodyPart, Disposition, Error, OpenFolder, Uid};
use sekisho_message::charset::{Decoded, decode, decode_html};
use sekisho_message::html::{Purpose, to_text};
use sekisho_message::transfer::TransferEncoding;

use super::html::{PICTURES, Pictures, is_excessive, picture_key, pictures_in};

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

/// The parts that make up a message's text, in order. Of a message without any, such as an invitation that is nothing
/// but a calendar, the first that can be read as text.
pub(super) fn texts(part: &BodyPart, wanted: Wanted) -> Vec<&BodyPart> {
    let mut found = Vec::new();
    gather(part, wanted, 0, &mut found);
    if found.is_empty() {
        let is_readable = |part: &&BodyPart| {
            part.kind.starts_with("text/") && part.disposition != Some(Disposition::Attachment)
        };
        found.extend(part.leaves().find(is_readable));
    }
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
            let mut best: Vec<&BodyPart> = Vec::new();
            for child in &part.children {
                let mut here = Vec::new();
                gather(child, wanted, depth + 1, &mut here);
                // The last one is the best that its writer had (RFC 2046, section 5.1.4).
                if !here.is_empty() && rank(&here, wanted) >= rank(&best, wanted) {
                    best = here;
                }
            }
            found.extend(best);
        }
        kind if kind.starts_with("multipart/") => {
            for child in &part.children {
                gather(child, wanted, depth + 1, found);
            }
        }
        _ if part.is_text() && !part.is_attachment() => found.push(part),
        _ => {}
    }
}

/// How good a form of a text is.
fn rank(form: &[&BodyPart], wanted: Wanted) -> u8 {
    let kind = match wanted {
        Wanted::Html => "text/html",
        Wanted::Plain => "text/plain",
    };
    let has = |kind: &str| form.iter().any(|part| part.kind == kind);
    match (has(kind), has("text/html") || has("text/plain")) {
        (true, _) => 3,
        (false, true) => 2,
        (false, false) => u8::from(!form.is_empty()),
    }
}

/// Fetches and decodes the texts of a message, in the form that is wanted.
pub(super) async fn read_all<'p>(
    open: &mut OpenFolder<'_>,
    uid: Uid,
    structure: &'p BodyPart,
    wanted: Wanted,
) -> Result<Vec<Text<'p>>, Error> {
    let mut read_so_far = Vec::new();
    for part in texts(structure, wanted) {
        read_so_far.push(read(open, uid, part).await?);
    }
    Ok(read_so_far)
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
    let label = part.charset.as_deref().map(str::as_bytes);
    Ok(if part.kind == "text/html" {
        let mut decoded = decode_html(label, &bytes);
        if is_excessive(&decoded.text) {
            decoded.text = to_text(&decoded.text, Purpose::Reading);
            Text::Plain(part, decoded)
        } else {
            Text::Html(part, decoded)
        }
    } else {
        Text::Plain(part, decode(label, &bytes))
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
    let wanted = pictures_in(html);
    for part in structure.leaves() {
        let Some((key, kind)) = shown_as(part) else {
            continue;
        };
        if pictures.len() >= MOST_PICTURES.1
            || !wanted.contains(&key)
            || pictures.contains_key(&key)
        {
            continue;
        }
        match open.part(uid, part, room).await {
            Ok(Some(bytes)) => {
                room = room.saturating_sub(bytes.len());
                let data = BASE64_STANDARD.encode(&bytes);
                pictures.insert(key, format!("data:{kind};base64,{data}"));
            }
            Ok(None) | Err(Error::TooLarge { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(pictures)
}

/// By what HTML refers to a picture, and its type, if it is one that a page can show.
fn shown_as(part: &BodyPart) -> Option<(String, &'static str)> {
    let id = part.content_id.as_deref().filter(|id| !id.is_empty())?;
    let picture = part.picture()?;
    let kind = PICTURES.iter().find(|kind| **kind == picture)?;
    Some((picture_key(id), kind))
}

/// The files of a message: what is attached, and the pictures that none of these texts shows.
pub(super) fn files<'p>(structure: &'p BodyPart, texts: &[Text<'_>]) -> Vec<&'p BodyPart> {
    let shown: Vec<_> = texts
        .iter()
        .filter_map(|text| match text {
            Text::Html(_, decoded) => Some(pictures_in(&decoded.text)),
            Text::Plain(..) | Text::TooLong(_) => None,
        })
        .collect();
    let is_shown = |part: &BodyPart| {
        shown_as(part).is_some_and(|(key, _)| shown.iter().any(|keys| keys.contains(&key)))
    };
    structure
        .leaves()
        .filter(|part| match part.disposition {
            Some(Disposition::Attachment) => true,
            _ if part.is_picture() => !is_shown(part),
            _ => part.is_attachment(),
        })
        .collect()
}

/// A file's size before it was encoded, about.
pub(super) fn size(part: &BodyPart) -> u64 {
    match part.encoding {
        // Four characters for three bytes, and a line end after each 76 of them.
        TransferEncoding::Base64 => part.size / 78 * 57 + part.size % 78 * 3 / 4,
        _ => part.size,
    }
}
