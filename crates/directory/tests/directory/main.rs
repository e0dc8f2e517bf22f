//! The directory of own accounts: names that lead to one account or to none, passwords, what the command line does, imports.

mod imports;
mod names;
mod operations;
mod passwords;
mod site;
