//! Lists of addresses (RFC 5322, sections 3.4 and 4.4): one reader for every field, and for what people type.
//!
//! [`parse`] reads as much of a field as can be read. [`sure`] takes only what every reader reads in the same way, for
//! those who check whose address it is. [`typed`] splits what a person types into single addresses.

mod reader;
mod spec;
mod typed;

pub use reader::Entry;
pub use spec::{AddressSpec, InvalidAddress, spec};
pub use typed::{Typed, typed, written};

use reader::Reader;

use crate::encoded_word;

/// Reads an unfolded field; its names may be in any charset.
#[must_use]
pub fn parse(field: &[u8]) -> Vec<Entry> {
    Reader::read(&encoded_word::readable(field)).entries
}

/// The addresses of a field, as `local@domain`, or `None` where two readers could read them differently: a sender whose
/// right to an address is to be checked needs no group, no route, no quoted local part and nothing that is broken.
#[must_use]
pub fn sure(field: &[u8]) -> Option<Vec<String>> {
    let read = Reader::read(field);
    // Readers that know the charset of raw names and readers that don't must see the same.
    let known = encoded_word::readable(field);
    let agree =
        *known == *field || addresses(&Reader::read(&known).entries) == addresses(&read.entries);
    let all = addresses(&read.entries).filter(|all| !all.is_empty());
    all.filter(|_| agree && !read.is_doubtful)
}

/// The addresses of these entries, if all of them are plain addresses.
fn addresses(entries: &[Entry]) -> Option<Vec<String>> {
    let one = |entry: &Entry| match entry {
        Entry::Address {
            route: None,
            mailbox,
            host,
            ..
        } if !mailbox.is_empty() && !host.is_empty() => {
            let text = String::from_utf8([mailbox, &b"@"[..], host].concat()).ok()?;
            let odd = |c: char| c.is_whitespace() || c.is_control() || "<>:;\"".contains(c);
            (text.matches('@').count() == 1 && !text.contains(odd)).then_some(text)
        }
        _ => None,
    };
    entries.iter().map(one).collect()
}

#[cfg(test)]
mod tests;
