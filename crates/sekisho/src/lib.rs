//! The one binary, as a library, so that tests start what people start.
//!
//! In reading order: [`config`] is the file; [`system`] puts the rooms together, with `records`, `ldap` and, where the site has a mail system already, `upstream` or `authapi`; [`serve`] runs them for real, on `sockets` that the next process takes over (`takeover`), and [`demo`] on one machine to try; [`commands`]
//! is the command line; [`keys`] and [`clock`] are what only the binary touches.

mod authapi;
pub mod clock;
pub mod commands;
pub mod config;
pub mod demo;
pub mod keys;
mod ldap;
mod records;
mod secrets;
pub mod serve;
mod sockets;
pub mod system;
mod takeover;
mod upstream;
