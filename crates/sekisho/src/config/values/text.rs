//! Values that are written as a text in quotes.

use toml::Spanned;
use toml::de::DeValue;

use crate::config::problem::Findings;
use crate::config::read::{Value, wrong_kind};

/// A value that is written as a text in quotes.
pub(in crate::config) trait Text: Sized {
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
