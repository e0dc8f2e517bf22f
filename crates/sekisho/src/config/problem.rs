//! What is wrong with a configuration, and on which line.

use std::fmt;
use std::ops::Range;

/// What is wrong with a configuration.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    /// The file can't be read.
    #[error("{path}: {error}")]
    Unreadable {
        /// The file.
        path: String,
        /// Why.
        error: std::io::Error,
    },
    /// Something in it is wrong.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Wrong(Vec<Problem>),
}

/// One thing that is wrong, or, as a [`Warning`], probably not meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    /// On which line, from 1; `None` where something is missing.
    pub(crate) line: Option<usize>,
    /// What, and what to do.
    pub(crate) text: String,
}

/// Something that works but is probably not meant.
pub(crate) type Warning = Problem;

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "line {line}: {}", self.text),
            None => f.write_str(&self.text),
        }
    }
}

/// What has been found in a file so far.
pub(super) struct Findings<'t> {
    text: &'t str,
    problems: Vec<Problem>,
    warnings: Vec<Warning>,
}

impl<'t> Findings<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self {
            text,
            problems: Vec::new(),
            warnings: Vec::new(),
        }
    }

    /// The line on which a piece of the file begins, from 1.
    pub(super) fn line_of(&self, span: &Range<usize>) -> usize {
        let before = self.text.bytes().take(span.start);
        1 + before.filter(|byte| *byte == b'\n').count()
    }

    /// Notes something that is wrong.
    pub(super) fn problem(&mut self, line: Option<usize>, text: impl Into<String>) {
        let text = text.into();
        self.problems.push(Problem { line, text });
    }

    /// Notes something that is probably not meant.
    pub(super) fn warning(&mut self, line: Option<usize>, text: impl Into<String>) {
        let text = text.into();
        self.warnings.push(Problem { line, text });
    }

    /// The result, with the warnings, or all that is wrong; both in the order of their lines.
    pub(super) fn conclude<T>(
        mut self,
        result: Option<T>,
    ) -> Result<(T, Vec<Warning>), ConfigError> {
        self.problems.sort_by_key(|problem| problem.line);
        self.warnings.sort_by_key(|warning| warning.line);
        match result {
            Some(result) if self.problems.is_empty() => Ok((result, self.warnings)),
            _ => Err(ConfigError::Wrong(self.problems)),
        }
    }
}
