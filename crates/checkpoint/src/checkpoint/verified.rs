//! The memory of verified passwords: a mail client logs in all day, and argon2 is slow on purpose.
//!
//! It is filled only when the whole attempt was admitted, so it tells nobody elsewhere that a password is right; it is
//! keyed by a secret of this process over account, password and address; it lives minutes; and it is emptied for an
//! account whenever anything of it is revoked.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};
use sekisho_source::Source;

use super::password_owner::PasswordOwner;
use crate::account::{AccountId, Password};
use crate::id::{NoRandomness, random};
use crate::sealing::keyed_hash;

/// How long a verification is remembered.
const REMEMBERED: SignedDuration = SignedDuration::from_mins(5);
/// How long a wrong password is remembered, to count the same one once.
const WRONG_REMEMBERED: SignedDuration = SignedDuration::from_mins(15);
/// How long the same wrong password is wrong without being looked at again, unless something is revoked meanwhile.
const STILL_WRONG: SignedDuration = SignedDuration::from_secs(5);
/// At how many entries the dead are swept out, and above how many nothing more is remembered.
const MOST: usize = 100_000;

type Digest = [u8; 32];

/// Remembers verified passwords, and wrong ones so that a client that repeats its old password counts once.
pub(super) struct Verified {
    secret: [u8; 32],
    right: Mutex<HashMap<Digest, (AccountId, Timestamp)>>,
    wrong: Mutex<HashMap<Digest, Wrong>>,
    epoch: AtomicU64,
}

/// The state of revocations at a moment; an answer found before a revocation must not be kept after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Epoch(u64);

/// A wrong password that was counted.
#[derive(Debug, Clone, Copy)]
struct Wrong {
    /// Until when the same one does not count again.
    until: Timestamp,
    /// When it was last looked at, and after which revocations.
    seen_at: Timestamp,
    seen: Epoch,
}

/// Whether a password was wrong a while ago.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WrongBefore {
    /// Not that it were known.
    No,
    /// It was, and was counted. It may be right by now.
    Counted,
    /// It was, seconds ago, and nothing was revoked since: so it is not the password yet.
    JustNow,
}

impl Verified {
    pub(super) fn new() -> Result<Self, NoRandomness> {
        Ok(Self {
            secret: random()?,
            right: Mutex::default(),
            wrong: Mutex::default(),
            epoch: AtomicU64::new(0),
        })
    }

    pub(super) fn epoch(&self) -> Epoch {
        Epoch(self.epoch.load(Ordering::SeqCst))
    }

    /// Whether this very password was admitted for this account from this address a moment ago.
    pub(super) fn knows(
        &self,
        account: AccountId,
        password: &Password,
        source: &Source,
        now: Timestamp,
    ) -> bool {
        let digest = self.digest("right", &account.get().to_be_bytes(), password, source);
        locked(&self.right)
            .get(&digest)
            .is_some_and(|(owner, until)| *owner == account && now < *until)
    }

    /// Remembers an admitted verification, unless something was revoked since `seen`.
    pub(super) fn remember(
        &self,
        account: AccountId,
        password: &Password,
        source: &Source,
        now: Timestamp,
        seen: Epoch,
    ) {
        let digest = self.digest("right", &account.get().to_be_bytes(), password, source);
        let mut right = locked(&self.right);
        if right.len() >= MOST {
            right.retain(|_, (_, until)| now < *until);
        }
        if self.epoch() == seen && right.len() < MOST {
            // A repeated use does not prolong it: the password is checked for real every few minutes.
            let entry = right.entry(digest).or_insert((account, now));
            if entry.1 <= now {
                *entry = (account, now + REMEMBERED);
            }
        }
    }

    /// Forgets what is remembered of an account and starts a new epoch.
    pub(super) fn revoke(&self, account: AccountId) {
        let mut right = locked(&self.right);
        self.epoch.fetch_add(1, Ordering::SeqCst);
        right.retain(|_, (owner, _)| *owner != account);
    }

    /// Forgets everything and starts a new epoch.
    pub(super) fn forget(&self) {
        let mut right = locked(&self.right);
        self.epoch.fetch_add(1, Ordering::SeqCst);
        right.clear();
    }

    /// Starts a new epoch: what was judged before it and not finished is judged once more.
    pub(super) fn new_epoch(&self) {
        let _right = locked(&self.right);
        self.epoch.fetch_add(1, Ordering::SeqCst);
    }

    /// Sweeps out what is past.
    pub(super) fn sweep(&self, now: Timestamp) {
        locked(&self.right).retain(|_, (_, until)| now < *until);
        locked(&self.wrong).retain(|_, wrong| now < wrong.until);
    }

    /// Whether this very password was found wrong, and counted, for this account or name from this address a while ago.
    pub(super) fn wrong_before(
        &self,
        whose: PasswordOwner,
        password: &Password,
        source: &Source,
        now: Timestamp,
    ) -> WrongBefore {
        let digest = self.digest("wrong", &whose.bytes(), password, source);
        match locked(&self.wrong).get(&digest) {
            Some(wrong) if wrong.until <= now => WrongBefore::No,
            Some(wrong) if now < wrong.seen_at + STILL_WRONG && wrong.seen == self.epoch() => {
                WrongBefore::JustNow
            }
            Some(_) => WrongBefore::Counted,
            None => WrongBefore::No,
        }
    }

    /// Remembers a wrong password that was counted, and looked at after the revocations of `seen`. Where there is no
    /// room, it counts once more when it comes again.
    pub(super) fn remember_wrong(
        &self,
        whose: PasswordOwner,
        password: &Password,
        source: &Source,
        now: Timestamp,
        seen: Epoch,
    ) {
        let digest = self.digest("wrong", &whose.bytes(), password, source);
        let mut wrong = locked(&self.wrong);
        if wrong.len() >= MOST {
            wrong.retain(|_, wrong| now < wrong.until);
        }
        if wrong.len() < MOST {
            wrong.insert(
                digest,
                Wrong {
                    until: now + WRONG_REMEMBERED,
                    seen_at: now,
                    seen,
                },
            );
        }
    }

    fn digest(
        &self,
        purpose: &str,
        subject: &[u8],
        password: &Password,
        source: &Source,
    ) -> Digest {
        // One that is written as IPv4 within IPv6 is the same address.
        let address = match source.shown_address() {
            IpAddr::V4(address) => address.to_ipv6_mapped(),
            IpAddr::V6(address) => address,
        };
        // Each part is of a length of its own, or follows its length, or is the last.
        let mut data = Vec::with_capacity(subject.len() + password.expose().len() + 25);
        data.extend((subject.len() as u64).to_be_bytes());
        data.extend(subject);
        data.extend(address.octets());
        data.push(u8::from(source.is_obscured()));
        data.extend(password.expose().as_bytes());
        let digest = keyed_hash(&self.secret, purpose, &data);
        zeroize::Zeroize::zeroize(&mut data);
        digest
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verification_is_remembered_again_after_its_time_was_over() {
        let verified = Verified::new().expect("randomness");
        let account = AccountId::new(1);
        let password = Password::new("secret".to_owned());
        let source = Source::assured([192, 0, 2, 1].into(), sekisho_source::KeyLength::default());
        let mut now = Timestamp::UNIX_EPOCH;
        for _ in 0..2 {
            verified.remember(account, &password, &source, now, verified.epoch());
            assert!(verified.knows(account, &password, &source, now));
            now += REMEMBERED;
            assert!(!verified.knows(account, &password, &source, now));
        }
    }
}
