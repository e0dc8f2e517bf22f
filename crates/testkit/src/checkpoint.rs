//! A checkpoint over real databases, with a letter box in place of the mail system, and two people who use it.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, anyhow};
use sekisho_checkpoint::account::{AccountId, Password};
use sekisho_checkpoint::address::OwnDomains;
use sekisho_checkpoint::audit::Door;
use sekisho_checkpoint::door::{Admitted, Attempt, NotAdmitted};
use sekisho_checkpoint::id::SessionToken;
use sekisho_checkpoint::network::{Network, NetworkClass, Networks};
use sekisho_checkpoint::policy::Policy;
use sekisho_checkpoint::ports::Records;
use sekisho_checkpoint::sealing::{KeyId, KeyRing, SealingKey};
use sekisho_checkpoint::web::{AdmittedSession, FactorOwed, Person, WebStanding};
use sekisho_checkpoint::{Checkpoint, Parts, Proof, RegistrationState, Reproof, Site};
use sekisho_fakes::{HandClock, LetterBox};
use sekisho_otp::{AppCode, OtpCode, OtpKey, Step};
use sekisho_records::SqliteRecords;
use sekisho_source::{KeyLength, Source};
use tempfile::TempDir;

use crate::records;
use sekisho_checkpoint::ports::Clock;

/// An address in the trusted network of [`site`].
pub const CAMPUS: &str = "203.0.113.7";
/// An address outside the trusted network.
pub const HOME: &str = "198.51.100.23";
/// Another address outside the trusted network.
pub const CAFE: &str = "192.0.2.99";
/// Alice's password.
pub const PASSWORD: &str = "correct horse battery";

/// The source of an address that is certain.
///
/// # Panics
/// The text is no address.
#[must_use]
pub fn from(address: &str) -> Source {
    let address = address
        .parse()
        .unwrap_or_else(|_| panic!("{address} is no address"));
    Source::assured(address, KeyLength::default())
}

/// The site of the tests: `kit.example`, with a trusted campus network and an untrusted part of it.
///
/// # Panics
/// Never: its networks and domains are well formed.
#[must_use]
pub fn site() -> Site {
    let net = |name: &str, class, prefix: &str| Network {
        name: name.to_owned(),
        class,
        prefixes: prefix.parse().into_iter().collect(),
    };
    Site {
        networks: Networks::new(vec![
            net("Campus LAN", NetworkClass::Trusted, "203.0.113.0/24"),
            net("eduroam", NetworkClass::Untrusted, "203.0.113.128/25"),
        ])
        .unwrap_or_default(),
        policy: Policy {
            own_domains: OwnDomains::new(["kit.example"]).unwrap_or_default(),
            help_url: "https://mail.kit.example/mfa".to_owned(),
            ..Policy::default()
        },
    }
}

/// A checkpoint with the accounts of Alice and Bob.
pub struct Kit {
    /// The checkpoint.
    pub checkpoint: Arc<Checkpoint>,
    /// The checkpoint's clock.
    pub clock: Arc<HandClock>,
    /// The letters that the checkpoint has sent.
    pub letters: Arc<LetterBox>,
    /// The accounts that the checkpoint asks.
    pub accounts: Arc<sekisho_directory::OwnAccounts>,
    /// Alice's account.
    pub alice: AccountId,
    /// Bob's account.
    pub bob: AccountId,
    folder: TempDir,
}

impl Kit {
    /// Starts a checkpoint for [`site`].
    ///
    /// # Errors
    /// A part can't be opened.
    pub async fn start() -> anyhow::Result<Self> {
        Self::start_for(site()).await
    }

    /// Starts a checkpoint for another site.
    ///
    /// # Errors
    /// A part can't be opened.
    pub async fn start_for(site: Site) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let records = Arc::new(SqliteRecords::open(&folder.path().join("records.sqlite"))?);
        Self::start_in(folder, site, records).await
    }

    /// Starts one whose records are kept elsewhere.
    ///
    /// # Errors
    /// Something could not be made.
    pub async fn start_on(records: Arc<dyn Records>, site: Site) -> anyhow::Result<Self> {
        Self::start_in(tempfile::tempdir()?, site, records).await
    }

    async fn start_in(
        folder: TempDir,
        site: Site,
        records: Arc<dyn Records>,
    ) -> anyhow::Result<Self> {
        let clock = HandClock::new();
        let letters = Arc::new(LetterBox::default());
        let accounts = Arc::new(open_accounts(folder.path(), &clock)?);
        let alice = crate::accounts::add(&accounts, "alice", PASSWORD).await?;
        let bob = crate::accounts::add(&accounts, "bob", PASSWORD).await?;
        let checkpoint = start_checkpoint(records, site, &clock, &letters, &accounts).await?;
        Ok(Self {
            checkpoint,
            clock,
            letters,
            accounts,
            alice,
            bob,
            folder,
        })
    }

    /// Starts another checkpoint on the same records and accounts, as a restarted process or a second node does.
    ///
    /// # Errors
    /// A part can't be opened.
    pub async fn another(&self, site: Site) -> anyhow::Result<Arc<Checkpoint>> {
        let records = SqliteRecords::open(&self.folder.path().join("records.sqlite"))?;
        start_checkpoint(
            Arc::new(records),
            site,
            &self.clock,
            &self.letters,
            &self.accounts,
        )
        .await
    }

    /// The folder of all databases.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// All bytes of the records' files.
    ///
    /// # Errors
    /// A file can't be read.
    pub fn bytes_of_the_records(&self) -> anyhow::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        for name in ["records.sqlite", "records.sqlite-wal"] {
            bytes.extend(std::fs::read(self.folder.path().join(name))?);
        }
        Ok(bytes)
    }

    /// Makes the records unusable, as when their disk fails.
    ///
    /// # Errors
    /// The file can't be changed.
    pub fn break_the_records(&self) -> anyhow::Result<()> {
        records::break_in(self.folder.path())
    }

    /// Logs in at the IMAP door.
    ///
    /// # Errors
    /// The login is not admitted.
    pub async fn mail_client(
        &self,
        name: &str,
        password: &str,
        source: Source,
    ) -> Result<Admitted, NotAdmitted> {
        self.checkpoint
            .admit(Attempt {
                door: Door::Imap,
                name: name.to_owned(),
                authorization: None,
                password: Password::new(password.to_owned()),
                source,
                client: "test".to_owned(),
            })
            .await
    }

    /// Signs Alice in to the webmail.
    ///
    /// # Errors
    /// The password was not accepted.
    pub async fn sign_in(&self, source: Source) -> anyhow::Result<(SessionToken, WebStanding)> {
        let password = Password::new(PASSWORD.to_owned());
        let signed = self
            .checkpoint
            .sign_in("alice", password, source, "browser")
            .await?;
        Ok((signed.token, signed.standing))
    }

    /// Signs Alice in where the password is enough.
    ///
    /// # Errors
    /// She owes a factor.
    pub async fn admitted(
        &self,
        source: Source,
    ) -> anyhow::Result<(SessionToken, AdmittedSession)> {
        match self.sign_in(source).await? {
            (token, WebStanding::Admitted(session)) => Ok((token, session)),
            (_, WebStanding::Owed(owed)) => {
                Err(anyhow!("a factor is owed: {:?}", owed.first_step()))
            }
        }
    }

    /// Signs Alice in where she owes a factor.
    ///
    /// # Errors
    /// She is admitted without one.
    pub async fn owed(&self, source: Source) -> anyhow::Result<(SessionToken, FactorOwed)> {
        match self.sign_in(source).await? {
            (token, WebStanding::Owed(owed)) => Ok((token, owed)),
            (_, WebStanding::Admitted(session)) => {
                Err(anyhow!("let in: {:?}", session.admitted().reason()))
            }
        }
    }

    /// Judges a later request of a session.
    ///
    /// # Errors
    /// The session is gone or owes a factor.
    pub async fn admitted_again(
        &self,
        token: &SessionToken,
        source: Source,
    ) -> anyhow::Result<AdmittedSession> {
        match self.checkpoint.resume(token, source).await? {
            WebStanding::Admitted(session) => Ok(session),
            WebStanding::Owed(owed) => Err(anyhow!("a factor is owed: {:?}", owed.first_step())),
        }
    }

    /// Registers an OTP app for Alice on campus and turns MFA on; returns the app.
    ///
    /// # Errors
    /// A step was refused.
    pub async fn alice_uses_mfa(&self) -> anyhow::Result<App> {
        let (token, session) = self.admitted(from(CAMPUS)).await?;
        let app = self
            .register_app(Person::from(&session), &token, from(CAMPUS))
            .await?;
        let (_, session) = self.admitted(from(CAMPUS)).await?;
        self.checkpoint
            .set_mfa(&session, true, &Reproof::none(), "browser")
            .await?;
        Ok(app)
    }

    /// Registers an OTP app in a session. Moves the clock forward by one OTP step, so that the app's next code is a new
    /// one.
    ///
    /// # Errors
    /// A step was refused.
    pub async fn register_app(
        &self,
        person: Person<'_>,
        token: &SessionToken,
        source: Source,
    ) -> anyhow::Result<App> {
        let app_code = AppCode::generate();
        let state = self
            .checkpoint
            .take_app_code(person, app_code.clone(), &Reproof::none(), "browser")
            .await?;
        let RegistrationState::Codes { user, .. } = state else {
            return Err(anyhow!("no codes"));
        };
        let app = App {
            key: OtpKey::agree(&app_code, &user),
            clock: Arc::clone(&self.clock),
        };
        let finished = match self.checkpoint.resume(token, source).await? {
            WebStanding::Admitted(session) => {
                self.checkpoint
                    .finish_app(Person::from(&session), app.shows(), "phone", "browser")
                    .await
            }
            WebStanding::Owed(owed) => {
                self.checkpoint
                    .finish_app(Person::from(&owed), app.shows(), "phone", "browser")
                    .await
            }
        };
        finished?;
        self.clock.advance_seconds(30);
        Ok(app)
    }

    /// Signs Alice in and proves her app, so that a grant is made. Moves the clock forward by one OTP step.
    ///
    /// # Errors
    /// The code was refused.
    pub async fn prove(&self, app: &App, source: Source) -> anyhow::Result<SessionToken> {
        let (_, owed) = self.owed(source).await?;
        let token = self.checkpoint.prove(&owed, app.entry(), "browser").await?;
        self.clock.advance_seconds(30);
        Ok(token)
    }
}

/// Alice's OTP app.
#[derive(Debug, Clone)]
pub struct App {
    key: OtpKey,
    clock: Arc<HandClock>,
}

impl App {
    /// The code that the app shows now.
    #[must_use]
    pub fn shows(&self) -> OtpCode {
        self.shows_at(0)
    }

    /// The code that the app shows in so many seconds.
    #[must_use]
    pub fn shows_at(&self, seconds: i64) -> OtpCode {
        self.key
            .code(Step::at(self.clock.now().as_second() + seconds))
    }

    /// The current code as a proof.
    #[must_use]
    pub fn entry(&self) -> Proof {
        Proof::App(self.shows())
    }

    /// A code that the app does not show within 15 minutes before or after now.
    #[must_use]
    pub fn wrong(&self) -> Proof {
        let now = self.clock.now().as_second();
        let code = (0..)
            .filter_map(|n: u32| OtpCode::parse(&format!("{n:06}")).ok())
            .find(|code| self.key.find_wide(code, now, 30).is_none())
            .unwrap_or_else(OtpCode::generate);
        Proof::App(code)
    }
}

fn open_accounts(
    folder: &Path,
    clock: &Arc<HandClock>,
) -> anyhow::Result<sekisho_directory::OwnAccounts> {
    crate::accounts::open(folder, Arc::<HandClock>::clone(clock))
}

async fn start_checkpoint(
    records: Arc<dyn Records>,
    site: Site,
    clock: &Arc<HandClock>,
    letters: &Arc<LetterBox>,
    accounts: &Arc<sekisho_directory::OwnAccounts>,
) -> anyhow::Result<Arc<Checkpoint>> {
    let keys = KeyRing::new([(KeyId(1), SealingKey::new([7; 32]))].into()).context("keys")?;
    Ok(Checkpoint::start(Parts {
        records,
        directory: Arc::<sekisho_directory::OwnAccounts>::clone(accounts),
        courier: Arc::<LetterBox>::clone(letters),
        clock: Arc::<HandClock>::clone(clock),
        keys,
        site,
    })
    .await?)
}
