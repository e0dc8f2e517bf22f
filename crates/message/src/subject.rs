//! What replies and forwards put around a subject (RFC 5256, section 2.1).

/// How many characters of a subject are looked at for its base.
const LONGEST_BASE: usize = 1_000;

/// Whether a subject is that of a reply or a forward: whether its base lacks words that these add (RFC 5256, section
/// 2.1).
pub fn is_reply(subject: &str) -> bool {
    base(subject).1
}

/// The subject without what replies and forwards put around it (RFC 5256, section 2.1), lower case.
pub fn base_subject(subject: &str) -> String {
    base(subject).0
}

fn base(subject: &str) -> (String, bool) {
    let folded: String = subject
        .chars()
        .take(LONGEST_BASE)
        .flat_map(char::to_lowercase)
        .collect();
    let words: Vec<&str> = folded.split_whitespace().collect();
    let joined = words.join(" ");
    let mut text = joined.as_str();
    let mut reply = false;
    loop {
        let before = text;
        while let Some(rest) = text.strip_suffix("(fwd)") {
            reply = true;
            text = rest.trim_end();
        }
        while let Some(rest) = without_leader(text) {
            reply = true;
            text = rest.trim_start();
        }
        if let Some(rest) = without_blob(text).map(str::trim_start)
            && !rest.is_empty()
        {
            text = rest;
        }
        if let Some(inner) = text
            .strip_prefix("[fwd:")
            .and_then(|rest| rest.strip_suffix(']'))
        {
            reply = true;
            text = inner.trim();
        }
        if text == before {
            return (text.to_owned(), reply);
        }
    }
}

/// Removes `re:`, `re[2]:`, `[list] fwd:` and the like from the beginning.
fn without_leader(text: &str) -> Option<&str> {
    let mut text = text;
    while let Some(rest) = without_blob(text) {
        text = rest.trim_start();
    }
    let rest = ["re", "fwd", "fw"]
        .iter()
        .find_map(|word| text.strip_prefix(word))?;
    let rest = rest.trim_start();
    without_blob(rest)
        .unwrap_or(rest)
        .trim_start()
        .strip_prefix(':')
}

/// Removes `[...]` from the beginning.
fn without_blob(text: &str) -> Option<&str> {
    let inner = text.strip_prefix('[')?;
    let end = inner.find(['[', ']'])?;
    inner[end..].strip_prefix(']')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_and_forwards_have_the_subject_of_the_first() {
        for subject in [
            "会議 Agenda",
            "Re: 会議  agenda",
            "RE[2]: Fwd: [list] re: 会議 agenda (fwd)",
            "[list] 会議 agenda",
            "[Fwd: 会議 agenda]",
        ] {
            assert_eq!(base_subject(subject), "会議 agenda", "{subject:?}");
        }
        assert_eq!(base_subject("[list]"), "[list]");
        assert_eq!(base_subject("Regarding: x"), "regarding: x");
    }
}
