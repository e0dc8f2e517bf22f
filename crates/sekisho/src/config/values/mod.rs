//! The types of values, each with how it is written: everything that is more than a text is read as what it is, so that
//! nothing has to be read again.
//!
//! [`text`] is what all have in common that are written in quotes; [`plain`] has numbers, texts and what other crates
//! parse; [`bounded`] numbers and times between two bounds; [`server`] hosts and servers; [`web`] addresses of pages;
//! [`names`] what a site calls its things; [`words`] the words of a choice.

mod bounded;
mod names;
mod plain;
mod server;
mod text;
mod web;
mod words;

pub(crate) use bounded::{Count, Seconds, TEN_YEARS};
pub(crate) use names::{Domain, LdapFilter, NameElsewhere};
pub(crate) use server::{Host, PostgresServer, ServerAddress, is_loopback};
pub(crate) use web::{Origin, WebPage};
pub(crate) use words::{ClientAddress, Demand, LoginWay, PasswordsAt};
