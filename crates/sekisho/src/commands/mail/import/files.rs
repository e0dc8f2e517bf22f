//! A Maildir: Maildir++ as Dovecot and Courier write it, where `.Name.Below` lies beside `cur`, and plain trees of
//! Maildirs as mbsync and others do.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::Context;
use async_trait::async_trait;
use jiff::Timestamp;
use sekisho_mailclient::Flag;
use sekisho_store::FolderName;

use super::source::{MessageKey, Source, SourceFolder, SourceMessage, as_kept, header_of};

/// How deep folders may lie.
const DEEPEST: usize = 16;
/// How much of a message is read at first for its header.
const BEGINNING: u64 = 16 << 10;

/// A Maildir and its folders.
pub(super) struct Maildir {
    folders: Vec<(FolderName, PathBuf)>,
    open: Vec<PathBuf>,
}

/// Looks for folders; `None` if there is none.
pub(super) fn open(root: &Path) -> anyhow::Result<Option<Maildir>> {
    let mut folders = Vec::new();
    if root.is_dir() {
        look(root, &mut Vec::new(), &mut folders)?;
    }
    folders.sort_by(|(a, _), (b, _)| (!a.is_inbox(), a).cmp(&(!b.is_inbox(), b)));
    Ok((!folders.is_empty()).then_some(Maildir {
        folders,
        open: Vec::new(),
    }))
}

fn look(
    place: &Path,
    levels: &mut Vec<String>,
    folders: &mut Vec<(FolderName, PathBuf)>,
) -> anyhow::Result<()> {
    if place.join("cur").is_dir() {
        let name = match levels.as_slice() {
            [] => FolderName::inbox(),
            levels => {
                let name = levels.join("/");
                FolderName::parse(&name)
                    .with_context(|| format!("the folder {} can't be called so", place.display()))?
            }
        };
        folders.push((name, place.to_owned()));
    }
    if levels.len() >= DEEPEST {
        return Ok(());
    }
    let reading = || format!("reading {}", place.display());
    for entry in fs::read_dir(place).with_context(reading)? {
        let entry = entry.with_context(reading)?;
        let name = entry.file_name();
        let Some(name) = name.to_str() else { continue };
        if !entry.path().is_dir() || ["cur", "new", "tmp"].contains(&name) {
            continue;
        }
        let depth = levels.len();
        match name.strip_prefix('.') {
            Some(path) => levels.extend(path.split('.').map(FolderName::from_wire)),
            None => levels.push(FolderName::from_wire(name)),
        }
        look(&entry.path(), levels, folders)?;
        levels.truncate(depth);
    }
    Ok(())
}

#[async_trait]
impl Source for Maildir {
    fn folders(&self) -> Vec<SourceFolder> {
        let folders = self.folders.iter();
        folders
            .map(|(name, _)| SourceFolder {
                name: name.clone(),
                special: None,
            })
            .collect()
    }

    async fn list(&mut self, folder: usize) -> anyhow::Result<Vec<SourceMessage>> {
        let place = &self.folders[folder].1;
        let keywords = keywords(place);
        let mut found = Vec::new();
        for part in ["cur", "new"] {
            let part = place.join(part);
            if !part.is_dir() {
                continue;
            }
            for entry in fs::read_dir(&part)? {
                let path = entry?.path();
                let hidden = |name: &std::ffi::OsStr| name.as_encoded_bytes().starts_with(b".");
                if path.is_file() && !path.file_name().is_some_and(hidden) {
                    found.push(message(&path, &keywords)?);
                }
            }
        }
        // The order in which they arrived, as far as anybody knows.
        found.sort_by(|(a, a_path), (b, b_path)| {
            (a.key.arrived(), a_path).cmp(&(b.key.arrived(), b_path))
        });
        let (listed, paths) = found.into_iter().unzip();
        self.open = paths;
        Ok(listed)
    }

    async fn read(&mut self, wanted: &[usize]) -> anyhow::Result<Vec<Option<Vec<u8>>>> {
        let read = |&at: &usize| match fs::read(&self.open[at]) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => {
                Err(error).with_context(|| format!("reading {}", self.open[at].display()))
            }
        };
        wanted.iter().map(read).collect()
    }
}

fn message(path: &Path, keywords: &[Option<Flag>]) -> anyhow::Result<(SourceMessage, PathBuf)> {
    let reading = || format!("reading {}", path.display());
    let file = File::open(path).with_context(reading)?;
    let about = file.metadata().with_context(reading)?;
    let mut bytes = Vec::new();
    (&file)
        .take(BEGINNING)
        .read_to_end(&mut bytes)
        .with_context(reading)?;
    let header = match header_of(&bytes) {
        Some(header) => header,
        None => as_kept(&fs::read(path).with_context(reading)?),
    };
    let arrived = about.modified().ok();
    let arrived = arrived.and_then(|time| Timestamp::try_from(time).ok());
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let letters = name.rsplit_once(":2,").map_or("", |(_, letters)| letters);
    let listed = SourceMessage {
        key: MessageKey::new(arrived, &header),
        flags: letters.bytes().filter_map(|l| flag(l, keywords)).collect(),
        size: about.len(),
    };
    Ok((listed, path.to_owned()))
}

fn flag(letter: u8, keywords: &[Option<Flag>]) -> Option<Flag> {
    match letter {
        b'D' => Some(Flag::Draft),
        b'F' => Some(Flag::Flagged),
        b'R' => Some(Flag::Answered),
        b'S' => Some(Flag::Seen),
        b'T' => Some(Flag::Deleted),
        b'a'..=b'z' => keywords.get(usize::from(letter - b'a'))?.clone(),
        _ => None,
    }
}

/// What the letters from `a` on mean, as `dovecot-keywords` says.
fn keywords(place: &Path) -> Vec<Option<Flag>> {
    let text = fs::read_to_string(place.join("dovecot-keywords")).unwrap_or_default();
    let mut keywords = vec![None; 26];
    for line in text.lines() {
        if let Some((number, word)) = line.split_once(' ')
            && let Ok(number) = number.parse::<usize>()
            && let Some(keyword) = keywords.get_mut(number)
        {
            *keyword = Flag::parse(word.trim().as_bytes());
        }
    }
    keywords
}
