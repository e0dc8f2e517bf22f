//! What has to be read for a FETCH.

use sekisho_imap::command::{Fetch, FetchItem, Section, SectionText};

use crate::imap::reply::CommandError;

/// How many bytes of messages are read ahead.
pub(super) const AHEAD: u64 = 2 * 1024 * 1024;
/// How much of a message is read where its header is enough: few headers are longer.
const HEADER: u64 = 8 * 1024;

/// What has to be read for a FETCH.
pub(super) struct Plan {
    pub(super) items: Vec<FetchItem>,
    /// Sections for which the message has to be parsed: its header, or all of it.
    pub(super) sections: Vec<Section>,
    /// Parts to be decoded from their transfer encoding.
    pub(super) decoded: Vec<Vec<u32>>,
    pub(super) opens: bool,
    pub(super) whole: bool,
    pub(super) marks_seen: bool,
    pub(super) condstore: bool,
}

impl Plan {
    pub(super) fn new(fetch: &Fetch, condstore: bool) -> Result<Self, CommandError> {
        let mut items = fetch.items.clone();
        if fetch.uid && !items.contains(&FetchItem::Uid) {
            items.insert(0, FetchItem::Uid);
        }
        if fetch.changed_since.is_some() && !items.contains(&FetchItem::ModSeq) {
            items.push(FetchItem::ModSeq);
        }
        let mut plan = Self {
            items: Vec::new(),
            sections: Vec::new(),
            decoded: Vec::new(),
            opens: false,
            whole: false,
            marks_seen: false,
            condstore,
        };
        for item in &items {
            match item {
                FetchItem::Binary { peek, part, .. } => {
                    plan.marks_seen |= !peek;
                    plan.decode(part);
                }
                FetchItem::BinarySize(part) => plan.decode(part),
                FetchItem::Rfc822 | FetchItem::Rfc822Text => plan.marks_seen = true,
                FetchItem::Section { peek, .. } => plan.marks_seen |= !peek,
                _ => {}
            }
            if let Some(section) = section_of(item) {
                plan.opens = true;
                if !is_everything(&section) {
                    plan.whole |= !is_own_header(&section);
                    plan.sections.push(section);
                }
            }
        }
        plan.items = items;
        Ok(plan)
    }

    /// Adds a part whose decoded form is asked for (RFC 3516).
    fn decode(&mut self, part: &[u32]) {
        self.opens = true;
        self.whole = true;
        self.decoded.push(part.to_vec());
    }

    /// How much of each message is read ahead. The rest of longer messages is read while it is sent.
    pub(super) fn beginning(&self) -> u64 {
        let everything = self
            .items
            .iter()
            .any(|item| section_of(item).is_some_and(|section| is_everything(&section)));
        if self.whole || everything {
            AHEAD
        } else {
            HEADER
        }
    }

    pub(super) fn state_is_enough(&self) -> bool {
        self.items.iter().all(is_state)
    }
}

/// Whether the view alone can answer this.
pub(super) fn is_state(item: &FetchItem) -> bool {
    use FetchItem::{Flags, InternalDate, ModSeq, Size, Uid};
    matches!(item, Flags | Uid | ModSeq | Size | InternalDate)
}

fn section_of(item: &FetchItem) -> Option<Section> {
    let own = |text| {
        Some(Section {
            part: Vec::new(),
            text,
        })
    };
    match item {
        FetchItem::Rfc822 => own(SectionText::All),
        FetchItem::Rfc822Header => own(SectionText::Header),
        FetchItem::Rfc822Text => own(SectionText::Text),
        FetchItem::Section { section, .. } => Some(section.clone()),
        _ => None,
    }
}

/// `BODY[]`: the bytes as they are.
pub(super) fn is_everything(section: &Section) -> bool {
    section.part.is_empty() && section.text == SectionText::All
}

/// A section that the message's own header is enough for.
fn is_own_header(section: &Section) -> bool {
    let header = matches!(
        section.text,
        SectionText::Header | SectionText::HeaderFields { .. }
    );
    section.part.is_empty() && header
}
