//! Starts Sekisho, or parts of it, for tests: on free ports, in a temporary folder, with a clock that only the test
//! moves.
//!
//! It holds no expectations of its own: the tests are in `tests/it/` and `tests/browsers/`, each file named after what
//! it shows.
//!
//! In reading order (the clock is that of `sekisho_fakes`): [`accounts`] adds accounts. [`checkpoint`] is a checkpoint
//! over real databases, with a letter box in place of the mail system; [`records`] changes the file of its records.
//! [`stage`] is the whole system as `sekisho demo` runs it, used only through its doors: over [`http`], over the
//! [`wire`], or with a [`browser`]. [`dovecot`], [`cyrus`], [`asking`], [`openldap`], [`postgres`] and [`sink`] are
//! servers that a site has already; [`ports`] finds free ports for them, and [`tools`] the programs that `scripts/test`
//! unpacks.

pub mod accounts;
pub mod asking;
pub mod browser;
pub mod checkpoint;
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
