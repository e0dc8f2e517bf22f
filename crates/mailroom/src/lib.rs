//! The embedded mail system: where mail is kept, and the servers that take it in and hand it out.
//!
//! It checks no password and judges nobody: an IMAP session or a submission begins with the checkpoint's
//! [`Admitted`](sekisho_checkpoint::Admitted). It takes mail from relays that the operator named, never from the world.
//!
//! In reading order: [`store`] keeps messages; [`mime`] reads them; [`imap`] hands them out. [`smtp`] is the grammar of [`lmtp`], by
//! which mail comes in, of [`submission`], by which people send it, and of the [`queue`], where it waits to go on; [`letters`] are the site's own mail.

mod addressing;
mod header;
pub mod imap;
pub mod letters;
pub mod lmtp;
pub mod mime;
pub mod queue;
#[cfg(test)]
mod scene;
pub mod smtp;
pub mod store;
pub mod submission;

pub use imap::serve_imap;
pub use lmtp::run_lmtp;
pub use submission::serve_submission;
