//! Downloads a part of a message piece by piece.

use sekisho_imap::command::{FetchItem, SectionText};
use sekisho_message::transfer::Decoder;

use crate::connection::Connection;
use crate::error::Error;
use crate::fetch::{bytes_of, fetch_one};
use crate::message::Uid;
use crate::part::{BodyPart, PartNumber};

/// How many bytes one FETCH asks for.
const PIECE: u32 = 256 * 1024;

/// A part's content while it is downloaded. Each piece is a FETCH of its own, so a caller may stop at any piece without
/// making the connection unusable.
pub struct Download<'a> {
    connection: &'a mut Connection,
    uid: Uid,
    number: PartNumber,
    /// How many encoded bytes have arrived; `None` after the last piece.
    offset: Option<u32>,
    decoder: Option<Decoder>,
}

impl<'a> Download<'a> {
    pub(crate) fn new(connection: &'a mut Connection, uid: Uid, part: &BodyPart) -> Self {
        Self {
            connection,
            uid,
            number: part.number.clone(),
            offset: Some(0),
            decoder: Some(Decoder::new(part.encoding)),
        }
    }

    /// The next bytes, with the transfer encoding decoded; `None` at the end.
    ///
    /// # Errors
    /// See [`Error`]; [`Error::NoSuchMessage`] if the message is not there any more.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>, Error> {
        while let Some(offset) = self.offset {
            let part = bytes_of(self.number.as_slice(), SectionText::All, offset, PIECE);
            let fetched = fetch_one(self.connection, self.uid, &[FetchItem::Uid, part]).await?;
            let section = fetched.and_then(|mut fetched| fetched.sections.pop());
            let bytes = section
                .and_then(|section| section.bytes)
                .ok_or(Error::NoSuchMessage)?;
            let whole = bytes.len() == PIECE as usize;
            self.offset = offset.checked_add(PIECE).filter(|_| whole);
            let decoded = self.decoder.as_mut().map(|decoder| decoder.push(&bytes));
            if let Some(decoded) = decoded.filter(|decoded| !decoded.is_empty()) {
                return Ok(Some(decoded));
            }
        }
        let rest = self.decoder.take().map(Decoder::finish);
        Ok(rest.filter(|rest| !rest.is_empty()))
    }
}
