//! The forms of the webmail that change something about a person, and how to get to each.

use std::fmt;
use std::net::IpAddr;

use anyhow::{Context as _, anyhow, bail};
use sekisho_checkpoint::address::MailAddress;
use sekisho_checkpoint::audit::{Actor, Event, EventKind};
use sekisho_checkpoint::factor::FactorKind;
use sekisho_checkpoint::id::SessionToken;
use sekisho_checkpoint::ports::OtpFailure;
use sekisho_checkpoint::web::{AdmittedSession, WebStanding};
use sekisho_checkpoint::{Password, RegistrationState, Reproof};
use sekisho_otp::{AppCode, OtpCode, OtpKey, Step, UserCode};
use sekisho_source::{KeyLength, Source};
use sekisho_testkit::accounts;
use sekisho_testkit::checkpoint::{Kit, PASSWORD};

use super::Scene;
use super::browser::Browser;
use super::state::Whose;

/// A form, and what is done with it.
#[derive(Debug, Clone, Copy)]
pub struct Form {
    /// Where it goes.
    pub path: &'static str,
    /// How it is filled in, where there is more than one way.
    pub how: &'static str,
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.path, self.how)
    }
}

impl Form {
    /// Whether it changes anything that is kept.
    pub fn changes_something(self) -> bool {
        !matches!(self.path, "/language" | "/preferences/password/elsewhere")
    }
}

const fn form(path: &'static str, how: &'static str) -> Form {
    Form { path, how }
}

/// All of them.
pub const ALL: [Form; 42] = [
    form("/login", "right"),
    form("/login", "wrong"),
    form("/login", "a name of nobody"),
    form("/logout", ""),
    form("/language", ""),
    form("/mfa-step/app", "right"),
    form("/mfa-step/app", "wrong"),
    form("/mfa-step/mail/issue", ""),
    form("/mfa-step/mail", "right"),
    form("/mfa-step/mail", "wrong"),
    form("/mfa-step/recovery", "right"),
    form("/mfa-step/recovery", "wrong"),
    form("/mfa-step/register/begin", ""),
    form("/mfa-step/register/key", ""),
    form("/mfa-step/register/app-code", ""),
    form("/mfa-step/register/otp", ""),
    form("/mfa-step/register/address", ""),
    form("/mfa-step/register/address-code", ""),
    form("/mfa-step/register/abandon", ""),
    form("/mfa/renew", ""),
    form("/mfa/companion-token", ""),
    form("/mfa/companion", ""),
    form("/mfa/end-grants", ""),
    form("/mfa/not-me", ""),
    form("/preferences/mfa/use", "yes"),
    form("/preferences/mfa/use", "no"),
    form("/preferences/mfa/remove", ""),
    form("/preferences/mfa/rename", ""),
    form("/preferences/mfa/enable", ""),
    form("/preferences/mfa/app/user-code", ""),
    form("/preferences/mfa/app/app-code", ""),
    form("/preferences/mfa/app/otp", ""),
    form("/preferences/mfa/app/key", ""),
    form("/preferences/mfa/recovery", ""),
    form("/preferences/mfa/recovery/kept", ""),
    form("/preferences/mfa/mail/address", ""),
    form("/preferences/mfa/mail/code", ""),
    form("/preferences/mfa/abandon", ""),
    form("/preferences/password", "right"),
    form("/preferences/password", "wrong"),
    form("/preferences/password", "right, at home"),
    form("/preferences/password/elsewhere", ""),
];

/// Fields with which every form to the mail gets as far as the mail server.
pub const TO_MAIL: [(&str, &str); 8] = [
    ("action", "send"),
    ("uid", "1"),
    ("undo", "1"),
    ("to", "bob@kit.example"),
    ("subject", "news"),
    ("text", "news"),
    ("name", "Projects"),
    ("folder", "INBOX"),
];

/// An address that is nobody's at the site.
const PRIVATE: &str = "private@elsewhere.example";

/// A form, ready to be sent.
pub struct Sent {
    pub browser: Browser,
    pub path: String,
    pub fields: Vec<(String, String)>,
}

/// Somebody with an account and two places of their own.
pub struct Person {
    pub whose: Whose,
    login: String,
    campus: IpAddr,
    home: IpAddr,
    app: Option<OtpKey>,
}

impl Person {
    pub async fn new(kit: &Kit, number: u32) -> anyhow::Result<Self> {
        // All of one length, so that nobody's texts are a part of another's.
        let octet = |place: u32| 100 + u8::try_from(number / place % 100).unwrap_or_default();
        let campus = IpAddr::from([10, octet(10_000), octet(100), octet(1)]);
        let third = 0x1000 + u16::try_from(number)?;
        let home = IpAddr::from([0x2001, 0xdb8, third, 0, 0, 0, 0, 1]);
        let login = format!("person-{number:05}");
        let account = accounts::add(&kit.accounts, &login, PASSWORD).await?;
        let since = kit.checkpoint.now();
        let source = |address| Source::assured(address, KeyLength::default());
        let key = source(home).throttle_key().to_string();
        let site = source(home).enclosing_site().context("a /48")?.to_string();
        let words = vec![
            (campus.to_string(), "CAMPUS"),
            (home.to_string(), "HOME"),
            (key, "HOME-KEY"),
            (site, "HOME-SITE"),
            (login.clone(), "LOGIN"),
        ];
        Ok(Self {
            whose: Whose {
                account,
                since,
                words,
            },
            login,
            campus,
            home,
            app: None,
        })
    }

    /// Signed in on campus, at a page.
    pub async fn on_campus(&mut self, scene: &Scene, page: &str) -> anyhow::Result<Browser> {
        self.signed_in(scene, self.campus, page).await
    }

    /// Signed in at home, at a page.
    async fn at_home(&self, scene: &Scene, page: &str) -> anyhow::Result<Browser> {
        self.signed_in(scene, self.home, page).await
    }

    async fn signed_in(&self, scene: &Scene, place: IpAddr, page: &str) -> anyhow::Result<Browser> {
        let mut browser = Browser::new(&scene.router, place);
        browser.get("/login").await?;
        let fields = [("user", self.login.as_str()), ("password", PASSWORD)];
        browser.post("/login", &fields).await?;
        browser.get(page).await?;
        Ok(browser)
    }

    /// Signed in at home by the app, at a page.
    async fn proven_at_home(&self, scene: &Scene, page: &str) -> anyhow::Result<Browser> {
        let mut browser = self.at_home(scene, "/mfa-step/app").await?;
        let code = self.shows(scene)?;
        browser.post("/mfa-step/app", &[("otp", &code)]).await?;
        browser.get(page).await?;
        Ok(browser)
    }

    async fn admitted(&self, scene: &Scene) -> anyhow::Result<(SessionToken, AdmittedSession)> {
        let source = Source::assured(self.campus, KeyLength::default());
        let password = Password::new(PASSWORD.to_owned());
        let checkpoint = &scene.kit.checkpoint;
        let signed = checkpoint.sign_in(&self.login, password, source, "browser");
        let token = signed.await?.token;
        match checkpoint.resume(&token, source).await? {
            WebStanding::Admitted(session) => Ok((token, session)),
            WebStanding::Owed(_) => bail!("a factor is owed on campus"),
        }
    }

    /// Registers an app on campus.
    async fn has_an_app(&mut self, scene: &Scene) -> anyhow::Result<()> {
        let (token, session) = self.admitted(scene).await?;
        let source = session.admitted().source();
        let checkpoint = &scene.kit.checkpoint;
        let app = AppCode::generate();
        let none = Reproof::none();
        let state = checkpoint
            .take_app_code((&session).into(), app.clone(), &none, "browser")
            .await?;
        let RegistrationState::Codes { user, .. } = state else {
            bail!("no codes");
        };
        let WebStanding::Admitted(session) = checkpoint.resume(&token, source).await? else {
            bail!("a factor is owed on campus");
        };
        let key = OtpKey::agree(&app, &user);
        let code = key.code(Step::at(scene.kit.checkpoint.now().as_second()));
        checkpoint
            .finish_app((&session).into(), code, "phone", "browser")
            .await?;
        self.app = Some(key);
        scene.kit.clock.advance_seconds(30);
        Ok(())
    }

    /// Turns MFA on, on campus.
    async fn turns_mfa_on(&self, scene: &Scene) -> anyhow::Result<()> {
        let (_, session) = self.admitted(scene).await?;
        let checkpoint = &scene.kit.checkpoint;
        checkpoint
            .set_mfa(&session, true, &Reproof::none(), "browser")
            .await?;
        Ok(())
    }

    /// Registers an app on campus, and turns MFA on.
    async fn uses_mfa(&mut self, scene: &Scene) -> anyhow::Result<()> {
        self.has_an_app(scene).await?;
        self.turns_mfa_on(scene).await
    }

    /// Registers a private address on campus, and turns MFA on.
    async fn uses_mfa_by_mail(&self, scene: &Scene) -> anyhow::Result<()> {
        let (token, session) = self.admitted(scene).await?;
        let source = session.admitted().source();
        let checkpoint = &scene.kit.checkpoint;
        let (to, none) = (MailAddress::parse(PRIVATE)?, Reproof::none());
        checkpoint
            .take_address((&session).into(), to, &none, "browser")
            .await?;
        let WebStanding::Admitted(session) = checkpoint.resume(&token, source).await? else {
            bail!("a factor is owed on campus");
        };
        let code = mailed_code(scene)?;
        checkpoint
            .finish_address((&session).into(), code, "browser")
            .await?;
        self.turns_mfa_on(scene).await
    }

    fn shows(&self, scene: &Scene) -> anyhow::Result<String> {
        let step = Step::at(scene.kit.checkpoint.now().as_second());
        let code = self.app.as_ref().context("an app")?.code(step);
        Ok(code.expose().to_owned())
    }

    /// A code that is not shown within ten minutes.
    fn never_shows(&self, scene: &Scene) -> anyhow::Result<String> {
        let app = self.app.as_ref().context("an app")?;
        let now = scene.kit.checkpoint.now().as_second();
        (0..1_000_000)
            .filter_map(|n| OtpCode::parse(&format!("{n:06}")).ok())
            .find(|code| app.find_wide(code, now, 30).is_none())
            .map(|code| code.expose().to_owned())
            .context("a code that is not shown")
    }

    /// Makes recovery codes on campus.
    async fn recovery_codes(&mut self, scene: &Scene) -> anyhow::Result<Vec<String>> {
        let page = "/preferences/mfa/recovery";
        let mut browser = self.on_campus(scene, page).await?;
        browser.post(page, &[]).await?;
        browser.get(page).await?;
        Ok(browser.all_between("<li>", "</li>"))
    }
}

fn mailed_code(scene: &Scene) -> anyhow::Result<OtpCode> {
    let letter = scene.kit.letters.latest_otp();
    Ok(letter.context("a mailed code")?.code)
}

fn latest_code(scene: &Scene) -> anyhow::Result<String> {
    Ok(mailed_code(scene)?.expose().to_owned())
}

/// Another code of six digits.
fn other_than(code: &str) -> String {
    let other = if code.starts_with('0') { "1" } else { "0" };
    format!("{other}{}", &code[1..])
}

/// Brings somebody to a form, filled in.
pub async fn prepare(scene: &Scene, form: Form, person: &mut Person) -> anyhow::Result<Sent> {
    let (browser, fields) = match form.path {
        "/login" => login(scene, form, person).await?,
        "/mfa-step/app" | "/mfa-step/mail/issue" | "/mfa-step/mail" | "/mfa-step/recovery" => {
            step(scene, form, person).await?
        }
        path if path.starts_with("/mfa-step/register/") => wizard(scene, form, person).await?,
        path if path.starts_with("/mfa/") => status(scene, form, person).await?,
        path if path.starts_with("/preferences/mfa/app/") => app(scene, form, person).await?,
        path if path.starts_with("/preferences/mfa/") => mfa(scene, form, person).await?,
        _ => rest(scene, form, person).await?,
    };
    let own = |(name, value): (&str, String)| (name.to_owned(), value);
    Ok(Sent {
        browser,
        path: form.path.to_owned(),
        fields: fields.into_iter().map(own).collect(),
    })
}

type Filled = (Browser, Vec<(&'static str, String)>);

async fn login(scene: &Scene, form: Form, person: &mut Person) -> anyhow::Result<Filled> {
    person.uses_mfa(scene).await?;
    let mut browser = Browser::new(&scene.router, person.home);
    browser.get("/login").await?;
    let (user, password) = match form.how {
        "right" => (person.login.clone(), PASSWORD),
        "wrong" => (person.login.clone(), "wrong"),
        _ => (format!("not-{}", person.login), "wrong"),
    };
    Ok((
        browser,
        vec![("user", user), ("password", password.to_owned())],
    ))
}

async fn step(scene: &Scene, form: Form, person: &mut Person) -> anyhow::Result<Filled> {
    let is_right = form.how != "wrong";
    Ok(match form.path {
        "/mfa-step/app" => {
            person.uses_mfa(scene).await?;
            let browser = person.at_home(scene, form.path).await?;
            let code = match is_right {
                true => person.shows(scene)?,
                false => person.never_shows(scene)?,
            };
            (browser, vec![("otp", code)])
        }
        "/mfa-step/recovery" => {
            person.uses_mfa(scene).await?;
            let codes = person.recovery_codes(scene).await?;
            let mut codes = codes.into_iter().filter(|code| code.len() == 11);
            let code = codes.next().context("a recovery code")?;
            let browser = person.at_home(scene, form.path).await?;
            let wrong = "22222-22222".to_owned();
            let code = if is_right { code } else { wrong };
            (browser, vec![("recovery-code", code)])
        }
        _ => {
            person.uses_mfa_by_mail(scene).await?;
            scene.kit.clock.advance_seconds(30);
            let mut browser = person.at_home(scene, "/mfa-step/mail").await?;
            if form.path == "/mfa-step/mail/issue" {
                return Ok((browser, Vec::new()));
            }
            browser.post("/mfa-step/mail/issue", &[]).await?;
            browser.get("/mfa-step/mail").await?;
            let code = latest_code(scene)?;
            let code = if is_right { code } else { other_than(&code) };
            (browser, vec![("otp", code)])
        }
    })
}

async fn wizard(scene: &Scene, form: Form, person: &mut Person) -> anyhow::Result<Filled> {
    person.turns_mfa_on(scene).await?;
    let page = "/mfa-step/register";
    let mut browser = person.at_home(scene, page).await?;
    let fields = match form.path.strip_prefix(page).unwrap_or_default() {
        "/begin" | "/key" => Vec::new(),
        "/app-code" => vec![("app-code", AppCode::generate().grouped())],
        "/otp" => {
            browser.post("/mfa-step/register/begin", &[]).await?;
            browser.get(page).await?;
            let user = user_code(&browser)?;
            let app = AppCode::generate();
            let code = app.grouped();
            let path = "/mfa-step/register/app-code";
            browser.post(path, &[("app-code", &code)]).await?;
            browser.get(page).await?;
            person.app = Some(OtpKey::agree(&app, &user));
            vec![("otp", person.shows(scene)?), ("name", "phone".to_owned())]
        }
        "/address" => vec![("address", PRIVATE.to_owned())],
        "/address-code" => {
            let path = "/mfa-step/register/address";
            browser.post(path, &[("address", PRIVATE)]).await?;
            browser.get(page).await?;
            vec![("otp", latest_code(scene)?)]
        }
        _ => {
            browser.post("/mfa-step/register/begin", &[]).await?;
            browser.get(page).await?;
            Vec::new()
        }
    };
    Ok((browser, fields))
}

async fn status(scene: &Scene, form: Form, person: &mut Person) -> anyhow::Result<Filled> {
    person.uses_mfa(scene).await?;
    let mut browser = person.proven_at_home(scene, "/mfa").await?;
    let fields = match form.path {
        "/mfa/renew" => {
            scene.kit.clock.advance_seconds(30);
            browser.get("/mfa").await?;
            let kind = ("proof-kind", "otp-app".to_owned());
            vec![kind, ("otp", person.shows(scene)?)]
        }
        "/mfa/companion" => {
            let token = browser.value_of("token")?;
            // An address of the same site, so that the count of its own is the person's.
            let other = person.campus;
            return Ok((Browser::new(&scene.router, other), vec![("token", token)]));
        }
        "/mfa/end-grants" => vec![("grant", "all".to_owned())],
        _ => Vec::new(),
    };
    Ok((browser, fields))
}

async fn mfa(scene: &Scene, form: Form, person: &mut Person) -> anyhow::Result<Filled> {
    person.has_an_app(scene).await?;
    let page = "/preferences/mfa";
    let password = ("proof-password", PASSWORD.to_owned());
    Ok(match form.path {
        "/preferences/mfa/use" => {
            if form.how == "no" {
                person.turns_mfa_on(scene).await?;
            }
            let browser = person.on_campus(scene, page).await?;
            (browser, vec![("use", form.how.to_owned()), password])
        }
        "/preferences/mfa/remove" => {
            let browser = person.on_campus(scene, page).await?;
            let factor = browser.value_of("factor")?;
            (browser, vec![("factor", factor), password])
        }
        "/preferences/mfa/rename" => {
            let browser = person.on_campus(scene, page).await?;
            let factor = browser.value_of("factor")?;
            let name = ("name", "another name".to_owned());
            (browser, vec![("factor", factor), name])
        }
        "/preferences/mfa/enable" => {
            disable_the_app(scene, person).await?;
            let browser = person.on_campus(scene, page).await?;
            (browser, vec![("kind", "otp-app".to_owned())])
        }
        "/preferences/mfa/recovery" => (person.on_campus(scene, form.path).await?, Vec::new()),
        "/preferences/mfa/recovery/kept" => {
            let page = "/preferences/mfa/recovery";
            let mut browser = person.on_campus(scene, page).await?;
            browser.post(page, &[]).await?;
            browser.get(page).await?;
            (browser, Vec::new())
        }
        "/preferences/mfa/mail/address" => {
            let browser = person.on_campus(scene, "/preferences/mfa/mail").await?;
            (browser, vec![("address", PRIVATE.to_owned())])
        }
        "/preferences/mfa/mail/code" => {
            let mut browser = person.on_campus(scene, "/preferences/mfa/mail").await?;
            let path = "/preferences/mfa/mail/address";
            browser.post(path, &[("address", PRIVATE)]).await?;
            browser.get("/preferences/mfa/mail").await?;
            (browser, vec![("otp", latest_code(scene)?)])
        }
        "/preferences/mfa/abandon" => {
            let mut browser = person.on_campus(scene, "/preferences/mfa/app").await?;
            let path = "/preferences/mfa/app/user-code";
            browser.post(path, &[]).await?;
            browser.get("/preferences/mfa/app").await?;
            (browser, Vec::new())
        }
        other => bail!("nobody knows the way to {other}"),
    })
}

/// So many wrong codes that OTP apps are disabled.
async fn disable_the_app(scene: &Scene, person: &Person) -> anyhow::Result<()> {
    let event = |what| Event {
        at: scene.kit.checkpoint.now(),
        account: Some(person.whose.account),
        name_hash: None,
        actor: Actor::System,
        what,
        address: None,
        client: String::new(),
        reference: None,
        detail: String::new(),
    };
    let failure = OtpFailure {
        account: person.whose.account,
        kind: FactorKind::OtpApp,
        session: None,
        disable_at: 1,
        counted: Vec::new(),
        event: event(EventKind::OtpWrong),
        disabling: event(EventKind::KindDisabled),
        disabling_letters: Vec::new(),
    };
    scene.records.count_otp_failure(&failure).await?;
    Ok(())
}

async fn app(scene: &Scene, form: Form, person: &mut Person) -> anyhow::Result<Filled> {
    let page = "/preferences/mfa/app";
    let mut browser = person.on_campus(scene, page).await?;
    let app = AppCode::generate();
    let fields = match form.path.strip_prefix(page).unwrap_or_default() {
        "/app-code" => vec![("app-code", app.grouped())],
        "/otp" => {
            let path = "/preferences/mfa/app/user-code";
            browser.post(path, &[]).await?;
            browser.get(page).await?;
            let user = user_code(&browser)?;
            let path = "/preferences/mfa/app/app-code";
            let code = app.grouped();
            browser.post(path, &[("app-code", &code)]).await?;
            browser.get(page).await?;
            person.app = Some(OtpKey::agree(&app, &user));
            vec![("otp", person.shows(scene)?), ("name", "phone".to_owned())]
        }
        _ => Vec::new(),
    };
    Ok((browser, fields))
}

async fn rest(scene: &Scene, form: Form, person: &mut Person) -> anyhow::Result<Filled> {
    let new = "a password that is new";
    let passwords = |old: &str| {
        vec![
            ("old", old.to_owned()),
            ("new", new.to_owned()),
            ("again", new.to_owned()),
        ]
    };
    Ok(match (form.path, form.how) {
        ("/language", _) => {
            let mut browser = Browser::new(&scene.router, person.home);
            browser.get("/login").await?;
            (browser, vec![("language", "ja".to_owned())])
        }
        ("/preferences/password", "right, at home") => {
            person.uses_mfa(scene).await?;
            let browser = person.proven_at_home(scene, form.path).await?;
            (browser, passwords(PASSWORD))
        }
        ("/preferences/password", how) => {
            let browser = person.on_campus(scene, form.path).await?;
            let old = if how == "right" { PASSWORD } else { "wrong" };
            (browser, passwords(old))
        }
        _ => (person.on_campus(scene, "/preferences").await?, Vec::new()),
    })
}

/// The user code that the page shows.
fn user_code(browser: &Browser) -> anyhow::Result<UserCode> {
    let shown = browser.after("data-copy=\"")?;
    UserCode::parse(&shown).map_err(|error| anyhow!("{error}"))
}
