//! SORT (RFC 5256, RFC 5957, RFC 5267).

use std::cmp::Ordering;
use std::collections::HashMap;

use jiff::Timestamp;
use sekisho_imap::Tag;
use sekisho_imap::command::{Sort, SortKey};
use sekisho_store::{MessageState, SearchKeys, UidSet};

use super::reply::{CommandError, Done, ResponseWriter};
use super::search::{names_modseq, numbers, tell_extended, tell_plain};
use super::session::{Answer, Session};

/// How many messages' header fields are held at once, besides those that are sorted by.
const WORDS: usize = 500;

impl Session {
    /// `SORT` and `UID SORT`. Messages that are equal in all criteria stay in the order of the folder.
    pub(super) async fn sort(
        &mut self,
        tag: &Tag,
        sort: &Sort,
        out: &mut ResponseWriter<'_>,
    ) -> Answer {
        self.condstore |= names_modseq(&sort.key);
        let found = self.find(&sort.key).await?;
        let mailbox = self.mailbox.clone();
        let view = self.selected()?;
        let messages = view.messages();
        let mut values: HashMap<usize, Vec<Value>> = HashMap::with_capacity(found.len());
        if sort.order.iter().all(|(key, _)| is_state(*key)) {
            values.extend(found.iter().map(|&at| {
                let by = sort.order.iter();
                (
                    at,
                    by.map(|(key, _)| Value::of_state(*key, &messages[at]))
                        .collect(),
                )
            }));
        } else {
            for some in found.chunks(WORDS) {
                let uids: UidSet = some.iter().map(|&at| messages[at].uid).collect();
                for words in mailbox.search_keys(view.folder, uids).await? {
                    if let Some(at) = view.position(words.uid) {
                        let by = sort.order.iter();
                        let by = by.map(|(key, _)| Value::of(*key, &messages[at], &words));
                        values.insert(at, by.collect());
                    }
                }
            }
        }
        let mut sorted: Vec<usize> = found
            .into_iter()
            .filter(|at| values.contains_key(at))
            .collect();
        sorted.sort_by(|a, b| compare(&values[a], &values[b], sort));
        let numbers = numbers(view, &sorted, sort.uid);
        match sort.give {
            None => tell_plain(out, "SORT", &numbers, None),
            Some(options) if options.save => return Err(CommandError::Bad("only SEARCH can SAVE")),
            Some(options) => tell_extended(out, tag, sort.uid, options, &numbers, None),
        }
        Ok(Done::plain("sorted"))
    }
}

/// What a message is sorted by under one criterion.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Value {
    Moment(Timestamp),
    Size(u64),
    Text(String),
}

/// Whether the view alone knows what the criterion needs.
fn is_state(key: SortKey) -> bool {
    matches!(key, SortKey::Arrival | SortKey::Size)
}

impl Value {
    fn of_state(key: SortKey, state: &MessageState) -> Self {
        match key {
            SortKey::Size => Self::Size(state.size),
            _ => Self::Moment(state.internal_date),
        }
    }

    fn of(key: SortKey, state: &MessageState, words: &SearchKeys) -> Self {
        match key {
            SortKey::Arrival | SortKey::Size => Self::of_state(key, state),
            SortKey::Date => Self::Moment(words.sent),
            SortKey::Subject => Self::Text(words.base_subject.clone()),
            SortKey::From => Self::Text(words.sort_from.clone()),
            SortKey::To => Self::Text(words.sort_to.clone()),
            SortKey::Cc => Self::Text(words.sort_cc.clone()),
            SortKey::DisplayFrom => Self::Text(words.from.to_lowercase()),
            SortKey::DisplayTo => Self::Text(words.to.to_lowercase()),
        }
    }
}

fn compare(a: &[Value], b: &[Value], sort: &Sort) -> Ordering {
    let each = a.iter().zip(b).zip(&sort.order);
    each.map(|((a, b), (_, reverse))| if *reverse { b.cmp(a) } else { a.cmp(b) })
        .find(|order| order.is_ne())
        .unwrap_or(Ordering::Equal)
}
