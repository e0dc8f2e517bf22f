//! The configuration file: what each key means, and what is wrong with a file, by line.
//!
//! The file is TOML, and is read once, into types. A section is declared in a module of [`sections`] by the macro of
//! [`section`]: its doc comments are also the [`reference`] (`sekisho config reference`), and each of its keys has a
//! type of [`values`] that [`read`]s it, with its line. What was read is checked there, section by section and then all
//! together, and becomes the [`Plan`]: types that can't be wrong, and next to them what is built from them. Nothing
//! behind the plan reads a text of the file again. Unknown keys are [`problem`]s that name the nearest known one.
//!
//! The binary alone reads the file: every room gets the part that is its own.

#![deny(
    unused_variables,
    dead_code,
    reason = "a key that is read and then forgotten must not compile: each part of a section and of the plan is used"
)]

mod file;
mod problem;
mod read;
mod reference;
mod section;
mod sections;
#[cfg(test)]
mod tests;
mod values;

use std::path::Path;

use sekisho_checkpoint as checkpoint;
use sekisho_source::KeyLength;

use file::File;
use problem::Findings;

pub(crate) use problem::{ConfigError, Warning};
pub(crate) use reference::reference;
pub(crate) use sections::accounts::{Accounts, Passwords};
pub(crate) use sections::authapi::AuthApi;
pub(crate) use sections::doors::{Door, Limits};
pub(crate) use sections::incoming::{Lmtp, Mail, Smtp};
pub(crate) use sections::ldap::Ldap;
pub(crate) use sections::records::{OpenRecords, Records};
pub(crate) use sections::relay::{OutgoingRoute, Signing};
pub(crate) use sections::site::Site;
pub(crate) use sections::tls::Tls;
pub(crate) use sections::upstream::{self, UpstreamPlan};
pub(crate) use sections::web::Web;

/// What a site configured, checked.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) site: Site,
    pub(crate) tls: Tls,
    pub(crate) web: Web,
    pub(crate) doors: Doors,
    pub(crate) limits: Limits,
    pub(crate) lmtp: Lmtp,
    pub(crate) smtp: Smtp,
    pub(crate) mail: Mail,
    pub(crate) outgoing_route: OutgoingRoute,
    /// The mail systems that the site has already; mail is kept here if there is none.
    pub(crate) upstreams: Vec<UpstreamPlan>,
    /// The directory of the site; accounts are kept here if there is none.
    pub(crate) ldap: Option<Ldap>,
    pub(crate) authapi: AuthApi,
    pub(crate) records: Records,
    /// What signs mail that leaves, if the site signs.
    pub(crate) signing: Option<Signing>,
    pub(crate) accounts: Accounts,
    /// For the checkpoint: networks and policy.
    pub(crate) rules: checkpoint::Site,
    /// What makes an IPv6 source.
    pub(crate) key_length: KeyLength,
    /// What is probably not meant.
    pub(crate) warnings: Vec<Warning>,
}

/// The doors for mail clients.
#[derive(Debug, Clone)]
pub(crate) struct Doors {
    pub(crate) imap: Door,
    pub(crate) pop3: Door,
    pub(crate) submission: Door,
    pub(crate) sieve: Door,
}

impl Doors {
    /// All of them.
    pub(crate) fn all(&self) -> [&Door; 4] {
        [&self.imap, &self.pop3, &self.submission, &self.sieve]
    }
}

/// Reads and checks a file.
///
/// # Errors
/// It can't be read, or something in it is wrong.
pub(crate) fn load(path: &Path) -> Result<Plan, ConfigError> {
    let text = std::fs::read_to_string(path).map_err(|error| ConfigError::Unreadable {
        path: path.display().to_string(),
        error,
    })?;
    parse(&text)
}

/// Checks a configuration.
///
/// # Errors
/// Everything that is wrong with it, as far as it can be told at once: all values that can't be read, or else all that
/// don't go together.
pub(crate) fn parse(text: &str) -> Result<Plan, ConfigError> {
    let mut findings = Findings::new(text);
    let file = File::read(text, &mut findings);
    let plan = file.and_then(|file| plan(&file, &mut findings));
    let (plan, warnings) = findings.conclude(plan)?;
    Ok(Plan { warnings, ..plan })
}

/// What a file says, once all its values could be read.
fn plan(file: &File, findings: &mut Findings<'_>) -> Option<Plan> {
    let File {
        site,
        tls,
        web,
        imap,
        pop3,
        submission,
        sieve,
        limits,
        lmtp,
        smtp,
        mail,
        relay,
        upstream,
        ldap,
        authapi,
        records,
        dkim,
        policy,
        accounts,
        network,
    } = file;
    sections::check::check(file, findings);
    // Every section is looked at before one that is wrong decides.
    let site = site.check(findings);
    let tls = tls.check(findings);
    let web = web.check(findings);
    let doors = Doors {
        imap: imap.check(findings),
        pop3: pop3.check(findings),
        submission: submission.check(findings),
        sieve: sieve.check(findings),
    };
    let lmtp = lmtp.check(findings);
    let smtp = smtp.check(findings);
    let outgoing_route = relay.check(findings);
    let upstreams: Vec<_> = upstream
        .iter()
        .map(|section| section.check(findings))
        .collect();
    let ldap = ldap.check(findings);
    let authapi = authapi.check(findings);
    let records = records.check(findings);
    let signing = dkim.check(findings);
    let accounts = accounts.check(findings);
    let networks = sections::network::check(network, findings);
    let site = site?;
    let (policy, key_length) = policy.check(&site);
    Some(Plan {
        site,
        tls: tls?,
        web,
        doors,
        limits: limits.check(),
        lmtp,
        smtp,
        mail: mail.check(),
        outgoing_route: outgoing_route?,
        upstreams: upstreams.into_iter().collect::<Option<_>>()?,
        ldap: ldap?,
        authapi: authapi?,
        records,
        signing: signing?,
        accounts: accounts?,
        rules: checkpoint::Site {
            networks: networks?,
            policy,
        },
        key_length,
        warnings: Vec::new(),
    })
}
