//! Protection against forged requests (CSRF). A POST counts only if the browser says that one of our own pages sent it,
//! and if the form has a token that only the holder of the cookie can have.

use axum::http::{HeaderMap, header};
use hkdf::Hkdf;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::config::Config;

/// The name of the hidden form field.
pub(crate) const FIELD: &str = "csrf";

const NONCE: usize = 16;

/// Makes and checks the tokens of one session, or of one browser that has no session yet.
#[derive(Clone)]
pub(crate) struct Csrf(Zeroizing<[u8; 32]>);

impl Csrf {
    /// Derives the key from the secret in the cookie.
    pub(crate) fn of(secret: &[u8; 32]) -> Self {
        let mut key = Zeroizing::new([0; 32]);
        if Hkdf::<Sha256>::new(None, secret)
            .expand(b"sekisho webmail csrf", key.as_mut())
            .is_err()
        {
            unreachable!("32 bytes are within HKDF's reach");
        }
        Self(key)
    }

    /// A token for a form. Each is different, so that compressed pages do not give it away (BREACH).
    pub(crate) fn token(&self) -> String {
        let mut nonce = [0; NONCE];
        if getrandom::fill(&mut nonce).is_err() {
            // Without random numbers the token is still unknown to strangers; it only loses its protection against
            // BREACH.
            nonce = [0; NONCE];
        }
        format!("{}{}", hex(&nonce), hex(&self.answer(&nonce)))
    }

    /// Whether a form's token was made with this key.
    pub(crate) fn accepts(&self, token: &str) -> bool {
        let Some((nonce, _)) = token.split_at_checked(NONCE * 2) else {
            return false;
        };
        let Some(nonce) = unhex(nonce) else {
            return false;
        };
        let expected = format!("{}{}", hex(&nonce), hex(&self.answer(&nonce)));
        expected.as_bytes().ct_eq(token.as_bytes()).into()
    }

    /// HKDF's extract step is HMAC-SHA-256 keyed with the salt (RFC 5869 2.2).
    fn answer(&self, nonce: &[u8; NONCE]) -> [u8; 32] {
        let (prk, _) = Hkdf::<Sha256>::extract(Some(self.0.as_ref()), nonce);
        prk.into()
    }
}

/// A random secret for the cookie of a browser that has no session yet; `None` if the system gives no random numbers.
pub(crate) fn fresh_secret() -> Option<[u8; 32]> {
    let mut secret = [0; 32];
    getrandom::fill(&mut secret).ok()?;
    Some(secret)
}

/// Whether the browser says that one of our own pages sent the request. Pages can't forge `Sec-Fetch-Site`; browsers
/// that do not send it send `Origin`, which must be ours. A request with neither header does not come from a form in a
/// browser.
pub(crate) fn is_same_origin(config: &Config, headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    match (text("sec-fetch-site"), text(header::ORIGIN.as_str())) {
        (Some(site), _) => site == "same-origin",
        (None, Some(origin)) => origin == config.base_url.origin().ascii_serialization(),
        (None, None) => false,
    }
}

/// Whether a page at `base_url` sent the request, whichever of our host names it is for. Browsers send `Origin` with
/// every POST to another origin.
pub(crate) fn is_from_base(config: &Config, headers: &HeaderMap) -> bool {
    let origin = headers.get(header::ORIGIN).and_then(|o| o.to_str().ok());
    origin == Some(config.base_url.origin().ascii_serialization().as_str())
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// Reads exactly `N` bytes of hexadecimal.
pub(crate) fn unhex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digits = text.as_bytes();
    if digits.len() != N * 2 || !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(bytes)
}

/// A short hash of content: the first 16 hexadecimal digits of its SHA-256.
pub(crate) fn content_hash(bytes: &[u8]) -> String {
    hex(Sha256::digest(bytes).get(..8).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_accepted_by_its_own_session_alone() {
        let (ours, theirs) = (Csrf::of(&[1; 32]), Csrf::of(&[2; 32]));
        let token = ours.token();
        assert!(ours.accepts(&token));
        assert!(!theirs.accepts(&token));
        assert_ne!(token, ours.token(), "each form gets another");
    }

    #[test]
    fn what_is_no_token_is_refused_without_a_panic() {
        for text in ["", "00", "あ".repeat(40).as_str(), "+1".repeat(48).as_str()] {
            assert!(!Csrf::of(&[1; 32]).accepts(text), "{text}");
        }
    }
}
