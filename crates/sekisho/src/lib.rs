//! The one binary, as a library, so that tests start what people start.
//!
//! In reading order: `config` is the file, read into a checked plan; `rooms` opens the rooms from it, in the `folders`
//! of a site, with the `keys` and `secrets` that it names; [`system`] is what runs, before the `mailroom` or before an
//! `upstream` of the site. [`serve`] runs it for real, on `sockets` that the next process takes over (`takeover`), and
//! [`demo`] on one machine to try; [`commands`] is the command line, which speaks at the `terminal`. [`clock`] is the
//! machine's, and nobody else reads it.

pub mod clock;
pub mod commands;
mod config;
pub mod demo;
mod folders;
mod keys;
mod mailroom;
mod rooms;
mod secrets;
pub mod serve;
mod sockets;
pub mod system;
mod takeover;
mod terminal;
mod upstream;
