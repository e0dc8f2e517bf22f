//! What concerns several sections.

use std::collections::HashMap;

use super::doors::DoorSection;
use super::upstream::UpstreamSection;
use crate::config::file::File;
use crate::config::problem::Findings;
use crate::config::read::Located;
use crate::config::section::Section as _;
use crate::config::values::PasswordsAt;

/// Notes what does not go together.
pub(in crate::config) fn check(file: &File, findings: &mut Findings<'_>) {
    check_passwords(file, findings);
    check_sieve(file, findings);
    if file.upstream.is_empty() {
        return;
    }
    check_one_place_for_mail(file, findings);
    check_who_keeps_what(&file.upstream, findings);
    warn_of_missing_servers(file, findings);
    warn_of_mail_without_place(file, findings);
}

/// Whether the upstreams can be asked for the passwords of own accounts.
fn check_passwords(file: &File, findings: &mut Findings<'_>) {
    let passwords = &file.accounts.passwords;
    if **passwords == PasswordsAt::Here {
        return;
    }
    if !file.ldap.servers.is_empty() {
        let text = "`passwords` is for accounts that are kept here, and [ldap] keeps them elsewhere: leave one out";
        findings.problem(passwords.line(), text);
    }
    if file.upstream.is_empty() || file.upstream.iter().any(|section| section.imap.is_empty()) {
        let text = "`passwords = \"upstream\"` needs an [[upstream]] with `imap`, and `imap` in each: passwords are \
                     checked by it";
        findings.problem(passwords.line(), text);
    }
    if !file.authapi.listen.is_empty() {
        let text = "`passwords = \"upstream\"` fits no upstream that asks here: it would ask about Sekisho itself, \
                     before anybody has proven a factor";
        findings.warning(passwords.line(), text);
    }
}

fn check_sieve(file: &File, findings: &mut Findings<'_>) {
    if file.sieve.is_open() && file.upstream.iter().all(|section| section.sieve.is_empty()) {
        let text = "[sieve] needs an [[upstream]] with `sieve` servers: scripts are not run here";
        findings.problem(file.sieve.header(), text);
    }
}

/// With an upstream, no mail comes in here, and news of changes leave by a relay.
fn check_one_place_for_mail(file: &File, findings: &mut Findings<'_>) {
    let text = "with an [[upstream]] no mail is kept here: let mail for the site come in there";
    if !file.lmtp.listen.is_empty() || file.lmtp.socket.is_some() {
        findings.problem(file.lmtp.header(), text);
    }
    if !file.smtp.listen.is_empty() {
        findings.problem(file.smtp.header(), text);
    }
    if file.relay.host.is_none() {
        let text = "[[upstream]] needs [relay]: the way for news of changes to the mailboxes";
        findings.problem(
            file.upstream.first().and_then(|section| section.header()),
            text,
        );
    }
}

/// Nobody's mail may be in two places, and two upstreams of one name can't be told apart in the log.
fn check_who_keeps_what(upstreams: &[UpstreamSection], findings: &mut Findings<'_>) {
    let mut names: HashMap<&str, ()> = HashMap::new();
    let mut kept: HashMap<(&str, &str), &str> = HashMap::new();
    for section in upstreams {
        let name = section.name.as_str();
        if names.insert(name, ()).is_some() {
            let text = format!("there are two upstreams {name:?}: give each its own `name`");
            findings.problem(section.name.line(), text);
        }
        let groups = section.groups.iter();
        let groups = groups.map(|group| ("groups", group.0.as_str(), group.line()));
        let domains = section.domains.iter();
        let domains = domains.map(|domain| ("domains", domain.as_str(), domain.line()));
        for (key, value, line) in groups.chain(domains) {
            if let Some(other) = kept.insert((key, value), name) {
                let text = format!(
                    "{value:?} is in `{key}` of the upstreams {other:?} and {name:?}: whose mail would be where? \
                     Keep it in one"
                );
                findings.problem(line, text);
            }
        }
    }
}

/// What people will look for in an upstream and not find.
fn warn_of_missing_servers(file: &File, findings: &mut Findings<'_>) {
    let door = |key: &str| -> &DoorSection {
        match key {
            "imap" => &file.imap,
            "pop3" => &file.pop3,
            "submission" => &file.submission,
            _ => &file.sieve,
        }
    };
    let webmail = !file.web.listen.is_empty();
    for section in &file.upstream {
        for (key, servers) in section.servers() {
            let for_the_webmail = webmail && matches!(key, "imap" | "submission");
            let who = match (door(key).is_open(), for_the_webmail) {
                (true, true) => "mail clients and the webmail have",
                (true, false) => "mail clients have",
                (false, true) => "the webmail has",
                (false, false) => continue,
            };
            if servers.is_empty() {
                let text = format!(
                    "the upstream {:?} has no `{key}`: {who} no server for it, and people whose mail is there are \
                     told so",
                    *section.name
                );
                findings.warning(section.header(), text);
            }
        }
    }
}

/// Whose mail is nowhere, and which upstream has nobody's.
fn warn_of_mail_without_place(file: &File, findings: &mut Findings<'_>) {
    let upstreams = &file.upstream;
    let mut rest = upstreams.iter().filter(|section| section.is_catch_all());
    if let (Some(first), Some(second)) = (rest.next(), rest.next()) {
        let (first, name) = (&*first.name, &*second.name);
        let text = format!(
            "the upstreams {first:?} and {name:?} both keep the mail of all whom no other names: {name:?} gets nobody. \
             Give one of them `domains`, `groups` or `accounts_file`"
        );
        findings.warning(second.header(), text);
    }
    let covers_all = upstreams.iter().any(|section| {
        section.is_catch_all() || !section.groups.is_empty() || section.accounts_file.is_some()
    });
    if covers_all {
        return;
    }
    for domain in file.site.domains.iter() {
        let names_it = |other: &Located<_>| **other == **domain;
        if !upstreams
            .iter()
            .any(|section| section.domains.iter().any(names_it))
        {
            let text = format!("no upstream keeps the mail of {:?}", domain.as_str());
            findings.warning(domain.line(), text);
        }
    }
}
