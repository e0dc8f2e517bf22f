//! The extensions that a server offers in its answer to EHLO.

use crate::reply::Reply;

/// The extensions that a server offers (RFC 5321 4.1.1.1): each has a keyword, and may have parameters.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Extensions(Vec<String>);

impl Extensions {
    /// From an answer to EHLO: its lines after the first.
    #[must_use]
    pub fn offered(reply: &Reply) -> Self {
        Self(reply.texts().iter().skip(1).cloned().collect())
    }

    /// From such lines alone.
    #[must_use]
    pub fn from_lines(lines: Vec<String>) -> Self {
        Self(lines)
    }

    /// The lines, as the server wrote them.
    #[must_use]
    pub fn lines(&self) -> &[String] {
        &self.0
    }

    /// The parameters of a keyword, whose case doesn't matter, if the extension is offered.
    #[must_use]
    pub fn get(&self, keyword: &str) -> Option<&str> {
        self.0.iter().find_map(|line| {
            let (word, values) = line.split_once(' ').unwrap_or((line, ""));
            word.eq_ignore_ascii_case(keyword).then_some(values)
        })
    }

    /// Whether an extension is offered.
    #[must_use]
    pub fn has(&self, keyword: &str) -> bool {
        self.get(keyword).is_some()
    }

    /// Whether a word, in any case, is among the parameters of a keyword: a mechanism of `AUTH`, an attribute of
    /// `XCLIENT`.
    #[must_use]
    pub fn lists(&self, keyword: &str, word: &str) -> bool {
        let words = self.get(keyword).unwrap_or_default();
        words
            .split(' ')
            .any(|listed| listed.eq_ignore_ascii_case(word))
    }

    /// The largest message in bytes (RFC 1870 4), if the server names a limit.
    #[must_use]
    pub fn largest_message(&self) -> Option<u64> {
        self.get("SIZE")?
            .trim()
            .parse()
            .ok()
            .filter(|most| *most > 0)
    }

    /// Only the extensions with one of these keywords, as lines of an answer to EHLO.
    #[must_use]
    pub fn only(&self, keywords: &[&str]) -> Vec<String> {
        let lines = self.0.iter().filter(|line| {
            let word = line.split(' ').next().unwrap_or_default();
            keywords
                .iter()
                .any(|known| known.eq_ignore_ascii_case(word))
        });
        lines.cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extensions_are_found_in_any_case() {
        let lines = ["kit.example size 5", "Size 1000", "auth PLAIN login", "DSN"];
        let offered = Extensions::offered(&Reply::lines(250, lines.map(str::to_owned)));
        assert_eq!(offered.largest_message(), Some(1000));
        assert!(offered.lists("AUTH", "LOGIN"));
        assert!(!offered.lists("AUTH", "XOAUTH2") && !offered.has("kit.example"));
        assert_eq!(offered.only(&["DSN", "SIZE"]), ["Size 1000", "DSN"]);
    }

    #[test]
    fn no_limit_is_no_limit() {
        for line in ["SIZE", "SIZE 0", "SIZE lots"] {
            let reply = Reply::lines(250, ["h".to_owned(), line.to_owned()]);
            let offered = Extensions::offered(&reply);
            assert!(offered.has("SIZE"));
            assert_eq!(offered.largest_message(), None, "{line}");
        }
    }
}
