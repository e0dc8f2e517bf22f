//! An accepted OTP stays used though the process is killed right behind the acceptance.

use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use jiff::Timestamp;
use sekisho_checkpoint::AccountId;
use sekisho_checkpoint::factor::{Factor, Method};
use sekisho_checkpoint::id::FactorId;
use sekisho_checkpoint::ports::{AccountUpdate, Applied, Change, OneTime, Records};
use sekisho_checkpoint::sealing::Sealed;
use sekisho_otp::Step;
use sekisho_records::SqliteRecords;

/// Tells the child, which is this very test run again, which file to write to.
const FILE: &str = "SEKISHO_TEST_KILLED_FILE";

const ACCEPTED: &str = "the step was accepted";

#[tokio::test]
async fn an_accepted_step_stays_used_after_kill_minus_nine() {
    if let Some(file) = std::env::var_os(FILE) {
        accept_and_wait_to_be_killed(Path::new(&file)).await;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("records.sqlite");
    for round in 1..=5 {
        let mut child = Command::new(std::env::current_exe().expect("this test"))
            .args([
                "--exact",
                "an_accepted_step_stays_used_after_kill_minus_nine",
            ])
            .env(FILE, &file)
            .stdout(Stdio::piped())
            .spawn()
            .expect("runs");
        let said = BufReader::new(child.stdout.take().expect("piped")).lines();
        let accepted = said.map_while(Result::ok).any(|line| line == ACCEPTED);
        child.kill().expect("killed");
        child.wait().expect("gone");
        assert!(accepted, "round {round}");

        let records = SqliteRecords::open(&file).expect("opens");
        let again = accept(&records, round).await;
        assert!(!again, "round {round}");
    }
}

async fn accept_and_wait_to_be_killed(file: &Path) {
    let records = SqliteRecords::open(file).expect("opens");
    let registered = records.standing(AccountId::new(1)).await.expect("read");
    let last = match registered.factors.first().map(|factor| &factor.method) {
        Some(Method::OtpApp { last_step, .. }) => last_step.map_or(0, |step| step.0),
        _ => {
            register(&records).await;
            0
        }
    };
    assert!(accept(&records, last + 1).await);
    let mut out = io::stdout();
    writeln!(out, "\n{ACCEPTED}").expect("said");
    out.flush().expect("said");
    loop {
        std::thread::park();
    }
}

async fn accept(records: &SqliteRecords, step: u64) -> bool {
    let (account, factor) = (AccountId::new(1), FactorId::new(1));
    let step = Step(step);
    let update = AccountUpdate {
        uses: Some(OneTime::Step { factor, step }),
        ..AccountUpdate::new(account, Timestamp::UNIX_EPOCH)
    };
    let applied = records.apply(&update).await.expect("asked");
    matches!(applied, Applied::Done(_))
}

async fn register(records: &SqliteRecords) {
    let factor = Factor {
        id: FactorId::new(1),
        name: String::new(),
        registered_at: Timestamp::UNIX_EPOCH,
        last_used_at: None,
        method: Method::OtpApp {
            key: Sealed(vec![0; 48]),
            last_step: None,
        },
    };
    let update = AccountUpdate {
        change: Change::AddFactor(factor),
        ..AccountUpdate::new(AccountId::new(1), Timestamp::UNIX_EPOCH)
    };
    let _ = records.apply(&update).await.expect("registered");
}
