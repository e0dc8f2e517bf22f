//! The accounts' file, with every SQL statement of this crate.
//!
//! A change of an account's login name or addresses writes its names to the table `names` in the same transaction; that
//! table refuses a name that is taken.

use std::collections::{BTreeSet, HashMap};
use std::fs::OpenOptions;
use std::io::ErrorKind;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::config::DbConfig;
use rusqlite::{
    Connection, ErrorCode, OpenFlags, OptionalExtension, Row, TransactionBehavior, params,
};
use sekisho_checkpoint::account::{Account, AccountId, Group};
use sekisho_checkpoint::address::MailAddress;

use crate::AccountsError;

const MIGRATIONS: [&str; NEWEST as usize] = [include_str!("../migrations/0001.sql")];

/// The newest version of the file that this program knows.
const NEWEST: u32 = 1;

/// How long a connection waits for another one's lock.
const BUSY: Duration = Duration::from_secs(10);

/// How many accounts each look-up connection caches, by the names that lead to them.
const REMEMBERED: usize = 10_000;

/// The highest number of look-up connections.
const LOOKING_UP: usize = 4;

/// The open file, with connections that do not wait for one another, as the write-ahead log allows.
#[derive(Clone)]
pub(crate) struct Store {
    writing: Arc<Mutex<Connection>>,
    /// For queries that may take a while.
    reading: Arc<Mutex<Connection>>,
    /// For a login's queries. Several connections, so that threads need not wait for one another.
    looking_up: Arc<[Mutex<LookingUp>]>,
}

/// A look-up connection, with its cache.
struct LookingUp {
    connection: Connection,
    /// The version of the file that `found` was read from.
    version: i64,
    /// Accounts without their passwords, by the folded names that lead to them.
    found: HashMap<String, Kept>,
}

/// A stored account, which may be deleted.
#[derive(Clone)]
pub(crate) struct Kept {
    /// `usable` is false here: it depends on the time, and is set by the caller.
    pub(crate) account: Account,
    pub(crate) password: Option<String>,
    pub(crate) disabled: bool,
    pub(crate) ends_at: Option<Timestamp>,
    pub(crate) created_at: Timestamp,
    pub(crate) deleted_at: Option<Timestamp>,
}

/// A new account, checked.
#[derive(Clone)]
pub(crate) struct Fresh {
    pub(crate) login: String,
    pub(crate) display_name: String,
    pub(crate) addresses: Vec<MailAddress>,
    pub(crate) groups: Vec<Group>,
    pub(crate) password: Option<String>,
    pub(crate) ends_at: Option<Timestamp>,
    pub(crate) created_at: Timestamp,
}

impl Store {
    /// Opens the file, creates it (readable by its owner only) if it is missing, and migrates it to the newest version.
    pub(crate) fn open(path: &Path) -> Result<Self, AccountsError> {
        create(path)?;
        let mut writing = connect(path)?;
        writing.pragma_update(None, "journal_mode", "WAL")?;
        writing.pragma_update(None, "synchronous", "FULL")?;
        writing.pragma_update(None, "foreign_keys", true)?;
        migrate(&mut writing)?;
        let looking_up = (0..std::thread::available_parallelism()
            .map_or(1, NonZeroUsize::get)
            .min(LOOKING_UP))
            .map(|_| {
                Ok(Mutex::new(LookingUp {
                    connection: connect_reading(path)?,
                    version: 0,
                    found: HashMap::new(),
                }))
            })
            .collect::<Result<_, AccountsError>>()?;
        Ok(Self {
            writing: Arc::new(Mutex::new(writing)),
            reading: Arc::new(Mutex::new(connect_reading(path)?)),
            looking_up,
        })
    }

    /// Reads in one transaction, on a blocking thread.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, AccountsError> + Send + 'static,
    ) -> Result<T, AccountsError> {
        let reading = Arc::clone(&self.reading);
        tokio::task::spawn_blocking(move || {
            let mut reading = reading.lock().unwrap_or_else(PoisonError::into_inner);
            in_transaction(&mut reading, TransactionBehavior::Deferred, work)
        })
        .await
        .map_err(|_| AccountsError::GivenUp)?
    }

    /// The account of a folded name, without its password. A cached account is read again if the file has changed
    /// since, in any process.
    pub(crate) async fn find(&self, folded: String) -> Result<Option<Kept>, AccountsError> {
        let found = self.free().map(|mut free| free.find(&folded));
        if let Some(Ok(found)) = found {
            return Ok(found);
        }
        // The look-up would have to wait, or failed: this reports lasting errors.
        self.read(move |db| by_name(db, &folded)).await
    }

    /// Reads on the calling thread, since reading a few pages from memory costs less than handing the query to another
    /// thread. If the read would have to wait for a lock or another read, it is done on a blocking thread instead. It
    /// runs in one transaction.
    pub(crate) async fn look_up<T: Send + 'static>(
        &self,
        work: impl Fn(&Connection) -> Result<T, AccountsError> + Send + 'static,
    ) -> Result<T, AccountsError> {
        let found = self
            .free()
            .map(|mut free| at_once(&mut free.connection, &work));
        match found {
            Some(Err(AccountsError::Sqlite(error)))
                if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) => {}
            Some(found) => return found,
            None => {}
        }
        self.read(work).await
    }

    /// A look-up connection that is not in use now.
    fn free(&self) -> Option<MutexGuard<'_, LookingUp>> {
        self.looking_up.iter().find_map(|one| one.try_lock().ok())
    }

    /// Writes in one transaction, on a blocking thread; the changes are on disk when it returns.
    pub(crate) async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, AccountsError> + Send + 'static,
    ) -> Result<T, AccountsError> {
        let writing = Arc::clone(&self.writing);
        tokio::task::spawn_blocking(move || {
            // If a panic poisoned the lock, it also rolled back its transaction, so the connection can still be used.
            let mut connection = writing.lock().unwrap_or_else(PoisonError::into_inner);
            in_transaction(&mut connection, TransactionBehavior::Immediate, work)
        })
        .await
        .map_err(|_| AccountsError::GivenUp)?
    }
}

impl LookingUp {
    /// Finds an account without waiting for a lock.
    fn find(&mut self, folded: &str) -> Result<Option<Kept>, AccountsError> {
        self.connection.busy_timeout(Duration::ZERO)?;
        let seen = version(&self.connection);
        self.connection.busy_timeout(BUSY)?;
        if seen? == self.version
            && let Some(kept) = self.found.get(folded)
        {
            return Ok(Some(kept.clone()));
        }
        let (seen, kept) = at_once(&mut self.connection, |db| {
            Ok((version(db)?, by_name(db, folded)?))
        })?;
        if seen != self.version || self.found.len() >= REMEMBERED {
            self.found.clear();
            self.version = seen;
        }
        // Names without an account are not cached, because strangers can try any number of them.
        if let Some(kept) = &kept {
            self.found.insert(folded.to_owned(), kept.clone());
        }
        Ok(kept)
    }
}

/// A number that changes with every commit by another connection, in any process.
fn version(db: &Connection) -> Result<i64, AccountsError> {
    Ok(db
        .prepare_cached("PRAGMA data_version")?
        .query_row([], |row| row.get(0))?)
}

fn by_name(db: &Connection, folded: &str) -> Result<Option<Kept>, AccountsError> {
    let Some(id) = find(db, folded)? else {
        return Ok(None);
    };
    let kept = kept(db, id)?;
    Ok(kept.map(|kept| Kept {
        password: None,
        ..kept
    }))
}

/// Runs `work` in a savepoint of the transaction, and rolls it back unless `keep` accepts the result.
pub(crate) fn provisionally<T>(
    db: &Connection,
    work: impl FnOnce() -> T,
    keep: impl FnOnce(&T) -> bool,
) -> Result<T, AccountsError> {
    db.execute_batch("SAVEPOINT provisional")?;
    let result = work();
    if !keep(&result) {
        db.execute_batch("ROLLBACK TO provisional")?;
    }
    db.execute_batch("RELEASE provisional")?;
    Ok(result)
}

/// The account of a folded name.
pub(crate) fn find(db: &Connection, folded: &str) -> Result<Option<AccountId>, AccountsError> {
    let id = db
        .prepare_cached("SELECT account FROM names WHERE name = ?1")?
        .query_row([folded], |row| row.get(0))
        .optional()?;
    Ok(id.map(AccountId::new))
}

/// The accounts that receive mail for a folded address: the account whose name it is, or those that share it.
pub(crate) fn recipients(db: &Connection, folded: &str) -> Result<Vec<AccountId>, AccountsError> {
    if let Some(account) = find(db, folded)? {
        return Ok(vec![account]);
    }
    let mut sharing = db.prepare_cached(
        "SELECT account FROM shared_addresses WHERE address = ?1 ORDER BY account",
    )?;
    let ids = sharing.query_map([folded], |row| row.get(0).map(AccountId::new))?;
    Ok(ids.collect::<Result<_, _>>()?)
}

/// Lets an account share an address, which must not belong to a single account.
pub(crate) fn share(db: &Connection, folded: &str, id: AccountId) -> Result<(), AccountsError> {
    if find(db, folded)?.is_some() {
        return Err(AccountsError::NameTaken(folded.to_owned()));
    }
    db.prepare_cached("INSERT OR IGNORE INTO shared_addresses VALUES (?1, ?2)")?
        .execute(params![folded, id.get()])?;
    Ok(())
}

/// Ends the sharing of an address. Returns whether the account shared it.
pub(crate) fn unshare(db: &Connection, folded: &str, id: AccountId) -> Result<bool, AccountsError> {
    let sql = "DELETE FROM shared_addresses WHERE address = ?1 AND account = ?2";
    Ok(db.prepare_cached(sql)?.execute(params![folded, id.get()])? > 0)
}

/// All shared addresses, each with the login names of its accounts.
pub(crate) fn shared(db: &Connection) -> Result<Vec<(String, Vec<String>)>, AccountsError> {
    let mut query = db.prepare(
        "SELECT address, login FROM shared_addresses JOIN accounts USING (account) ORDER BY address, login",
    )?;
    let rows = query.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let mut shared: Vec<(String, Vec<String>)> = Vec::new();
    for row in rows {
        let (address, login): (String, String) = row?;
        match shared.last_mut().filter(|(last, _)| *last == address) {
            Some((_, logins)) => logins.push(login),
            None => shared.push((address, vec![login])),
        }
    }
    Ok(shared)
}

/// An account, even if it was deleted.
pub(crate) fn kept(db: &Connection, id: AccountId) -> Result<Option<Kept>, AccountsError> {
    db.prepare_cached("SELECT * FROM accounts WHERE account = ?1")?
        .query_and_then([id.get()], |row| read(db, row))?
        .next()
        .transpose()
}

/// An account that is not deleted.
pub(crate) fn existing(db: &Connection, id: AccountId) -> Result<Kept, AccountsError> {
    kept(db, id)?
        .filter(|kept| kept.deleted_at.is_none())
        .ok_or(AccountsError::NoSuchAccount)
}

/// All accounts that are not deleted, by login name.
pub(crate) fn all(db: &Connection) -> Result<Vec<Kept>, AccountsError> {
    db.prepare_cached("SELECT * FROM accounts WHERE deleted_at IS NULL ORDER BY login")?
        .query_and_then([], |row| read(db, row))?
        .collect()
}

pub(crate) fn insert(db: &Connection, fresh: &Fresh) -> Result<AccountId, AccountsError> {
    let id = db
        .prepare_cached(
            "INSERT INTO accounts (login, display_name, password, ends_at, created_at)
             VALUES (?1, ?2, ?3, ?4, ?5) RETURNING account",
        )?
        .query_row(
            params![
                fresh.login,
                fresh.display_name,
                fresh.password,
                fresh.ends_at.map(Timestamp::as_millisecond),
                fresh.created_at.as_millisecond()
            ],
            |row| row.get(0),
        )
        .map(AccountId::new)?;
    set_groups(db, id, &fresh.groups)?;
    set_addresses(db, id, &fresh.addresses)?;
    Ok(id)
}

pub(crate) fn set_login(db: &Connection, id: AccountId, login: &str) -> Result<(), AccountsError> {
    db.prepare_cached("UPDATE accounts SET login = ?2 WHERE account = ?1")?
        .execute(params![id.get(), login])?;
    index_names(db, id)
}

pub(crate) fn set_display_name(
    db: &Connection,
    id: AccountId,
    name: &str,
) -> Result<(), AccountsError> {
    db.prepare_cached("UPDATE accounts SET display_name = ?2 WHERE account = ?1")?
        .execute(params![id.get(), name])?;
    Ok(())
}

pub(crate) fn set_addresses(
    db: &Connection,
    id: AccountId,
    addresses: &[MailAddress],
) -> Result<(), AccountsError> {
    db.prepare_cached("DELETE FROM addresses WHERE account = ?1")?
        .execute([id.get()])?;
    let mut insert = db
        .prepare_cached("INSERT INTO addresses (account, position, address) VALUES (?1, ?2, ?3)")?;
    for (position, address) in (0_i64..).zip(addresses) {
        insert.execute(params![id.get(), position, address.to_string()])?;
    }
    index_names(db, id)
}

pub(crate) fn set_groups(
    db: &Connection,
    id: AccountId,
    groups: &[Group],
) -> Result<(), AccountsError> {
    db.prepare_cached("DELETE FROM account_groups WHERE account = ?1")?
        .execute([id.get()])?;
    let mut insert =
        db.prepare_cached("INSERT OR IGNORE INTO account_groups (account, name) VALUES (?1, ?2)")?;
    for group in groups {
        insert.execute(params![id.get(), group.0])?;
    }
    Ok(())
}

pub(crate) fn set_password(
    db: &Connection,
    id: AccountId,
    hash: &str,
) -> Result<(), AccountsError> {
    db.prepare_cached("UPDATE accounts SET password = ?2 WHERE account = ?1")?
        .execute(params![id.get(), hash])?;
    Ok(())
}

/// Replaces a hash by another one of the same password, unless the password was changed meanwhile.
pub(crate) fn replace_hash(
    db: &Connection,
    id: AccountId,
    old: &str,
    new: &str,
) -> Result<(), AccountsError> {
    db.prepare_cached("UPDATE accounts SET password = ?3 WHERE account = ?1 AND password = ?2")?
        .execute(params![id.get(), old, new])?;
    Ok(())
}

pub(crate) fn set_disabled(
    db: &Connection,
    id: AccountId,
    disabled: bool,
) -> Result<(), AccountsError> {
    db.prepare_cached("UPDATE accounts SET disabled = ?2 WHERE account = ?1")?
        .execute(params![id.get(), disabled])?;
    Ok(())
}

pub(crate) fn set_end(
    db: &Connection,
    id: AccountId,
    ends_at: Option<Timestamp>,
) -> Result<(), AccountsError> {
    db.prepare_cached("UPDATE accounts SET ends_at = ?2 WHERE account = ?1")?
        .execute(params![id.get(), ends_at.map(Timestamp::as_millisecond)])?;
    Ok(())
}

/// Marks an account as deleted: its names become free and its password is erased.
pub(crate) fn delete(db: &Connection, id: AccountId, at: Timestamp) -> Result<(), AccountsError> {
    db.prepare_cached("UPDATE accounts SET deleted_at = ?2, password = NULL WHERE account = ?1")?
        .execute(params![id.get(), at.as_millisecond()])?;
    db.prepare_cached("DELETE FROM names WHERE account = ?1")?
        .execute([id.get()])?;
    db.prepare_cached("DELETE FROM shared_addresses WHERE account = ?1")?
        .execute([id.get()])?;
    Ok(())
}

/// Rewrites the names that lead to an account: its login name and its addresses, folded.
fn index_names(db: &Connection, id: AccountId) -> Result<(), AccountsError> {
    let account = existing(db, id)?.account;
    let names: BTreeSet<String> = account
        .addresses
        .iter()
        .map(MailAddress::folded)
        .chain([account.login])
        .collect();
    db.prepare_cached("DELETE FROM names WHERE account = ?1")?
        .execute([id.get()])?;
    let mut insert = db.prepare_cached("INSERT INTO names (name, account) VALUES (?1, ?2)")?;
    let mut shared = db.prepare_cached("SELECT 1 FROM shared_addresses WHERE address = ?1")?;
    for name in names {
        if shared.exists([&name])? {
            return Err(AccountsError::Shared(name));
        }
        match insert.execute(params![name, id.get()]) {
            Err(rusqlite::Error::SqliteFailure(error, _))
                if error.code == ErrorCode::ConstraintViolation =>
            {
                return Err(AccountsError::NameTaken(name));
            }
            inserted => inserted?,
        };
    }
    Ok(())
}

fn read(db: &Connection, row: &Row<'_>) -> Result<Kept, AccountsError> {
    let id: i64 = row.get("account")?;
    let addresses = db
        .prepare_cached("SELECT address FROM addresses WHERE account = ?1 ORDER BY position")?
        .query_and_then([id], |row| {
            MailAddress::parse(row.get_ref(0)?.as_str().unwrap_or_default())
                .map_err(|_| AccountsError::Damaged("address"))
        })?
        .collect::<Result<_, AccountsError>>()?;
    let groups = db
        .prepare_cached("SELECT name FROM account_groups WHERE account = ?1 ORDER BY name")?
        .query_map([id], |row| row.get(0).map(Group))?
        .collect::<Result<_, _>>()?;
    Ok(Kept {
        account: Account {
            id: AccountId::new(id),
            login: row.get("login")?,
            display_name: row.get("display_name")?,
            addresses,
            groups,
            usable: false,
        },
        password: row.get("password")?,
        disabled: row.get("disabled")?,
        ends_at: row
            .get::<_, Option<i64>>("ends_at")?
            .map(time)
            .transpose()?,
        created_at: time(row.get("created_at")?)?,
        deleted_at: row
            .get::<_, Option<i64>>("deleted_at")?
            .map(time)
            .transpose()?,
    })
}

fn time(millis: i64) -> Result<Timestamp, AccountsError> {
    Timestamp::from_millisecond(millis).map_err(|_| AccountsError::Damaged("time"))
}

/// Reads in one transaction, without waiting for a lock.
fn at_once<T>(
    connection: &mut Connection,
    work: impl Fn(&Connection) -> Result<T, AccountsError>,
) -> Result<T, AccountsError> {
    connection.busy_timeout(Duration::ZERO)?;
    let mut read = || {
        let moment = connection.transaction()?;
        let value = work(&moment)?;
        moment.commit()?;
        Ok(value)
    };
    let value = read();
    connection.busy_timeout(BUSY)?;
    value
}

fn in_transaction<T>(
    connection: &mut Connection,
    behavior: TransactionBehavior,
    work: impl FnOnce(&Connection) -> Result<T, AccountsError>,
) -> Result<T, AccountsError> {
    let transaction = connection.transaction_with_behavior(behavior)?;
    let value = work(&transaction)?;
    transaction.commit()?;
    Ok(value)
}

fn connect(path: &Path) -> Result<Connection, AccountsError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY)?;
    connection.set_prepared_statement_cache_capacity(32);
    // Without this setting, SQLite plans a statement again for each newly bound value, for statistics that don't exist
    // here.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(connection)
}

fn connect_reading(path: &Path) -> Result<Connection, AccountsError> {
    let connection = connect(path)?;
    connection.pragma_update(None, "query_only", true)?;
    Ok(connection)
}

/// Creates the file, accessible to its owner only. An existing file is not opened here, because closing it would drop
/// the locks that SQLite holds on it in this process.
fn create(path: &Path) -> Result<(), AccountsError> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(AccountsError::Create(error)),
        _ => Ok(()),
    }
}

fn migrate(connection: &mut Connection) -> Result<(), AccountsError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let version: u32 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if version > NEWEST {
        return Err(AccountsError::Newer(version));
    }
    for (number, migration) in (1..).zip(MIGRATIONS) {
        if number > version {
            transaction.execute_batch(migration)?;
            transaction.pragma_update(None, "user_version", number)?;
        }
    }
    Ok(transaction.commit()?)
}
