//! Reads a configuration and says what is wrong with it, by line.

use std::collections::HashMap;
use std::path::Path;

use jiff::tz::TimeZone;
use sekisho_checkpoint::Site;
use sekisho_checkpoint::account::Group;
use sekisho_checkpoint::address::OwnDomains;
use sekisho_checkpoint::network::{Network, NetworkClass, Networks};
use sekisho_checkpoint::policy::{FirstRegistration, MfaDemand, Policy, RefusalStyle};
use sekisho_mailroom::delivery::JunkHeader;
use sekisho_net::client::KeyPin;
use sekisho_source::KeyLength;

use super::{
    AuthApiSection, Config, Demand, DoorSection, FirstRegistrationWord, LdapSection, LoginWord,
    NetworkClassWord, PasswordsWord, RecordsSection, RefusalWord, ServerTls, UpstreamSection,
    is_loopback,
};
use crate::records;

/// What is wrong with a configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file can't be read.
    #[error("{path}: {error}")]
    Unreadable {
        /// The file.
        path: String,
        /// Why.
        error: std::io::Error,
    },
    /// Something in it is wrong.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Wrong(Vec<Problem>),
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// On which line, from 1; `None` where something is missing.
    pub line: Option<usize>,
    /// What, and what to do.
    pub text: String,
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.line {
            Some(line) => write!(f, "line {line}: {}", self.text),
            None => f.write_str(&self.text),
        }
    }
}

/// Something that works but is probably not meant.
pub type Warning = Problem;

/// A configuration that was checked, with what the rooms need of it.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The file as written.
    pub config: Config,
    /// For the checkpoint.
    pub site: Site,
    /// The zone of the site.
    pub zone: TimeZone,
    /// What makes an IPv6 source.
    pub key_length: KeyLength,
    /// What is probably not meant.
    pub warnings: Vec<Warning>,
}

/// Reads and checks a file.
///
/// # Errors
/// It can't be read, or something in it is wrong.
pub fn load(path: &Path) -> Result<Loaded, ConfigError> {
    let text = std::fs::read_to_string(path).map_err(|error| ConfigError::Unreadable {
        path: path.display().to_string(),
        error,
    })?;
    parse(&text)
}

/// Checks a configuration.
///
/// # Errors
/// Everything that is wrong with it, as far as it can be told at once.
pub fn parse(text: &str) -> Result<Loaded, ConfigError> {
    let config: Config =
        toml::from_str(text).map_err(|e| ConfigError::Wrong(vec![syntax(text, &e)]))?;
    let lines = Lines(text);
    let mut problems = Vec::new();
    let mut warnings = Vec::new();

    let own_domains = OwnDomains::new(config.site.domains.iter().map(String::as_str));
    if config.site.domains.is_empty() {
        problems.push(missing(
            "[site] needs `domains`: the site's own mail domains, such as [\"example.ac.jp\"]",
        ));
    }
    if let Err(error) = &own_domains {
        problems.push(lines.at("domains", error.to_string()));
    }
    for (key, url) in [("url", &config.site.url), ("app_url", &config.site.app_url)] {
        if url.is_empty() {
            problems.push(missing(&format!(
                "[site] needs `{key}`: an address such as \"https://mail.example.ac.jp\""
            )));
        } else if !is_origin(url) {
            let text = format!("`{key}` must be https:// and a host name in ASCII, without a path");
            problems.push(lines.at(key, text));
        }
    }
    if !config.site.url.is_empty() && config.site.url == config.site.app_url {
        problems.push(lines.at(
            "app_url",
            "the OTP app needs an origin of its own, not that of `url`".into(),
        ));
    }
    let families = [
        ("ipv4_url", &config.site.ipv4_url),
        ("ipv6_url", &config.site.ipv6_url),
    ];
    for (key, url) in families {
        match url {
            Some(url) if !is_origin(url) || *url == config.site.url => {
                let text = format!(
                    "`{key}` must be https:// and a host name in ASCII, without a path, and another than `url`"
                );
                problems.push(lines.at(key, text));
            }
            _ => {}
        }
    }
    if config.site.ipv4_url.is_some() != config.site.ipv6_url.is_some() {
        let key = if config.site.ipv4_url.is_some() {
            "ipv4_url"
        } else {
            "ipv6_url"
        };
        problems.push(lines.at(
            key,
            "`ipv4_url` and `ipv6_url` belong together: give both or neither".into(),
        ));
    }
    let zone = TimeZone::get(&config.site.zone);
    if zone.is_err() {
        let text = format!(
            "{:?} is not a time zone; write one such as \"Asia/Tokyo\"",
            config.site.zone
        );
        problems.push(lines.at("zone", text));
    }
    if !["ja", "en"].contains(&config.site.language.as_str()) {
        problems.push(lines.at("language", "`language` is \"ja\" or \"en\"".into()));
    }
    if config.tls.certificate.is_some() != config.tls.key.is_some() {
        problems.push(lines.at(
            "[tls]",
            "`certificate` and `key` belong together: give both or neither".into(),
        ));
    }
    for address in &config.lmtp.listen {
        if !is_loopback(address.ip()) {
            let text = format!(
                "LMTP on {address} could be reached from elsewhere; listen on loopback or on a `socket`"
            );
            problems.push(lines.at("listen", text));
        }
    }
    for address in &config.smtp.listen {
        if !is_loopback(address.ip()) && config.smtp.relays.is_empty() {
            let text =
                format!("SMTP on {address} needs `relays`: the mail servers that may deliver here");
            problems.push(lines.at("[smtp]", text));
        }
    }
    if config
        .smtp
        .relays
        .iter()
        .any(|relay| relay.prefix_len() == 0)
    {
        problems.push(
            lines.at(
                "relays",
                "`relays` are the site's own mail servers, not everybody: Sekisho is no public MX"
                    .into(),
            ),
        );
    }
    let key_length = KeyLength::new(config.policy.ipv6_prefix);
    if key_length.is_none() {
        problems.push(lines.at(
            "ipv6_prefix",
            "`ipv6_prefix` is a number from 48 to 128".into(),
        ));
    }
    let durations = [
        ("grant", config.policy.grant),
        ("session", config.policy.session),
        ("session_idle", config.policy.session_idle),
        ("user_code", config.policy.user_code),
        ("mailed_code", config.policy.mailed_code),
        ("enrolment_code", config.policy.enrolment_code),
        ("audit_kept", config.policy.audit_kept),
    ];
    for (key, duration) in durations {
        if !duration.is_positive() || duration > jiff::SignedDuration::from_hours(24 * 3660) {
            problems.push(lines.at(
                key,
                format!("`{key}` must be a time from one second to ten years"),
            ));
        }
    }
    let delay = config.policy.refusal_delay;
    if delay.is_negative() || delay > jiff::SignedDuration::from_secs(30) {
        problems.push(lines.at(
            "refusal_delay",
            "`refusal_delay` must be a time from 0 to 30 s".into(),
        ));
    }
    let networks = Networks::new(config.network.iter().map(network).collect());
    if let Err(error) = &networks {
        problems.push(lines.at("[[network]]", error.to_string()));
    }
    if config.relay.user.is_some() != config.relay.password_file.is_some() {
        problems.push(lines.at(
            "[relay]",
            "`user` and `password_file` belong together: give both or neither".into(),
        ));
    }
    if config.relay.direct && config.relay.host.is_some() {
        problems.push(lines.at(
            "direct",
            "mail goes to the relay `host` or, with `direct`, to each domain's own servers: choose one".into(),
        ));
    }
    if config.dkim.selector.is_some() != config.dkim.key_file.is_some() {
        problems.push(lines.at(
            "[dkim]",
            "`selector` and `key_file` belong together: give both or neither".into(),
        ));
    }
    if let Some(text) = &config.lmtp.junk_header
        && JunkHeader::parse(text).is_none()
    {
        let text = format!("{text:?} is no header field; write one such as \"X-Spam-Flag: YES\"");
        problems.push(lines.at("junk_header", text));
    }
    if config.limits.connections == 0 || config.limits.connections_from_one_source == 0 {
        let text = "with no connection at all nobody could log in: write a number from 1";
        problems.push(lines.at("[limits]", text.into()));
    }
    check_passwords(&config, &lines, &mut problems);
    check_upstreams(&config, &lines, &mut problems);
    check_ldap(&config.ldap, &lines, &mut problems);
    check_authapi(&config.authapi, &lines, &mut problems);
    check_records(&config.records, &lines, &mut problems);
    warn(&config, &lines, &mut warnings);

    match (own_domains, zone, key_length, networks) {
        (Ok(own), Ok(zone), Some(key_length), Ok(networks)) if problems.is_empty() => Ok(Loaded {
            site: Site {
                networks,
                policy: policy(&config, own),
            },
            config,
            zone,
            key_length,
            warnings,
        }),
        _ => Err(ConfigError::Wrong(problems)),
    }
}

fn check_passwords(config: &Config, lines: &Lines<'_>, problems: &mut Vec<Problem>) {
    if config.accounts.passwords == PasswordsWord::Here {
        return;
    }
    let at = |text: &str| lines.at("passwords", text.to_owned());
    if !config.ldap.servers.is_empty() {
        problems.push(at("`passwords` is for accounts that are kept here, and [ldap] keeps them elsewhere: leave one out"));
    }
    let asked: Vec<_> = config.upstream.iter().collect();
    if asked.is_empty() || asked.iter().any(|section| section.imap.is_empty()) {
        problems.push(at("`passwords = \"upstream\"` needs an [[upstream]] with `imap`, and `imap` in each: passwords are checked by it"));
    }
    if config.accounts.password_url.is_empty() {
        problems.push(at("`passwords = \"upstream\"` needs `password_url`: the page where people change their passwords"));
    }
}

fn check_upstreams(config: &Config, lines: &Lines<'_>, problems: &mut Vec<Problem>) {
    for section in &config.upstream {
        let name = &section.name;
        if name.is_empty() {
            problems.push(lines.at("[[upstream]]", "each [[upstream]] needs a `name`".into()));
        }
        let protocols = [
            ("imap", &section.imap),
            ("pop3", &section.pop3),
            ("submission", &section.submission),
            ("sieve", &section.sieve),
        ];
        if protocols.iter().all(|(_, servers)| servers.is_empty()) {
            let text = format!(
                "the upstream {name:?} has no server: give `imap`, `pop3`, `submission` or `sieve`"
            );
            problems.push(lines.at("[[upstream]]", text));
        }
        for (key, servers) in protocols {
            for server in servers {
                if server_address(server, 0).is_none() {
                    let text = format!(
                        "{server:?} is no server: write a host name or an address, and :port if it is another than usual"
                    );
                    problems.push(lines.at(key, text));
                }
            }
        }
        if section.ca_file.is_some() && section.key_pin.is_some() {
            let text = "`ca_file` and `key_pin` are two ways of trusting a server: choose one";
            problems.push(lines.at("key_pin", text.into()));
        }
        if section
            .key_pin
            .as_deref()
            .is_some_and(|pin| KeyPin::parse(pin).is_none())
        {
            let text = "`key_pin` is a SHA-256 hash: 64 hexadecimal digits";
            problems.push(lines.at("key_pin", text.into()));
        }
        let wanted = match section.login {
            LoginWord::Password => None,
            LoginWord::Master
                if section.master_user.is_some() && section.master_password_file.is_some() =>
            {
                None
            }
            LoginWord::Master => {
                Some("`login = \"master\"` needs `master_user` and `master_password_file`")
            }
            LoginWord::Token if section.token_key_file.is_some() => None,
            LoginWord::Token => Some("`login = \"token\"` needs `token_key_file`"),
        };
        if let Some(text) = wanted {
            problems.push(lines.at("login", text.into()));
        }
        if !section.user.contains("{login}") && !section.user.contains("{address}") {
            let text = "`user` must hold {login} or {address}, or all accounts would be one and the same there";
            problems.push(lines.at("user", text.into()));
        }
        let patience = section.patience;
        if patience < jiff::SignedDuration::from_secs(1)
            || patience > jiff::SignedDuration::from_secs(60)
        {
            problems.push(lines.at(
                "patience",
                "`patience` must be a time from 1 to 60 s".into(),
            ));
        }
    }
    let sieve_door = !config.sieve.listen.is_empty() || !config.sieve.listen_tls.is_empty();
    if sieve_door
        && config
            .upstream
            .iter()
            .all(|section| section.sieve.is_empty())
    {
        let text = "[sieve] needs an [[upstream]] with `sieve` servers: scripts are not run here";
        problems.push(lines.at("[sieve]", text.into()));
    }
    if config.upstream.is_empty() {
        return;
    }
    check_who_keeps_what(config, lines, problems);
    if !config.lmtp.listen.is_empty()
        || config.lmtp.socket.is_some()
        || !config.smtp.listen.is_empty()
    {
        let key = if config.smtp.listen.is_empty() {
            "[lmtp]"
        } else {
            "[smtp]"
        };
        let text = "with an [[upstream]] no mail is kept here: let mail for the site come in there";
        problems.push(lines.at(key, text.into()));
    }
    if config.relay.host.is_none() {
        let text = "[[upstream]] needs [relay]: the way for news of changes to the mailboxes";
        problems.push(lines.at("[[upstream]]", text.into()));
    }
}

/// Whether an upstream names nobody, and so keeps the mail of all whom no other names.
fn keeps_the_rest(section: &UpstreamSection) -> bool {
    section.accounts_file.is_none() && section.groups.is_empty() && section.domains.is_empty()
}

/// Nobody's mail may be in two places, and two upstreams of one name can't be told apart in the log.
fn check_who_keeps_what(config: &Config, lines: &Lines<'_>, problems: &mut Vec<Problem>) {
    let mut seen: HashMap<(&str, String), &str> = HashMap::new();
    for section in &config.upstream {
        let name = section.name.as_str();
        let named = [("name", name.to_owned())].into_iter();
        let groups = section.groups.iter().map(|group| ("groups", group.clone()));
        let domains = section.domains.iter();
        let domains = domains.map(|domain| ("domains", domain.to_ascii_lowercase()));
        for (key, value) in named.chain(groups).chain(domains) {
            let Some(other) = seen.insert((key, value.clone()), name) else {
                continue;
            };
            let text = match key {
                "name" => format!("there are two upstreams {name:?}: give each its own `name`"),
                _ => format!(
                    "{value:?} is in `{key}` of the upstreams {other:?} and {name:?}: whose mail would be where? Keep it in one"
                ),
            };
            problems.push(lines.at(key, text));
        }
    }
}

fn check_ldap(section: &LdapSection, lines: &Lines<'_>, problems: &mut Vec<Problem>) {
    if section.servers.is_empty() {
        return;
    }
    for server in &section.servers {
        if server_address(server, 0).is_none() {
            let text = format!(
                "{server:?} is no server: write a host name or an address, and :port if it is another than usual"
            );
            problems.push(lines.at("servers", text));
        }
    }
    if section.base.is_empty() {
        let text = "[ldap] needs `base`: the entry below which accounts are";
        problems.push(lines.at("[ldap]", text.into()));
    }
    if !section.password_url.starts_with("https://") {
        let text = "[ldap] needs `password_url`: the page, at https://, on which people change their passwords";
        problems.push(lines.at("[ldap]", text.into()));
    }
    if section.user.is_some() != section.password_file.is_some() {
        let text = "`user` and `password_file` belong together: give both or neither";
        problems.push(lines.at("[ldap]", text.into()));
    }
    for (key, filter) in [
        ("filter", &section.filter),
        ("group_filter", &section.group_filter),
    ] {
        if !sekisho_directory::ldap::is_filter(filter) {
            let text = format!("`{key}` is no LDAP filter in parentheses (RFC 4515)");
            problems.push(lines.at(key, text));
        }
    }
    let limit = section.time_limit;
    if limit < jiff::SignedDuration::from_secs(1) || limit > jiff::SignedDuration::from_secs(30) {
        let text = "`time_limit` must be a time from 1 to 30 s";
        problems.push(lines.at("time_limit", text.into()));
    }
}

fn check_authapi(section: &AuthApiSection, lines: &Lines<'_>, problems: &mut Vec<Problem>) {
    if !section.listen.is_empty() && section.secret_file.is_none() {
        let text = "[authapi] needs `secret_file`: a secret that nginx or Dovecot shows, such as one of `openssl rand -hex 32`";
        problems.push(lines.at("[authapi]", text.into()));
    }
    for address in &section.sasl_listen {
        if !is_loopback(address.ip()) {
            let text = format!(
                "SASL on {address} could be reached from elsewhere; listen on loopback or on `sasl_socket`"
            );
            problems.push(lines.at("sasl_listen", text));
        }
    }
    if !section.user.contains("{login}") && !section.user.contains("{address}") {
        let text = "`user` must hold {login} or {address}, or all accounts would be one and the same there";
        problems.push(lines.at("user", text.into()));
    }
    if section.doveadm.is_some() != section.doveadm_key_file.is_some() {
        let text = "`doveadm` and `doveadm_key_file` belong together: give both or neither";
        problems.push(lines.at("[authapi]", text.into()));
    }
    if let Some(server) = &section.doveadm
        && server_address(server, 0).is_none_or(|(_, port)| port == 0)
    {
        let text = format!("{server:?} is no server with a port, such as \"127.0.0.1:8080\"");
        problems.push(lines.at("doveadm", text));
    }
}

fn check_records(section: &RecordsSection, lines: &Lines<'_>, problems: &mut Vec<Problem>) {
    for server in &section.postgres {
        if records::server(server).is_none() {
            let text = format!(
                "{server:?} is no server: write a host name or an address, and :port if it is another than 5432, or the folder of a Unix socket"
            );
            problems.push(lines.at("postgres", text));
        }
    }
    let by_socket = |text: &&String| text.starts_with('/');
    let sockets = section.postgres.iter().filter(by_socket).count();
    if section.tls && sockets != 0 && sockets != section.postgres.len() {
        let text = "a Unix socket and servers over the network can't be mixed while `tls` is true";
        problems.push(lines.at("postgres", text.into()));
    }
    if !(2..=200).contains(&section.connections) {
        let text = "`connections` is a number from 2 to 200";
        problems.push(lines.at("connections", text.into()));
    }
    let limit = section.time_limit;
    if limit < jiff::SignedDuration::from_secs(1) || limit > jiff::SignedDuration::from_secs(30) {
        let text = "`time_limit` must be a time from 1 to 30 s";
        problems.push(lines.at("time_limit", text.into()));
    }
}

/// Host and port of a server as it is written: `host`, `host:port`, `[::1]` or `[::1]:port`.
pub(crate) fn server_address(text: &str, usual_port: u16) -> Option<(String, u16)> {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, rest) = rest.split_once(']')?;
            host.parse::<std::net::Ipv6Addr>().ok()?;
            (
                host,
                rest.strip_prefix(':').or((!rest.is_empty()).then_some("?")),
            )
        }
        None => match text.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        },
    };
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | ':');
    if host.is_empty() || !host.chars().all(is_name) {
        return None;
    }
    let port = match port {
        Some(port) => port.parse().ok().filter(|port| *port != 0)?,
        None => usual_port,
    };
    Some((host.to_owned(), port))
}

fn warn(config: &Config, lines: &Lines<'_>, warnings: &mut Vec<Warning>) {
    if !config
        .network
        .iter()
        .any(|n| n.class == NetworkClassWord::Trusted)
    {
        warnings.push(missing(
            "no network is trusted: everybody with MFA in use is asked for a factor, on campus too",
        ));
    }
    if !config.web.tls && config.web.proxies.is_empty() && config.web.proxy_protocol.is_empty() {
        let text = "without TLS this listener is meant for a reverse proxy, but `proxies` names none: \
                    requests that it forwards have an unknown source, and nobody will get a grant";
        warnings.push(lines.at("tls", text.into()));
    }
    if config.relay.host.is_none() {
        warnings.push(missing(
            "no [relay]: mail to other domains is refused, and no code can be mailed",
        ));
    }
    if config.ldap.tls == ServerTls::None
        && config.ldap.servers.iter().any(|server| {
            let address = server_address(server, 0).and_then(|(host, _)| host.parse().ok());
            address.is_none_or(|address| !is_loopback(address))
        })
    {
        let text = "passwords go to the directory in the clear";
        warnings.push(lines.at("[ldap]", text.into()));
    }
    for address in &config.authapi.listen {
        if !is_loopback(address.ip()) {
            let text = format!(
                "passwords come to {address} in the clear: keep it in a network that is trusted with them"
            );
            warnings.push(lines.at("[authapi]", text));
        }
    }
    if !config.records.tls && !records::by_unix_socket(&config.records) {
        let text = "what the checkpoint keeps goes to PostgreSQL in the clear";
        warnings.push(lines.at("tls", text.into()));
    }
    for section in &config.upstream {
        let servers = [
            &section.imap,
            &section.pop3,
            &section.submission,
            &section.sieve,
        ];
        let elsewhere = servers.into_iter().flatten().any(|server| {
            let address = server_address(server, 0).and_then(|(host, _)| host.parse().ok());
            address.is_none_or(|address| !is_loopback(address))
        });
        if section.tls == ServerTls::None && elsewhere {
            let text = format!(
                "passwords go to the upstream {:?} in the clear",
                section.name
            );
            warnings.push(lines.at("tls", text));
        }
    }
    warn_of_upstreams(config, lines, warnings);
    let doors = [
        &config.imap,
        &config.pop3,
        &config.submission,
        &config.sieve,
    ];
    if doors.iter().any(|door| door.plain_login) {
        warnings.push(lines.at(
            "plain_login",
            "passwords cross the network in the clear".into(),
        ));
    }
}

/// What people will look for in an upstream and not find, and whose mail is nowhere.
fn warn_of_upstreams(config: &Config, lines: &Lines<'_>, warnings: &mut Vec<Warning>) {
    let in_use = |door: &DoorSection| !door.listen.is_empty() || !door.listen_tls.is_empty();
    let webmail = !config.web.listen.is_empty();
    for section in &config.upstream {
        let missing = [
            ("imap", section.imap.is_empty(), in_use(&config.imap)),
            ("pop3", section.pop3.is_empty(), in_use(&config.pop3)),
            (
                "submission",
                section.submission.is_empty(),
                in_use(&config.submission),
            ),
            ("sieve", section.sieve.is_empty(), in_use(&config.sieve)),
        ];
        for (key, is_missing, has_a_door) in missing {
            let for_the_webmail = webmail && matches!(key, "imap" | "submission");
            let who = match (has_a_door, for_the_webmail) {
                (true, true) => "mail clients and the webmail have",
                (true, false) => "mail clients have",
                (false, true) => "the webmail has",
                (false, false) => continue,
            };
            if is_missing {
                let name = &section.name;
                let text = format!(
                    "the upstream {name:?} has no `{key}`: {who} no server for it, and people whose mail is there are told so"
                );
                warnings.push(lines.at("[[upstream]]", text));
            }
        }
    }
    let mut rest = config
        .upstream
        .iter()
        .filter(|section| keeps_the_rest(section));
    if let (Some(first), Some(second)) = (rest.next(), rest.next()) {
        let text = format!(
            "the upstreams {:?} and {:?} both keep the mail of all whom no other names: {:?} gets nobody. Give one of them `domains`, `groups` or `accounts_file`",
            first.name, second.name, second.name
        );
        warnings.push(lines.at("[[upstream]]", text));
    }
    let covers_all = config.upstream.iter().any(|section| {
        keeps_the_rest(section) || !section.groups.is_empty() || section.accounts_file.is_some()
    });
    for domain in &config.site.domains {
        let covered = config.upstream.iter().any(|section| {
            let mut named = section.domains.iter();
            named.any(|other| other.eq_ignore_ascii_case(domain))
        });
        if !config.upstream.is_empty() && !covers_all && !covered {
            let text = format!("no upstream keeps the mail of {domain:?}");
            warnings.push(lines.at("domains", text));
        }
    }
    if config.accounts.passwords == PasswordsWord::Upstream && !config.authapi.listen.is_empty() {
        let text = "`passwords = \"upstream\"` fits no upstream that asks here: it would ask about Sekisho itself, before anybody has proven a factor";
        warnings.push(lines.at("passwords", text.into()));
    }
}

fn network(section: &super::NetworkSection) -> Network {
    Network {
        name: section.name.clone(),
        class: match section.class {
            NetworkClassWord::Trusted => NetworkClass::Trusted,
            NetworkClassWord::Untrusted => NetworkClass::Untrusted,
        },
        prefixes: section.prefixes.clone(),
    }
}

fn policy(config: &Config, own_domains: OwnDomains) -> Policy {
    let section = &config.policy;
    let from = section.mfa_from.unwrap_or(jiff::Timestamp::MIN);
    Policy {
        mfa: match section.mfa {
            Demand::Optional => MfaDemand::Optional,
            Demand::Required => MfaDemand::RequiredFrom(from),
        },
        mfa_groups: section
            .mfa_groups
            .iter()
            .map(|g| (Group(g.clone()), MfaDemand::RequiredFrom(from)))
            .collect(),
        first_registration: match section.first_registration {
            FirstRegistrationWord::Allow => FirstRegistration::Allow,
            FirstRegistrationWord::EnrolmentCode => FirstRegistration::EnrolmentCode,
            FirstRegistrationWord::Forbid => FirstRegistration::Forbid,
        },
        refusal: match section.refusal {
            RefusalWord::Helpful => RefusalStyle::Helpful,
            RefusalWord::Terse => RefusalStyle::Terse,
            RefusalWord::NamesCause => RefusalStyle::NamesCause,
        },
        external_mail: section.external_mail,
        own_domains,
        grant: section.grant,
        session: section.session,
        session_idle: section.session_idle,
        user_code: section.user_code,
        mailed_code: section.mailed_code,
        enrolment_code: section.enrolment_code,
        refusal_delay: section.refusal_delay,
        audit_kept: section.audit_kept,
        help_url: format!("{}/mfa", config.site.url),
        ..Policy::default()
    }
}

/// `https://host[:port]`, or `http://` where nothing leaves the machine.
fn is_origin(url: &str) -> bool {
    let (rest, secure) = match (url.strip_prefix("https://"), url.strip_prefix("http://")) {
        (Some(rest), _) => (rest, true),
        (None, Some(rest)) => (rest, false),
        (None, None) => return false,
    };
    let host = rest.rsplit_once(':').map_or(rest, |(host, _)| host);
    let plain = !rest.is_empty()
        && rest
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-.:[]".contains(&b));
    plain && (secure || host == "localhost" || host.parse().is_ok_and(is_loopback))
}

fn missing(text: &str) -> Problem {
    Problem {
        line: None,
        text: text.to_owned(),
    }
}

/// Turns a TOML error into a problem; for an unknown key, names the nearest known one.
fn syntax(text: &str, error: &toml::de::Error) -> Problem {
    let line = error
        .span()
        .map(|span| 1 + text[..span.start.min(text.len())].matches('\n').count());
    let message = error.message();
    let quoted = |s: &str| {
        s.split('`')
            .skip(1)
            .step_by(2)
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let text = match message.strip_prefix("unknown field ") {
        None if message.contains("invalid IP address syntax") => {
            "this is not a prefix: write one such as \"203.0.113.0/24\", or \"192.0.2.1/32\" for one address".to_owned()
        }
        None => message.to_owned(),
        Some(rest) => {
            let mut names = quoted(rest).into_iter();
            let typed = names.next().unwrap_or_default();
            let nearest = names.min_by_key(|known| strsim::damerau_levenshtein(&typed, known));
            match nearest {
                Some(known) => format!("there is no key `{typed}`; did you mean `{known}`?"),
                None => format!("there is no key `{typed}`"),
            }
        }
    };
    Problem { line, text }
}

/// Finds the line of a key, for problems that are found after parsing.
struct Lines<'a>(&'a str);

impl Lines<'_> {
    fn at(&self, key: &str, text: String) -> Problem {
        let line = self.0.lines().position(|line| {
            line.trim_start()
                .strip_prefix(key)
                .is_some_and(|rest| key.starts_with('[') || rest.trim_start().starts_with('='))
        });
        Problem {
            line: line.map(|l| l + 1),
            text,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"
[site]
domains = ["kit.example"]
url = "https://mail.kit.example"
app_url = "https://otp.kit.example"

[[network]]
name = "campus"
class = "trusted"
prefixes = ["203.0.113.0/24"]
"#;

    fn problems(text: &str) -> String {
        match parse(text) {
            Ok(_) => String::new(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn a_small_file_is_enough_and_its_defaults_are_the_known_numbers() {
        let loaded = parse(GOOD).expect("a good file");
        assert_eq!(
            loaded.site.policy.grant,
            jiff::SignedDuration::from_hours(14)
        );
        assert_eq!(loaded.site.policy.help_url, "https://mail.kit.example/mfa");
    }

    #[test]
    fn an_unknown_key_is_named_with_its_line_and_the_nearest_known_one() {
        let text = GOOD.replace("prefixes", "prefxes");
        assert_eq!(
            problems(&text),
            "line 10: there is no key `prefxes`; did you mean `prefixes`?"
        );
        let text = format!("{GOOD}\n[polcy]\n");
        assert_eq!(
            problems(&text),
            "line 12: there is no key `polcy`; did you mean `policy`?"
        );
    }

    #[test]
    fn everything_that_is_wrong_is_said_at_once() {
        let text = GOOD
            .replace("https://mail.kit.example", "mail.kit.example")
            .replace("app_url", "zone = \"Asia/Tokio\"\napp_url");
        assert_eq!(
            problems(&text),
            "line 4: `url` must be https:// and a host name in ASCII, without a path\n\
             line 5: \"Asia/Tokio\" is not a time zone; write one such as \"Asia/Tokyo\""
        );
    }

    #[test]
    fn an_lmtp_door_to_the_world_is_refused() {
        assert!(
            problems(&format!("{GOOD}\n[lmtp]\nlisten = [\"0.0.0.0:24\"]\n"))
                .contains("LMTP on 0.0.0.0:24")
        );
    }

    #[test]
    fn mail_leaves_one_way_and_a_signature_has_a_key() {
        let with = |text: &str| problems(&format!("{GOOD}\n{text}\n"));
        let both = with("[relay]\nhost = \"relay.example\"\ndirect = true");
        assert!(both.contains("choose one"), "{both}");
        let half = with("[dkim]\nselector = \"s\"");
        assert!(half.contains("belong together"), "{half}");
        assert!(parse(&format!("{GOOD}\n[relay]\ndirect = true\n")).is_ok());
    }

    #[test]
    fn an_smtp_door_names_who_may_come() {
        let with = |section: &str| problems(&format!("{GOOD}\n[smtp]\n{section}\n"));
        assert!(with("listen = [\"192.0.2.1:25\"]").contains("needs `relays`"));
        let all = "listen = [\"0.0.0.0:25\"]\nrelays = [\"0.0.0.0/0\"]";
        assert!(with(all).contains("not everybody"));
        let text =
            format!("{GOOD}\n[smtp]\nlisten = [\"0.0.0.0:25\"]\nrelays = [\"192.0.2.25/32\"]\n");
        assert!(parse(&text).is_ok());
    }

    #[test]
    fn a_junk_header_has_a_name_and_a_value() {
        let with =
            |header: &str| problems(&format!("{GOOD}\n[lmtp]\njunk_header = \"{header}\"\n"));
        assert!(with("X-Spam-Flag").contains("is no header field"));
        assert_eq!(with("X-Spam-Flag: YES"), "");
    }

    #[test]
    fn an_upstream_is_checked_before_anybody_depends_on_it() {
        const RELAY: &str = "[relay]\nhost = \"relay.kit.example\"\n";
        let with = |upstream: &str| {
            problems(&format!(
                "{GOOD}\n{RELAY}[[upstream]]\nname = \"d\"\nimap = [\"imap.kit.example\"]\n{upstream}"
            ))
        };
        assert_eq!(with(""), "");
        assert_eq!(with("pop3 = [\"[2001:db8::1]:1110\", \"192.0.2.1\"]"), "");
        for (line, said) in [
            ("pop3 = [\"pop.kit.example:0\"]", "is no server"),
            ("pop3 = [\"https://pop.kit.example\"]", "is no server"),
            ("key_pin = \"abc\"", "64 hexadecimal digits"),
            ("login = \"master\"", "needs `master_user`"),
            ("login = \"token\"", "needs `token_key_file`"),
            (
                "[sieve]\nlisten = [\"127.0.0.1:4190\"]",
                "needs an [[upstream]] with `sieve`",
            ),
            ("user = \"everybody\"", "one and the same"),
            (
                "[[upstream]]\nname = \"d\"\nimap = [\"x\"]\ndomains = [\"a.example\"]",
                "two upstreams \"d\"",
            ),
            (
                "domains = [\"A.example\"]\n[[upstream]]\nname = \"e\"\nimap = [\"x\"]\ndomains = [\"a.example\"]",
                "Keep it in one",
            ),
            ("patience = \"0s\"", "from 1 to 60 s"),
            (
                "[lmtp]\nlisten = [\"127.0.0.1:24\"]",
                "no mail is kept here",
            ),
        ] {
            let problems = with(line);
            assert!(problems.contains(said), "{line}: {problems}");
        }
        let without_relay = problems(&format!(
            "{GOOD}\n[[upstream]]\nname = \"d\"\nimap = [\"imap\"]\n"
        ));
        assert!(without_relay.contains("needs [relay]"), "{without_relay}");
    }

    #[test]
    fn what_people_will_miss_at_an_upstream_is_warned_of() {
        let warned = |more: &str| {
            let text = format!(
                "{GOOD}\n[relay]\nhost = \"relay.kit.example\"\n[pop3]\nlisten = [\"127.0.0.1:110\"]\n[[upstream]]\nname = \"d\"\nimap = [\"imap.kit.example\"]\n{more}"
            );
            let loaded = parse(&text).expect("a good file");
            let words: Vec<_> = loaded.warnings.into_iter().map(|w| w.text).collect();
            words.join("\n")
        };
        assert!(warned("").contains("has no `pop3`: mail clients have"));
        assert!(!warned("pop3 = [\"pop.kit.example\"]").contains("`pop3`"));
        assert!(warned("domains = [\"other.example\"]").contains("no upstream keeps the mail of"));
        let second = warned("[[upstream]]\nname = \"e\"\nimap = [\"x\"]");
        assert!(second.contains("\"e\" gets nobody"), "{second}");
    }

    #[test]
    fn a_server_is_a_host_and_perhaps_a_port() {
        let parsed = |text| server_address(text, 143);
        assert_eq!(
            parsed("imap.example"),
            Some(("imap.example".to_owned(), 143))
        );
        assert_eq!(
            parsed("192.0.2.1:1143"),
            Some(("192.0.2.1".to_owned(), 1143))
        );
        assert_eq!(parsed("[::1]"), Some(("::1".to_owned(), 143)));
        assert_eq!(parsed("[::1]:993"), Some(("::1".to_owned(), 993)));
        for text in [
            "",
            ":143",
            "[::1",
            "[::1]993",
            "a b",
            "::1",
            "a:b:1",
            "host:99999",
        ] {
            assert_eq!(parsed(text), None, "{text:?}");
        }
    }

    #[test]
    fn plain_http_is_taken_for_loopback_alone() {
        assert!(is_origin("http://localhost:8080") && is_origin("http://127.0.0.1:8080"));
        assert!(!is_origin("http://mail.example.ac.jp") && !is_origin("https://mail.example/path"));
    }

    #[test]
    fn a_forgotten_proxy_setting_is_warned_of() {
        let loaded = parse(&format!("{GOOD}\n[web]\ntls = false\n")).expect("a good file");
        assert!(
            loaded
                .warnings
                .iter()
                .any(|w| w.line == Some(13) && w.text.contains("proxies"))
        );
    }
}
