//! The site's keys go round: what an older one sealed is sealed anew, so that it can go to the archive.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use super::Checkpoint;
use super::letters::letter_binding;
use super::otp_app::otp_key_binding;
use super::pending::pending_bindings;
use crate::ports::{RecordsError, SealedItem};
use crate::sealing::{KeyId, SealingError};

/// Why not all is sealed with the current key.
#[derive(Debug, thiserror::Error)]
pub enum ResealError {
    /// Some of it was sealed with keys that are not in the ring: put them back.
    #[error("factors or letters are sealed with {}, which the key file lacks: put it back from the archive", named(.0))]
    MissingKeys(BTreeSet<KeyId>),
    /// Run it again; it goes on where it stopped.
    #[error(transparent)]
    Records(#[from] RecordsError),
}

fn named(keys: &BTreeSet<KeyId>) -> String {
    let keys: Vec<_> = keys.iter().map(|key| format!("key {}", key.0)).collect();
    keys.join(" and ")
}

impl Checkpoint {
    /// Seals every factor's key, every letter that waits and every registration under way anew with the current key of
    /// the ring. Returns how many factors there were. A service does this when it starts, before anybody comes in: what
    /// the process before it sealed with an older key needs that key no longer then, and what can't be opened at all is
    /// noticed.
    ///
    /// # Errors
    /// [`ResealError`]. What could be sealed anew is.
    pub async fn reseal(&self) -> Result<u32, ResealError> {
        let (current, keys) = (self.keys.current(), self.keys.clone());
        let missing = Arc::new(Mutex::new(BTreeSet::new()));
        let lacks = Arc::clone(&missing);
        let resealed = self
            .records
            .reseal(&move |item, sealed| {
                if sealed.key_id() == Some(current) {
                    return None;
                }
                let seal_anew = |binding| {
                    let plain = keys.open(binding, sealed)?;
                    keys.seal(binding, &plain)
                };
                let anew = match item {
                    SealedItem::OtpKey(account, factor) => {
                        seal_anew(otp_key_binding(account, factor))
                    }
                    SealedItem::Letter(account, letter) => {
                        seal_anew(letter_binding(account, letter))
                    }
                    // One that does not open is begun again, or was over long ago: no key is needed for its sake.
                    SealedItem::Registration(account, session) => {
                        let mut bindings = pending_bindings(account, session).into_iter();
                        return bindings.find_map(|binding| seal_anew(binding).ok());
                    }
                };
                match anew {
                    Ok(anew) => return Some(anew),
                    Err(SealingError::UnknownKey(key)) => {
                        lacks.lock().unwrap_or_else(PoisonError::into_inner).insert(key);
                    }
                    Err(error) => {
                        tracing::error!(%error, ?item, "what the site's key sealed could not be sealed anew");
                    }
                }
                None
            })
            .await?;
        let missing = std::mem::take(&mut *missing.lock().unwrap_or_else(PoisonError::into_inner));
        if missing.is_empty() {
            Ok(resealed)
        } else {
            Err(ResealError::MissingKeys(missing))
        }
    }
}
