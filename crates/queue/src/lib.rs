//! What goes out, and what becomes of mail at a mailbox.
//!
//! Mail that was accepted is kept on disk until it is delivered, handed to the relay, or reported as undeliverable.
//! [`Queue::put`] returns once the message is on the disk. From then on it ends in one of three ways only: every
//! recipient has it, the sender has a report, or an operator removed it. A crash can make the relay, or a mailbox, get
//! a message twice; it never loses one.
//!
//! A message for a mailbox of this site waits here as well, for an instant: so a message to ten recipients is accepted
//! as a whole or not at all. The queue reads no mailbox: it holds the right to deliver
//! ([`Delivery`](sekisho_store::Delivery)), and no more.
//!
//! In reading order:
//! - [`mail`] is what the queue takes, [`entry`] what it says of what waits, [`error`] what can go wrong
//! - [`queue`] is the queue itself: `inner` its parts, `ledger` its memory, `run` the delivery attempts, `report` what
//!   senders are told
//! - [`transport`] is the way out, with [`relay`], [`direct`] and [`capture`] as its forms; `client` speaks to other
//!   mail servers, over a [`connection`]
//! - [`delivery`] is what becomes of a message at a mailbox; [`addressing`] says whose mailbox an address is
//! - [`system_mail`] is mail that Sekisho itself writes; [`dkim`] signs what leaves

pub mod addressing;
pub mod capture;
mod client;
pub mod connection;
pub mod delivery;
pub mod direct;
pub mod dkim;
pub mod entry;
pub mod error;
#[cfg(fuzzing)]
pub mod fuzzing;
mod inner;
mod ledger;
pub mod mail;
pub mod queue;
pub mod relay;
mod report;
mod run;
#[cfg(any(test, feature = "testing"))]
pub mod scene;
pub mod system_mail;
#[cfg(test)]
mod tests;
pub mod transport;

pub use capture::{CaptureTransport, CapturedMail};
pub use direct::{DirectTransport, Hosts};
pub use entry::{PendingRecipient, QueueAction, QueueEntry, QueueId, Selection};
pub use error::QueueError;
pub use mail::{Mail, Origin, Otp, Recipient};
pub use queue::{Parts, Queue, QueueControl};
pub use relay::{LoginInTheClear, Relay, RelayLogin, RelayTransport};
pub use transport::{Diagnostic, Outcome, Transport};
