//! What does not go together, within a section and between sections.

use super::{GOOD, good, problems, warnings};
use crate::config::upstream;

const RELAY: &str = "[relay]\nhost = \"relay.kit.example\"\n";

/// A good file with more sections; they begin on line 12.
fn with(text: &str) -> String {
    format!("{GOOD}\n{text}\n")
}

#[test]
fn an_lmtp_door_to_the_world_is_refused() {
    let said = problems(&with(
        "[lmtp]\nlisten = [\n  \"[::1]:24\",\n  \"0.0.0.0:24\",\n]",
    ));
    assert!(said.starts_with("line 15: LMTP on 0.0.0.0:24"), "{said}");
}

#[test]
fn mail_leaves_one_way_and_a_signature_has_a_key() {
    let both = problems(&with("[relay]\nhost = \"relay.example\"\ndirect = true"));
    assert!(
        both.contains("line 14: ") && both.contains("choose one"),
        "{both}"
    );
    let half = problems(&with("[dkim]\nselector = \"s\""));
    assert!(
        half.contains("line 13: ") && half.contains("belong together"),
        "{half}"
    );
    assert_eq!(problems(&with("[relay]\ndirect = true")), "");
}

#[test]
fn an_smtp_door_names_who_may_come() {
    let smtp = |section: &str| problems(&with(&format!("[smtp]\n{section}")));
    assert!(
        smtp("listen = [\"192.0.2.1:25\"]")
            .contains("line 13: SMTP on 192.0.2.1:25 needs `relays`")
    );
    let all = "listen = [\"0.0.0.0:25\"]\nrelays = [\"192.0.2.0/24\",\n\"0.0.0.0/0\"]";
    let said = smtp(all);
    assert!(
        said.contains("line 15: ") && said.contains("not everybody"),
        "{said}"
    );
    assert_eq!(
        smtp("listen = [\"0.0.0.0:25\"]\nrelays = [\"192.0.2.25/32\"]"),
        ""
    );
}

#[test]
fn what_belongs_together_is_given_together() {
    for (text, line, said) in [
        (
            "[tls]\nkey = \"k\"",
            13,
            "`certificate` and `key` belong together",
        ),
        (
            "[relay]\nhost = \"relay\"\nuser = \"u\"",
            14,
            "`user` and `password_file` belong together",
        ),
        (
            "[relay]\nhost = \"relay.example\"\nuser = \"u\"\npassword_file = \"p\"\ntls = \"none\"",
            16,
            "would cross the network in the clear",
        ),
        (
            "[dkim]\nkey_file = \"k\"",
            13,
            "`selector` and `key_file` belong together",
        ),
        (
            "[authapi]\ndoveadm = \"127.0.0.1:80\"",
            13,
            "`doveadm` and `doveadm_key_file` belong together",
        ),
        (
            "[authapi]\ndoveadm_key_file = \"k\"\ndoveadm = \"127.0.0.1\"",
            14,
            "a server with its port",
        ),
        (
            "[authapi]\nlisten = [\"127.0.0.1:9000\"]",
            12,
            "needs `secret_file`",
        ),
        (
            "[authapi]\nsasl_listen = [\"192.0.2.1:12345\"]",
            13,
            "could be reached from elsewhere",
        ),
        (
            "[records]\npostgres = [\"/run/postgresql\", \"db.example\"]",
            13,
            "can't be mixed",
        ),
        (
            "[ldap]\nservers = [\"ldap\"]\npassword_url = \"https://id.example/\"",
            12,
            "needs `base`",
        ),
        (
            "[ldap]\nservers = [\"ldap\"]\nbase = \"dc=example\"",
            12,
            "needs `password_url`",
        ),
        (
            "[ldap]\nservers = [\"ldap\"]\nbase = \"dc=example\"\npassword_url = \"http://id.example/\"",
            15,
            "needs `password_url`",
        ),
        (
            "[ldap]\nservers = [\"ldap\"]\nbase = \"dc=example\"\npassword_url = \"https://id.example/\"\nuser = \"cn=x\"",
            16,
            "`user` and `password_file` belong together",
        ),
        (
            "[ldap]\nservers = [\"ldap\"]\nbase = \"dc=example\"\npassword_url = \"https://id.example/\"\naddresses = []",
            16,
            "names no attribute",
        ),
        (
            "[accounts]\npasswords = \"upstream\"",
            13,
            "needs `password_url`",
        ),
        (
            "[sieve]\nlisten = [\"127.0.0.1:4190\"]",
            12,
            "needs an [[upstream]] with `sieve`",
        ),
    ] {
        let problems = problems(&with(text));
        let problem = problems.lines().find(|problem| problem.contains(said));
        let problem = problem.unwrap_or_else(|| panic!("{text}: {problems}"));
        assert!(
            problem.starts_with(&format!("line {line}: ")),
            "{text}: {problem}"
        );
    }
}

#[test]
fn the_names_of_the_site_are_different_ones() {
    let site = |more: &str| problems(&GOOD.replace("app_url", &format!("{more}\napp_url")));
    let same = GOOD.replace("https://otp.kit.example", "https://MAIL.kit.example:443");
    assert!(problems(&same).starts_with("line 5: the OTP app needs an origin of its own"));
    let said = site("ipv6_url = \"https://v6.kit.example\"");
    assert!(
        said.starts_with("line 5: `ipv4_url` and `ipv6_url` belong together"),
        "{said}"
    );
    let said =
        site("ipv6_url = \"https://v6.kit.example\"\nipv4_url = \"https://mail.kit.example\"");
    assert_eq!(said, "line 6: `ipv4_url` must be another than `url`");
}

#[test]
fn a_prefix_that_cannot_be_meant_is_found_where_it_stands() {
    let twice = "[[network]]\nname = \"lab\"\nclass = \"untrusted\"\nprefixes = [\"198.51.100.0/24\",\n\"203.0.113.9/24\"]";
    let said = problems(&with(twice));
    assert!(
        said.starts_with("line 16: the prefix 203.0.113.0/24 is listed by"),
        "{said}"
    );
    let embedding = "[[network]]\nname = \"lab\"\nclass = \"trusted\"\nprefixes = [\"2001:db8::/32\",\n\"64:ff9b::/96\"]";
    let said = problems(&with(embedding));
    assert!(
        said.starts_with("line 16: network \"lab\" trusts 64:ff9b::/96"),
        "{said}"
    );
}

#[test]
fn an_upstream_is_checked_before_anybody_depends_on_it() {
    // What is added begins on line 17.
    let upstream = |more: &str| {
        problems(&with(&format!(
            "{RELAY}[[upstream]]\nname = \"d\"\nimap = [\"imap.kit.example\"]\n{more}"
        )))
    };
    assert_eq!(upstream(""), "");
    assert_eq!(
        upstream("pop3 = [\"[2001:db8::1]:1110\", \"192.0.2.1\"]"),
        ""
    );
    let second = |more: &str| format!("[[upstream]]\nname = \"e\"\nimap = [\"x\"]\n{more}");
    for (more, line, said) in [
        ("pop3 = [\"pop.kit.example:0\"]", 17, "is no server"),
        ("pop3 = [\"https://pop.kit.example\"]", 17, "is no server"),
        ("key_pin = \"abc\"", 17, "64 hexadecimal digits"),
        ("login = \"master\"", 17, "needs `master_user`"),
        ("login = \"token\"", 17, "needs `token_key_file`"),
        (
            "[sieve]\nlisten = [\"127.0.0.1:4190\"]",
            17,
            "needs an [[upstream]] with `sieve`",
        ),
        ("user = \"everybody\"", 17, "one and the same"),
        ("patience = \"0s\"", 17, "from 1 to 60 s"),
        (
            "[lmtp]\nlisten = [\"127.0.0.1:24\"]",
            17,
            "no mail is kept here",
        ),
        (
            "[smtp]\nlisten = [\"127.0.0.1:25\"]",
            17,
            "no mail is kept here",
        ),
        (&second("login = \"master\""), 20, "needs `master_user`"),
        (
            &second("ca_file = \"c\"\nkey_pin = \"{pin}\""),
            21,
            "choose one",
        ),
        (
            "[[upstream]]\nname = \"d\"\nimap = [\"x\"]\ndomains = [\"a.example\"]",
            18,
            "two upstreams \"d\"",
        ),
        ("[[upstream]]\nname = \"e\"", 17, "has no server"),
        (
            "domains = [\"A.example\"]\n[[upstream]]\nname = \"e\"\nimap = [\"x\"]\ndomains = [\"b.example\",\n\"a.example\"]",
            22,
            "Keep it in one",
        ),
        (
            "groups = [\"staff\"]\n[[upstream]]\nname = \"e\"\nimap = [\"x\"]\ngroups = [\"staff\"]",
            21,
            "Keep it in one",
        ),
    ] {
        let more = more.replace("{pin}", &"0".repeat(64));
        let problems = upstream(&more);
        let problem = problems.lines().find(|problem| problem.contains(said));
        let problem = problem.unwrap_or_else(|| panic!("{more}: {problems}"));
        assert!(
            problem.starts_with(&format!("line {line}: ")),
            "{more}: {problem}"
        );
    }
    let without_relay = problems(&with("[[upstream]]\nname = \"d\"\nimap = [\"imap\"]"));
    assert!(
        without_relay.starts_with("line 12: [[upstream]] needs [relay]"),
        "{without_relay}"
    );
}

#[test]
fn what_people_will_miss_at_an_upstream_is_warned_of() {
    let warned = |more: &str| {
        warnings(&with(&format!(
            "{RELAY}[pop3]\nlisten = [\"127.0.0.1:110\"]\n[[upstream]]\nname = \"d\"\nimap = [\"imap.kit.example\"]\n{more}"
        )))
    };
    assert!(warned("").contains("line 16: the upstream \"d\" has no `pop3`: mail clients have"));
    assert!(!warned("pop3 = [\"pop.kit.example\"]").contains("`pop3`"));
    assert!(
        warned("domains = [\"other.example\"]").contains("line 3: no upstream keeps the mail of")
    );
    assert!(!warned("domains = [\"KIT.example\"]").contains("no upstream keeps"));
    let second = warned("[[upstream]]\nname = \"e\"\nimap = [\"x\"]");
    assert!(
        second.contains("line 19: ") && second.contains("\"e\" gets nobody"),
        "{second}"
    );
    let second = warned("[[upstream]]\nname = \"e\"\nimap = [\"x\"]\ntls = \"none\"");
    assert!(
        second.contains("line 22: passwords go to the upstream \"e\" in the clear"),
        "{second}"
    );
}

#[test]
fn an_upstream_whose_file_names_nobody_does_not_get_everybody() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("pilot");
    let upstream = format!(
        "[[upstream]]\nname = \"pilot\"\nimap = [\"imap.kit.example\"]\naccounts_file = {file:?}\n"
    );
    let plan = good(&with(&format!("{RELAY}{upstream}")));
    let open = || upstream::open(&plan.upstreams, &plan.site);
    std::fs::write(&file, "# nobody yet\n\n").expect("written");
    let error = format!("{:#}", open().expect_err("nobody is named"));
    assert!(error.contains("names nobody"), "{error}");
    std::fs::write(&file, "# the first\nalice\n").expect("written");
    assert!(open().is_ok());
}

#[test]
fn passwords_of_an_upstream_need_one_that_can_be_asked() {
    let accounts =
        "[accounts]\npasswords = \"upstream\"\npassword_url = \"https://id.kit.example/\"\n";
    let said = problems(&with(accounts));
    assert!(
        said.starts_with("line 13: `passwords = \"upstream\"` needs an [[upstream]]"),
        "{said}"
    );
    let upstream = "[[upstream]]\nname = \"d\"\nimap = [\"imap.kit.example\"]\n";
    assert_eq!(problems(&with(&format!("{accounts}{RELAY}{upstream}"))), "");
    let authapi = "[authapi]\nlisten = [\"127.0.0.1:9000\"]\nsecret_file = \"s\"\n";
    let said = warnings(&with(&format!("{accounts}{RELAY}{upstream}{authapi}")));
    assert!(
        said.contains("line 13: `passwords = \"upstream\"` fits no upstream that asks here"),
        "{said}"
    );
}

#[test]
fn what_is_probably_not_meant_is_warned_of_on_its_line() {
    let proxies = warnings(&with("[web]\ntls = false"));
    assert!(
        proxies.contains("line 13: ") && proxies.contains("`proxies` names none"),
        "{proxies}"
    );
    let plain = warnings(&with("[imap]\nlisten = []\n[pop3]\nplain_login = true"));
    assert!(
        plain.contains("line 15: passwords cross the network in the clear"),
        "{plain}"
    );
    let records = warnings(&with(
        "[web]\ntls = true\n[records]\npostgres = [\"db\"]\ntls = false",
    ));
    assert!(
        records.contains("line 16: what the checkpoint keeps goes to PostgreSQL"),
        "{records}"
    );
    let asked = warnings(&with(
        "[authapi]\nsecret_file = \"s\"\nlisten = [\n\"127.0.0.1:9\",\n\"192.0.2.1:9\"]",
    ));
    assert!(
        asked.contains("line 16: passwords come to 192.0.2.1:9"),
        "{asked}"
    );
    let ldap = "[ldap]\nservers = [\"ldap\"]\nbase = \"dc=x\"\npassword_url = \"https://id.example/\"\ntls = \"none\"";
    assert!(warnings(&with(ldap)).contains("line 16: passwords go to the directory in the clear"));
    let nobody = good(
        "[site]\ndomains = [\"a.example\"]\nurl = \"https://a.example\"\napp_url = \"https://b.example\"",
    );
    assert!(
        nobody
            .warnings
            .iter()
            .any(|warning| warning.text.contains("no network is trusted"))
    );
}
