//! How passwords are stored, and which hashes of other systems can be checked.
//!
//! New hashes are argon2id in PHC form. Argon2 of any kind and cost, SHA-crypt (`$5$`, `$6$`, as in `/etc/shadow`) and
//! salted SHA as LDAP servers store it (`{SSHA}`, `{SSHA256}`, `{SSHA512}`) can be imported. Each stays until its owner
//! first gives the right password; then a hash in the site's own form replaces it.

use std::fmt;

use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Block, Params, PasswordVerifier, Version};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use sha_crypt::ShaCrypt;
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512};
use subtle::ConstantTimeEq;

/// The highest cost of another system's hash: 1 GiB, 16 passes, a million rounds. A higher one would let an imported
/// file stop the server.
const MOST_MEMORY_KIB: u32 = 1024 * 1024;
const MOST_PASSES: u32 = 16;
const MOST_ROUNDS: u32 = 1_000_000;

/// The lengths of a salt and of a hash, in bytes (RFC 9106, section 4).
const SALT: usize = 16;
const OUTPUT: usize = 32;

/// The cost of one argon2id computation.
#[derive(Debug, Clone)]
pub struct ArgonCost(Params);

impl ArgonCost {
    /// Memory in KiB, number of passes, and number of lanes (RFC 9106 section 3.1). `None` for values that argon2
    /// doesn't allow, and for more than 1 GiB or 16 passes.
    #[must_use]
    pub fn new(memory_kib: u32, passes: u32, lanes: u32) -> Option<Self> {
        let bearable = memory_kib <= MOST_MEMORY_KIB && passes <= MOST_PASSES;
        let params = Params::new(memory_kib, passes, lanes, None).ok()?;
        bearable.then_some(Self(params))
    }

    /// The lowest cost that argon2 allows. Only for tests and demonstrations: it protects nothing.
    #[must_use]
    pub fn least() -> Self {
        match Params::new(
            Params::MIN_M_COST,
            Params::MIN_T_COST,
            Params::MIN_P_COST,
            None,
        ) {
            Ok(params) => Self(params),
            Err(_) => unreachable!("the least parameters are parameters"),
        }
    }

    /// Hashes a password with a new salt.
    pub(crate) fn hash(
        &self,
        password: &[u8],
        memory: &mut Memory,
    ) -> Result<String, HashingFailed> {
        let failed = |error: &dyn fmt::Display| HashingFailed(error.to_string());
        let mut salt = [0; SALT];
        getrandom::fill(&mut salt).map_err(|error| failed(&error))?;
        let mut output = [0; OUTPUT];
        let blocks = memory.blocks(&self.0);
        self.argon2id()
            .hash_password_into_with_memory(password, &salt, &mut output, blocks)
            .map_err(|error| failed(&error))?;
        let (memory, passes, lanes) = (self.0.m_cost(), self.0.t_cost(), self.0.p_cost());
        let version = u32::from(Version::V0x13);
        let (salt, output) = (STANDARD_NO_PAD.encode(salt), STANDARD_NO_PAD.encode(output));
        Ok(format!(
            "$argon2id$v={version}$m={memory},t={passes},p={lanes}${salt}${output}"
        ))
    }

    fn argon2id(&self) -> Argon2<'static> {
        Argon2::new(Algorithm::Argon2id, Version::V0x13, self.0.clone())
    }
}

impl Default for ArgonCost {
    /// 19 MiB, two passes, one lane: the minimum of OWASP's Password Storage Cheat Sheet.
    fn default() -> Self {
        Self(Params::DEFAULT)
    }
}

/// Argon2's working memory, kept from one computation to the next: otherwise the allocator would hold on to a multiple
/// of it.
#[derive(Default)]
pub(crate) struct Memory(Vec<Block>);

impl Memory {
    /// The blocks for one computation.
    fn blocks(&mut self, params: &Params) -> &mut [Block] {
        let needed = params.block_count();
        if self.0.len() < needed {
            // The old blocks are freed first, so that both never exist at once.
            self.0 = Vec::new();
            self.0 = vec![Block::default(); needed];
        }
        &mut self.0[..needed]
    }
}

/// A stored hash whose scheme and form can be checked.
#[derive(Debug, Clone)]
pub(crate) enum StoredHash {
    Argon2(Box<PasswordHash>),
    ShaCrypt(String),
    SaltedSha {
        sha: Sha,
        digest: Vec<u8>,
        salt: Vec<u8>,
    },
}

/// The SHA variant of a salted hash.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Sha {
    One,
    Two256,
    Two512,
}

/// A password could not be hashed: the system has no randomness, or no memory, for it.
#[derive(Debug, thiserror::Error)]
#[error("the password could not be hashed: {0}")]
pub struct HashingFailed(String);

/// Why a hash of another system was refused. The error doesn't contain the hash, since that is nearly a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HashError {
    /// The scheme can't be checked here.
    #[error(
        "password hashes of the kind {0:?} can't be checked here (argon2, SHA-crypt and SSHA can): \
         leave the hash empty and have the person set a password"
    )]
    Unsupported(String),
    /// The scheme is known, but the hash is malformed.
    #[error("the password hash is damaged, or cut off")]
    Malformed,
    /// Checking it would take more memory or time than a server can spare.
    #[error(
        "the password hash costs too much to check (1 GiB, 16 passes or 1,000,000 rounds at most)"
    )]
    TooCostly,
}

impl StoredHash {
    /// Parses a hash of this or another system. It may follow a scheme in braces, as LDAP and Dovecot write it.
    pub(crate) fn parse(text: &str) -> Result<Self, HashError> {
        let text = text.trim();
        let (scheme, rest) = text
            .strip_prefix('{')
            .and_then(|t| t.split_once('}'))
            .map_or((String::new(), text), |(scheme, rest)| {
                (scheme.to_uppercase(), rest)
            });
        match scheme.as_str() {
            "SSHA" => salted(Sha::One, 20, rest),
            "SSHA256" => salted(Sha::Two256, 32, rest),
            "SSHA512" => salted(Sha::Two512, 64, rest),
            "" | "CRYPT" | "ARGON2" | "ARGON2I" | "ARGON2ID" | "SHA256-CRYPT" | "SHA512-CRYPT" => {
                modular(rest)
            }
            other => Err(HashError::Unsupported(other.chars().take(20).collect())),
        }
    }

    /// Whether the password matches.
    pub(crate) fn verify(&self, password: &[u8], memory: &mut Memory) -> bool {
        match self {
            Self::Argon2(hash) => argon2_matches(hash, password, memory).unwrap_or(false),
            Self::ShaCrypt(hash) => ShaCrypt::default()
                .verify_password(password, hash.as_str())
                .is_ok(),
            Self::SaltedSha { sha, digest, salt } => {
                sha.digest(password, salt).ct_eq(digest).into()
            }
        }
    }

    /// Whether [`ArgonCost::hash`] would make a hash of the same kind and cost. Other hashes are replaced at the next
    /// right password.
    pub(crate) fn is_current(&self, cost: &ArgonCost) -> bool {
        let Self::Argon2(hash) = self else {
            return false;
        };
        let same_cost = Params::try_from(hash.as_ref()).is_ok_and(|params| {
            (params.m_cost(), params.t_cost(), params.p_cost())
                == (cost.0.m_cost(), cost.0.t_cost(), cost.0.p_cost())
        });
        same_cost
            && hash.algorithm.as_str() == "argon2id"
            && hash.version == Some(Version::V0x13.into())
    }
}

impl Sha {
    fn digest(self, password: &[u8], salt: &[u8]) -> Vec<u8> {
        match self {
            Self::One => Sha1::new()
                .chain_update(password)
                .chain_update(salt)
                .finalize()
                .to_vec(),
            Self::Two256 => Sha256::new()
                .chain_update(password)
                .chain_update(salt)
                .finalize()
                .to_vec(),
            Self::Two512 => Sha512::new()
                .chain_update(password)
                .chain_update(salt)
                .finalize()
                .to_vec(),
        }
    }
}

/// Whether the password matches; `None` if the hash is incomplete.
fn argon2_matches(hash: &PasswordHash, password: &[u8], memory: &mut Memory) -> Option<bool> {
    let (salt, wanted) = (hash.salt.as_ref()?, hash.hash.as_ref()?);
    let algorithm = Algorithm::new(hash.algorithm.as_str()).ok()?;
    let version = match hash.version {
        Some(version) => Version::try_from(version).ok()?,
        None => Version::V0x10,
    };
    let params = Params::try_from(hash).ok()?;
    let mut output = vec![0; wanted.as_bytes().len()];
    let blocks = memory.blocks(&params);
    Argon2::new(algorithm, version, params)
        .hash_password_into_with_memory(password, salt, &mut output, blocks)
        .ok()?;
    Some(output.ct_eq(wanted.as_bytes()).into())
}

fn salted(sha: Sha, length: usize, encoded: &str) -> Result<StoredHash, HashError> {
    let mut digest = STANDARD.decode(encoded).map_err(|_| HashError::Malformed)?;
    if digest.len() <= length {
        return Err(HashError::Malformed);
    }
    let salt = digest.split_off(length);
    Ok(StoredHash::SaltedSha { sha, digest, salt })
}

/// A hash of the form `$name$...`: PHC, or the modular form of crypt(3).
fn modular(text: &str) -> Result<StoredHash, HashError> {
    let mut parts = text.split('$');
    let name = match (parts.next(), parts.next()) {
        (Some(""), Some(name)) => name,
        _ => return Err(HashError::Unsupported("no known form".to_owned())),
    };
    match name {
        "argon2id" | "argon2i" | "argon2d" => {
            let hash = PasswordHash::new(text).map_err(|_| HashError::Malformed)?;
            let params = Params::try_from(&hash).map_err(|_| HashError::Malformed)?;
            if params.m_cost() > MOST_MEMORY_KIB || params.t_cost() > MOST_PASSES {
                return Err(HashError::TooCostly);
            }
            let whole = hash.salt.is_some() && hash.hash.is_some();
            whole
                .then_some(StoredHash::Argon2(Box::new(hash)))
                .ok_or(HashError::Malformed)
        }
        "5" | "6" => sha_crypt_hash(text, name, parts),
        other => Err(HashError::Unsupported(other.chars().take(20).collect())),
    }
}

/// `$5$` or `$6$`, an optional `rounds=N$`, then salt and digest.
fn sha_crypt_hash<'t>(
    text: &str,
    name: &str,
    parts: impl Iterator<Item = &'t str>,
) -> Result<StoredHash, HashError> {
    sha_crypt::PasswordHashRef::new(text).map_err(|_| HashError::Malformed)?;
    let parts: Vec<_> = parts.collect();
    let (rounds, digest) = match *parts.as_slice() {
        [_salt, digest] => (None, digest),
        [rounds, _salt, digest] => (Some(rounds), digest),
        _ => return Err(HashError::Malformed),
    };
    let whole = if name == "5" { 43 } else { 86 };
    if digest.len() != whole {
        return Err(HashError::Malformed);
    }
    let rounds: u32 = rounds
        .map_or(Ok(0), |rounds| {
            rounds.strip_prefix("rounds=").unwrap_or_default().parse()
        })
        .map_err(|_| HashError::Malformed)?;
    if rounds > MOST_ROUNDS {
        return Err(HashError::TooCostly);
    }
    Ok(StoredHash::ShaCrypt(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made with `openssl passwd`; the last one with Python's `hashlib`.
    const FOREIGN: [(&str, &str); 4] = [
        (
            "Hello world!",
            "$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1",
        ),
        (
            "Hello world!",
            "$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5",
        ),
        (
            "Hello world!",
            "{CRYPT}$5$rounds=10000$saltstringsaltst$3xv.VbSHBb41AL9AvLeujZkZRBAwqFMz2.opqey6IcA",
        ),
        ("secret", "{SSHA}gVK8WC9YyFT1gMsQHTGCgT3sSv5zYWx0"),
    ];

    #[test]
    fn hashes_of_other_systems_are_checked_and_are_not_current() {
        for (password, text) in FOREIGN {
            let hash = StoredHash::parse(text).expect(text);
            let memory = &mut Memory::default();
            assert!(hash.verify(password.as_bytes(), memory), "{text}");
            assert!(!hash.verify(b"another", memory), "{text}");
            assert!(!hash.is_current(&ArgonCost::default()), "{text}");
        }
    }

    #[test]
    fn our_own_hash_is_current_until_the_cost_is_raised() {
        let least = ArgonCost::least();
        let memory = &mut Memory::default();
        let text = least.hash(b"secret", memory).expect("hashed");
        let hash = StoredHash::parse(&text).expect("read");
        assert!(hash.verify(b"secret", memory) && !hash.verify(b"Secret", memory));
        let other = Argon2::default().verify_password(b"secret", text.as_str());
        assert!(other.is_ok(), "the form is the one that everybody reads");
        assert!(hash.is_current(&least));
        assert!(!hash.is_current(&ArgonCost::default()));
    }

    #[test]
    fn what_can_not_be_checked_is_named_by_its_kind_alone() {
        for (text, error) in [
            (
                "$2y$10$abcdefghijklmnopqrstuv",
                HashError::Unsupported("2y".to_owned()),
            ),
            (
                "{CRAM-MD5}0123456789",
                HashError::Unsupported("CRAM-MD5".to_owned()),
            ),
            (
                "plain password",
                HashError::Unsupported("no known form".to_owned()),
            ),
            ("{SSHA}AAAA", HashError::Malformed),
            ("$5$saltstring$5B8vYYiY", HashError::Malformed),
            ("$argon2id$v=19$m=19456", HashError::Malformed),
            (
                "$6$rounds=999999999$saltstring$\
                 svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1",
                HashError::TooCostly,
            ),
        ] {
            assert_eq!(StoredHash::parse(text).err(), Some(error), "{text}");
        }
    }
}
