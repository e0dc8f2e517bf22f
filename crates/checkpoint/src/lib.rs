//! The checkpoint: the one place that decides who may open a mailbox.
//!
//! Doors ask, they never judge. [`rule::decide`] is a pure function; [`Checkpoint`] gathers what it needs through the
//! ports and carries out what follows. The crate does no I/O, reads no clock and knows no database, no protocol and no
//! language: all of that is passed in.
//!
//! In reading order: [`rule`] is what everything is about; [`credential`], [`account`], [`address`], [`network`],
//! [`policy`], [`factor`], [`grant`] and [`session`] are its terms; [`ports`] is what it needs of the world; [`door`],
//! [`sasl`], [`lease`] and [`web`] are what doors ask with and get; [`Checkpoint`] joins them.

pub mod account;
pub mod address;
pub mod audit;
mod checkpoint;
pub mod credential;
pub mod door;
pub mod factor;
pub mod grant;
pub mod id;
pub mod lease;
pub mod network;
pub mod one_time_code;
pub mod policy;
pub mod ports;
mod random;
pub mod rule;
pub mod sasl;
pub mod sealing;
pub mod session;
mod symbols;
pub mod throttle;
pub mod web;

pub use account::{Account, AccountId, LoginName, Password};
pub use checkpoint::{
    Challenge, ChangeError, Checkpoint, CompanionError, CompanionToken, Elsewhere, GrantView,
    MailedCodeState, MfaView, Parts, Proof, ProofError, RECOVERY_CODES, RegisterError, Registered,
    RegistrationState, Reproof, ResealError, Site,
};
pub use door::{Admitted, Attempt, Attested, NotAdmitted, Refusal};
pub use one_time_code::OneTimeCode;
