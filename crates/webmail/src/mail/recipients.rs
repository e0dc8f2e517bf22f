//! Addresses as people type them: `花子 <hanako@kit.example>, taro@kit.example`.

use sekisho_checkpoint::address::MailAddress;

/// Someone a message goes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Recipient {
    /// The name before the address; may be empty.
    pub name: String,
    /// The address.
    pub address: MailAddress,
}

/// Reads a list, parted by commas, semicolons or line ends. What is no address is returned as it was typed, each by itself.
pub(super) fn parse(typed: &str) -> (Vec<Recipient>, Vec<String>) {
    let (mut good, mut bad) = (Vec::new(), Vec::new());
    for item in split(typed) {
        match one(&item) {
            Some(recipient) => good.push(recipient),
            None => bad.push(item),
        }
    }
    (good, bad)
}

fn one(item: &str) -> Option<Recipient> {
    let (name, address) = match item
        .strip_suffix(['>', '＞'])
        .and_then(|item| item.rsplit_once(['<', '＜']))
    {
        Some((name, address)) => (unquoted(name.trim()), address),
        None => (String::new(), item),
    };
    MailAddress::parse(address)
        .ok()
        .map(|address| Recipient { name, address })
}

/// Splits at commas and the like that are neither quoted nor within angle brackets.
fn split(typed: &str) -> Vec<String> {
    let mut items = vec![String::new()];
    let (mut quoted, mut bracketed, mut escaped) = (false, false, false);
    for c in typed.chars() {
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
        if let Some(item) = items.last_mut() {
            item.push(if c.is_control() { ' ' } else { c });
        }
    }
    items
        .iter()
        .map(|item| item.trim().to_owned())
        .filter(|item| !item.is_empty())
        .collect()
}

/// A name without its quotes (RFC 5322, section 3.2.4).
fn unquoted(name: &str) -> String {
    let Some(inner) = name
        .strip_prefix('"')
        .and_then(|name| name.strip_suffix('"'))
    else {
        return name.to_owned();
    };
    let mut out = String::with_capacity(inner.len());
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        out.extend(if c == '\\' { chars.next() } else { Some(c) });
    }
    out
}

/// An address with its name as [`parse`] reads it again.
pub(super) fn written(name: &str, address: &str) -> String {
    if name.trim().is_empty() {
        return address.to_owned();
    }
    if name.contains([',', ';', '<', '>', '"', '\\', '、', '，', '；', '＜', '＞']) {
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
        let typed = "花子 <hanako@kit.example>、taro@kit.example; \"Doe, J.\" <j@x.example>\nＡ＠kit.example,,";
        let (good, bad) = parse(typed);
        let read: Vec<_> = good
            .iter()
            .map(|r| (r.name.as_str(), r.address.to_string()))
            .collect();
        let want = [
            ("花子", "hanako@kit.example"),
            ("", "taro@kit.example"),
            ("Doe, J.", "j@x.example"),
            ("", "A@kit.example"),
        ];
        assert_eq!(read, want.map(|(n, a)| (n, a.to_owned())));
        assert_eq!(bad, Vec::<String>::new());
    }

    #[test]
    fn what_is_no_address_is_named_one_by_one() {
        let (good, bad) = parse("taro, a@b@c, ok@kit.example, x <y>");
        assert_eq!(good.len(), 1);
        assert_eq!(bad, ["taro", "a@b@c", "x <y>"]);
    }

    #[test]
    fn names_survive_being_written() {
        for name in ["花子", "Doe, J.", "a \"b\" \\c", ""] {
            let (good, _) = parse(&written(name, "x@kit.example"));
            assert_eq!(good.first().map(|r| r.name.as_str()), Some(name));
        }
    }
}
