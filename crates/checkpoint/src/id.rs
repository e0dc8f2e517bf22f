//! Random identities and tokens.

use std::fmt;

use sha2::{Digest, Sha256};
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::symbols::{folded, random_symbols};

pub use crate::random::{NoRandomness, random};

macro_rules! random_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(i64);

        impl $name {
            /// Draws a new id: 63 random bits, so ids of different nodes do not meet.
            ///
            /// # Errors
            /// No randomness.
            pub fn draw() -> Result<Self, NoRandomness> {
                Ok(Self(i64::from_be_bytes(random()?) & i64::MAX))
            }

            /// Takes an id as the records keep it.
            #[must_use]
            pub fn new(id: i64) -> Self {
                Self(id)
            }

            /// The id as the records keep it.
            #[must_use]
            pub fn get(self) -> i64 {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

random_id!(
    /// Names a registered factor.
    FactorId
);
random_id!(
    /// Names a grant.
    GrantId
);
random_id!(
    /// Names a webmail session in the records; the browser knows only its token.
    SessionId
);
random_id!(
    /// Names a letter that the courier took.
    LetterId
);

/// What a browser holds to be recognised: 256 random bits. The records know its hash alone.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct SessionToken([u8; 32]);

impl SessionToken {
    /// Draws a new token.
    ///
    /// # Errors
    /// No randomness.
    pub fn draw() -> Result<Self, NoRandomness> {
        random().map(Self)
    }

    /// Reads a token from its 64 hexadecimal digits; `None` for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.as_bytes();
        if digits.len() != 64 {
            return None;
        }
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
        }
        Some(Self(bytes))
    }

    /// The token in hexadecimal, for the cookie.
    #[must_use]
    pub fn expose(&self) -> String {
        self.0.iter().map(|b| format!("{b:02x}")).collect()
    }

    /// The bytes, for deriving keys that only the holder of the cookie has.
    #[must_use]
    pub fn expose_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// What the records keep.
    #[must_use]
    pub fn hash(&self) -> TokenHash {
        TokenHash(Sha256::digest(self.0).into())
    }
}

impl fmt::Debug for SessionToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionToken(..)")
    }
}

/// The SHA-256 of a session token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TokenHash(pub [u8; 32]);

/// The short random reference under which a person finds a refused attempt again: eight characters of Crockford base32,
/// always.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Reference(String);

impl Reference {
    /// Draws a new reference (40 bits).
    ///
    /// # Errors
    /// No randomness.
    pub fn draw() -> Result<Self, NoRandomness> {
        random_symbols::<8>().map(Self)
    }

    /// Takes a reference as the records keep it.
    #[must_use]
    pub fn from_stored(text: String) -> Self {
        Self(text)
    }

    /// Reads a reference as people type it; `None` for what can be none.
    #[must_use]
    pub fn parse(typed: &str) -> Option<Self> {
        let folded = folded(typed);
        (folded.len() == 8 && folded.is_ascii()).then_some(Self(folded))
    }

    /// The eight characters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
