//! The demo as a stage for tests: the whole system on free ports, with a clock that only the test moves, and people who
//! use it only through its doors.

use std::sync::Arc;

use anyhow::{Context, ensure};
use jiff::SignedDuration;
use sekisho::demo::{Demo, DemoArguments, DoorAddresses, Elsewhere};
use sekisho_checkpoint::Account;
use sekisho_checkpoint::account::LoginName;
use sekisho_checkpoint::ports::{Clock, Directory as _, Records};
use sekisho_directory::ArgonCost;
use sekisho_fakes::HandClock;
use sekisho_otp::{AppCode, OtpKey, Step, UserCode};
use sekisho_upstream::Upstreams;
use tempfile::TempDir;

use crate::http::Visitor;
use crate::wire::{MailDoor, Way, Wire, deliver};

/// The login name of the demo's first account.
pub const HANAKO: &str = "hanako";
/// The login name of the demo's second account.
pub const KEN: &str = "ken";

/// A running demo.
pub struct Stage {
    /// The running system and its accounts.
    pub demo: Demo,
    /// Its clock.
    pub clock: Arc<HandClock>,
    _folder: Option<TempDir>,
}

impl Stage {
    /// Starts a demo with grants of 14 hours.
    ///
    /// # Errors
    /// A part of the system can't be opened.
    pub async fn start() -> anyhow::Result<Self> {
        Self::start_with_grants_of(SignedDuration::from_hours(14)).await
    }

    /// Starts a demo with grants of this length. Refusals are sent at once, because the clock stands still;
    /// [`Self::delay_refusals`] changes that.
    ///
    /// # Errors
    /// A part of the system can't be opened.
    pub async fn start_with_grants_of(grant: SignedDuration) -> anyhow::Result<Self> {
        Self::open(grant, Elsewhere::default()).await
    }

    /// Starts a demo whose mail is at upstreams. The accounts there must have the demo's names and passwords.
    ///
    /// # Errors
    /// A part of the system can't be opened.
    pub async fn start_before(upstreams: Upstreams) -> anyhow::Result<Self> {
        let elsewhere = Elsewhere {
            upstreams: Some(upstreams),
            ..Elsewhere::default()
        };
        Self::start_with(elsewhere).await
    }

    /// Starts a demo that keeps some of its data elsewhere. Accounts in a directory must have the demo's names and
    /// passwords.
    ///
    /// # Errors
    /// A part of the system can't be opened.
    pub async fn start_with(elsewhere: Elsewhere) -> anyhow::Result<Self> {
        Self::open(SignedDuration::from_hours(14), elsewhere).await
    }

    /// Starts a demo on these records.
    ///
    /// # Errors
    /// A part of the system can't be opened.
    pub async fn start_on(records: Arc<dyn Records>) -> anyhow::Result<Self> {
        let elsewhere = Elsewhere {
            records: Some(records),
            ..Elsewhere::default()
        };
        Self::open(SignedDuration::from_hours(14), elsewhere).await
    }

    /// Starts another node of the same site: with copies of the accounts and keys, and `records` as its own connection
    /// to the shared records.
    ///
    /// # Errors
    /// A part of the system can't be opened.
    pub async fn another_node(&self, records: Arc<dyn Records>) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let ours = self.demo.folder();
        std::fs::copy(ours.join("keys"), folder.path().join("keys"))?;
        let accounts = rusqlite::Connection::open(ours.join("accounts.sqlite"))?;
        let copy = folder.path().join("accounts.sqlite").display().to_string();
        accounts.execute("VACUUM INTO ?1", [copy])?;
        let elsewhere = Elsewhere {
            records: Some(records),
            ..Elsewhere::default()
        };
        let clock = Arc::clone(&self.clock);
        Self::open_in(
            Some(folder),
            clock,
            SignedDuration::from_hours(14),
            elsewhere,
        )
        .await
    }

    async fn open(grant: SignedDuration, elsewhere: Elsewhere) -> anyhow::Result<Self> {
        Self::open_in(None, HandClock::new(), grant, elsewhere).await
    }

    async fn open_in(
        folder: Option<TempDir>,
        clock: Arc<HandClock>,
        grant: SignedDuration,
        elsewhere: Elsewhere,
    ) -> anyhow::Result<Self> {
        let arguments = DemoArguments {
            dir: folder.as_ref().map(|folder| folder.path().to_owned()),
            ports: 0,
            json: true,
            grant,
        };
        let demo = Demo::start_with(
            arguments,
            Arc::<HandClock>::clone(&clock),
            ArgonCost::least(),
            elsewhere,
        )
        .await?;
        let stage = Self {
            demo,
            clock,
            _folder: folder,
        };
        stage.delay_refusals(SignedDuration::ZERO).await;
        Ok(stage)
    }

    /// Sets how long after the attempt a refusal is sent.
    pub async fn delay_refusals(&self, delay: SignedDuration) {
        let mut site = self.demo.system.checkpoint.site().as_ref().clone();
        site.policy.refusal_delay = delay;
        self.demo.system.checkpoint.reconfigure(site).await;
    }

    /// The password of an account of the demo; empty for others.
    #[must_use]
    pub fn password(&self, login: &str) -> &str {
        let person = self.demo.tour.accounts.iter().find(|p| p.login == login);
        person.map_or("", |p| p.password.as_str())
    }

    /// The account with this login name.
    ///
    /// # Errors
    /// There is none.
    pub async fn account(&self, login: &str) -> anyhow::Result<Account> {
        let found = self
            .demo
            .system
            .accounts
            .find(&LoginName::parse(login)?)
            .await?;
        found.with_context(|| format!("{login} has no account"))
    }

    /// The addresses of the doors as seen from the campus, a trusted network.
    #[must_use]
    pub fn campus(&self) -> &DoorAddresses {
        &self.demo.tour.campus
    }

    /// The addresses of the doors as seen from home, an untrusted network.
    #[must_use]
    pub fn home(&self) -> &DoorAddresses {
        &self.demo.tour.home
    }

    /// Logs in at a mail client's door; returns the door's answer and the connection.
    ///
    /// # Errors
    /// The connection ended.
    pub async fn mail_client(
        &self,
        place: &DoorAddresses,
        way: Way,
        name: &str,
        password: &str,
    ) -> anyhow::Result<(String, Wire)> {
        let door = match way.door() {
            MailDoor::Imap => &place.imap,
            MailDoor::Submission => &place.submission,
            MailDoor::Pop3 => &place.pop3,
        };
        let mut wire = Wire::greeted(door).await?;
        let answer = way.try_on(&mut wire, name, password).await?;
        Ok((answer, wire))
    }

    /// The inbox of somebody on campus, selected over IMAP.
    ///
    /// # Errors
    /// The login or the selection is refused.
    pub async fn inbox(&self, name: &str) -> anyhow::Result<Wire> {
        let password = self.password(name);
        let (answer, mut wire) = self
            .mail_client(self.campus(), Way::ImapLogin, name, password)
            .await?;
        anyhow::ensure!(answer.starts_with("t OK"), "{answer}");
        wire.imap("SELECT INBOX").await?;
        Ok(wire)
    }

    /// Delivers a message.
    ///
    /// # Errors
    /// It is not taken.
    pub async fn receives(&self, to: &str, message: &[u8]) -> anyhow::Result<()> {
        let reply = deliver(&self.demo.tour.lmtp, to, message).await?;
        anyhow::ensure!(reply.starts_with("250"), "not taken: {reply}");
        Ok(())
    }

    /// Submits the login form in a new browser.
    ///
    /// # Errors
    /// The webmail does not answer.
    pub async fn sign_in(&self, place: &DoorAddresses, login: &str) -> anyhow::Result<Visitor> {
        let mut browser = Visitor::new(&place.web);
        browser.open("/login").await?;
        let password = self.password(login);
        browser
            .submit("/login", &[("user", login), ("password", password)])
            .await?;
        Ok(browser)
    }

    /// Signs in on campus, registers an OTP app there and turns MFA on. Moves the clock forward by one OTP step.
    ///
    /// # Errors
    /// A page differs from what is expected.
    pub async fn uses_mfa(&self, login: &str) -> anyhow::Result<App> {
        let mut browser = self.sign_in(self.campus(), login).await?;
        browser.open("/preferences/mfa/app").await?;
        browser
            .submit("/preferences/mfa/app/user-code", &[])
            .await?;
        let user = browser
            .page
            .within("<p class=\"code\"", "</p>")
            .context("a user code")?;
        let app_code = AppCode::generate();
        browser
            .submit(
                "/preferences/mfa/app/app-code",
                &[("app-code", &app_code.grouped())],
            )
            .await?;
        let app = App {
            key: OtpKey::agree(&app_code, &UserCode::parse(&user)?),
            clock: Arc::clone(&self.clock),
        };
        browser
            .submit(
                "/preferences/mfa/app/otp",
                &[("otp", &app.shows()), ("name", "")],
            )
            .await?;
        ensure!(
            browser.path.contains("done=app"),
            "not registered: {}",
            browser.page.words()
        );
        self.clock.advance_seconds(30);
        browser
            .submit("/preferences/mfa/use", &[("use", "yes")])
            .await?;
        ensure!(
            browser.path.contains("done=on"),
            "not turned on: {}",
            browser.page.words()
        );
        Ok(app)
    }

    /// Signs in where a factor is owed and proves the app, so that a grant is made. Moves the clock forward by one OTP
    /// step.
    ///
    /// # Errors
    /// The sign-in does not end in the mailbox.
    pub async fn proves(
        &self,
        place: &DoorAddresses,
        login: &str,
        app: &App,
    ) -> anyhow::Result<Visitor> {
        let mut browser = self.sign_in(place, login).await?;
        ensure!(
            browser.path.starts_with("/mfa-step/app"),
            "no factor is asked for at {}",
            browser.path
        );
        browser
            .submit("/mfa-step/app", &[("otp", &app.shows())])
            .await?;
        ensure!(
            browser.path.starts_with("/mail"),
            "not let in: {}",
            browser.page.words()
        );
        self.clock.advance_seconds(30);
        Ok(browser)
    }
}

/// A person's OTP app.
#[derive(Debug, Clone)]
pub struct App {
    key: OtpKey,
    clock: Arc<HandClock>,
}

impl App {
    /// The OTP that the app shows now.
    #[must_use]
    pub fn shows(&self) -> String {
        self.key
            .code(Step::at(self.clock.now().as_second()))
            .expose()
            .to_owned()
    }

    /// The app's key, for tests that look for it where it must not be.
    #[must_use]
    pub fn key(&self) -> &OtpKey {
        &self.key
    }
}
