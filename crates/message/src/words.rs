//! The fields of a message's header in words.

use crate::Parsed;
use crate::address::{self, Entry};
use crate::encoded_word;
use crate::header::Header;

/// The most bytes of a header field that are turned into words.
const LONGEST_FIELD: usize = 64 << 10;
/// The most bytes of a name or of half an address that are turned into words.
const LONGEST_NAME: usize = 1_000;

impl Parsed<'_> {
    /// A header field's value for SEARCH HEADER: all fields of the name, unfolded and decoded, one a line; `None` if
    /// there is none.
    #[must_use]
    pub fn header_text(&self, name: &str) -> Option<String> {
        let header = self.header();
        let lines: Vec<String> = header
            .all(name.as_bytes())
            .map(|value| encoded_word::decode(&value[..value.len().min(LONGEST_FIELD)]))
            .collect();
        (!lines.is_empty()).then(|| lines.join("\n"))
    }
}

impl Parsed<'_> {
    /// The addresses of To and Cc, of a message that was sent again also those of its Resent fields.
    pub fn addressees(&self) -> Vec<String> {
        let header = self.header();
        let fields: [&[u8]; 4] = [b"To", b"Cc", b"Resent-To", b"Resent-Cc"];
        let entries = fields
            .into_iter()
            .flat_map(|name| header.all(name))
            .flat_map(|field| address::parse(&field));
        let addresses = entries.filter_map(|entry| match entry {
            Entry::Address { mailbox, host, .. } => {
                Some(format!("{}@{}", short(&mailbox), short(&host)))
            }
            _ => None,
        });
        addresses.collect()
    }

    /// All header fields, unfolded and decoded as [`Self::header_text`] has them, none with a line break.
    pub fn header_fields(&self) -> impl Iterator<Item = (String, String)> {
        let header = self.header();
        header.fields().map(|field| {
            let value = field.value();
            let name = String::from_utf8_lossy(field.name).into_owned();
            (
                name,
                encoded_word::decode(&value[..value.len().min(LONGEST_FIELD)]),
            )
        })
    }
}

/// A field's value in words: the first of that name.
#[must_use]
pub fn field(header: Header<'_>, name: &[u8]) -> String {
    let value = header.find(name).unwrap_or_default();
    encoded_word::decode(&value[..value.len().min(LONGEST_FIELD)])
}

/// The people of a field.
pub struct People {
    /// Names and addresses, as `Name <local@domain>, ...`.
    pub words: String,
    /// The local part of the first address, lower case.
    pub first: String,
}

/// The people of all fields of a name.
#[must_use]
pub fn people(header: Header<'_>, name: &[u8]) -> People {
    let mut people = People {
        words: String::new(),
        first: String::new(),
    };
    let fields = header.all(name).flat_map(|field| address::parse(&field));
    for entry in fields {
        let Entry::Address {
            name,
            mailbox,
            host,
            ..
        } = entry
        else {
            continue;
        };
        if people.words.len() > LONGEST_FIELD {
            break;
        }
        let mailbox = short(&mailbox);
        if people.first.is_empty() {
            people.first = mailbox.to_lowercase();
        }
        if !people.words.is_empty() {
            people.words.push_str(", ");
        }
        if let Some(name) = name {
            people.words.push_str(&short(&name));
            people.words.push(' ');
        }
        people
            .words
            .push_str(&format!("<{mailbox}@{}>", short(&host)));
    }
    people
}

fn short(name: &[u8]) -> String {
    encoded_word::decode(&name[..name.len().min(LONGEST_NAME)])
}
