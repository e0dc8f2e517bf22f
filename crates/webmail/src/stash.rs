//! The stash: what a person was writing when the session fell back, kept in the session until the page is there again.
//!
//! It is sealed under a key of the browser's token, so that the records hold nothing that they could read.

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{ChaCha20Poly1305, Key, Nonce};
use hkdf::Hkdf;
use sekisho_checkpoint::id::{SessionId, SessionToken};
use sekisho_checkpoint::sealing::Sealed;
use sekisho_checkpoint::session::Session;
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::config::Context;
use crate::error::WebError;
use crate::form::Fields;
use crate::visit::{Seated, Signed, query_value};

/// The most that is kept, in bytes of text.
const MOST: usize = 1024 * 1024;
/// The query's parameter by which a page knows that something is kept for it.
const MARK: &str = "kept";

#[derive(Serialize, Deserialize)]
struct Stash {
    page: String,
    fields: Vec<(String, String)>,
}

/// A page's path with the mark that makes [`kept`] look.
pub(crate) fn with_mark(page: &str) -> String {
    if query_value(page, MARK).is_some() {
        return page.to_owned();
    }
    let joint = if page.contains('?') { '&' } else { '?' };
    format!("{page}{joint}{MARK}=1")
}

/// Keeps what was written for a page.
///
/// # Errors
/// [`WebError::TooLarge`] beyond 1 MiB; [`WebError::Unavailable`].
pub async fn keep(signed: &Signed, page: &str, fields: &Fields) -> Result<(), WebError> {
    let stash = Stash {
        page: page.to_owned(),
        fields: fields
            .iter()
            .map(|(n, v)| (n.to_owned(), v.to_owned()))
            .collect(),
    };
    let plain = serde_json::to_vec(&stash).map_err(|_| WebError::BadRequest)?;
    if plain.len() > MOST {
        return Err(WebError::TooLarge);
    }
    let session = signed.record().id;
    let sealed = seal(session, &signed.token, &plain).ok_or(WebError::Unavailable)?;
    let checkpoint = &signed.visit.context.checkpoint;
    checkpoint.put_stash(session, Some(sealed)).await?;
    Ok(())
}

/// What is kept for the page that this request asks for; it stays kept until [`clear`].
#[must_use]
pub fn kept(seated: &Seated) -> Option<Fields> {
    query_value(&seated.visit.path, MARK)?;
    let record = seated.seat.record();
    let plain = open(record.id, &seated.token, record.stash.as_ref()?)?;
    let stash: Stash = serde_json::from_slice(&plain).ok()?;
    (stash.page == seated.visit.path).then(|| Fields::new(stash.fields))
}

/// Forgets what is kept: it was sent, saved or given up.
///
/// # Errors
/// [`WebError::Unavailable`].
pub async fn clear(seated: &Seated) -> Result<(), WebError> {
    let record = seated.seat.record();
    if record.stash.is_some() {
        let checkpoint = &seated.visit.context.checkpoint;
        checkpoint.put_stash(record.id, None).await?;
    }
    Ok(())
}

/// Carries the stash over to the session's new token.
pub(crate) async fn carry_over(
    context: &Context,
    record: &Session,
    old: &SessionToken,
    new: &SessionToken,
) -> Result<(), WebError> {
    let Some(sealed) = &record.stash else {
        return Ok(());
    };
    let again = open(record.id, old, sealed).and_then(|plain| seal(record.id, new, &plain));
    context.checkpoint.put_stash(record.id, again).await?;
    Ok(())
}

fn cipher(token: &SessionToken) -> ChaCha20Poly1305 {
    let mut key = Zeroizing::new([0; 32]);
    if Hkdf::<Sha256>::new(None, token.expose_bytes())
        .expand(b"sekisho webmail stash", key.as_mut())
        .is_err()
    {
        unreachable!("32 bytes are within HKDF's reach");
    }
    ChaCha20Poly1305::new(&Key::from(*key))
}

/// Nonce and ciphertext, bound to the session.
fn seal(session: SessionId, token: &SessionToken, plain: &[u8]) -> Option<Sealed> {
    let mut nonce = [0; 12];
    getrandom::fill(&mut nonce).ok()?;
    let aad = session.get().to_be_bytes();
    let payload = Payload {
        msg: plain,
        aad: &aad,
    };
    let ciphertext = cipher(token).encrypt(&Nonce::from(nonce), payload).ok()?;
    Some(Sealed([nonce.as_slice(), &ciphertext].concat()))
}

fn open(session: SessionId, token: &SessionToken, sealed: &Sealed) -> Option<Vec<u8>> {
    let (nonce, ciphertext) = sealed.0.split_first_chunk::<12>()?;
    let aad = session.get().to_be_bytes();
    let payload = Payload {
        msg: ciphertext,
        aad: &aad,
    };
    cipher(token).decrypt(&Nonce::from(*nonce), payload).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stash_opens_with_its_token_and_session_alone() {
        let token = SessionToken::draw().expect("randomness");
        let other = SessionToken::draw().expect("randomness");
        let sealed = seal(SessionId::new(1), &token, b"draft").expect("sealed");
        assert_eq!(
            open(SessionId::new(1), &token, &sealed).as_deref(),
            Some(b"draft".as_slice())
        );
        assert_eq!(open(SessionId::new(2), &token, &sealed), None);
        assert_eq!(open(SessionId::new(1), &other, &sealed), None);
        assert_eq!(open(SessionId::new(1), &token, &Sealed(vec![0; 5])), None);
    }

    #[test]
    fn the_mark_is_set_once() {
        assert_eq!(with_mark("/compose"), "/compose?kept=1");
        assert_eq!(with_mark("/compose?to=a"), "/compose?to=a&kept=1");
        assert_eq!(with_mark("/compose?kept=1"), "/compose?kept=1");
    }
}
