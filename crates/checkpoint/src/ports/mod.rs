//! The ports: what the checkpoint needs of the world, as traits that others implement.
//!
//! In reading order: [`Clock`] is here; `records` is what is kept, `update` what changes of it in one transaction,
//! `outbox` the letters that wait in it; `directory` knows accounts and passwords; `courier` carries letters.

mod courier;
mod directory;
mod outbox;
mod records;
mod update;

use std::future::Future;
use std::pin::Pin;

use jiff::Timestamp;

pub use courier::{Courier, CourierError, Fate, Letter, Notice, OtpLetter};
pub use directory::{Directory, DirectoryError, PasswordChange, SetPasswordError};
pub use outbox::OutboxLetter;
pub use records::{Records, RecordsError, Reseal, SealedItem};
pub use update::{
    AccountUpdate, Applied, Change, CodePurpose, CompanionClaim, Cut, Ending, Expected, InSession,
    LeftBehind, MailedCode, NewSession, NewToken, OneTime, OtpFailure, OtpFailures, Reach,
    Revocation, RevocationNumber, SessionBegun, SessionUpdate, WaitingSignIn,
};

/// A future in a box.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The wall clock. A test holds one in its hand.
pub trait Clock: Send + Sync + 'static {
    /// The time. It may step back; the checkpoint evens that out.
    fn now(&self) -> Timestamp;

    /// Completes when [`Self::now`] has reached `until`.
    fn sleep_until(&self, until: Timestamp) -> BoxFuture<'_, ()>;
}
