//! Starts Sekisho, or parts of it, for tests: on free ports, in a temporary folder, with the clock in the test's hand.
//!
//! [`clock`] is that clock; [`accounts`] makes people; [`checkpoint`] is a checkpoint over real databases with a letter box in place of the mail system.
//! [`records`] gets at the file of its records. [`browser`] is Chromium or Firefox. [`stage`] is the whole system as `sekisho demo` runs it, used through its doors alone: over [`http`] and over the [`wire`]. [`dovecot`], [`cyrus`], [`asking`], [`openldap`], [`postgres`] and [`sink`] are what a site has
//! already; [`ports`] finds room for them, [`tools`] those that are not installed. The stories themselves
//! are in `tests/it/` and `tests/browsers/`, named after what they show.

pub mod accounts;
pub mod asking;
pub mod browser;
pub mod checkpoint;
pub mod clock;
pub mod cyrus;
pub mod dovecot;
pub mod http;
pub mod openldap;
pub mod ports;
pub mod postgres;
pub mod records;
pub mod sink;
pub mod stage;
pub mod tools;
pub mod wire;
