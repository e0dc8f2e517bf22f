//! Power cuts: a recording of everything that SQLite wrote is cut anywhere, and what is left holds each update whole or
//! not at all.

use std::path::Path;

use sekisho_checkpoint::address::MailAddress;
use sekisho_checkpoint::audit::EventKind;
use sekisho_checkpoint::factor::FactorKind;
use sekisho_checkpoint::id::SessionToken;
use sekisho_checkpoint::ports::{
    AccountUpdate, Applied, Change, CodePurpose, Ending, InSession, MailedCode, OneTime,
    OtpFailure, Records, SessionUpdate,
};
use sekisho_checkpoint::sealing::Sealed;
use sekisho_checkpoint::session::Session;
use sekisho_checkpoint::throttle::{Guess, Throttle};
use sekisho_disk::{Loss, Recording, RecordingDisk};
use sekisho_records::SqliteRecords;

use super::promises::proofs::{begun, left, proof};
use super::promises::{alice, at, event, external_mail, letter, update};

const FILE: &str = "records.sqlite";

/// What there was when so many operations of the disk were done.
struct Told {
    position: usize,
    view: String,
    letters: Vec<i64>,
}

/// Everything that may be left behind.
async fn view(records: &dyn Records, tokens: &[&SessionToken; 2]) -> String {
    let session = super::promises::session(1).1.id;
    let codes = records.mailed_codes(session, at(50)).await.expect("read");
    let codes: Vec<_> = codes.iter().map(|code| code.letter.get()).collect();
    let standing = records.standing(alice()).await.expect("read");
    let mut view = left(records, tokens).await;
    view += &format!("{codes:?} {standing:?}");
    for token in tokens {
        view += &format!("{:?}", records.session(&token.hash()).await.expect("read"));
    }
    view
}

/// What a person does in a session, from the mailed code to the end of everything.
fn day(kept: &Session, new: &SessionToken) -> Vec<AccountUpdate> {
    let mut of_it = letter(90, 5);
    of_it.session = Some(kept.id);
    let code = MailedCode {
        session: kept.id,
        account: alice(),
        hash: [3; 32],
        purpose: CodePurpose::Prove,
        address: MailAddress::parse("Alice.Private@example.net").expect("an address"),
        issued_at: at(5),
        expires_at: at(600),
        letter: of_it.id,
    };
    let issued = AccountUpdate {
        session: Some(InSession::unchanged(kept.id)),
        counted: vec![Throttle::Account(alice(), Guess::MailedCode)],
        letters: vec![of_it],
        ..update(Change::MailedCode(code), Ending::NOTHING)
    };
    let registered = AccountUpdate {
        letters: vec![letter(91, 5)],
        ..update(Change::AddFactor(external_mail(2)), Ending::NOTHING)
    };
    let proven_again = AccountUpdate {
        session: Some(InSession::changed(
            kept.id,
            SessionUpdate {
                factor_proven_at: Some(at(6)),
                ..SessionUpdate::default()
            },
        )),
        uses: Some(OneTime::MailedCode {
            session: kept.id,
            hash: [3; 32],
        }),
        ..AccountUpdate::new(alice(), at(6))
    };
    let not_me = AccountUpdate {
        letters: vec![letter(92, 5)],
        ..update(Change::PasswordWanted(true), Ending::EVERYTHING)
    };
    vec![
        issued,
        registered,
        proof(kept, new, 7),
        proven_again,
        not_me,
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_power_cut_at_every_write_leaves_each_update_whole_or_not_at_all() {
    let folder = tempfile::tempdir().expect("a folder");
    let disk = RecordingDisk::new(folder.path()).expect("a disk");
    let records =
        SqliteRecords::open_through(&folder.path().join(FILE), disk.vfs()).expect("opens");
    let (old, mut kept) = begun(&records).await;
    let stash = SessionUpdate {
        stash: Some(Some(Sealed(vec![6; 4000]))),
        ..SessionUpdate::default()
    };
    assert!(records.update_session(kept.id, &stash).await.expect("kept"));
    kept.stash = Some(Sealed(vec![6; 4000]));
    let new = SessionToken::draw().expect("randomness");
    let tokens = [&old, &new];
    let mut letters = Vec::new();
    let tell = async |letters: &[i64]| Told {
        position: disk.position(),
        view: view(&records, &tokens).await,
        letters: letters.to_vec(),
    };
    let mut told = vec![tell(&letters).await];
    let failure = OtpFailure {
        account: alice(),
        kind: FactorKind::OtpApp,
        session: Some(kept.id),
        disable_at: 1,
        counted: vec![Throttle::Account(alice(), Guess::Otp(FactorKind::OtpApp))],
        event: event(EventKind::OtpWrong, 5),
        disabling: event(EventKind::KindDisabled, 5),
        disabling_letters: vec![letter(1, 5)],
    };
    records.count_otp_failure(&failure).await.expect("counted");
    letters.push(1);
    told.push(tell(&letters).await);
    for update in day(&kept, &new) {
        let applied = records.apply(&update).await.expect("asked");
        assert!(matches!(applied, Applied::Done(_)), "{update:?}");
        if update.ending == Ending::EVERYTHING {
            // The code's letter goes with its session.
            letters.retain(|letter| *letter != 90);
        }
        letters.extend(update.letters.iter().map(|letter| letter.id.get()));
        letters.sort_unstable();
        told.push(tell(&letters).await);
    }
    drop(records);
    let recording = disk.recording();
    let first = told[0].position;
    for length in first..=recording.ops().len() {
        for loss in [
            Loss::DropUnsynced,
            Loss::TornLast(length as u64),
            Loss::KeepAll,
        ] {
            let (found, letters) = after_a_cut(&recording, length, loss, &tokens).await;
            let known = told.partition_point(|told| told.position <= length);
            let allowed = known - 1..=known.min(told.len() - 1);
            let is_whole = allowed
                .clone()
                .any(|index| told[index].view == found && told[index].letters == letters);
            assert!(
                is_whole,
                "after {length} operations, {loss:?}: {found}\n{letters:?}\nis none of\n{}",
                allowed
                    .map(|index| format!("{}\n{:?}\n", told[index].view, told[index].letters))
                    .collect::<String>()
            );
        }
    }
}

async fn after_a_cut(
    recording: &Recording,
    length: usize,
    loss: Loss,
    tokens: &[&SessionToken; 2],
) -> (String, Vec<i64>) {
    let into = scratch();
    recording
        .replay(length, loss, into.path())
        .expect("replayed");
    let records = SqliteRecords::open(&into.path().join(FILE)).expect("opens");
    let view = view(&records, tokens).await;
    let letters = records
        .claim_letters(at(50), at(51), 99)
        .await
        .expect("claimed");
    let mut letters: Vec<_> = letters.iter().map(|letter| letter.id.get()).collect();
    letters.sort_unstable();
    (view, letters)
}

/// A folder in memory where there is such a thing: what was replayed needn't be synced once more.
fn scratch() -> tempfile::TempDir {
    let in_memory = Path::new("/dev/shm");
    tempfile::tempdir_in(in_memory)
        .or_else(|_| tempfile::tempdir())
        .expect("a folder")
}
