//! A message as it stands in a message file: a short header that says where it belongs, then its bytes.
//!
//! All numbers are little-endian:
//!
//! | bytes | what |
//! |---|---|
//! | 4 | `Skm1` |
//! | 4 | CRC-32 of all that follows, the message included |
//! | 8 | how many bytes the message has |
//! | 8 | the folder's id |
//! | 4 | the UID |
//! | 8 | the modseq |
//! | 8 | INTERNALDATE, seconds since 1970 |
//! | 4 | how many records behind this one belong to the same request |
//! | 1 | system flags |
//! | 2 | how many bytes the keywords have |
//! | | the keywords, parted by spaces |
//! | | the message |

use std::io;

use sekisho_disk::ReadFile;

use crate::flags::{Flags, keywords_from, keywords_text};
use crate::uid::{FolderId, Uid};

const MAGIC: [u8; 4] = *b"Skm1";
/// The bytes of a header before the keywords.
const FIXED: usize = 51;
/// Where what the checksum covers begins.
const COVERED: usize = 8;

/// Where a message belongs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) folder: FolderId,
    pub(crate) uid: Uid,
    pub(crate) modseq: i64,
    /// In seconds.
    pub(crate) internal_date: i64,
    pub(crate) flags: Flags,
    /// How many records behind this one belong to the same request: all of them or none count.
    pub(crate) left: u32,
}

impl Record {
    /// The header that goes before `message`.
    pub(crate) fn header(&self, message: &[u8]) -> Vec<u8> {
        let keywords = keywords_text(&self.flags).unwrap_or_default();
        let mut header = Vec::with_capacity(FIXED + keywords.len());
        header.extend_from_slice(&MAGIC);
        header.extend_from_slice(&[0; 4]);
        header.extend_from_slice(&(message.len() as u64).to_le_bytes());
        header.extend_from_slice(&self.folder.get().to_le_bytes());
        header.extend_from_slice(&self.uid.get().to_le_bytes());
        header.extend_from_slice(&self.modseq.to_le_bytes());
        header.extend_from_slice(&self.internal_date.to_le_bytes());
        header.extend_from_slice(&self.left.to_le_bytes());
        header.push(self.flags.bits);
        // 64 keywords of at most a few hundred bytes each; the grammar's line limit is far below this.
        let length = u16::try_from(keywords.len()).unwrap_or(0);
        header.extend_from_slice(&length.to_le_bytes());
        header.extend_from_slice(&keywords.as_bytes()[..length.into()]);
        let mut sum = crc32fast::Hasher::new();
        sum.update(&header[COVERED..]);
        sum.update(message);
        header[4..COVERED].copy_from_slice(&sum.finalize().to_le_bytes());
        header
    }

    /// Whether a record begins at `offset`.
    pub(crate) fn begins(file: &dyn ReadFile, offset: u64) -> io::Result<bool> {
        if file.len()?.saturating_sub(offset) < MAGIC.len() as u64 {
            return Ok(false);
        }
        let mut magic = [0; MAGIC.len()];
        file.read_exact_at(&mut magic, offset)?;
        Ok(magic == MAGIC)
    }

    /// Reads the record at `offset` of a file that has `length` bytes: what it says, where its message begins, and the
    /// message. `None` where no whole record stands.
    pub(crate) fn read(
        file: &dyn ReadFile,
        length: u64,
        offset: u64,
    ) -> io::Result<Option<(Self, u64, Vec<u8>)>> {
        let mut fixed = [0; FIXED];
        if offset + FIXED as u64 > length {
            return Ok(None);
        }
        file.read_exact_at(&mut fixed, offset)?;
        let mut fields = Fields(&fixed);
        if fields.take() != MAGIC {
            return Ok(None);
        }
        let sum = u32::from_le_bytes(fields.take());
        let size = u64::from_le_bytes(fields.take());
        let folder = i64::from_le_bytes(fields.take());
        let uid = u32::from_le_bytes(fields.take());
        let modseq = i64::from_le_bytes(fields.take());
        let internal_date = i64::from_le_bytes(fields.take());
        let left = u32::from_le_bytes(fields.take());
        let [bits] = fields.take();
        let keywords = u64::from(u16::from_le_bytes(fields.take()));
        let start = offset + FIXED as u64 + keywords;
        let end = start.checked_add(size);
        let (Some(end), Ok(words), Ok(size)) =
            (end, usize::try_from(keywords), usize::try_from(size))
        else {
            return Ok(None);
        };
        if end > length {
            return Ok(None);
        }
        let mut rest = vec![0; words + size];
        file.read_exact_at(&mut rest, offset + FIXED as u64)?;
        let mut found = crc32fast::Hasher::new();
        found.update(&fixed[COVERED..]);
        found.update(&rest);
        if found.finalize() != sum {
            return Ok(None);
        }
        let message = rest.split_off(words);
        let keywords = String::from_utf8(rest).unwrap_or_default();
        let record = Self {
            folder: FolderId::new(folder),
            uid: Uid::new(uid),
            modseq,
            internal_date,
            flags: Flags {
                bits,
                keywords: (words > 0).then(|| keywords_from(&keywords)),
            },
            left,
        };
        Ok(Some((record, start, message)))
    }
}

/// For `fuzz/`: what is written is read again, and nothing that was changed on the disk.
#[cfg(fuzzing)]
pub fn fuzz(bytes: &[u8]) {
    let read = |bytes: Vec<u8>| {
        let length = bytes.len() as u64;
        Record::read(&Memory(bytes), length, 0).expect("nothing fails")
    };
    let _ = read(bytes.to_vec());
    let Some(([place, change], message)) = bytes.split_first_chunk() else {
        return;
    };
    let record = Record {
        folder: FolderId::new(i64::from(*place)),
        uid: Uid::new(u32::from(*change)),
        modseq: message.len() as i64,
        internal_date: -1,
        flags: Flags::default(),
        left: 0,
    };
    let mut written = [&record.header(message), message].concat();
    let (again, _, same) = read(written.clone()).expect("a record");
    assert_eq!((again, &same[..]), (record, message));
    let at = usize::from(*place) % written.len();
    written[at] ^= change | 1;
    assert_eq!(read(written), None);
}

/// A file in memory, for `fuzz/`.
#[cfg(fuzzing)]
pub(crate) struct Memory(pub(crate) Vec<u8>);

#[cfg(fuzzing)]
impl ReadFile for Memory {
    fn len(&self) -> io::Result<u64> {
        Ok(self.0.len() as u64)
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        let from = usize::try_from(offset).unwrap_or(usize::MAX);
        let there = self.0.get(from..).and_then(|rest| rest.get(..buffer.len()));
        buffer.copy_from_slice(there.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }
}

/// The fields of a header, one after the other.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn take<const N: usize>(&mut self) -> [u8; N] {
        let mut field = [0; N];
        if let Some((first, rest)) = self.0.split_first_chunk::<N>() {
            field = *first;
            self.0 = rest;
        }
        field
    }
}

#[cfg(test)]
mod tests {
    use sekisho_disk::{Disk, RealDisk};

    use super::*;

    fn written(bytes: &[u8]) -> (tempfile::TempDir, Box<dyn ReadFile>) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("f");
        std::fs::write(&path, bytes).unwrap();
        let file = RealDisk.open_read(&path).unwrap();
        (folder, file)
    }

    fn record() -> Record {
        let words = ["\\Seen", "$Label", "word"].map(|w| sekisho_imap::Flag::parse(w.as_bytes()));
        Record {
            folder: FolderId::new(7),
            uid: Uid::new(9),
            modseq: 12,
            internal_date: -5,
            flags: Flags::new(words.iter().flatten()).unwrap(),
            left: 2,
        }
    }

    #[test]
    fn what_was_written_is_read_back() {
        let message = b"Subject: a\r\n\r\nb\r\n";
        let mut bytes = b"before".to_vec();
        bytes.extend(record().header(message));
        let start = bytes.len() as u64;
        bytes.extend_from_slice(message);
        let (_folder, file) = written(&bytes);
        let found = Record::read(&*file, bytes.len() as u64, 6).unwrap();
        assert_eq!(found, Some((record(), start, message.to_vec())));
    }

    #[test]
    fn a_byte_that_is_wrong_or_missing_anywhere_makes_it_no_record() {
        let message = b"Subject: a\r\n\r\nb\r\n";
        let mut whole = record().header(message);
        whole.extend_from_slice(message);
        for at in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[at] ^= 1;
            let (_folder, file) = written(&bytes);
            let length = bytes.len() as u64;
            assert_eq!(Record::read(&*file, length, 0).unwrap(), None, "{at}");
            let (_folder, file) = written(&whole[..at]);
            assert_eq!(Record::read(&*file, at as u64, 0).unwrap(), None, "{at}");
        }
    }
}
