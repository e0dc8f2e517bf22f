//! The fields of a form.

use sekisho_checkpoint::Password;

/// The fields of a form, in the form's order; a name can occur more than once.
#[derive(Default, Clone, PartialEq, Eq)]
pub struct Fields(Vec<(String, String)>);

impl std::fmt::Debug for Fields {
    /// Shows only the number of fields, because they hold passwords and mail.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Fields").field(&self.0.len()).finish()
    }
}

impl Fields {
    /// Fields with these names and values.
    #[must_use]
    pub fn new(fields: Vec<(String, String)>) -> Self {
        Self(fields)
    }

    /// Adds a field behind the others.
    pub(crate) fn push(&mut self, name: String, value: String) {
        self.0.push((name, value));
    }

    /// The value of the first field with this name; empty if there is none.
    #[must_use]
    pub fn text(&self, name: &str) -> &str {
        self.iter()
            .find_map(|(n, value)| (n == name).then_some(value))
            .unwrap_or_default()
    }

    /// The values of all fields with this name.
    pub fn all<'f>(&'f self, name: &'f str) -> impl Iterator<Item = &'f str> {
        self.iter()
            .filter(move |(n, _)| *n == name)
            .map(|(_, value)| value)
    }

    /// Whether there is a field with this name.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.iter().any(|(n, _)| n == name)
    }

    /// The value of a password field; `None` if it is empty or missing.
    #[must_use]
    pub fn password(&self, name: &str) -> Option<Password> {
        Some(self.text(name))
            .filter(|typed| !typed.is_empty())
            .map(|typed| Password::new(typed.to_owned()))
    }

    /// The names and values of all fields.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(n, v)| (n.as_str(), v.as_str()))
    }

    /// All fields except those with this name.
    pub(crate) fn without(self, name: &str) -> Self {
        Self(self.0.into_iter().filter(|(n, _)| n != name).collect())
    }
}
