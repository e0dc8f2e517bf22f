//! `[[network]]`: named sets of prefixes.

use ipnet::IpNet;
use sekisho_checkpoint::network::{Network, NetworkClass, Networks, NetworksError};

use crate::config::problem::Findings;
use crate::config::read::{List, values};
use crate::config::section::section;

section! {
    /// A named set of prefixes; as many as there are. The most specific prefix around an address decides. An address
    /// that none lists is untrusted.
    pub(in crate::config) struct NetworkSection("[[network]]") {
        /// The name that pages show. Required.
        name: String => needs "the name that pages show",
        /// `trusted` or `untrusted`. Required.
        class: NetworkClass => needs "\"trusted\" or \"untrusted\"",
        /// Prefixes such as `203.0.113.0/24` or `2001:db8::/32`. Required.
        prefixes: List<IpNet> => needs "prefixes such as [\"203.0.113.0/24\"]",
    }
}

/// The networks of a site.
pub(in crate::config) fn check(
    sections: &[NetworkSection],
    findings: &mut Findings<'_>,
) -> Option<Networks> {
    if !sections
        .iter()
        .any(|section| *section.class == NetworkClass::Trusted)
    {
        let text =
            "no network is trusted: everybody with MFA in use is asked for a factor, on campus too";
        findings.warning(None, text);
    }
    match Networks::new(sections.iter().map(NetworkSection::network).collect()) {
        Ok(networks) => Some(networks),
        Err(error) => {
            findings.problem(line_of(&error, sections), error.to_string());
            None
        }
    }
}

impl NetworkSection {
    fn network(&self) -> Network {
        let Self {
            header: _,
            name,
            class,
            prefixes,
        } = self;
        Network {
            name: name.get(),
            class: class.get(),
            prefixes: values(prefixes),
        }
    }
}

/// Where the prefix stands that can't be meant: the last of them, if it is listed twice.
fn line_of(error: &NetworksError, sections: &[NetworkSection]) -> Option<usize> {
    let (NetworksError::Twice(wrong, ..) | NetworksError::Embedding(_, wrong)) = error;
    let prefixes = sections.iter().flat_map(|section| section.prefixes.iter());
    let mut meant = prefixes.filter(|prefix| prefix.trunc() == *wrong);
    match error {
        NetworksError::Twice(..) => meant.nth(1)?.line(),
        NetworksError::Embedding(..) => meant.next()?.line(),
    }
}
