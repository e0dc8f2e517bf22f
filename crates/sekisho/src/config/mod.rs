//! The configuration file: what each key means, and what is wrong with a file, by line.
//!
//! The file is TOML. Each section is a struct below; its doc comments are also the reference (`sekisho config reference`). Unknown keys are errors that name
//! the nearest known one. The binary alone reads it: every room gets the part that is its own.

pub(crate) mod check;
mod section;

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use ipnet::IpNet;
use jiff::SignedDuration;
use serde::Deserialize;

pub use check::{ConfigError, Loaded, Warning, load, parse};
use section::section;

section! {
    /// What the site is.
    pub struct SiteSection("[site]") {
        /// The site's name, as pages show it.
        name: String = "Sekisho".to_owned(),
        /// The mail domains that are the site's own; the first one is that of the site's own letters. Required.
        domains: Vec<String> = Vec::new(),
        /// The address of the webmail as browsers reach it, such as `https://mail.example.ac.jp`. Required.
        url: String = String::new(),
        /// The address of the OTP app, an origin of its own, such as `https://otp.example.ac.jp`. Required.
        app_url: String = String::new(),
        /// A name of the webmail that resolves to IPv4 alone, such as `https://v4.mail.example.ac.jp`: by it and the next one, the second address of a line
        /// can join a grant. Set both or none.
        ipv4_url: Option<String> = None,
        /// A name of the webmail that resolves to IPv6 alone.
        ipv6_url: Option<String> = None,
        /// The time zone in which times are shown, such as `Asia/Tokyo`.
        zone: String = "Asia/Tokyo".to_owned(),
        /// The language of people whose browser asks for neither: `ja` or `en`.
        language: String = "ja".to_owned(),
        /// The folder that keeps everything: accounts, records, mail, the queue.
        data: PathBuf = PathBuf::from("/var/lib/sekisho"),
        /// The file with the keys that seal factors; made on first start. Keep it on other backups than `data`.
        keys: PathBuf = PathBuf::from("/etc/sekisho/keys"),
    }
}

section! {
    /// The certificate of all doors. Without one, a self-signed certificate is made on first start and kept in `data`.
    pub struct TlsSection("[tls]") {
        /// PEM file with the certificate chain.
        certificate: Option<PathBuf> = None,
        /// PEM file with its private key.
        key: Option<PathBuf> = None,
    }
}

section! {
    /// The browser door.
    pub struct WebSection("[web]") {
        /// Where the webmail listens.
        listen: Vec<SocketAddr> = Vec::new(),
        /// Where the OTP app listens.
        app_listen: Vec<SocketAddr> = Vec::new(),
        /// Whether these listeners speak TLS themselves; `false` behind a reverse proxy.
        tls: bool = true,
        /// Reverse proxies whose `X-Forwarded-For` is believed. Without them no forwarding header is ever believed.
        proxies: Vec<IpNet> = Vec::new(),
        /// Load balancers that speak the PROXY protocol to these listeners; when set, it is required.
        proxy_protocol: Vec<IpNet> = Vec::new(),
        /// The largest message that can be written in the webmail, in bytes.
        max_message: u64 = 25 * 1024 * 1024,
    }
}

section! {
    /// The doors for mail clients; all sections have the same keys. `[sieve]` is ManageSieve, before an upstream that runs scripts.
    pub struct DoorSection("[imap], [pop3], [submission] and [sieve]") {
        /// Where it listens for clients that start TLS by a command.
        listen: Vec<SocketAddr> = Vec::new(),
        /// Where it listens for clients that speak TLS from the start.
        listen_tls: Vec<SocketAddr> = Vec::new(),
        /// Whether a login is taken without TLS from anywhere, not only from loopback. For closed test networks.
        plain_login: bool = false,
        /// Load balancers that speak the PROXY protocol to these listeners; when set, it is required.
        proxy_protocol: Vec<IpNet> = Vec::new(),
    }
}

section! {
    /// Where mail comes in.
    pub struct LmtpSection("[lmtp]") {
        /// Where LMTP listens: loopback addresses.
        listen: Vec<SocketAddr> = Vec::new(),
        /// A Unix socket for LMTP.
        socket: Option<PathBuf> = None,
        /// The largest message taken, in bytes; by SMTP as well.
        max_message: u64 = 50 * 1024 * 1024,
        /// The header field by which the site's filter marks junk, such as `X-Spam-Flag: YES`; such mail goes into the junk folder, also if it comes
        /// by SMTP. The filter must remove this field from what it does not mark.
        junk_header: Option<String> = None,
    }
}

section! {
    /// What connections of mail clients may cost.
    pub struct LimitsSection("[limits]") {
        /// The most connections of an account that are logged in at once.
        connections: usize = 200,
        /// The most of them from one source.
        connections_from_one_source: usize = 100,
        /// How long connections to an upstream may go on in a process that was replaced (`sekisho restart`).
        after_restart: SignedDuration = SignedDuration::from_hours(14),
    }
}

section! {
    /// Where mail comes in by SMTP, from relays and filters that do not speak LMTP. It takes mail for this site alone, and from nobody else: it is no public MX.
    pub struct SmtpSection("[smtp]") {
        /// Where it listens.
        listen: Vec<SocketAddr> = Vec::new(),
        /// The mail servers that may deliver, such as `192.0.2.25/32`; this machine always may.
        relays: Vec<IpNet> = Vec::new(),
        /// Whether they have to start TLS before anything else; `false` in a closed network.
        starttls: bool = true,
    }
}

section! {
    /// The mail that accounts keep.
    pub struct MailSection("[mail]") {
        /// The most bytes of an account: the sizes of all messages in all folders, a copy counted as often as it is there. No limit unless set.
        quota_bytes: Option<u64> = None,
        /// The most messages of an account, in all folders together.
        quota_messages: Option<u64> = None,
        /// Whether the server keeps a copy of what people send in their folder for sent mail. A client that keeps one there itself is no trouble: there is one
        /// copy then, the client's.
        keep_sent: bool = true,
    }
}

section! {
    /// Where mail leaves the site.
    pub struct RelaySection("[relay]") {
        /// The relay's host name; without one, mail to other domains is refused, unless `direct` is set.
        host: Option<String> = None,
        /// Without a relay: hand mail to each domain's own servers, as DNS names them. The other sites judge this site's address and name by then; sign with `[dkim]`.
        direct: bool = false,
        /// Its port.
        port: u16 = 25,
        /// `none`, `starttls` or `implicit`.
        tls: ServerTls = ServerTls::Starttls,
        /// The user name to log in with.
        user: Option<String> = None,
        /// A file with the password to log in with.
        password_file: Option<PathBuf> = None,
        /// A PEM file with the authorities to trust instead of the system's.
        ca_file: Option<PathBuf> = None,
    }
}

section! {
    /// A mail system that the site has already, behind Sekisho's doors: `[[upstream]]`, as many as there are. With one, no mail is kept here; letters of the site go
    /// to the mailboxes by the relay. The first that names no accounts, groups or domains keeps the mail of all whom no other names.
    pub struct UpstreamSection("[[upstream]]") {
        /// Its name, for the log. Required.
        name: String = String::new(),
        /// Its IMAP servers, such as `imap.example.ac.jp` or `192.0.2.1:1143`: the first that is up gets all. The ports are 143 and 993 unless given.
        imap: Vec<String> = Vec::new(),
        /// Its POP3 servers, likewise; 110 and 995.
        pop3: Vec<String> = Vec::new(),
        /// Its submission servers, likewise; 587 and 465.
        submission: Vec<String> = Vec::new(),
        /// Its ManageSieve servers, likewise; 4190.
        sieve: Vec<String> = Vec::new(),
        /// How they are spoken to: `none`, `starttls` or `implicit`. `none` is for this machine and for networks that are trusted with passwords.
        tls: ServerTls = ServerTls::Starttls,
        /// A PEM file with the authorities to trust instead of the system's.
        ca_file: Option<PathBuf> = None,
        /// The SHA-256 hash of the servers' public key in hexadecimal digits, to trust that key alone, whatever the certificate says.
        key_pin: Option<String> = None,
        /// How the upstream is told whose mail is wanted: `password` (the person's own), `master` (a master user acts for the person) or `token` (OAUTHBEARER,
        /// signed by Sekisho).
        login: LoginWord = LoginWord::Password,
        /// The name of an account there: `{login}` and `{address}` stand for its login name and its main address here.
        user: String = "{login}".to_owned(),
        /// The master user's name.
        master_user: Option<String> = None,
        /// A file with the master user's password.
        master_password_file: Option<PathBuf> = None,
        /// A file with the private key that signs tokens, in PEM: `openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256`.
        token_key_file: Option<PathBuf> = None,
        /// The name of that key in tokens (`kid`).
        token_key_id: String = "sekisho".to_owned(),
        /// For whom tokens are made out (`aud`); `name` unless set.
        token_audience: Option<String> = None,
        /// How the upstream is told where a client is: `no`, `proxy` (PROXY protocol, version 2) or `dialogue` (ID in IMAP, XCLIENT in submission, and in POP3 where the server greets with `[XCLIENT]`, as Dovecot does).
        client_address: ClientAddressWord = ClientAddressWord::No,
        /// Whether connections are watched for the command UNAUTHENTICATE even if the upstream does not announce it. Where it is announced they always are. Set it for
        /// Cyrus with `suppress_capabilities`.
        block_relogin: bool = false,
        /// How long one server may take up to the login, before the next is tried.
        patience: SignedDuration = SignedDuration::from_secs(10),
        /// A file with the login names of accounts whose mail is here, one on a line.
        accounts_file: Option<PathBuf> = None,
        /// Groups of accounts whose mail is here.
        groups: Vec<String> = Vec::new(),
        /// Domains of main addresses of accounts whose mail is here.
        domains: Vec<String> = Vec::new(),
    }
}

section! {
    /// Accounts in an LDAP directory instead of own ones. They are found by a search, and a password is checked by a bind as the entry that was found.
    pub struct LdapSection("[ldap]") {
        /// The servers, such as `ldap1.example.ac.jp`: the first that is up. The ports are 389 and 636 unless given.
        servers: Vec<String> = Vec::new(),
        /// How they are spoken to: `none`, `starttls` or `implicit`.
        tls: ServerTls = ServerTls::Starttls,
        /// A PEM file with the authorities to trust instead of the system's.
        ca_file: Option<PathBuf> = None,
        /// The distinguished name of the user who searches; anonymously unless set. It has to see the attributes below, and no password.
        user: Option<String> = None,
        /// A file with that user's password.
        password_file: Option<PathBuf> = None,
        /// Below which entry accounts are, such as `ou=people,dc=example,dc=ac,dc=jp`. Required with `servers`.
        base: String = String::new(),
        /// Which entries are accounts: whoever must not sign in any more has to be left out by it.
        filter: String = "(objectClass=posixAccount)".to_owned(),
        /// The attribute with a whole number that is an account's for ever, also under another login name, and never another's.
        id: String = "uidNumber".to_owned(),
        /// The attribute with the login name.
        login: String = "uid".to_owned(),
        /// The attribute with the person's name.
        name: String = "cn".to_owned(),
        /// The attributes with mail addresses, the main one first; `mail` unless set.
        addresses: Vec<String> = Vec::new(),
        /// The attribute that names the account's groups, for `policy.mfa_groups` and `[[upstream]] groups`.
        groups: String = "memberOf".to_owned(),
        /// Below which entry groups are that name their members, where accounts don't name their groups.
        group_base: Option<String> = None,
        /// Which of them an account is in: `{dn}` and `{login}` stand for the account's.
        group_filter: String = "(|(member={dn})(uniqueMember={dn})(memberUid={login}))".to_owned(),
        /// How long a question may take, over all servers. Who waits longer is told that it does not work just now.
        time_limit: SignedDuration = SignedDuration::from_secs(5),
        /// The page on which people change their passwords. Required with `servers`.
        password_url: String = String::new(),
    }
}

section! {
    /// For servers that stay in front and ask: nginx's mail proxy, Dovecot's auth policy, Postfix and Exim. How each is set up is in the operating guide.
    pub struct AuthApiSection("[authapi]") {
        /// Where nginx and Dovecot ask over HTTP, such as `127.0.0.1:9000`. They are handed passwords there, in the clear: this machine, or a network that is trusted
        /// with them.
        listen: Vec<SocketAddr> = Vec::new(),
        /// A file with the secret that they show, in the header field `X-Sekisho-Secret`. Required with `listen`.
        secret_file: Option<PathBuf> = None,
        /// Where Postfix and Exim ask in Dovecot's SASL protocol: loopback addresses.
        sasl_listen: Vec<SocketAddr> = Vec::new(),
        /// A Unix socket for the same. Whoever may enter its folder may ask.
        sasl_socket: Option<PathBuf> = None,
        /// The name of an account on the servers behind: `{login}` and `{address}` stand for its login name and its main address here.
        user: String = "{login}".to_owned(),
        /// The IMAP server that nginx passes people on to, by its address.
        nginx_imap: Option<SocketAddr> = None,
        /// Its POP3 server.
        nginx_pop3: Option<SocketAddr> = None,
        /// Its submission server.
        nginx_submission: Option<SocketAddr> = None,
        /// Where Dovecot's doveadm listens for HTTP, such as `127.0.0.1:8080`, to close the connections of those whose admission ends.
        doveadm: Option<String> = None,
        /// Whether it is spoken to in TLS.
        doveadm_tls: bool = false,
        /// A PEM file with the authorities to trust for that instead of the system's.
        doveadm_ca_file: Option<PathBuf> = None,
        /// A file with Dovecot's `doveadm_api_key`.
        doveadm_key_file: Option<PathBuf> = None,
    }
}

section! {
    /// Where grants, factors, sessions and audit records are kept: in a file below `data`, unless PostgreSQL is named here, which several nodes share.
    pub struct RecordsSection("[records]") {
        /// The servers of PostgreSQL, such as `db.example.ac.jp`, `192.0.2.5:5433` or the folder of a Unix socket, `/run/postgresql`. The first that takes writes
        /// is used.
        postgres: Vec<String> = Vec::new(),
        /// The name of the database. It has to exist and to belong to the user; the tables are made on first start.
        database: String = "sekisho".to_owned(),
        /// The user's name.
        user: String = "sekisho".to_owned(),
        /// A file with the user's password, if the server asks for one.
        password_file: Option<PathBuf> = None,
        /// Whether it is spoken to in TLS; over a Unix socket it never is.
        tls: bool = true,
        /// A PEM file with the authorities to trust instead of the system's.
        ca_file: Option<PathBuf> = None,
        /// The most connections of a node.
        connections: usize = 16,
        /// How long the database may take for a piece of work. Who waits longer is told that it does not work just now.
        time_limit: SignedDuration = SignedDuration::from_secs(5),
    }
}

section! {
    /// Signatures under mail that leaves (DKIM), where no relay makes them. `sekisho key dkim` shows the DNS record that belongs to it.
    pub struct DkimSection("[dkim]") {
        /// The selector: the name of the key in DNS, such as `s2026`. Without one nothing is signed.
        selector: Option<String> = None,
        /// The file with the private key, in PEM: `openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048`.
        key_file: Option<PathBuf> = None,
        /// The domain that signs; the first own domain unless set. Mail whose author is of another domain is not signed.
        domain: Option<String> = None,
    }
}

section! {
    /// The site's rules; the numbers are those of a careful site.
    pub struct PolicySection("[policy]") {
        /// `optional`: the person's choice; `required`: in use for everybody.
        mfa: Demand = Demand::Optional,
        /// From when on it is required, as `2027-04-01T00:00:00+09:00`; at once if not set.
        mfa_from: Option<jiff::Timestamp> = None,
        /// Groups for which MFA is required though it is optional for the rest.
        mfa_groups: Vec<String> = Vec::new(),
        /// What a first registration from an untrusted network needs: `allow`, `enrolment-code` or `forbid`.
        first_registration: FirstRegistrationWord = FirstRegistrationWord::Allow,
        /// Whether a code mailed to a private address counts as a factor.
        external_mail: bool = true,
        /// How long a grant lives.
        grant: SignedDuration = SignedDuration::from_hours(14),
        /// How long a webmail session lives at most.
        session: SignedDuration = SignedDuration::from_hours(14),
        /// How long a webmail session lives without a request.
        session_idle: SignedDuration = SignedDuration::from_hours(2),
        /// How long a waiting user code can be used.
        user_code: SignedDuration = SignedDuration::from_mins(10),
        /// How long a mailed code can be used.
        mailed_code: SignedDuration = SignedDuration::from_mins(10),
        /// How long a one-time code of the help desk can be used.
        enrolment_code: SignedDuration = SignedDuration::from_hours(7 * 24),
        /// How long after the attempt a mail client's refusal leaves.
        refusal_delay: SignedDuration = SignedDuration::from_secs(2),
        /// What a refused mail client is told: `helpful`, `terse` or `names-cause`.
        refusal: RefusalWord = RefusalWord::Helpful,
        /// How long audit records are kept; `4320h` is 180 days.
        audit_kept: SignedDuration = SignedDuration::from_hours(180 * 24),
        /// The IPv6 prefix length that makes a source.
        ipv6_prefix: u8 = 64,
    }
}

section! {
    /// Own accounts.
    pub struct AccountsSection("[accounts]") {
        /// The fewest characters of a new password.
        min_password: usize = 12,
        /// Who knows their passwords: `here`, or `upstream`: each is checked by a login to the account's `[[upstream]]`, by IMAP.
        passwords: PasswordsWord = PasswordsWord::Here,
        /// Where people change them, if not here: a page of the site, such as `https://id.example.ac.jp/password`.
        password_url: String = String::new(),
    }
}

/// A named set of prefixes, `[[network]]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkSection {
    /// The name that pages show.
    pub name: String,
    /// `trusted` or `untrusted`.
    pub class: NetworkClassWord,
    /// Its prefixes, such as `203.0.113.0/24`.
    pub prefixes: Vec<IpNet>,
}

/// The whole file.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// `[site]`
    pub site: SiteSection,
    /// `[tls]`
    pub tls: TlsSection,
    /// `[web]`
    pub web: WebSection,
    /// `[imap]`
    pub imap: DoorSection,
    /// `[pop3]`
    pub pop3: DoorSection,
    /// `[submission]`
    pub submission: DoorSection,
    /// `[sieve]`
    pub sieve: DoorSection,
    /// `[limits]`
    pub limits: LimitsSection,
    /// `[lmtp]`
    pub lmtp: LmtpSection,
    /// `[smtp]`
    pub smtp: SmtpSection,
    /// `[mail]`
    pub mail: MailSection,
    /// `[relay]`
    pub relay: RelaySection,
    /// `[[upstream]]`
    pub upstream: Vec<UpstreamSection>,
    /// `[ldap]`
    pub ldap: LdapSection,
    /// `[authapi]`
    pub authapi: AuthApiSection,
    /// `[records]`
    pub records: RecordsSection,
    /// `[dkim]`
    pub dkim: DkimSection,
    /// `[policy]`
    pub policy: PolicySection,
    /// `[accounts]`
    pub accounts: AccountsSection,
    /// `[[network]]`
    pub network: Vec<NetworkSection>,
}

/// `trusted` or `untrusted`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the words are those of the glossary")]
pub enum NetworkClassWord {
    Trusted,
    Untrusted,
}

/// Whether MFA is required.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "explained at `policy.mfa`")]
pub enum Demand {
    Optional,
    Required,
}

/// First registration from an untrusted network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "explained at `policy.first_registration`")]
pub enum FirstRegistrationWord {
    Allow,
    EnrolmentCode,
    Forbid,
}

/// The answer to refused mail clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "explained at `policy.refusal`")]
pub enum RefusalWord {
    Helpful,
    Terse,
    NamesCause,
}

/// How a server is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "explained at `relay.tls` and `upstream.tls`")]
pub enum ServerTls {
    None,
    Starttls,
    Implicit,
}

/// How an upstream is told whose mail is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "explained at `upstream.login`")]
pub enum LoginWord {
    Password,
    Master,
    Token,
}

/// Who knows the passwords of own accounts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "explained at `accounts.passwords`")]
pub enum PasswordsWord {
    Here,
    Upstream,
}

/// How an upstream is told where a client is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "explained at `upstream.client_address`")]
pub enum ClientAddressWord {
    No,
    Proxy,
    Dialogue,
}

/// The words of a key, as the reference shows them.
macro_rules! words {
    ($($name:ident { $($word:ident = $text:literal),* })*) => { $(impl section::AsToml for $name {
        fn as_toml(&self) -> String {
            match self { $(Self::$word => format!("{:?}", $text),)* }
        }
    })* };
}

words! {
    Demand { Optional = "optional", Required = "required" }
    FirstRegistrationWord { Allow = "allow", EnrolmentCode = "enrolment-code", Forbid = "forbid" }
    RefusalWord { Helpful = "helpful", Terse = "terse", NamesCause = "names-cause" }
    ServerTls { None = "none", Starttls = "starttls", Implicit = "implicit" }
    LoginWord { Password = "password", Master = "master", Token = "token" }
    PasswordsWord { Here = "here", Upstream = "upstream" }
    ClientAddressWord { No = "no", Proxy = "proxy", Dialogue = "dialogue" }
}

/// Writes the reference of all keys, in Markdown, from the doc comments.
#[must_use]
pub fn reference() -> String {
    let sections = [
        SiteSection::reference(),
        TlsSection::reference(),
        WebSection::reference(),
        DoorSection::reference(),
        LimitsSection::reference(),
        LmtpSection::reference(),
        SmtpSection::reference(),
        MailSection::reference(),
        RelaySection::reference(),
        UpstreamSection::reference(),
        LdapSection::reference(),
        AuthApiSection::reference(),
        RecordsSection::reference(),
        DkimSection::reference(),
        PolicySection::reference(),
        AccountsSection::reference(),
    ];
    let mut text = String::from(
        "# Configuration\n\nOne TOML file, given with `--config`. `sekisho config check` says what is wrong with it, by line; `sekisho config reference` writes \
         this page. SIGHUP reads it again: certificates, networks and policy change at once, listeners and folders at the next start; a file with an error \
         changes nothing. Durations are written `14h`, `10m`, `2s`.\n",
    );
    for section in sections {
        let (title, about) = (section.title, section.about.trim());
        text.push_str(&format!(
            "\n## {title}\n\n{about}\n\n| key | default | meaning |\n|---|---|---|\n"
        ));
        for key in section.keys {
            let default = if key.default.is_empty() {
                String::new()
            } else {
                format!("`{}`", key.default)
            };
            let meaning = key.meaning.trim();
            text.push_str(&format!("| `{}` | {default} | {meaning} |\n", key.name));
        }
    }
    text.push_str(
        "\n## [[network]]\n\nA named set of prefixes; as many as there are. The most specific prefix around an address decides. An address that none \
         lists is untrusted.\n\n| key | meaning |\n|---|---|\n| `name` | the name that pages show |\n| `class` | `trusted` or `untrusted` |\n\
         | `prefixes` | prefixes such as `203.0.113.0/24` or `2001:db8::/32` |\n",
    );
    text
}

/// Whether a socket address can only be reached from this machine.
#[must_use]
pub fn is_loopback(address: IpAddr) -> bool {
    sekisho_source::canonical(address).is_loopback()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_written_reference_is_what_the_command_writes() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/configuration.md");
        let written = std::fs::read_to_string(path).unwrap_or_default();
        assert!(
            written == reference(),
            "docs/configuration.md is out of date: cargo run -- config reference > docs/configuration.md"
        );
    }
}
