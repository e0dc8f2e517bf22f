//! A courier that keeps what it is given.

use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use sekisho_checkpoint::id::LetterId;
use sekisho_checkpoint::ports::{Courier, CourierError, Fate, Letter, OtpLetter};

/// Keeps the letters that the checkpoint sends, and reports of each the fate that the test sets: sent, unless it says
/// otherwise.
#[derive(Debug, Default)]
pub struct LetterBox {
    letters: Mutex<Vec<Letter>>,
    fate: Mutex<Option<Fate>>,
}

impl LetterBox {
    /// All letters so far, the oldest first.
    #[must_use]
    pub fn letters(&self) -> Vec<Letter> {
        locked(&self.letters).clone()
    }

    /// How many letters there were so far.
    #[must_use]
    pub fn count(&self) -> usize {
        locked(&self.letters).len()
    }

    /// The latest letter with a mailed OTP.
    #[must_use]
    pub fn latest_otp(&self) -> Option<OtpLetter> {
        let letters = self.letters().into_iter().rev();
        let mut otps = letters.filter_map(|letter| match letter {
            Letter::Otp(otp) => Some(otp),
            Letter::Notice(_) => None,
        });
        otps.next()
    }

    /// Sets the fate that is reported of all letters.
    pub fn decide(&self, fate: Fate) {
        *locked(&self.fate) = Some(fate);
    }
}

#[async_trait]
impl Courier for LetterBox {
    async fn send(&self, letter: Letter) -> Result<(), CourierError> {
        locked(&self.letters).push(letter);
        Ok(())
    }

    async fn fate(&self, _: LetterId) -> Result<Option<Fate>, CourierError> {
        Ok(Some(locked(&self.fate).clone().unwrap_or(Fate::Sent)))
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
