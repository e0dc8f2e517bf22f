//! The embedded mail system: where mail is kept, and the servers that take it in and hand it out.
//!
//! It checks no password and judges nobody: an IMAP session or a submission begins with the checkpoint's
//! [`Admitted`](sekisho_checkpoint::Admitted). It takes mail from relays that the operator named, never from the world.
//!
//! In reading order: [`store`] keeps messages; [`mime`] reads them; [`imap`] hands them out.

pub mod imap;
pub mod mime;
pub mod smtp;
pub mod store;

pub use imap::serve_imap;
