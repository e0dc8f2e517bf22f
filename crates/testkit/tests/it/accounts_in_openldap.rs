//! A site that keeps its accounts in OpenLDAP.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use sekisho::demo::Elsewhere;
use sekisho_checkpoint::account::{AccountId, LoginName, Password};
use sekisho_checkpoint::address::MailAddress;
use sekisho_checkpoint::ports::{Directory as _, PasswordChange, SetPasswordError};
use sekisho_directory::{LdapDirectory, LdapSettings};
use sekisho_net::client::{Roots, TlsMode};
use sekisho_testkit::openldap::{LdapPerson, OpenLdap, dn, entry};
use sekisho_testkit::stage::{HANAKO, KEN, Stage};
use sekisho_testkit::wire::Way;

const HANAKOS: &str = "sakura-no-hana-7";

const PEOPLE: [LdapPerson<'_>; 3] = [
    LdapPerson {
        login: "hanako",
        number: 10_007,
        name: "Seki Hanako",
        addresses: &["hanako@kit.example", "Seki@kit.example"],
        password: HANAKOS,
        group: Some("staff"),
    },
    LdapPerson {
        login: "ken",
        number: 10_008,
        name: "Ken Seki",
        addresses: &["ken@kit.example", "office@kit.example"],
        password: "over-the-hakone-pass",
        group: Some("staff"),
    },
    LdapPerson {
        login: "mori",
        number: 10_009,
        name: "Mori",
        addresses: &["office@kit.example"],
        password: "in-the-woods-of-mori",
        group: None,
    },
];

fn directory(ldap: &OpenLdap) -> anyhow::Result<LdapDirectory> {
    Ok(LdapDirectory::new(ldap.settings())?)
}

async fn found(directory: &LdapDirectory, name: &str) -> anyhow::Result<Option<String>> {
    let Ok(name) = LoginName::parse(name) else {
        return Ok(None);
    };
    let account = directory.find(&name).await?;
    Ok(account.map(|account| account.login))
}

async fn is_right(directory: &LdapDirectory, number: i64, password: &str) -> anyhow::Result<bool> {
    let password = Password::new(password.to_owned());
    let account = Some(AccountId::new(number));
    Ok(directory.verify(account, &password).await?)
}

#[tokio::test]
async fn a_name_leads_to_one_account_or_to_none() -> anyhow::Result<()> {
    let ldap = OpenLdap::start(&PEOPLE)?;
    let directory = directory(&ldap)?;
    for (name, whose) in [
        ("hanako", Some("hanako")),
        (" HANAKO ", Some("hanako")),
        ("ｈａｎａｋｏ", Some("hanako")),
        ("seki@KIT.example", Some("hanako")),
        ("mori", Some("mori")),
        // Two people have this address.
        ("office@kit.example", None),
        ("nobody", None),
        ("hanako+detail@kit.example", None),
        ("hana*", None),
        ("*", None),
        ("hanako)(uid=*", None),
        ("hanako*ken", None),
        ("hanako\0", None),
        ("han ako", None),
        (r"\2a", None),
    ] {
        assert_eq!(found(&directory, name).await?.as_deref(), whose, "{name:?}");
    }
    let name = LoginName::parse("hanako")?;
    let hanako = directory.find(&name).await?.context("found")?;
    assert_eq!(hanako.id, AccountId::new(10_007));
    assert_eq!(hanako.display_name, "Seki Hanako");
    assert_eq!(hanako.addresses.len(), 2);
    let groups: Vec<_> = hanako.groups.iter().map(|group| group.0.as_str()).collect();
    assert_eq!(groups, ["staff"]);
    let again = directory.account(hanako.id).await?;
    assert_eq!(again.context("found")?.login, "hanako");
    let office = MailAddress::parse("office@kit.example")?;
    let mut to_office = directory.recipients(&office).await?;
    to_office.sort();
    assert_eq!(to_office, [10_008, 10_009].map(AccountId::new));
    Ok(())
}

#[tokio::test]
async fn a_password_is_right_for_its_account_alone() -> anyhow::Result<()> {
    let ldap = OpenLdap::start(&PEOPLE)?;
    let directory = directory(&ldap)?;
    assert!(is_right(&directory, 10_007, HANAKOS).await?);
    for (number, password) in [
        (10_007, "wrong"),
        (10_007, ""),
        (10_007, "over-the-hakone-pass"),
        (10_008, HANAKOS),
        (99_999, HANAKOS),
    ] {
        assert!(!is_right(&directory, number, password).await?, "{number}");
    }
    let password = Password::new(HANAKOS.to_owned());
    assert!(!directory.verify(None, &password).await?);
    assert!(is_right(&directory, 10_007, HANAKOS).await?, "still");
    let change = directory.password_change();
    let page = "https://id.kit.example/password";
    assert_eq!(change, PasswordChange::At(page.to_owned()));
    let set = directory.set_password(AccountId::new(10_007), &password);
    assert!(matches!(set.await, Err(SetPasswordError::Elsewhere)));
    Ok(())
}

#[tokio::test]
async fn an_account_keeps_its_number_and_its_name_may_go_to_another() -> anyhow::Result<()> {
    let ldap = OpenLdap::start(&PEOPLE)?;
    let directory = directory(&ldap)?;
    let rename = format!(
        "dn: {}\nchangetype: modrdn\nnewrdn: uid=morita\ndeleteoldrdn: 1\n",
        dn("mori")
    );
    ldap.change(&rename)?;
    assert_eq!(found(&directory, "mori").await?, None);
    let account = directory.account(AccountId::new(10_009)).await?;
    assert_eq!(account.context("still there")?.login, "morita");
    let another = LdapPerson {
        number: 10_010,
        ..PEOPLE[2]
    };
    let added = entry(&another).replacen('\n', "\nchangetype: add\n", 1);
    ldap.change(&added)?;
    let mori = directory.find(&LoginName::parse("mori")?).await?;
    assert_eq!(mori.context("found")?.id, AccountId::new(10_010));

    // Two people with the same number are no account.
    let twin = format!(
        "dn: {}\nchangetype: modify\nreplace: uidNumber\nuidNumber: 10007\n",
        dn("ken")
    );
    ldap.change(&twin)?;
    let twins = directory.account(AccountId::new(10_007)).await?;
    assert!(twins.is_none());
    assert!(!is_right(&directory, 10_007, HANAKOS).await?);
    Ok(())
}

#[tokio::test]
async fn away_hanging_or_without_its_certificate_it_is_out_of_reach_and_no_password_is_wrong()
-> anyhow::Result<()> {
    let mut ldap = OpenLdap::start(&PEOPLE)?;
    let impatient = LdapSettings {
        time_limit: Duration::from_secs(1),
        ..ldap.settings()
    };
    let directory = LdapDirectory::new(impatient.clone())?;
    assert!(is_right(&directory, 10_007, HANAKOS).await?);
    ldap.stop()?;
    assert!(is_right(&directory, 10_007, HANAKOS).await.is_err());
    assert!(found(&directory, "hanako").await.is_err());
    ldap.start_again()?;
    assert!(is_right(&directory, 10_007, HANAKOS).await?);

    ldap.hang(true)?;
    assert!(found(&directory, "hanako").await.is_err());
    assert!(is_right(&directory, 10_007, HANAKOS).await.is_err());
    // If the first server does not answer, the second one is asked.
    let other = OpenLdap::start(&PEOPLE)?;
    let mut both = other.settings();
    both.servers.insert(0, ("localhost".to_owned(), ldap.port));
    let both = LdapDirectory::new(both)?;
    assert!(is_right(&both, 10_007, HANAKOS).await?);
    ldap.hang(false)?;
    assert_eq!(
        found(&directory, "hanako").await?.as_deref(),
        Some("hanako")
    );

    let untrusted = LdapSettings {
        roots: Roots::System,
        ..impatient.clone()
    };
    let untrusted = LdapDirectory::new(untrusted)?;
    assert!(found(&untrusted, "hanako").await.is_err());
    let mistaken = LdapSettings {
        search_as: Some(("cn=nobody".to_owned(), Password::new("wrong".to_owned()))),
        ..impatient.clone()
    };
    let mistaken = LdapDirectory::new(mistaken)?;
    let error = found(&mistaken, "hanako").await.expect_err("not taken");
    assert!(
        error.to_string().contains("the user who searches"),
        "{error}"
    );
    // The server refuses a bind without TLS, and settings without TLS must not send a password.
    let plain = LdapSettings {
        tls: TlsMode::None,
        ..impatient
    };
    assert!(found(&LdapDirectory::new(plain)?, "hanako").await.is_err());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_door_lets_in_by_the_directory_and_says_temporarily_without_it() -> anyhow::Result<()>
{
    let mut ldap = OpenLdap::start(&PEOPLE)?;
    let elsewhere = Elsewhere {
        directory: Some(Arc::new(directory(&ldap)?)),
        ..Elsewhere::default()
    };
    let stage = Stage::start_with(elsewhere).await?;
    let app = stage.uses_mfa(HANAKO).await?;
    for way in Way::ALL {
        let (answer, _) = stage
            .mail_client(stage.home(), way, HANAKO, HANAKOS)
            .await?;
        assert!(answer.starts_with(way.refusal()), "{way:?}: {answer}");
        let (answer, _) = stage
            .mail_client(stage.home(), way, KEN, PEOPLE[1].password)
            .await?;
        assert!(way.lets_in(&answer), "{way:?}: {answer}");
    }
    stage.proves(stage.home(), HANAKO, &app).await?;
    for way in Way::ALL {
        let (answer, _) = stage
            .mail_client(stage.home(), way, HANAKO, HANAKOS)
            .await?;
        assert!(way.lets_in(&answer), "{way:?}: {answer}");
        let (answer, _) = stage
            .mail_client(stage.home(), way, HANAKO, "wrong")
            .await?;
        assert!(answer.starts_with(way.refusal()), "{way:?}: {answer}");
    }
    let mut browser = stage.sign_in(stage.campus(), KEN).await?;
    let page = browser.open("/preferences").await?.words();
    assert!(!page.contains("New password"), "changed elsewhere: {page}");
    ldap.stop()?;
    for way in Way::ALL {
        for password in [HANAKOS, "wrong"] {
            let (answer, _) = stage
                .mail_client(stage.home(), way, HANAKO, password)
                .await?;
            assert!(answer.starts_with(way.unavailable()), "{way:?}: {answer}");
        }
    }
    stage.demo.stop().await;
    Ok(())
}
