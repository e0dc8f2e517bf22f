//! What is SQLite's own: the file's permissions, a newer or damaged file, and that writers who share a transaction do
//! not share failures.

use std::sync::Arc;

use jiff::Timestamp;
use rusqlite::Connection;
use sekisho_checkpoint::AccountId;
use sekisho_checkpoint::id::{SessionId, TokenHash};
use sekisho_checkpoint::ports::{AccountUpdate, Change, Records};
use sekisho_records::SqliteRecords;
use tempfile::tempdir;
use tokio::task::JoinSet;

#[cfg(unix)]
#[test]
fn the_file_and_its_log_are_the_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempdir().expect("a folder");
    let _records = SqliteRecords::open(&folder.path().join("records.sqlite")).expect("opens");
    for name in ["records.sqlite", "records.sqlite-wal"] {
        let there = folder.path().join(name).metadata().expect(name);
        assert_eq!(there.permissions().mode() & 0o777, 0o600, "{name}");
    }
}

#[test]
fn a_file_of_a_newer_program_is_refused_and_left_alone() {
    let folder = tempdir().expect("a folder");
    let file = folder.path().join("records.sqlite");
    drop(SqliteRecords::open(&file).expect("opens"));
    let newer = Connection::open(&file).expect("opens");
    newer
        .pragma_update(None, "user_version", 99)
        .expect("written");
    let error = SqliteRecords::open(&file).expect_err("too new");
    assert!(error.to_string().contains("version 99"), "{error}");
}

#[tokio::test]
async fn sessions_without_a_key_of_their_own_end_at_the_upgrade_and_nothing_else_does() {
    let folder = tempdir().expect("a folder");
    let file = folder.path().join("records.sqlite");
    let older = Connection::open(&file).expect("opens");
    for migration in [
        include_str!("../migrations/sqlite/0001.sql"),
        include_str!("../migrations/sqlite/0002.sql"),
    ] {
        older.execute_batch(migration).expect("migrated");
    }
    let begins = |older: &Connection, id: u8| {
        let sql = "INSERT INTO sessions (session, token, account, created_at, last_seen_at, password_proven_at,
                 otp_failures, stash)
             VALUES (?1, ?2, 7, 0, 0, 0, 0, x'0102')";
        older.execute(sql, (id, [id; 32])).expect("written");
    };
    begins(&older, 1);
    older
        .execute_batch(
            "INSERT INTO accounts (account, mfa_on, password_wanted) VALUES (7, 1, 0);
             PRAGMA user_version = 2;",
        )
        .expect("written");
    let records = SqliteRecords::open(&file).expect("opens");
    let found = async |id: u8| records.session(&TokenHash([id; 32])).await.expect("read");
    assert_eq!(found(1).await, None);
    let standing = records.standing(AccountId::new(7)).await.expect("read");
    assert!(standing.mfa_on);
    // The process before goes on for a moment.
    begins(&older, 2);
    assert_eq!(found(2).await, None);
}

#[test]
fn a_file_that_is_no_database_is_an_error() {
    let folder = tempdir().expect("a folder");
    let file = folder.path().join("records.sqlite");
    std::fs::write(&file, "not a database, but long enough to be taken for one").expect("written");
    assert!(SqliteRecords::open(&file).is_err());
}

#[tokio::test]
async fn a_stored_value_that_does_not_parse_is_an_error_and_no_default() {
    let folder = tempdir().expect("a folder");
    let file = folder.path().join("records.sqlite");
    let records = SqliteRecords::open(&file).expect("opens");
    Connection::open(&file)
        .expect("opens")
        .execute(
            "INSERT INTO factors (factor, account, kind, name, registered_at, address)
             VALUES (1, 1, 'external-mail', '', 0, 'no address')",
            [],
        )
        .expect("written");
    let error = records
        .standing(AccountId::new(1))
        .await
        .expect_err("damaged");
    assert!(error.to_string().contains("address"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failing_piece_takes_nothing_of_its_neighbours_with_it() {
    let folder = tempdir().expect("a folder");
    let records =
        Arc::new(SqliteRecords::open(&folder.path().join("records.sqlite")).expect("opens"));
    let mut racing = JoinSet::new();
    for caller in 0..64_i64 {
        let records = Arc::clone(&records);
        racing.spawn(async move {
            let now = Timestamp::from_second(caller).expect("an instant");
            if caller % 2 == 0 {
                records.raise_clock(now).await.is_ok()
            } else {
                let code = code_of_no_session(now);
                let update = AccountUpdate {
                    change: Change::MailedCode(code),
                    ..AccountUpdate::new(AccountId::new(1), now)
                };
                records.apply(&update).await.is_err()
            }
        });
    }
    assert!(
        racing
            .join_all()
            .await
            .into_iter()
            .all(|as_it_should| as_it_should)
    );
    let mark = records.raise_clock(Timestamp::UNIX_EPOCH).await;
    assert_eq!(
        mark.expect("raised").as_second(),
        62,
        "the failed 63 left no trace"
    );
}

fn code_of_no_session(now: Timestamp) -> sekisho_checkpoint::ports::MailedCode {
    sekisho_checkpoint::ports::MailedCode {
        session: SessionId::new(1),
        account: AccountId::new(1),
        hash: [0; 32],
        purpose: sekisho_checkpoint::ports::CodePurpose::Prove,
        address: sekisho_checkpoint::address::MailAddress::parse("a@example.net").expect("one"),
        issued_at: now,
        expires_at: now,
        letter: sekisho_checkpoint::id::LetterId::new(1),
    }
}
