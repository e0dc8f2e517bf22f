//! The people a message goes to, from what was typed: `花子 <hanako@kit.example>, taro@kit.example`.

use sekisho_checkpoint::address::MailAddress;
use sekisho_message::address::{AddressSpec, Typed, typed};

/// Someone a message goes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Recipient {
    /// The name before the address; may be empty.
    pub name: String,
    /// The address.
    pub address: AddressSpec,
}

/// Reads a list, parted by commas, semicolons or line ends. What is no address is returned as it was typed, each by
/// itself.
pub(super) fn parse(list: &str) -> (Vec<Recipient>, Vec<String>) {
    let (mut good, mut bad) = (Vec::new(), Vec::new());
    for Typed {
        text,
        name,
        address,
    } in typed(list)
    {
        match address.as_ref().and_then(sendable) {
            Some(address) => good.push(Recipient { name, address }),
            None => bad.push(text),
        }
    }
    (good, bad)
}

/// The address in the form in which it is sent to: widths made narrow, the domain in ASCII. A local part with dots
/// where none may stand is one that carriers gave to phones.
fn sendable(typed: &AddressSpec) -> Option<AddressSpec> {
    if let Ok(address) = MailAddress::parse(&format!("{}@{}", typed.local(), typed.domain())) {
        return AddressSpec::new(address.local(), address.domain()).ok();
    }
    let domain = MailAddress::parse(&format!("x@{}", typed.domain())).ok()?;
    let is_plain = typed
        .local()
        .bytes()
        .all(|byte| (b' '..=b'~').contains(&byte));
    is_plain
        .then(|| AddressSpec::new(typed.local(), domain.domain()).ok())
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_brought_into_the_form_in_which_they_are_sent_to() {
        let list = "花子 <hanako@kit.example>、taro@kit.example; \"Doe, J.\" <j@x.example>\nＡ＠ＫＩＴ.example,,\
                    ha..ha.24.@docomo.ne.jp, <\"ha..ha.24.\"@docomo.ne.jp>";
        let (good, bad) = parse(list);
        let read: Vec<_> = good
            .iter()
            .map(|r| (r.name.as_str(), r.address.to_string()))
            .collect();
        let want = [
            ("花子", "hanako@kit.example"),
            ("", "taro@kit.example"),
            ("Doe, J.", "j@x.example"),
            ("", "A@kit.example"),
            ("", "\"ha..ha.24.\"@docomo.ne.jp"),
            ("", "\"ha..ha.24.\"@docomo.ne.jp"),
        ];
        assert_eq!(read, want.map(|(n, a)| (n, a.to_owned())));
        assert_eq!(bad, Vec::<String>::new());
    }

    #[test]
    fn what_is_no_address_is_named_one_by_one() {
        let (good, bad) = parse("taro, a@b@c, ok@kit.example, x <y>, z@nodot");
        assert_eq!(good.len(), 1);
        assert_eq!(bad, ["taro", "a@b@c", "x <y>", "z@nodot"]);
    }
}
