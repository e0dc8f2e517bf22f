//! The types of values, each with how it is written: everything that is more than a text is read as what it is, so that
//! nothing has to be read again.
//!
//! [`plain`] has numbers, texts and what other crates parse; [`bounded`] numbers and times between two bounds;
//! [`server`] hosts and servers; [`web`] addresses of pages; [`names`] what a site calls its things; [`words`] the
//! words of a choice.

mod bounded;
mod names;
mod plain;
mod server;
mod web;
mod words;

pub(crate) use bounded::{Count, Seconds, TEN_YEARS};
pub(crate) use names::{Domain, LdapFilter, NameElsewhere};
pub(crate) use server::{Host, PostgresServer, ServerAddress, is_loopback};
pub(crate) use web::{Origin, WebPage};
pub(crate) use words::{ClientAddress, Demand, LoginWay, PasswordsAt, ServerTls};

use toml::Spanned;
use toml::de::DeValue;

use super::problem::Findings;
use super::read::{Value, wrong_kind};

/// A value that is written as a text in quotes.
pub(super) trait Text: Sized {
    /// Reads it; `None` if it is no such thing.
    fn parse(text: &str) -> Option<Self>;

    /// What is wrong with a text that is none, and what to write.
    fn refusal(key: &str, text: &str) -> String;

    /// Writes it.
    fn text(&self) -> String;
}

impl<T: Text> Value for T {
    fn read(key: &str, value: &Spanned<DeValue<'_>>, findings: &mut Findings<'_>) -> Option<Self> {
        let Some(text) = value.get_ref().as_str() else {
            wrong_kind(key, "a text in quotes", value, findings);
            return None;
        };
        let parsed = T::parse(text);
        if parsed.is_none() {
            let line = findings.line_of(&value.span());
            findings.problem(Some(line), T::refusal(key, text));
        }
        parsed
    }

    fn written(&self) -> String {
        format!("{:?}", self.text())
    }
}
