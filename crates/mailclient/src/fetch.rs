//! Fetching: what is asked of a message, and its data put together from what the server sends.

use std::collections::BTreeMap;

use sekisho_imap::SequenceSet;
use sekisho_imap::command::{FetchItem, Partial, Section, SectionText};
use sekisho_imap::response::{Data, Fetched};

use crate::connection::Connection;
use crate::error::Error;
use crate::message::Uid;

/// Fetches items of one message; `None` if it isn't there.
pub(crate) async fn fetch_one(
    connection: &mut Connection,
    uid: Uid,
    items: &[FetchItem],
) -> Result<Option<Fetched>, Error> {
    let set = SequenceSet::one(uid.into());
    let answer = connection
        .run("UID FETCH", |c| c.sequence(&set).items(items))
        .await?;
    let fetched = collect(answer.data).into_values();
    Ok(fetched
        .into_iter()
        .find(|one| one.uid.map(Uid::from) == Some(uid)))
}

/// `BODY.PEEK[...]<start.length>`
pub(crate) fn bytes_of(part: &[u32], text: SectionText, start: u32, length: u32) -> FetchItem {
    FetchItem::Section {
        peek: true,
        section: Section {
            part: part.to_vec(),
            text,
        },
        partial: Some(Partial { start, length }),
    }
}

/// The bytes of the only section. One byte more than `most` was requested, to notice larger sections.
pub(crate) fn take_bytes(fetched: &mut Fetched, most: u32) -> Result<Option<Vec<u8>>, Error> {
    let bytes = fetched.sections.pop().and_then(|section| section.bytes);
    match bytes {
        Some(bytes) if bytes.len() > most as usize => Err(Error::TooLarge {
            most: u64::from(most),
        }),
        bytes => Ok(bytes),
    }
}

/// The data of each message, by its final sequence number. A server may split a message's data over several responses,
/// send data that nobody asked for, and expunge messages in between, which lowers all later sequence numbers by one
/// (RFC 3501 section 7.4.1).
pub(crate) fn collect(data: Vec<Data>) -> BTreeMap<u32, Fetched> {
    let mut messages: BTreeMap<u32, Fetched> = BTreeMap::new();
    for data in data {
        match data {
            Data::Fetch(fetched) => {
                let message = messages.entry(fetched.sequence).or_default();
                merge(message, *fetched);
            }
            Data::Expunge(gone) => {
                let behind = messages.split_off(&gone);
                let moved = behind.into_iter().filter(|(number, _)| *number != gone);
                messages.extend(moved.map(|(number, message)| (number - 1, message)));
            }
            _ => {}
        }
    }
    messages
}

fn merge(message: &mut Fetched, news: Fetched) {
    message.sequence = news.sequence;
    message.uid = news.uid.or(message.uid);
    message.flags = news.flags.or(message.flags.take());
    message.internal_date = news.internal_date.or(message.internal_date);
    message.size = news.size.or(message.size);
    message.mod_seq = news.mod_seq.or(message.mod_seq);
    message.envelope = news.envelope.or(message.envelope.take());
    message.structure = news.structure.or(message.structure.take());
    message.preview = news.preview.or(message.preview.take());
    message.sections.extend(news.sections);
}
