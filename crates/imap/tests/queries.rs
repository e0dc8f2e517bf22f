//! The server's parser reads what the client's encoder writes, with the same meaning.

use proptest::prelude::*;
use sekisho_imap::command::{
    Body, Command, Fetch, FetchItem, Partial, Search, SearchKey, Section, SectionText, SortKey,
};
use sekisho_imap::datetime::Date;
use sekisho_imap::encode::{CommandEncoder, Literals, NulError};
use sekisho_imap::framing::Frame;
use sekisho_imap::{Flag, SequenceSet, Tag};

fn encoder(verb: &'static str) -> CommandEncoder {
    CommandEncoder::new(&Tag::new(b"a1").unwrap(), verb, Literals::Plus)
}

fn parsed(command: CommandEncoder) -> Body {
    let mut bytes = command.finish().concat();
    bytes.truncate(bytes.len() - 2);
    let shown = String::from_utf8_lossy(&bytes).into_owned();
    match Command::parse(Frame::new(bytes)) {
        Ok(command) => command.body,
        Err(error) => panic!("{error} in {shown:?}"),
    }
}

fn keys() -> impl Strategy<Value = SearchKey> {
    let text = "[^\0]{1,12}";
    let leaf = prop_oneof![
        Just(SearchKey::All),
        Just(SearchKey::Flag(Flag::Seen)),
        Just(SearchKey::Flag(Flag::parse(b"$Forwarded").unwrap())),
        text.prop_map(SearchKey::Text),
        text.prop_map(SearchKey::Body),
        ("[A-Za-z-]{1,9}", text).prop_map(|(name, value)| SearchKey::Header {
            name: name.to_ascii_uppercase(),
            value
        }),
        Just(SearchKey::Since(Date::new(2026, 11, 23).unwrap())),
        Just(SearchKey::SentBefore(Date::new(1999, 1, 3).unwrap())),
        Just(SearchKey::Uid(SequenceSet::parse(b"4:9,12").unwrap())),
        any::<u32>().prop_map(|size| SearchKey::Larger(u64::from(size))),
    ];
    leaf.prop_recursive(4, 16, 3, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone())
                .prop_map(|(a, b)| SearchKey::Or(Box::new(a), Box::new(b))),
            inner.clone().prop_map(|key| SearchKey::Not(Box::new(key))),
            prop::collection::vec(inner, 2..4).prop_map(SearchKey::And),
        ]
    })
}

proptest! {
    #[test]
    fn every_search_is_read_as_it_was_written(key in keys()) {
        let command = encoder("UID SEARCH").word("CHARSET UTF-8").search(&key).unwrap();
        let Body::Search(Search { key: read, .. }) = parsed(command) else {
            panic!("no search")
        };
        prop_assert_eq!(read, key);
    }
}

#[test]
fn items_are_read_as_they_were_written() {
    let section = |part: &[u32], text| FetchItem::Section {
        peek: true,
        section: Section {
            part: part.to_vec(),
            text,
        },
        partial: Some(Partial {
            start: 5,
            length: 10,
        }),
    };
    let items = vec![
        FetchItem::Uid,
        FetchItem::Size,
        FetchItem::Preview { lazy: true },
        section(&[], SectionText::All),
        section(&[1, 2], SectionText::Mime),
        section(
            &[3],
            SectionText::HeaderFields {
                not: false,
                names: vec!["TO".to_owned(), "X-A".to_owned()],
            },
        ),
    ];
    let set = SequenceSet::all();
    let command = encoder("UID FETCH").sequence(&set).items(&items).unwrap();
    let Body::Fetch(Fetch { items: read, .. }) = parsed(command) else {
        panic!("no fetch")
    };
    assert_eq!(read, items);
}

#[test]
fn an_order_is_read_as_it_was_written() {
    let order = [(SortKey::Date, true), (SortKey::Subject, false)];
    let command = encoder("UID SORT")
        .order(&order)
        .word("UTF-8")
        .search(&SearchKey::All)
        .unwrap();
    let Body::Sort(sort) = parsed(command) else {
        panic!("no sort")
    };
    assert_eq!(sort.order, order);
}

#[test]
fn a_nul_in_a_search_is_never_sent() {
    let key = SearchKey::Text("a\0b".to_owned());
    assert_eq!(encoder("SEARCH").search(&key).err(), Some(NulError));
}
