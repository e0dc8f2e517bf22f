//! Putting a message into the index.

use rusqlite::{Transaction, params};

use crate::error::StoreError;
use crate::flags::keywords_text;
use crate::location::MessageLocation;
use crate::record::Record;
use crate::summary::Summary;
use crate::uid::ContentId;

type Result<T> = std::result::Result<T, StoreError>;

/// An id for a content that was never given away before: the modseq of the change, and the content's number within it.
/// (A counter in the index would be one page more to write.)
pub(crate) fn content_id(modseq: i64, number: i64) -> ContentId {
    ContentId::new((modseq << 20) | number)
}

/// What the index is to know of a message.
pub(crate) struct Entry<'a> {
    pub(crate) content: ContentId,
    pub(crate) record: &'a Record,
    pub(crate) place: MessageLocation,
    pub(crate) summary: &'a Summary,
}

/// Puts a message into the index. The caller gives the UID and the modseq and counts them in the folder.
pub(crate) fn insert(index: &Transaction<'_>, entry: &Entry<'_>) -> Result<()> {
    let Entry {
        content,
        record,
        place,
        summary,
    } = entry;
    index
        .prepare_cached(
            "INSERT INTO content (id, file, offset, size, envelope, body, structure, preview, has_attachment, sent, sent_day, subject, base_subject, \
                                  from_text, to_text, cc_text, bcc_text, sort_from, sort_to, sort_cc, message_id, refers_to, thread) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23)",
        )?
        .execute(
            params![
                content.get(),
                place.file,
                place.offset,
                place.size,
                summary.envelope,
                summary.body,
                summary.structure,
                summary.preview,
                summary.has_attachment,
                summary.sent,
                summary.sent_day,
                summary.subject,
                summary.base_subject,
                summary.from,
                summary.to,
                summary.cc,
                summary.bcc,
                summary.sort_from,
                summary.sort_to,
                summary.sort_cc,
                summary.identifiers.id,
                summary.identifiers.references.join(" "),
                summary.identifiers.thread(),
            ],
        )?;
    index
        .prepare_cached(
            "INSERT INTO message (folder, uid, modseq, flags, keywords, size, internal_date, content) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )?
        .execute(params![
            record.folder.get(),
            record.uid.get(),
            record.modseq,
            record.flags.bits,
            keywords_text(&record.flags),
            place.size,
            record.internal_date,
            content.get(),
        ])?;
    Ok(())
}
