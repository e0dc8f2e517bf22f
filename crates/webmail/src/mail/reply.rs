//! How an answer begins: to whom, about what, with which words quoted.

use jiff::tz::TimeZone;
use sekisho_checkpoint::Account;
use sekisho_mailclient::{Access, Address, MailboxName, OpenFolder, Summary, Uid};
use sekisho_message::address::written;
use sekisho_message::header::Header;
use sekisho_message::html::{Purpose, to_text};
use sekisho_message::identifiers;
use sekisho_message::line::one_line;

use super::composition::{About, AnswerKind, Composition};
use super::content::{self, Text, Wanted};
use super::draft::Draft;
use super::failure::OrWebError;
use super::place::Mark;
use super::pool::Mailbox;
use super::stored_draft::list_files;
use crate::error::WebError;
use crate::lang::Lang;
use crate::time;

/// How much of a header is read for its message IDs, in bytes.
const MOST_HEADER: usize = 256 * 1024;
/// How much of a text is quoted, in characters.
const MOST_QUOTED: usize = 200_000;

/// Begins an answer to a message, or a message that forwards it.
pub(super) async fn begin(
    mailbox: &mut Mailbox,
    folder: MailboxName,
    uid: Uid,
    kind: AnswerKind,
) -> Result<Composition, WebError> {
    let imap = mailbox.imap()?;
    let mut open = imap.open(&folder, Access::Read).await.or_web_error()?;
    let validity = open.state().uid_validity;
    let summary = open
        .summary(uid)
        .await
        .or_web_error()?
        .ok_or(WebError::NotFound)?;
    let words = words(&mut open, uid, &summary).await?;
    let references = references(&mut open, uid).await;
    let originals = match kind {
        AnswerKind::Forward => list_files(imap, &folder, uid, None).await?,
        AnswerKind::Reply | AnswerKind::ReplyAll => Vec::new(),
    };
    let visit = &mailbox.admitted.visit;
    let account = mailbox.admitted.account();
    let (lang, zone) = (visit.lang, &visit.context.config.zone);
    let mut draft = match kind {
        AnswerKind::Reply | AnswerKind::ReplyAll => answer(
            lang,
            zone,
            account,
            &summary,
            &words,
            kind == AnswerKind::ReplyAll,
        ),
        AnswerKind::Forward => forwarded(lang, zone, &summary, &words),
    };
    draft.from = own_address(account, &summary);
    if kind != AnswerKind::Forward {
        draft.follow(
            summary.envelope.message_id.as_deref().unwrap_or_default(),
            &references,
        );
    }
    Ok(Composition {
        draft,
        about: Some(About {
            folder,
            mark: Mark { validity, uid },
            kind,
        }),
        originals,
        ..Composition::default()
    })
}

fn answer(
    lang: Lang,
    zone: &TimeZone,
    account: &Account,
    summary: &Summary,
    words: &str,
    all: bool,
) -> Draft {
    let envelope = &summary.envelope;
    let is_own = |address: &Address| {
        let spec = address.addr_spec();
        account
            .addresses
            .iter()
            .any(|own| own.to_string().eq_ignore_ascii_case(&spec))
    };
    let author = if envelope.reply_to.is_empty() {
        &envelope.from
    } else {
        &envelope.reply_to
    };
    // An answer to what one has sent goes on to the same people.
    let to = if author.iter().all(is_own) && !envelope.to.is_empty() {
        &envelope.to
    } else {
        author
    };
    let mut known: Vec<String> = to
        .iter()
        .map(|address| address.addr_spec().to_lowercase())
        .collect();
    let mut cc = Vec::new();
    for address in envelope
        .to
        .iter()
        .chain(&envelope.cc)
        .filter(|address| all && !is_own(address))
    {
        let spec = address.addr_spec().to_lowercase();
        if !known.contains(&spec) {
            known.push(spec);
            cc.push(address.clone());
        }
    }
    let at = envelope
        .date
        .or(summary.arrived)
        .map(|at| time::exact(zone, at))
        .unwrap_or_default();
    let who = envelope
        .from
        .first()
        .map(Address::shown)
        .unwrap_or_default();
    let quoted: String = words
        .lines()
        .map(|line| {
            if line.starts_with('>') {
                format!(">{line}\n")
            } else {
                format!("> {line}\n")
            }
        })
        .collect();
    let intro = t!(lang, "mail-quote-intro", time = at, name = one_line(&who));
    Draft {
        to: typed(to),
        cc: typed(&cc),
        subject: prefixed("Re:", &["re:", "re：", "aw:", "sv:"], summary),
        body: format!("\n\n{intro}\n{}", quoted.trim_end_matches('\n')),
        ..Draft::default()
    }
}

fn forwarded(lang: Lang, zone: &TimeZone, summary: &Summary, words: &str) -> Draft {
    let envelope = &summary.envelope;
    let at = envelope
        .date
        .or(summary.arrived)
        .map(|at| time::exact(zone, at))
        .unwrap_or_default();
    let mut body = format!("\n\n---------- {} ----------\n", t!(lang, "mail-forwarded"));
    let lines = [
        (t!(lang, "mail-from"), typed(&envelope.from)),
        (t!(lang, "mail-date"), at),
        (t!(lang, "mail-subject"), envelope.subject.decoded()),
        (t!(lang, "mail-to"), typed(&envelope.to)),
        (t!(lang, "mail-cc"), typed(&envelope.cc)),
    ];
    for (name, value) in lines.iter().filter(|(_, value)| !value.is_empty()) {
        body.push_str(&format!("{name}: {value}\n"));
    }
    Draft {
        subject: prefixed("Fwd:", &["fwd:", "fw:", "fwd：", "fw："], summary),
        body: format!("{body}\n{words}"),
        ..Draft::default()
    }
}

/// The message's words, as plain text.
async fn words(open: &mut OpenFolder<'_>, uid: Uid, summary: &Summary) -> Result<String, WebError> {
    let Some(structure) = &summary.structure else {
        return Ok(String::new());
    };
    let mut words = Vec::new();
    for part in content::texts(structure, Wanted::Plain) {
        match content::read(open, uid, part).await.or_web_error()? {
            Text::Plain(_, decoded) => words.push(decoded.text),
            Text::Html(_, decoded) => words.push(to_text(&decoded.text, Purpose::Reading)),
            Text::TooLong(_) => {}
        }
    }
    let words = words.join("\n").replace("\r\n", "\n");
    Ok(words.trim().chars().take(MOST_QUOTED).collect())
}

/// The conversation so far. A header too large to read is done without.
async fn references(open: &mut OpenFolder<'_>, uid: Uid) -> Vec<String> {
    let Ok(Some(header)) = open.header(uid, MOST_HEADER).await else {
        return Vec::new();
    };
    let header = Header::new(&header);
    let ids = |name: &[u8]| {
        let field = header.find(name);
        field.map_or_else(Vec::new, |field| identifiers::as_written(&field))
    };
    match ids(b"References") {
        references if references.is_empty() => ids(b"In-Reply-To"),
        references => references,
    }
}

/// The own address that the message came to.
fn own_address(account: &Account, summary: &Summary) -> String {
    let envelope = &summary.envelope;
    let people = || envelope.to.iter().chain(&envelope.cc).chain(&envelope.from);
    account
        .addresses
        .iter()
        .map(ToString::to_string)
        .find(|own| people().any(|address| address.addr_spec().eq_ignore_ascii_case(own)))
        .unwrap_or_default()
}

fn typed(people: &[Address]) -> String {
    let people = people
        .iter()
        .map(|one| written(&one.name.decoded(), &one.addr_spec()));
    people.collect::<Vec<_>>().join(", ")
}

/// The subject, with a word before it unless it has one of that kind.
fn prefixed(word: &str, known: &[&str], summary: &Summary) -> String {
    let subject = summary.envelope.subject.decoded();
    let lower = subject.to_lowercase();
    if known.iter().any(|known| lower.starts_with(known)) {
        subject
    } else {
        format!("{word} {subject}")
    }
}
