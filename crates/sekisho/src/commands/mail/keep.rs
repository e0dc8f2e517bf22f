//! `sekisho mail check`, `sekisho mail compact` and `sekisho mail backup`.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;
use sekisho_checkpoint::Account;
use sekisho_store::Operator;

use crate::terminal::{progress, say};

pub(super) async fn check(
    operator: &Operator,
    accounts: &[Account],
    deep: bool,
    repair: bool,
) -> anyhow::Result<ExitCode> {
    let mut wrong = 0;
    for (number, account) in accounts.iter().enumerate() {
        progress(number, accounts.len(), &account.login.to_string());
        let login = &account.login;
        let report = match operator.check(account.id, deep, repair).await {
            Ok(report) => report,
            Err(error) => {
                wrong += 1;
                say(&format!("{login}: {error}"));
                say(&format!(
                    "    stop the service, move index.db out of the folder of account {}, and check again: the index \
                     is made anew from the message files",
                    account.id.get()
                ));
                continue;
            }
        };
        for fault in &report.faults {
            let mended = report
                .repaired
                .iter()
                .any(|repaired| fault.starts_with(repaired.as_str()));
            wrong += usize::from(!mended);
            let end = if mended { " (repaired)" } else { "" };
            say(&format!("{login}: {fault}{end}"));
        }
        if report.faults.is_empty() {
            let (messages, bytes) = (report.messages, report.bytes);
            say(&format!(
                "{login}: {messages} messages, {bytes} bytes, whole"
            ));
        }
    }
    progress(accounts.len(), accounts.len(), "");
    if wrong == 0 {
        return Ok(ExitCode::SUCCESS);
    }
    if !repair {
        say(
            "counters are set right by --repair; messages that can't be read come back from a backup",
        );
    }
    Ok(ExitCode::FAILURE)
}

pub(super) async fn compact(operator: &Operator, accounts: &[Account]) -> anyhow::Result<ExitCode> {
    let (mut bytes, mut failed) = (0, 0);
    for (number, account) in accounts.iter().enumerate() {
        let login = &account.login;
        progress(number, accounts.len(), &login.to_string());
        match operator.compact(account.id).await {
            Ok(compacted) => bytes += compacted.bytes,
            Err(error) => {
                failed += 1;
                say(&format!("{login}: {error}"));
            }
        }
    }
    progress(accounts.len(), accounts.len(), "");
    let count = accounts.len() - failed;
    say(&format!("{count} accounts; {bytes} bytes were given back"));
    Ok(if failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

pub(in crate::commands) async fn back_up(
    operator: &Operator,
    accounts: &[Account],
    folder: &Path,
) -> anyhow::Result<()> {
    let (mut messages, mut bytes) = (0, 0);
    for (number, account) in accounts.iter().enumerate() {
        progress(number, accounts.len(), &account.login.to_string());
        let target = folder.join(account.id.get().to_string());
        let copied = operator.back_up(account.id, &target).await;
        let copied = copied.with_context(|| format!("copying the mail of {}", account.login))?;
        messages += copied.messages;
        bytes += copied.bytes;
    }
    progress(accounts.len(), accounts.len(), "");
    let count = accounts.len();
    say(&format!(
        "{count} accounts, {messages} messages; {bytes} bytes were new to the copy"
    ));
    Ok(())
}
