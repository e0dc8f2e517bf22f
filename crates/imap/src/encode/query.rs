//! Writes a client's queries: the items of FETCH and the keys of SEARCH.

use super::{CommandEncoder, NulError};
use crate::Flag;
use crate::command::{FetchItem, Partial, SearchKey, Section, SectionText, SortKey};

impl CommandEncoder {
    /// Adds the items of a FETCH, in parentheses.
    ///
    /// # Errors
    /// [`NulError`] if the name of a header field contains a NUL.
    pub fn items(mut self, items: &[FetchItem]) -> Result<Self, NulError> {
        self.space();
        self.raw("(");
        for (index, item) in items.iter().enumerate() {
            self.raw(if index > 0 { " " } else { "" });
            self.item(item)?;
        }
        self.raw(")");
        Ok(self)
    }

    /// Adds a search key; the parts of an [`SearchKey::And`] are written without parentheses.
    ///
    /// # Errors
    /// [`NulError`] if a text contains a NUL.
    pub fn search(mut self, key: &SearchKey) -> Result<Self, NulError> {
        self.space();
        match key {
            SearchKey::And(keys) if !keys.is_empty() => self.keys(keys)?,
            key => self.key(key)?,
        }
        Ok(self)
    }

    /// Adds the criteria of a SORT in parentheses, each with whether it is reversed.
    #[must_use]
    pub fn order(mut self, order: &[(SortKey, bool)]) -> Self {
        self.space();
        self.raw("(");
        for (index, &(key, reverse)) in order.iter().enumerate() {
            self.raw(if index > 0 { " " } else { "" });
            self.raw(if reverse { "REVERSE " } else { "" });
            self.raw(match key {
                SortKey::Arrival => "ARRIVAL",
                SortKey::Cc => "CC",
                SortKey::Date => "DATE",
                SortKey::From => "FROM",
                SortKey::Size => "SIZE",
                SortKey::Subject => "SUBJECT",
                SortKey::To => "TO",
                SortKey::DisplayFrom => "DISPLAYFROM",
                SortKey::DisplayTo => "DISPLAYTO",
            });
        }
        self.raw(")");
        self
    }

    fn item(&mut self, item: &FetchItem) -> Result<(), NulError> {
        match item {
            FetchItem::EmailId => self.raw("EMAILID"),
            FetchItem::ThreadId => self.raw("THREADID"),
            FetchItem::Envelope => self.raw("ENVELOPE"),
            FetchItem::Flags => self.raw("FLAGS"),
            FetchItem::InternalDate => self.raw("INTERNALDATE"),
            FetchItem::Size => self.raw("RFC822.SIZE"),
            FetchItem::Uid => self.raw("UID"),
            FetchItem::ModSeq => self.raw("MODSEQ"),
            FetchItem::Body => self.raw("BODY"),
            FetchItem::BodyStructure => self.raw("BODYSTRUCTURE"),
            FetchItem::Rfc822 => self.raw("RFC822"),
            FetchItem::Rfc822Header => self.raw("RFC822.HEADER"),
            FetchItem::Rfc822Text => self.raw("RFC822.TEXT"),
            FetchItem::Preview { lazy: false } => self.raw("PREVIEW"),
            FetchItem::Preview { lazy: true } => self.raw("PREVIEW (LAZY)"),
            FetchItem::BinarySize(part) => {
                self.raw("BINARY.SIZE");
                self.part(part);
            }
            FetchItem::Binary {
                peek,
                part,
                partial,
            } => {
                self.raw(if *peek { "BINARY.PEEK" } else { "BINARY" });
                self.part(part);
                self.partial(*partial);
            }
            FetchItem::Section {
                peek,
                section,
                partial,
            } => {
                self.raw(if *peek { "BODY.PEEK" } else { "BODY" });
                self.section(section)?;
                self.partial(*partial);
            }
        }
        Ok(())
    }

    fn part(&mut self, part: &[u32]) {
        let section = Section {
            part: part.to_vec(),
            text: SectionText::All,
        };
        section.encode(&mut self.current);
    }

    /// Like [`Section::encode`], but field names may become a client's literals.
    fn section(&mut self, section: &Section) -> Result<(), NulError> {
        let SectionText::HeaderFields { not, names } = &section.text else {
            section.encode(&mut self.current);
            return Ok(());
        };
        self.part(&section.part);
        self.current.pop();
        self.raw(if section.part.is_empty() { "" } else { "." });
        self.raw(if *not {
            "HEADER.FIELDS.NOT ("
        } else {
            "HEADER.FIELDS ("
        });
        for (index, name) in names.iter().enumerate() {
            self.raw(if index > 0 { " " } else { "" });
            self.text(name)?;
        }
        self.raw(")]");
        Ok(())
    }

    fn partial(&mut self, partial: Option<Partial>) {
        if let Some(Partial { start, length }) = partial {
            self.raw(&format!("<{start}.{length}>"));
        }
    }

    fn keys(&mut self, keys: &[SearchKey]) -> Result<(), NulError> {
        for (index, key) in keys.iter().enumerate() {
            self.raw(if index > 0 { " " } else { "" });
            self.key(key)?;
        }
        Ok(())
    }

    fn key(&mut self, key: &SearchKey) -> Result<(), NulError> {
        match key {
            SearchKey::All => self.raw("ALL"),
            // With no conditions, every message matches.
            SearchKey::And(keys) if keys.is_empty() => self.raw("ALL"),
            SearchKey::And(keys) => {
                self.raw("(");
                self.keys(keys)?;
                self.raw(")");
            }
            SearchKey::Or(one, other) => {
                self.raw("OR ");
                self.key(one)?;
                self.raw(" ");
                self.key(other)?;
            }
            SearchKey::Not(key) => {
                self.raw("NOT ");
                self.key(key)?;
            }
            SearchKey::Flag(Flag::Keyword(keyword)) => {
                self.raw(&format!("KEYWORD {}", keyword.as_str()));
            }
            SearchKey::Flag(flag) => self.raw(&flag.as_str().to_ascii_uppercase()[1..]),
            SearchKey::Recent => self.raw("RECENT"),
            SearchKey::Sequence(set) => self.raw(&set.to_string()),
            SearchKey::Uid(set) => self.raw(&format!("UID {set}")),
            SearchKey::Before(day) => self.raw(&format!("BEFORE {day}")),
            SearchKey::On(day) => self.raw(&format!("ON {day}")),
            SearchKey::Since(day) => self.raw(&format!("SINCE {day}")),
            SearchKey::SentBefore(day) => self.raw(&format!("SENTBEFORE {day}")),
            SearchKey::SentOn(day) => self.raw(&format!("SENTON {day}")),
            SearchKey::SentSince(day) => self.raw(&format!("SENTSINCE {day}")),
            SearchKey::Older(seconds) => self.raw(&format!("OLDER {seconds}")),
            SearchKey::Younger(seconds) => self.raw(&format!("YOUNGER {seconds}")),
            SearchKey::Larger(size) => self.raw(&format!("LARGER {size}")),
            SearchKey::Smaller(size) => self.raw(&format!("SMALLER {size}")),
            SearchKey::ModSeq(value) => self.raw(&format!("MODSEQ {value}")),
            SearchKey::EmailId(id) => {
                self.raw("EMAILID ");
                self.text(id)?;
            }
            SearchKey::ThreadId(id) => {
                self.raw("THREADID ");
                self.text(id)?;
            }
            SearchKey::Header { name, value } => {
                self.raw("HEADER ");
                self.text(name)?;
                self.raw(" ");
                self.text(value)?;
            }
            SearchKey::Body(text) => {
                self.raw("BODY ");
                self.text(text)?;
            }
            SearchKey::Text(text) => {
                self.raw("TEXT ");
                self.text(text)?;
            }
        }
        Ok(())
    }

    /// Appends constant words, or numbers, dates, sets and keywords, whose types can't contain anything else.
    fn raw(&mut self, words: &str) {
        self.current.extend_from_slice(words.as_bytes());
    }

    fn text(&mut self, text: &str) -> Result<(), NulError> {
        if text.contains('\0') {
            return Err(NulError);
        }
        self.quoted_or_literal(text.as_bytes());
        Ok(())
    }
}
