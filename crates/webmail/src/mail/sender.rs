//! Senders who look like someone else: what gives them away is shown (mixed scripts, look-alike domains, a name that is
//! another's address).

use sekisho_mailclient::Address;

/// How an address is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Shown {
    /// The name, or the address where there is none that can be trusted.
    pub name: String,
    /// The address, with its domain as people read it.
    pub address: String,
    /// What the reader should know.
    pub doubt: Option<Doubt>,
}

/// What is odd about a sender.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Doubt {
    /// The name reads like an address, and not like this one.
    NameIsAnotherAddress,
    /// The domain has letters of several scripts, or of one that looks like Latin: its ASCII form tells.
    Lettering {
        /// The domain as it is looked up (RFC 5890's A-labels).
        ascii: String,
    },
    /// The domain differs from a known one by characters that look alike.
    LooksLike {
        /// The known one.
        known: String,
    },
}

/// How an address is shown to someone whose own addresses are at `own` domains.
pub(super) fn show(address: &Address, own: &[&str]) -> Shown {
    let (domain, doubt) = domain(&address.domain, own);
    let plain = Address {
        domain,
        ..address.clone()
    };
    let full = plain.addr_spec();
    let name = address.name.decoded();
    let name = name.trim().trim_matches('"').to_owned();
    let poses = reads_like_another_address(&name, &full)
        || reads_like_another_address(&name, &address.addr_spec());
    let is_same = name.eq_ignore_ascii_case(&full);
    Shown {
        name: if name.is_empty() || poses || is_same {
            full.clone()
        } else {
            name
        },
        address: full,
        doubt: doubt.or(poses.then_some(Doubt::NameIsAnotherAddress)),
    }
}

fn reads_like_another_address(name: &str, address: &str) -> bool {
    let looks = name
        .split([' ', '<', '>', '"', '\'', '(', ')', ','])
        .filter_map(|word| {
            word.split_once(['@', '＠'])
                .map(|(local, domain)| (word, local, domain))
        })
        .find(|(_, local, domain)| !local.is_empty() && domain.contains(['.', '．', '。']));
    looks.is_some_and(|(word, ..)| !word.eq_ignore_ascii_case(address))
}

/// The domain as people read it, and what is odd about it.
fn domain(written: &str, own: &[&str]) -> (String, Option<Doubt>) {
    let (unicode, _) = idna::domain_to_unicode(written);
    let ascii = idna::domain_to_ascii(written).unwrap_or_else(|_| written.to_ascii_lowercase());
    let lettering = unicode.split('.').any(is_odd_lettering);
    if lettering {
        return (unicode, Some(Doubt::Lettering { ascii }));
    }
    let skeleton = skeleton(&unicode);
    let known = own
        .iter()
        .find(|known| !is_within(&ascii, known) && is_within(&skeleton, &self::skeleton(known)));
    let doubt = known.map(|known| Doubt::LooksLike {
        known: (*known).to_owned(),
    });
    (unicode, doubt)
}

fn is_within(domain: &str, parent: &str) -> bool {
    domain
        .strip_suffix(parent)
        .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Script {
    Latin,
    Japanese,
    Other,
}

/// Whether a label mixes scripts as no language does, or is in one whose letters pass for Latin. Japanese writes with
/// kanji, kana and Latin.
fn is_odd_lettering(label: &str) -> bool {
    if label.is_ascii() {
        return false;
    }
    let mut scripts = label.chars().filter_map(script);
    let Some(first) = scripts.next() else {
        return true;
    };
    let one_script =
        scripts.all(|next| next == first || (next != Script::Other && first != Script::Other));
    let accented = label
        .chars()
        .any(|c| !c.is_ascii() && script(c) == Some(Script::Latin));
    !one_script || first == Script::Other || accented
}

/// The script of a letter; digits and hyphens belong to all.
fn script(c: char) -> Option<Script> {
    match c {
        '0'..='9' | '-' | '・' | 'ー' => None,
        'a'..='z' | 'A'..='Z' | '\u{c0}'..='\u{24f}' => Some(Script::Latin),
        '\u{3005}'..='\u{3007}'
        | '\u{3041}'..='\u{30ff}'
        | '\u{3400}'..='\u{4dbf}'
        | '\u{4e00}'..='\u{9fff}' => Some(Script::Japanese),
        _ => Some(Script::Other),
    }
}

/// What a hasty eye makes of ASCII.
fn skeleton(domain: &str) -> String {
    domain
        .to_ascii_lowercase()
        .replace("rn", "m")
        .replace("vv", "w")
        .replace("cl", "d")
        .replace('0', "o")
        .replace(['1', 'i', 'j'], "l")
        .replace('5', "s")
}

#[cfg(test)]
mod tests {
    use sekisho_mailclient::HeaderText;

    use super::*;

    fn shown(name: &str, domain: &str) -> Shown {
        let address = Address {
            name: HeaderText::new(name.as_bytes().to_vec()),
            local: "hanako".to_owned(),
            domain: domain.to_owned(),
        };
        show(&address, &["kit.example"])
    }

    #[test]
    fn honest_senders_are_shown_without_a_word() {
        for (name, domain) in [
            ("花子", "kit.example"),
            ("花子", "mail.kit.example"),
            ("hanako@kit.example", "kit.example"),
            ("", "xn--wgv71a119e.jp"),
            ("Sales @ Shop", "shop.example"),
        ] {
            assert_eq!(shown(name, domain).doubt, None, "{name} {domain}");
        }
        assert_eq!(shown("", "xn--wgv71a119e.jp").address, "hanako@日本語.jp");
    }

    #[test]
    fn look_alikes_are_given_away() {
        // A Cyrillic а, in both of its spellings.
        for domain in ["pаypal.example", "xn--pypal-4ve.example"] {
            let lettering = Doubt::Lettering {
                ascii: "xn--pypal-4ve.example".to_owned(),
            };
            assert_eq!(shown("PayPal", domain).doubt, Some(lettering));
        }
        for domain in ["klt.example", "k1t.example", "mail.k1t.example"] {
            let like = Doubt::LooksLike {
                known: "kit.example".to_owned(),
            };
            assert_eq!(shown("x", domain).doubt, Some(like), "{domain}");
        }
    }

    #[test]
    fn a_name_that_is_another_address_gives_way_to_the_real_one() {
        let shown = shown("president@kit.example", "evil.example");
        assert_eq!(shown.name, "hanako@evil.example");
        assert_eq!(shown.doubt, Some(Doubt::NameIsAnotherAddress));
    }
}
