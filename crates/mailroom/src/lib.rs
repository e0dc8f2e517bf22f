//! The embedded mail system: where mail is kept, and the servers that take it in and hand it out.
//!
//! It checks no password and judges nobody: a session of IMAP or POP3 and a submission begin with the checkpoint's
//! [`Admitted`](sekisho_checkpoint::Admitted). It takes mail from relays that the operator named, never from the world.
//!
//! In reading order: [`store`] keeps messages; [`imap`] and [`pop3`] hand them out. [`smtp`] is the grammar of [`incoming`], by
//! which mail comes in, of [`submission`], by which people send it, and of the [`queue`], where it waits to go on; [`delivery`] is what becomes of it at a
//! mailbox, [`letters`] are the site's own mail, and [`mbox`] is a form in which mail moves.

mod addressing;
pub mod delivery;
pub mod dkim;
#[cfg(fuzzing)]
pub mod fuzzing;
pub mod imap;
pub mod incoming;
pub mod letters;
pub mod mbox;
pub mod pop3;
pub mod queue;
#[cfg(test)]
mod scene;
pub mod smtp;
pub mod store;
pub mod submission;

pub use imap::serve_imap;
pub use incoming::run_incoming;
pub use pop3::serve_pop3;
pub use submission::serve_submission;
