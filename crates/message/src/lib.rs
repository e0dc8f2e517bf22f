//! The text of mail: everything that reads a message, or writes one, reads and writes it here.
//!
//! It is pure: bytes in, words out. It knows no protocol, keeps nothing, and never fails on what it reads: mail comes
//! broken in every way, and what can't be taken apart stays as it is. It refuses to work without bounds: parts
//! ([`MAX_PARTS`]), their depth ([`MAX_DEPTH`]), and headers ([`MAX_HEADER`]) are limited, and each message is read in
//! one pass.
//!
//! In reading order: [`Parsed`] is a message taken apart, its parts found by [`scan`]. [`header`] reads fields,
//! [`address`] the lists of addresses in them, [`identifiers`] what a message belongs to, [`subject`] what a reply puts
//! before a subject. [`decode`], [`words`] and [`text`] make words of bytes, and [`fold`] makes words comparable. [`strict`] reads the
//! header of a message that somebody hands in to be sent, where two readings of one field are one too many, and
//! [`write`] makes fields of our own.

pub mod address;
pub mod date;
pub mod decode;
pub mod fold;
pub mod header;
pub mod identifiers;
pub mod parsed;
pub mod scan;
pub mod strict;
pub mod subject;
#[cfg(test)]
mod tests;
pub mod text;
pub mod words;
pub mod write;

pub use self::parsed::{MAX_DEPTH, MAX_HEADER, MAX_PARTS, Parsed, SectionText};
