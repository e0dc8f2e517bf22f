//! Addresses as people type them: `花子 <hanako@kit.example>、taro@kit.example`.

use super::reader::{Entry, Reader};
use super::spec::AddressSpec;

/// One item of a typed list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Typed {
    /// As it was typed.
    pub text: String,
    /// The name before the address; may be empty.
    pub name: String,
    /// The address, if it is one.
    pub address: Option<AddressSpec>,
}

/// Splits a list at commas, semicolons and line ends, of any width. What is not an address becomes an item as well.
/// Unlike in a header, a word before a comma is never the beginning of a name: it is an address that isn't finished.
#[must_use]
pub fn typed(list: &str) -> Vec<Typed> {
    split(list).into_iter().map(item).collect()
}

fn item(text: String) -> Typed {
    let read = Reader::read(text.as_bytes());
    // Without brackets or quotes, several words are not an address, even if a reader could join them to one.
    let is_bare = !text.contains(['<', '"', '(']);
    let is_words = is_bare && text.contains(char::is_whitespace);
    let words = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    match &read.entries[..] {
        [
            Entry::Address {
                name,
                route: None,
                mailbox,
                host,
            },
        ] if !is_words && !mailbox.contains(&b'@') => Typed {
            name: name.as_deref().map(words).unwrap_or_default(),
            address: AddressSpec::new(&words(mailbox), &words(host)).ok(),
            text,
        },
        _ => Typed {
            name: String::new(),
            address: None,
            text,
        },
    }
}

/// Splits at commas and the like, unless they are quoted or within angle brackets.
fn split(list: &str) -> Vec<String> {
    let mut items = vec![String::new()];
    let (mut quoted, mut bracketed, mut escaped) = (false, false, false);
    for c in list.chars() {
        let parts = !quoted && !bracketed && matches!(c, ',' | ';' | '、' | '，' | '；');
        if parts || matches!(c, '\r' | '\n') {
            // An unclosed quote ends with its line.
            (quoted, bracketed, escaped) = (false, false, false);
            items.push(String::new());
            continue;
        }
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '<' | '＜' if !quoted => bracketed = true,
            '>' | '＞' if !quoted => bracketed = false,
            _ => {}
        }
        // A Japanese keyboard gives full-width brackets and `@`; within quotes they stay as they are.
        let c = match c {
            '＜' if !quoted => '<',
            '＞' if !quoted => '>',
            '＠' if !quoted => '@',
            c if c.is_control() => ' ',
            c => c,
        };
        if let Some(item) = items.last_mut() {
            item.push(c);
        }
    }
    items
        .iter()
        .map(|item| item.trim().to_owned())
        .filter(|item| !item.is_empty())
        .collect()
}

/// A name and an address, written so that [`typed`] reads them back.
#[must_use]
pub fn written(name: &str, address: &str) -> String {
    if name.trim().is_empty() {
        return address.to_owned();
    }
    let marks = [
        ',', ';', ':', '<', '>', '(', ')', '"', '\\', '@', '、', '，', '；', '＜', '＞', '＠',
    ];
    if name.contains(marks) || name.contains("=?") {
        let escaped = name.replace('\\', "\\\\").replace('"', "\\\"");
        return format!("\"{escaped}\" <{address}>");
    }
    format!("{name} <{address}>")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read_as_people_type_them() {
        let list = "花子 <hanako@kit.example>、taro@kit.example; \"Doe, J.\" <j@x.example>\n\
                    Ａ＠kit.example,,<\"ha..\"@docomo.ne.jp>, b..@docomo.ne.jp";
        let read: Vec<_> = typed(list)
            .into_iter()
            .map(|one| {
                (
                    one.name,
                    one.address
                        .map(|address| address.to_string())
                        .unwrap_or_default(),
                )
            })
            .collect();
        let want = [
            ("花子", "hanako@kit.example"),
            ("", "taro@kit.example"),
            ("Doe, J.", "j@x.example"),
            ("", "Ａ@kit.example"),
            ("", "\"ha..\"@docomo.ne.jp"),
            ("", "\"b..\"@docomo.ne.jp"),
        ];
        assert_eq!(
            read,
            want.map(|(name, address)| (name.to_owned(), address.to_owned()))
        );
    }

    #[test]
    fn what_is_no_address_is_named_one_by_one() {
        let all = typed(
            "taro, a@b@c, taro y@x.example, ok@kit.example, x <y>, YAMADA, Taro <t@x.example>",
        );
        let bad: Vec<_> = all.iter().filter(|one| one.address.is_none()).collect();
        let bad: Vec<_> = bad.iter().map(|one| one.text.as_str()).collect();
        assert_eq!(
            bad,
            ["taro", "a@b@c", "taro y@x.example", "x <y>", "YAMADA"]
        );
    }

    #[test]
    fn names_survive_being_written() {
        for name in ["花子", "Doe, J.", "a \"b\" \\c", "a (b): c@d", "＜花＞", ""] {
            let all = typed(&written(name, "x@kit.example"));
            assert_eq!(all.len(), 1);
            assert_eq!(all[0].name, name);
        }
    }
}
