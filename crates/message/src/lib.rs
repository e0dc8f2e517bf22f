//! The text of mail: everything that reads or writes a message does so here.
//!
//! The room is pure: bytes in, words out. It knows no protocol, keeps nothing, and never fails on what it reads: mail
//! comes broken in every way, and what can't be parsed stays as it is. It refuses to work without bounds: parts
//! ([`MAX_PARTS`]), their depth ([`MAX_DEPTH`]), and headers ([`MAX_HEADER`]) are limited, and each message is read in
//! one pass.
//!
//! In reading order: [`Parsed`] is a parsed message, its parts found by [`scan`], its text decoded by [`text`].
//! [`header`] reads fields, and [`words`] those that people see; of what is in them, [`address`] reads addresses,
//! [`parameter`] parameters, [`date`] dates, [`identifiers`] what a message belongs to, and [`subject`] what a reply
//! puts before a subject. Bytes become words by [`transfer`] encodings, [`charset`]s, [`encoded_word`]s and [`html`];
//! [`mod@line`] keeps words in their line, [`casefold`] makes them comparable. [`strict`] reads the header of a message
//! that somebody hands in to be sent, where two readings of one field are one too many, and [`mod@write`] makes fields
//! of our own.

pub mod address;
pub mod casefold;
pub mod charset;
pub mod date;
pub mod encoded_word;
pub mod header;
pub mod html;
pub mod identifiers;
pub mod line;
pub mod parameter;
pub mod parsed;
pub mod scan;
pub mod strict;
pub mod subject;
#[cfg(test)]
mod tests;
pub mod text;
pub mod transfer;
pub mod words;
pub mod write;

pub use self::header::MAX_HEADER;
pub use self::parsed::{Parsed, SectionText};
pub use self::scan::{MAX_DEPTH, MAX_PARTS};
