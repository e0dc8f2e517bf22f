//! The file with the keys that seal factors: outside the data folder, readable by the service alone.
//!
//! One line a key: its number and 64 hexadecimal digits. The highest number seals; the others open what they sealed. By
//! the first, codes and unknown names are hashed as well.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use anyhow::{Context, bail, ensure};
use sekisho_checkpoint::sealing::{KeyId, KeyRing, SealingKey};
use zeroize::Zeroizing;

/// The key of a site's first day. It stays when others go to the archive, because a hash can't be made anew.
const FIRST: KeyId = KeyId(1);

/// Reads the keys; makes the file with a first key if there is none and `may_create`.
///
/// # Errors
/// The file can't be read or written, others may read it, or a line of it is no key.
pub fn load(path: &Path, may_create: bool) -> anyhow::Result<KeyRing> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => Zeroizing::new(text),
        Err(e) if e.kind() == ErrorKind::NotFound && may_create => return create(path),
        Err(e) if e.kind() == ErrorKind::NotFound => bail!(
            "{} is missing, but the records hold factors that were sealed with its keys: restore it from its backup",
            path.display()
        ),
        Err(e) => return Err(e).with_context(|| format!("reading {}", path.display())),
    };
    let mode = std::fs::metadata(path)?.permissions().mode();
    ensure!(
        mode & 0o077 == 0,
        "{} can be read by others: chmod 600 it",
        path.display()
    );
    let keys = parse(&text).with_context(|| format!("reading {}", path.display()))?;
    ensure!(
        keys.contains_key(&FIRST),
        "{} lacks key {}, by which recovery codes and other codes are known: put its line back",
        path.display(),
        FIRST.0
    );
    KeyRing::new(keys).with_context(|| format!("{} has no key", path.display()))
}

/// Adds a key, with which everything is sealed from now on. Returns the ring with it.
///
/// # Errors
/// As [`load`], or the file can't be written.
pub fn add(path: &Path) -> anyhow::Result<KeyRing> {
    let ring = load(path, false)?;
    let id = KeyId(ring.current().0 + 1);
    let mut file = OpenOptions::new().append(true).open(path)?;
    writeln!(file, "{}", line(id, &SealingKey::draw()?).as_str())?;
    file.sync_all()?;
    load(path, false)
}

fn create(path: &Path) -> anyhow::Result<KeyRing> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))?;
    }
    let key = SealingKey::draw()?;
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .with_context(|| format!("making {}", path.display()))?;
    writeln!(file, "{}", line(FIRST, &key).as_str())?;
    file.sync_all()?;
    if let Some(folder) = path.parent() {
        std::fs::File::open(folder)?.sync_all()?;
    }
    KeyRing::new(BTreeMap::from([(FIRST, key)])).context("one key makes a ring")
}

fn line(id: KeyId, key: &SealingKey) -> Zeroizing<String> {
    let hex: String = key.expose().iter().map(|b| format!("{b:02x}")).collect();
    Zeroizing::new(format!("{} {hex}", id.0))
}

fn parse(text: &str) -> anyhow::Result<BTreeMap<KeyId, SealingKey>> {
    let mut keys = BTreeMap::new();
    for (index, line) in text
        .lines()
        .enumerate()
        .filter(|(_, l)| !l.trim().is_empty())
    {
        let parsed = line.split_once(' ').and_then(|(id, hex)| {
            let mut bytes = [0; 32];
            if hex.len() != 64 || !hex.is_ascii() {
                return None;
            }
            for (byte, at) in bytes.iter_mut().zip((0..64).step_by(2)) {
                *byte = u8::from_str_radix(hex.get(at..at + 2)?, 16).ok()?;
            }
            Some((KeyId(id.parse().ok()?), SealingKey::new(bytes)))
        });
        let (id, key) = parsed.with_context(|| format!("line {} is not a key", index + 1))?;
        ensure!(
            keys.insert(id, key).is_none(),
            "key {} stands there twice",
            id.0
        );
    }
    Ok(keys)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_made_private_and_read_back_with_its_keys() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("etc/keys");
        assert!(
            load(&path, false).is_err(),
            "a lost key file must not be replaced silently"
        );
        let first = load(&path, true).expect("made");
        assert_eq!(load(&path, false).expect("read").current(), first.current());
        assert_eq!(add(&path).expect("added").current(), KeyId(2));
    }

    #[test]
    fn the_first_key_stays() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("keys");
        load(&path, true).expect("made");
        add(&path).expect("added");
        let text = std::fs::read_to_string(&path).expect("read");
        let later = text.split_once('\n').expect("two lines").1;
        std::fs::write(&path, later).expect("written");
        assert!(load(&path, false).is_err_and(|e| e.to_string().contains("put its line back")));
    }

    #[test]
    fn a_file_that_others_can_read_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("keys");
        load(&path, true).expect("made");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).expect("chmod");
        assert!(load(&path, true).is_err_and(|e| e.to_string().contains("chmod 600")));
    }
}
