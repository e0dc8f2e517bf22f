//! Where names are mapped to accounts and passwords checked: own accounts in one SQLite file, or a site's LDAP directory.
//!
//! The crate carries out the port [`sekisho_checkpoint::ports::Directory`]. A typed name leads to exactly one account or to none: every spelling is folded to
//! one form first, and a folded name is the key of a table. An id is never given twice, so an account that gets a name which another had before inherits
//! nothing of it. Passwords are kept as argon2id hashes; hashes of other systems are taken over and replaced at the first right password.
//!
//! It decides nothing about who gets in: whether a usable account with the right password is admitted is the checkpoint's business. It never sees a factor, and
//! no password leaves it in any form.
//!
//! In reading order: [`accounts`] is the directory as the checkpoint sees it, [`admin`] what the command line does with it, [`import`] takes accounts from a
//! CSV file; [`hash`] is how passwords are kept, [`rules`] which new ones are taken, `pool` where they are computed; `store` has all of the SQL.
//! [`ldap`] is the other directory.

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
pub use admin::{Listed, NewAccount};
pub use error::AccountsError;
pub use hash::ArgonCost;
pub use ldap::{LdapDirectory, LdapSecurity, LdapSettings};
