//! The scene of a story: a running demo and a browser, and the steps that several stories share.

use std::sync::Arc;

use anyhow::{Context as _, ensure};
use fantoccini::wd::WindowHandle;
use jiff::SignedDuration;
use mail_parser::MessageParser;
use sekisho::clock::WallClock;
use sekisho::demo::{Demo, DemoArguments, Elsewhere};
use sekisho_checkpoint::Account;
use sekisho_checkpoint::account::LoginName;
use sekisho_checkpoint::ports::{Clock as _, Directory as _};
use sekisho_directory::ArgonCost;
use sekisho_fakes::AheadClock;
use sekisho_store::{Flags, FolderName, NewMessage};
use sekisho_testkit::browser::{Browser, Wishes, until};
use sekisho_testkit::wire::{Way, Wire};
use serde_json::json;
use tokio::task::LocalSet;

/// The login names of the demo's accounts.
pub const HANAKO: &str = "hanako";
pub const KEN: &str = "ken";

/// Makes the tests of a story: both browsers, each in both languages, with both widths in turn.
macro_rules! in_every_browser {
    ($story:ident, scripts: $scripts:literal) => {
        mod $story {
            use sekisho_testkit::browser::{Kind, Wishes};

            const SCRIPTS: bool = $scripts;

            async fn tell(kind: Kind, lang: &'static str, width: u32) -> anyhow::Result<()> {
                let wishes = Wishes { kind, lang, width, scripts: SCRIPTS };
                crate::scene::tell(stringify!($story), wishes, super::$story).await
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn in_chromium_in_japanese() -> anyhow::Result<()> {
                tell(Kind::Chromium, "ja", 1280).await
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn in_chromium_in_english() -> anyhow::Result<()> {
                tell(Kind::Chromium, "en", 390).await
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn in_firefox_in_japanese() -> anyhow::Result<()> {
                tell(Kind::Firefox, "ja", 390).await
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn in_firefox_in_english() -> anyhow::Result<()> {
                tell(Kind::Firefox, "en", 1280).await
            }
        }
    };
    ($story:ident) => {
        in_every_browser!($story, scripts: true);
    };
}
pub(crate) use in_every_browser;

/// A running demo and a browser.
pub struct Scene {
    pub demo: Demo,
    pub browser: Browser,
    /// The machine's clock. Setting this and the page's clock ahead replaces the wait for the app's next OTP.
    clock: Arc<AheadClock<WallClock>>,
}

/// Starts a demo and a browser, runs the story, and fails if the browser's console has complaints.
pub async fn tell<F>(
    name: &str,
    wishes: Wishes,
    story: impl FnOnce(Arc<Scene>) -> F,
) -> anyhow::Result<()>
where
    F: Future<Output = anyhow::Result<()>> + 'static,
{
    let clock = AheadClock::of(WallClock);
    let arguments = DemoArguments {
        dir: None,
        ports: 0,
        json: true,
        grant: SignedDuration::from_hours(14),
    };
    let demo = Demo::start_with(
        arguments,
        Arc::<AheadClock<WallClock>>::clone(&clock),
        ArgonCost::least(),
        Elsewhere::default(),
    )
    .await?;
    let browser = Browser::start(wishes).await?;
    let scene = Arc::new(Scene {
        demo,
        browser,
        clock,
    });
    // The story is a task of its own, so that the browser is closed even after a panic.
    let tasks = LocalSet::new();
    let told = tasks.spawn_local(story(Arc::clone(&scene)));
    let told = tasks.run_until(told).await;
    let browser = &scene.browser;
    let outcome = match told {
        Ok(Ok(())) => browser.complaints().await.and_then(|complaints| {
            ensure!(
                complaints.is_empty(),
                "the browser complains: {complaints:#?}"
            );
            Ok(())
        }),
        Ok(Err(error)) => {
            let picture = browser.picture_of_failure(name).await;
            let complaints = browser.complaints().await;
            Err(error.context(format!("{picture:?}, the console says {complaints:?}")))
        }
        Err(panicked) => Err(panicked.into()),
    };
    browser.close().await?;
    outcome
}

impl Scene {
    /// The URL of a webmail page for a browser on campus, in the trusted network.
    pub fn campus(&self, path: &str) -> String {
        format!("{}{path}", self.demo.tour.campus.web)
    }

    /// The URL of a webmail page for a browser at home, in an untrusted network.
    pub fn home(&self, path: &str) -> String {
        format!("{}{path}", self.demo.tour.home.web)
    }

    /// The password of an account.
    pub fn password(&self, login: &str) -> anyhow::Result<&str> {
        let mut people = self.demo.tour.accounts.iter();
        let person = people.find(|person| person.login == login);
        Ok(&person.context("nobody has that name")?.password)
    }

    /// The account with this login name.
    pub async fn account(&self, login: &str) -> anyhow::Result<Account> {
        let name = LoginName::parse(login)?;
        let account = self.demo.system.accounts.find(&name).await?;
        account.context("nobody has that name")
    }

    /// Signs in with user name and password. `place` is `campus("")` or `home("")`.
    pub async fn sign_in(&self, place: &str, login: &str) -> anyhow::Result<()> {
        let browser = &self.browser;
        browser.open(&format!("{place}/login")).await?;
        browser.fill("#user", login).await?;
        browser.fill("#password", self.password(login)?).await?;
        browser.press("form[action='/login'] button").await
    }

    /// Turns MFA on for an account, as the help desk.
    pub async fn turn_mfa_on(&self, login: &str) -> anyhow::Result<()> {
        let account = self.account(login).await?;
        let checkpoint = &self.demo.system.checkpoint;
        checkpoint
            .desk_set_mfa(&account, true, "asked for it")
            .await?;
        Ok(())
    }

    /// Presses a button that mails a code; returns the code from the letter.
    pub async fn issue(&self, button: &str) -> anyhow::Result<String> {
        self.issued_by(async || self.browser.press(button).await)
            .await
    }

    /// Returns the code from the letter that `mail` causes.
    pub async fn issued_by(
        &self,
        mail: impl AsyncFnOnce() -> anyhow::Result<()>,
    ) -> anyhow::Result<String> {
        let letters = || self.demo.outbox.captured().len();
        let before = letters();
        mail().await?;
        let arrived = until(async || Ok((letters() > before).then_some(()))).await?;
        arrived.context("no letter left the site")?;
        let newest = self
            .demo
            .outbox
            .captured()
            .into_iter()
            .next()
            .context("a letter")?;
        let letter = MessageParser::default()
            .parse(&newest.message)
            .context("a readable letter")?;
        let text = letter.body_text(0).context("a letter with text")?;
        let code = text
            .split(|c: char| !c.is_ascii_digit())
            .find(|word| word.len() == 6);
        Ok(code
            .with_context(|| format!("six digits in {text:?}"))?
            .to_owned())
    }

    /// Proves a factor with a mailed code, on the page that offers one.
    pub async fn proves_by_mail(&self) -> anyhow::Result<()> {
        let code = self
            .issue("form[action^='/mfa-step/mail/issue'] button")
            .await?;
        self.browser.fill("#otp", &code).await?;
        self.browser
            .press("form[action^='/mfa-step/mail']:not([action*=issue]) button")
            .await
    }

    /// Registers a private address in the preferences.
    pub async fn register_address(&self, place: &str, address: &str) -> anyhow::Result<()> {
        let browser = &self.browser;
        browser
            .open(&format!("{place}/preferences/mfa/mail"))
            .await?;
        browser.fill("#address", address).await?;
        let code = self
            .issue("form[action='/preferences/mfa/mail/address'] button")
            .await?;
        browser.fill("#otp", &code).await?;
        browser
            .press("form[action='/preferences/mfa/mail/code'] button")
            .await?;
        browser.read("main", address).await
    }

    /// Registers the app on campus, with the app in a second tab. Returns the app's tab, which shows its OTP, and the
    /// OTP that the registration used. The webmail's tab is the current one afterwards.
    pub async fn register_app(&self, place: &str) -> anyhow::Result<(WindowHandle, String)> {
        let browser = &self.browser;
        browser.open(&format!("{place}/preferences/mfa")).await?;
        browser
            .press("form[action='/preferences/mfa/app/user-code'] button")
            .await?;
        let user_code = browser.see(".code").await?;
        let webmail = browser.tab().await?;
        let app = browser.open_tab(&self.demo.tour.app).await?;
        let app_code = self.add_to_app(&user_code, "").await?;
        browser.go_to_tab(&webmail).await?;
        browser.fill("#app-code", &app_code).await?;
        browser
            .press("form[action='/preferences/mfa/app/app-code'] button")
            .await?;
        browser.go_to_tab(&app).await?;
        let digits = browser.read_digits().await?;
        browser.go_to_tab(&webmail).await?;
        browser.fill("#otp", &digits).await?;
        browser
            .press("form[action='/preferences/mfa/app/otp'] button")
            .await?;
        browser.see(".notice.good").await?;
        Ok((app, digits))
    }

    /// Gives the network line at home another address.
    pub fn move_home(&self, address: std::net::IpAddr) {
        self.demo.home.set(address);
    }

    /// Stops the whole site.
    pub async fn stop_the_server(&self) {
        let grace = std::time::Duration::from_secs(10);
        self.demo.system.shutdown.drain(grace).await;
    }

    /// Adds an account in the app's tab, which must be the current one, and shows its OTP. Returns the app code.
    pub async fn add_to_app(&self, user_code: &str, name: &str) -> anyhow::Result<String> {
        let browser = &self.browser;
        browser.click("#add").await?;
        let app_code = browser.see("#app-code").await?;
        browser.fill("#user-code", user_code).await?;
        browser.fill("#name", name).await?;
        browser.click("#register").await?;
        browser
            .click(".account:last-child .toggle-code[aria-pressed=false]")
            .await?;
        Ok(app_code)
    }

    /// Sets the site's clock and the current page's clock ahead.
    pub async fn advance(&self, seconds: i64) -> anyhow::Result<()> {
        self.clock.advance_seconds(seconds);
        let ahead = "const now = window.Date.now; const by = arguments[0]; \
                     window.Date.now = () => now() + by; return true";
        self.browser
            .run(ahead, vec![json!(seconds * 1000)])
            .await
            .map(drop)
    }

    /// Whether an IMAP login from home is admitted.
    pub async fn mail_client_at_home(&self, login: &str) -> anyhow::Result<bool> {
        let mut wire = Wire::greeted(&self.demo.tour.home.imap).await?;
        let answer = Way::ImapLogin
            .try_on(&mut wire, login, self.password(login)?)
            .await?;
        Ok(Way::ImapLogin.lets_in(&answer))
    }

    /// Turns MFA on or off in the preferences, from a place where the password is proof enough. `choice` is `yes` or
    /// `no`.
    pub async fn use_mfa(&self, place: &str, choice: &str) -> anyhow::Result<()> {
        let browser = &self.browser;
        browser.open(&format!("{place}/preferences/mfa")).await?;
        browser
            .click(&format!("input[name=use][value={choice}]"))
            .await?;
        browser
            .press("form[action='/preferences/mfa/use'] button")
            .await?;
        browser.see(".notice.good").await.map(drop)
    }

    /// Sets the clocks ahead by half a minute, so that the app shows its next OTP, because an OTP is accepted only
    /// once. The app's tab must be the current one.
    pub async fn wait_for_next_code(&self) -> anyhow::Result<()> {
        let before = self.browser.read_digits().await?;
        self.advance(30).await?;
        let changed =
            until(async || Ok((self.browser.read_digits().await? != before).then_some(()))).await?;
        changed.context("the app shows the same code")
    }

    /// Loads the list of messages until it has one with that subject, since mail takes its time.
    pub async fn see_mail_arrive(&self, list: &str, subject: &str) -> anyhow::Result<()> {
        let arrived = until(async || {
            self.browser.open(list).await?;
            let listed = self.browser.seen("ol.mails").await?;
            Ok(listed.filter(|listed| listed.contains(subject)))
        });
        let arrived = arrived.await?.map(drop);
        arrived.with_context(|| format!("no mail with {subject:?} arrives"))
    }

    /// The selector of the message that is the first in the list now, wherever it stands later.
    pub async fn first_mail(&self) -> anyhow::Result<String> {
        let script =
            "return document.querySelector('ol.mails li:first-child a').getAttribute('href')";
        let link = self.browser.run(script, Vec::new()).await?;
        let link = link.as_str().context("a link")?;
        Ok(format!("ol.mails a[href='{link}']"))
    }

    /// Delivers a message to an inbox. Its lines may end in LF.
    pub async fn deliver(self: &Arc<Self>, login: &str, message: &str) -> anyhow::Result<()> {
        let account = self.account(login).await?.id;
        let message = NewMessage {
            bytes: message.replace('\n', "\r\n").into_bytes(),
            flags: Flags::default(),
            internal_date: self.clock.now(),
        };
        let scene = Arc::clone(self);
        // Stories run on a LocalSet, where the store may not block the thread.
        let delivery = tokio::spawn(async move {
            let mailbox = scene.demo.system.operator.open(account).await?;
            let inbox = mailbox.folder(&FolderName::inbox()).await?;
            mailbox.append(inbox.id, message).await
        });
        delivery.await??;
        Ok(())
    }
}

/// Reads the OTP app's page.
pub trait AppTab {
    /// The OTP, as soon as it is shown.
    async fn read_digits(&self) -> anyhow::Result<String>;
}

impl AppTab for Browser {
    async fn read_digits(&self) -> anyhow::Result<String> {
        let digits = until(async || {
            let shown = self.seen(".account .digits").await?.unwrap_or_default();
            let digits: String = shown.chars().filter(char::is_ascii_digit).collect();
            Ok((digits.len() == 6).then_some(digits))
        });
        digits.await?.context("the app shows no digits")
    }
}
