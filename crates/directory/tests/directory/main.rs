//! The directory of own accounts: names that lead to one account or to none, passwords, operations of the command line,
//! imports.

mod imports;
mod names;
mod operations;
mod passwords;
mod site;
