//! Webmail sessions, as the records keep them, and the key of what is sealed for a session's browser.
//!
//! Such a key is drawn once for a session. It lies in the records wrapped under the token that the browser holds, so
//! that they hold nothing that they could read; a new token wraps it anew, and what it sealed stays as it is. Until the
//! new token is seen, the wrapping under the one before stays beside it, in case the browser never heard of the new
//! one.

use std::fmt;

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{ChaCha20Poly1305, Key, Nonce};
use hkdf::Hkdf;
use jiff::Timestamp;
use sha2::Sha256;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::account::AccountId;
use crate::id::{SessionId, SessionToken, TokenHash};
use crate::random::{NoRandomness, random};
use crate::sealing::Sealed;

/// For what a token's bytes wrap a session's key.
const WRAPPING: &[u8] = b"sekisho session key";

/// A webmail session. Whether it may open mail is not in it: that is judged anew for each request's source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Its identity.
    pub id: SessionId,
    /// The hash of the token that its browser holds.
    pub token: TokenHash,
    /// Its key, wrapped under that token.
    pub key: Sealed,
    /// The token before that one, until the browser shows that it holds the new one.
    pub superseded: Option<Superseded>,
    /// Whose.
    pub account: AccountId,
    /// When it began.
    pub created_at: Timestamp,
    /// Its last request; kept to the minute.
    pub last_seen_at: Timestamp,
    /// When the password was last proven in it.
    pub password_proven_at: Timestamp,
    /// When a factor was last proven in it.
    pub factor_proven_at: Option<Timestamp>,
    /// Wrong OTPs in it since its last right one or right password.
    pub otp_failures: u32,
    /// The registration under way in it, sealed.
    pub registration: Option<Sealed>,
    /// What the person was writing when the session fell back, sealed under the session's key.
    pub stash: Option<Sealed>,
    /// The password, where it has to be passed on to an upstream, sealed under the session's key.
    pub password: Option<Sealed>,
}

impl Session {
    /// The session's key, for the browser that holds its token; `None` if the wrapped key is damaged.
    #[must_use]
    pub fn key(&self, token: &SessionToken) -> Option<SessionKey> {
        self.unwrapped(token, &self.key)
    }

    /// The same for the browser that holds the superseded token.
    #[must_use]
    pub fn key_of_superseded(&self, token: &SessionToken) -> Option<SessionKey> {
        self.unwrapped(token, &self.superseded.as_ref()?.key)
    }

    fn unwrapped(&self, token: &SessionToken, wrapped: &Sealed) -> Option<SessionKey> {
        let opened = open(token.expose_bytes(), WRAPPING, self.id, wrapped)?;
        opened.as_slice().try_into().ok().map(SessionKey)
    }
}

/// A token whose place another has taken. It opens no session any more. But the answer that brought the new one may be
/// lost, and then it is all that the browser has: a sign-in with the password of the same account that brings it along
/// gets what lies in the session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Superseded {
    /// Its hash.
    pub token: TokenHash,
    /// The session's key, wrapped under it.
    pub key: Sealed,
}

/// What something is sealed for in a session. Each purpose has a key of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
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

/// The key of what is sealed for a session's browser alone: 256 random bits.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct SessionKey([u8; 32]);

impl SessionKey {
    /// Draws a new key.
    ///
    /// # Errors
    /// No randomness.
    pub fn draw() -> Result<Self, NoRandomness> {
        random().map(Self)
    }

    /// Wraps the key under a token of its session.
    ///
    /// # Errors
    /// No randomness.
    pub fn wrap(&self, session: SessionId, token: &SessionToken) -> Result<Sealed, NoRandomness> {
        seal(token.expose_bytes(), WRAPPING, session, &self.0)
    }

    /// Seals bytes of its session for a purpose.
    ///
    /// # Errors
    /// No randomness.
    pub fn seal(
        &self,
        purpose: Purpose,
        session: SessionId,
        plain: &[u8],
    ) -> Result<Sealed, NoRandomness> {
        seal(&self.0, purpose.label(), session, plain)
    }

    /// Opens what was sealed for this purpose, session and key; `None` for anything else.
    #[must_use]
    pub fn open(
        &self,
        purpose: Purpose,
        session: SessionId,
        sealed: &Sealed,
    ) -> Option<Zeroizing<Vec<u8>>> {
        open(&self.0, purpose.label(), session, sealed)
    }
}

impl fmt::Debug for SessionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionKey(..)")
    }
}

/// Nonce (12 bytes) and ciphertext with tag (RFC 8439), bound to the session.
fn seal(
    secret: &[u8; 32],
    purpose: &[u8],
    session: SessionId,
    plain: &[u8],
) -> Result<Sealed, NoRandomness> {
    let nonce: [u8; 12] = random()?;
    let aad = session.get().to_be_bytes();
    let payload = Payload {
        msg: plain,
        aad: &aad,
    };
    match cipher(secret, purpose).encrypt(&Nonce::from(nonce), payload) {
        Ok(ciphertext) => Ok(Sealed([nonce.as_slice(), &ciphertext].concat())),
        Err(_) => unreachable!("nothing that a browser sends is longer than 256 GiB"),
    }
}

fn open(
    secret: &[u8; 32],
    purpose: &[u8],
    session: SessionId,
    sealed: &Sealed,
) -> Option<Zeroizing<Vec<u8>>> {
    let (nonce, ciphertext) = sealed.0.split_first_chunk::<12>()?;
    let aad = session.get().to_be_bytes();
    let payload = Payload {
        msg: ciphertext,
        aad: &aad,
    };
    let opened = cipher(secret, purpose).decrypt(&Nonce::from(*nonce), payload);
    opened.ok().map(Zeroizing::new)
}

/// Each purpose has a key of its own (HKDF, RFC 5869).
fn cipher(secret: &[u8; 32], purpose: &[u8]) -> ChaCha20Poly1305 {
    let mut key = Zeroizing::new([0; 32]);
    if Hkdf::<Sha256>::new(None, secret)
        .expand(purpose, key.as_mut())
        .is_err()
    {
        unreachable!("32 bytes are within HKDF's reach");
    }
    ChaCha20Poly1305::new(&Key::from(*key))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(token: &SessionToken, key: Sealed) -> Session {
        Session {
            id: SessionId::new(1),
            token: token.hash(),
            key,
            superseded: None,
            account: AccountId::new(1),
            created_at: Timestamp::UNIX_EPOCH,
            last_seen_at: Timestamp::UNIX_EPOCH,
            password_proven_at: Timestamp::UNIX_EPOCH,
            factor_proven_at: None,
            otp_failures: 0,
            registration: None,
            stash: None,
            password: None,
        }
    }

    #[test]
    fn what_is_sealed_opens_for_its_purpose_key_and_session_alone() {
        let key = SessionKey::draw().expect("randomness");
        let other = SessionKey::draw().expect("randomness");
        let (one, two) = (SessionId::new(1), SessionId::new(2));
        let sealed = key.seal(Purpose::Stash, one, b"draft").expect("sealed");
        let opened = key.open(Purpose::Stash, one, &sealed);
        assert_eq!(opened.as_deref().map(Vec::as_slice), Some(&b"draft"[..]));
        assert!(key.open(Purpose::Password, one, &sealed).is_none());
        assert!(key.open(Purpose::Stash, two, &sealed).is_none());
        assert!(other.open(Purpose::Stash, one, &sealed).is_none());
        assert!(key.open(Purpose::Stash, one, &Sealed(vec![0; 5])).is_none());
    }

    #[test]
    fn a_new_token_wraps_the_same_key() {
        let [before, after, strange] = [0; 3].map(|_| SessionToken::draw().expect("randomness"));
        let id = SessionId::new(1);
        let key = SessionKey::draw().expect("randomness");
        let begun = session(&before, key.wrap(id, &before).expect("wrapped"));
        let sealed = key.seal(Purpose::Stash, id, b"draft").expect("sealed");
        let key = begun.key(&before).expect("its browser's");
        assert!(begun.key(&strange).is_none());

        let mut goes_on = session(&after, key.wrap(id, &after).expect("wrapped"));
        goes_on.superseded = Some(Superseded {
            token: begun.token,
            key: begun.key.clone(),
        });
        let opened = goes_on
            .key(&after)
            .and_then(|key| key.open(Purpose::Stash, id, &sealed));
        assert_eq!(opened.as_deref().map(Vec::as_slice), Some(&b"draft"[..]));
        assert!(goes_on.key(&before).is_none(), "the old token");
        assert!(goes_on.key_of_superseded(&after).is_none());
        let opened = goes_on
            .key_of_superseded(&before)
            .and_then(|key| key.open(Purpose::Stash, id, &sealed));
        assert_eq!(opened.as_deref().map(Vec::as_slice), Some(&b"draft"[..]));
    }
}
