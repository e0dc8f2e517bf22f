//! Encrypts what a session stores for its browser, under a key that is derived from the browser's token, so that
//! a copy of the records does not reveal it.

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{ChaCha20Poly1305, Key, Nonce};
use hkdf::Hkdf;
use sekisho_checkpoint::id::{SessionId, SessionToken};
use sekisho_checkpoint::sealing::Sealed;
use sekisho_checkpoint::session::Session;
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::config::Context;
use crate::error::WebError;

/// What the sealed data is for. Each purpose has its own key.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Purpose {
    /// The form that the person was filling in.
    Stash,
    /// The password for the upstream mail server.
    Password,
}

impl Purpose {
    fn label(self) -> &'static [u8] {
        match self {
            Self::Stash => b"sekisho webmail stash",
            Self::Password => b"sekisho webmail password",
        }
    }
}

fn cipher(purpose: Purpose, token: &SessionToken) -> ChaCha20Poly1305 {
    let mut key = Zeroizing::new([0; 32]);
    if Hkdf::<Sha256>::new(None, token.expose_bytes())
        .expand(purpose.label(), key.as_mut())
        .is_err()
    {
        unreachable!("32 bytes are within HKDF's reach");
    }
    ChaCha20Poly1305::new(&Key::from(*key))
}

/// Nonce and ciphertext, bound to the session. `None` if the system gives no random numbers.
pub(crate) fn seal(
    purpose: Purpose,
    session: SessionId,
    token: &SessionToken,
    plain: &[u8],
) -> Option<Sealed> {
    let mut nonce = [0; 12];
    getrandom::fill(&mut nonce).ok()?;
    let aad = session.get().to_be_bytes();
    let payload = Payload {
        msg: plain,
        aad: &aad,
    };
    let ciphertext = cipher(purpose, token)
        .encrypt(&Nonce::from(nonce), payload)
        .ok()?;
    Some(Sealed([nonce.as_slice(), &ciphertext].concat()))
}

/// The plain text; `None` if it was sealed for another purpose, session or token.
pub(crate) fn open(
    purpose: Purpose,
    session: SessionId,
    token: &SessionToken,
    sealed: &Sealed,
) -> Option<Zeroizing<Vec<u8>>> {
    let (nonce, ciphertext) = sealed.0.split_first_chunk::<12>()?;
    let aad = session.get().to_be_bytes();
    let payload = Payload {
        msg: ciphertext,
        aad: &aad,
    };
    let opened = cipher(purpose, token).decrypt(&Nonce::from(*nonce), payload);
    opened.ok().map(Zeroizing::new)
}

/// Seals everything that a session stores anew, under its new token.
pub(crate) async fn carry_over(
    context: &Context,
    record: &Session,
    old: &SessionToken,
    new: &SessionToken,
) -> Result<(), WebError> {
    let again = |purpose, sealed| {
        let plain = open(purpose, record.id, old, sealed)?;
        seal(purpose, record.id, new, &plain)
    };
    let checkpoint = &context.checkpoint;
    if let Some(sealed) = &record.password {
        let password = again(Purpose::Password, sealed);
        checkpoint.put_password(record.id, password).await?;
    }
    if let Some(sealed) = &record.stash {
        let stash = again(Purpose::Stash, sealed);
        checkpoint.put_stash(record.id, stash).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_for_its_purpose_token_and_session_alone() {
        let token = SessionToken::draw().expect("randomness");
        let other = SessionToken::draw().expect("randomness");
        let (one, two) = (SessionId::new(1), SessionId::new(2));
        let sealed = seal(Purpose::Stash, one, &token, b"draft").expect("sealed");
        let opened = open(Purpose::Stash, one, &token, &sealed);
        assert_eq!(opened.as_deref().map(Vec::as_slice), Some(&b"draft"[..]));
        assert!(open(Purpose::Password, one, &token, &sealed).is_none());
        assert!(open(Purpose::Stash, two, &token, &sealed).is_none());
        assert!(open(Purpose::Stash, one, &other, &sealed).is_none());
        assert!(open(Purpose::Stash, one, &token, &Sealed(vec![0; 5])).is_none());
    }
}
