//! Security rule 48: what was begun is finished, whether or not the browser stays.
//!
//! Each form of the webmail is sent again and again, and the browser hangs up when the answer was waited for once,
//! twice, three times, until the answer comes first. Whenever that was, what is kept of the person afterwards is either
//! what was kept before, or what is kept when the browser stays: a change with what it ends, its event and its letter;
//! a guess with its count. That holds on both databases. A form that is missing from [`forms::ALL`] fails the test.

mod browser;
mod forms;
mod state;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context as _, ensure};
use async_trait::async_trait;
use axum::Router;
use axum::http::Method;
use jiff::tz::TimeZone;
use sekisho_checkpoint::network::{Network, NetworkClass, Networks};
use sekisho_checkpoint::ports::{Letter, Records};
use sekisho_checkpoint::{Account, Admitted, Password, Site};
use sekisho_net::BoxedStream;
use sekisho_records::{PostgresRecords, PostgresSettings, SqliteRecords};
use sekisho_testkit::checkpoint::{Kit, site};
use sekisho_testkit::postgres::Postgres;
use sekisho_webmail::lang::Lang;
use sekisho_webmail::{Config, MailServer, MailServerError, OtherFamily, Webmail};
use tempfile::TempDir;
use tokio::sync::watch;

use browser::Ended;
use forms::{Form, Person};
use state::{State, Whose, difference};

/// Where the webmail is found.
const BASE: &str = "https://mail.kit.example";

/// A webmail over a database, and people who come one after the other.
struct Scene {
    kit: Kit,
    records: Arc<dyn Records>,
    kept: Kept,
    router: Router,
    mail: Arc<ClosedMail>,
    people: AtomicU32,
}

/// Where the records are kept.
enum Kept {
    InSqlite(TempDir),
    InPostgres(Box<Database>),
}

/// A database, and the server that has it.
struct Database {
    settings: PostgresSettings,
    _server: Postgres,
}

/// A mail server that opens for nobody, and says so when it is told to.
struct ClosedMail {
    answers: watch::Sender<bool>,
    asked: AtomicU32,
    answered: AtomicU32,
}

impl ClosedMail {
    async fn open(&self) -> Result<BoxedStream, MailServerError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let mut answers = self.answers.subscribe();
        answers.wait_for(|may| *may).await.map(drop).ok();
        self.answered.fetch_add(1, Ordering::SeqCst);
        Err(MailServerError::OutOfReach("it is closed".to_owned()))
    }
}

#[async_trait]
impl MailServer for ClosedMail {
    fn wants_password(&self, _: &Account) -> bool {
        false
    }

    async fn imap(&self, _: Admitted, _: Option<Password>) -> Result<BoxedStream, MailServerError> {
        self.open().await
    }

    async fn submission(
        &self,
        _: Admitted,
        _: Option<Password>,
    ) -> Result<BoxedStream, MailServerError> {
        self.open().await
    }
}

impl Scene {
    async fn in_sqlite() -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let records = SqliteRecords::open(&folder.path().join("records.sqlite"))?;
        Self::on(Arc::new(records), Kept::InSqlite(folder)).await
    }

    async fn in_postgresql() -> anyhow::Result<Self> {
        let server = Postgres::start()?;
        let settings = server.database()?;
        let records = PostgresRecords::open(settings.clone()).await?;
        let database = Database {
            settings,
            _server: server,
        };
        Self::on(Arc::new(records), Kept::InPostgres(Box::new(database))).await
    }

    async fn on(records: Arc<dyn Records>, kept: Kept) -> anyhow::Result<Self> {
        let campus = Network {
            name: "Campus LAN".to_owned(),
            class: NetworkClass::Trusted,
            prefixes: vec!["10.0.0.0/8".parse()?],
        };
        let site = Site {
            networks: Networks::new(vec![campus])?,
            policy: site().policy,
        };
        let kit = Kit::start_on(Arc::clone(&records), site).await?;
        let mail = Arc::new(ClosedMail {
            answers: watch::Sender::new(true),
            asked: AtomicU32::new(0),
            answered: AtomicU32::new(0),
        });
        let router = Webmail::router(Arc::new(sekisho_webmail::Context {
            checkpoint: Arc::clone(&kit.checkpoint),
            mail: Arc::<ClosedMail>::clone(&mail),
            config: Config {
                base_url: BASE.parse()?,
                cookie_name: "sekisho".to_owned(),
                site_name: "Kit University".to_owned(),
                zone: TimeZone::UTC,
                app_url: "https://otp.kit.example/".parse()?,
                other_family: OtherFamily {
                    ipv4: Some("https://v4.mail.kit.example/".parse()?),
                    ipv6: Some("https://v6.mail.kit.example/".parse()?),
                },
                default_language: Lang::En,
                max_upload: 1024 * 1024,
            },
        }));
        Ok(Self {
            kit,
            records,
            kept,
            router,
            mail,
            people: AtomicU32::new(0),
        })
    }

    /// All that is kept of a person: in the records, of the password, and the letters.
    async fn state(&self, whose: &Whose, before: &Before) -> anyhow::Result<State> {
        let mut state = match &self.kept {
            Kept::InSqlite(folder) => {
                state::in_sqlite(&folder.path().join("records.sqlite"), whose)?
            }
            Kept::InPostgres(database) => state::in_postgresql(&database.settings, whose).await?,
        };
        let letters = self.kit.letters.letters();
        let letters = letters
            .iter()
            .skip(before.letters)
            .map(|letter| match letter {
                Letter::Otp(_) => "a code".to_owned(),
                Letter::Notice(notice) => format!("news of {:?}", notice.what),
            });
        state.insert("letters".to_owned(), letters.collect());
        let is_new = self.password_hash(whose)? != before.password;
        state.insert("a new password".to_owned(), vec![is_new.to_string()]);
        let computed = self.kit.accounts.hashes_computed() - before.hashes;
        state.insert("hashes computed".to_owned(), vec![computed.to_string()]);
        Ok(state)
    }

    /// What a state is told apart from what was there before.
    fn before(&self, whose: &Whose) -> anyhow::Result<Before> {
        Ok(Before {
            letters: self.kit.letters.letters().len(),
            hashes: self.kit.accounts.hashes_computed(),
            password: self.password_hash(whose)?,
        })
    }

    fn password_hash(&self, whose: &Whose) -> anyhow::Result<String> {
        let accounts = rusqlite::Connection::open(self.kit.folder().join("accounts.sqlite"))?;
        let sql = "SELECT password FROM accounts WHERE account = ?1";
        Ok(accounts.query_row(sql, [whose.account.get()], |row| row.get(0))?)
    }

    /// Somebody new sends a form, and hangs up after so many waits. Returns the states before and after.
    async fn once(&self, form: Form, waits: usize) -> anyhow::Result<(Ended, State, State)> {
        let number = self.people.fetch_add(1, Ordering::SeqCst);
        let mut person = Person::new(&self.kit, number).await?;
        let sent = forms::prepare(self, form, &mut person).await?;
        let before = self.before(&person.whose)?;
        let state_before = self.state(&person.whose, &before).await?;
        let ended = sent
            .browser
            .hang_up(&sent.path, &sent.fields, waits)
            .await?;
        let state_after = self.state(&person.whose, &before).await?;
        Ok((ended, state_before, state_after))
    }

    /// Hangs up at each of these waits.
    async fn all_or_nothing(
        &self,
        form: Form,
        waits: impl Iterator<Item = usize>,
    ) -> anyhow::Result<()> {
        let (ended, nothing, all) = self.once(form, usize::MAX).await?;
        ensure!(ended == Ended::Answered, "it was not answered");
        ensure!(
            (nothing != all) == form.changes_something(),
            "it changed: {}",
            difference(&nothing, &all)
        );
        for waits in waits {
            let (ended, before, after) = self.once(form, waits).await?;
            ensure!(
                before == nothing,
                "people are alike: {}",
                difference(&before, &nothing)
            );
            ensure!(
                after == all || (after == nothing && ended == Ended::HungUp),
                "hung up after {waits} waits, it changed: {}\nand it lacks: {}",
                difference(&nothing, &after),
                difference(&after, &all)
            );
            if ended == Ended::Answered {
                return Ok(());
            }
        }
        Ok(())
    }
}

/// What there was of a person before a form was sent.
struct Before {
    letters: usize,
    hashes: u64,
    password: String,
}

/// Every wait; or, so that many forms go on a slow database, each further from the last, unless time does not matter.
fn waits(on_a_slow_database: bool) -> Box<dyn Iterator<Item = usize>> {
    let long = std::env::var_os("SEKISHO_LONG").is_some_and(|value| value == "1");
    if long || !on_a_slow_database {
        return Box::new(0..);
    }
    Box::new((0..6).chain((0..).map(|n| 6 + n * (n + 3) / 2)))
}

#[test]
fn every_form_of_the_webmail_is_among_them() {
    for route in sekisho_webmail::routes::all() {
        if route.method != Method::GET {
            let is_known = forms::ALL.iter().any(|form| form.path == route.path);
            let is_mail = route.path.starts_with("/mail/");
            assert!(
                is_known || is_mail,
                "{} is new: say how to get there",
                route.path
            );
        }
    }
}

/// Tries all forms before it says which of them failed.
async fn all_forms(scene: &Scene, is_slow: bool) -> anyhow::Result<()> {
    let mut failed = Vec::new();
    for form in forms::ALL {
        if let Err(error) = scene.all_or_nothing(form, waits(is_slow)).await {
            let chain: Vec<_> = error.chain().map(ToString::to_string).collect();
            failed.push(format!("{form}: {}", chain.join(": ")));
        }
    }
    ensure!(failed.is_empty(), "{}", failed.join("\n\n"));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_browser_that_hangs_up_leaves_all_or_nothing() -> anyhow::Result<()> {
    all_forms(&Scene::in_sqlite().await?, false).await
}

mod postgresql {
    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_browser_that_hangs_up_leaves_all_or_nothing() -> anyhow::Result<()> {
        all_forms(&Scene::in_postgresql().await?, true).await
    }
}

/// What is done to mail is many commands to a mail server, which has no transactions. But none is left out.
#[tokio::test]
async fn what_is_done_to_mail_goes_on_though_the_browser_hung_up() -> anyhow::Result<()> {
    let scene = Scene::in_sqlite().await?;
    let mut person = Person::new(&scene.kit, 0).await?;
    let browser = person.on_campus(&scene, "/mfa").await?;
    for route in sekisho_webmail::routes::all() {
        if route.method == Method::GET || !route.path.starts_with("/mail/") {
            continue;
        }
        let path: Vec<_> = route
            .path
            .split('/')
            .map(|part| if part.starts_with('{') { "INBOX" } else { part })
            .collect();
        scene.mail.asked.store(0, Ordering::SeqCst);
        scene.mail.answered.store(0, Ordering::SeqCst);
        scene.mail.answers.send_replace(false);
        let opens = async {
            // The mail server answers only once the browser has gone.
            while scene.mail.asked.load(Ordering::SeqCst) == 0 {
                tokio::task::yield_now().await;
            }
        };
        let open = || {
            scene.mail.answers.send_replace(true);
        };
        browser
            .hang_up_once(&path.join("/"), &forms::TO_MAIL, opens, open)
            .await
            .with_context(|| route.path.to_owned())?;
        let answered = scene.mail.answered.load(Ordering::SeqCst);
        ensure!(answered > 0, "{} was dropped", route.path);
    }
    Ok(())
}
