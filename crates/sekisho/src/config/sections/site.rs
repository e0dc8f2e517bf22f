//! `[site]`: what the site is.

use std::path::PathBuf;

use jiff::tz::TimeZone;
use sekisho_checkpoint::address::OwnDomains;
use sekisho_webmail::OtherFamily;
use sekisho_webmail::lang::Lang;

use crate::config::problem::Findings;
use crate::config::read::{List, Located};
use crate::config::section::section;
use crate::config::values::{Domain, Origin};

section! {
    /// What the site is.
    pub(in crate::config) struct SiteSection("[site]") {
        /// The site's name, as pages show it.
        name: String = "Sekisho".to_owned(),
        /// The mail domains that are the site's own; the first one is that of the site's own letters. Required.
        domains: List<Domain> => needs "the site's own mail domains, such as [\"example.ac.jp\"]",
        /// The address of the webmail as browsers reach it, such as `https://mail.example.ac.jp`. Required.
        url: Origin => needs "an address such as \"https://mail.example.ac.jp\"",
        /// The address of the OTP app, an origin of its own, such as `https://otp.example.ac.jp`. Required.
        app_url: Origin => needs "an address such as \"https://otp.example.ac.jp\"",
        /// A name of the webmail that resolves to IPv4 alone, such as `https://v4.mail.example.ac.jp`: by it and the
        /// next one, the second address of a line can join a grant. Set both or none.
        ipv4_url: Option<Origin> = None,
        /// A name of the webmail that resolves to IPv6 alone.
        ipv6_url: Option<Origin> = None,
        /// The time zone in which times are shown, such as `Asia/Tokyo`.
        zone: TimeZone = TimeZone::get("Asia/Tokyo").unwrap_or(TimeZone::UTC),
        /// The language of people whose browser asks for neither: `ja` or `en`.
        language: Lang = Lang::Ja,
        /// The folder that keeps everything: accounts, records, mail, the queue.
        data: PathBuf = PathBuf::from("/var/lib/sekisho"),
        /// The file with the keys that seal factors; made on first start. Keep it on other backups than `data`.
        keys: PathBuf = PathBuf::from("/etc/sekisho/keys"),
    }
}

/// What the site is.
#[derive(Debug, Clone)]
pub(crate) struct Site {
    pub(crate) name: String,
    /// There is at least one.
    pub(crate) own_domains: OwnDomains,
    /// Where the webmail is.
    pub(crate) url: Origin,
    /// Where the OTP app is.
    pub(crate) app_url: Origin,
    /// Where the webmail is found by one address family alone.
    pub(crate) other_family: OtherFamily,
    pub(crate) zone: TimeZone,
    pub(crate) language: Lang,
    /// The folder that keeps everything.
    pub(crate) data: PathBuf,
    /// The file with the keys that seal factors.
    pub(crate) keys: PathBuf,
}

impl Site {
    /// The host name that servers greet with.
    pub(crate) fn host(&self) -> &str {
        self.url.host()
    }

    /// The domain of the site's own letters.
    pub(crate) fn main_domain(&self) -> &str {
        self.own_domains.main().unwrap_or_default()
    }
}

impl SiteSection {
    pub(in crate::config) fn check(&self, findings: &mut Findings<'_>) -> Option<Site> {
        let Self {
            header,
            name,
            domains,
            url,
            app_url,
            ipv4_url,
            ipv6_url,
            zone,
            language,
            data,
            keys,
        } = self;
        if domains.is_empty() {
            let text =
                "[site] needs `domains`: the site's own mail domains, such as [\"example.ac.jp\"]";
            findings.problem(domains.line().or(*header), text);
        }
        if url.is(app_url) {
            let text = "the OTP app needs an origin of its own, not that of `url`";
            findings.problem(app_url.line(), text);
        }
        check_families(url, ipv4_url, ipv6_url, findings);
        let of_family = |url: &Option<Origin>| url.as_ref().map(|url| url.url().clone());
        Some(Site {
            name: name.get(),
            own_domains: OwnDomains::new(domains.iter().map(|domain| domain.as_str())).ok()?,
            url: url.get(),
            app_url: app_url.get(),
            other_family: OtherFamily {
                ipv4: of_family(ipv4_url),
                ipv6: of_family(ipv6_url),
            },
            zone: zone.get(),
            language: language.get(),
            data: data.get(),
            keys: keys.get(),
        })
    }
}

fn check_families(
    url: &Origin,
    ipv4_url: &Located<Option<Origin>>,
    ipv6_url: &Located<Option<Origin>>,
    findings: &mut Findings<'_>,
) {
    for (key, other) in [("ipv4_url", ipv4_url), ("ipv6_url", ipv6_url)] {
        if other.as_ref().is_some_and(|other| other.is(url)) {
            findings.problem(other.line(), format!("`{key}` must be another than `url`"));
        }
    }
    if ipv4_url.is_some() != ipv6_url.is_some() {
        let text = "`ipv4_url` and `ipv6_url` belong together: give both or neither";
        findings.problem(ipv4_url.line().or(ipv6_url.line()), text);
    }
}
