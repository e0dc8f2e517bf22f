//! The whole file: which sections there are, and reading all of them.

use toml::de::{DeTable, DeValue};

use super::problem::Findings;
use super::read::{Table, refuse_unknown};
use super::section::{Reference, Section};
use super::sections::accounts::AccountsSection;
use super::sections::authapi::AuthApiSection;
use super::sections::doors::{DoorSection, LimitsSection};
use super::sections::incoming::{LmtpSection, MailSection, SmtpSection};
use super::sections::ldap::LdapSection;
use super::sections::network::NetworkSection;
use super::sections::policy::PolicySection;
use super::sections::records::RecordsSection;
use super::sections::relay::{DkimSection, RelaySection};
use super::sections::site::SiteSection;
use super::sections::tls::TlsSection;
use super::sections::upstream::UpstreamSection;
use super::sections::web::WebSection;

/// Declares the file: its sections in the order of the reference. `one` may be written once, `many` as often as there
/// are such things.
macro_rules! file {
    ($($count:ident $name:ident: $section:ident,)*) => {
        /// The whole file, each value with its line.
        #[derive(Debug)]
        pub(super) struct File {
            $(pub(super) $name: file!(@type $count $section),)*
        }

        impl File {
            const SECTIONS: &'static [&'static str] = &[$(stringify!($name)),*];

            /// Reads it; notes what is wrong with it.
            pub(super) fn read(text: &str, findings: &mut Findings<'_>) -> Option<Self> {
                let (root, errors) = DeTable::parse_recoverable(text);
                for error in &errors {
                    let line = error.span().map(|span| findings.line_of(&span));
                    findings.problem(line, error.message());
                }
                if !errors.is_empty() {
                    return None;
                }
                let root = root.get_ref();
                refuse_unknown(root, Self::SECTIONS, findings);
                // Every section is read before one that is wrong decides.
                $(let $name = $count::<$section>(root, stringify!($name), findings);)*
                Some(Self { $($name: $name?,)* })
            }

            /// The sections, as the reference shows them.
            pub(super) fn tables() -> Vec<Described> {
                vec![$(Described {
                    #[cfg(test)]
                    name: stringify!($name),
                    #[cfg(test)]
                    count: Count::$count,
                    reference: $section::reference(),
                },)*]
            }
        }
    };
    (@type one $section:ident) => { $section };
    (@type many $section:ident) => { Vec<$section> };
}

file! {
    one site: SiteSection,
    one tls: TlsSection,
    one web: WebSection,
    one imap: DoorSection,
    one pop3: DoorSection,
    one submission: DoorSection,
    one sieve: DoorSection,
    one limits: LimitsSection,
    one lmtp: LmtpSection,
    one smtp: SmtpSection,
    one mail: MailSection,
    one relay: RelaySection,
    many upstream: UpstreamSection,
    one ldap: LdapSection,
    one authapi: AuthApiSection,
    one records: RecordsSection,
    one dkim: DkimSection,
    one policy: PolicySection,
    one accounts: AccountsSection,
    many network: NetworkSection,
}

/// A section by its name, as the reference shows it.
pub(super) struct Described {
    #[cfg(test)]
    pub(super) name: &'static str,
    #[cfg(test)]
    pub(super) count: Count,
    pub(super) reference: Reference,
}

/// How often a section may be written.
#[cfg(test)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(
    non_camel_case_types,
    reason = "the words by which the file is declared"
)]
pub(super) enum Count {
    one,
    many,
}

fn one<S: Section>(root: &DeTable<'_>, name: &str, findings: &mut Findings<'_>) -> Option<S> {
    let mut entries = root.iter();
    let table = match entries.find(|(key, _)| key.get_ref() == name) {
        Some((_, value)) => Table::new(format!("[{name}]"), value, findings)?,
        None => Table::absent(name),
    };
    S::read(table, findings)
}

fn many<S: Section>(root: &DeTable<'_>, name: &str, findings: &mut Findings<'_>) -> Option<Vec<S>> {
    let mut entries = root.iter();
    let Some((_, value)) = entries.find(|(key, _)| key.get_ref() == name) else {
        return Some(Vec::new());
    };
    let title = format!("[[{name}]]");
    let DeValue::Array(elements) = value.get_ref() else {
        let line = findings.line_of(&value.span());
        findings.problem(
            Some(line),
            format!("there may be several of this section: write {title}"),
        );
        return None;
    };
    let read: Vec<_> = elements
        .iter()
        .map(|element| S::read(Table::new(title.clone(), element, findings)?, findings))
        .collect();
    read.into_iter().collect()
}
