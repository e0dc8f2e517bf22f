//! What goes out, and what becomes of mail at a mailbox.
//!
//! Mail that was taken and is not yet where it goes is kept on disk until it is delivered, handed to the relay, or
//! reported as undeliverable. [`Queue::put`] returns once the message is on the disk. From then on it ends in one of
//! three ways only: every recipient has it, the sender has a report, or somebody took it out by hand. A crash can make the
//! relay, or a mailbox, get a message twice; it never loses one.
//!
//! A message for a mailbox of this site waits here as well, for an instant: so a message to ten recipients is taken as a
//! whole or not at all. It reads no mailbox: what it holds is the right to deliver
//! ([`Delivery`](sekisho_store::Delivery)), and no more.
//!
//! In reading order:
//! - [`mail`] is what the queue takes, [`entry`] what it tells of what waits, [`error`] what can go wrong
//! - [`queue`] is the queue itself: `inner` what it consists of, `ledger` its memory, `run` the tries, `report` what
//!   senders are told
//! - [`exit`] is the way out, with [`relay`], [`direct`] and [`outbox`] as its forms; `talk` is what is said to other mail
//!   servers, over a [`connection`]
//! - [`delivery`] is what becomes of a message at a mailbox; [`addressing`] says whose mailbox an address is
//! - [`letters`] are the site's own mail; [`dkim`] signs what leaves

pub mod addressing;
pub mod connection;
pub mod delivery;
pub mod direct;
pub mod dkim;
pub mod entry;
pub mod error;
pub mod exit;
#[cfg(fuzzing)]
pub mod fuzzing;
mod inner;
mod ledger;
pub mod letters;
pub mod mail;
pub mod outbox;
pub mod queue;
pub mod relay;
mod report;
mod run;
#[cfg(any(test, feature = "testing"))]
pub mod scene;
mod talk;
#[cfg(test)]
mod tests;

pub use direct::{DirectExit, Hosts};
pub use entry::{Listed, Order, QueueId, Waiting, Which};
pub use error::QueueError;
pub use exit::{Exit, Outcome, Trouble};
pub use mail::{Mail, Origin, Otp, Recipient};
pub use outbox::{Departed, Outbox};
pub use queue::{Parts, Queue, QueueDesk};
pub use relay::{LoginInTheClear, Relay, RelayLogin, RelayTls, SmtpExit};
