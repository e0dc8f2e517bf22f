//! SEARCH.
//!
//! A search is judged in stages, each more costly than the one before: what the view knows, what the store knows of
//! messages' texts, the decoded header fields that the index keeps, the header itself. A message goes on to the next
//! stage only while its answer is open.

use std::fmt::Write as _;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use sekisho_imap::Tag;
use sekisho_imap::command::{ResultOptions, Search, SearchKey};
use sekisho_imap::datetime::Date;
use sekisho_message::Parsed;
use sekisho_message::casefold::casefold;
use sekisho_store::{Mailbox, MessageState, Needle, SearchKeys, StoreError, Uid, UidSet};

use super::fetch::{email_id, read_header};
use super::reply::{CommandError, Done, ResponseWriter};
use super::session::{Answer, Session};
use super::view::View;

/// How many messages' header fields are held at once.
const WORDS: usize = 500;

impl Session {
    /// `SEARCH` and `UID SEARCH` (RFC 3501, section 6.4.4; RFC 4731)
    pub(super) async fn search(
        &mut self,
        tag: &Tag,
        search: &Search,
        out: &mut ResponseWriter<'_>,
    ) -> Answer {
        if search.charset && self.accepts_utf8 {
            return Err(CommandError::Bad(
                "with UTF8=ACCEPT enabled, searches name no character set",
            ));
        }
        self.condstore |= names_modseq(&search.key);
        let found = self.find(&search.key).await;
        if search.give.is_some_and(|options| options.save) {
            // A search that fails saves nothing (RFC 5182, section 2.1).
            self.selected()?.saved.clear();
        }
        let found = found?;
        self.tell_search(tag, search, &found, out)
    }

    fn tell_search(
        &mut self,
        tag: &Tag,
        search: &Search,
        found: &[usize],
        out: &mut ResponseWriter<'_>,
    ) -> Answer {
        let rev2 = self.rev2;
        let view = self.selected()?;
        let highest = if names_modseq(&search.key) {
            found
                .iter()
                .map(|&at| view.messages()[at].modseq.get())
                .max()
        } else {
            None
        };
        let numbers = numbers(view, found, search.uid);
        // IMAP4rev2 knows only this form of answer (RFC 9051, section 6.4.4).
        let give = search.give.or(rev2.then(|| ResultOptions {
            all: true,
            ..ResultOptions::default()
        }));
        match give {
            None => tell_plain(out, "SEARCH", &numbers, highest),
            Some(options) => {
                save(view, found, options);
                if options.save && !options.tells() {
                    return Ok(Done::plain("searched and saved"));
                }
                tell_extended(out, tag, search.uid, options, &numbers, highest);
            }
        }
        Ok(Done::plain("searched"))
    }

    /// The positions of the messages that match a key, rising.
    pub(super) async fn find(&mut self, key: &SearchKey) -> Result<Vec<usize>, CommandError> {
        let mailbox = self.mailbox.clone();
        let now = self.imap.clock.now();
        let zone = self.imap.zone.clone();
        let view = self.selected()?;
        let mut needles = Vec::new();
        let asked = Asked::new(key, view, &zone, now, &mut needles);
        let mut found = Vec::new();
        let mut open = Vec::new();
        for (at, state) in view.messages().iter().enumerate() {
            // Judging is pure computation; other sessions have their turn in between.
            tokio::task::consume_budget().await;
            match asked.judge(&Facts::of(at, state)) {
                Some(true) => found.push(at),
                Some(false) => {}
                None => open.push(at),
            }
        }
        let mut hits = None;
        if !needles.is_empty() && !open.is_empty() {
            let uids: UidSet = open.iter().map(|&at| view.messages()[at].uid).collect();
            let found_texts = mailbox.find_texts(view.folder, uids, needles).await?;
            let texts = hits.insert(found_texts);
            open.retain(|&at| {
                let facts = Facts {
                    texts: Some(texts),
                    ..Facts::of(at, &view.messages()[at])
                };
                match asked.judge(&facts) {
                    Some(true) => found.push(at),
                    Some(false) => {}
                    None => return true,
                }
                false
            });
        }
        for some in open.chunks(WORDS) {
            let uids: UidSet = some.iter().map(|&at| view.messages()[at].uid).collect();
            for words in mailbox.search_keys(view.folder, uids).await? {
                let Some(at) = view.position(words.uid) else {
                    continue;
                };
                let mut facts = Facts::of(at, &view.messages()[at]);
                facts.words = Some(&words);
                facts.texts = hits.as_deref();
                let verdict = match asked.judge(&facts) {
                    None => read_and_judge(&asked, facts, &mailbox, view).await?,
                    verdict => verdict,
                };
                if verdict == Some(true) {
                    found.push(at);
                }
            }
        }
        found.sort_unstable();
        Ok(found)
    }
}

/// Saves for `$` what the options say (RFC 5182, section 2.4): all messages found; those that MIN or MAX name, if only
/// these were asked for; or the part that PARTIAL names.
fn save(view: &mut View, found: &[usize], options: ResultOptions) {
    if !options.save {
        return;
    }
    let whole =
        options.all || options.count || !(options.min || options.max || options.partial.is_some());
    let mut kept: Vec<usize> = if whole {
        found.to_vec()
    } else {
        let ends = [
            found.first().filter(|_| options.min),
            found.last().filter(|_| options.max),
        ];
        let part = options
            .partial
            .map_or(0..0, |part| part.indices(found.len()));
        ends.into_iter()
            .flatten()
            .chain(&found[part])
            .copied()
            .collect()
    };
    kept.sort_unstable();
    kept.dedup();
    view.saved = kept.iter().map(|&at| view.messages()[at].uid).collect();
}

/// The last stage: the message's header. A message that is gone doesn't match.
async fn read_and_judge(
    asked: &Asked,
    mut facts: Facts<'_>,
    mailbox: &Mailbox,
    view: &View,
) -> Result<Option<bool>, StoreError> {
    let content = match mailbox.content(view.folder, facts.state.uid).await {
        Ok(content) => content,
        Err(StoreError::NoSuchMessage) => return Ok(None),
        Err(error) => return Err(error),
    };
    let header = read_header(&content).await?;
    let parsed = Parsed::new(&header);
    facts.header = Some(&parsed);
    Ok(asked.judge(&facts))
}

/// The sequence numbers or UIDs at some positions, in their order.
pub(super) fn numbers(view: &View, positions: &[usize], uid: bool) -> Vec<u32> {
    let number = |&at: &usize| {
        if uid {
            view.messages()[at].uid.get()
        } else {
            u32::try_from(at + 1).unwrap_or(u32::MAX)
        }
    };
    positions.iter().map(number).collect()
}

/// `* SEARCH 2 3` or `* SORT 3 2`
pub(super) fn tell_plain(
    out: &mut ResponseWriter<'_>,
    word: &str,
    numbers: &[u32],
    modseq: Option<u64>,
) {
    out.words(format_args!("* {word}"));
    for number in numbers {
        out.words(format_args!(" {number}"));
    }
    if let Some(modseq) = modseq {
        out.words(format_args!(" (MODSEQ {modseq})"));
    }
    out.end_line();
}

/// `* ESEARCH (TAG "a") UID COUNT 2 ALL 2:3` (RFC 4731). After a SORT the numbers are in sorted order (RFC 5267,
/// section 3), so MIN and MAX are its first and last.
pub(super) fn tell_extended(
    out: &mut ResponseWriter<'_>,
    tag: &Tag,
    uid: bool,
    options: ResultOptions,
    numbers: &[u32],
    modseq: Option<u64>,
) {
    // A tag holds no characters that need escaping within quotes.
    out.words(format_args!("* ESEARCH (TAG \"{tag}\")"));
    if uid {
        out.words(format_args!(" UID"));
    }
    if let (true, Some(first)) = (options.min, numbers.first()) {
        out.words(format_args!(" MIN {first}"));
    }
    if let (true, Some(last)) = (options.max, numbers.last()) {
        out.words(format_args!(" MAX {last}"));
    }
    if options.count {
        out.words(format_args!(" COUNT {}", numbers.len()));
    }
    if let Some(part) = options.partial {
        match &numbers[part.indices(numbers.len())] {
            [] => out.words(format_args!(" PARTIAL ({part} NIL)")),
            some => out.words(format_args!(" PARTIAL ({part} {})", in_order(some))),
        }
    }
    if options.all && !numbers.is_empty() {
        out.words(format_args!(" ALL {}", in_order(numbers)));
    }
    if let Some(modseq) = modseq {
        out.words(format_args!(" MODSEQ {modseq}"));
    }
    out.end_line();
}

/// Numbers in their order, rising runs written as ranges.
fn in_order(numbers: &[u32]) -> String {
    let mut text = String::new();
    for run in numbers.chunk_by(|a, b| a.checked_add(1) == Some(*b)) {
        let comma = if text.is_empty() { "" } else { "," };
        // Writing to a string can't fail.
        let _ = match run {
            [one] => write!(text, "{comma}{one}"),
            [first, .., last] => write!(text, "{comma}{first}:{last}"),
            [] => Ok(()),
        };
    }
    text
}

pub(super) fn names_modseq(key: &SearchKey) -> bool {
    match key {
        SearchKey::ModSeq(_) => true,
        SearchKey::And(keys) => keys.iter().any(names_modseq),
        SearchKey::Or(a, b) => names_modseq(a) || names_modseq(b),
        SearchKey::Not(key) => names_modseq(key),
        _ => false,
    }
}

/// A key, prepared: sets are resolved, days are instants, text is folded.
enum Asked {
    Everything,
    Nothing,
    And(Vec<Self>),
    Or(Box<Self>, Box<Self>),
    Not(Box<Self>),
    Flag(sekisho_imap::Flag),
    Positions(Vec<std::ops::Range<usize>>),
    ModSeq(u64),
    Email(String),
    Thread(String),
    Arrived {
        from: Timestamp,
        before: Timestamp,
    },
    SentDay {
        from: i64,
        before: i64,
    },
    Size {
        from: u64,
        below: u64,
    },
    Field {
        name: String,
        value: String,
    },
    /// The message is among those that hold the needle of this number.
    Holds(usize),
}

impl Asked {
    /// Prepares a key. Texts to be looked for are added to `needles`.
    fn new(
        key: &SearchKey,
        view: &View,
        zone: &TimeZone,
        now: Timestamp,
        needles: &mut Vec<Needle>,
    ) -> Self {
        let mut again = |key: &SearchKey| Self::new(key, view, zone, now, needles);
        let first = |date: Date| first_moment(date.days(), zone);
        let next = |date: Date| first_moment(date.days() + 1, zone);
        let ago = |seconds: u32| {
            now.saturating_sub(SignedDuration::from_secs(seconds.into()))
                .unwrap_or(Timestamp::MIN)
        };
        let arrived = |from, before| Self::Arrived { from, before };
        let sent = |from, before| Self::SentDay { from, before };
        match key {
            SearchKey::All => Self::Everything,
            SearchKey::Recent => Self::Nothing,
            SearchKey::And(keys) => Self::And(keys.iter().map(&mut again).collect()),
            SearchKey::Or(a, b) => Self::Or(Box::new(again(a)), Box::new(again(b))),
            SearchKey::Not(key) => Self::Not(Box::new(again(key))),
            SearchKey::Flag(flag) => Self::Flag(flag.clone()),
            SearchKey::Sequence(set) => Self::Positions(view.positions(set, false)),
            SearchKey::Uid(set) => Self::Positions(view.positions(set, true)),
            SearchKey::Before(date) => arrived(Timestamp::MIN, first(*date)),
            SearchKey::On(date) => arrived(first(*date), next(*date)),
            SearchKey::Since(date) => arrived(first(*date), Timestamp::MAX),
            SearchKey::SentBefore(date) => sent(i64::MIN, date.days()),
            SearchKey::SentOn(date) => sent(date.days(), date.days() + 1),
            SearchKey::SentSince(date) => sent(date.days(), i64::MAX),
            SearchKey::Older(seconds) => arrived(Timestamp::MIN, ago(*seconds)),
            SearchKey::Younger(seconds) => arrived(ago(*seconds), Timestamp::MAX),
            SearchKey::Larger(size) => Self::Size {
                from: size.saturating_add(1),
                below: u64::MAX,
            },
            SearchKey::Smaller(size) => Self::Size {
                from: 0,
                below: *size,
            },
            SearchKey::Header { name, value } => {
                let name = name.to_ascii_lowercase();
                let in_words = IN_WORDS.contains(&&*name) && !value.is_empty();
                match Needle::field(&name, value) {
                    Some(needle) if !in_words => Self::holds(needle, needles),
                    _ => Self::Field {
                        name,
                        value: casefold(value),
                    },
                }
            }
            SearchKey::Body(text) => Self::holds(Needle::body(text), needles),
            SearchKey::Text(text) => Self::holds(Needle::anywhere(text), needles),
            SearchKey::ModSeq(modseq) => Self::ModSeq(*modseq),
            SearchKey::EmailId(id) => Self::Email(id.clone()),
            SearchKey::ThreadId(id) => Self::Thread(id.clone()),
        }
    }

    fn holds(needle: Needle, needles: &mut Vec<Needle>) -> Self {
        let known = needles.iter().position(|other| *other == needle);
        Self::Holds(known.unwrap_or_else(|| {
            needles.push(needle);
            needles.len() - 1
        }))
    }

    /// Whether the message matches; `None` if these facts don't tell.
    fn judge(&self, facts: &Facts<'_>) -> Option<bool> {
        match self {
            Self::Everything => Some(true),
            Self::Nothing => Some(false),
            Self::And(keys) => all(keys, facts),
            Self::Or(a, b) => match (a.judge(facts), b.judge(facts)) {
                (Some(true), _) | (_, Some(true)) => Some(true),
                (Some(false), Some(false)) => Some(false),
                _ => None,
            },
            Self::Not(key) => key.judge(facts).map(|found| !found),
            Self::Flag(flag) => Some(facts.state.flags.contains(flag)),
            Self::Positions(ranges) => Some(ranges.iter().any(|range| range.contains(&facts.at))),
            Self::ModSeq(modseq) => Some(facts.state.modseq.get() >= *modseq),
            Self::Email(id) => Some(email_id(facts.words?.content) == *id),
            Self::Thread(id) => Some(facts.words?.thread.as_ref() == Some(id)),
            Self::Arrived { from, before } => {
                let arrived = facts.state.internal_date;
                Some(*from <= arrived && arrived < *before)
            }
            Self::SentDay { from, before } => {
                Some((*from..*before).contains(&facts.words?.sent_day))
            }
            Self::Size { from, below } => Some((*from..*below).contains(&facts.state.size)),
            Self::Field { name, value } => facts.field(name, value),
            Self::Holds(needle) => facts
                .texts
                .map(|texts| texts[*needle].binary_search(&facts.state.uid).is_ok()),
        }
    }
}

/// Whether all keys match: one that doesn't settles it, even if others are open.
fn all(keys: &[Asked], facts: &Facts<'_>) -> Option<bool> {
    let mut verdict = Some(true);
    for key in keys {
        match key.judge(facts) {
            Some(false) => return Some(false),
            Some(true) => {}
            None => verdict = None,
        }
    }
    verdict
}

/// The first moment of a day in the site's zone.
fn first_moment(days: i64, zone: &TimeZone) -> Timestamp {
    let midnight = Timestamp::from_second(days.saturating_mul(86_400)).unwrap_or(Timestamp::MAX);
    let civil = TimeZone::UTC.to_datetime(midnight);
    zone.to_timestamp(civil).unwrap_or(midnight)
}

/// What is known of one message at this stage.
struct Facts<'a> {
    at: usize,
    state: &'a MessageState,
    words: Option<&'a SearchKeys>,
    header: Option<&'a Parsed<'a>>,
    /// For each needle, the messages that hold it, by rising UID.
    texts: Option<&'a [Vec<Uid>]>,
}

/// The header fields that the index keeps, decoded.
const IN_WORDS: [&str; 5] = ["subject", "from", "to", "cc", "bcc"];

/// A field that the index keeps. If it is empty, the message may have no such field.
fn kept<'k>(keys: &'k SearchKeys, name: &str) -> Option<&'k str> {
    match name {
        "subject" => Some(&keys.subject),
        "from" => Some(&keys.from),
        "to" => Some(&keys.to),
        "cc" => Some(&keys.cc),
        "bcc" => Some(&keys.bcc),
        _ => None,
    }
}

impl<'a> Facts<'a> {
    fn of(at: usize, state: &'a MessageState) -> Self {
        Self {
            at,
            state,
            words: None,
            header: None,
            texts: None,
        }
    }

    /// Whether a header field contains the text; for an empty text, whether there is such a field.
    fn field(&self, name: &str, value: &str) -> Option<bool> {
        if let Some(kept) = kept(self.words?, name)
            && !value.is_empty()
        {
            return Some(casefold(kept).contains(value));
        }
        let text = self.header?.header_text(name);
        Some(text.is_some_and(|text| casefold(&text).contains(value)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sorted_answer_keeps_its_order() {
        assert_eq!(in_order(&[3, 4, 5, 1, 9, 8]), "3:5,1,9,8");
        assert_eq!(in_order(&[7]), "7");
    }

    #[test]
    fn a_day_begins_at_midnight_of_the_site() {
        let tokyo = TimeZone::get("Asia/Tokyo").unwrap();
        let day = Date::parse(b"24-Nov-2026").unwrap();
        assert_eq!(
            first_moment(day.days(), &tokyo).to_string(),
            "2026-11-23T15:00:00Z"
        );
    }
}
