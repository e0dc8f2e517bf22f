//! An mbox file.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use anyhow::Context;
use async_trait::async_trait;
use sekisho_store::FolderName;
use sekisho_store::mbox::{self, Entry, Mbox};

use super::source::{MessageKey, Source, SourceFolder, SourceMessage, as_kept};

/// A file.
pub(super) struct MboxFile {
    mbox: Mbox<BufReader<File>>,
    open: Vec<Entry>,
}

pub(super) fn open(path: &Path) -> anyhow::Result<MboxFile> {
    let file = File::open(path).with_context(|| format!("opening {}", path.display()))?;
    let mbox = Mbox::open(BufReader::with_capacity(1 << 20, file))?;
    let mbox = mbox.with_context(|| {
        format!(
            "{} is no mbox: its first line does not begin with \"From \"",
            path.display()
        )
    })?;
    Ok(MboxFile {
        mbox,
        open: Vec::new(),
    })
}

#[async_trait]
impl Source for MboxFile {
    fn folders(&self) -> Vec<SourceFolder> {
        vec![SourceFolder {
            name: FolderName::inbox(),
            special: None,
        }]
    }

    async fn list(&mut self, _: usize) -> anyhow::Result<Vec<SourceMessage>> {
        let listed = self.mbox.list(|entry, header| {
            let header = as_kept(header);
            Some(SourceMessage {
                flags: mbox::flags(&header)?,
                key: MessageKey::new(entry.arrived, &header),
                size: entry.size,
            })
        })?;
        let (open, listed) = listed.into_iter().unzip();
        self.open = open;
        Ok(listed)
    }

    async fn read(&mut self, wanted: &[usize]) -> anyhow::Result<Vec<Option<Vec<u8>>>> {
        let mut contents = Vec::with_capacity(wanted.len());
        for &at in wanted {
            let bytes = self.mbox.read(&self.open[at]);
            contents.push(Some(bytes.context("the file changed while it was read")?));
        }
        Ok(contents)
    }
}
