//! `sekisho mail export`.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::time::{Duration, SystemTime};

use anyhow::ensure;
use sekisho_mailroom::store::{FolderName, Mailbox};

use super::super::say;
use super::progress;

/// Writes a Maildir++: the INBOX is the folder itself, others lie beside its `cur` as `.Name.Below`, in modified UTF-7 with `.` as `&AC4-`. Lines end with LF.
/// Flags are in the file names, keywords by the letters that `dovecot-keywords` lists, and the internal date is the file's.
pub(super) async fn maildir(mailbox: &Mailbox, login: &str, target: &Path) -> anyhow::Result<()> {
    ensure!(
        !target.exists(),
        "{} exists; give a folder that does not",
        target.display()
    );
    let mut count = 0;
    let mut subscriptions = String::new();
    for folder in mailbox.folders().await? {
        let name = maildir_name(&folder.name);
        let place = if folder.name.is_inbox() {
            target.to_owned()
        } else {
            target.join(&name)
        };
        for part in ["cur", "new", "tmp"] {
            fs::create_dir_all(place.join(part))?;
        }
        if !folder.name.is_inbox() {
            fs::write(place.join("maildirfolder"), "")?;
            if folder.subscribed {
                subscriptions.push_str(name.trim_start_matches('.'));
                subscriptions.push('\n');
            }
        }
        let mut keywords: Vec<String> = Vec::new();
        for state in mailbox.snapshot(folder.id).await?.messages.iter() {
            let bytes = mailbox.content(folder.id, state.uid).await?.read().await?;
            let bytes = with_bare_lines(&bytes);
            let mut letters = String::new();
            for (flag, letter) in [
                ("\\Draft", 'D'),
                ("\\Flagged", 'F'),
                ("\\Answered", 'R'),
                ("\\Seen", 'S'),
                ("\\Deleted", 'T'),
            ] {
                if state.flags.iter().any(|known| known.as_str() == flag) {
                    letters.push(letter);
                }
            }
            for keyword in state.flags.keywords() {
                let known = keywords.iter().position(|k| k == keyword.as_str());
                let at = known.unwrap_or_else(|| {
                    keywords.push(keyword.as_str().to_owned());
                    keywords.len() - 1
                });
                // The format has 26 letters; what is beyond has none.
                letters.extend(
                    u8::try_from(at)
                        .ok()
                        .filter(|at| *at < 26)
                        .map(|at| char::from(b'a' + at)),
                );
            }
            let seconds = state.internal_date.as_second();
            let file = format!(
                "{seconds}.U{}V{}.sekisho,S={}:2,{letters}",
                state.uid,
                folder.uid_validity,
                bytes.len()
            );
            let file = File::create_new(place.join("cur").join(file))?;
            (&file).write_all(&bytes)?;
            let since_1970 = Duration::from_secs(u64::try_from(seconds).unwrap_or(0));
            file.set_modified(SystemTime::UNIX_EPOCH + since_1970)?;
            count += 1;
            if count % 500 == 0 {
                progress(count, 0, folder.name.as_str());
            }
        }
        let listed: String = keywords
            .iter()
            .take(26)
            .enumerate()
            .map(|(at, keyword)| format!("{at} {keyword}\n"))
            .collect();
        if !listed.is_empty() {
            fs::write(place.join("dovecot-keywords"), listed)?;
        }
    }
    fs::write(target.join("subscriptions"), subscriptions)?;
    progress(count, count, "");
    say(&format!(
        "{count} messages of {login} are in {}",
        target.display()
    ));
    Ok(())
}

fn maildir_name(name: &FolderName) -> String {
    let levels = name.as_str().split(FolderName::SEPARATOR);
    levels.fold(String::new(), |mut whole, level| {
        whole.push('.');
        whole.push_str(&FolderName::wire(level).replace('.', "&AC4-"));
        whole
    })
}

fn with_bare_lines(bytes: &[u8]) -> Vec<u8> {
    let mut lines = Vec::with_capacity(bytes.len());
    for (at, &byte) in bytes.iter().enumerate() {
        if byte != b'\r' || bytes.get(at + 1) != Some(&b'\n') {
            lines.push(byte);
        }
    }
    lines
}
