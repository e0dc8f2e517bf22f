//! The courier: what carries the checkpoint's letters, and what they say.

use std::net::IpAddr;

use async_trait::async_trait;
use jiff::Timestamp;
use sekisho_otp::OtpCode;

use crate::account::AccountId;
use crate::address::MailAddress;
use crate::audit::EventKind;
use crate::id::LetterId;

/// The courier took no letter.
#[derive(Debug, thiserror::Error)]
pub enum CourierError {
    /// Mail can't be sent just now.
    #[error("mail can't be sent just now: {0}")]
    Temporarily(String),
    /// No way out for such mail is configured.
    #[error("no relay is configured for mail that leaves the site")]
    NoRelay,
}

/// What became of a letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// Still on its way; with the last temporary trouble, if there was one.
    Waiting(Option<String>),
    /// Handed over.
    Sent,
    /// Refused for good; with the words of who refused.
    Failed(String),
    /// Its time ended before it could be handed over.
    Expired,
}

/// A letter of the checkpoint. How it reads is the courier's; what it says is here.
#[derive(Debug, Clone)]
pub enum Letter {
    /// A mailed OTP.
    Otp(OtpLetter),
    /// News of a change, to the mailbox and the external addresses.
    Notice(Notice),
}

/// A mailed OTP: from the account's own address, gone from the queue when the code ends.
#[derive(Debug, Clone)]
pub struct OtpLetter {
    /// The letter's id.
    pub id: LetterId,
    /// From whose address.
    pub from: MailAddress,
    /// To where.
    pub to: MailAddress,
    /// The code.
    pub code: OtpCode,
    /// Who asked.
    pub asked_from: IpAddr,
    /// Until when the code holds.
    pub expires_at: Timestamp,
}

/// News of a change of an account.
#[derive(Debug, Clone)]
pub struct Notice {
    /// Whose mailbox gets it.
    pub account: AccountId,
    /// From and to that address.
    pub mailbox: MailAddress,
    /// External addresses that get it too, the old and the new.
    pub also_to: Vec<MailAddress>,
    /// What happened.
    pub what: EventKind,
    /// When.
    pub at: Timestamp,
    /// From where, if from anywhere.
    pub from: Option<IpAddr>,
    /// A few words more; may be empty.
    pub detail: String,
    /// The page on which the person can see what happened and end everything.
    pub page: String,
}

/// Takes letters and carries them durably: once taken, a letter outlives a crash.
#[async_trait]
pub trait Courier: Send + Sync + 'static {
    /// Takes a letter.
    async fn send(&self, letter: Letter) -> Result<(), CourierError>;

    /// What became of an OTP letter; `None` if unknown (or long gone).
    async fn fate(&self, letter: LetterId) -> Result<Option<Fate>, CourierError>;
}
