//! The patterns of LIST (RFC 3501, section 6.3.8).

use sekisho_store::FolderName;

/// A pattern with the wildcards `*` (anything) and `%` (anything within a level).
pub(super) struct Pattern(Vec<char>);

impl Pattern {
    /// The longest pattern, in characters: matching takes time in proportion to the product of two lengths.
    const LONGEST: usize = 500;

    /// Joins the reference and the pattern; `None` if the result is too long.
    pub(super) fn new(reference: &str, pattern: &str) -> Option<Self> {
        let mut whole: Vec<char> = Vec::new();
        for character in reference.chars().chain(pattern.chars()) {
            // Of neighbouring wildcards, the wider one covers the other.
            match (whole.last(), character) {
                (Some('*'), '*' | '%') | (Some('%'), '%') => {}
                (Some('%'), '*') => {
                    whole.pop();
                    whole.push('*');
                }
                _ => whole.push(character),
            }
            if whole.len() > Self::LONGEST {
                return None;
            }
        }
        // `inbox` means the INBOX in any case.
        let first: String = whole
            .iter()
            .take_while(|&&c| c != FolderName::SEPARATOR)
            .collect();
        if first.eq_ignore_ascii_case("INBOX") {
            whole.splice(..5, "INBOX".chars());
        }
        Some(Self(whole))
    }

    /// Whether the pattern matches a folder's name. Takes time in proportion to the product of both lengths, whatever
    /// they hold.
    pub(super) fn matches(&self, name: &str) -> bool {
        let pattern = &self.0;
        let mut reached = vec![false; pattern.len() + 1];
        let mut next = reached.clone();
        reached[0] = true;
        self.pass_wildcards(&mut reached);
        for character in name.chars() {
            next.fill(false);
            for (at, &expected) in pattern.iter().enumerate() {
                if !reached[at] {
                    continue;
                }
                match expected {
                    '*' => next[at] = true,
                    '%' => next[at] |= character != FolderName::SEPARATOR,
                    _ => next[at + 1] |= expected == character,
                }
            }
            std::mem::swap(&mut reached, &mut next);
            self.pass_wildcards(&mut reached);
        }
        reached.last() == Some(&true)
    }

    /// A wildcard may match nothing.
    fn pass_wildcards(&self, reached: &mut [bool]) {
        for (at, character) in self.0.iter().enumerate() {
            if matches!(character, '*' | '%') {
                reached[at + 1] |= reached[at];
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_stop_where_the_rfc_stops_them() {
        for (pattern, name, matches) in [
            ("*", "a/b", true),
            ("%", "a", true),
            ("%", "a/b", false),
            ("a/%", "a/b", true),
            ("a/%", "a/b/c", false),
            ("a*c", "a/b/c", true),
            ("%/c", "a/b/c", false),
            ("%%*%", "x/y", true),
            ("inbox", "INBOX", true),
            ("inbox/%", "INBOX/a", true),
            ("", "a", false),
            ("会%", "会議", true),
        ] {
            let found = Pattern::new("", pattern).unwrap().matches(name);
            assert_eq!(found, matches, "{pattern} on {name}");
        }
        assert!(Pattern::new("a/", "%").unwrap().matches("a/b"));
        assert!(Pattern::new("", &"a*".repeat(300)).is_none());
    }
}
