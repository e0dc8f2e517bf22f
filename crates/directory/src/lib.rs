//! Finds the account of a name and checks passwords: own accounts in one SQLite file, or a site's LDAP directory.
//!
//! The crate implements the port [`sekisho_checkpoint::ports::Directory`]. A typed name leads to exactly one account or
//! to none: every spelling is normalised (folded) first, and the folded name is the key of a table. An id is never used
//! twice, so an account that gets the former name of another inherits nothing from it. Passwords are stored as argon2id
//! hashes. Hashes of other systems are imported as they are, and replaced at the first sign-in with the right password.
//!
//! It does not decide who is admitted: that is up to the checkpoint. It never sees a factor. A
//! password leaves it only in a bind to the LDAP server.
//!
//! In reading order: [`accounts`] is the directory as the checkpoint sees it, [`admin`] is for the command line,
//! [`import`] reads accounts from a CSV file; [`hash`] is how passwords are stored, [`rules`] which new ones are
//! accepted, `pool` where hashes are computed; `store` has all of the SQL. [`ldap`] is the other directory.

pub mod accounts;
pub mod admin;
mod error;
pub mod hash;
pub mod import;
pub mod ldap;
mod pool;
pub mod rules;
mod store;

pub use accounts::{OwnAccounts, Settings};
pub use admin::{AccountDetails, NewAccount};
pub use error::AccountsError;
pub use hash::ArgonCost;
pub use ldap::{LdapDirectory, LdapSettings};
