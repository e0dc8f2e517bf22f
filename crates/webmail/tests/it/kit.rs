//! A webmail over a real checkpoint with two accounts, Alice's and Bob's, and browsers that use it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use async_trait::async_trait;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Method, Request, StatusCode, header};
use axum::response::Response;
use jiff::tz::TimeZone;
use sekisho_checkpoint::address::{MailAddress, OwnDomains};
use sekisho_checkpoint::audit::{Actor, Event, EventKind};
use sekisho_checkpoint::factor::FactorKind;
use sekisho_checkpoint::network::{Network, NetworkClass, Networks};
use sekisho_checkpoint::policy::Policy;
use sekisho_checkpoint::ports::{
    Clock, Directory, DirectoryError, OtpFailure, PasswordChange, Records as _, SetPasswordError,
};
use sekisho_checkpoint::sealing::{KeyId, KeyRing, SealingKey};
use sekisho_checkpoint::{
    Account, AccountId, Admitted, Checkpoint, LoginName, Parts, Password, Site,
};
use sekisho_directory::{ArgonCost, NewAccount, OwnAccounts, Settings};
use sekisho_fakes::{HandClock, LetterBox};
use sekisho_net::{BoxedStream, Finisher, Shutdown};
use sekisho_otp::{AppCode, OtpKey, Step, UserCode};
use sekisho_records::SqliteRecords;
use sekisho_source::{KeyLength, Source};
use sekisho_webmail::lang::Lang;
use sekisho_webmail::{Config, Context, MailServer, MailServerError, OtherFamily, Webmail};
use tempfile::TempDir;
use tower::ServiceExt;

/// An address in the trusted network.
pub const CAMPUS: &str = "203.0.113.7";
/// An address outside the trusted network.
pub const HOME: &str = "198.51.100.23";
/// The password of both.
pub const PASSWORD: &str = "correct horse battery";

/// A mail server that can't be reached; these tests need no mail.
struct NoMail;

#[async_trait]
impl MailServer for NoMail {
    fn wants_password(&self, _: &Account) -> bool {
        false
    }

    async fn imap(&self, _: Admitted, _: Option<Password>) -> Result<BoxedStream, MailServerError> {
        Err(MailServerError::OutOfReach("there is none".to_owned()))
    }

    async fn submission(
        &self,
        _: Admitted,
        _: Option<Password>,
    ) -> Result<BoxedStream, MailServerError> {
        Err(MailServerError::OutOfReach("there is none".to_owned()))
    }
}

/// A directory that a test can make unreachable.
pub struct Reachable {
    accounts: OwnAccounts,
    away: AtomicBool,
    verified: AtomicUsize,
}

impl Reachable {
    /// Makes the directory unreachable, or reachable again.
    pub fn put_away(&self, away: bool) {
        self.away.store(away, Ordering::SeqCst);
    }

    /// How many passwords it has verified.
    pub fn verified(&self) -> usize {
        self.verified.load(Ordering::SeqCst)
    }

    fn here(&self) -> Result<&OwnAccounts, DirectoryError> {
        if self.away.load(Ordering::SeqCst) {
            return Err(DirectoryError("the test put it away".to_owned()));
        }
        Ok(&self.accounts)
    }
}

#[async_trait]
impl Directory for Reachable {
    async fn find(&self, name: &LoginName) -> Result<Option<Account>, DirectoryError> {
        self.here()?.find(name).await
    }

    async fn account(&self, id: AccountId) -> Result<Option<Account>, DirectoryError> {
        self.here()?.account(id).await
    }

    async fn recipients(&self, address: &MailAddress) -> Result<Vec<AccountId>, DirectoryError> {
        self.here()?.recipients(address).await
    }

    async fn verify(
        &self,
        account: Option<AccountId>,
        password: &Password,
    ) -> Result<bool, DirectoryError> {
        self.verified.fetch_add(1, Ordering::SeqCst);
        self.here()?.verify(account, password).await
    }

    fn password_change(&self) -> PasswordChange {
        Directory::password_change(&self.accounts)
    }

    async fn check_new_password(
        &self,
        account: AccountId,
        new: &Password,
    ) -> Result<(), SetPasswordError> {
        Directory::check_new_password(self.here()?, account, new).await
    }

    async fn set_password(
        &self,
        account: AccountId,
        new: &Password,
    ) -> Result<(), SetPasswordError> {
        Directory::set_password(self.here()?, account, new).await
    }
}

/// The webmail and everything below it.
pub struct Kit {
    /// The checkpoint.
    pub checkpoint: Arc<Checkpoint>,
    /// The checkpoint's clock.
    pub clock: Arc<HandClock>,
    /// The letters that the checkpoint has sent.
    pub letters: Arc<LetterBox>,
    /// The checkpoint's directory.
    pub directory: Arc<Reachable>,
    router: Router,
    folder: TempDir,
}

/// The policy of the site `kit.example`.
pub fn policy() -> Policy {
    Policy {
        own_domains: OwnDomains::new(["kit.example"]).expect("a domain"),
        help_url: "https://mail.kit.example/mfa".to_owned(),
        ..Policy::default()
    }
}

impl Kit {
    /// Starts a webmail with [`policy`].
    pub async fn start() -> Self {
        Self::start_for(policy()).await
    }

    /// Starts a webmail with another policy.
    pub async fn start_for(policy: Policy) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let clock = HandClock::new();
        let letters = Arc::new(LetterBox::default());
        let settings = Settings {
            cost: ArgonCost::least(),
            ..Settings::new(policy.own_domains.clone())
        };
        let accounts = OwnAccounts::open(
            &folder.path().join("accounts.sqlite"),
            settings,
            Arc::<HandClock>::clone(&clock),
        )
        .expect("accounts");
        for login in ["alice", "bob"] {
            let address = MailAddress::parse(&format!("{login}@kit.example"));
            let new = NewAccount {
                login: login.to_owned(),
                display_name: String::new(),
                addresses: vec![address.expect("an address")],
                groups: Vec::new(),
                password: Some(Password::new(PASSWORD.to_owned())),
                ends_at: None,
            };
            accounts.add(new).await.expect("added");
        }
        let directory = Arc::new(Reachable {
            accounts,
            away: AtomicBool::new(false),
            verified: AtomicUsize::new(0),
        });
        let campus = Network {
            name: "Campus LAN".to_owned(),
            class: NetworkClass::Trusted,
            prefixes: "203.0.113.0/24".parse().into_iter().collect(),
        };
        let records = SqliteRecords::open(&folder.path().join("records.sqlite")).expect("records");
        let checkpoint = Checkpoint::start(Parts {
            records: Arc::new(records),
            directory: Arc::<Reachable>::clone(&directory),
            courier: Arc::<LetterBox>::clone(&letters),
            clock: Arc::<HandClock>::clone(&clock),
            keys: KeyRing::new([(KeyId(1), SealingKey::new([7; 32]))].into()).expect("keys"),
            site: Site {
                networks: Networks::new(vec![campus]).expect("networks"),
                policy,
            },
        })
        .await
        .expect("a checkpoint");
        let router = Webmail::router(Arc::new(Context {
            checkpoint: Arc::clone(&checkpoint),
            mail: Arc::new(NoMail),
            config: Config {
                base_url: "https://mail.kit.example/".parse().expect("a URL"),
                cookie_name: "sekisho".to_owned(),
                site_name: "Kit University".to_owned(),
                zone: TimeZone::get("Asia/Tokyo").expect("a zone"),
                app_url: "https://otp.kit.example/".parse().expect("a URL"),
                other_family: OtherFamily {
                    ipv4: Some("https://v4.mail.kit.example/".parse().expect("a URL")),
                    ipv6: Some("https://v6.mail.kit.example/".parse().expect("a URL")),
                },
                default_language: Lang::En,
                max_upload: 1024 * 1024,
            },
        }));
        Self {
            checkpoint,
            clock,
            letters,
            directory,
            router,
            folder,
        }
    }

    /// The router, for requests that no browser sends.
    pub fn router(&self) -> Router {
        self.router.clone()
    }

    /// A new browser with this address.
    pub fn browser(&self, address: &str) -> Browser {
        Browser {
            router: self.router.clone(),
            address: address.to_owned(),
            language: "en",
            cookies: BTreeMap::new(),
            csrf: String::new(),
        }
    }

    /// A browser on campus in which Alice is signed in.
    pub async fn alice_on_campus(&self) -> Browser {
        let mut browser = self.browser(CAMPUS);
        browser.sign_in().await.leads_to("/");
        browser
    }

    /// Alice's account.
    pub async fn alice(&self) -> Account {
        let name = LoginName::parse("alice").expect("a name");
        let found = self.directory.find(&name).await;
        found.expect("asked").expect("Alice")
    }

    /// Counts enough wrong codes to disable Alice's OTP apps.
    pub async fn disable_the_app(&self, account: AccountId) {
        let records = SqliteRecords::open(&self.folder.path().join("records.sqlite"));
        let event = |what| Event {
            at: self.clock.now(),
            account: Some(account),
            name_hash: None,
            actor: Actor::System,
            what,
            address: None,
            client: String::new(),
            reference: None,
            detail: String::new(),
        };
        let failure = OtpFailure {
            account,
            kind: FactorKind::OtpApp,
            session: None,
            disable_at: 1,
            counted: Vec::new(),
            event: event(EventKind::OtpWrong),
            disabling: event(EventKind::KindDisabled),
            disabling_letters: Vec::new(),
        };
        let failed = records
            .expect("the records")
            .count_otp_failure(&failure)
            .await;
        assert!(failed.expect("counted").disabled_now);
    }

    /// The code that was mailed last, and its address.
    pub fn mailed_code(&self) -> (String, String) {
        let otp = self.letters.latest_otp().expect("a code was mailed");
        (otp.code.expose().to_owned(), otp.to.to_string())
    }

    /// Registers an app for Alice on campus, and turns MFA on.
    pub async fn alice_uses_mfa(&self) -> App {
        let mut browser = self.alice_on_campus().await;
        let app = self.register_app(&mut browser).await;
        browser.get("/preferences/mfa").await;
        browser
            .post("/preferences/mfa/use", &[("use", "yes")])
            .await
            .leads_to("/preferences/mfa?done=on");
        app
    }

    /// Registers an app in the preferences.
    pub async fn register_app(&self, browser: &mut Browser) -> App {
        browser.get("/preferences/mfa").await;
        browser
            .post("/preferences/mfa/app/user-code", &[])
            .await
            .leads_to("/preferences/mfa/app");
        let page = browser.get("/preferences/mfa/app").await;
        let app = App::new(self, &page.user_code());
        let code = app.code.grouped();
        browser
            .post("/preferences/mfa/app/app-code", &[("app-code", &code)])
            .await
            .leads_to("/preferences/mfa/app");
        browser.get("/preferences/mfa/app").await;
        browser
            .post(
                "/preferences/mfa/app/otp",
                &[("otp", &app.shows()), ("name", "phone")],
            )
            .await
            .leads_to("/preferences/mfa?done=app");
        self.clock.advance_seconds(30);
        app
    }

    /// A browser at home in which Alice is signed in with her app's OTP.
    pub async fn alice_at_home(&self, app: &App) -> Browser {
        let mut browser = self.browser(HOME);
        browser.sign_in().await.leads_to("/mfa-step");
        browser.get("/mfa-step/app").await;
        browser
            .post("/mfa-step/app", &[("otp", &app.shows())])
            .await
            .leads_to("/");
        self.clock.advance_seconds(30);
        browser
    }
}

/// Alice's OTP app.
pub struct App {
    /// The app code that the app made.
    pub code: AppCode,
    key: OtpKey,
    clock: Arc<HandClock>,
}

impl App {
    /// An app with a new app code, to which the user code was typed.
    pub fn new(kit: &Kit, user: &UserCode) -> Self {
        Self::with_code(kit, AppCode::generate(), user)
    }

    /// An app with this app code, to which the user code was typed.
    pub fn with_code(kit: &Kit, code: AppCode, user: &UserCode) -> Self {
        Self {
            key: OtpKey::agree(&code, user),
            code,
            clock: Arc::clone(&kit.clock),
        }
    }

    /// The OTP that the app shows now.
    pub fn shows(&self) -> String {
        self.shows_at(0)
    }

    /// The OTP that the app shows in so many seconds.
    pub fn shows_at(&self, seconds: i64) -> String {
        let step = Step::at(self.clock.now().as_second() + seconds);
        self.key.code(step).expose().to_owned()
    }
}

/// A browser: its cookies, its address, and the CSRF token of the page that it saw last.
#[derive(Clone)]
pub struct Browser {
    router: Router,
    /// The address that it comes from.
    pub address: String,
    /// What it sends as `Accept-Language`.
    pub language: &'static str,
    cookies: BTreeMap<String, String>,
    csrf: String,
}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: axum::http::HeaderMap,
    pub body: String,
}

impl Browser {
    /// Opens a page.
    pub async fn get(&mut self, path: &str) -> Answer {
        let request = Request::get(path).body(Body::empty()).expect("a request");
        self.send(request).await
    }

    /// Posts a form with the CSRF token of the page seen last.
    pub async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let csrf = self.csrf.clone();
        let mut all = vec![("csrf", csrf.as_str())];
        all.extend(fields);
        self.send(form(path, &all)).await
    }

    /// Signs Alice in.
    pub async fn sign_in(&mut self) -> Answer {
        self.get("/login").await;
        self.post("/login", &[("user", "alice"), ("password", PASSWORD)])
            .await
    }

    /// Sends any request as this browser.
    pub async fn send(&mut self, request: Request<Body>) -> Answer {
        let (head, body) = self.raw(request).await.into_parts();
        let body = to_bytes(body, usize::MAX).await.expect("a body");
        let body = String::from_utf8(body.to_vec()).expect("UTF-8");
        if let Some(token) = value_after(&body, "name=\"csrf\" value=\"") {
            self.csrf = token.to_owned();
        }
        Answer {
            status: head.status,
            headers: head.headers,
            body,
        }
    }

    /// Like [`send`](Self::send), for answers whose body is no text.
    pub async fn raw(&mut self, mut request: Request<Body>) -> Response {
        let address = self.address.parse().expect("an address");
        let source = Source::assured(address, KeyLength::default());
        request.extensions_mut().insert(source);
        if request.extensions().get::<Finisher>().is_none() {
            let finisher = Finisher::new(Shutdown::new());
            request.extensions_mut().insert(finisher);
        }
        let cookies: Vec<String> = self
            .cookies
            .iter()
            .map(|(n, v)| format!("{n}={v}"))
            .collect();
        let headers = request.headers_mut();
        headers.insert(header::COOKIE, cookies.join("; ").parse().expect("cookies"));
        headers.insert(
            header::ACCEPT_LANGUAGE,
            self.language.parse().expect("a language"),
        );
        headers.insert(header::USER_AGENT, "Firefox".parse().expect("a name"));
        let response = self
            .router
            .clone()
            .oneshot(request)
            .await
            .expect("an answer");
        for line in response.headers().get_all(header::SET_COOKIE) {
            let line = line.to_str().expect("ASCII");
            assert!(
                line.starts_with("__Host-")
                    && line.contains("; Path=/; HttpOnly; SameSite=Lax; Secure"),
                "{line}"
            );
            let (name, value) = line.split_once('=').expect("a cookie");
            let value = value.split(';').next().unwrap_or_default();
            if line.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        response
    }

    /// The CSRF token of the page seen last.
    pub fn csrf(&self) -> String {
        self.csrf.clone()
    }

    /// The value of the session cookie.
    pub fn token(&self) -> Option<&String> {
        self.cookies.get("__Host-sekisho")
    }
}

/// A POST as a browser sends it from one of our own pages.
pub fn form(path: &str, fields: &[(&str, &str)]) -> Request<Body> {
    let body = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(fields)
        .finish();
    Request::builder()
        .method(Method::POST)
        .uri(path)
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header(header::ORIGIN, "https://mail.kit.example")
        .header("sec-fetch-site", "same-origin")
        .body(Body::from(body))
        .expect("a request")
}

impl Answer {
    /// Checks that the answer redirects to `path`.
    #[track_caller]
    pub fn leads_to(&self, path: &str) {
        let location = self
            .headers
            .get(header::LOCATION)
            .map(|l| l.to_str().expect("ASCII"));
        assert_eq!(
            (self.status, location),
            (StatusCode::SEE_OTHER, Some(path)),
            "{}",
            self.body
        );
    }

    /// Checks that the page contains the words.
    #[track_caller]
    pub fn says(&self, words: &str) {
        assert!(
            self.body.contains(words),
            "{words:?} is not in {} {}",
            self.status,
            self.body
        );
    }

    /// Checks that the page does not contain the words.
    #[track_caller]
    pub fn says_nothing_of(&self, words: &str) {
        assert!(!self.body.contains(words), "{words:?} is in {}", self.body);
    }

    /// The value of the first field with this name.
    #[track_caller]
    pub fn value_of(&self, field: &str) -> String {
        let value = value_after(&self.body, &format!("name=\"{field}\" value=\""));
        value.expect("a field").to_owned()
    }

    /// The user code that the page shows.
    #[track_caller]
    pub fn user_code(&self) -> UserCode {
        let code = value_after(&self.body, "data-copy=\"").expect("a code to copy");
        UserCode::parse(code).expect("a user code")
    }
}

fn value_after<'a>(body: &'a str, before: &str) -> Option<&'a str> {
    let (_, rest) = body.split_once(before)?;
    Some(rest.split_once('"')?.0)
}
