//! `sekisho mail export`.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::Path;
use std::time::{Duration, SystemTime};

use anyhow::ensure;
use sekisho_mailclient::{Flag, Keyword};
use sekisho_store::mbox;
use sekisho_store::{Flags, FolderName, Mailbox};

use crate::terminal::{progress, say};

/// Writes a Maildir++: the INBOX is the folder itself, others lie beside its `cur` as `.Name.Below`, in modified UTF-7
/// with `.` as `&AC4-`. Lines end with LF. Flags are in the file names, keywords by the letters that `dovecot-keywords`
/// lists, and the internal date is the file's.
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

/// Writes a folder of mbox files in mboxrd form: `INBOX.mbox`, `Lists/Rust.mbox`. Lines end with LF, flags are in
/// `Status`, `X-Status` and `X-Keywords`, which take the place of such fields in a message.
pub(super) async fn mbox(mailbox: &Mailbox, login: &str, target: &Path) -> anyhow::Result<()> {
    ensure!(
        !target.exists(),
        "{} exists; give a folder that does not",
        target.display()
    );
    fs::create_dir_all(target)?;
    let mut count = 0;
    for folder in mailbox.folders().await? {
        let name = folder.name.as_str();
        let place = name
            .split(FolderName::SEPARATOR)
            .map(as_file_name)
            .collect::<std::path::PathBuf>();
        let place = target.join(format!("{}.mbox", place.display()));
        if let Some(above) = place.parent() {
            fs::create_dir_all(above)?;
        }
        let mut file = BufWriter::new(File::create_new(place)?);
        for state in mailbox.snapshot(folder.id).await?.messages.iter() {
            let bytes = mailbox.content(folder.id, state.uid).await?.read().await?;
            let at = state.internal_date.strftime("%a %b %e %H:%M:%S %Y");
            writeln!(file, "From MAILER-DAEMON {at}")?;
            write_message(&mut file, &with_bare_lines(&bytes), &status(&state.flags))?;
            count += 1;
            if count % 500 == 0 {
                progress(count, 0, name);
            }
        }
        file.into_inner()?.sync_all()?;
    }
    progress(0, 0, "");
    say(&format!(
        "{count} messages of {login} are in {}",
        target.display()
    ));
    Ok(())
}

/// A level of a folder's name that is a file name everywhere and stays in its folder.
fn as_file_name(level: &str) -> String {
    let name = FolderName::wire(level).replace(['\\', ':'], "_");
    match name.strip_prefix('.') {
        Some(rest) => format!("_{rest}"),
        None => name,
    }
}

fn status(flags: &Flags) -> String {
    let has = |flag: &Flag, letter: &'static str| {
        if flags.contains(flag) { letter } else { "" }
    };
    let read = has(&Flag::Seen, "R");
    let others = [
        has(&Flag::Answered, "A"),
        has(&Flag::Flagged, "F"),
        has(&Flag::Draft, "T"),
        has(&Flag::Deleted, "D"),
    ];
    let mut fields = format!("Status: {read}O\nX-Status: {}\n", others.concat());
    let keywords: Vec<&str> = flags.keywords().iter().map(Keyword::as_str).collect();
    if !keywords.is_empty() {
        fields += &format!("X-Keywords: {}\n", keywords.join(" "));
    }
    fields
}

/// Writes a message with its flags at the end of its header, its lines that look like the beginning of another one
/// quoted, and an empty line behind it.
fn write_message(file: &mut impl Write, message: &[u8], status: &str) -> std::io::Result<()> {
    let mut in_header = true;
    let mut left_out = false;
    for line in message.split_inclusive(|byte| *byte == b'\n') {
        if in_header {
            if line == b"\n" {
                in_header = false;
                file.write_all(status.as_bytes())?;
            } else if line.starts_with(b" ") || line.starts_with(b"\t") {
                if left_out {
                    continue;
                }
            } else {
                let name = line.split(|byte| *byte == b':').next().unwrap_or_default();
                left_out = ["status", "x-status", "x-keywords"]
                    .iter()
                    .any(|known| name.eq_ignore_ascii_case(known.as_bytes()));
                if left_out {
                    continue;
                }
            }
        }
        file.write_all(&mbox::quoted(line))?;
    }
    if in_header {
        file.write_all(status.as_bytes())?;
        file.write_all(b"\n")?;
    } else if !message.ends_with(b"\n") {
        file.write_all(b"\n")?;
    }
    file.write_all(b"\n")
}
