//! Factor keys and other small secrets at rest: sealed with a key that the database never sees.

use std::collections::BTreeMap;
use std::fmt;

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{ChaCha20Poly1305, Key, Nonce};
use hkdf::Hkdf;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::random::{NoRandomness, random};

/// Sealed bytes: key id (4 bytes), nonce (12), ciphertext with tag (RFC 8439).
#[derive(Clone, PartialEq, Eq)]
pub struct Sealed(pub Vec<u8>);

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sealed({} bytes)", self.0.len())
    }
}

impl Sealed {
    /// The id of the key it was sealed with; `None` if it is too short to have one.
    #[must_use]
    pub fn key_id(&self) -> Option<KeyId> {
        Some(KeyId(u32::from_be_bytes(self.0.first_chunk().copied()?)))
    }
}

/// Names a key of the ring.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyId(pub u32);

/// 256 bits that seal.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct SealingKey([u8; 32]);

impl SealingKey {
    /// Takes key bytes.
    #[must_use]
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Draws a new key.
    ///
    /// # Errors
    /// No randomness.
    pub fn draw() -> Result<Self, NoRandomness> {
        random().map(Self)
    }

    /// The bytes, for the file that keeps the ring.
    #[must_use]
    pub fn expose(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealingKey(..)")
    }
}

/// What a secret is bound to: opened for anything else, it does not open.
#[derive(Debug, Clone, Copy)]
pub struct Binding<'a> {
    /// What it is for, such as `otp key`.
    pub purpose: &'a str,
    /// Whose.
    pub account: i64,
    /// Which one, of that purpose and account.
    pub item: i64,
}

impl Binding<'_> {
    fn bytes(self) -> Vec<u8> {
        let mut bytes = self.purpose.as_bytes().to_vec();
        bytes.push(0);
        bytes.extend(self.account.to_be_bytes());
        bytes.extend(self.item.to_be_bytes());
        bytes
    }
}

/// The keys of a site: the current one seals, all of them open.
#[derive(Debug, Clone)]
pub struct KeyRing {
    current: KeyId,
    keys: BTreeMap<KeyId, SealingKey>,
}

impl KeyRing {
    /// A ring whose highest id is the current key; `None` without any key.
    #[must_use]
    pub fn new(keys: BTreeMap<KeyId, SealingKey>) -> Option<Self> {
        let current = *keys.last_key_value()?.0;
        Some(Self { current, keys })
    }

    /// The id of the key that seals now.
    #[must_use]
    pub fn current(&self) -> KeyId {
        self.current
    }

    /// What tells each key apart and gives none away.
    ///
    /// # Errors
    /// Never in practice: the length is one that HKDF gives.
    pub fn fingerprints(&self) -> Result<Vec<(KeyId, [u8; 32])>, SealingError> {
        let fingerprint = |(id, key): (&KeyId, &SealingKey)| {
            let mut bytes = [0; 32];
            Hkdf::<Sha256>::new(None, &key.0)
                .expand(b"sekisho fingerprint of a sealing key", &mut bytes)
                .map_err(|_| SealingError::Damaged)?;
            Ok((*id, bytes))
        };
        self.keys.iter().map(fingerprint).collect()
    }

    /// Seals bytes under the current key.
    ///
    /// # Errors
    /// No randomness, or the cipher refused (more than 256 GiB).
    pub fn seal(&self, binding: Binding<'_>, plain: &[u8]) -> Result<Sealed, SealingError> {
        let key = self
            .keys
            .get(&self.current)
            .ok_or(SealingError::UnknownKey(self.current))?;
        let nonce: [u8; 12] = random().map_err(|_| SealingError::NoRandomness)?;
        let payload = Payload {
            msg: plain,
            aad: &binding.bytes(),
        };
        let ciphertext = ChaCha20Poly1305::new(&Key::from(key.0))
            .encrypt(&Nonce::from(nonce), payload)
            .map_err(|_| SealingError::Damaged)?;
        let mut sealed = self.current.0.to_be_bytes().to_vec();
        sealed.extend(nonce);
        sealed.extend(ciphertext);
        Ok(Sealed(sealed))
    }

    /// Opens what was sealed for the same binding.
    ///
    /// # Errors
    /// The key is not in the ring, or the bytes were damaged or sealed for something else.
    pub fn open(
        &self,
        binding: Binding<'_>,
        sealed: &Sealed,
    ) -> Result<Zeroizing<Vec<u8>>, SealingError> {
        let id = sealed.key_id().ok_or(SealingError::Damaged)?;
        let key = self.keys.get(&id).ok_or(SealingError::UnknownKey(id))?;
        let nonce: [u8; 12] = sealed
            .0
            .get(4..16)
            .and_then(|n| n.try_into().ok())
            .ok_or(SealingError::Damaged)?;
        let payload = Payload {
            msg: sealed.0.get(16..).unwrap_or_default(),
            aad: &binding.bytes(),
        };
        ChaCha20Poly1305::new(&Key::from(key.0))
            .decrypt(&Nonce::from(nonce), payload)
            .map(Zeroizing::new)
            .map_err(|_| SealingError::Damaged)
    }

    /// A keyed hash (HMAC-SHA-256) for what the records must recognise but not know: typed names, mailed codes. Stable
    /// while the ring's first key stays.
    #[must_use]
    pub fn keyed_hash(&self, purpose: &str, data: &[u8]) -> [u8; 32] {
        let first = self
            .keys
            .first_key_value()
            .map_or([0; 32], |(_, key)| key.0);
        keyed_hash(&first, purpose, data)
    }
}

/// HMAC-SHA-256 of data under a key derived from `secret` for one purpose (HKDF, RFC 5869).
pub(crate) fn keyed_hash(secret: &[u8; 32], purpose: &str, data: &[u8]) -> [u8; 32] {
    let mut key = Zeroizing::new([0; 32]);
    if Hkdf::<Sha256>::new(None, secret)
        .expand(purpose.as_bytes(), key.as_mut())
        .is_err()
    {
        unreachable!("32 bytes are within HKDF's reach");
    }
    match Hmac::<Sha256>::new_from_slice(key.as_ref()) {
        Ok(mut mac) => {
            mac.update(data);
            mac.finalize().into_bytes().into()
        }
        Err(_) => unreachable!("HMAC takes keys of any length"),
    }
}

/// Why something could not be sealed or opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealingError {
    /// The key it was sealed with is not in the ring: the ring's file is not the one that belongs to this database.
    #[error("sealed with key {0:?}, which is not in the key file")]
    UnknownKey(KeyId),
    /// Damaged, or sealed for another purpose, account or item.
    #[error("the sealed bytes do not open")]
    Damaged,
    /// The system has no randomness.
    #[error("the operating system gives no random numbers")]
    NoRandomness,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ring(ids: &[u32]) -> KeyRing {
        KeyRing::new(
            ids.iter()
                .map(|&i| (KeyId(i), SealingKey::new([i as u8; 32])))
                .collect(),
        )
        .expect("keys")
    }

    const BINDING: Binding<'static> = Binding {
        purpose: "otp key",
        account: 7,
        item: 9,
    };

    #[test]
    fn what_is_sealed_opens_for_its_binding_alone() {
        let ring = ring(&[1]);
        let sealed = ring.seal(BINDING, b"secret").expect("sealed");
        assert_eq!(
            ring.open(BINDING, &sealed).expect("opens").as_slice(),
            b"secret"
        );
        for other in [
            Binding {
                account: 8,
                ..BINDING
            },
            Binding { item: 8, ..BINDING },
            Binding {
                purpose: "app code",
                ..BINDING
            },
        ] {
            assert_eq!(ring.open(other, &sealed), Err(SealingError::Damaged));
        }
    }

    #[test]
    fn an_older_key_still_opens_and_a_missing_one_is_named() {
        let sealed = ring(&[1]).seal(BINDING, b"secret").expect("sealed");
        assert!(ring(&[1, 2]).open(BINDING, &sealed).is_ok());
        assert_eq!(
            ring(&[2]).open(BINDING, &sealed),
            Err(SealingError::UnknownKey(KeyId(1)))
        );
    }

    #[test]
    fn truncated_bytes_are_damaged_not_a_panic() {
        let sealed = ring(&[1]).seal(BINDING, b"secret").expect("sealed");
        for length in 0..sealed.0.len() {
            assert!(
                ring(&[1])
                    .open(BINDING, &Sealed(sealed.0[..length].to_vec()))
                    .is_err()
            );
        }
    }
}
