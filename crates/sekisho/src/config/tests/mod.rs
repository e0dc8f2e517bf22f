//! What the file means, what is wrong with one, and on which line.

mod every_key;
mod samples;
mod together;

use super::{Plan, parse};

/// The least that a file can say.
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

/// All that is wrong with a file, as it is said; empty if it is good.
fn problems(text: &str) -> String {
    match parse(text) {
        Ok(_) => String::new(),
        Err(error) => error.to_string(),
    }
}

/// What a good file says.
fn good(text: &str) -> Plan {
    match parse(text) {
        Ok(plan) => plan,
        Err(error) => panic!("{error}\n{text}"),
    }
}

/// All that a good file is warned of.
fn warnings(text: &str) -> String {
    let warnings = good(text).warnings;
    let said: Vec<_> = warnings.iter().map(ToString::to_string).collect();
    said.join("\n")
}

#[test]
fn a_small_file_is_enough_and_its_defaults_are_the_known_numbers() {
    let plan = good(GOOD);
    let policy = &plan.rules.policy;
    assert_eq!(policy.grant, jiff::SignedDuration::from_hours(14));
    assert_eq!(policy.help_url, "https://mail.kit.example/mfa");
    assert_eq!(plan.site.zone.iana_name(), Some("Asia/Tokyo"));
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
    let text =
        format!("{GOOD}[smtp]\nlisten = 25\n[policy]\ngrant = \"0s\"\nsession = 14\nmfa = true\n");
    assert_eq!(
        problems(&text),
        "line 12: `listen` must be a list in brackets, and this is a number\n\
         line 14: `grant` must be a time from one second to ten years\n\
         line 15: `session` must be a text in quotes, and this is a number\n\
         line 16: `mfa` must be a text in quotes, and this is true or false"
    );
}

#[test]
fn what_is_no_toml_is_said_with_its_line() {
    let said = problems(&format!("{GOOD}[web]\ntls = yes\nlisten = [\n"));
    assert!(said.starts_with("line 12: "), "{said}");
    let said = problems(&format!("{GOOD}[site]\n"));
    assert!(said.starts_with("line 11: duplicate key"), "{said}");
}

#[test]
fn a_section_that_is_missing_says_what_it_needs() {
    assert_eq!(
        problems(""),
        "[site] needs `domains`: the site's own mail domains, such as [\"example.ac.jp\"]\n\
         [site] needs `url`: an address such as \"https://mail.example.ac.jp\"\n\
         [site] needs `app_url`: an address such as \"https://otp.example.ac.jp\""
    );
    let said = problems(&format!("{GOOD}[[network]]\nname = \"eduroam\"\n"));
    assert!(
        said.starts_with("line 11: [[network]] needs `class`"),
        "{said}"
    );
    assert!(
        problems(&format!("site = 1\n{}", &GOOD[7..]))
            .contains("line 1: this is a section: write [site]")
    );
    assert!(
        problems(&format!("{GOOD}[upstream]\nname = \"x\"\n"))
            .contains("line 11: there may be several")
    );
}
