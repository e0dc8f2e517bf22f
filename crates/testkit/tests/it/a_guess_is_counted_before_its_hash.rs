//! Security rules 30 and 48: a guess at a password is counted before anything is computed, and a right one taken back.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use sekisho_checkpoint::account::{Account, AccountId, LoginName, Password};
use sekisho_checkpoint::address::MailAddress;
use sekisho_checkpoint::ports::{Directory, DirectoryError, PasswordChange, SetPasswordError};
use sekisho_checkpoint::sealing::{KeyId, KeyRing, SealingKey};
use sekisho_checkpoint::throttle::{Guess, Throttle};
use sekisho_checkpoint::web::{SignInError, WebStanding};
use sekisho_checkpoint::{Checkpoint, Parts, Reproof};
use sekisho_directory::OwnAccounts;
use sekisho_records::SqliteRecords;
use sekisho_testkit::checkpoint::{CAFE, Kit, PASSWORD, from, site};

/// A directory that looks how many guesses are counted when it is asked about a password, and can be away.
struct Witness {
    accounts: Arc<OwnAccounts>,
    file: PathBuf,
    saw: Mutex<Vec<usize>>,
    is_away: AtomicBool,
}

impl Witness {
    /// How many guesses from the café are written down, whoever's password was guessed: wrong ones, and those of which
    /// nobody knows yet.
    fn counted(&self) -> usize {
        let from_cafe = Throttle::Source(from(CAFE).throttle_key(), Guess::Password);
        let counted = rusqlite::Connection::open(&self.file)
            .expect("opens")
            .query_row(
                "SELECT count(*) FROM counted WHERE key IN (?1, ?2)",
                [from_cafe.key(), from_cafe.key_in_flight()],
                |row| row.get(0),
            );
        counted.expect("counted")
    }

    /// What was seen since this was asked last.
    fn saw(&self) -> Vec<usize> {
        std::mem::take(&mut *self.saw.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[async_trait]
impl Directory for Witness {
    async fn find(&self, name: &LoginName) -> Result<Option<Account>, DirectoryError> {
        self.accounts.find(name).await
    }

    async fn account(&self, id: AccountId) -> Result<Option<Account>, DirectoryError> {
        self.accounts.account(id).await
    }

    async fn recipients(&self, address: &MailAddress) -> Result<Vec<AccountId>, DirectoryError> {
        self.accounts.recipients(address).await
    }

    async fn verify(
        &self,
        account: Option<AccountId>,
        password: &Password,
    ) -> Result<bool, DirectoryError> {
        let counted = self.counted();
        self.saw
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(counted);
        if self.is_away.load(Ordering::SeqCst) {
            return Err(DirectoryError("it is away".to_owned()));
        }
        self.accounts.verify(account, password).await
    }

    async fn check_new_password(
        &self,
        account: AccountId,
        new: &Password,
    ) -> Result<(), SetPasswordError> {
        Directory::check_new_password(&*self.accounts, account, new).await
    }

    fn password_change(&self) -> PasswordChange {
        PasswordChange::Here
    }

    async fn set_password(
        &self,
        account: AccountId,
        new: &Password,
    ) -> Result<(), SetPasswordError> {
        Directory::set_password(&*self.accounts, account, new).await
    }
}

/// A checkpoint whose directory is watched.
async fn watched(kit: &Kit) -> anyhow::Result<(Arc<Witness>, Arc<Checkpoint>)> {
    let file = kit.folder().join("records.sqlite");
    let witness = Arc::new(Witness {
        accounts: Arc::clone(&kit.accounts),
        file: file.clone(),
        saw: Mutex::default(),
        is_away: AtomicBool::new(false),
    });
    let directory: Arc<dyn Directory> = Arc::<Witness>::clone(&witness);
    let checkpoint = Checkpoint::start(Parts {
        records: Arc::new(SqliteRecords::open(&file)?),
        directory,
        courier: Arc::clone(&kit.letters) as _,
        clock: Arc::clone(&kit.clock) as _,
        keys: KeyRing::new([(KeyId(1), SealingKey::new([7; 32]))].into()).expect("keys"),
        site: site(),
    });
    Ok((witness, checkpoint.await?))
}

#[tokio::test]
async fn a_guess_is_counted_before_its_hash_is_computed_and_a_right_one_taken_back()
-> anyhow::Result<()> {
    let kit = Kit::start().await?;
    let (witness, checkpoint) = watched(&kit).await?;
    let try_password = async |name: &str, password: &str| {
        let password = Password::new(password.to_owned());
        let signed = checkpoint.sign_in(name, password, from(CAFE), "").await;
        signed.map(|signed| signed.standing)
    };
    for name in ["alice", "nobody"] {
        let before = witness.counted();
        assert!(try_password(name, "a guess").await.is_err());
        assert_eq!(
            witness.saw(),
            [before + 1],
            "{name}: counted when it was made"
        );
        assert!(try_password(name, "a guess").await.is_err());
        assert!(witness.saw().is_empty(), "{name}: it still is wrong");
        kit.clock.advance_seconds(5);
        assert!(try_password(name, "a guess").await.is_err());
        assert_eq!(
            witness.saw(),
            [before + 1],
            "{name}: the same again counts once"
        );
        assert_eq!(witness.counted(), before + 1);
    }
    let standing = try_password("alice", PASSWORD).await?;
    assert_eq!(witness.saw(), [3], "as long as nobody knows, it is a guess");
    assert_eq!(witness.counted(), 2, "it was right");

    // So it is with the password that is asked for once more.
    let WebStanding::Admitted(session) = standing else {
        anyhow::bail!("a factor is owed");
    };
    for (old, counted) in [("another guess", 3), (PASSWORD, 3)] {
        let old = Password::new(old.to_owned());
        let new = Password::new("a password that is new".to_owned());
        let again = Reproof::none();
        let changed = checkpoint
            .change_password(&session, old, &new, again, "")
            .await;
        assert_eq!(witness.saw().len(), 1, "{changed:?}");
        assert_eq!(witness.counted(), counted, "{changed:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_guess_that_the_directory_can_not_answer_is_none() -> anyhow::Result<()> {
    let kit = Kit::start().await?;
    let (witness, checkpoint) = watched(&kit).await?;
    witness.is_away.store(true, Ordering::SeqCst);
    for guess in 0..30 {
        let password = Password::new(format!("guess {guess}"));
        let answer = checkpoint.sign_in("alice", password, from(CAFE), "").await;
        assert_eq!(answer.map(drop), Err(SignInError::Unavailable));
    }
    assert_eq!(witness.saw(), [1; 30]);
    assert_eq!(witness.counted(), 0);
    witness.is_away.store(false, Ordering::SeqCst);
    let password = Password::new(PASSWORD.to_owned());
    checkpoint
        .sign_in("alice", password, from(CAFE), "")
        .await?;
    Ok(())
}

#[tokio::test]
async fn without_the_counts_nothing_is_hashed() -> anyhow::Result<()> {
    let kit = Kit::start().await?;
    let (witness, checkpoint) = watched(&kit).await?;
    // All but the writing of counts goes on.
    let file = kit.folder().join("records.sqlite");
    rusqlite::Connection::open(file)?.execute_batch(
        "CREATE TRIGGER full BEFORE INSERT ON counted BEGIN SELECT RAISE(ABORT, 'full'); END",
    )?;
    for _ in 0..2 {
        for password in ["a guess", PASSWORD] {
            let password = Password::new(password.to_owned());
            let answer = checkpoint.sign_in("alice", password, from(CAFE), "").await;
            assert_eq!(answer.map(drop), Err(SignInError::Unavailable));
        }
    }
    assert!(witness.saw().is_empty());
    Ok(())
}
