//! Two good values of every key, which mean different things, and a wrong one. A key that is not here fails the tests
//! that go through all keys.

/// What the tests know of a key.
pub(super) struct Sample {
    /// Its section and its name.
    pub(super) key: &'static str,
    /// A good value.
    pub(super) one: &'static str,
    /// Another, which means something else.
    pub(super) other: &'static str,
    /// A value of the right kind that is wrong, or, of a list, a wrong element; empty if all values of that kind are
    /// right.
    pub(super) wrong: &'static str,
    /// Further lines of the section, with which the key means something.
    pub(super) beside: &'static str,
}

const fn sample(
    key: &'static str,
    one: &'static str,
    other: &'static str,
    wrong: &'static str,
    beside: &'static str,
) -> Sample {
    Sample {
        key,
        one,
        other,
        wrong,
        beside,
    }
}

/// Other sections that a section needs to mean something.
pub(super) fn around(section: &str) -> &'static str {
    match section {
        "upstream" => "[relay]\nhost = \"relay.kit.example\"\n",
        "sieve" => {
            "[relay]\nhost = \"relay.kit.example\"\n[[upstream]]\nname = \"a\"\nsieve = [\"a.kit.example\"]\n"
        }
        "accounts" => {
            "[relay]\nhost = \"relay.kit.example\"\n[[upstream]]\nname = \"a\"\nimap = [\"a.kit.example\"]\n"
        }
        _ => "",
    }
}

/// The keys without which a section can't be; `number` tells several sections of a name apart.
pub(super) fn least(section: &str, number: usize) -> Vec<(&'static str, String)> {
    match section {
        "site" => vec![
            ("domains", "[\"kit.example\"]".to_owned()),
            ("url", "\"https://mail.kit.example\"".to_owned()),
            ("app_url", "\"https://otp.kit.example\"".to_owned()),
        ],
        "upstream" => vec![
            ("name", format!("\"number {number}\"")),
            ("imap", format!("[\"imap{number}.kit.example\"]")),
        ],
        "network" => vec![
            ("name", format!("\"number {number}\"")),
            ("class", "\"trusted\"".to_owned()),
            ("prefixes", format!("[\"203.0.{number}.0/24\"]")),
        ],
        _ => Vec::new(),
    }
}

const PIN: &str = "\"0000000000000000000000000000000000000000000000000000000000000000\"";
const OTHER_PIN: &str = "\"0000000000000000000000000000000000000000000000000000000000000001\"";
const TWO_ADDRESSES: [&str; 2] = ["[\"127.0.0.1:1\"]", "[\"127.0.0.1:2\"]"];
const LDAP: &str =
    "servers = [\"ldap\"]\nbase = \"dc=x\"\npassword_url = \"https://id.kit.example/\"";
const DOVEADM: &str = "doveadm = \"127.0.0.1:80\"\ndoveadm_key_file = \"k\"";

/// A list of addresses on which something listens.
const fn listens(key: &'static str, beside: &'static str) -> Sample {
    sample(
        key,
        TWO_ADDRESSES[0],
        TWO_ADDRESSES[1],
        "\"127.0.0.1\"",
        beside,
    )
}

/// A list of prefixes.
const fn prefixes(key: &'static str) -> Sample {
    sample(
        key,
        "[\"192.0.2.0/24\"]",
        "[\"198.51.100.0/24\"]",
        "\"192.0.2.0/33\"",
        "",
    )
}

/// A list of servers.
const fn servers(key: &'static str) -> Sample {
    sample(
        key,
        "[\"a.example\"]",
        "[\"a.example:99\"]",
        "\"https://a.example\"",
        "",
    )
}

/// A file.
const fn file(key: &'static str, beside: &'static str) -> Sample {
    sample(key, "\"/a\"", "\"/b\"", "\"\"", beside)
}

/// A text, which may be any.
const fn text(key: &'static str, beside: &'static str) -> Sample {
    sample(key, "\"a\"", "\"b\"", "", beside)
}

/// Whether something is so.
const fn flag(key: &'static str, beside: &'static str) -> Sample {
    sample(key, "true", "false", "", beside)
}

/// A time.
const fn time(key: &'static str, wrong: &'static str, beside: &'static str) -> Sample {
    sample(key, "\"7s\"", "\"8s\"", wrong, beside)
}

pub(super) const SAMPLES: &[Sample] = &[
    text("site.name", ""),
    sample(
        "site.domains",
        "[\"kit.example\"]",
        "[\"kit.example\", \"b.example\"]",
        "\"b..example\"",
        "",
    ),
    sample(
        "site.url",
        "\"https://a.example\"",
        "\"https://b.example\"",
        "\"https://a.example/mail\"",
        "",
    ),
    sample(
        "site.app_url",
        "\"https://a.example\"",
        "\"https://b.example\"",
        "\"http://a.example\"",
        "",
    ),
    sample(
        "site.ipv4_url",
        "\"https://a.example\"",
        "\"https://b.example\"",
        "\"a.example\"",
        "ipv6_url = \"https://v6.example\"",
    ),
    sample(
        "site.ipv6_url",
        "\"https://a.example\"",
        "\"https://b.example\"",
        "\"a.example\"",
        "ipv4_url = \"https://v4.example\"",
    ),
    sample(
        "site.zone",
        "\"Asia/Tokyo\"",
        "\"Europe/Zurich\"",
        "\"Asia/Tokio\"",
        "",
    ),
    sample("site.language", "\"ja\"", "\"en\"", "\"de\"", ""),
    file("site.data", ""),
    file("site.keys", ""),
    file("tls.certificate", "key = \"/k\""),
    file("tls.key", "certificate = \"/c\""),
    listens("web.listen", ""),
    listens("web.app_listen", ""),
    flag("web.tls", ""),
    prefixes("web.proxies"),
    prefixes("web.proxy_protocol"),
    sample("web.max_message", "1000", "2_000", "-1", ""),
    listens("imap.listen", ""),
    listens("imap.listen_tls", ""),
    flag("imap.plain_login", ""),
    prefixes("imap.proxy_protocol"),
    listens("pop3.listen", ""),
    listens("pop3.listen_tls", ""),
    flag("pop3.plain_login", ""),
    prefixes("pop3.proxy_protocol"),
    listens("submission.listen", ""),
    listens("submission.listen_tls", ""),
    flag("submission.plain_login", ""),
    prefixes("submission.proxy_protocol"),
    listens("sieve.listen", ""),
    listens("sieve.listen_tls", ""),
    flag("sieve.plain_login", ""),
    prefixes("sieve.proxy_protocol"),
    sample("limits.connections", "1", "2", "0", ""),
    sample("limits.connections_from_one_source", "1", "2", "0", ""),
    time("limits.after_restart", "\"-1s\"", ""),
    listens("lmtp.listen", ""),
    file("lmtp.socket", ""),
    sample("lmtp.max_message", "1000", "0x800", "-1", ""),
    sample(
        "lmtp.junk_header",
        "\"X-Spam: YES\"",
        "\"X-Junk: YES\"",
        "\"X-Spam\"",
        "",
    ),
    listens("smtp.listen", ""),
    prefixes("smtp.relays"),
    flag("smtp.starttls", ""),
    sample("mail.quota_bytes", "1000", "2000", "-1", ""),
    sample("mail.quota_messages", "1000", "2000", "-1", ""),
    flag("mail.keep_sent", ""),
    sample(
        "relay.host",
        "\"a.example\"",
        "\"2001:db8::1\"",
        "\"a.example:25\"",
        "",
    ),
    flag("relay.direct", ""),
    sample("relay.port", "25", "587", "65536", "host = \"a\""),
    sample(
        "relay.tls",
        "\"none\"",
        "\"implicit\"",
        "\"tls\"",
        "host = \"a\"",
    ),
    text("relay.user", "host = \"a\"\npassword_file = \"/p\""),
    file("relay.password_file", "host = \"a\"\nuser = \"u\""),
    file("relay.ca_file", "host = \"a\""),
    text("upstream.name", ""),
    servers("upstream.imap"),
    servers("upstream.pop3"),
    servers("upstream.submission"),
    servers("upstream.sieve"),
    sample("upstream.tls", "\"none\"", "\"implicit\"", "\"tls\"", ""),
    file("upstream.ca_file", ""),
    sample("upstream.key_pin", PIN, OTHER_PIN, "\"00\"", ""),
    sample(
        "upstream.login",
        "\"master\"",
        "\"token\"",
        "\"none\"",
        "master_user = \"m\"\nmaster_password_file = \"/m\"\ntoken_key_file = \"/t\"",
    ),
    sample(
        "upstream.user",
        "\"{login}\"",
        "\"{address}\"",
        "\"login\"",
        "",
    ),
    text(
        "upstream.master_user",
        "login = \"master\"\nmaster_password_file = \"/m\"",
    ),
    file(
        "upstream.master_password_file",
        "login = \"master\"\nmaster_user = \"m\"",
    ),
    file("upstream.token_key_file", "login = \"token\""),
    text(
        "upstream.token_key_id",
        "login = \"token\"\ntoken_key_file = \"/t\"",
    ),
    text(
        "upstream.token_audience",
        "login = \"token\"\ntoken_key_file = \"/t\"",
    ),
    sample(
        "upstream.client_address",
        "\"proxy\"",
        "\"dialogue\"",
        "\"yes\"",
        "",
    ),
    flag("upstream.block_relogin", ""),
    time("upstream.patience", "\"61s\"", ""),
    file("upstream.accounts_file", ""),
    sample(
        "upstream.groups",
        "[\"staff\"]",
        "[\"students\"]",
        "\"\"",
        "",
    ),
    sample(
        "upstream.domains",
        "[\"a.example\"]",
        "[\"b.example\"]",
        "\"example\"",
        "",
    ),
    sample(
        "ldap.servers",
        "[\"a.example\"]",
        "[\"b.example\"]",
        "\"ldap://a.example\"",
        "base = \"dc=x\"\npassword_url = \"https://id.kit.example/\"",
    ),
    sample("ldap.tls", "\"none\"", "\"implicit\"", "\"ldaps\"", LDAP),
    file("ldap.ca_file", LDAP),
    text(
        "ldap.user",
        "servers = [\"ldap\"]\nbase = \"dc=x\"\npassword_url = \"https://id.kit.example/\"\npassword_file = \"/p\"",
    ),
    file(
        "ldap.password_file",
        "servers = [\"ldap\"]\nbase = \"dc=x\"\npassword_url = \"https://id.kit.example/\"\nuser = \"u\"",
    ),
    text(
        "ldap.base",
        "servers = [\"ldap\"]\npassword_url = \"https://id.kit.example/\"",
    ),
    sample("ldap.filter", "\"(a=b)\"", "\"(a=c)\"", "\"a=b\"", LDAP),
    text("ldap.id", LDAP),
    text("ldap.login", LDAP),
    text("ldap.name", LDAP),
    sample(
        "ldap.addresses",
        "[\"mail\"]",
        "[\"mail\", \"alias\"]",
        "",
        LDAP,
    ),
    text("ldap.groups", LDAP),
    text("ldap.group_base", LDAP),
    sample(
        "ldap.group_filter",
        "\"(a={dn})\"",
        "\"(a={login})\"",
        "\"(a\"",
        LDAP,
    ),
    time("ldap.time_limit", "\"31s\"", LDAP),
    sample(
        "ldap.password_url",
        "\"https://a.example/\"",
        "\"https://b.example/\"",
        "\"id\"",
        "servers = [\"ldap\"]\nbase = \"dc=x\"",
    ),
    listens("authapi.listen", "secret_file = \"/s\""),
    file("authapi.secret_file", ""),
    listens("authapi.sasl_listen", ""),
    file("authapi.sasl_socket", ""),
    sample(
        "authapi.user",
        "\"{login}\"",
        "\"{address}\"",
        "\"login\"",
        "",
    ),
    sample(
        "authapi.nginx_imap",
        "\"127.0.0.1:1\"",
        "\"127.0.0.1:2\"",
        "\"imap:1\"",
        "",
    ),
    sample(
        "authapi.nginx_pop3",
        "\"127.0.0.1:1\"",
        "\"127.0.0.1:2\"",
        "\"imap:1\"",
        "",
    ),
    sample(
        "authapi.nginx_submission",
        "\"127.0.0.1:1\"",
        "\"127.0.0.1:2\"",
        "\"imap:1\"",
        "",
    ),
    sample(
        "authapi.doveadm",
        "\"127.0.0.1:1\"",
        "\"[::1]:2\"",
        "\"a b\"",
        "doveadm_key_file = \"k\"",
    ),
    flag("authapi.doveadm_tls", DOVEADM),
    file("authapi.doveadm_ca_file", DOVEADM),
    file("authapi.doveadm_key_file", "doveadm = \"127.0.0.1:80\""),
    sample(
        "records.postgres",
        "[\"a.example\"]",
        "[\"/run/postgresql\"]",
        "\"a.example:0\"",
        "",
    ),
    text("records.database", "postgres = [\"db\"]"),
    text("records.user", "postgres = [\"db\"]"),
    file("records.password_file", "postgres = [\"db\"]"),
    flag("records.tls", "postgres = [\"db\"]"),
    file("records.ca_file", "postgres = [\"db\"]"),
    sample(
        "records.connections",
        "2",
        "200",
        "1",
        "postgres = [\"db\"]",
    ),
    time("records.time_limit", "\"31s\"", "postgres = [\"db\"]"),
    text("dkim.selector", "key_file = \"/k\""),
    file("dkim.key_file", "selector = \"s\""),
    sample(
        "dkim.domain",
        "\"a.example\"",
        "\"b.example\"",
        "\"example\"",
        "selector = \"s\"\nkey_file = \"/k\"",
    ),
    sample("policy.mfa", "\"optional\"", "\"required\"", "\"yes\"", ""),
    sample(
        "policy.mfa_from",
        "\"2027-04-01T00:00:00+09:00\"",
        "2027-04-02T00:00:00+09:00",
        "\"2027-04-01\"",
        "mfa = \"required\"",
    ),
    sample(
        "policy.mfa_groups",
        "[\"staff\"]",
        "[\"students\"]",
        "\"\"",
        "",
    ),
    sample(
        "policy.first_registration",
        "\"allow\"",
        "\"enrolment-code\"",
        "\"no\"",
        "",
    ),
    flag("policy.external_mail", ""),
    time("policy.grant", "\"0s\"", ""),
    time("policy.session", "\"100000h\"", ""),
    time("policy.session_idle", "\"14\"", ""),
    time("policy.user_code", "\"0s\"", ""),
    time("policy.mailed_code", "\"-1s\"", ""),
    time("policy.enrolment_code", "\"0s\"", ""),
    time("policy.refusal_delay", "\"31s\"", ""),
    sample(
        "policy.refusal",
        "\"terse\"",
        "\"names-cause\"",
        "\"loud\"",
        "",
    ),
    time("policy.audit_kept", "\"0s\"", ""),
    sample("policy.ipv6_prefix", "48", "128", "47", ""),
    sample("accounts.min_password", "8", "9", "-1", ""),
    sample(
        "accounts.passwords",
        "\"here\"",
        "\"upstream\"",
        "\"there\"",
        "password_url = \"https://id.kit.example/\"",
    ),
    sample(
        "accounts.password_url",
        "\"https://a.example/\"",
        "\"https://b.example/\"",
        "\"id\"",
        "passwords = \"upstream\"",
    ),
    text("network.name", ""),
    sample(
        "network.class",
        "\"trusted\"",
        "\"untrusted\"",
        "\"campus\"",
        "",
    ),
    prefixes("network.prefixes"),
];
