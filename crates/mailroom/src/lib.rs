//! The servers of the embedded mail system: they take mail in and hand it out.
//!
//! They check no password and decide nothing about access: a session of IMAP or POP3 and a submission begin with the
//! checkpoint's [`Admitted`](sekisho_checkpoint::Admitted). They take mail from relays that the operator named, never
//! from the world. Where mail is kept and what becomes of it is for the rooms below: `store` and `queue`.
//!
//! In reading order: [`imap`] and [`pop3`] hand mail out; [`incoming`] takes mail in from other servers, [`submission`]
//! from people, both in the order of commands that `session` keeps.

#[cfg(fuzzing)]
pub mod fuzzing;
pub mod imap;
pub mod incoming;
pub mod pop3;
mod session;
pub mod submission;

pub use imap::serve_imap;
pub use incoming::run_incoming;
pub use pop3::serve_pop3;
pub use submission::serve_submission;
