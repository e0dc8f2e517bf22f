//! Searches and sorts messages (RFC 3501 section 6.4.4, RFC 4731 section 3, RFC 5256 section 3).

use sekisho_imap::command::{SearchKey, SortKey};
use sekisho_imap::response::{Data, ESearch};

use crate::connection::{Answer, Connection};
use crate::error::Error;
use crate::message::Uid;

/// The most messages that a search may find.
const MOST_FOUND: u32 = 1_000_000;

/// The most words of a person's search; further words are ignored.
const MOST_WORDS: usize = 20;

/// The search for what a person typed: messages that contain every word in their header or text. `None` if there are no
/// words. White space of every script separates words.
#[must_use]
pub fn search_text(typed: &str) -> Option<SearchKey> {
    let words = typed.split(|c: char| c.is_whitespace() || c.is_control());
    let mut keys: Vec<SearchKey> = words
        .filter(|word| !word.is_empty())
        .take(MOST_WORDS)
        .map(|word| SearchKey::Text(word.to_owned()))
        .collect();
    match keys.len() {
        0 | 1 => keys.pop(),
        _ => Some(SearchKey::And(keys)),
    }
}

/// The messages that match a search, by rising UID.
pub(crate) async fn search(
    connection: &mut Connection,
    key: &SearchKey,
) -> Result<Vec<Uid>, Error> {
    let short = connection.can("ESEARCH") || connection.can("IMAP4REV2");
    // Every server must understand US-ASCII, which needs no CHARSET; it need not understand any other charset.
    let ascii = is_ascii(key);
    let answer = connection
        .run("UID SEARCH", |c| {
            let c = if short { c.word("RETURN (ALL)") } else { c };
            let c = if ascii { c } else { c.word("CHARSET UTF-8") };
            c.search(key)
        })
        .await?;
    let mut found = found(answer)?;
    found.sort_unstable();
    found.dedup();
    Ok(found)
}

/// The messages that match a search, in this order. Only for servers that announce SORT.
pub(crate) async fn sort(
    connection: &mut Connection,
    order: &[(SortKey, bool)],
    key: &SearchKey,
) -> Result<Vec<Uid>, Error> {
    let answer = connection
        .run("UID SORT", |c| c.order(order).word("UTF-8").search(key))
        .await?;
    found(answer)
}

fn found(answer: Answer) -> Result<Vec<Uid>, Error> {
    let mut found = Vec::new();
    for data in answer.data {
        match data {
            Data::Search(numbers) | Data::Sort(numbers) => {
                found.extend(numbers.into_iter().filter_map(Uid::new));
            }
            Data::ESearch(ESearch { all: Some(all), .. }) => {
                let ranges = all.resolve(0);
                let count: u64 = ranges
                    .iter()
                    .map(|range| u64::from(range.end() - range.start()) + 1)
                    .sum();
                if count > u64::from(MOST_FOUND) {
                    return Err(TOO_MANY);
                }
                found.extend(ranges.into_iter().flatten().filter_map(Uid::new));
            }
            _ => {}
        }
        if found.len() > MOST_FOUND as usize {
            return Err(TOO_MANY);
        }
    }
    Ok(found)
}

const TOO_MANY: Error = Error::TooLarge {
    most: MOST_FOUND as u64,
};

fn is_ascii(key: &SearchKey) -> bool {
    match key {
        SearchKey::And(keys) => keys.iter().all(is_ascii),
        SearchKey::Or(one, other) => is_ascii(one) && is_ascii(other),
        SearchKey::Not(key) => is_ascii(key),
        SearchKey::Header { name, value } => name.is_ascii() && value.is_ascii(),
        SearchKey::Body(text) | SearchKey::Text(text) => text.is_ascii(),
        _ => true,
    }
}
