//! The commands about folders: CREATE, DELETE, RENAME, SUBSCRIBE, LIST, LSUB, STATUS.

use std::collections::BTreeMap;

use sekisho_imap::command::{List, StatusItem};
use sekisho_imap::{MailboxName, encode};
use sekisho_store::{Folder, FolderName, SpecialUse};

use super::pattern::Pattern;
use super::reply::{CommandError, Done, ResponseWriter};
use super::session::{Answer, Session, existing, mailbox_id};

impl Session {
    /// `CREATE`. A separator at the end announces that folders below will follow (RFC 3501, section 6.3.3). Any folder
    /// may have folders below it, so the separator is dropped.
    pub(super) async fn create(
        &mut self,
        mailbox: &MailboxName,
        special_use: Option<sekisho_imap::mailbox::SpecialUse>,
    ) -> Answer {
        let special_use = match special_use {
            None => None,
            Some(wanted) => Some(SpecialUse::of(wanted).ok_or(NO_SUCH_USE)?),
        };
        let text = mailbox.as_str();
        let name = FolderName::parse(text.strip_suffix(FolderName::SEPARATOR).unwrap_or(text))?;
        let folder = self.mailbox.create_folder_for(&name, special_use).await?;
        let code = format!("MAILBOXID ({})", mailbox_id(folder.id));
        Ok(Done::with(code, "created"))
    }

    /// `DELETE`. The selected folder is unselected first.
    pub(super) async fn delete(&mut self, mailbox: &MailboxName) -> Answer {
        let name = existing(mailbox)?;
        let folder = self.mailbox.folder(&name).await?;
        self.mailbox.delete_folder(&name).await?;
        if self
            .view
            .as_ref()
            .is_some_and(|view| view.folder == folder.id)
        {
            self.view = None;
        }
        Ok(Done::plain("deleted"))
    }

    pub(super) async fn rename(&mut self, from: &MailboxName, to: &MailboxName) -> Answer {
        let to = FolderName::parse(to.as_str())?;
        self.mailbox.rename_folder(&existing(from)?, &to).await?;
        Ok(Done::plain("renamed"))
    }

    pub(super) async fn subscribe(&mut self, mailbox: &MailboxName, subscribed: bool) -> Answer {
        self.mailbox
            .subscribe(&existing(mailbox)?, subscribed)
            .await?;
        Ok(Done::plain("noted"))
    }

    /// `STATUS` (RFC 3501, section 6.3.10)
    pub(super) async fn status(
        &mut self,
        mailbox: &MailboxName,
        items: &[StatusItem],
        out: &mut ResponseWriter<'_>,
    ) -> Answer {
        let folder = self.mailbox.folder(&existing(mailbox)?).await?;
        self.tell_status(&folder, items, out).await?;
        Ok(Done::plain("told"))
    }

    async fn tell_status(
        &mut self,
        folder: &Folder,
        items: &[StatusItem],
        out: &mut ResponseWriter<'_>,
    ) -> Result<(), CommandError> {
        let status = self.mailbox.status(folder.id).await?;
        out.words(format_args!("* STATUS "));
        encode_name(out, folder.name.as_str(), self.utf8());
        let mut before = " (";
        for item in items {
            let value = match item {
                StatusItem::Messages => status.messages.into(),
                StatusItem::Recent => 0,
                StatusItem::UidNext => status.uid_next.get().into(),
                StatusItem::UidValidity => status.uid_validity.get().into(),
                StatusItem::Unseen => status.unseen.into(),
                StatusItem::Deleted => status.deleted.into(),
                StatusItem::Size => status.size,
                StatusItem::HighestModSeq => status.highest_modseq.get(),
                StatusItem::DeletedStorage => status.deleted_size,
                StatusItem::MailboxId => {
                    let id = mailbox_id(folder.id);
                    out.words(format_args!("{before}MAILBOXID ({id})"));
                    before = " ";
                    continue;
                }
            };
            out.words(format_args!("{before}{} {value}", item.as_str()));
            before = " ";
        }
        out.words(format_args!(")\r\n"));
        Ok(())
    }

    /// `LIST` (RFC 3501, section 6.3.8; RFC 5258; RFC 5819)
    pub(super) async fn list(&mut self, list: &List, out: &mut ResponseWriter<'_>) -> Answer {
        if !list.extended && list.patterns.iter().all(String::is_empty) {
            out.untagged(format_args!("LIST (\\Noselect) \"/\" \"\""));
            return Ok(Done::plain("that is the separator"));
        }
        if list.select.recursive_match && !list.select.subscribed {
            return Err(CommandError::Bad("RECURSIVEMATCH needs SUBSCRIBED"));
        }
        let patterns = patterns(&list.reference, &list.patterns)?;
        let tree = tree(self.mailbox.folders().await?);
        for (name, node) in &tree {
            // Matching is pure computation; other sessions have their turn in between.
            tokio::task::consume_budget().await;
            if !patterns.iter().any(|pattern| pattern.matches(name)) {
                continue;
            }
            let folder = node.folder.as_ref();
            let special_use = folder.and_then(|folder| folder.special_use);
            let subscribed = folder.is_some_and(|folder| folder.subscribed);
            let below = list.select.recursive_match && node.subscribed_below;
            let plain = !list.select.subscribed && !list.select.special_use;
            let wanted = plain
                || (!list.select.subscribed || subscribed || below)
                    && (!list.select.special_use || special_use.is_some());
            if !wanted {
                continue;
            }
            out.words(format_args!("* LIST ("));
            out.words(format_args!("{}", node.children()));
            if folder.is_none() {
                out.words(format_args!(" \\NonExistent \\Noselect"));
            }
            if let Some(special_use) = special_use {
                out.words(format_args!(" {}", special_use.as_str()));
            }
            if subscribed && (list.select.subscribed || list.give.subscribed) {
                out.words(format_args!(" \\Subscribed"));
            }
            out.words(format_args!(") \"/\" "));
            encode_name(out, name, self.utf8());
            if below {
                out.words(format_args!(" (\"CHILDINFO\" (\"SUBSCRIBED\"))"));
            }
            out.end_line();
            if let (Some(folder), false) = (folder, list.give.status.is_empty()) {
                self.tell_status(folder, &list.give.status, out).await?;
            }
            out.make_room().await?;
        }
        Ok(Done::plain("listed"))
    }

    /// `LSUB` (RFC 3501, section 6.3.9). With `%`, a level is listed as `\Noselect` where only folders below it are
    /// subscribed to.
    pub(super) async fn lsub(
        &mut self,
        reference: &str,
        pattern: &str,
        out: &mut ResponseWriter<'_>,
    ) -> Answer {
        let levels = pattern.contains('%');
        let patterns = patterns(reference, &[pattern.to_owned()])?;
        for (name, node) in &tree(self.mailbox.folders().await?) {
            let subscribed = node.folder.as_ref().is_some_and(|folder| folder.subscribed);
            let told = subscribed || (levels && node.subscribed_below);
            if !told || !patterns.iter().any(|pattern| pattern.matches(name)) {
                continue;
            }
            let attribute = if subscribed { "" } else { "\\Noselect" };
            out.words(format_args!("* LSUB ({attribute}) \"/\" "));
            encode_name(out, name, self.utf8());
            out.end_line();
            out.make_room().await?;
        }
        Ok(Done::plain("listed"))
    }
}

const NO_SUCH_USE: CommandError = CommandError::No("USEATTR", "no folder can have this use here");

/// A level of a name, with or without a folder of its own.
#[derive(Default)]
struct Node {
    folder: Option<Folder>,
    has_below: bool,
    subscribed_below: bool,
}

impl Node {
    fn children(&self) -> &'static str {
        if self.has_below {
            "\\HasChildren"
        } else {
            "\\HasNoChildren"
        }
    }
}

/// The most patterns of one LIST; each is matched against each name.
const MOST_PATTERNS: usize = 20;

/// Every level of every name, by name.
fn tree(folders: Vec<Folder>) -> BTreeMap<String, Node> {
    let mut tree: BTreeMap<String, Node> = BTreeMap::new();
    for folder in folders {
        for above in folder.name.ancestors() {
            let node = tree.entry(above.as_str().to_owned()).or_default();
            node.has_below = true;
            node.subscribed_below |= folder.subscribed;
        }
        let name = folder.name.as_str().to_owned();
        tree.entry(name).or_default().folder = Some(folder);
    }
    tree
}

fn patterns(reference: &str, patterns: &[String]) -> Result<Vec<Pattern>, CommandError> {
    if patterns.len() > MOST_PATTERNS {
        return Err(CommandError::No("LIMIT", "there are too many patterns"));
    }
    patterns
        .iter()
        .map(|pattern| Pattern::new(reference, pattern))
        .collect::<Option<_>>()
        .ok_or(CommandError::No("LIMIT", "the pattern is too long"))
}

/// A folder's name, in UTF-8 if the client accepts that.
pub(super) fn encode_name(out: &mut ResponseWriter<'_>, name: &str, utf8: bool) {
    if utf8 {
        return encode::mailbox_utf8(out.bytes(), name);
    }
    // Folder names hold no NUL; should one ever, the answer still has a string in its place.
    let wire = sekisho_imap::mailbox::encode_utf7(name);
    encode::astring(out.bytes(), wire.as_bytes());
}
