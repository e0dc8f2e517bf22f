//! Reading TOML key by key, each value by its type and with its line.

use std::ops::Deref;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::problem::Findings;

/// A value, and the line on which it stands; a default stands on none.
#[derive(Debug, Clone)]
pub(super) struct Located<T> {
    value: T,
    line: Option<usize>,
}

/// A list, each of whose values knows its own line.
pub(super) type List<T> = Vec<Located<T>>;

impl<T> Located<T> {
    /// A value that nobody wrote.
    pub(super) fn default(value: T) -> Self {
        Self { value, line: None }
    }

    /// Where it stands.
    pub(super) fn line(&self) -> Option<usize> {
        self.line
    }
}

impl<T: Clone> Located<T> {
    /// The value alone.
    pub(super) fn get(&self) -> T {
        self.value.clone()
    }
}

impl<T> Deref for Located<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

/// The values of a list, for those who don't ask where they stand.
pub(super) fn values<T: Clone>(list: &[Located<T>]) -> Vec<T> {
    list.iter().map(Located::get).collect()
}

/// Something that can be the value of a key.
pub(super) trait Value: Sized {
    /// Reads it; notes what is wrong with it.
    fn read(key: &str, value: &Spanned<DeValue<'_>>, findings: &mut Findings<'_>) -> Option<Self>;

    /// How it stands in a file; empty where leaving the key out is not the same as writing anything.
    fn written(&self) -> String;
}

impl<T: Value> Value for Located<T> {
    fn read(key: &str, value: &Spanned<DeValue<'_>>, findings: &mut Findings<'_>) -> Option<Self> {
        Some(Self {
            value: T::read(key, value, findings)?,
            line: Some(findings.line_of(&value.span())),
        })
    }

    fn written(&self) -> String {
        self.value.written()
    }
}

impl<T: Value> Value for Option<T> {
    fn read(key: &str, value: &Spanned<DeValue<'_>>, findings: &mut Findings<'_>) -> Option<Self> {
        T::read(key, value, findings).map(Some)
    }

    fn written(&self) -> String {
        self.as_ref().map(T::written).unwrap_or_default()
    }
}

impl<T: Value> Value for List<T> {
    fn read(key: &str, value: &Spanned<DeValue<'_>>, findings: &mut Findings<'_>) -> Option<Self> {
        let Some(array) = value.get_ref().as_array() else {
            wrong_kind(key, "a list in brackets", value, findings);
            return None;
        };
        // All of them are looked at before one that is wrong decides.
        let read: Vec<_> = array
            .iter()
            .map(|element| Located::read(key, element, findings))
            .collect();
        read.into_iter().collect()
    }

    fn written(&self) -> String {
        let elements: Vec<_> = self.iter().map(Value::written).collect();
        format!("[{}]", elements.join(", "))
    }
}

/// Notes that a value is of another kind than its key wants.
pub(super) fn wrong_kind(
    key: &str,
    wanted: &str,
    value: &Spanned<DeValue<'_>>,
    findings: &mut Findings<'_>,
) {
    let found = match value.get_ref() {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) | DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a time",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a section",
    };
    let line = findings.line_of(&value.span());
    findings.problem(
        Some(line),
        format!("`{key}` must be {wanted}, and this is {found}"),
    );
}

/// A section of the file, or nothing where it is not written.
pub(super) struct Table<'a> {
    title: String,
    line: Option<usize>,
    entries: Option<&'a DeTable<'a>>,
    has_unknown_keys: bool,
}

impl<'a> Table<'a> {
    /// A section that is not written.
    pub(super) fn absent(name: &str) -> Self {
        Self {
            title: format!("[{name}]"),
            line: None,
            entries: None,
            has_unknown_keys: false,
        }
    }

    /// A section, as it is written at the place of `value`.
    pub(super) fn new(
        title: String,
        value: &'a Spanned<DeValue<'a>>,
        findings: &mut Findings<'_>,
    ) -> Option<Self> {
        let line = findings.line_of(&value.span());
        let Some(entries) = value.get_ref().as_table() else {
            findings.problem(Some(line), format!("this is a section: write {title}"));
            return None;
        };
        Some(Self {
            title,
            line: Some(line),
            entries: Some(entries),
            has_unknown_keys: false,
        })
    }

    /// Where it begins.
    pub(super) fn line(&self) -> Option<usize> {
        self.line
    }

    /// Notes keys that nobody knows.
    pub(super) fn refuse_unknown(&mut self, known: &[&str], findings: &mut Findings<'_>) {
        if let Some(entries) = self.entries {
            self.has_unknown_keys = refuse_unknown(entries, known, findings);
        }
    }

    /// The value of a key, or its default.
    pub(super) fn optional<T: Value>(
        &self,
        key: &str,
        default: impl FnOnce() -> T,
        findings: &mut Findings<'_>,
    ) -> Option<Located<T>> {
        match self.value(key) {
            Some(value) => Located::read(key, value, findings),
            None => Some(Located::default(default())),
        }
    }

    /// The value of a key that has to be there; `needs` says what it is.
    pub(super) fn required<T: Value>(
        &self,
        key: &str,
        needs: &str,
        findings: &mut Findings<'_>,
    ) -> Option<Located<T>> {
        if let Some(value) = self.value(key) {
            return Located::read(key, value, findings);
        }
        // A key that nobody knows is likely to be this one, misspelt, and was noted already.
        if !self.has_unknown_keys {
            findings.problem(self.line, format!("{} needs `{key}`: {needs}", self.title));
        }
        None
    }

    fn value(&self, key: &str) -> Option<&'a Spanned<DeValue<'a>>> {
        let mut entries = self.entries?.iter();
        entries
            .find(|(name, _)| name.get_ref() == key)
            .map(|(_, value)| value)
    }
}

/// Notes the keys of a table that are not among the known ones, each with the nearest of those. Says whether there are
/// any.
pub(super) fn refuse_unknown(
    entries: &DeTable<'_>,
    known: &[&str],
    findings: &mut Findings<'_>,
) -> bool {
    let mut any = false;
    for (typed, _) in entries {
        let name: &str = typed.get_ref();
        if known.contains(&name) {
            continue;
        }
        any = true;
        let distance = |known: &&&str| strsim::damerau_levenshtein(name, known);
        let text = match known.iter().min_by_key(distance) {
            Some(nearest) => format!("there is no key `{name}`; did you mean `{nearest}`?"),
            None => format!("there is no key `{name}`"),
        };
        let line = findings.line_of(&typed.span());
        findings.problem(Some(line), text);
    }
    any
}
